"""What counts as an answer to "this is wrong": another content, from the source that was asked, also after a link."""

import hashlib
import json
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.core import manifests, state
from medrec.core.manifests.correction import DUE_MS, CorrectionAnswerManifest, answer_owed
from medrec.core.manifests.delegation import encode_delegation
from medrec.core.records.saying import without_additions
from medrec.core.state import Dues
from medrec.node.corrections.corrections_closed import NOT_LINKED, UNLINKED
from medrec.node.corrections.corrections_kept import correction_asked
from medrec.node.corrections.corrections_shown import Answer
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.vault import Vault
from medrec.node.looks import answering
from medrec.node.looks.disputes import ANSWERS_PATH, DISPUTED_PATH
from medrec.node.looks.disputing import dispute
from medrec.node.refusals import Code, Refusal
from tests.node.network import Network, Patient
from tests.node.test_corrections import (
    ada as ada,
)
from tests.node.test_corrections import (
    content,
    deliver,
    for_her,
    lets,
    owed,
    signed,
    told,
    written,
)
from tests.node.test_corrections import (
    network as network,
)
from tests.node.test_disputes import carry
from tests.node.test_gate import get

TOUCHED = {
    "lastUpdated": {"meta": {"lastUpdated": "2026-01-01T00:00:00Z"}},
    "versionId": {"meta": {"versionId": "2"}},
    "tag": {"meta": {"tag": [{"code": "x"}]}},
    "narrative": {"text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>None</div>"}},
}


def corrects_nothing(network: Network, identifier: bytes) -> None:
    """North says that it is corrected, and what it has now is no correction."""
    north = network["north"]
    (here,) = north.corrections.here()
    assert here.newer is None
    with pytest.raises(Refusal) as caught:
        north.corrections.answer(identifier, "corrected", "Mended.")
    assert caught.value.reason is Code.NOT_CORRECTED


@pytest.mark.parametrize("touched", sorted(TOUCHED))
def test_what_a_server_touches_by_itself_corrects_nothing(network: Network, ada: Patient, touched: str) -> None:
    identifier, north = network["guide"].corrections.ask(signed(network, ada)), network["north"]
    deliver(network)
    network.time += 1000
    north.put("Condition", "c", json.dumps({**json.loads(content("Diabetes")), **TOUCHED[touched]}))
    corrects_nothing(network, identifier)
    # With another content it is one, whatever else was touched.
    north.put("Condition", "c", json.dumps({**json.loads(content("Asthma")), **TOUCHED[touched]}))
    north.corrections.answer(identifier, "corrected", "Mended.")
    assert told(network, ada).status == "corrected"


def due_in_public(network: Network) -> int:
    network.engine.submit([])
    with network.engine.view() as view:
        counted = state.read(view, state.dues_key("north"), Dues)
    return counted.overdue if counted is not None else 0


def test_a_link_that_is_undone_closes_what_was_asked_in_words(network: Network, ada: Patient) -> None:
    identifier, north = network["guide"].corrections.ask(signed(network, ada)), network["north"]
    assert deliver(network) == [True]
    assert north.linker.unlink("ada")
    asked = told(network, ada)
    assert (asked.status, asked.answer) == ("noted", UNLINKED) and owed(network, identifier) == "settled"
    assert [one.status for one in north.corrections.here()] == ["noted"]
    with pytest.raises(Refusal) as caught:
        north.corrections.answer(identifier, "refused", "Nobody would ever read this.")
    assert caught.value.reason is Code.UNKNOWN_CORRECTION
    network.time += DUE_MS + 1
    assert due_in_public(network) == 0 and told(network, ada).status == "noted"


