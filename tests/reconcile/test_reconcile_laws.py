"""The laws of the lists, over records that Hypothesis makes up."""

import hashlib
import random
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from medrec.core.manifests.acts import Act, Subject
from medrec.core.reconcile.held import PATIENT, Held, Medicine, current
from medrec.core.reconcile.lists import Lists, Read
from medrec.core.reconcile.said import REVIEWED, said
from medrec.core.records.understood import NoteCode
from tests.reconcile.records_said import NAMES, NOW, TERMS, allergy, held, medicine, problem, reaction

DATES = st.sampled_from(
    ["", "2019", "2021-05", "2023-03-01", "2024-11-30", "2025-09-01", "2025-10-01T08:00:00Z", "2031-01-01"]
)
STATUSES = st.sampled_from(["active", "stopped", "unknown"])
SOURCES = st.sampled_from(["north", "south", "east"])
ANYBODY = st.sampled_from(["north", "south", "east", PATIENT])


@st.composite
def medicines(draw: Any) -> Any:
    codes = draw(st.sampled_from([("1",), ("1", "3"), ("3",), ("2",), ("4",), ("5",), ("6",), ("7",), ()]))
    if not codes:
        return medicine(name=draw(st.sampled_from(["Little blue pill", "Heart tablet"])), form="")
    return medicine(
        *codes,
        mg=draw(st.sampled_from(["", "10", "20"])),
        times=draw(st.sampled_from(["", "1", "2", "1-4"])),
        form=draw(st.sampled_from(["", "tablet", "capsule", "ophthalmic solution"])),
        kind=draw(st.sampled_from(["order", "statement", "dispense", "administration"])),
        brand=draw(st.sampled_from(["", "Prinivil"])),
        as_needed=draw(st.booleans()),
        not_taken=draw(st.booleans()) and draw(st.booleans()),
    )


@st.composite
def problems(draw: Any) -> Any:
    name, codes = draw(
        st.sampled_from(
            [
                ("Hypertension", ("I10",)),
                ("Fracture", ("S52",)),
                ("Fracture", ()),
                ("Bronchitis", ("J20.9",)),
                ("MS", ()),
                ("MS", ("G35",)),
                ("Mitral stenosis", ("I05.0",)),
                ("Bronchitis", ()),
            ]
        )
    )
    return problem(
        name,
        *codes,
        laterality=draw(st.sampled_from(["", "left", "right"])),
        history=draw(st.booleans()),
        absent=draw(st.booleans()) and draw(st.booleans()),
    )


@st.composite
def allergies(draw: Any) -> Any:
    if draw(st.integers(0, 4)) == 0:
        return allergy("No known allergies", no_known="any")
    return allergy(
        *draw(st.sampled_from([("Amoxicillin", "6"), ("Lisinopril", "1"), ("Nuts",)])),
        criticality=draw(st.sampled_from(["", "low", "high"])),
        refuted=draw(st.booleans()),
        reactions=draw(st.sampled_from([(), (reaction("hives"),), (reaction("swelling", severity="severe"),)])),
    )


@st.composite
def records(draw: Any) -> Held:
    detail = draw(st.one_of(medicines(), problems(), allergies(), st.none()))
    return held(
        draw(SOURCES),
        draw(st.sampled_from([f"r{n}" for n in range(12)])),
        detail,
        draw(STATUSES),
        when=draw(DATES),
        until=draw(DATES),
        recorded=draw(DATES),
        reason=draw(st.sampled_from(["", "completed", "stopped"])),
        version=draw(st.integers(1, 3)),
        notes=draw(st.sampled_from([(), (), (), (NoteCode.ENTERED_IN_ERROR,)])),
    )


@st.composite
def pointing(draw: Any) -> Held:
    """An order that is read by the Medication that it points at."""
    pointed = draw(st.sampled_from(["m1", "m2"]))
    version = draw(st.integers(0, 2))
    mark = hashlib.sha256(f"{pointed}/{version}".encode()).hexdigest()
    found = draw(records())
    made = msgspec.structs.replace(found, medicine=Medicine(pointed, version, mark, mark, NOW))
    return msgspec.structs.replace(made, manifest=hashlib.sha256((found.manifest + mark).encode()).hexdigest())


@st.composite
def spoken(draw: Any) -> list[Held]:
    """What the patient, or a clinician of one of the sources, says of some medicines."""
    hers = draw(st.booleans())
    kinds = ["not-taking", "like-this", "also-taking"] if hers else ["reviewed", "changed", "stopped"]
    names = draw(st.lists(st.sampled_from(sorted(NAMES)), min_size=1, max_size=3, unique=True))
    subjects = [Subject(f"{code}|body", NAMES[code], [code], "tablet", "body") for code in names]
    act = msgspec.convert(
        {
            "network": "00" * 32, "account": "x", "id": draw(st.sampled_from(["11" * 16, "22" * 16, "33" * 16])),
            "kind": draw(st.sampled_from(kinds)), "author": "patient" if hers else "clinician",
            "organisation": "" if hers else draw(SOURCES), "name": "Ada" if hers else "Dr A",
            "time": NOW - draw(st.sampled_from([0, 1, 30, 400])) * 86_400_000,
            "subjects": [msgspec.to_builtins(one) for one in subjects],
            "words": draw(st.sampled_from(["1 tab daily", "20 mg twice daily"])),
        },
        Act,
    )  # fmt: skip
    return said(act, hashlib.sha256(repr(act).encode()).hexdigest(), act.time, TERMS)


