"""Whom a reference in a consent means, by the records of the one who decides."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from consent_forms import NOW, actor, give, ms, r4, rule

from medrec.core.consent import emergency, names
from medrec.core.consent.access import looked_up, requested, rules_of
from medrec.core.consent.actors import MEMBERS_MAX, Who, held, known, means, resolve
from medrec.core.consent.decide import decide, judge
from medrec.core.consent.facts import describing
from medrec.core.consent.meant import NOBODY, read, written

Json = dict[str, Any]
NURSE, DOCTOR = "http://snomed.info/sct|224535009", "http://snomed.info/sct|158965000"
DR_X = Who("south", "South General", "dr-x", "Dr Ines Calloway", frozenset({DOCTOR}), False, NOW)
COLLEAGUE = DR_X._replace(practitioner="dr-y", name="Dr Tomas Berg")
ELSEWHERE = DR_X._replace(organisation="east", called="Eastside Clinic", practitioner="dr-z", name="Dr Mira Holt")
PUSHED = Who("south", "South General", time=NOW)
PROGRAM = DR_X._replace(practitioner="bot", name="Lab program", machine=True)


def identifier(system: str, value: str) -> Json:
    return {"identifier": [{"system": system, "value": value}]}


def person(name: str, kind: str = "Practitioner", **parts: Any) -> Json:
    return {"resourceType": kind, "name": [{"family": name}], **parts}


SOUTHS_X = person("Calloway", **identifier("urn:medrec:practitioner:south", "dr-x"))
HERE: dict[str, Json] = {
    "Practitioner/x": SOUTHS_X,
    "Practitioner/unmarked": person("Calloway"),
    "Practitioner/nameless": {"resourceType": "Practitioner"},
    "Practitioner/arabic": person("حداد"),
    "Organization/south-by-name": {"resourceType": "Organization", "name": "South General Hospital"},
    "Organization/77": {"resourceType": "Organization", **identifier("urn:medrec:organisation", "south")},
    "Organization/ward": {"resourceType": "Organization", "name": "Ward 3", "partOf": {"reference": "Organization/77"}},
    "Organization/other": {"resourceType": "Organization", "name": "Lakeside Rehab"},
}


def asked(record: Json, who: Who = DR_X, **more: Json) -> bool | None:
    """Whether a record, beside those above, means who asks."""
    there = {**HERE, **more, "Basic/it": record}
    return means("Basic/it", who, there.get)


def team(*members: Any, **parts: Any) -> Json:
    participants = [{"member": {"reference": one}} if isinstance(one, str) else one for one in members]
    return {"resourceType": "CareTeam", "status": "active", "participant": participants, **parts}


def group(*members: Any, **parts: Any) -> Json:
    listed = [{"entity": {"reference": one}} if isinstance(one, str) else one for one in members]
    return {"resourceType": "Group", "type": "practitioner", "actual": True, "member": listed, **parts}


def role(**parts: Any) -> Json:
    found: Json = {"resourceType": "PractitionerRole"}
    for name in ("practitioner", "organization"):
        if name in parts:
            found[name] = {"reference": parts.pop(name)}
    if "code" in parts:
        system, _, code = parts.pop("code").partition("|")
        found["code"] = [{"coding": [{"system": system, "code": code}]}]
    return {**found, **parts}


VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "decision" / "actors.json").read_text(encoding="utf-8"))
SAID = {True: "meant", False: "not-meant", None: "in-doubt"}


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["record"]["resourceType"])
def test_what_a_record_says(case: Json) -> None:
    """The published table: who is meant by a record, for each of those who ask."""
    there = {**VECTORS["here"], "Basic/it": case["record"]}
    people = [Who(**{**one, "roles": frozenset(one["roles"]), "time": ms(VECTORS["now"])}) for one in VECTORS["asking"]]
    assert [SAID[means("Basic/it", who, there.get)] for who in people] == case["answers"]


def test_the_table_has_every_answer_and_kind() -> None:
    assert {answer for case in VECTORS["cases"] for answer in case["answers"]} == set(SAID.values())
    kinds = {case["record"]["resourceType"] for case in VECTORS["cases"]}
    assert kinds >= {"Practitioner", "Organization", "PractitionerRole", "CareTeam", "Group", "RelatedPerson"}


def test_what_is_pushed_goes_to_nobody_in_particular_and_a_program_is_no_person() -> None:
    for who in (PUSHED, PROGRAM):
        for record in (SOUTHS_X, person("Calloway"), {"resourceType": "Practitioner"}, team("Practitioner/x")):
            assert asked(record, who) is False
        assert asked(team("Organization/77"), who) is True
    assert asked(role(organization="Organization/77", code=NURSE), PUSHED) is None, "a nurse may receive it"
    device = {"resourceType": "Device", **identifier("urn:medrec:practitioner:south", "bot")}
    assert [asked(device, who) for who in (PROGRAM, DR_X)] == [True, False]
    assert [asked({"resourceType": "Device"}, who) for who in (PROGRAM, DR_X)] == [None, False]


def test_teams_in_teams_end() -> None:
    round_trip = {"CareTeam/a": team("CareTeam/b", "Practitioner/x"), "CareTeam/b": team("CareTeam/a")}
    assert asked(team("CareTeam/b"), **round_trip) is True
    assert asked(team("CareTeam/b"), COLLEAGUE, **round_trip) is False
    deep = {f"CareTeam/{at}": team(f"CareTeam/{at + 1}") for at in range(9)} | {"CareTeam/9": team("Practitioner/x")}
    assert asked(team("CareTeam/0"), **deep) is None and asked(team("CareTeam/7"), **deep) is True
    many = ["Organization/other"] * MEMBERS_MAX
    assert asked(team(*many[1:], "Practitioner/x")) is True and asked(team(*many, "Practitioner/x")) is None


@pytest.mark.parametrize("junk", [None, 3, "x", [], [3], {"a": 1}, [{"member": 3}], [[]]])
def test_records_of_any_shape_end_in_an_answer(junk: Any) -> None:
    for record in (team("Practitioner/x"), group("Practitioner/x"), role(practitioner="Practitioner/x"), SOUTHS_X):
        for name in (*record, "period", "identifier", "contained", "name", "code", "alias", "partOf", "quantity"):
            assert asked({**record, name: junk}) in (True, False, None)


def test_a_permit_to_a_team_opens_to_who_is_in_it_and_a_denial_closes_to_who_may_be() -> None:
    there = {**HERE, "CareTeam/t": team("Practitioner/x", "Practitioner/unmarked")}
    there["Group/g"] = group("Organization/77")
    effects: dict[tuple[str, str, str], str] = {}
    said = [(says, reference) for reference in ("CareTeam/t", "Group/g") for says in ("permit", "deny")]
    for says, reference in (*said, ("deny", "CareTeam/gone")):
        consents = [give(r4(rule(says, who=reference)), "said")]
        if says == "deny":
            consents.append(give(r4(rule("permit")), "all"))
        rules = rules_of(consents)
        for label, who in (("x", DR_X), ("colleague", COLLEAGUE), ("elsewhere", ELSEWHERE)):
            found = resolve(looked_up(rules), who, there.get)
            assert read(looked_up(rules), (), written(looked_up(rules), (), found)) == found
            request = requested(
                rules, requester=who.organisation, holder="north", purposes=["TREAT"],
                practitioner=who.practitioner, meant=found,
            )  # fmt: skip
            effects[says, reference, label] = judge(decide(request, rules, NOW), describing("Observation", "o")).effect
    assert effects == {
        ("permit", "CareTeam/t", "x"): "permit",
        ("permit", "CareTeam/t", "colleague"): "deny",
        ("permit", "CareTeam/t", "elsewhere"): "deny",
        ("deny", "CareTeam/t", "x"): "deny",
        ("deny", "CareTeam/t", "colleague"): "permit",
        ("deny", "CareTeam/t", "elsewhere"): "permit",
        ("permit", "Group/g", "x"): "permit",
        ("permit", "Group/g", "colleague"): "permit",
        ("permit", "Group/g", "elsewhere"): "deny",
        ("deny", "Group/g", "x"): "deny",
        ("deny", "Group/g", "colleague"): "deny",
        ("deny", "Group/g", "elsewhere"): "permit",
        ("deny", "CareTeam/gone", "x"): "indeterminate",
        ("deny", "CareTeam/gone", "colleague"): "indeterminate",
        ("deny", "CareTeam/gone", "elsewhere"): "indeterminate",
    }


def test_what_is_written_down_names_nobody_and_fits_its_list_alone() -> None:
    found = resolve(["Practitioner/x", "CareTeam/gone", "Organization/other"], DR_X, HERE.get)
    text = written(["Practitioner/x", "CareTeam/gone", "Organization/other"], (), found)
    assert text == "?-+"
    assert read(["CareTeam/gone"], (), text) == NOBODY


def test_holders_are_written_behind_those_who_ask_and_were_not_before() -> None:
    asked, holders = ["Practitioner/x", "CareTeam/gone"], ["identifier:s|1", "identifier:s|2", "identifier:s|3"]
    houses = {f"identifier:s|{at}": names.organisation(name) for at, name in ((1, "north"), (2, "south"))}

    def look(reference: str) -> Json | None:
        house = names.organisation_of(houses.get(reference, ""))
        named = {"resourceType": "Organization", "identifier": [{"system": names.ORGANISATION, "value": house}]}
        return named if house else HERE.get(reference)

    found = held(resolve(asked, DR_X, look), holders, "north", look)
    text = written(asked, holders, found)
    assert text == "?++-?" and read(asked, holders, text) == found
    before = read(asked, holders, text[:2])
    assert (before.also, before.apart) == (found.also, found.apart) and not before.holds and not before.elsewhere
    assert read(asked, holders, text[:3]) == NOBODY


def test_whom_a_reference_leads_to_whoever_asks() -> None:
    there = {**HERE, "CareTeam/t": team("Practitioner/x", "Organization/77")}
    there["CareTeam/u"] = team("Practitioner/unmarked")
    assert known(["CareTeam/t", "CareTeam/u", "Group/gone"], there.get, NOW) == (
        (names.by_identifier("south"), names.practitioner("south", "dr-x")),
        ("CareTeam/u", "Group/gone"),
    )


def test_an_organisation_is_known_by_its_identifier_too() -> None:
    reference = {"identifier": {"system": "urn:medrec:organisation", "value": "south"}}
    made = r4({"type": "permit", "actor": [{**actor(), "reference": reference}]})
    rules = rules_of([give(made, "a")])
    assert looked_up(rules) == () and names.organisation_of(names.by_identifier("south")) == "south"
    for requester, effect in (("south", "permit"), ("east", "deny")):
        request = requested(rules, requester=requester, holder="north", purposes=["TREAT"])
        assert decide(request, rules, NOW).effect == effect


def test_in_an_emergency_doubt_leaves_the_summary_and_what_is_known_still_denies() -> None:
    broken, unknown = (
        give({"resourceType": "Patient"}, "broken"),
        give(r4(rule("deny", who="CareTeam/gone")), "unknown"),
    )
    ended = msgspec.structs.replace(broken, id="ended", revoked=NOW)
    known_no = give(r4(rule("deny", who="Organization/south")), "no")
    for consents, doubted, effect in (
        ([broken], ("broken",), "permit"),
        ([unknown], ("unknown",), "permit"),
        ([ended], (), "permit"),
        ([broken, unknown], ("broken", "unknown"), "permit"),
        ([broken, known_no], ("broken",), "deny"),
        ([give(r4(rule("deny", held="CareTeam/gone")), "unheld")], ("unheld",), "permit"),
        ([give(r4(rule("deny", held="CareTeam/gone")), "unheld"), known_no], ("unheld",), "deny"),
        ([give(r4(rule("deny", held="Organization/south")), "elsewhere")], (), "permit"),
        ([give(r4(rule("permit", who="CareTeam/gone")), "yes")], (), "permit"),
        ([], (), "permit"),
    ):
        rules = emergency.with_default(rules_of(consents))
        request = requested(rules, requester="south", holder="north", purposes=["BTG"], types=["Immunization"])
        settled = emergency.settled(request, rules, NOW)
        assert settled.doubted == doubted
        assert decide(settled.request, settled.rules, NOW).effect == effect, consents


def test_a_record_that_says_it_is_normal_and_carries_a_sensitivity_is_restricted() -> None:
    rules = rules_of([give(r4(rule("permit", level="N")))])
    request = requested(rules, requester="south", holder="north", purposes=["TREAT"])
    for labels, may, effect in ((["N"], [], "permit"), (["N", "SUD"], [], "deny"), (["N"], ["SUD"], "indeterminate")):
        record = describing("Observation", "o", labels=labels, may=may)
        assert judge(decide(request, rules, ms("2026-01-15")), record).effect == effect