@pytest.mark.parametrize("helped", [False, True])
def test_what_comes_after_the_link_is_answered_on_the_ledger(network: Network, ada: Patient, helped: bool) -> None:
    statement, north = signed(network, ada), network["north"]
    if helped:
        bo = network.patient("bo")
        network["guide"].delegates.take(encode_delegation(lets(network, ada, bo)))
        statement = for_her(network, ada, bo)
    identifier = network["guide"].corrections.ask(statement)
    assert told(network, ada).status == "open"
    assert north.linker.unlink("ada")
    assert deliver(network) == deliver(network) == [True]
    # Nothing can be told to her through a link that is over: her agent reads it where everybody can.
    asked = told(network, ada)
    assert (asked.status, asked.answer, asked.taken) == ("unlinked", "", False)
    assert owed(network, identifier) == "settled" and north.corrections.here() == []
    network.time += DUE_MS + 1
    assert due_in_public(network) == 0 and told(network, ada).status == "unlinked"
    # None of her words stands there.
    _, answer = written(north, "correction-answer/1")
    assert (answer.kind, answer.taken, answer.words) == ("noted", None, NOT_LINKED)


def answer_as(network: Network, name: str, person: Patient, identifier: bytes, kind: str, words: str) -> None:
    """A line of an answer that its organisation writes past every check of its own."""
    (row,), node = network["guide"].rows(correction_asked), network[name]
    owes = answer_owed("guide", "north", identifier)
    manifest = CorrectionAnswerManifest(
        "correction-answer/1", network.id.hex(), name, person.account, network.time, bytes(row.request).hex(),
        "00" * 32, owes.hex(), kind, words, None,  # type: ignore[arg-type]
    )  # fmt: skip

    def write(connection: sql.Connection) -> None:
        known = node.journal.person_of_account(connection, person.account)
        assert known is not None
        draft = Draft("correction-answer/1", manifests.encode(manifest), known.id, None, [25, network.time, kind])
        node.journal.append(connection, [draft])

    node.store.write(write)


def test_only_the_source_that_she_asked_answers(network: Network, ada: Patient) -> None:
    agent, east = network["guide"].agent, network["east"]
    assert agent is not None
    east.put("Patient", "ada", '{"resourceType":"Patient","id":"ada"}')
    agent.link(ada.account, "east", east.linker.invite("ada"), ada.sign)
    identifier = network["guide"].corrections.ask(signed(network, ada))
    answer_as(network, "east", ada, identifier, "refused", "Written by another.")
    asked = told(network, ada)
    assert (asked.status, asked.answer, asked.taken) == ("open", "", False)
    deliver(network)
    network["north"].corrections.answer(identifier, "noted", "Our own word.")
    asked = told(network, ada)
    assert (asked.status, asked.answer, asked.later) == ("noted", "Our own word.", ())


def test_a_second_answer_replaces_nothing(network: Network, ada: Patient) -> None:
    identifier = network["guide"].corrections.ask(signed(network, ada))
    deliver(network)
    network["north"].corrections.answer(identifier, "refused", "No, it is right.")
    network.time += 5000
    answer_as(network, "north", ada, identifier, "noted", "We never said no.")
    asked = told(network, ada)
    assert (asked.status, asked.answer) == ("refused", "No, it is right.")
    assert asked.later == (Answer("noted", "We never said no."),)


def test_she_sees_what_changed(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "guide")
    copies: Any = network["guide"].copies
    network.anchor()
    network.deliver()
    copies.refresh(ada.account)
    identifier = network["guide"].corrections.ask(signed(network, ada))
    deliver(network)
    network.time += 1000
    network["north"].put("Condition", "c", content("Gestational diabetes, over"))
    network["north"].corrections.answer(identifier, "corrected", "Mended.")
    before = told(network, ada).change
    assert json.loads(before.before) == json.loads(content("Diabetes")) and before.after == b""
    copies.refresh(ada.account)
    changed = told(network, ada).change
    assert json.loads(changed.after)["code"]["text"] == "Gestational diabetes, over" and changed.tag == before.tag


