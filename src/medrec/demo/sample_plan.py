"""What happens to an invented person: illnesses, medicines, visits and who of the hospitals knows what."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from medrec.demo.clinical_tables import ALLERGIES, PROCEDURE_OF, RELATIVES
from medrec.demo.sample_illnesses import ILLNESSES, Illness
from medrec.demo.sample_people import Dice, Hospital, Person, person


@dataclass(frozen=True)
class Problem:
    """An illness as one hospital has it listed; `onset` and `listed` in days before today."""

    illness: str
    hospital: str
    onset: int
    listed: int


@dataclass(frozen=True)
class Course:
    """A medicine as one hospital has it: `start` and `stop` in days before today (stop None: active).

    `prescribed` is True for a prescription of that hospital, False for what the person was noted to take.
    """

    medicine: str
    hospital: str
    start: int
    stop: int | None = None
    prescribed: bool = True
    illness: str = ""


@dataclass(frozen=True)
class AllergyLine:
    """An allergy in the list of one hospital (None: "no known allergy"), noted `listed` days before today."""

    allergy: str | None
    hospital: str
    listed: int


@dataclass(frozen=True)
class Visit:
    """A visit `ago` days before today; `words` is a sentence for the note, empty for none of its own."""

    hospital: str
    ago: int
    kind: str = "AMB"
    words: str = ""


@dataclass
class Plan:
    """Everything that will be charted of one person.

    `vaccines` and `procedures` hold (name, hospital, days ago), `family` (relative, illness, hospital, days
    ago). `weight` is in tenths of a kilogram. `slip` is a hospital whose last weight is a typing error.
    """

    person: Person
    smoking: str = "never"
    weight: int = 720
    problems: list[Problem] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)
    allergies: list[AllergyLine] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    vaccines: list[tuple[str, str, int]] = field(default_factory=list)
    procedures: list[tuple[str, str, int]] = field(default_factory=list)
    family: list[tuple[str, str, str, int]] = field(default_factory=list)
    slip: str = ""


def draw(seed: int, index: int, hospitals: Sequence[Hospital], today: datetime.date) -> Plan:
    """Return the plan of person `index`: a draw of its own, so more people never change earlier ones."""
    dice = Dice("medrec demo person", seed, index)
    number = dice.below(100)
    count = 1 if number < 15 else 2 if number < 65 else 3
    first = dice.below(len(hospitals))
    home, *others = [hospitals[(first + step) % len(hospitals)] for step in range(count)]
    at = sorted([home, *others], key=lambda h: h.position)
    # Births fall on any day of the year: the age is drawn in days, older ages more often than not.
    age_days = dice.between(400, 33_600) if dice.chance(35) else dice.between(14_600, 31_000)
    sex = "other" if dice.chance(1) else dice.pick(("female", "male"))
    plan = Plan(person(dice, index, age_days, sex, at, today))
    years = age_days // 365
    reach = min(age_days - 120, 2_200)
    plan.weight = dice.between(520, 1_040) if years >= 18 else 80 + 27 * years + dice.below(40)
    plan.smoking = "never" if years < 18 else dice.pick(("never", "never", "former", "daily"))
    _visits(plan, dice, home, others, reach)
    illnesses = _draw_illnesses(dice, years, sex)
    for name in illnesses:
        _illness(plan, dice, name, home, others, reach)
    _extras(plan, dice, years, at)
    words = ", ".join(illnesses) or "in good health"
    plan.person = replace(plan.person, story=f"{plan.person.name}, {years}: {words}.")
    return plan


def _draw_illnesses(dice: Dice, years: int, sex: str) -> list[str]:
    def fits(illness: Illness) -> bool:
        low, high = illness.ages
        return illness.weight > 0 and low <= years <= high and illness.sex in ("", sex)

    pool = [name for name, illness in ILLNESSES.items() if fits(illness) for _ in range(illness.weight)]
    wanted = dice.between(0, 1) if years < 18 else dice.between(0, 2) if years < 40 else dice.between(1, 4)
    chosen: list[str] = []
    while pool and len(chosen) < wanted:
        name = dice.pick(pool)
        chosen.append(name)
        pool = [other for other in pool if other != name]
    return chosen


def _visits(plan: Plan, dice: Dice, home: Hospital, others: Sequence[Hospital], reach: int) -> None:
    for hospital, count in [(home, dice.between(4, 6)), *((h, dice.between(2, 3)) for h in others)]:
        step = max(1, (reach - 20) // count)
        for number in range(count):
            ago = 10 + number * step + dice.below(max(1, step - 3))
            plan.visits.append(Visit(hospital.id, min(ago, reach)))
    plan.visits.sort(key=lambda visit: (-visit.ago, visit.hospital))


def _days(plan: Plan, hospital: str) -> list[int]:
    """Return the visits at a hospital, oldest first, in days ago, each day once."""
    return sorted({visit.ago for visit in plan.visits if visit.hospital == hospital}, reverse=True)


def _illness(plan: Plan, dice: Dice, name: str, home: Hospital, others: Sequence[Hospital], reach: int) -> None:
    """Treat one illness at home; the other hospitals know of it rightly, late, by another name or not at all."""
    illness = ILLNESSES[name]
    days = _days(plan, home.id)
    begin = days[0]
    plan.problems.append(Problem(name, home.id, min(begin + dice.between(5, 100), reach + 100), begin))
    first, later = illness.treatment
    change = days[len(days) // 2]
    current, stop = first, None
    if first != later and change < begin and dice.chance(75):
        plan.courses.append(Course(first, home.id, begin, change, True, name))
        current = later
    else:
        change = begin
    if len(days) > 2 and days[-1] < change and dice.chance(15):
        stop = days[-1]
    plan.courses.append(Course(current, home.id, change, stop, True, name))
    if name in PROCEDURE_OF and dice.chance(60):
        plan.procedures.append((PROCEDURE_OF[name], home.id, dice.pick(days)))
    for other in others:
        if dice.chance(65):
            _known_elsewhere(plan, dice, name, other, current)


def _known_elsewhere(plan: Plan, dice: Dice, name: str, other: Hospital, current: str) -> None:
    illness = ILLNESSES[name]
    listed = dice.pick(_days(plan, other.id))
    plan.problems.append(Problem(name, other.id, listed, listed))
    views = [
        (current, False),  # agrees
        (illness.treatment[0], False),  # the dose or medicine from before the change
        (illness.brand or current, True),  # the same thing under its brand name
        (illness.combination or illness.brand or current, True),  # inside a combination product
    ]
    medicine, prescribed = dice.pick(views)
    # Always active here: where home stopped it, this hospital has not heard of the stop.
    plan.courses.append(Course(medicine, other.id, listed, None, prescribed, name))


def _extras(plan: Plan, dice: Dice, years: int, at: Sequence[Hospital]) -> None:
    for number, hospital in enumerate(at):
        days = _days(plan, hospital.id)
        if dice.chance(25):
            plan.allergies.append(AllergyLine(dice.pick(tuple(ALLERGIES)), hospital.id, days[0]))
        elif dice.chance(70):
            plan.allergies.append(AllergyLine(None, hospital.id, days[0]))
        names: tuple[str, ...] = ("influenza", "tdap")
        if years >= 50:
            names = ("influenza", "covid", "tdap", "zoster", "pneumococcal")
        elif years < 12:
            names = ("influenza", "dtap", "polio", "mmr", "varicella", "hepatitis b")
        for name in names:
            if dice.chance(45 if number == 0 else 20):
                plan.vaccines.append((name, hospital.id, dice.pick(days)))
        if years >= 50 and dice.chance(15):
            plan.procedures.append(("colonoscopy", hospital.id, dice.pick(days)))
        if dice.chance(20):
            illness = dice.pick(("hypertension", "diabetes", "lipids", "asthma", "depression"))
            plan.family.append((dice.pick(tuple(RELATIVES)), illness, hospital.id, days[0]))
