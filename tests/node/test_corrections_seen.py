"""What corrects a record is seen by whoever reads it, younger than the request, and there to stay."""

import json
from typing import Any

import pytest

from medrec.core.manifests.correction import CorrectionAnswerManifest
from medrec.core.records.saying import content as content_of
from medrec.core.records.saying import what_it_says, without_additions
from medrec.node.records import publish
from medrec.node.records.publish import Incoming
from medrec.node.refusals import Code, Refusal
from tests.node.network import Network, Patient
from tests.node.test_corrections import ada as ada
from tests.node.test_corrections import content, deliver, signed, told, written
from tests.node.test_corrections import network as network
from tests.node.test_corrections_answered import corrects_nothing

BASE = json.loads(content("Diabetes"))
UNSEEN: dict[str, dict[str, Any]] = {
    "case": {"code": {"text": "diabetes"}},
    "space": {"code": {"text": " Diabetes  "}},
    "stop": {"code": {"text": "Diabetes."}},
    "zero width": {"code": {"text": "Diab\u200betes"}},
    "look-alike": {"code": {"text": "Diab\u0435tes"}},
    "language": {"language": "en"},
    "rules": {"implicitRules": "http://example.org/x"},
    "number": {"identifier": [{"value": "1"}]},
    "recorded": {"recordedDate": "2026-01-01"},
    "whose": {"subject": {"reference": "Patient/ada", "display": "Ada"}},
    "contained": {"contained": [{"resourceType": "Patient", "id": "x"}]},
    "id": {"code": {"id": "a", "text": "Diabetes"}},
    "nothing": {"note": [{"text": "\u200b"}]},
    "version": {"code": {"text": "Diabetes", "coding": [{"userSelected": True}]}},
}
SEEN: dict[str, dict[str, Any]] = {
    "word": {"code": {"text": "Asthma"}},
    "accent": {"code": {"text": "Diab\u00e9tes"}},
    "in doubt": {"code": {"text": "Diabetes?"}},
    "in error": {"verificationStatus": {"coding": [{"code": "entered-in-error"}]}},
    "day": {"onsetDateTime": "2020"},
    "somebody": {"subject": {"reference": "Patient/bob"}},
}


def put(network: Network, changes: dict[str, Any], origin: str = "again") -> None:
    network.time += 1000
    network["north"].put("Condition", "c", json.dumps({**BASE, **changes}), origin=origin)


def asked(network: Network, ada: Patient) -> bytes:
    identifier: bytes = network["guide"].corrections.ask(signed(network, ada))
    assert deliver(network) == [True]
    return identifier


@pytest.mark.parametrize("name", UNSEEN)
def test_what_nobody_sees_says_the_same(name: str) -> None:
    assert what_it_says({**BASE, **UNSEEN[name]}) == what_it_says(BASE)


@pytest.mark.parametrize("name", SEEN)
def test_what_a_reader_sees_says_something_else(name: str) -> None:
    assert what_it_says({**BASE, **SEEN[name]}) != what_it_says(BASE)


def test_case_and_numbers_count_where_they_mean_something() -> None:
    def says(**parts: Any) -> bytes:
        return what_it_says({"resourceType": "Observation", **parts})

    assert says(code={"text": "anti-c"}) != says(code={"text": "anti-C"})
    assert says(valueQuantity={"unit": "mg"}) != says(valueQuantity={"unit": "Mg"})
    assert says(valueInteger=0) != says() and says(valueBoolean=False) != says()
    name = {"resourceType": "Patient", "identifier": [{"value": "1"}], "name": [{"text": "De La Cruz"}]}
    assert what_it_says(name) != what_it_says({**name, "identifier": [{"value": "2"}]})
    assert what_it_says(name) != what_it_says({**name, "name": [{"text": "de la Cruz"}]})


def test_what_is_contained_and_led_to_says_something() -> None:
    def given(first: str, second: str) -> bytes:
        medicines = [{"resourceType": "Medication", "id": one, "code": {"text": one}} for one in ("a", "b")]
        medicines[0]["id"], medicines[1]["id"] = first, second
        led = {"medicationReference": {"reference": "#a"}, "reasonReference": [{"reference": "#b"}]}
        return what_it_says({"resourceType": "MedicationRequest", "contained": medicines, **led})

    assert given("a", "b") != given("b", "a")


def test_a_name_beside_a_code_is_an_addition_and_another_name_is_none() -> None:
    bare, named, other = (
        {"code": {"coding": [{"code": "E11", **display}]}}
        for display in ({}, {"display": "Diabetes"}, {"display": "Asthma"})
    )
    assert without_additions(bare, named) == bare
    assert without_additions(named, other) == other and without_additions(bare, named, displays=False) == named


