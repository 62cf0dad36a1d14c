"""What is open goes with her to another agent: disputes and corrections, linked or not, whether the old agent lives on
or not; and their answers reach her there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import codec, manifests
from medrec.core.manifests.correction import statement_message
from medrec.node.agent.moving import adopt, answer_move
from medrec.node.agent.told import told
from medrec.node.corrections.corrections import CORRECTIONS_PATH
from medrec.node.keeping import client_keys, store
from medrec.node.keeping.journal import NOTICES_PATH
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.looks import answering
from medrec.node.looks.disputes import ANSWERS_PATH, DISPUTED_PATH, DISPUTES_PATH
from medrec.node.looks.disputing import close, dispute
from medrec.node.refusals import SENTENCES, Code, Refusal
from tests.core.ledger_world import hash_of
from tests.node.helping import Help
from tests.node.test_disputes import carry
from tests.node.test_moving import admit, asked, lose
from tests.portal.story import observation

HOUR = 3_600_000


@pytest.fixture
def help_(tmp_path: Path) -> Iterator[Help]:
    """South looked at her record at north."""
    made = Help(tmp_path)
    made.north.put("Observation", "bp-1", observation("bp-1", "ada", "120/80"))
    made.network.consent(made.ada, "north", "south")
    made.story.ask(made.ada, "Dr Snoop", "visit seventeen")
    made.story.settle()
    yield made
    made.close()


def settle(help_: Help) -> None:
    """Anchor, bring every notice to the agent that it is for, follow."""
    nodes: Any = help_.network.nodes
    help_.network.anchor()
    for node in nodes.values():
        with node.store.read() as connection:
            rows = connection.execute(store.outbox.select().order_by(store.outbox.c.id)).all()
            sent = [
                (row.id, row.organisation, node.journal.sent(connection, bytes(row.payload)))
                for row in rows
                if row.path == NOTICES_PATH and row.organisation in nodes
            ]
        for identifier, agent, payload in sent:
            if payload is None or nodes[agent].agent.take_notices(node.organisation, [payload]) == [True]:
                gone = store.outbox.delete().where(store.outbox.c.id == identifier)
                node.store.write(lambda connection, gone=gone: connection.execute(gone))
    for node in nodes.values():
        while node.agent is not None and node.agent.follow():
            pass


def raise_it(help_: Help, agent: Any) -> Any:
    ada = help_.ada
    return dispute(agent, ada.account, "south", "north", ada.sign, ada.key.key_id, words="I was never there")


def move(help_: Help, folder: Path, old_lives: bool) -> Any:
    """The new agent, which she has moved to."""
    network = help_.network
    keys = OrganisationKeys.from_seed("helper", hash_of("helper"))
    network.keys["helper"] = keys
    admit(help_, keys)
    if not old_lives:
        lose(network, folder)
    network.OTHER_AGENTS = ("helper",)  # type: ignore[misc]
    helper = network.open("helper")
    network.time += HOUR
    adopt(helper, help_.ada.account, "Ada", help_.ada.view_secret, help_.ada.sign)
    settle(help_)
    return helper


def answers(help_: Help, agent: Any) -> list[str]:
    settle(help_)
    return [line.manifest.words for line in told(agent, help_.ada.account, "dispute-answered/1")]


def explain(help_: Help, identifier: bytes) -> None:
    carry(help_.network, DISPUTED_PATH)
    answering.answer(help_.network["south"], "north", identifier, "explained", "She came at night.")  # type: ignore[arg-type]
    carry(help_.network, ANSWERS_PATH)


@pytest.mark.parametrize("old_lives", [True, False])
@pytest.mark.parametrize("linked", [True, False])
def test_a_dispute_goes_with_her(help_: Help, tmp_path: Path, linked: bool, old_lives: bool) -> None:
    raised = raise_it(help_, help_.guide)
    settle(help_)
    if not linked:
        help_.north.linker.unlink("ada")
        settle(help_)
    helper = move(help_, tmp_path, old_lives)
    opened = {line.manifest.statement.id for line in told(helper, help_.ada.account, "dispute/1")}
    assert opened == {raised.id.hex()}
    explain(help_, raised.id)
    assert answers(help_, helper) == ["She came at night."]
    ada = help_.ada
    closed = close(helper, ada.account, raised.id, "south", "north", ada.sign, ada.key.key_id)
    assert "north" in closed.taken
    assert not help_.north.disputes.stops(ada.account, "south")


@pytest.mark.parametrize("old_lives", [True, False])
def test_a_look_of_a_link_that_was_undone_is_disputed_by_the_new_agent(
    help_: Help, tmp_path: Path, old_lives: bool
) -> None:
    help_.north.linker.unlink("ada")
    settle(help_)
    helper = move(help_, tmp_path, old_lives)
    raised = raise_it(help_, helper)
    assert "north" in raised.taken, raised.refused
    settle(help_)
    explain(help_, raised.id)
    assert answers(help_, helper) == ["She came at night."]
    if old_lives:
        # Who served her then brings nothing of hers any more, and hears nothing.
        assert raise_it(help_, help_.guide).refused["north"] == SENTENCES[Code.NOT_LINKED]
        assert told(help_.guide, help_.ada.account, "dispute-answered/1") == []


def test_what_the_records_said_under_a_link_that_was_undone_goes_nowhere(help_: Help, tmp_path: Path) -> None:
    raise_it(help_, help_.guide)
    settle(help_)
    help_.north.linker.unlink("ada")
    settle(help_)
    helper = move(help_, tmp_path, old_lives=False)
    kinds = {row.kind for row in helper.rows(store.notice) if row.organisation == "north" and row.sealed}
    assert kinds == {"link/1", "dispute/1"}


def test_an_agent_that_was_left_takes_back_nobody_whose_link_is_undone(help_: Help, tmp_path: Path) -> None:
    help_.north.linker.unlink("ada")
    settle(help_)
    help_.network.time += 1
    before = asked(help_)
    helper = move(help_, tmp_path, old_lives=True)
    with pytest.raises(Refusal) as no:
        answer_move(help_.north, "guide", before)
    assert no.value.reason is Code.NOT_LINKED
    assert "north" in raise_it(help_, helper).taken


def correct(help_: Help) -> bytes:
    """She asks north, by the agent that serves her now, to correct a record."""
    (record,) = [row for row in help_.north.rows(store.record) if row.id == "bp-1"]
    wrong, key = bytes(record.manifest).hex(), help_.ada.key.key_id
    draft = help_.guide.corrections.draft(
        help_.ada.account, "north", "Observation", "bp-1", wrong, "Never measured.", "", key
    )
    _, signature = help_.ada.sign(statement_message(draft))
    identifier: bytes = help_.guide.corrections.ask(msgspec.structs.replace(draft, signature=signature.hex()))
    return identifier


@pytest.mark.parametrize("old_lives", [True, False])
def test_a_correction_goes_with_her(help_: Help, tmp_path: Path, old_lives: bool) -> None:
    identifier = correct(help_)
    settle(help_)
    carry(help_.network, CORRECTIONS_PATH)
    settle(help_)
    helper = move(help_, tmp_path, old_lives)
    (one,) = helper.corrections.asked(help_.ada.account)
    assert (one.id, one.status, one.words, one.taken) == (identifier, "open", "Never measured.", True)
    help_.north.corrections.answer(identifier, "refused", "It was measured here.")
    settle(help_)
    (one,) = helper.corrections.asked(help_.ada.account)
    assert (one.status, one.answer) == ("refused", "It was measured here.")


def test_a_correction_that_was_on_its_way_when_she_moved_is_heard(help_: Help, tmp_path: Path) -> None:
    identifier = correct(help_)
    settle(help_)
    helper = move(help_, tmp_path, old_lives=True)
    carry(help_.network, CORRECTIONS_PATH)
    assert [row for row in help_.guide.rows(store.outbox) if row.path == CORRECTIONS_PATH] == []
    help_.north.corrections.answer(identifier, "noted", "We looked.")
    settle(help_)
    (one,) = helper.corrections.asked(help_.ada.account)
    assert (one.status, one.answer) == ("noted", "We looked.")


def test_an_agent_that_was_left_asks_for_nothing_that_she_signed_later(help_: Help, tmp_path: Path) -> None:
    move(help_, tmp_path, old_lives=True)
    help_.network.time += HOUR
    correct(help_)
    settle(help_)
    carry(help_.network, CORRECTIONS_PATH)
    assert help_.north.corrections.here() == []


def test_what_a_source_says_that_she_asked_is_shown_with_her_signature_alone(help_: Help, tmp_path: Path) -> None:
    correct(help_)
    settle(help_)
    carry(help_.network, CORRECTIONS_PATH)
    settle(help_)
    helper = move(help_, tmp_path, old_lives=False)
    assert len(helper.corrections.asked(help_.ada.account)) == 1
    (row,) = [row for row in helper.rows(store.notice) if row.kind == "correction-taken/1"]
    data, *rest = codec.decode(helper.vault.open_kept(bytes(row.sealed), bytes(row.tag)))
    said: Any = manifests.decode(data)
    lie = msgspec.structs.replace(said, statement=msgspec.structs.replace(said.statement, words="All of it is wrong."))
    sent, change = (
        codec.encode([manifests.encode(lie), *rest]),
        store.notice.update().where(store.notice.c.tag == row.tag),
    )

    def put(connection: Any) -> None:
        sealed = client_keys.seal_for(connection, helper.vault, help_.ada.account, sent, bytes(row.tag))
        connection.execute(change.values(sealed=sealed))

    helper.store.write(put)
    assert helper.corrections.asked(help_.ada.account) == []


def test_a_dispute_that_was_on_its_way_when_she_moved_is_heard(help_: Help, tmp_path: Path) -> None:
    help_.network.wires.leave("north")
    raised = raise_it(help_, help_.guide)
    assert raised.waiting == ("north",)
    help_.network.open("north")
    help_.north = help_.network["north"]
    helper = move(help_, tmp_path, old_lives=True)
    carry(help_.network, DISPUTES_PATH)
    settle(help_)
    explain(help_, raised.id)
    assert answers(help_, helper) == ["She came at night."]
