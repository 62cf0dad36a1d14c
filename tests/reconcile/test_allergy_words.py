"""Allergies in words: what says that it is none is none, and Spanish names warn as English ones do."""

import pytest

from medrec.core.reconcile.notices import NoticeRule
from medrec.core.reconcile.rows import Conflict
from tests.reconcile.test_apart import AMOXICILLIN, allergy, rules
from tests.reconcile.test_bad_input import order, read

NONE = [
    "not allergic to penicillin", "Tolerates penicillin", "Penicillin - tolerated", "Penicillin (tolerates)",
    "no allergies to penicillin", "No known allergy to penicillin", "Patient is not allergic to penicillin",
    "Penicillin - not an allergy", "No es alérgica a la penicilina", "Tolera penicilina",
]  # fmt: skip

WARNS = {NoticeRule.ALLERGY, NoticeRule.ALLERGY_CLASS}


@pytest.mark.parametrize("words", NONE)
def test_what_says_that_it_is_none_is_kept_as_none_and_warns_of_nothing(words: str) -> None:
    found = read(allergy(words), allergy("NKDA", id="none"), AMOXICILLIN)
    row = next(row for row in found.allergies if not row.no_known)
    assert "enicil" in row.name and "toler" not in row.name.lower() and "allerg" not in row.name.lower()
    assert row.refuted and row.status == "stopped" and row.conflicts == ()
    assert not WARNS & rules(found)


@pytest.mark.parametrize("words", NONE)
def test_it_does_not_argue_an_allergy_away(words: str) -> None:
    found = read(allergy(words), allergy("Penicillin", id="real", source="south"), AMOXICILLIN)
    (row,) = found.allergies
    assert row.status == "active" and Conflict.REFUTED in row.conflicts and WARNS & rules(found)


@pytest.mark.parametrize(
    "words", ["Penicilina", "Alergia a la penicilina", "alérgico a penicilina", "Amoxicilina", "AMOXICILINA 500 mg"]
)
def test_a_spanish_name_warns(words: str) -> None:
    found = read(allergy(words), AMOXICILLIN)
    assert WARNS & rules(found)
    assert (
        len(read(allergy(words), allergy("Penicillin" if "penic" in words.lower() else "Amoxicillin")).allergies) == 1
    )


NOT_ALL_OF_IT = [
    "tolerates codeine, allergic to morphine", "tolerates penicillin but anaphylaxis to codeine",
    "no allergy to morphine, codeine causes anaphylaxis", "not allergic to latex but codeine: hives",
    "tolerates codeine poorly", "tolerates codeine (hives)", "tolerates codeine and morphine",
    "tolerates codeine low dose", "codeine causes hives - tolerated", "can take codeine 15 mg",
]  # fmt: skip
MENTIONED = [
    "intolerant to codeine", "codeine not tolerated", "does not tolerate codeine", "cannot tolerate codeine",
    "no codeine", "avoid codeine", "NKDA except codeine", "no known allergies other than codeine",
    "codeine - no anaphylaxis, hives only",
]  # fmt: skip


@pytest.mark.parametrize("words", NOT_ALL_OF_IT + MENTIONED)
def test_words_that_are_no_denial_as_a_whole_stay_active_and_warn_of_what_they_mention(words: str) -> None:
    codeine = AMOXICILLIN | {"id": "codeine", "medicationCodeableConcept": {"text": "codeine 30 mg tablet"}}
    found = read(allergy(words), allergy("NKDA", id="none", source="south"), codeine)
    row = next(row for row in found.allergies if not row.no_known)
    assert row.status == "active" and not row.refuted and row.name == words and Conflict.NONE_KNOWN in row.conflicts
    assert WARNS & rules(found)


def test_a_denial_beside_a_code_for_another_medicine_does_not_end_it() -> None:
    coded = allergy("tolerates codeine") | {
        "code": {
            "text": "tolerates codeine",
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "723"}],
        }
    }
    (row,) = read(coded).allergies
    assert row.status == "active" and not row.refuted


def test_of_a_class_and_a_medicine_in_one_text_both_warn() -> None:
    (row,) = read(allergy("sulfa and also codeine: hives")).allergies
    assert row.classes and row.ingredients


@pytest.mark.parametrize(
    "name",
    [
        "Tylenol 3", "Tylenol #3", "Tylenol No. 3", "Tylenol-3", "Tylenol III", "Tylenol with Codeine #3", "T3", "T#3",
        "Tylenol w/ codeine", "Empirin 3", "Fiorinal #3", "acetaminophen #3", "aspirin with codeine",
        "Phenergan with codeine",
    ],
)  # fmt: skip
def test_a_makers_number_for_codeine_warns_of_codeine_and_its_class(name: str) -> None:
    for substance, rule in (("codeine", NoticeRule.ALLERGY), ("opioids", NoticeRule.ALLERGY_CLASS)):
        assert rule in rules(read(allergy(substance), order(name, sig="1 tab daily"))), name
    assert NoticeRule.ALLERGY in rules(read(allergy(name), order("codeine 30 mg tablet", sig="1 tab daily")))


