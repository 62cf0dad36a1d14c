"""Holding back: what is withheld leaves no trace, and what is left is permitted."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from consent_forms import NOW, X, ask, compiled, give, r4, rule
from hypothesis import given
from hypothesis import strategies as st
from test_labels import LABELLER

from medrec.core.consent.compiling import Rules, marks_allowed
from medrec.core.consent.decide import Decision, decide, judge
from medrec.core.consent.facts import facts
from medrec.core.consent.pointers import INSIDE, Called, Pointer, called, may_mean
from medrec.core.consent.reading import MARKS
from medrec.core.consent.redact import REDACTED, Sifted, Withheld, detach, sift

Json = dict[str, Any]
MARKED = {"extension": [{"url": MARKS, "valueBoolean": True}]}


def without(*labels: str, **changes: Any) -> Rules:
    """Everything but these sensitivities may go to X."""
    return compiled(r4(rule("permit", rule("deny", label=list(labels)), who=X), **changes))


def decided(rules: Rules) -> Decision:
    return decide(ask(), rules, NOW)


def through(rules: Rules, *resources: Json, **parts: Any) -> list[Sifted]:
    return sift(decided(rules), resources, LABELLER, **parts)


def states(found: list[Sifted]) -> list[str]:
    return [one.state for one in found]


def condition(name: str, identifier: str = "c", **more: Any) -> Json:
    return {"resourceType": "Condition", "id": identifier, "code": {"text": name}, **more}


def medicine(name: str, identifier: str = "m", **more: Any) -> Json:
    return {"resourceType": "MedicationRequest", "id": identifier, "medicationCodeableConcept": {"text": name}, **more}


def test_a_record_is_withheld_by_what_it_is() -> None:
    found = through(without("SUD"), condition("Alcoholism"), medicine("buprenorphine"), condition("Asthma", "d"))
    assert states(found) == ["withheld", "withheld", "whole"]
    assert [one.resource is None for one in found] == [True, True, False]


def test_a_part_is_removed_and_the_narrative_with_it() -> None:
    given_record = medicine(
        "ibuprofen", reasonCode=[{"text": "heroin use"}, {"text": "fever"}], note=[{"text": "her sister called"}],
        text={"status": "generated", "div": "<div>ibuprofen</div>"},
    )  # fmt: skip
    (found,) = through(without("SUD"), given_record)
    assert found.state == "cut" and found.judgement.effect == "permit"
    assert found.resource == medicine("ibuprofen", reasonCode=[{"text": "fever"}])
    assert "note" in given_record


def test_what_may_hold_what_is_denied_goes_and_the_rest_stays() -> None:
    scan = {"resourceType": "DiagnosticReport", "id": "d", "code": {"text": "Chest X-ray"},
            "presentedForm": [{"contentType": "application/pdf", "data": "AA=="}]}  # fmt: skip
    (found,) = through(without("HIV"), scan)
    assert found.resource == {"resourceType": "DiagnosticReport", "id": "d", "code": {"text": "Chest X-ray"}}
    assert states(through(compiled(r4(rule("permit", who=X))), scan)) == ["whole"]


def test_whole_or_not_at_all_where_the_hash_travels() -> None:
    assert states(through(without("SUD"), medicine("ibuprofen", note=[{"text": "x"}]), whole_only=True)) == ["withheld"]


def test_a_pointer_to_what_is_withheld_goes_with_its_item() -> None:
    plan = {"resourceType": "CarePlan", "id": "p", "status": "active", "addresses": [
        {"reference": "Condition/a", "display": "something"}, {"reference": "Condition/b"}]}  # fmt: skip
    found = through(without("SUD"), condition("heroin", "a"), condition("asthma", "b"), plan)
    assert states(found) == ["withheld", "whole", "cut"]
    assert found[2].resource == {**plan, "addresses": [{"reference": "Condition/b"}]}


def test_what_says_nothing_without_its_pointer_is_withheld_too() -> None:
    provenance = {"resourceType": "Provenance", "id": "v", "target": [{"reference": "Condition/a/_history/3"}]}
    chain = {"resourceType": "Provenance", "id": "w", "target": [{"reference": "https://h.example/r4/Provenance/v"}]}
    found = through(without("SUD"), condition("heroin", "a"), provenance, chain)
    assert states(found) == ["withheld"] * 3


def test_a_list_and_a_composition_lose_their_items() -> None:
    listing = {"resourceType": "List", "id": "l", "entry": [{"item": {"reference": "Condition/a"}}]}
    letter = {"resourceType": "Composition", "id": "k", "section": [
        {"title": "Problems", "entry": [{"reference": "Condition/a"}, {"reference": "Condition/b"}]}]}  # fmt: skip
    found = through(without("SUD"), condition("heroin", "a"), listing, letter)
    assert found[1].resource == {"resourceType": "List", "id": "l"}
    assert found[2].resource is not None
    assert found[2].resource["section"] == [{"title": "Problems", "entry": [{"reference": "Condition/b"}]}]


def test_contained_resources_and_what_points_at_them() -> None:
    held = {"resourceType": "Medication", "id": "x", "code": {"text": "methadone"}}
    core = {"resourceType": "MedicationRequest", "id": "m", "contained": [held],
            "medicationReference": {"reference": "#x"}}  # fmt: skip
    beside = medicine("ibuprofen", "n", contained=[condition("heroin", "y"), condition("fever", "z")],
                      reasonReference=[{"reference": "#y"}, {"reference": "#z"}])  # fmt: skip
    found = through(without("SUD"), core, beside)
    assert states(found) == ["withheld", "cut"]
    assert found[1].resource == medicine(
        "ibuprofen", "n", contained=[condition("fever", "z")], reasonReference=[{"reference": "#z"}]
    )


def test_what_is_withheld_on_another_page_is_not_pointed_at() -> None:
    told = medicine("ibuprofen", encounter={"reference": "Encounter/e"})
    (found,) = through(without("SUD"), told, hidden=frozenset({"Encounter/e"}))
    assert found.resource == medicine("ibuprofen")


LABELLED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}


def test_marks_only_where_the_person_allows_them() -> None:
    told = medicine("ibuprofen", note=[{"text": "x"}], meta={"security": [LABELLED]})
    (silent,) = through(without("SUD"), told)
    (marked,) = through(without("SUD", **MARKED), told)
    assert silent.resource is not None and "REDACTED" not in json.dumps(silent.resource)
    assert marked.resource is not None
    assert marked.resource["meta"]["security"] == [LABELLED, REDACTED]
    assert through(without("SUD", **MARKED), medicine("ibuprofen"))[0].state == "whole"


def test_the_newest_word_on_marks_counts_and_no_at_the_same_instant() -> None:
    def allowed(*said: tuple[bool, str]) -> bool:
        consents = [
            r4(rule("permit", who=X), dateTime=date, extension=[{"url": MARKS, "valueBoolean": yes}])
            for yes, date in said
        ]
        return decided(compiled(r4(rule("permit", who=X), dateTime="2025-12"), *consents)).marks

    assert not allowed()
    assert allowed((True, "2025"))
    assert not allowed((True, "2025"), (False, "2025"))
    assert allowed((False, "2024"), (True, "2025"))
    assert not allowed((True, "2024"), (False, "2025"))


# --- laws ---------------------------------------------------------------------------------------------------------

NAMES = ("asthma", "heroin", "fever", "HIV", "BMI")
IDS = ("a", "b", "c", "d")
pointers = st.lists(st.sampled_from(IDS).map(lambda one: {"reference": f"Condition/{one}"}), max_size=3)


@st.composite
def charts(draw: st.DrawFn) -> list[Json]:
    """Records that point at each other, some sensitive, some with parts that are."""
    chart = []
    for identifier in draw(st.lists(st.sampled_from(IDS), unique=True, min_size=1)):
        optional = {
            "note": st.just([{"text": "x"}]),
            "evidence": st.lists(st.sampled_from(NAMES).map(lambda name: {"code": [{"text": name}]}), min_size=1),
            "detail": pointers.filter(bool),
            "related": pointers.filter(bool),
            "onsetAge": pointers.filter(bool),
            "text": st.just({"status": "generated", "div": "<div>x</div>"}),
        }
        parts = draw(st.fixed_dictionaries({}, optional=optional))
        chart.append(condition(draw(st.sampled_from(NAMES)), identifier, **parts))
    return chart


policies = st.sampled_from((("SUD",), ("HIV",), ("SUD", "HIV"), ("MH",))).map(lambda labels: without(*labels))


@given(charts(), policies, st.booleans())
def test_what_goes_out_is_permitted_and_points_at_nothing_withheld(
    chart: list[Json], rules: Rules, whole: bool
) -> None:
    found = through(rules, *chart, whole_only=whole)
    out = [one.resource for one in found if one.resource is not None]
    withheld = {f"Condition/{record['id']}" for record, one in zip(chart, found, strict=True) if one.resource is None}
    for resource in out:
        own = LABELLER.label(resource)
        assert judge(decided(rules), facts(resource, own.codes, may=own.may)).effect == "permit"
        assert not any(f'"{name}"' in json.dumps(resource) for name in withheld)
        assert not whole or resource in chart


@given(charts(), policies)
def test_a_withheld_record_leaves_no_trace(chart: list[Json], rules: Rules) -> None:
    """The answer is the same, byte for byte, as if the record had never been there, and nobody had pointed at it."""
    found = through(rules, *chart)
    withheld = frozenset(f"Condition/{r['id']}" for r, one in zip(chart, found, strict=True) if one.resource is None)
    if not withheld:
        return
    never: list[Json] = []
    for record in chart:
        pruned = None if f"Condition/{record['id']}" in withheld else detach(record, Withheld(Called.named(withheld)))
        if pruned is not None:
            never.append({k: v for k, v in pruned.items() if k != "text" or pruned is record})
    before = [one.resource for one in found if one.resource is not None]
    after = [one.resource for one in through(rules, *never) if one.resource is not None]
    assert json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)


@given(charts(), policies)
def test_without_a_denial_that_bears_on_it_everything_is_whole(chart: list[Json], rules: Rules) -> None:
    everything = compiled(r4(rule("permit", who=X)))
    assert states(through(everything, *chart)) == ["whole"] * len(chart)
    nothing = through(compiled(r4(rule("deny", who=X))), *chart)
    assert states(nothing) == ["withheld"] * len(chart)


@given(charts(), policies, st.permutations(range(4)))
def test_the_order_of_records_does_not_matter(chart: list[Json], rules: Rules, order: list[int]) -> None:
    shuffled = [chart[at] for at in order if at < len(chart)]
    named = {json.dumps(r): one.resource for r, one in zip(chart, through(rules, *chart), strict=True)}
    for record, one in zip(shuffled, through(rules, *shuffled), strict=True):
        assert named[json.dumps(record)] == one.resource


AT_A = Withheld(Called([("Condition", "a", called({"identifier": [{"system": "urn:n", "value": "77"}]}))]))


@pytest.mark.parametrize(
    "other",
    [
        {"reference": 7},
        {"reference": "Condition/b"},
        {"reference": "#a"},
        {"reference": "Procedure?identifier=urn:n|77"},
        {"reference": "Condition?identifier=urn:other|77"},
        {"type": "Procedure", "identifier": {"system": "urn:n", "value": "77"}},
        {"identifier": {"system": "urn:n", "value": "78"}},
        {"identifier": {"system": "urn:n"}},
        {"display": "Condition a"},
        {"valueUri": "http://hl7.org/fhir/StructureDefinition/a"},
        "a",
        None,
    ],
)
def test_what_means_another_record_or_none_stays(other: Any) -> None:
    record = condition("asthma", "z", detail=[other])
    assert detach(record, AT_A) is record


@pytest.mark.parametrize(
    "pointer",
    [
        {"reference": "Condition/a"},
        {"reference": " Condition/a"},
        {"reference": "/Condition/a/"},
        {"reference": "condition/a"},
        {"reference": "condition/a?x=y"},
        {"reference": "Condition%2Fa"},
        {"reference": "Condition/a#b"},
        {"reference": "Condition/a?_format=json"},
        {"reference": "Condition/a/_history/2"},
        {"reference": "http://ehr.example:8080/r4/Condition/a/_history/2#x"},
        {"reference": "urn:uuid:a"},
        {"reference": "a"},
        {"reference": "Condition?identifier=urn:n|77"},
        {"reference": "condition?identifier=urn:n|77"},
        {"reference": "https://ehr.example/r4/Condition?code=x&identifier=urn:m|1,urn:n|77"},
        {"reference": "Condition?_id=a"},
        {"type": "Condition", "identifier": {"system": "urn:n", "value": " 77 "}},
        {"identifier": {"value": "77"}, "display": "the problem"},
        {"identifier": {"system": "urn:ietf:rfc3986", "value": "urn:uuid:a"}},
        {"identifier": {"system": "urn:x", "value": "https://ehr.example/r4/Condition/a"}},
        {"reference": ["Condition/a"]},
        {"url": "urn:x", "valueReference": {"reference": "Condition/a"}},
        {"url": "urn:x", "valueUri": "Condition/a"},
        {"reference": {"type": "Condition", "identifier": {"value": "77"}}},
        "Condition/a",
    ],
)
def test_a_pointer_in_any_form_goes(pointer: Any) -> None:
    record = condition("asthma", "z", detail=[{"text": "other"}, pointer])
    assert detach(record, AT_A) == condition("asthma", "z", detail=[{"text": "other"}])


def test_links_of_a_narrative_are_pointers() -> None:
    def narrative(to: str) -> Json:
        return condition("asthma", "z", text={"status": "generated", "div": f'<div><a href="{to}">it</a></div>'})

    assert detach(narrative("Condition/a"), AT_A) == condition("asthma", "z")
    assert detach(narrative("Condition/b"), AT_A) == narrative("Condition/b")


def test_whose_a_record_is_may_be_said_whatever_is_withheld_of_her() -> None:
    """Whoever has a record of hers knows that it is: her own record may hold anything, and hers go out all the same."""
    her = {"resourceType": "Patient", "id": "p", "text": {"status": "additional", "div": "<div>Ada</div>"}}
    named = [
        {name: {"reference": "Patient/p", "display": "Ada"}} for name in ("subject", "patient", "beneficiary", "for")
    ]
    found = through(without("HIV"), her, *(condition("Asthma", **one) for one in named), whole_only=True)
    assert states(found) == ["withheld"] + ["whole"] * 4
    # Elsewhere she is pointed at like anybody.
    others = ({"focus": [{"reference": "Patient/p"}]}, {"recorder": {"reference": "Patient/p"}})
    found = through(without("HIV"), her, *(condition("Asthma", **one) for one in others), whole_only=True)
    assert states(found) == ["withheld"] * 3
    other = {**her, "resourceType": "Group"}
    found = through(without("HIV"), other, condition("Asthma", subject={"reference": "Group/p"}), whole_only=True)
    assert states(found) == ["withheld"] * 2


def test_what_was_forbidden_by_its_kind_may_be_pointed_at_and_not_named() -> None:
    """No word beside the pointer: no display, no identifier, no narrative that repeats it."""
    rules = compiled(r4(rule("permit", rule("deny", kind="Condition"), who=X)))
    bare = medicine("salbutamol", reasonReference=[{"reference": "Condition/a"}])
    named = medicine("salbutamol", "n", reasonReference=[{"reference": "Condition/a", "display": "Asthma"}])
    told = medicine("salbutamol", "t", reasonReference=[{"reference": "Condition/a"}], text={"div": "for her asthma"})
    item = {"resourceType": "List", "id": "l", "entry": [{"item": {"reference": "Condition/a", "display": "Asthma"}}]}
    chart = [condition("asthma", "a"), bare, named, told, item]
    assert states(through(rules, *chart, whole_only=True)) == ["withheld", "whole", "withheld", "withheld", "withheld"]
    cut = through(rules, *chart)
    assert states(cut) == ["withheld", "whole", "cut", "cut", "cut"]
    assert [one.resource for one in cut[2:]] == [
        medicine("salbutamol", "n"), {**bare, "id": "t"}, {"resourceType": "List", "id": "l"}
    ]  # fmt: skip
    # What nobody permitted, and nobody forbade in so many words, is named as before: its line is part of the order.
    only = compiled(r4(rule("permit", who=X, kind="MedicationRequest")))
    assert states(through(only, *chart[:3], whole_only=True)) == ["withheld", "whole", "whole"]


def test_marks_that_a_clinic_attests_end_with_what_it_opens() -> None:
    text = r4(rule("permit", rule("deny", label=["SUD"]), who=X), **MARKED)
    for until, marked in ((None, True), (NOW + 1, True), (NOW, False)):
        attested = msgspec.structs.replace(give(text, "a"), permits_until=until)
        assert marks_allowed(compiled(attested), NOW) is marked
    # That nothing is marked closes, and stands for as long as its consent does.
    silent = give(r4(rule("permit", who=X), extension=[{"url": MARKS, "valueBoolean": False}]), "a")
    assert not marks_allowed(compiled(msgspec.structs.replace(silent, permits_until=NOW)), NOW)


CASES = json.loads((Path(__file__).parents[2] / "vectors/labels/cuts.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_published_cuts(case: Json) -> None:
    rules = without(*case["denied"], **(MARKED if case["marks"] else {}))
    found = through(rules, *case["records"], complete=True, whole_only=not case["marks"])
    assert [one.resource for one in found] == case["left"]


TYPES_MEANT = st.sampled_from(["", "Condition", "condition", "Group", INSIDE])
IDS_MEANT = st.sampled_from(["", "a", "A", "b"])
WORDS_MEANT = st.sampled_from(["a", "b", "condition/a", "Condition/a", "group/b", "|77", "urn:n|77"])


@given(
    st.builds(Pointer, TYPES_MEANT, IDS_MEANT, st.lists(WORDS_MEANT, max_size=3).map(tuple)),
    TYPES_MEANT,
    IDS_MEANT,
    st.none() | st.frozensets(WORDS_MEANT, max_size=2),
)
def test_one_record_is_meant_as_it_is_among_others(
    pointer: Pointer, kind: str, identifier: str, words: frozenset[str] | None
) -> None:
    assert may_mean(pointer, kind, identifier, words) is Called([(kind, identifier, words)]).mean(pointer)
