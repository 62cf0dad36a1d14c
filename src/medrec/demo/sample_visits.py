"""Turns the plan of a person into the chart of each hospital: visits, readings that follow a trend, notes."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from medrec.demo.clinical_tables import (
    BLOOD_PRESSURE,
    BODY_WEIGHT,
    DIASTOLIC,
    LOINC,
    MEASURES,
    MEDICINES,
    REPORTS,
    SMOKING,
    SMOKING_STATUS,
    SNOMED,
    SYSTOLIC,
    VACCINES,
)
from medrec.demo.sample_chart import Chart, Resource, concept, instant, quantity
from medrec.demo.sample_illnesses import ILLNESSES
from medrec.demo.sample_people import Dice, Doctor, Hospital
from medrec.demo.sample_plan import Plan

# A reading moves from its start to its end value within this many days of the illness being treated.
_RAMP_DAYS = 900


@dataclass
class _Sitting:
    """One day at one hospital while it is charted; `findings` are the lines of the note."""

    chart: Chart
    plan: Plan
    dice: Dice
    today: datetime.date
    ago: int
    doctor: Doctor
    start: datetime.datetime
    visit: Resource
    findings: list[str]

    @property
    def day(self) -> str:
        return self.start.date().isoformat()

    def date(self, ago: int) -> str:
        return (self.today - datetime.timedelta(days=ago)).isoformat()

    @property
    def illnesses(self) -> list[str]:
        """What this hospital has on its problem list by this day."""
        here = self.chart.hospital.id
        return [p.illness for p in self.plan.problems if p.hospital == here and p.listed >= self.ago]


def chart_of(plan: Plan, hospital: Hospital, today: datetime.date, dice: Dice) -> Chart:
    """Return the finished chart of one person at one hospital, oldest visit first."""
    chart = Chart(plan.person, hospital)
    days = _days(plan, hospital.id)
    for number, ago in enumerate(days):
        sitting = _open(chart, plan, dice, today, ago)
        _lists(sitting)
        _readings(sitting, slip=plan.slip == hospital.id and number == len(days) - 1)
        if number == 0:
            _first_visit(sitting)
        write_note(sitting)
    return chart


def one_visit(chart: Chart, plan: Plan, today: datetime.date, dice: Dice, words: str) -> None:
    """Chart one more ordinary visit on `today` with readings and a note that begins with `words`."""
    sitting = _open(chart, plan, dice, today, 0)
    sitting.findings.append(words)
    _readings(sitting, slip=False)
    write_note(sitting)


def _days(plan: Plan, hospital: str) -> list[int]:
    """Return every day (in days ago) on which something is recorded at a hospital, oldest first."""
    days = {v.ago for v in plan.visits if v.hospital == hospital}
    days |= {c.start for c in plan.courses if c.hospital == hospital}
    days |= {p.listed for p in plan.problems if p.hospital == hospital}
    days |= {a.listed for a in plan.allergies if a.hospital == hospital}
    days |= {ago for _, where, ago in (*plan.vaccines, *plan.procedures) if where == hospital}
    return sorted(days, reverse=True)


def _open(chart: Chart, plan: Plan, dice: Dice, today: datetime.date, ago: int) -> _Sitting:
    hospital = chart.hospital
    planned = [v for v in plan.visits if v.hospital == hospital.id and v.ago == ago]
    kind = planned[0].kind if planned else "AMB"
    doctor = hospital.doctors[3] if kind == "EMER" else dice.pick(hospital.doctors[:3])
    day = today - datetime.timedelta(days=ago)
    start = datetime.datetime(day.year, day.month, day.day, dice.between(13, 20), 5 * dice.below(12))
    here = [p.illness for p in plan.problems if p.hospital == hospital.id and p.listed >= ago]
    reason = "Emergency visit" if kind == "EMER" else f"Follow-up: {ILLNESSES[here[0]].icd[1]}" if here else "Check-up"
    visit = chart.visit(start, doctor, kind, reason)
    return _Sitting(chart, plan, dice, today, ago, doctor, start, visit, [v.words for v in planned if v.words])


def _lists(s: _Sitting) -> None:
    """Record what is listed, prescribed, given or done on this day."""
    here, chart, plan = s.chart.hospital.id, s.chart, s.plan
    for problem in plan.problems:
        if (problem.hospital, problem.listed) == (here, s.ago):
            chart.condition(s.visit, s.doctor, problem.illness, s.date(problem.onset), s.day)
    for course in plan.courses:
        if (course.hospital, course.start) == (here, s.ago):
            stopped = None if course.stop is None else s.date(course.stop)
            if course.prescribed:
                chart.prescription(s.visit, s.doctor, course.medicine, s.day, stopped, course.illness)
            else:
                chart.statement(s.visit, course.medicine, s.day, stopped, course.illness)
    for line in plan.allergies:
        if (line.hospital, line.listed) == (here, s.ago):
            chart.allergy(s.visit, s.doctor, line.allergy, s.day)
    for name, where, ago in plan.vaccines:
        if (where, ago) == (here, s.ago):
            vaccine = "influenza before" if name == "influenza" and s.day < VACCINES[name][2] else name
            if s.day >= VACCINES[vaccine][2]:
                chart.immunization(s.visit, s.doctor, vaccine, s.day, f"L{s.dice.between(10_000, 99_999)}")
    for name, where, ago in plan.procedures:
        if (where, ago) == (here, s.ago):
            chart.procedure(s.visit, s.doctor, name, instant(s.start))


def _first_visit(s: _Sitting) -> None:
    here = s.chart.hospital.id
    if (s.start.date() - s.plan.person.birth_date).days >= 12 * 365:
        status = {"valueCodeableConcept": concept(SNOMED, SMOKING[s.plan.smoking])}
        s.chart.observation(s.visit, s.doctor, "social-history", SMOKING_STATUS, instant(s.start), status)
        s.findings.append(f"Tobacco: {SMOKING[s.plan.smoking][1].lower()}.")
    for relative, illness, where, _ in s.plan.family:
        if where == here:
            s.chart.family_history(relative, illness, s.day)


def _readings(s: _Sitting, *, slip: bool) -> None:
    age = (s.start.date() - s.plan.person.birth_date).days // 365
    if age >= 16:
        _blood_pressure(s, age)
    _weight(s, age, slip=slip)
    done: set[str] = set()
    for illness in s.illnesses:
        results = {name: _measure(s, name, illness) for name in ILLNESSES[illness].measures if name not in done}
        done |= set(results)
        for name in results:
            if name in REPORTS:
                s.chart.report(s.visit, REPORTS[name], instant(s.start), results.values())


def _elapsed(s: _Sitting, illness: str) -> int:
    """Return how far treatment has come by this day, 0 to `_RAMP_DAYS`."""
    listed = [p.listed for p in s.plan.problems if p.illness == illness]
    return max(0, min(_RAMP_DAYS, max(listed, default=s.ago) - s.ago))


def _blood_pressure(s: _Sitting, age: int) -> None:
    high = any(p.illness == "hypertension" for p in s.plan.problems)
    systolic = 164 - 32 * _elapsed(s, "hypertension") // _RAMP_DAYS if high else 112 + age // 6
    systolic += s.dice.between(-5, 5)
    diastolic = 46 + systolic * 27 // 100 + s.dice.between(-3, 3)
    parts = [
        {"code": concept(LOINC, code), "valueQuantity": quantity(Decimal(value), "mmHg", "mm[Hg]")}
        for code, value in ((SYSTOLIC, systolic), (DIASTOLIC, diastolic))
    ]
    s.chart.observation(s.visit, s.doctor, "vital-signs", BLOOD_PRESSURE, instant(s.start), {"component": parts})
    s.findings.append(f"Blood pressure {systolic}/{diastolic} mmHg.")


def _weight(s: _Sitting, age: int, *, slip: bool) -> None:
    """Record the weight: the third hospital weighs in pounds; `slip` forgets the decimal point."""
    tenths = s.plan.weight + s.dice.between(-8, 8)
    if age < 18:
        tenths = max(32, s.plan.weight - s.ago * 27 // 365 + s.dice.between(-3, 3))
    value, unit, ucum = Decimal(tenths).scaleb(-1), "kg", "kg"
    if s.chart.hospital.position == 2:
        value, unit, ucum = Decimal(tenths * 22_046 // 10_000).scaleb(-1), "lb", "[lb_av]"
    if slip:
        value = Decimal(tenths)
    reading = {"valueQuantity": quantity(value, unit, ucum)}
    s.chart.observation(s.visit, s.doctor, "vital-signs", BODY_WEIGHT, instant(s.start), reading)
    s.findings.append(f"Weight {value} {unit}.")


def _measure(s: _Sitting, name: str, illness: str) -> Resource:
    """Record one measurement on its way from the start to the end value; the second hospital adds a zero."""
    m = MEASURES[name]
    last_digits = m.start + (m.end - m.start) * _elapsed(s, illness) // _RAMP_DAYS + s.dice.between(-m.noise, m.noise)
    value = Decimal(max(0, last_digits)).scaleb(-m.places)
    if m.places and s.chart.hospital.position == 1:
        value = Decimal(f"{value}0")
    reading = {"valueQuantity": quantity(value, m.unit, m.ucum)}
    s.findings.append(f"{m.name}: {value} {m.unit}.")
    return s.chart.observation(s.visit, s.doctor, m.category, (m.code, m.name), instant(s.start), reading)


def write_note(s: _Sitting) -> None:
    """Write and sign the note of the day from what was found, taken and known here."""
    person, hospital = s.plan.person, s.chart.hospital
    taken = [
        f"- {MEDICINES[c.medicine].name}: {MEDICINES[c.medicine].sig}"
        for c in s.plan.courses
        if c.hospital == hospital.id and c.start >= s.ago and (c.stop is None or c.stop < s.ago)
    ]
    signed = s.start + datetime.timedelta(minutes=20)
    lines = [
        f"{hospital.name}: visit note, {s.day}",
        f"{person.name}, born {person.birth_date.isoformat()}, record number {person.mrn[hospital.id]}",
        "",
        *_paragraph("Findings", s.findings),
        *_paragraph("Assessment", [f"{ILLNESSES[i].icd[1]}. {ILLNESSES[i].words}" for i in s.illnesses]),
        *_paragraph("Medicines known here", taken or ["- none"]),
        f"Signed: {s.doctor.name}, {s.doctor.specialty}, {signed:%Y-%m-%d %H:%M} UTC",
        "",
    ]
    s.chart.note(s.visit, s.doctor, signed, "\n".join(lines))


def _paragraph(title: str, lines: Sequence[str]) -> list[str]:
    return [f"{title}:", *lines, ""] if lines else []