@pytest.mark.parametrize(
    "name", ["Tylenol", "Tylenol 500 mg", "Tylenol 2 tabs", "acetaminophen 3", "T4", "aspirin 81", "T3 25 mcg"]
)
def test_another_number_is_no_codeine(name: str) -> None:
    assert NoticeRule.ALLERGY not in rules(read(allergy("codeine"), order(name, sig="1 tab daily")))


def test_a_name_that_is_not_known_as_a_whole_warns_of_what_it_mentions() -> None:
    found = read(allergy("ibuprofen"), order("Advil PM", sig="1 tab daily"))
    assert found.medicines[0].ingredients == () and NoticeRule.ALLERGY in rules(found)
    assert NoticeRule.ALLERGY not in rules(read(allergy("codeine"), order("Advil PM", sig="1 tab daily")))


@pytest.mark.parametrize(
    ("words", "medicine"),
    [
        ("beta blockers", "metoprolol 25 mg tab"), ("Betabloqueantes", "metoprolol 25 mg tab"),
        ("SSRIs", "sertraline 50 mg tab"), ("ARBs", "losartan 50 mg tab"), ("sartans", "losartan 50 mg tab"),
        ("calcium channel blockers", "amlodipine 5 mg tab"), ("CCBs", "diltiazem 60 mg tab"),
        ("beta-lactams", "amoxicillin 500 mg cap"), ("Beta lactam antibiotics", "cephalexin 500 mg cap"),
        ("antihistamines", "loratadine 10 mg tab"), ("narcotics", "oxycodone 5 mg tab"),
        ("narcotic pain medications", "oxycodone 5 mg tab"), ("tricyclics", "amitriptyline 25 mg tab"),
        ("barbiturates", "phenobarbital 30 mg tab"), ("barbiturates", "butalbital"), ("quinolone", "levofloxacin"),
        ("NKDA except narcotics", "oxycodone 5 mg tab"), ("thiazides", "chlorthalidone 25 mg tab"),
    ],
)  # fmt: skip
def test_who_names_a_class_means_all_of_it(words: str, medicine: str) -> None:
    assert WARNS & rules(read(allergy(words), order(medicine, sig="1 tab daily", authoredOn="2025-10-05")))


def test_one_medicine_of_a_class_that_is_none_of_allergies_says_nothing_of_the_next() -> None:
    assert not WARNS & rules(read(allergy("metoprolol"), order("atenolol 25 mg tab", sig="1 tab daily")))
    assert not WARNS & rules(read(allergy("beta blockers"), order("lisinopril 20 mg tab", sig="1 tab daily")))


@pytest.mark.parametrize("brand", ["Amoxil", "Pen VK", "Pen-Vee K", "Veetids"])
def test_a_brand_that_is_sold_no_more_warns(brand: str) -> None:
    assert WARNS & rules(read(allergy(brand), AMOXICILLIN))


def test_what_no_table_knows_warns_by_what_its_reactions_were_to() -> None:
    """An allergy to something that nobody knows, after a rash from amoxicillin, warned of nothing."""
    rash = {"substance": {"text": "amoxicillin"}, "manifestation": [{"text": "rash"}]}
    found = read(allergy("the white pill", reaction=[rash]), order("amoxicillin 500 mg"))
    [row] = found.allergies
    assert row.name == "the white pill (amoxicillin)" and WARNS & rules(found)
    # What is known by itself is to that alone; and a substance that nobody knows changes no name.
    for words, to in (("peanut", "amoxicillin"), ("the white pill", "the blue tablet")):
        other = read(allergy(words, reaction=[rash | {"substance": {"text": to}}]), order("amoxicillin 500 mg"))
        assert [row.name for row in other.allergies] == [words] and not WARNS & rules(other)


@pytest.mark.parametrize(
    "words", ["all antibiotics", "antibiotics", "Antibiotic", "any antibiotic: hives", "antibióticos", "Antibióticos"]
)
def test_an_allergy_to_antibiotics_is_to_every_one_of_them(words: str) -> None:
    for medicine in (
        "amoxicillin 500 mg",
        "azithromycin 250 mg",
        "nitrofurantoin 100 mg",
        "Bactrim DS",
        "Cipro 500 mg",
    ):
        assert WARNS & rules(read(allergy(words), order(medicine, sig="1 tab daily", authoredOn="2025-10-05"))), (
            medicine
        )
    for medicine in ("lisinopril 20 mg", "fluconazole 150 mg", "acyclovir 400 mg"):
        assert not WARNS & rules(read(allergy(words), order(medicine, sig="1 tab daily"))), medicine
    # Beside a name it says of what kind that is, and is no allergy to the others.
    only = read(allergy("sulfa antibiotics"), order("amoxicillin 500 mg", sig="1 tab daily", authoredOn="2025-10-05"))
    assert not WARNS & rules(only)
