"""The old agent is thrown away; 32 bytes on paper and a signature bring everything to a new one."""

import os
from pathlib import Path
from typing import Any

import pytest

from medrec.core import codec
from medrec.node.account import paper
from medrec.node.agent.moving import adopt, answer_move, move_message
from medrec.node.refusals import Code, Refusal
from tests.node.helping import Help
from tests.portal.story import ToldNetwork, observation


def lose(network: ToldNetwork, folder: Path) -> None:
    """The agent's machine burns: nothing of it is left."""
    network["guide"].store.close()
    network.wires.leave("guide")
    del network.nodes["guide"]
    for file in folder.glob("guide*"):
        file.unlink()


@pytest.fixture
def help_(tmp_path: Path) -> Any:
    made = Help(tmp_path)
    made.north.put("Observation", "old", observation("old", "cleo", "1"))
    made.north.put("Observation", "bp-1", observation("bp-1", "ada", "120/80"))
    made.network.consent(made.ada, "north", "south")
    made.story.settle()
    yield made
    made.close()


def lines(node: Any, account: str) -> set[tuple[str, str, bytes]]:
    return {
        (notice.organisation, notice.kind, notice.entry)
        for notice in node.agent.notices(account)
        if notice.manifest is not None and notice.height is not None
    }


def new_agent(help_: Help, folder: Path) -> Any:
    lose(help_.network, folder)  # type: ignore[arg-type]
    help_.network.AGENT = "helper"  # type: ignore[misc]
    from medrec.node.keeping.keys import OrganisationKeys
    from tests.core.ledger_world import hash_of

    keys = OrganisationKeys.from_seed("helper", hash_of("helper"))
    help_.network.keys["helper"] = keys
    admit(help_, keys)
    return help_.network.open("helper")


def admit(help_: Help, keys: Any) -> None:
    """The other organisations let the new agent join."""
    from medrec.node.account.recovery import submit_as_organisation

    public = {name: bytes.fromhex(value) for name, value in keys.public().items()}
    change = {
        "change": "admit", "id": "helper", "name": "Helper", "roles": ["agent"],
        "endpoint": "https://helper.example", "keys": public,
    }  # fmt: skip
    network = help_.network
    submit_as_organisation(network["north"], "governance/propose", {"change": change})  # type: ignore[arg-type]
    with network.engine.view() as view:
        (proposal,) = [key[len(b"proposal/") :] for key, _ in view.scan(b"proposal/", b"proposal0")]
    for name in ("south", "east"):
        submit_as_organisation(network[name], "governance/vote", {"proposal": proposal})  # type: ignore[arg-type]


def test_a_new_agent_rebuilds_everything_from_the_paper(help_: Help, tmp_path: Path) -> None:
    ada = help_.ada
    before = lines(help_.guide, ada.account)
    assert len(before) >= 4
    words = paper.to_words(ada.view_secret)
    helper = new_agent(help_, tmp_path)
    secret = paper.from_words(words, 32)
    moved = adopt(helper, ada.account, "Ada", secret, ada.sign)
    assert moved.told == ["north", "south"] and moved.silent == []
    assert {line.organisation for line in moved.lines} == {"north", "south"}
    help_.network.deliver()
    while helper.agent.follow():
        pass
    assert lines(helper, ada.account) == before
    # What comes from now on comes here.
    help_.north.put("Observation", "bp-2", observation("bp-2", "ada", "130/85"))
    help_.network.anchor()
    help_.network.deliver()
    while helper.agent.follow():
        pass
    assert len(lines(helper, ada.account)) == len(before) + 1
    assert helper.agent.missing() == []


def test_an_organisation_that_is_down_is_named(help_: Help, tmp_path: Path) -> None:
    helper = new_agent(help_, tmp_path)
    help_.network.wires.leave("south")
    moved = adopt(helper, help_.ada.account, "Ada", help_.ada.view_secret, help_.ada.sign)
    assert (moved.told, moved.silent) == (["north"], ["south"])


def asked(help_: Help, **changes: Any) -> bytes:
    ada, time = help_.ada, changes.pop("time", help_.network.time)
    agent = changes.pop("agent", "guide")
    key, signature = ada.sign(move_message(help_.network.id, ada.account, agent, time))
    return codec.encode({"account": ada.account, "key": key, "signature": signature, "time": time} | changes)


def refused(help_: Help, caller: str, body: bytes) -> Code:
    with pytest.raises(Refusal) as no:
        answer_move(help_.north, caller, body)
    return no.value.reason


def test_nobody_takes_a_person_to_himself(help_: Help) -> None:
    answer_move(help_.north, "guide", asked(help_))
    assert refused(help_, "south", asked(help_, agent="south")) is Code.NOT_PERMITTED
    assert refused(help_, "guide", asked(help_, agent="south")) is Code.BAD_SIGNATURE
    assert refused(help_, "guide", asked(help_, signature=os.urandom(64))) is Code.BAD_SIGNATURE
    assert refused(help_, "guide", asked(help_, time=help_.network.time - 8 * 86_400_000)) is Code.REQUEST_EXPIRED
    assert refused(help_, "guide", asked(help_, time=help_.network.time + 3_600_000)) is Code.FROM_THE_FUTURE
    assert refused(help_, "guide", b"\xa0") is Code.MALFORMED
    assert refused(help_, "guide", asked(help_, account=1)) is Code.MALFORMED


def agent_of(help_: Help) -> str | None:
    with help_.north.store.read() as connection:
        who = help_.north.journal.person_of_account(connection, help_.ada.account)
    return who.agent if who is not None else None


def test_an_agent_that_was_left_takes_nobody_back(help_: Help, tmp_path: Path) -> None:
    from medrec.node.keeping.keys import OrganisationKeys
    from tests.core.ledger_world import hash_of

    admit(help_, OrganisationKeys.from_seed("helper", hash_of("helper")))
    first = asked(help_)
    answer_move(help_.north, "guide", first)
    # The same once more is answered as before: its answer may have been lost.
    answer_move(help_.north, "guide", first)
    help_.network.time += 86_400_000
    second = asked(help_, agent="helper")
    answer_move(help_.north, "helper", second)
    assert agent_of(help_) == "helper"
    # What she signed for the one she left is still young enough, and counts no more; nor after a restart.
    assert refused(help_, "guide", first) is Code.REQUEST_EXPIRED
    north = help_.network.crash("north")
    help_.story.north = help_.north = north  # type: ignore[assignment]
    assert refused(help_, "guide", first) is Code.REQUEST_EXPIRED
    assert agent_of(help_) == "helper"
    # She may come back to it, with a new signature.
    help_.network.time += 1
    answer_move(help_.north, "guide", asked(help_))
    assert agent_of(help_) == "guide"
    assert refused(help_, "helper", second) is Code.REQUEST_EXPIRED


def test_a_move_from_before_the_link_counts_no_more(help_: Help) -> None:
    before = asked(help_)
    help_.network.time += 3_600_000
    assert help_.north.linker.unlink("ada")
    code = help_.north.linker.invite("ada")
    help_.guide.agent.link(help_.ada.account, "north", code, help_.ada.sign)
    assert refused(help_, "guide", before) is Code.REQUEST_EXPIRED
    answer_move(help_.north, "guide", asked(help_))
