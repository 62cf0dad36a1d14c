"""Invented people with FHIR R4 records for a demo network of hospitals, from one seed.

The same seed, hospitals and day give the same bytes on every machine: no clock, no global chance, no set
order. The first three people are fixed characters; see `sample_characters`.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medrec.demo.sample_characters import characters
from medrec.demo.sample_chart import Resource, organization, practitioner, to_json
from medrec.demo.sample_people import Dice, Hospital, Person, hospital
from medrec.demo.sample_plan import Plan, draw
from medrec.demo.sample_updates import Change, later_day
from medrec.demo.sample_visits import chart_of

__all__ = [
    "Change",
    "Hospital",
    "Person",
    "Population",
    "Resource",
    "Updates",
    "generate",
    "to_json",
    "transaction",
    "updates",
    "write",
]

# Record numbers are unique below this many people.
_MOST_PEOPLE = 100_000


@dataclass(frozen=True)
class Population:
    """The people and, per hospital id and person key, the records that hospital has of the person.

    A record is a FHIR resource as a dict; decimals are `Decimal`, and `to_json` writes them with their zeros.
    Organization and Practitioner records come first and are the same for every person of a hospital.
    """

    today: datetime.date
    hospitals: tuple[Hospital, ...]
    people: tuple[Person, ...]
    records: dict[str, dict[str, list[Resource]]]
    plans: tuple[Plan, ...] = field(repr=False)

    def bundle(self, hospital_id: str, person: str) -> bytes:
        """Return one person's records at one hospital as a FHIR transaction Bundle in JSON.

        Raises KeyError when the hospital has no record of the person.
        """
        base = next(h.base for h in self.hospitals if h.id == hospital_id)
        return transaction(base, self.records[hospital_id][person])


@dataclass(frozen=True)
class Updates:
    """What the hospitals record on the day after a population's `today`, in network and person order."""

    day: datetime.date
    changes: tuple[Change, ...]

    def bundle(self, hospital: Hospital, person: str) -> bytes:
        """Return one person's changes at one hospital as a FHIR transaction Bundle (PUT and DELETE)."""
        mine = [c for c in self.changes if (c.hospital, c.person) == (hospital.id, person)]
        changed = [c.resource for c in mine if c.resource is not None]
        return transaction(hospital.base, changed, [f"{c.type}/{c.id}" for c in mine if c.resource is None])


def generate(seed: int, people: int, hospitals: Sequence[str], today: datetime.date) -> Population:
    """Return `people` invented people as of `today`, spread over `hospitals` (slugs, three or more).

    The first three people are the same for every seed. Person n does not depend on how many follow.
    Raises ValueError for fewer than three or repeated hospitals, or a number of people out of range.
    """
    if len(hospitals) < 3 or len(set(hospitals)) != len(hospitals):
        raise ValueError("the demo needs at least three different hospitals")
    if not 0 <= people <= _MOST_PEOPLE:
        raise ValueError(f"people must be from 0 to {_MOST_PEOPLE}")
    network = tuple(hospital(name, position) for position, name in enumerate(hospitals))
    plans = characters(network, today)[:people]
    plans += [draw(seed, index, network, today) for index in range(len(plans), people)]
    records: dict[str, dict[str, list[Resource]]] = {h.id: {} for h in network}
    for index, plan in enumerate(plans):
        for h in network:
            if h.id in plan.person.mrn:
                # The fixed characters must read the same whatever the seed is.
                dice = Dice("medrec demo chart", "" if index < 3 else seed, index, h.position)
                records[h.id][plan.person.key] = _records(plan, h, today, dice)
    return Population(today, network, tuple(plan.person for plan in plans), records, tuple(plans))


def _records(plan: Plan, h: Hospital, today: datetime.date, dice: Dice) -> list[Resource]:
    chart = chart_of(plan, h, today, dice)
    staff = [practitioner(h, doctor) for doctor in h.doctors]
    return [organization(h), *staff, chart.patient_record(), *chart.records]


def transaction(base: str, records: Sequence[Resource], deleted: Sequence[str] = ()) -> bytes:
    """Return a FHIR transaction Bundle: PUT for each record, DELETE for each `Type/id` in `deleted`.

    Entries with a record have a `fullUrl` below `base`, so that references of the form `Type/id` resolve.
    """
    entries: list[Resource] = []
    for record in records:
        url = f"{record['resourceType']}/{record['id']}"
        entries.append({"fullUrl": f"{base}/{url}", "resource": record, "request": {"method": "PUT", "url": url}})
    entries += [{"request": {"method": "DELETE", "url": url}} for url in deleted]
    # One entry per line: people open these files.
    lines = b",\n".join(to_json(entry) for entry in entries)
    return b'{"resourceType":"Bundle","type":"transaction","entry":[\n' + lines + b"\n]}\n"


def write(population: Population, folder: Path) -> list[Path]:
    """Write `folder/<hospital>/<person>.json`, one transaction Bundle each, and return the files in order."""
    paths = []
    for h in population.hospitals:
        place = folder / h.id
        place.mkdir(parents=True, exist_ok=True)
        for person in population.records[h.id]:
            path = place / f"{person}.json"
            path.write_bytes(population.bundle(h.id, person))
            paths.append(path)
    return paths


def updates(population: Population, seed: int) -> Updates:
    """Return the next day: new visits with notes and laboratory results, a corrected dose, a stop that
    another hospital now knows of, a record entered in error, a deleted one, all at people drawn by `seed`
    and at the fixed characters. The population itself is left as it is.
    """
    day = population.today + datetime.timedelta(days=1)
    changes = later_day(population.plans, population.hospitals, population.records, day, seed)
    return Updates(day, tuple(changes))
