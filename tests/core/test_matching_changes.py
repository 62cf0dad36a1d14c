"""What a newer version of a confirmed chart may change and still be hers: what is said in part is no change, and
what is not as it was is a doubt for a human."""

import msgspec
import pytest

from medrec.core.matching import Demographics, Field, changed, contradictions

ADA = Demographics("Lovelace", "Ada Augusta", "1961-12-10", "female", "02139", "+1 617 555 0100")
BIRTH, FAMILY, GIVEN, SEX = Field.BIRTH, Field.FAMILY, Field.GIVEN, Field.SEX


def but(**changes: object) -> Demographics:
    return msgspec.structs.replace(ADA, **changes)


@pytest.mark.parametrize(
    ("now", "fields"),
    [
        (ADA, ()),
        # Less of it than before, more of it, or another way to write it.
        (but(birth="1961"), ()),
        (but(family="Lovelace-King"), ()),
        (but(family="LOVELÂCE"), ()),
        (but(given="A."), ()),
        (but(given="Ada"), ()),
        (but(sex="unknown"), ()),
        (but(postcode="90210", phone="+1 310 555 0199"), ()),
        (but(birth="1961", given="A.", family="Lovelace King"), ()),
        (Demographics("Lovelace", birth="1961-12-10"), ()),
        (Demographics(), ()),
        # A slip, or a change of a life: whoever sits at the desk is asked about it before a link, and after.
        (but(birth="1961-10-12"), (BIRTH,)),
        (but(birth="1961-12-11"), (BIRTH,)),
        (but(birth="1969-12-10"), (BIRTH,)),
        (but(family="King"), (FAMILY,)),
        (but(family="Lovelase"), (FAMILY,)),
        (but(sex="male"), (SEX,)),
        (but(given="Ida"), (GIVEN,)),
        (but(given="Ada Augustina"), (GIVEN,)),
        (but(given="Byron", birth=""), (GIVEN,)),
        # Several at once: all are told.
        (but(birth="1961-10-12", given="A."), (BIRTH,)),
        (but(birth="1962-12-10", family="King", sex="male"), (BIRTH, FAMILY, SEX)),
        (but(given="Byron", family="Lovelase"), (FAMILY, GIVEN)),
        # What contradicts is told as it was.
        (but(birth="1948-01-02"), (BIRTH,)),
        (but(birth="1931-12-10"), (BIRTH,)),
    ],
)  # fmt: skip
def test_what_is_not_as_it_was_is_a_doubt(now: Demographics, fields: tuple[Field, ...]) -> None:
    assert changed(ADA, now) == fields


ALIKE = [
    ("Christian", "Christina"), ("Mario", "Maria"), ("Daniel", "Daniela"), ("Victor", "Victoria"), ("Paul", "Pauline"),
    ("Jayden", "Kayden"), ("Mia", "Mila"), ("Maria Anna", "Maria Clara"), ("Ann", "Anna"), ("Joseph", "Josephine"),
]  # fmt: skip
SHORT = [
    ("Alex", "Alexander"), ("A", "Anna"), ("Dan", "Daniel"), ("Maria Anna", "Maria"), ("Anna Maria", "Maria"),
    ("Max", "Maximilian"), ("JOSÉ", "Jose"), ("Anna-Lena", "Anna Lena"), ("Maria Elisabeth", "Maria E."),
]  # fmt: skip


@pytest.mark.parametrize("sexes", [("female", "female"), ("", "female"), ("unknown", "male"), ("", "")])
@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_names_that_are_alike_are_two_until_somebody_has_looked(one: str, other: str, sexes: tuple[str, str]) -> None:
    known, now = but(given=one, sex=sexes[0]), but(given=other, sex=sexes[1])
    assert changed(known, now) == changed(now, known) == (GIVEN,)
    # A number that means one person says that it is a slip.
    number = ("urn:ssn|1",)
    known, now = (msgspec.structs.replace(who, identifiers=number) for who in (known, now))
    assert changed(known, now) == contradictions(known, now) == ()


@pytest.mark.parametrize(("one", "other"), SHORT)
def test_a_short_form_is_no_other_name(one: str, other: str) -> None:
    assert changed(but(given=one), but(given=other)) == changed(but(given=other), but(given=one)) == ()


@pytest.mark.parametrize(("one", "other"), [*ALIKE[:3], ("Alex", "Alexandra")])
def test_a_name_alike_with_another_sex_is_a_doubt(one: str, other: str) -> None:
    assert changed(but(given=one, sex="male"), but(given=other)) == (GIVEN, SEX)


def test_a_number_that_is_another_s_contradicts_as_before() -> None:
    known, now = but(identifiers=("urn:ssn|1",)), but(identifiers=("urn:ssn|2",), birth="1961-12-11")
    assert changed(known, now) == contradictions(known, now) == (Field.IDENTIFIER,)
