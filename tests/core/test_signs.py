"""Signs that nobody sees: one reading, for names, words, reasons, codes and who may review whom."""

import unicodedata

import pytest

from medrec.core.consent.actors import _may_be_called
from medrec.core.consent.names import visible
from medrec.core.consent.spelling import words_of
from medrec.core.consent.systems import token
from medrec.core.manifests.emergency import same_name, says_enough
from medrec.core.signs import as_latin, count, is_mixed, is_seen, says_something, seen, skeleton

HIDDEN = [
    "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\x00", "\x7f", "\ue000", "\u115f", "\u1160", "\u2800",
    "\u3164", "\uffa0", "\u034f", "\ufe0f", "\U000e0100", "\u180b", "\u17b4",
]  # fmt: skip


@pytest.mark.parametrize("sign", HIDDEN, ids=lambda sign: f"{ord(sign):04x}")
def test_a_sign_that_nobody_sees_counts_nowhere(sign: str) -> None:
    """In a name, a word, a reason, a code, and a comparison of two people."""
    assert not is_seen(sign) and not says_something(f" {sign}\t{sign}") and visible(sign) == ""
    inside = f"Sou{sign}th"
    assert seen(inside) == visible(inside) == "South"
    assert words_of(f"H{sign}IV") == ["HIV"]
    assert same_name(f"Dr Ada {inside}", "Dr Ada South") and not same_name("Dr Ada South", "Dr Eve North")
    assert _may_be_called([inside], "Dr Ada South") is None, "it may be her, and a denial of it holds"
    assert count(f"a{sign * 30}") == 1 and not says_enough(f"a{sign * 30}")
    assert token("http://loinc.org", f"4548{sign}-4") == "http://loinc.org|4548-4"


def test_what_is_seen_stays() -> None:
    for text in ("Zoë Škvorecký", "محمد", "अनुपमा", "\u0646\u200c\u0645", "O'Neil-Smith", "山田太郎"):
        assert visible(text) == text and says_something(text)
    assert words_of("one\ntwo\tthree") == ["one", "two", "three"], "ends of lines part words"
    assert seen("one\ntwo") == "one\ntwo" and visible("one\ntwo") == "onetwo"
    every = [chr(code) for code in range(0x20, 0x7F)]
    assert all(map(is_seen, every)) and not any(unicodedata.category(one) == "Cc" for one in every)


def test_marks_on_other_signs_are_no_words_of_a_reason() -> None:
    assert not says_enough("a" + "\u0301" * 30) and says_enough("Found unconscious at a bus stop")
    assert count("  a   b ") == 3


def test_a_name_of_letters_of_two_scripts_may_be_anybodys() -> None:
    """One Cyrillic letter in a Latin name: nobody reviews her own emergency by it."""
    assert is_mixed("\u0405outh") and same_name("Dr \u0405outh", "Dr South")
    assert not is_mixed("South") and not is_mixed("Иванова") and not is_mixed("ひらカタ漢字")
    assert not same_name("Dr Иванова", "Dr Petrov")


def test_a_word_of_two_alphabets_is_what_people_read() -> None:
    for written, read in (
        ("l\u0456sinopril", "lisinopril"), ("w\u0430rf\u0430rin 5 mg", "warfarin 5 mg"), ("\u0410SPIRIN", "ASPIRIN"),
        ("p\u0435ni\u0441illin", "penicillin"), ("m\u03bfrphine", "morphine"), ("\u0412UPROPION", "BUPROPION"),
        # Words of one alphabet, and Greek letters of substances, are what they are.
        ("\u0430\u0441\u043f\u0438\u0440\u0438\u043d", "\u0430\u0441\u043f\u0438\u0440\u0438\u043d"),
        ("\u03b1-lipoic acid", "\u03b1-lipoic acid"), ("5 \u03bcg", "5 \u03bcg"), ("TNF\u03b1", "TNF\u03b1"),
        ("Byetta", "Byetta"),
    ):  # fmt: skip
        assert as_latin(written) == read