WORDS = st.one_of(st.one_of(records(), pointing()).map(lambda one: [one]), spoken())
PILES = st.lists(WORDS, max_size=24).map(lambda piles: [item for pile in piles for item in pile])


def read(pile: list[Held]) -> Read:
    return Lists(TERMS, NOW, pile).read()


def rows(found: Read) -> list[Any]:
    return [*found.medicines, *found.problems, *found.allergies]


@given(PILES, st.randoms(use_true_random=False))
def test_the_order_of_records_is_without_effect(pile: list[Held], chance: random.Random) -> None:
    other = list(pile)
    chance.shuffle(other)
    assert read(other) == read(pile)


@given(PILES)
def test_giving_everything_twice_is_giving_it_once(pile: list[Held]) -> None:
    assert read(pile + pile) == read(pile)


@given(PILES, st.data())
def test_record_by_record_is_the_same_as_all_at_once(pile: list[Held], data: st.DataObject) -> None:
    kept = Lists(TERMS, NOW)
    for item in pile:
        kept.put(item)
        if data.draw(st.booleans()):
            kept.read()
    assert kept.read() == read(pile)


@given(PILES)
def test_no_line_is_lost_and_none_is_there_twice(pile: list[Held]) -> None:
    found = read(pile)
    lines = [line.manifest for row in rows(found) for line in row.lines]
    held_now = [item for item in current(pile) if item.record.detail is not None]
    reviews = {item.manifest: item for item in held_now if item.record.status_reason == REVIEWED}
    assert sorted(set(lines) - set(reviews)) == sorted(
        item.manifest for item in held_now if item.manifest not in reviews
    )
    assert len(lines) == len(set(lines))
    # A review makes no row of its own; it is left out only where no row is of its medicine and place.
    assert all(any(line.manifest not in reviews for line in row.lines) for row in rows(found))
    for item in (item for name, item in reviews.items() if name not in lines):
        detail: Any = item.record.detail
        assert not [row for row in found.medicines if (row.ingredients, row.site) == (detail.ingredients, "body")]
    assert found.others == sum(item.record.detail is None for item in current(pile))


@given(PILES)
def test_nothing_is_active_that_no_source_calls_active(pile: list[Held]) -> None:
    by_manifest = {item.manifest: item for item in pile}
    for row in rows(read(pile)):
        if row.status == "active":
            said = [by_manifest[line.manifest].record for line in row.lines if not line.outdone]
            # Whoever went through the list calls nothing so that nobody else does.
            assert any(record.status == "active" and record.status_reason != REVIEWED for record in said), row
            assert row.confirmed is None or row.confirmed.at <= NOW + 86_400_000


@given(PILES, ANYBODY)
def test_withdrawing_a_source_is_never_having_had_it(pile: list[Held], gone: str) -> None:
    kept = Lists(TERMS, NOW, pile)
    kept.read()
    kept.drop_source(gone)
    assert kept.read() == read([item for item in pile if item.source != gone])


@given(PILES, st.data())
def test_what_is_hidden_leaves_no_trace(pile: list[Held], data: st.DataObject) -> None:
    """Whoever may not see some records gets, byte for byte, what he would get had they never been."""
    hidden = {item.manifest for item in pile if data.draw(st.booleans())}
    kept = Lists(TERMS, NOW, pile)
    kept.read()
    for item in pile:
        if item.manifest in hidden:
            kept.drop(item)
    never = [item for item in pile if item.manifest not in hidden]
    assert msgspec.json.encode(kept.read()) == msgspec.json.encode(read(never))


@given(PILES)
def test_sides_and_times_of_problems_are_never_mixed(pile: list[Held]) -> None:
    by_manifest = {item.manifest: item for item in pile}
    for row in read(pile).problems:
        details: list[Any] = [by_manifest[line.manifest].record.detail for line in row.lines]
        assert len({detail.laterality for detail in details} - {""}) <= 1
        assert len({detail.history for detail in details}) == 1


@given(PILES)
def test_a_completed_order_never_hides_an_active_one(pile: list[Held]) -> None:
    """Without any explicit stop, what was active stays so whatever else was completed; and what names no place of
    action is drawn to none by what is over, save into the body, where it was looked for anyway."""
    plain = [
        item
        for item in pile
        if item.record.detail is not None
        and not (item.record.status == "stopped" and item.record.status_reason != "completed")
        and not getattr(item.record.detail, "not_taken", False)
    ]
    ended = {item.manifest for item in plain if item.record.status == "stopped"}
    before = read([item for item in plain if item.manifest not in ended]).medicines
    names = {item.name for item in plain if item.manifest in ended}
    after = {line.manifest: row for row in read(plain).medicines for line in row.lines}
    for row in before:
        if row.status == "active" and not any((line.source, line.type, line.id) in names for line in row.lines):
            for line in row.lines:
                if line.says == "taken" and not line.outdone:
                    now = after[line.manifest]
                    assert now.status == "active"
                    assert now.ingredients == row.ingredients and now.site in (row.site, "", row.site or "body")


def test_the_laws_are_not_empty() -> None:
    """The records made up above do reach every status, conflict and class (a law over nothing would hold as well)."""
    chance = random.Random(1)
    pile = [
        held(
            chance.choice(["north", "south"]), f"x{n}", medicine(chance.choice(list(NAMES)), mg="10", times="1"),
            chance.choice(["active", "stopped"]), when=f"20{chance.randint(23, 25)}-01-01",
        )
        for n in range(60)
    ]  # fmt: skip
    found = read(pile)
    assert {row.status for row in found.medicines} == {"active", "stopped"}
    assert any(row.conflicts for row in found.medicines) and any(row.links for row in found.medicines)
