"""An invented registry in which some people stand twice, and which pairs these are: to estimate weights from, and to
see how near the estimate comes to what was put in. The estimate knows nothing of this file."""

import random
from dataclasses import dataclass, field

from medrec.core.matching import Demographics

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Planted:
    """How often a field is as it was in the second record of a person, and how often it is nearly so; else it is
    another's, or (a phone number, a postcode) a new one."""

    same: float
    nearly: float = 0.0
    missing: float = 0.0


PLANTED = {
    "birth": Planted(0.95, 0.035), "family": Planted(0.90, 0.05), "given": Planted(0.88, 0.07), "sex": Planted(0.98),
    "postcode": Planted(0.75, 0.0, 0.1), "phone": Planted(0.55, 0.0, 0.3), "identifier": Planted(0.97, 0.0, 0.5),
}  # fmt: skip


@dataclass
class Registry:
    """The records, and the pairs of places that are one person."""

    people: list[Demographics] = field(default_factory=list)
    same: list[tuple[int, int]] = field(default_factory=list)


def registry(seed: str, size: int, twice: int, planted: dict[str, Planted] = PLANTED) -> Registry:
    """`size` people, the first `twice` of whom stand twice; the same seed gives the same registry."""
    dice = random.Random(f"registry {seed}")  # noqa: S311 (invented people, not secrets)
    names = {kind: _names(dice, count) for kind, count in (("family", 900), ("given", 300))}
    found = Registry([_person(dice, number, names) for number in range(size)])
    for place in range(twice):
        found.same.append((place, len(found.people)))
        found.people.append(_again(dice, found.people[place], size + place, names, planted))
    return found


def _names(dice: random.Random, count: int) -> list[str]:
    return ["".join(dice.choice(LETTERS) for _ in range(dice.randint(5, 9))) for _ in range(count)]


def _often(dice: random.Random, names: list[str]) -> str:
    """Few names are of many people, many of few."""
    return names[min(int(len(names) * dice.random() ** 1.6), len(names) - 1)]


def _person(dice: random.Random, number: int, names: dict[str, list[str]]) -> Demographics:
    return Demographics(
        _often(dice, names["family"]),
        _often(dice, names["given"]),
        f"{dice.randint(1930, 2015)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}",
        dice.choice(("female", "male")),
        f"{dice.randint(1, 400) + 10_000}",
        f"555{dice.randint(1_000_000, 9_999_999)}",
        (f"ssn|{number:09}",),
    )


def _again(
    dice: random.Random, who: Demographics, number: int, names: dict[str, list[str]], planted: dict[str, Planted]
) -> Demographics:
    other = _person(dice, number, names)
    chosen: dict[str, object] = {}
    for key, rate in planted.items():
        name = "identifiers" if key == "identifier" else key
        kind = dice.random()
        if dice.random() < rate.missing:
            chosen[name] = () if key == "identifier" else ""
        elif kind < rate.same:
            chosen[name] = getattr(who, name)
        elif kind < rate.same + rate.nearly:
            chosen[name] = _slip(dice, key, getattr(who, name))
        elif key == "sex":
            chosen[name] = "male" if who.sex == "female" else "female"
        else:
            chosen[name] = getattr(other, name)
    return Demographics(**chosen)  # type: ignore[arg-type]


def _slip(dice: random.Random, key: str, value: str) -> str:
    if key == "birth":
        # One digit of the year.
        return value[:3] + str((int(value[3]) + dice.randint(1, 9)) % 10) + value[4:]
    at = dice.randrange(1, len(value) - 1)
    return value[:at] + value[at + 1 :]
