"""A problem of one side or place of the body is never one with that of another, in whatever way a record says which."""

from typing import Any

import pytest

from medrec.core.records.body_parts import SNOMED_PARTS, parts_in
from medrec.core.records.reading import checks
from medrec.core.records.terms import ICD10CM, SNOMED
from tests.reconcile.test_apart import over, problem
from tests.reconcile.test_bad_input import notes, read

OA = {"system": SNOMED, "code": "396275006"}
"""Of any joint, on either side."""
FRACTURE = {"system": SNOMED, "code": "72704001", "display": "Fracture"}


def sct(code: str, **more: str) -> dict[str, Any]:
    return {"coding": [{"system": SNOMED, "code": code} | more]}


def at(*sites: dict[str, Any]) -> dict[str, Any]:
    return {"bodySite": list(sites)}


def side_by(url: str, **value: Any) -> list[dict[str, Any]]:
    return [{"url": url} | value]


MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-laterality-qualifier"
GERMAN = "http://fhir.de/StructureDefinition/seitenlokalisation"
KBV = "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_ICD_SEITENLOKALISATION"
BODY = "http://hl7.org/fhir/StructureDefinition/bodySite"
KNEE = sct("72696002")


def structure(**more: Any) -> dict[str, Any]:
    contained = {"resourceType": "BodyStructure", "id": "b", "location": KNEE} | more
    return {"contained": [contained], "extension": [{"url": BODY, "valueReference": {"reference": "#b"}}]}


WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a qualifier": (at(sct("7771000")), at(sct("24028007"))),
    "a qualifier beside the part": (at(KNEE, sct("7771000")), at(KNEE, sct("24028007"))),
    "the older qualifiers": (at(sct("419161000")), at(sct("419465000"))),
    "a code of one side": (at(sct("82169009")), at(sct("6757004"))),
    "the text": (at({"text": "left knee"}), at({"text": "right knee"})),
    "a text in Spanish": (at({"text": "rodilla izquierda"}), at({"text": "rodilla derecha"})),
    "a text in Arabic": (at({"text": "الركبة اليسرى"}), at({"text": "الركبة اليمنى"})),
    "a display in German": (at(sct("1", display="linkes Knie")), at(sct("2", display="rechtes Knie"))),
    "a display in French": (at(sct("1", display="genou gauche")), at(sct("2", display="genou droit"))),
    "an extension": (
        at(KNEE | {"extension": side_by(MCODE, valueCodeableConcept=sct("7771000"))}),
        at(KNEE | {"extension": side_by(MCODE, valueCodeableConcept=sct("24028007"))}),
    ),
    "a letter": ({"extension": side_by(GERMAN, valueCode="L")}, {"extension": side_by(GERMAN, valueCode="R")}),
    "a BodyStructure": (structure(locationQualifier=[sct("7771000")]), structure(locationQualifier=[sct("24028007")])),
    "a BodyStructure of R5": (
        structure(includedStructure=[{"structure": KNEE, "laterality": sct("7771000")}]),
        structure(includedStructure=[{"structure": KNEE, "laterality": sct("24028007")}]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("code", [OA, {"system": ICD10CM, "code": "M17.9"}])
def test_however_a_side_is_said_the_end_of_one_is_not_that_of_the_other(way: str, code: dict[str, str]) -> None:
    left, right = WAYS[way]
    found = read(
        problem("Osteoarthritis of knee", code, **left), over("Osteoarthritis of knee", code, **right)
    ).problems
    assert {row.laterality: row.status for row in found} == {"left": "active", "right": "stopped"}


def test_a_side_beside_the_code_itself_counts() -> None:
    def coded(sign: str) -> dict[str, Any]:
        return OA | {"extension": side_by(GERMAN, valueCoding={"system": KBV, "code": sign})}

    found = read(problem("Osteoarthritis", coded("L")), over("Osteoarthritis", coded("R"))).problems
    assert {row.laterality: row.status for row in found} == {"left": "active", "right": "stopped"}


UNKNOWN, OTHER = sct("736694005"), sct("736695006")
"""Places of which the shipped tables know nothing."""
BROKEN = {"extension": [{"url": BODY, "valueReference": {"reference": "BodyStructure/gone"}}]}
UNREAD: list[dict[str, Any]] = [at(UNKNOWN), at({"text": "zzz yyy"}), BROKEN]


@pytest.mark.parametrize("unread", UNREAD)
@pytest.mark.parametrize("told", [at(sct("7771000")), at(sct("6757004")), at(OTHER), at({"text": "other zz"})])
@pytest.mark.parametrize("code", [OA, {"system": ICD10CM, "code": "M17.9"}])
def test_a_place_that_nobody_can_read_is_one_with_no_other(
    unread: dict[str, Any], told: dict[str, Any], code: dict[str, str]
) -> None:
    for going, ended in ((unread, told), (told, unread)):
        found = read(problem("Osteoarthritis", code, **going), over("Osteoarthritis", code, **ended)).problems
        assert sorted(row.status for row in found) == ["active", "stopped"]


def test_a_place_that_nobody_can_read_is_one_with_itself_and_is_marked() -> None:
    here, there = problem("Osteoarthritis", OA, **at(UNKNOWN)), problem("Osteoarthritis", OA, id="b", **at(UNKNOWN))
    found = read(here, there | {"source": "south"})
    (row,) = found.problems
    assert len(row.lines) == 2 and "SNOMED 736694005" in row.name and "unknown-code" in notes(found)


@pytest.mark.parametrize(
    ("remarks", "rows"), [(("left", "right"), 2), (("left", "left"), 1), (("left", ""), 1), (("", ""), 1)]
)
def test_a_side_in_a_remark_alone_is_not_one_with_the_other_side(remarks: tuple[str, str], rows: int) -> None:
    left, right = ({"note": [{"text": f"It is the {side} one."}]} if side else {} for side in remarks)
    found = read(problem("Osteoarthritis", OA, **left), over("Osteoarthritis", OA, **right)).problems
    assert len(found) == rows
    if rows == 2:
        assert all(row.laterality == "" for row in found)


def test_a_remark_of_one_side_is_not_one_with_a_told_other_side() -> None:
    noted = {"note": [{"text": "Pain in the left knee"}]}
    for name, rows in (("Osteoarthritis, right", 2), ("Osteoarthritis, left", 1)):
        assert len(read(problem("Osteoarthritis", OA, **noted), over(name, OA)).problems) == rows
    pressure = {"system": ICD10CM, "code": "I10"}
    one = problem("Hypertension", pressure, note=[{"text": "160/90 at the left arm"}])
    other = problem("Hypertension", pressure, id="b", source="south", note=[{"text": "150/85 at the right arm"}])
    assert len(read(one, other).problems) == 1


@pytest.mark.parametrize(
    ("ankle", "wrist"),
    [
        (("Fracture", at({"text": "Ankle"})), ("Fracture", at({"text": "Wrist"}))),
        (("Fracture", at(sct("344001"))), ("Fracture", at(sct("8205005")))),
        (("Fracture", at(sct("51636004"))), ("Fracture", at(sct("5951000")))),
        (("Fracture", at(sct("344001"))), ("Fracture", at({"text": "muñeca"}))),
        (("Ankle fracture", {}), ("Wrist fracture", {})),
        (("Fracture of ankle", {}), ("Fracture", at({"text": "Wrist"}))),
        (("Fractura de tobillo", {}), ("Fractura de muñeca", {})),
        (("كسر في الكاحل", {}), ("كسر في الرسغ", {})),
    ],
)
def test_an_ankle_that_healed_does_not_heal_a_wrist(
    ankle: tuple[str, dict[str, Any]], wrist: tuple[str, dict[str, Any]]
) -> None:
    going = problem(wrist[0], FRACTURE, id="wrist", **wrist[1])
    found = read(going | {"onsetDateTime": "2025-09-01", "recordedDate": "2025-09-01"},
                 over(ankle[0], FRACTURE, **ankle[1])).problems  # fmt: skip
    assert {row.lines[0].id: row.status for row in found} == {"wrist": "active", "over": "stopped"}
    assert len({row.key for row in found}) == 2


def test_the_line_of_a_problem_says_its_place() -> None:
    (row,) = read(problem("Fracture", FRACTURE, **at(sct("51636004")))).problems
    assert (row.name, row.laterality) == ("Fracture (ankle)", "left")
    (row,) = read(problem("Ankle fracture", FRACTURE, **at({"text": "ankle"}))).problems
    assert row.name == "Ankle fracture"


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (at(sct("82169009")), at(KNEE, sct("7771000"))), (at(sct("82169009")), at({"text": "Left knee joint"})),
        (at(sct("82169009")), at({"text": "L knee"})), (at(sct("82169009")), at(sct("9", display="Left knee region"))),
        (at({"text": "Structure of left ankle (body structure)"}), at({"text": "tobillo izquierdo"})),
        (at({"text": "left lower limb"}), at({"text": "left ankle"})), (at(sct("7771000")), at(sct("82169009"))),
        (at({"text": "left ankle"}), {}),
    ],
)  # fmt: skip
def test_one_place_in_different_codes_and_words_is_one(one: dict[str, Any], same: dict[str, Any]) -> None:
    found = read(problem("Osteoarthritis", OA, **one), over("Osteoarthritis", OA, **same)).problems
    assert len(found) == 1 and len(found[0].lines) == 2


def test_one_disease_is_one_wherever_it_shows() -> None:
    gout = {"system": ICD10CM, "code": "M10.9"}
    toe, knee = at({"text": "great toe"}), at({"text": "knee"})
    assert len(read(problem("Gout", gout, **toe), over("Gout", gout, **knee)).problems) == 1


def test_what_names_no_place_joins_the_only_one_and_none_of_two() -> None:
    plain = problem("Fracture", FRACTURE, id="plain", source="east", onsetDateTime="2019-01-01")
    ankle = problem("Fracture", FRACTURE, id="ankle", **at({"text": "ankle"}))
    wrist = over("Fracture", FRACTURE, **at({"text": "wrist"}))
    found = read(plain, ankle, wrist).problems
    assert {frozenset(line.id for line in row.lines) for row in found} == {
        frozenset({"plain"}), frozenset({"ankle"}), frozenset({"over"}),
    }  # fmt: skip


def test_codes_of_places_are_codes_and_both_sides_are_of_the_same_parts() -> None:
    sides: dict[str, list[str]] = {}
    for code, words in SNOMED_PARTS.items():
        assert checks(code) and parts_in(words, site=True), (code, words)
        side, _, part = words.partition(" ")
        if side in ("left", "right"):
            sides.setdefault(part, []).append(side)
    assert len(sides) > 15 and all(sorted(set(found)) == ["left", "right"] for found in sides.values())
