"""The queue of the privacy office: each reason is found when it is there, and only then; nothing is ever left out."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medrec.signals.watch import BULK_PEOPLE, DAY_MS, WEIGHTS, Seen, rank

SECRET = bytes(32)
QUIET = Seen(bytes(32), 10 * DAY_MS, "ada", "north/dr-1", 10, "First visit after the move", half="settled")


def reasons(*looks: Seen) -> dict[bytes, set[str]]:
    return {item.seen.id: set(item.reasons) - {"first", "sample"} for item in rank(looks, SECRET)}


def look(number: int, **fields: object) -> Seen:
    return QUIET._replace(id=number.to_bytes(32, "big"), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "fields"),
    [
        ("emergency", {"emergency": True}),
        ("contradicted", {"contradicted": True}),
        ("disputed", {"disputed": True}),
        ("stopped", {"stopped": True}),
        ("colleague", {"colleague": True}),
        ("family-name", {"family_name": True}),
        ("other-half-missing", {"half": "overdue"}),
        ("no-visit", {"visit": False}),
        ("night", {"hour": 23}),
        ("night", {"hour": 5}),
        ("thin-reason", {"reason": "care"}),
    ],
)
def test_each_reason_is_found_alone(reason: str, fields: dict[str, object]) -> None:
    assert reasons(QUIET) == {QUIET.id: set()}
    assert reasons(QUIET._replace(**fields)) == {QUIET.id: {reason}}  # type: ignore[arg-type]


def test_a_program_is_not_asked_what_is_asked_of_people() -> None:
    assert reasons(QUIET._replace(machine=True, hour=3, reason="", visit=False)) == {QUIET.id: set()}


def test_many_people_in_one_day_stand_out_and_the_same_over_weeks_does_not() -> None:
    hour = DAY_MS // 24
    day = [look(n, person=f"p{n}", time=DAY_MS + n * hour // 2) for n in range(BULK_PEOPLE)]
    assert all(found == {"bulk"} for found in reasons(*day).values())
    assert all(found == set() for found in reasons(*day[1:]).values())
    weeks = [look(n, person=f"p{n}", time=n * DAY_MS) for n in range(BULK_PEOPLE * 2)]
    assert all(found == set() for found in reasons(*weeks).values())


def test_whoever_is_refused_again_and_again_stands_out() -> None:
    refused = [look(n, refused=True, half="", time=n * DAY_MS) for n in range(3)]
    assert all(found == {"refused-often"} for found in reasons(*refused).values())
    assert all(found == set() for found in reasons(*refused[:2]).values())
    slow = [look(n, refused=True, half="", time=n * 4 * DAY_MS) for n in range(3)]
    assert all(found == set() for found in reasons(*slow).values())


def test_the_one_look_that_matters_among_ten_thousand_stands_first() -> None:
    chance = random.Random(7)
    looks = [
        look(n, person=f"p{chance.randrange(9000)}", who=f"north/dr-{chance.randrange(400)}", time=n * 60_000)
        for n in range(10_000)
    ]
    looks[6_543] = looks[6_543]._replace(colleague=True, hour=2, reason="x")
    assert rank(looks, SECRET)[0].seen.id == looks[6_543].id


flags = st.booleans()
seen = st.builds(
    Seen,
    id=st.binary(min_size=32, max_size=32),
    time=st.integers(0, 40 * DAY_MS),
    person=st.sampled_from("abc"),
    who=st.sampled_from(["north/1", "south/2"]),
    hour=st.integers(0, 23),
    reason=st.sampled_from(["", "First visit after the move"]),
    machine=flags,
    refused=flags,
    emergency=flags,
    disputed=flags,
    half=st.sampled_from(["", "open", "overdue", "settled"]),
    family_name=flags,
    colleague=flags,
    visit=st.sampled_from([None, True, False]),
)


@given(st.lists(seen, unique_by=lambda item: item.id, max_size=40), st.randoms())
def test_nothing_is_left_out_and_the_order_of_arrival_does_not_matter(looks: list[Seen], chance: random.Random) -> None:
    ranked = rank(looks, SECRET)
    assert sorted(item.seen.id for item in ranked) == sorted(item.id for item in looks)
    assert [item.weight for item in ranked] == sorted((item.weight for item in ranked), reverse=True)
    assert all(item.weight == sum(WEIGHTS[name] for name in item.reasons) for item in ranked)
    shuffled = list(looks)
    chance.shuffle(shuffled)
    assert rank(shuffled, SECRET) == ranked


def test_the_sample_follows_the_secret() -> None:
    looks = [look(n) for n in range(5_000)]
    one = {item.seen.id for item in rank(looks, SECRET) if "sample" in item.reasons}
    other = {item.seen.id for item in rank(looks, b"\1" * 32) if "sample" in item.reasons}
    assert 5 <= len(one) <= 60 and one != other