@pytest.mark.parametrize("name", ["zero width", "recorded", "whose"])
def test_a_change_that_nobody_sees_corrects_nothing(network: Network, ada: Patient, name: str) -> None:
    identifier = asked(network, ada)
    put(network, UNSEEN[name])
    corrects_nothing(network, identifier)
    put(network, SEEN["word"], "third")
    network["north"].corrections.answer(identifier, "corrected", "Mended.")
    assert told(network, ada).status == "corrected"


def test_a_mark_of_a_former_release_is_held_against_the_present_content(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as former:
        former.setattr(publish, "what_it_says", content_of)
        put(network, SEEN["day"])
    network.anchor()
    network.deliver()
    identifier = asked(network, ada)
    put(network, {**SEEN["day"], "meta": {"versionId": "9"}}, "third")
    corrects_nothing(network, identifier)


def test_a_version_that_stood_before_she_asked_is_no_answer(network: Network, ada: Patient) -> None:
    statement = signed(network, ada)
    put(network, SEEN["word"])
    network.time += 1000
    drafted = network["guide"].corrections.draft(
        ada.account, "north", "Condition", "c", statement.manifest, "I have no diabetes.", "", ada.key.key_id
    )
    assert drafted.time > statement.time
    identifier = network["guide"].corrections.ask(signed(network, ada, {"manifest": statement.manifest}))
    deliver(network)
    corrects_nothing(network, identifier)
    network["north"].corrections.answer(identifier, "noted", "It was corrected before you asked.")
    assert told(network, ada).status == "noted"


@pytest.mark.parametrize("copied", [False, True])
def test_what_was_corrected_and_put_back_is_said_to_her(network: Network, ada: Patient, copied: bool) -> None:
    copies: Any = network["guide"].copies
    if copied:
        network.consent(ada, "north", "guide")
        network.anchor()
        network.deliver()
        copies.refresh(ada.account)
    identifier = asked(network, ada)
    put(network, SEEN["word"])
    network["north"].corrections.answer(identifier, "corrected", "Mended.")
    first = told(network, ada)
    assert first.status == "corrected"
    put(network, UNSEEN["case"], "third")
    if copied:
        network.anchor()
        network.deliver()
        copies.refresh(ada.account)
    back = told(network, ada)
    assert back.status == "back" and back.change.tag != first.change.tag
    assert bool(back.change.after) == copied
    # A third content is no return to the wrong one.
    put(network, {"code": {"text": "Hay fever"}}, "fourth")
    assert told(network, ada).status == "corrected"


def test_what_was_deleted_and_came_back_is_said_to_her(network: Network, ada: Patient) -> None:
    identifier = asked(network, ada)
    network.time += 1000
    network["north"].publisher.publish([Incoming("Condition", "c", None, "gone")])
    network["north"].corrections.answer(identifier, "corrected", "Deleted.")
    assert told(network, ada).status == "corrected"
    put(network, {})
    assert told(network, ada).status == "back"


def test_a_record_that_is_another_s_can_be_moved_to_him(network: Network, ada: Patient) -> None:
    bob, identifier = network.patient("bob", "north"), asked(network, ada)
    put(network, SEEN["somebody"])
    (here,) = network["north"].corrections.here()
    assert here.hers and here.newer == ""
    network["north"].corrections.answer(identifier, "corrected", "It was another patient's.")
    moved = told(network, ada)
    assert (moved.status, moved.version, moved.change) == ("moved", None, None)
    _, answer = written(network["north"], "correction-answer/1")
    assert isinstance(answer, CorrectionAnswerManifest) and bob.account not in str(answer)
    put(network, {}, "third")
    assert told(network, ada).status == "back"


def test_what_never_was_hers_is_not_moved(network: Network, ada: Patient) -> None:
    """Another patient's record, by the hash of its own line, which she has no business to know."""
    bob, north = network.patient("bob", "north"), network["north"]
    put(network, SEEN["somebody"])
    identifier = asked(network, ada)
    put(network, {**SEEN["somebody"], **SEEN["word"]}, "third")
    (here,) = north.corrections.here()
    assert (here.hers, here.newer) == (False, None) and bob.account != ada.account
    with pytest.raises(Refusal) as caught:
        north.corrections.answer(identifier, "corrected", "Mended.")
    assert caught.value.reason is Code.NOT_CORRECTED


@pytest.mark.parametrize("words", [".", "?", "\u200b", "a", "..."])
def test_what_says_nothing_binds_nobody(network: Network, ada: Patient, words: str) -> None:
    for way in (
        lambda: network["guide"].corrections.ask(signed(network, ada, {"words": words})),
        lambda: network["guide"].corrections.draft(ada.account, "north", "Condition", "c", "", words, "", b"k" * 16),
    ):
        with pytest.raises(Refusal) as caught:
            way()
        assert caught.value.reason is Code.REASON_MISSING
