"""Fellegi-Sunter in whole numbers: weights are what m and u say, twins are never sure, contradiction is plain."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medrec.core import matching
from medrec.core.matching import (
    LIKELY,
    WEIGHTS,
    Demographics,
    Field,
    compare,
    contradictions,
    doubts,
    is_same,
    is_told,
    of_patient,
    plain,
)

ADA = Demographics("Lovelace", "Ada Augusta", "1961-12-10", "female", "02139", "+1 617 555 0100", ("urn:ssn|1",))


def but(**changes: object) -> Demographics:
    return msgspec.structs.replace(ADA, **changes)


@pytest.mark.parametrize("field", list(Field))
def test_the_weights_are_the_logarithms_of_m_and_u(field: Field) -> None:
    weight = WEIGHTS[field]
    m, u = weight.m / 1e6, weight.u / 1e6
    assert weight.agrees == pytest.approx(100 * math.log2(m / u), abs=1)
    assert weight.differs == pytest.approx(100 * math.log2((1 - m) / (1 - u)), abs=1)
    assert weight.differs < weight.nearly < weight.agrees


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        (ADA, "likely"),
        (but(given="A."), "likely"),
        (but(family="LOVELÂCE", phone="", identifiers=()), "likely"),
        (but(family="Lovelace-King"), "likely"),
        (but(birth="1961-10-12"), "possible"),
        (but(birth="1961"), "possible"),
        (but(given="Byron"), "possible"),
        (but(birth="1931-02-10", identifiers=()), "possible"),
        (Demographics("Lovelace", "Ada"), "possible"),
        (Demographics("King", "William", "1935-02-21", "male", "02139"), "unlikely"),
        (Demographics(), "unlikely"),
    ],
)
def test_who_is_proposed(other: Demographics, verdict: str) -> None:
    assert compare(ADA, other).verdict == verdict


def test_a_twin_scores_high_and_is_still_not_sure() -> None:
    found = compare(ADA, but(given="Byron", identifiers=(), phone="+1 617 555 0100"))
    assert found.score >= LIKELY and found.twin and found.verdict == "possible"


def test_nobody_is_found_by_what_is_missing() -> None:
    assert compare(Demographics(), Demographics()).score == 0
    assert all(agreement == "missing" for _, agreement in compare(ADA, Demographics()).fields)


@pytest.mark.parametrize(
    ("other", "fields"),
    [
        (ADA, ()),
        (but(family="King"), ()),
        (but(given="Gus"), ()),
        (but(birth="1961-12-01"), ()),
        (but(sex="male"), ()),
        (but(birth="1948-01-02"), (Field.BIRTH,)),
        (but(family="Hopper", given="Grace"), (Field.FAMILY, Field.GIVEN)),
        (but(family="King", identifiers=("urn:ssn|2",)), (Field.FAMILY, Field.IDENTIFIER)),
        (but(identifiers=("urn:ssn|2",)), (Field.IDENTIFIER,)),
        (but(identifiers=("urn:passport|2",)), ()),
        (but(given="Ada Maria", identifiers=()), (Field.GIVEN,)),
        (but(given="Ada Maria"), ()),
        (but(birth="1991-12-10", identifiers=()), (Field.BIRTH,)),
        (but(birth="1991-12-10"), ()),
        (but(birth="1961-12-11", identifiers=()), ()),
        (Demographics(), ()),
    ],
)
def test_what_contradicts(other: Demographics, fields: tuple[Field, ...]) -> None:
    assert contradictions(ADA, other) == fields


def test_a_patient_record_is_read() -> None:
    record = {
        "resourceType": "Patient",
        "name": [
            {"use": "nickname", "given": ["Addie"]},
            {"use": "official", "family": "Lovelace", "given": ["Ada", "Augusta"]},
        ],
        "birthDate": "1961-12-10",
        "gender": "female",
        "telecom": [{"system": "email", "value": "a@example.org"}, {"system": "phone", "value": "+1 617 555 0100"}],
        "address": [{"postalCode": "02139"}],
        "identifier": [
            {"system": "urn:mrn", "value": "77"},
            {"system": "urn:ssn", "value": "1", "type": {"coding": [{"code": "SS"}]}},
        ],
    }
    assert of_patient(record) == ADA
    assert of_patient({"name": [{"text": "Ada Lovelace"}]}) == Demographics("Lovelace", "Ada")
    assert of_patient({}) == Demographics()


_WHO = st.builds(
    Demographics,
    family=st.sampled_from(["", "Lovelace", "Lovelance", "King", "Ó Néill"]),
    given=st.sampled_from(["", "Ada", "A", "Byron"]),
    birth=st.sampled_from(["", "1961-12-10", "1961-10-12", "1961", "1948-01-02", "nonsense"]),
    sex=st.sampled_from(["", "female", "male", "unknown"]),
    postcode=st.sampled_from(["", "02139", "02139-1234", "SW1A 1AA"]),
    identifiers=st.sampled_from([(), ("s|1",), ("s|2",), ("t|1",)]),
)


@given(_WHO, _WHO)
def test_order_is_without_effect_and_oneself_never_contradicts(a: Demographics, b: Demographics) -> None:
    assert compare(a, b) == compare(b, a)
    assert contradictions(a, b) == contradictions(b, a)
    assert contradictions(a, a) == () and compare(a, a).score >= compare(a, b).score


def test_names_are_compared_by_their_letters() -> None:
    assert plain("  Ó Néill-Smith 3rd ") == "o neill smith rd"


@pytest.mark.parametrize(
    "other",
    [
        Demographics("Miller", "Peter", "2010-01-01", "male", "12345"),
        Demographics("Miller", "Maria", "2010-01-01", "female", "12345"),
        Demographics("Miller", "Peter", "", "male"),
    ],
)
def test_a_twin_and_a_husband_contradict(other: Demographics) -> None:
    anna = Demographics("Miller", "Anna", "2010-01-01", "female", "12345")
    assert Field.GIVEN in contradictions(anna, other)


@pytest.mark.parametrize(
    "other",
    [
        Demographics("Smith", "Anna", "2010-01-01", "female"),
        Demographics("Miller", "Ann", "2010-01-01", "female"),
        Demographics("Miller", "Anna", "", "male"),
        Demographics("Miller", "Nancy", "", "female"),
    ],
)
def test_marriage_a_nickname_and_a_slip_do_not(other: Demographics) -> None:
    assert contradictions(Demographics("Miller", "Anna", "2010-01-01", "female", "12345"), other) == ()


TWINS = [
    ("Daniel", "Daniela", "male", "female"),
    ("Jan", "Jana", "male", "female"),
    ("Maria Anna", "Maria Clara", "female", "female"),
    ("Anna Maria", "Clara Maria", "female", "female"),
    ("Mohammed Ali", "Mohammed Omar", "male", "male"),
    ("Maria A.", "Maria C.", "", ""),
    ("Baby A", "Baby B", "", ""),
    ("Twin 1", "Twin 2", "", ""),
    ("BABYGIRL", "Baby Boy", "", ""),
    ("Baby Girl", "Anna", "", ""),
    ("Tim", "Tom", "male", "male"),
]


@pytest.mark.parametrize(("one", "other", "sex", "sex_of_other"), TWINS)
def test_twins_of_like_names_are_two(one: str, other: str, sex: str, sex_of_other: str) -> None:
    a, b = (Demographics("Novak", given, "2001-01-01", of) for given, of in ((one, sex), (other, sex_of_other)))
    for known, now in ((a, b), (b, a)):
        assert Field.GIVEN in contradictions(known, now) and not is_same(known, now)
        found = compare(known, now)
        assert found.twin and found.verdict != "likely" and found.of(Field.GIVEN) != "agrees"


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ada", "Ada Augusta"), ("Ada A.", "Ada Augusta"), ("Ada Agusta", "Ada Augusta"), ("Maria del Carmen", "Maria")],
)
def test_a_name_of_which_one_says_more_is_one(one: str, other: str) -> None:
    a, b = (Demographics("Novak", given, "2001-01-01", "female") for given in (one, other))
    assert contradictions(a, b) == () and is_same(a, b) and is_same(b, a) and compare(a, b).verdict == "likely"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"given": "Adam"}, (Field.GIVEN,)),
        ({"family": "Lovelance"}, (Field.FAMILY,)),
        ({"birth": "1961-12-11"}, (Field.BIRTH,)),
        ({"birth": "1961"}, (Field.BIRTH,)),
        ({"given": "Ada Maria"}, (Field.GIVEN,)),
        ({"family": "", "phone": "", "postcode": ""}, ()),
    ],
)
def test_what_is_not_as_written_is_a_doubt(changes: dict[str, str], fields: tuple[Field, ...]) -> None:
    assert doubts(ADA, but(**changes)) == fields and is_told(ADA, but(**changes))
    assert is_same(ADA, but(**changes)) == (not fields)


@pytest.mark.parametrize(
    "who",
    [
        Demographics("Unknown", "Unknown", "1900-01-01"),
        Demographics("Doe", "John", "1900-01-01"),
        Demographics("Smith", "Baby A", "2026-01-01"),
        Demographics("Smith", "Twin", "2026-01-01"),
        Demographics("", "", "2026-01-01"),
    ],
)
def test_what_is_written_where_nobody_knows_tells_nobody(who: Demographics) -> None:
    assert not is_told(who, who) and not is_same(who, who) and contradictions(who, who) == ()
    assert compare(who, who).verdict != "likely"


def test_who_has_one_name_alone_is_asked_about() -> None:
    """Or a child that has no name yet: nobody but whoever has the papers in hand can tell."""
    record, papers = Demographics("Suharto", "", "1961-06-08"), Demographics("Suharto", "Suharto", "1961-06-08")
    assert is_told(record, papers) and doubts(record, papers) == (Field.GIVEN,) and not is_same(record, papers)
    assert not is_told(record, Demographics("Sukarno", "Suharto", "1961-06-08"))
    assert compare(record, record).verdict != "likely"


def test_another_number_is_never_likely() -> None:
    found = compare(ADA, but(identifiers=("urn:ssn|2",)))
    assert found.score >= LIKELY and found.verdict == "possible"


@given(
    st.lists(
        st.sampled_from(["Ada", "A", "Adam", "Baby", "Twin", "Maria", "Unknown", "Jo", "\u5c0f\u660e"]), max_size=3
    ),
    st.lists(st.sampled_from(["Ada", "B", "Adam", "Baby", "Twin", "Marina", "Omar", "Jo", "\u5c0f\u7ea2"]), max_size=3),
)
def test_two_given_names_are_compared_alike_from_both_sides(one: list[str], other: list[str]) -> None:
    a, b = (Demographics("Novak", " ".join(given), "2001-01-01") for given in (one, other))
    assert compare(a, b) == compare(b, a) and contradictions(a, b) == contradictions(b, a)
    assert doubts(a, b) == doubts(b, a) and set(doubts(a, a)) <= {Field.GIVEN}


@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.integers(0, 2))
def test_a_distance_is_counted_no_further_than_is_asked(one: str, other: str, most: int) -> None:
    whole = matching._distance(one, other, 12)
    assert min(matching._distance(one, other, most), most + 1) == min(whole, most + 1)
