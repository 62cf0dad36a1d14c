"""The invented people and hospitals of the demo: who they are, before anything is recorded of them."""

from __future__ import annotations

import datetime
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from medrec.demo.sample_names import CITIES, FAMILY, GIVEN, LANGUAGES, STREETS

T = TypeVar("T")


class Dice:
    """Chance that repeats: the same seed text gives the same throws on every machine and Python.

    Only `random.Random.random` is used, the one method whose sequence the language promises to keep.
    """

    def __init__(self, *seed: object) -> None:
        text = "/".join(str(part) for part in seed)
        number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
        self._random = random.Random(number)  # noqa: S311 (invented people, not secrets)

    def below(self, limit: int) -> int:
        """Return an integer from 0 to `limit` - 1."""
        return int(self._random.random() * limit)

    def between(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """Return True in `percent` of 100 throws."""
        return self.below(100) < percent

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return choices[self.below(len(choices))]


@dataclass(frozen=True)
class Doctor:
    """A practitioner of one hospital: FHIR id, given and family name, specialty in words."""

    id: str
    given: str
    family: str
    specialty: str

    @property
    def name(self) -> str:
        """The name as it stands under a note."""
        return f"Dr. {self.given} {self.family}"


@dataclass(frozen=True)
class Hospital:
    """A hospital of the network: its slug, place in the list (from 0), name and practitioners."""

    id: str
    position: int
    name: str
    doctors: tuple[Doctor, ...]

    @property
    def base(self) -> str:
        """The address below which its FHIR records have their full URLs."""
        return f"https://{self.id}.example.org/fhir"


@dataclass(frozen=True)
class Person:
    """One invented person.

    `key` names the person in the demo (`p0001` ...), `mrn` and `patient_ids` give the medical record number
    and the Patient id per hospital, `story` is the one sentence a visitor is told.
    """

    key: str
    given: str
    family: str
    birth_date: datetime.date
    sex: str
    street: str
    city: str
    postal_code: str
    phone: str
    language: tuple[str, str]
    mrn: dict[str, str]
    story: str

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.given} {self.family}"

    @property
    def address(self) -> str:
        """The address in one line."""
        return f"{self.street}, {self.city} {self.postal_code}"

    @property
    def hospitals(self) -> tuple[str, ...]:
        """The hospitals that have a record of the person, in network order."""
        return tuple(self.mrn)

    @property
    def patient_ids(self) -> dict[str, str]:
        """The Patient resource id at each hospital."""
        return {hospital: f"pat-{mrn.lower()}" for hospital, mrn in self.mrn.items()}


_SPECIALTIES = ("Family medicine", "Internal medicine", "Cardiology", "Emergency medicine", "Psychiatry")


def hospital(identifier: str, position: int) -> Hospital:
    """Return the hospital with its practitioners; they depend on the slug and position alone."""
    dice = Dice("medrec demo staff", identifier, position)
    doctors = []
    for number, specialty in enumerate(_SPECIALTIES, start=1):
        given = dice.pick(GIVEN[dice.pick(("female", "male"))])
        doctors.append(Doctor(f"doc-{position + 1}{number:02}", given, dice.pick(FAMILY), specialty))
    return Hospital(identifier, position, identifier.replace("-", " ").title(), tuple(doctors))


def record_number(position: int, index: int) -> str:
    """Return the medical record number of person `index` at a hospital: unique there, unlike elsewhere.

    Multiplying modulo a prime visits every number once, so two people never share one (below a million).
    """
    number = (index + 1) * (15_485, 27_644, 32_452)[position % 3] % 1_000_003
    return (f"N{number:07}", f"71-{number:06}", f"{number:06}C")[position % 3] + (
        "" if position < 3 else f"-{position}"
    )


def person(dice: Dice, index: int, age_days: int, sex: str, at: Sequence[Hospital], today: datetime.date) -> Person:
    """Return a person with drawn name and address, `age_days` old, seen at the hospitals `at`."""
    family = dice.pick(FAMILY)
    city, postal_code = dice.pick(CITIES)
    return Person(
        key=f"p{index + 1:04}",
        given=dice.pick(GIVEN["female" if sex == "female" else "male" if sex == "male" else dice.pick(tuple(GIVEN))]),
        family=family,
        birth_date=today - datetime.timedelta(days=age_days),
        sex=sex,
        street=f"{dice.between(2, 198)} {dice.pick(STREETS)}",
        city=city,
        postal_code=postal_code,
        phone=f"555-01{dice.below(100):02}",
        language=LANGUAGES[0] if dice.chance(75) else dice.pick(LANGUAGES),
        mrn={h.id: record_number(h.position, index) for h in at},
        story="",
    )
