"""Which codes of ICD-10-CM are of one problem: kinds and stages are, other diseases and other places of one are not."""

import csv
import gzip
import re
from pathlib import Path

import pytest

from medrec.core.records.icd_families import GROUPS, bout, family, places
from medrec.core.records.terms import SNOMED
from tests.reconcile.test_apart import icd, over, problem
from tests.reconcile.test_bad_input import read

APART = [
    (("", "I50.810"), ("", "I50.1")), (("", "I50.812"), ("", "I50.22")), (("Right heart failure", ""), ("HFrEF", "")),
    (("Heart attack", "I21.11"), ("Heart attack", "I21.02")), (("Inferior MI", "I21.9"), ("", "I21.09")),
    (("", "I21.19"), ("", "I21.29")), (("", "K80.50"), ("", "K80.20")), (("Bile duct stone", "K80.80"), ("", "K80.20")),
    (("", "E66.3"), ("", "E66.9")), (("", "E78.41"), ("", "E78.5")), (("", "F32.81"), ("", "F32.9")),
    (("", "G20.C"), ("", "G20.A1")), (("", "G43.A0"), ("", "G43.909")), (("", "G43.D0"), ("", "G43.909")),
    (("", "I26.95"), ("", "I26.99")), (("", "I25.5"), ("", "I25.10")), (("", "M81.6"), ("", "M81.0")),
    (("", "N40.2"), ("", "N40.0")), (("", "D50.1"), ("", "D50.9")), (("", "G40.509"), ("", "G40.909")),
]  # fmt: skip


@pytest.mark.parametrize(("ended", "going"), APART)
def test_two_problems_of_one_category_are_two_rows(ended: tuple[str, str], going: tuple[str, str]) -> None:
    ends, goes = ([icd(one[1])] if one[1] else [] for one in (ended, going))
    lately = {"onsetDateTime": "2025-06-01", "recordedDate": "2025-06-01"}
    found = read(problem(going[0], *goes, id="going", **lately), over(ended[0], *ends, **lately)).problems
    assert {row.lines[0].id: row.status for row in found} == {"going": "active", "over": "stopped"}


@pytest.mark.parametrize(
    ("one", "same"),
    [("I50.9", "I50.22"), ("I50.9", "I50.810"), ("I50.1", "I50.32"), ("I50.82", "I50.810"), ("I21.9", "I21.11"),
     ("I21.02", "I21.09"), ("K80.20", "K80.62"), ("I26.09", "I26.99"), ("E78.01", "E78.5"), ("G35", "G35.A")],
)  # fmt: skip
def test_kinds_and_stages_of_one_disease_are_one_row(one: str, same: str) -> None:
    assert len(read(problem("", icd(one)), problem("", icd(same), id="b", source="south")).problems) == 1


@pytest.mark.parametrize(
    ("words", "bout_of", "code"),
    [("Asthma", "Asthma exacerbation", "J45.901"), ("COPD", "COPD flare", "J44.1"), ("Type 2 diabetes", "", "E11.621"),
     ("Type 1 diabetes", "DKA", "E10.10"), ("Crohn's disease", "", "K50.013"), ("Heart failure", "", "I50.23"),
     ("CAD", "", "I25.110"), ("Hypothyroidism", "", "E03.5"), ("Epilepsy", "", "G40.901")],
)  # fmt: skip
def test_the_end_of_an_attack_is_not_that_of_the_disease(words: str, bout_of: str, code: str) -> None:
    ended = over(bout_of, icd(code))
    goes_on = problem(words, {"system": SNOMED, "code": "1", "display": words}, id="disease")
    found = read(goes_on, ended).problems
    assert {line.id: row.status for row in found for line in row.lines}["disease"] == "active"
    # Who calls it by the very code has ended the very thing.
    again = read(problem(bout_of, icd(code), id="same"), ended).problems
    assert [row.status for row in again] == ["stopped"]


_ATTACK = re.compile(
    r"exacerbation|\bcoma\b|ketoacidosis|hyperosmolarity|with status (?:epilep|migrain|asthm)|acute on chronic"
    r"|angina|fistula|abscess|obstruction|complication|foot ulcer|with esophagitis|acute \w+ \(congestive\)"
    r"|rectal bleeding"
)
_NOT = re.compile(r"without.*|(?:un)?specified complications|with or without.*")
_BY_ITSELF = ("I26", "I26.01", "I26.03", "I26.04", "K80", "G40.5", "K35")
"""Of these the attack is the disease."""


def test_every_code_of_an_attack_or_complication_of_a_group_is_known_as_one(shared: Path) -> None:
    with gzip.open(shared / "data" / "terminology" / "icd10cm.csv.gz", "rt", encoding="utf-8") as file:
        rows = [(row["code"], row["description"].lower()) for row in csv.DictReader(file)]
    seen = 0
    for code, title in rows:
        if family(code) in GROUPS and family(code) not in _BY_ITSELF and _ATTACK.search(_NOT.sub("", title)):
            seen += 1
            # What is chronic, or has sleep in its name, is no attack; a category above its codes says nothing.
            assert bout(code) or "chronic obstructive" in title or "sleep apnea" in title or len(code) < 6, (
                code,
                title,
            )
    assert seen > 100


def test_whole_families_of_no_group_have_codes_of_one_title_but_for_side_and_visit(shared: Path) -> None:
    """Read by eye on a sample of a hundred, and here over all: what is taken off a code is no disease."""
    words = re.compile(
        r"\b(?:right|left|bilateral|both|unspecified|sides?|(?:initial|subsequent) encounter.*|sequela"
        r"|(?:non-?)?dominant|affecting|eyes?|ears?|limbs?|lower|upper)\b|[,()\[\]]"
    )
    with gzip.open(shared / "data" / "terminology" / "icd10cm.csv.gz", "rt", encoding="utf-8") as file:
        rows = [(row["code"], row["description"].lower()) for row in csv.DictReader(file)]
    titles: dict[str, set[str]] = {}
    for code, title in rows:
        if family(code) not in GROUPS:
            plain = " ".join(sorted(word.rstrip("s") for word in words.sub(" ", title).split()))
            titles.setdefault(family(code), set()).add(plain)
    several = {of: found for of, found in titles.items() if len(found) > 1}
    assert len(titles) > 40_000 and places("I50", ["I50.9"], []) == ()
    assert len(several) < 60, (len(several), list(several.items())[:60])


@pytest.mark.parametrize(
    ("one", "other"),
    [("S66.314A", "S66.319A"), ("S31.819A", "S31.839A"), ("S06.34AA", "S06.30AA"), ("S06.819A", "S06.899A"),
     ("S02.81XA", "S02.85XA"), ("L89.113", "L89.153"), ("N63.1", "N63.3"), ("S62.652A", "S62.659A")],
)  # fmt: skip
def test_what_is_not_said_is_of_the_thing_with_the_same_words_alone(one: str, other: str) -> None:
    """An unspecified finger is not the ring finger, an anus no buttock, a sacrum no upper back."""
    assert family(one) != family(other)
