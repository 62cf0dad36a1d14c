"""Whom a reference in a consent means, by the records of the one who decides."""

from typing import Any

import msgspec
import pytest
from consent_forms import NOW, actor, give, ms, r4, rule

from medrec.core.consent import actors, emergency, names
from medrec.core.consent.access import looked_up, requested, rules_of
from medrec.core.consent.actors import MEMBERS_MAX, Who, known, means, read, resolve, written
from medrec.core.consent.decide import decide, judge
from medrec.core.consent.facts import describing

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


PAST, PRESENT = {"end": "2026-01-14"}, {"start": "2026-01-15", "end": "2026-01-15"}
UNREADABLE = {"start": "soon"}


@pytest.mark.parametrize(
    ("record", "answer"),
    [
        (SOUTHS_X, (True, False, False)),
        # By the name alone she may be meant, and whoever shares no word of it is somebody else.
        (person("Calloway"), (None, False, False)),
        (person("Caloway"), (None, False, False)),
        (person("Holt", "RelatedPerson"), (False, False, None)),
        (person("حداد"), (None, None, None)),
        ({"resourceType": "Practitioner"}, (None, None, None)),
        (person("Dr"), (None, None, None)),
        # South has another one of this name, and says so.
        (person("Calloway", **identifier("urn:medrec:practitioner:south", "dr-w")), (False, False, False)),
        # Marked by another house: who works here as well may be meant.
        (person("Calloway", **identifier("urn:medrec:practitioner:east", "dr-q")), (None, False, False)),
        (HERE["Organization/77"], (True, True, False)),
        (HERE["Organization/ward"], (None, None, False)),
        (HERE["Organization/south-by-name"], (None, None, False)),
        (HERE["Organization/other"], (False, False, False)),
        ({"resourceType": "Organization", **identifier("urn:medrec:organisation", "west")}, (False, False, False)),
        ({"resourceType": "Location"}, (None, None, None)),
        (team("Practitioner/x"), (True, False, False)),
        (team("Organization/south"), (True, True, False)),
        (team("Organization/77", "Practitioner/nameless"), (True, True, None)),
        (team("Practitioner/nowhere"), (None, None, None)),
        (team("Practitioner/x", status="inactive"), (False, False, False)),
        (team("Practitioner/x", status="proposed"), (None, None, None)),
        (team(), (None, None, None)),
        (team("Practitioner/x", period=PAST), (False, False, False)),
        (team("Practitioner/x", period=PRESENT), (True, False, False)),
        (team("Practitioner/x", period=UNREADABLE), (None, False, False)),
        (team({"member": {"reference": "Practitioner/x"}, "period": PAST}, "Organization/other"),
         (False, False, False)),
        (team({"member": {"reference": "Practitioner/x"}, "onBehalfOf": {"reference": "Organization/77"}}),
         (True, False, False)),
        (team({"member": {"reference": "Practitioner/x"}, "onBehalfOf": {"reference": "Organization/other"}}),
         (None, False, False)),
        (team({"member": {"display": "Dr Calloway"}}), (None, None, None)),
        (team({"member": {"identifier": {"system": "urn:medrec:practitioner:south", "value": "dr-x"}}}),
         (True, False, False)),
        (team({"member": {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1"}}}),
         (None, None, None)),
        (team("CareTeam/inner"), (True, False, False)),
        (team("#p", contained=[{**SOUTHS_X, "id": "p"}]), (True, False, False)),
        (team("#q", contained=[{**SOUTHS_X, "id": "p"}]), (None, None, None)),
        (team("Practitioner/x/_history/2"), (True, False, False)),
        (group("Practitioner/x"), (True, False, False)),
        (group({"entity": {"reference": "Practitioner/x"}, "inactive": True}), (False, False, False)),
        (group({"entity": {"reference": "Practitioner/x"}, "period": PAST}), (False, False, False)),
        (group("Practitioner/x", active=False), (False, False, False)),
        (group("Practitioner/x", actual=False), (None, None, None)),
        ({**group("Practitioner/x", membership="enumerated"), "actual": None}, (True, False, False)),
        (group("Practitioner/x", quantity=3), (True, None, None)),
        (group(), (None, None, None)),
        (group("not", 3), (None, None, None)),
        (role(practitioner="Practitioner/x", organization="Organization/77"), (True, False, False)),
        (role(practitioner="Practitioner/x", organization="Organization/other"), (False, False, False)),
        (role(practitioner="Practitioner/x", organization="Organization/77", code=DOCTOR), (True, False, False)),
        (role(practitioner="Practitioner/x", organization="Organization/77", code=NURSE), (None, False, False)),
        (role(practitioner="Practitioner/x", active=False), (False, False, False)),
        (role(practitioner="Practitioner/x", period=PAST), (False, False, False)),
        (role(organization="Organization/77", code=DOCTOR), (True, True, False)),
        (role(organization="Organization/77", code=NURSE), (None, None, False)),
        (role(organization="Organization/77"), (True, True, False)),
        (role(), (None, None, None)),
    ],
)  # fmt: skip
def test_what_a_record_says(record: Json, answer: tuple[bool | None, bool | None, bool | None]) -> None:
    inner = {"CareTeam/inner": team("Practitioner/x")}
    assert tuple(asked(record, who, **inner) for who in (DR_X, COLLEAGUE, ELSEWHERE)) == answer


def test_what_is_pushed_goes_to_nobody_in_particular_and_a_program_is_no_person() -> None:
    for who in (PUSHED, PROGRAM):
        for record in (SOUTHS_X, person("Calloway"), {"resourceType": "Practitioner"}, team("Practitioner/x")):
            assert asked(record, who) is False
        assert asked(team("Organization/77"), who) is True
    assert asked(role(organization="Organization/77", code=NURSE), PUSHED) is False
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
            assert read(looked_up(rules), written(looked_up(rules), found)) == found
            request = requested(
                rules, requester=who.organisation, holder="north", purposes=["TREAT"],
                practitioner=who.practitioner, is_also=found.also, is_not=found.apart,
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
    text = written(["Practitioner/x", "CareTeam/gone", "Organization/other"], found)
    assert text == "?-+"
    assert read(["CareTeam/gone"], text) == actors.NOBODY


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