@pytest.mark.parametrize(
    ("reviewer", "declared"),
    [
        ("Dr S0uth", "Dr South"),
        ("Dr South2", "Dr South"),
        ("S1mon West", "Dr Simon West"),
        ("Dr \u041d\u043e\u0440\u0435", "Dr Hope"),
        ("\u039d\u0391\u03a4\u0391 \u0395\u0392\u0391", "Eba Nata"),
        ("\uff33\uff4f\uff55\uff54\uff48 Ada", "South Ada"),
        ("Dr Bums", "Dr Burns"),
        ("Dr lan Gray", "Dr Ian Gray"),
        ("Dr Sou-th", "Dr South"),
        ("Dr Sou'th", "Dr South"),
        ("Anna Sou.th", "Dr Anna South"),
        ("Dr Sou th", "Dr South"),
        ("DrSouth", "Dr South"),
        ("South, Dr", "Dr South"),
        ("D. South", "Dr South"),
        ("A. South", "Anna South"),
        ("Pat OBrien", "Pat O'Brien"),
        ("Dr Mueller", "Dr M\u00fcller"),
        ("\u674e \u660e", "\u674e\u660e"),
        ("Dra. Anna South", "Dr Anna South"),
        ("Anna South jr", "Dr Anna South"),
        ("Anna South RGN", "Dr Anna South"),
        ("Anna South, Consultant", "Dr Anna South"),
        ("Anna South, who is not in the list of titles", "Dr Anna South"),
        ("Anna South (ED)", "Dr Anna South"),
        ("South, Anna [nights]", "Dr Anna South"),
        ("Miss Anna South", "Dr Anna South"),
        ("Sister Anna South", "Dr Anna South"),
        ("Anna Southh", "Dr Anna South"),
    ],
)
def test_a_name_that_looks_like_hers_is_hers(reviewer: str, declared: str) -> None:
    """A figure in it, or letters that are all of another alphabet, make nobody somebody else."""
    assert same_name(reviewer, declared) and same_name(declared, reviewer)


def test_names_that_look_otherwise_are_two_people() -> None:
    for one, other in (
        ("Dr S0uth", "Dr North"), ("Ada 2", "Eve 2"), ("P. Officer", "Dr South"), ("Dr", "Dr South"),
        ("S. North", "Dr South"), ("Anna South", "Bea South"), ("Nurse North", "Nurse South"),
        ("A. South", "B. South"), ("South, Anna", "South, Bea"), ("Dr Anna South (ED)", "Dr Bea South (ED)"),
        ("Anna South, RN", "Bea North, RN"), ("Sister North", "Sister South"), ("Lee Wong", "Li Wong"),
    ):  # fmt: skip
        assert not same_name(one, other) and not same_name(other, one)
    assert skeleton("Норе") == skeleton("hope") and skeleton("Škoda") == "skoda"


def test_one_letter_again_and_again_is_no_reason() -> None:
    assert not says_enough("a " * 20) and not says_enough("ab ba " * 8)
    for empty in (
        "12345678901234567890",
        "unconscious unconscious",
        "Unconscious, unconscious!",
        "- unconscious - unconscious -",
        "BP 60/30, 70/40, 80/50, 90/60",
        "K 8.1, K 8.2, K 8.3, K 9.4",
        "60/30 150 40.5 8.1 72 14:02",
    ):
        assert not says_enough(empty), empty
    for vital in (
        "HR 30, BP 50/30, K 8.1", "Hb 4.1, BP 70/30, HR 140", "BP 60/30 HR 150 T 40.5", "K+ 8.2, HR 28, QRS 200",
        "SpO2 60%, BP 70/40, HR 30",
    ):  # fmt: skip
        assert says_enough(vital), vital
    assert says_enough("BP 60/30, HR 140, GCS 3, now") and says_enough("unconscious, found unconscious")
    assert says_enough("no pulse, no pulse, no pulse") and says_enough("患者在公共汽车站被发现时已失去知觉，呼吸微弱。")
