"""A later day in the demo network: what is new, corrected, entered in error or deleted."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from medrec.demo.clinical_tables import BODY_WEIGHT, MEDICINES, NO_KNOWN_ALLERGY, RXNORM
from medrec.demo.sample_chart import Chart, Resource, concept
from medrec.demo.sample_people import Dice, Hospital
from medrec.demo.sample_plan import Plan
from medrec.demo.sample_visits import one_visit

# How many people besides the fixed characters come for a visit on the later day.
_VISITORS = 3


@dataclass(frozen=True)
class Change:
    """One record of one person at one hospital that is new, changed or gone (then `resource` is None)."""

    hospital: str
    person: str
    action: Literal["create", "update", "delete"]
    type: str
    id: str
    resource: Resource | None


Records = Mapping[str, Mapping[str, Sequence[Resource]]]


def later_day(
    plans: Sequence[Plan], hospitals: Sequence[Hospital], records: Records, day: datetime.date, seed: int
) -> list[Change]:
    """Return the changes of `day` in network order, then person order. `records` are left as they are."""
    dice = Dice("medrec demo later day", seed)
    drawn = {3 + dice.below(len(plans) - 3) for _ in range(_VISITORS)} if len(plans) > 3 else set()
    seen_at = {index: dice.pick(plans[index].person.hospitals) for index in sorted(drawn)}
    changes: list[Change] = []
    for h in hospitals:
        for index, plan in enumerate(plans):
            here = records[h.id].get(plan.person.key, ())
            if index == 0:
                changes += _amara(plan, h, here, day, dice)
            elif index == 2 and h.position == 1:
                changes += _changed(plan, h, here, "AllergyIntolerance", NO_KNOWN_ALLERGY[0], _entered_in_error)
            elif seen_at.get(index) == h.id:
                changes += _visit(plan, h, day, dice, "Came for the yearly check; feels well.")
    return changes


def _amara(plan: Plan, h: Hospital, here: Sequence[Resource], day: datetime.date, dice: Dice) -> list[Change]:
    """The first hospital hears of the stop, the second deletes a slip of the keyboard, the third mends a dose."""
    if h.position == 0:
        words = "Brought both pill boxes: the warfarin was stopped at the heart clinic months ago. List corrected."

        def stop(record: Resource) -> None:
            record["status"] = "stopped"
            record["effectivePeriod"]["end"] = day.isoformat()

        stopped = _changed(plan, h, here, "MedicationStatement", MEDICINES["warfarin 5"].code, stop)
        return [*stopped, *_visit(plan, h, day, dice, words)]
    if h.position == 1:
        weights = [r for r in here if r["resourceType"] == "Observation" and _has_code(r, BODY_WEIGHT[0])]
        slip = max(weights, key=lambda r: r["valueQuantity"]["value"])
        return [Change(h.id, plan.person.key, "delete", "Observation", slip["id"], None)]
    if h.position == 2:
        return _changed(plan, h, here, "MedicationRequest", MEDICINES["metformin 500"].code, _raise_metformin)
    return []


def _raise_metformin(record: Resource) -> None:
    product = MEDICINES["metformin 1000"]
    record["medicationCodeableConcept"] = concept(RXNORM, (product.code, product.name))
    record["note"] = [{"text": "Strength corrected to what the family doctor prescribes."}]


def _entered_in_error(record: Resource) -> None:
    record["verificationStatus"]["coding"][0]["code"] = "entered-in-error"
    del record["clinicalStatus"]  # FHIR R4 invariant ait-2: none on a record entered in error


def _changed(
    plan: Plan,
    h: Hospital,
    here: Sequence[Resource],
    kind: str,
    code: str,
    change: Callable[[Resource], None],
) -> list[Change]:
    """Return an update of every record of that type and code, changed on a copy."""
    changes = []
    for record in here:
        if record["resourceType"] == kind and _has_code(record, code):
            new = copy.deepcopy(record)
            change(new)
            changes.append(Change(h.id, plan.person.key, "update", kind, new["id"], new))
    return changes


def _has_code(record: Resource, code: str) -> bool:
    value = record.get("code") or record.get("medicationCodeableConcept") or {}
    return any(entry.get("code") == code for entry in value.get("coding", ()))


def _visit(plan: Plan, h: Hospital, day: datetime.date, dice: Dice, words: str) -> list[Change]:
    chart = Chart(plan.person, h, mark=f"{day:%Y%m%d}-")
    one_visit(chart, plan, day, dice, words)
    return [Change(h.id, plan.person.key, "create", r["resourceType"], r["id"], r) for r in chart.records]