def test_her_agent_holds_both_texts_against_what_a_source_says_of_them(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source whose marks say that something changed, where it touched nothing but `meta`."""
    network.consent(ada, "north", "guide")
    copies: Any = network["guide"].copies
    north = network["north"]
    network.anchor()
    network.deliver()
    copies.refresh(ada.account)
    identifier = network["guide"].corrections.ask(signed(network, ada))
    deliver(network)
    network.time += 1000
    monkeypatch.setattr(Vault, "said", lambda self, name, said: hashlib.sha256(b"another").digest())
    north.put("Condition", "c", json.dumps({**json.loads(content("Diabetes")), **TOUCHED["versionId"]}))
    north.corrections.answer(identifier, "corrected", "Mended.")
    assert told(network, ada).status == "corrected"
    copies.refresh(ada.account)
    assert told(network, ada).status == "unchanged"


EXTENSION = {"url": "http://example.org/x", "valueString": "x"}
NOTHING_NEW = {
    "beside": {"extension": [EXTENSION]},
    "deep": {"code": {"text": "Diabetes", "extension": [EXTENSION]}},
    "of a primitive": {"code": {"text": "Diabetes", "_text": {"extension": [EXTENSION]}}},
    "in a list": {"subject": {"reference": "Patient/ada", "extension": [EXTENSION, {"url": "http://example.org/y"}]}},
}


@pytest.mark.parametrize("added", NOTHING_NEW)
def test_an_extension_beside_what_was_wrong_corrects_nothing(network: Network, ada: Patient, added: str) -> None:
    identifier = network["guide"].corrections.ask(signed(network, ada))
    deliver(network)
    north = network["north"]
    north.put("Condition", "c", json.dumps({**json.loads(content("Diabetes")), **NOTHING_NEW[added]}))
    corrects_nothing(network, identifier)
    # What changes the meaning of what stands there is a correction.
    changed = {**json.loads(content("Diabetes")), "modifierExtension": [EXTENSION]}
    north.put("Condition", "c", json.dumps(changed), origin="again")
    north.corrections.answer(identifier, "corrected", "Mended.")


def test_her_agent_finds_an_extension_beside_another_that_was_there(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "guide")
    copies: Any = network["guide"].copies
    north = network["north"]
    before = {**json.loads(content("Diabetes")), "extension": [EXTENSION]}
    network.time += 1000
    north.put("Condition", "c", json.dumps(before))
    network.anchor()
    network.deliver()
    copies.refresh(ada.account)
    identifier = network["guide"].corrections.ask(signed(network, ada))
    deliver(network)
    network.time += 1000
    more = {**before, "extension": [{"url": "http://example.org/y", "valueCode": "z"}, EXTENSION]}
    north.put("Condition", "c", json.dumps(more))
    north.corrections.answer(identifier, "corrected", "Mended.")
    network.anchor()
    network.deliver()
    copies.refresh(ada.account)
    assert told(network, ada).status == "unchanged"
    # One that is another than before is no addition.
    other = {**before, "extension": [{**EXTENSION, "valueString": "y"}]}
    assert without_additions(before, other) != before


def test_whoever_is_erased_at_the_source_is_owed_nothing_that_can_never_be_given(
    network: Network, ada: Patient
) -> None:
    north: Any = network["north"]
    identifier = network["guide"].corrections.ask(signed(network, ada))
    assert deliver(network) == [True]
    north.source.raw.clear()
    north.erasures.erase_person("ada", "patient-request")
    asked = told(network, ada)
    assert (owed(network, identifier), asked.status, asked.answer) == ("settled", "noted", UNLINKED)
    network.time += DUE_MS + 1
    network.engine.submit([])
    with network.engine.view() as view:
        assert (state.read(view, state.dues_key("north"), Dues) or Dues()).overdue == 0


def test_a_dispute_that_is_answered_after_an_erasure_is_done_with(network: Network, ada: Patient) -> None:
    guide, north, south = (network[name] for name in ("guide", "north", "south"))
    network.consent(ada, "north", "south")
    get(network, ada.account)
    network.anchor()
    about: Any = (guide, ada.account, "south", "north", ada.sign, ada.key.key_id)
    raised = dispute(*about, words="Why?")
    network.anchor()
    carry(network, DISPUTED_PATH)
    north.source.raw.clear()
    north.erasures.erase_person("ada", "patient-request")
    asked: Any = south
    answering.answer(asked, "north", raised.id, "explained", "You were here on that day.")
    carry(network, ANSWERS_PATH)
    assert [row for row in south.rows(store.outbox) if row.path == ANSWERS_PATH] == []
    # Of a dispute that there never was here nothing is taken.
    assert north.disputes.take_answer("east", written(south, "dispute-answer/1")[0]) is False
