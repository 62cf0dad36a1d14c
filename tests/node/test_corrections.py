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
from medrec.core.manifests.correction import DUE_MS, CorrectionStatement, answer_owed, statement_message
from medrec.core.state import Dues, Obligation
from medrec.node import store
from medrec.node.corrections import CORRECTIONS_PATH
from medrec.node.refusals import Code, Refusal
from tests.node.network import Network, Patient, TestNode

WORDS = "I have no diabetes."


def content(word: str) -> str:
    subject = {"reference": "Patient/ada"}
    return json.dumps({"resourceType": "Condition", "id": "c", "subject": subject, "code": {"text": word}})


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    opened = Network(tmp_path)
    opened["north"].put("Condition", "c", content("Diabetes"))
    yield opened
    opened.close()


@pytest.fixture
def ada(network: Network) -> Patient:
    return network.patient("ada", "north")


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
    with pytest.raises(Refusal) as caught:
        network["north"].corrections.answer(identifier, kind, "  ")
    assert caught.value.reason is Code.REASON_MISSING
    network["north"].corrections.answer(identifier, kind, "Two tests show it.")
    asked = told(network, ada)
    assert (asked.status, asked.answer, asked.version) == (kind, "Two tests show it.", None)
    with pytest.raises(Refusal) as caught:
        network["north"].corrections.answer(identifier, "noted", "Again.")
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
    network["north"].corrections.answer(identifier, "noted", "Late.")
    network.anchor()
    assert owed(network, identifier) == "late" and told(network, ada).status == "noted"


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
    assert not north.take("guide", other.payload)
    assert north.here() == []
