"""A patient says that a record is wrong; the source owes an answer; every line names the one before it."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sql

from medrec.core import codec, manifests, state
from medrec.core.commitment import nullifier
from medrec.core.manifests.correction import (
    DUE_MS,
    CorrectionRequestManifest,
    CorrectionStatement,
    answer_owed,
    statement_message,
)
from medrec.core.manifests.delegation import (
    Delegation,
    delegation_end_message,
    delegation_message,
    encode_delegation,
)
from medrec.core.state import Dues, Obligation
from medrec.node.corrections import corrections
from medrec.node.corrections.corrections import CORRECTIONS_PATH
from medrec.node.keeping import store
from medrec.node.ledger.rebuild import rebuild
from medrec.node.refusals import Code, Refusal
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import Network, Patient, TestNode

WORDS = "I have no diabetes."


def content(word: str) -> str:
    subject = {"reference": "Patient/ada"}
    return json.dumps({"resourceType": "Condition", "id": "c", "subject": subject, "code": {"text": word}})


def made(network: Network) -> None:
    network["north"].put("Condition", "c", content("Diabetes"))


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made) as forked:
        yield forked


def signed(network: Network, person: Patient, changes: dict[str, Any] | None = None) -> CorrectionStatement:
    (record,) = network["north"].rows(store.record)
    wrong = bytes(record.manifest).hex()
    key = person.key.key_id
    draft = network["guide"].corrections.draft(person.account, "north", "Condition", "c", wrong, WORDS, "", key)
    draft = msgspec.structs.replace(draft, **(changes or {}))
    _, signature = person.sign(statement_message(draft))
    return msgspec.structs.replace(draft, signature=signature.hex())


def deliver(network: Network) -> list[bool]:
    rows = [row for row in network["guide"].rows(store.outbox) if row.path == CORRECTIONS_PATH]
    answers: list[bool] = []
    for row in rows:
        answers += codec.decode(
            network["guide"].peers.call(row.organisation, CORRECTIONS_PATH, codec.encode([row.payload]))
        )
    return answers


def told(network: Network, person: Patient) -> Any:
    network.anchor()
    network.deliver()
    (asked,) = network["guide"].corrections.asked(person.account)
    return asked


def written(node: TestNode, kind: str) -> tuple[bytes, Any]:
    with node.store.read() as connection:
        column = store.line.c
        (found,) = connection.execute(sql.select(column.manifest).where(column.kind == kind)).scalars().all()
        opened = node.journal.manifest(connection, found)
    assert opened is not None
    return hashlib.sha256(opened[1]).digest(), manifests.decode(opened[1])


def owed(network: Network, identifier: bytes) -> str:
    with network.engine.view() as view:
        key = state.obligation_key("guide", answer_owed("guide", "north", identifier))
        found = state.read(view, key, Obligation)
    assert found is not None and found.debtor == "north"
    return found.status


def test_asked_taken_corrected_and_chained(network: Network, ada: Patient) -> None:
    statement = signed(network, ada)
    identifier = network["guide"].corrections.ask(statement)
    asked = told(network, ada)
    assert (asked.status, asked.taken, asked.words) == ("open", False, "I have no diabetes.")
    assert owed(network, identifier) == "open"
    assert deliver(network) == [True]
    assert told(network, ada).taken
    (here,) = network["north"].corrections.here()
    assert (here.status, here.statement, here.newer) == ("open", statement, None)
    with pytest.raises(Refusal) as caught:
        network["north"].corrections.answer(identifier, "corrected", "Mended.")
    assert caught.value.reason is Code.NOT_CORRECTED
    network["north"].put("Condition", "c", content("Gestational diabetes, over"))
    network["north"].corrections.answer(identifier, "corrected", "Mended.")
    asked = told(network, ada)
    assert (asked.status, asked.answer) == ("corrected", "Mended.")
    assert owed(network, identifier) == "settled"
    request, _ = written(network["guide"], "correction-request/1")
    taken, second = written(network["north"], "correction-taken/1")
    _, third = written(network["north"], "correction-answer/1")
    assert second.request == request.hex() == third.request and third.taken == taken.hex()
    (record,) = network["north"].rows(store.record)
    assert third.version == bytes(record.manifest).hex() == asked.version


@pytest.mark.parametrize("kind", ["refused", "noted"])
def test_a_refusal_has_a_reason(network: Network, ada: Patient, kind: Any) -> None:
    identifier = network["guide"].corrections.ask(signed(network, ada))
    deliver(network)
    for nothing in ("  ", "\u200b\u200b", "\u2060 \u00ad", "\u3164", ".", "?", "-", "no", "no no no", "x" * 20):
        with pytest.raises(Refusal) as caught:
            network["north"].corrections.answer(identifier, kind, nothing)
        assert caught.value.reason is Code.REASON_MISSING
    network["north"].corrections.answer(identifier, kind, "Two tests show it.")
    asked = told(network, ada)
    assert (asked.status, asked.answer, asked.version) == (kind, "Two tests show it.", None)
    with pytest.raises(Refusal) as caught:
        network["north"].corrections.answer(identifier, "noted", "Once more, please.")
    assert caught.value.reason is Code.UNKNOWN_CORRECTION


def test_a_source_that_takes_nothing_is_overdue_for_all_to_see(network: Network, ada: Patient) -> None:
    identifier = network["guide"].corrections.ask(signed(network, ada))
    network.anchor()
    network.time += DUE_MS + 1
    network.engine.submit([])
    assert owed(network, identifier) == "overdue"
    with network.engine.view() as view:
        counted = state.read(view, state.dues_key("north"), Dues)
    assert counted is not None and counted.overdue == 1
    assert told(network, ada).status == "overdue"
    assert deliver(network) == [True]
    assert [one.status for one in network["north"].corrections.here()] == ["overdue"]
    network["north"].corrections.answer(identifier, "noted", "We are late, sorry.")
    network.anchor()
    assert owed(network, identifier) == "late" and told(network, ada).status == "noted"


def bobs(network: Network) -> bytes:
    """Bob is a patient of north too; the hash of the manifest of his record."""
    bob = {"resourceType": "Condition", "id": "bobs", "subject": {"reference": "Patient/bob"}}
    network["north"].put("Condition", "bobs", json.dumps({**bob, "code": {"text": "Diabetes"}}))
    network.patient("bob", "north")
    (row,) = [row for row in network["north"].rows(store.record) if row.id == "bobs"]
    return bytes(row.manifest)


@pytest.mark.parametrize("record", ["bobs", "nothere", "c"])
def test_only_her_own_record_that_changed_is_corrected(network: Network, ada: Patient, record: str) -> None:
    statement = signed(network, ada)
    # Bob's record, one that does not exist, and a version of her own that never was.
    others = {"bobs": statement.manifest, "nothere": "00" * 32, "c": "11" * 32}
    hers, north = network["guide"].corrections, network["north"].corrections
    bobs(network)
    draft = hers.draft(ada.account, "north", "Condition", record, others[record], WORDS, "", ada.key.key_id)
    _, signature = ada.sign(statement_message(draft))
    identifier = hers.ask(msgspec.structs.replace(draft, signature=signature.hex()))
    # It is taken, for an answer is owed on the ledger already, and says the same of whatever it names.
    assert deliver(network) == [True]
    (here,) = north.here()
    assert (here.newer, here.hers) == (None, False)
    with pytest.raises(Refusal) as caught:
        north.answer(identifier, "corrected", "Mended.")
    assert caught.value.reason is Code.NOT_CORRECTED
    north.answer(identifier, "refused", "You have no such record here.")
    asked = told(network, ada)
    assert (asked.status, asked.version) == ("refused", None) and owed(network, identifier) == "settled"


def test_bobs_version_is_not_corrected_by_hers(network: Network, ada: Patient) -> None:
    north, his = network["north"].corrections, bobs(network).hex()
    hers = network["guide"].corrections
    draft = hers.draft(ada.account, "north", "Condition", "bobs", his, WORDS, "", ada.key.key_id)
    _, signature = ada.sign(statement_message(draft))
    identifier = hers.ask(msgspec.structs.replace(draft, signature=signature.hex()))
    assert deliver(network) == [True]
    bob = {"resourceType": "Condition", "id": "bobs", "subject": {"reference": "Patient/bob"}}
    network["north"].put("Condition", "bobs", json.dumps({**bob, "code": {"text": "None"}}), origin="second")
    assert [(one.newer, one.hers) for one in north.here()] == [(None, False)]
    with pytest.raises(Refusal):
        north.answer(identifier, "corrected", "Mended.")


def test_the_same_stated_anew_corrects_nothing(network: Network, ada: Patient) -> None:
    stated = signed(network, ada)
    # A link that is undone states every record once more, with the same content.
    north = network["north"]
    assert north.linker.unlink("ada")
    network.time += 1
    agent = network["guide"].agent
    assert agent is not None
    agent.link(ada.account, "north", north.linker.invite("ada"), ada.sign)
    identifier = network["guide"].corrections.ask(stated)
    deliver(network)
    (here,) = north.corrections.here()
    assert (here.newer, here.hers) == (None, True)
    with pytest.raises(Refusal) as caught:
        north.corrections.answer(identifier, "corrected", "Mended.")
    assert caught.value.reason is Code.NOT_CORRECTED


def test_her_agent_believes_no_correction_that_it_has_not_seen(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = network["guide"].corrections.ask(signed(network, ada))
    deliver(network)
    # A source that does not look whether anything has changed.
    monkeypatch.setattr(corrections, "newer_version", lambda node, connection, account, statement: "ab" * 32)
    network["north"].corrections.answer(identifier, "corrected", "Mended.")
    asked = told(network, ada)
    assert (asked.status, asked.answer) == ("unproven", "Mended.")


def test_asked_and_taken_twice_is_once(network: Network, ada: Patient) -> None:
    statement = signed(network, ada)
    assert network["guide"].corrections.ask(statement) == network["guide"].corrections.ask(statement)
    assert deliver(network) == deliver(network) == [True]
    assert len(network["north"].corrections.here()) == len(network["guide"].corrections.asked(ada.account)) == 1


def test_only_the_person_herself_may_say_so(network: Network, ada: Patient) -> None:
    statement = signed(network, ada)
    for wrong in (
        msgspec.structs.replace(statement, words="Something else."),
        msgspec.structs.replace(statement, signature="00" * 64),
        signed(network, ada, {"network": "00" * 32}),
        signed(network, ada, {"time": network.time + 600_000}),
    ):
        with pytest.raises(Refusal):
            network["guide"].corrections.ask(wrong)
    with pytest.raises(LookupError):
        network["south"].corrections.ask(statement)
    with pytest.raises(Refusal):
        network["guide"].corrections.draft(ada.account, "north", "Condition", "c", "x", "words", "", b"k" * 16)


def test_what_fits_nothing_is_not_taken(network: Network, ada: Patient) -> None:
    bob = network.patient("bob", "south")
    network["guide"].corrections.ask(signed(network, ada))
    (row,) = [row for row in network["guide"].rows(store.outbox) if row.path == CORRECTIONS_PATH]
    north = network["north"].corrections
    assert not north.take("south", row.payload) and not north.take("guide", b"{}")
    assert not network["south"].corrections.take("guide", row.payload)
    foreign = signed(network, bob)
    network["guide"].corrections.ask(foreign)
    other = [row for row in network["guide"].rows(store.outbox) if row.path == CORRECTIONS_PATH][-1]
    # Of somebody who was never linked here it is taken only to settle what is owed: no staff has to answer it.
    assert north.take("guide", other.payload)
    assert north.here() == []


# --- by somebody who acts for her -----------------------------------------------------------------------------------

SECRET = bytes(range(32))


def lets(network: Network, person: Patient, helper: Patient, secret: bytes = SECRET, **changes: Any) -> Delegation:
    """She lets a helper look and correct, for thirty days."""
    fields: dict[str, Any] = {
        "network": network.id.hex(), "account": person.account, "time": network.time, "delegate": helper.account,
        "name": "Bo Berg", "rights": ["look", "correct"], "types": [], "until": network.time + 30 * 86_400_000,
        "basis": "consent", "attested": None, "born": None, "nullifier": nullifier(secret).hex(),
        "key": person.key.key_id.hex(),
    }  # fmt: skip
    unsigned = Delegation(**(fields | changes))
    _, signature = person.sign(delegation_message(unsigned))
    return msgspec.structs.replace(unsigned, signature=signature.hex())


def for_her(network: Network, person: Patient, helper: Patient) -> CorrectionStatement:
    """The statement that a helper signs in her place."""
    (record,) = network["north"].rows(store.record)
    draft = network["guide"].corrections.draft(
        person.account, "north", "Condition", "c", bytes(record.manifest).hex(), WORDS, "", helper.key.key_id,
        helper.account,
    )  # fmt: skip
    _, signature = helper.sign(statement_message(draft))
    return msgspec.structs.replace(draft, signature=signature.hex())


def test_a_helper_with_the_right_signs_one_and_the_source_sees_by_what_right(network: Network, ada: Patient) -> None:
    bo = network.patient("bo")
    network["guide"].delegates.take(encode_delegation(lets(network, ada, bo)))
    identifier = network["guide"].corrections.ask(for_her(network, ada, bo))
    assert deliver(network) == [True]
    (here,) = network["north"].corrections.here()
    assert (here.statement.account, here.statement.acting) == (ada.account, bo.account)
    asked = told(network, ada)
    assert asked.taken and asked.id == identifier
    acts = [one.manifest for one in network["guide"].agent.notices(ada.account) if one.kind == "acting/1"]  # type: ignore[union-attr]
    assert [(act.name, act.right, act.subject) for act in acts] == [("Bo Berg for Ada", "correct", "Condition/c")]
    # The same one again is no second act.
    network["guide"].corrections.ask(here.statement)
    told(network, ada)
    assert len([one for one in network["guide"].rows(store.line) if one.kind == "acting/1"]) == 1


@pytest.mark.parametrize("changes", [{"rights": ["look", "add", "consent"]}, {"types": ["Observation"]}, None])
def test_one_without_the_right_does_not(network: Network, ada: Patient, changes: dict[str, Any] | None) -> None:
    bo = network.patient("bo")
    if changes is not None:
        network["guide"].delegates.take(encode_delegation(lets(network, ada, bo, **changes)))
    with pytest.raises(Refusal) as caught:
        network["guide"].corrections.ask(for_her(network, ada, bo))
    assert caught.value.reason is Code.NOT_A_DELEGATE
    assert deliver(network) == []


def test_nor_one_whose_right_is_over_nor_one_who_signs_as_somebody_else(network: Network, ada: Patient) -> None:
    bo, eve = network.patient("bo"), network.patient("eve")
    guide = network["guide"]
    guide.delegates.take(encode_delegation(lets(network, ada, bo)))
    _, forged = eve.sign(statement_message(for_her(network, ada, bo)))
    with pytest.raises(Refusal) as caught:
        guide.corrections.ask(msgspec.structs.replace(for_her(network, ada, bo), signature=forged.hex()))
    assert caught.value.reason is Code.BAD_SIGNATURE
    key, signature = ada.sign(delegation_end_message(nullifier(SECRET)))
    guide.delegates.end(ada.account, SECRET, key, signature)
    with pytest.raises(Refusal) as caught:
        guide.corrections.ask(for_her(network, ada, bo))
    assert caught.value.reason is Code.NOT_A_DELEGATE


def test_a_source_believes_no_agent_about_it(network: Network, ada: Patient) -> None:
    """An agent that lets a helper sign without a right, or sends another's right along, gets nothing taken."""
    bo, eve = network.patient("bo"), network.patient("eve")
    guide, north = network["guide"], network["north"]
    delegation = lets(network, ada, bo)
    guide.delegates.take(encode_delegation(delegation))
    guide.corrections.ask(for_her(network, ada, bo))
    (row,) = [row for row in guide.rows(store.outbox) if row.path == CORRECTIONS_PATH]
    whole = manifests.decode(bytes(row.payload))
    assert isinstance(whole, CorrectionRequestManifest) and whole.delegation == delegation
    for bad in (
        msgspec.structs.replace(whole, delegation=None),
        msgspec.structs.replace(whole, delegation=msgspec.structs.replace(delegation, rights=["correct", "add"])),
        msgspec.structs.replace(whole, delegation=lets(network, eve, bo)),
        msgspec.structs.replace(whole, statement=msgspec.structs.replace(whole.statement, acting=eve.account)),
    ):
        assert not north.corrections.take("guide", manifests.encode(bad))
    assert north.corrections.here() == []
    assert north.corrections.take("guide", bytes(row.payload))


def test_the_paper_finds_what_was_asked(network: Network, ada: Patient) -> None:
    identifier = network["guide"].corrections.ask(signed(network, ada))
    deliver(network)
    network.anchor()
    found = [line.summary for line in rebuild(network.engine, ada.view_secret) if line.summary]
    assert [26, network.time, "north", "Condition", "c", identifier] in found
    assert [24, network.time, "Condition", "c", identifier] in found


def test_a_request_whose_date_leaves_no_time_is_not_taken(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any member may write such a date; the source has an hour by the ledger, and takes nothing."""
    for due in (-5, 1, DUE_MS - 1):
        with monkeypatch.context() as lie:
            lie.setattr("medrec.node.corrections.corrections.DUE_MS", due)
            network["guide"].corrections.ask(signed(network, ada))
        assert deliver(network)[-1] is False
    network.anchor()
    with network.engine.view() as view:
        counted = state.read(view, state.dues_key("north"), Dues)
    assert counted is not None and (counted.open, counted.overdue) == (3, 0)
    assert network["north"].corrections.here() == []
    network["guide"].corrections.ask(signed(network, ada))
    assert deliver(network)[-1] is True
