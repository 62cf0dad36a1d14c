"""What three to five places write down about a person of whom each knows a part, in its own habits.

A place sees the person at its visits, asks about some of the medicines, and writes what it believes: in codes of one
kind or in words, closing what ended or leaving it open. Records are forwarded from place to place as they are. What
is written is FHIR R4; what each record is about in truth is kept apart, in `Written`.
"""

import json
import random
from dataclasses import dataclass, field

from medrec.demo.truth_history import DAY, TODAY_MS, History, Products, Segment, Therapy
from medrec.demo.truth_writing import Entry, brand_in, day, directions, medicine, records_of

KINDS = ("clinic", "hospital", "specialist", "pharmacy", "second clinic")
CODINGS = (
    ("product", 34), ("brand", 18), ("ingredient", 8), ("retired", 5), ("typed", 14), ("local", 9), ("name", 12),
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A place and its habits: whether it asks, keeps a list, closes what ended, how it names medicines, and whether
    its orders point at the Medications of its pharmacy."""

    id: str
    kind: str
    asks: float
    keeps_list: bool
    closes: float
    coding: str
    statements: bool
    points: bool


@dataclass(frozen=True)
class Written:
    """A record as a place has it (canonical-to-be JSON), and what it is about in truth; `brand`: the one it names."""

    source: str
    type: str
    id: str
    raw: bytes
    signed: int
    updated: int
    therapy: Therapy
    segment: Segment
    brand: str


@dataclass
class Chart:
    """Everything that all places have written about a person."""

    history: History
    places: list[Place]
    written: list[Written] = field(default_factory=list)
    medications: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """What orders point at: (place, "Medication/id") -> the record as the place has it."""


def chart(history: History, products: Products) -> Chart:
    """What the places write; the same history gives the same chart."""
    dice = random.Random(f"places {history.key}")  # noqa: S311 (invented people, not secrets)
    places = [_place(dice, n, KINDS[n]) for n in range(dice.choice((3, 4, 4, 5)))]
    found = Chart(history, places)
    made: dict[str, list[Entry]] = {}
    prescriber = {therapy.id: dice.choice(_prescribers(places)) for therapy in history.therapies}
    for place in places:
        if place.kind == "pharmacy":
            made[place.id] = _fills(dice, place, history, products)
        else:
            mine = {name for name, who in prescriber.items() if who == place}
            made[place.id] = _Keeper(dice, place, history, products, mine).kept()
    _forward(dice, places, made)
    for place in places:
        for entry in made[place.id]:
            for kind, identifier, resource in records_of(entry):
                changed = max(entry.recorded, entry.closed or 0)
                # Now and then a system touches its records without a change: an upgrade, a merge of two charts.
                touched = dice.randint(changed // DAY, TODAY_MS // DAY) * DAY if dice.random() < 0.06 else changed
                resource["meta"]["lastUpdated"] = f"{day(touched)}T12:00:00Z"
                raw = json.dumps(resource).encode()
                if kind == "Medication":
                    found.medications[place.id, f"{kind}/{identifier}"] = raw
                    continue
                signed = touched + 3_600_000 * (13 + places.index(place))
                found.written.append(
                    Written(
                        place.id,
                        kind,
                        identifier,
                        raw,
                        signed,
                        touched,
                        entry.therapy,
                        entry.segment,
                        brand_in(entry.words, entry.segment, products),
                    )
                )
    return found


def _place(dice: random.Random, number: int, kind: str) -> Place:
    names, weights = zip(*CODINGS, strict=True)
    return Place(
        f"place-{number}",
        kind,
        dice.uniform(0.35, 0.8),
        dice.random() < (0.7 if "clinic" in kind else 0.35),
        dice.uniform(0.7, 1.0),
        dice.choices(names, weights)[0],
        dice.random() < 0.4,
        kind == "hospital" and dice.random() < 0.5,
    )


def _prescribers(places: list[Place]) -> list[Place]:
    return [place for place in places if place.kind != "pharmacy"]


class _Keeper:
    """One place over the years: what it believes, and the records that follow."""

    def __init__(self, dice: random.Random, place: Place, history: History, products: Products, mine: set[str]) -> None:
        self._dice, self._place, self._history, self._products, self._mine = dice, place, history, products, mine
        self._entries: list[Entry] = []
        self._believed: dict[str, Entry] = {}

    def kept(self) -> list[Entry]:
        """All records at the end."""
        many = {"clinic": (7, 13), "second clinic": (3, 7), "hospital": (1, 4), "specialist": (2, 6)}[self._place.kind]
        visits = [TODAY_MS - self._dice.randint(1, 7 * 365) * DAY for _ in range(self._dice.randint(*many))]
        moments = dict.fromkeys(visits)
        due: dict[str, list[int]] = {}
        for therapy in self._history.therapies:
            if therapy.id in self._mine:
                moments |= {segment.start: None for segment in therapy.segments}
                due[therapy.id] = self._renewals(therapy)
                moments |= dict.fromkeys(due[therapy.id])
                # The one who prescribed hears of an end, unless the person just stopped.
                if therapy.end is not None and therapy.end < TODAY_MS and therapy.why_ended != "by herself":
                    moments[therapy.end] = None
        for time in sorted(moments):
            for therapy in self._history.therapies:
                self._see(therapy, time, time in visits, time in due.get(therapy.id, ()))
        if self._place.kind == "hospital" and self._dice.random() < 0.5:
            self._stay()
        return self._entries

    def _renewals(self, therapy: Therapy) -> list[int]:
        """When the person asks for the next year's prescription, which is most of the times it has run out."""
        end = min(therapy.end or TODAY_MS, TODAY_MS)
        if therapy.plan.manner == "course":
            return []
        years = range(therapy.start + 365 * DAY, end, 365 * DAY)
        times = [time + self._dice.randint(-20, 20) * DAY for time in years if self._dice.random() < 0.85]
        return [time for time in times if time < end]

    def _see(self, therapy: Therapy, time: int, visit: bool, due: bool) -> None:
        truth = therapy.at(time)
        own = therapy.id in self._mine and (therapy.why_ended != "by herself" or truth is not None)
        if not own and not (visit and self._dice.random() < self._place.asks):
            return
        entry = self._believed.get(therapy.id)
        if truth is None:
            if entry is not None:
                self._close(entry, time, therapy)
                del self._believed[therapy.id]
        elif entry is None or entry.segment is not truth:
            if entry is not None:
                self._replace(entry, time)
            self._believed[therapy.id] = self._open(therapy, truth, time)
        elif due and entry.kind == "MedicationRequest":
            # A prescription is not dated anew: the next one is written and the old one ends.
            self._replace(entry, time)
            self._believed[therapy.id] = self._open(therapy, truth, time)
        elif visit and self._place.keeps_list and entry.kind == "MedicationStatement" and self._dice.random() < 0.8:
            entry.recorded = time

    def _open(self, therapy: Therapy, truth: Segment, time: int) -> Entry:
        dice, place = self._dice, self._place
        own = therapy.id in self._mine
        listed = not own and (place.statements or dice.random() < 0.4)
        kind = "MedicationStatement" if listed else "MedicationRequest"
        coding = place.coding if dice.random() < 0.8 else dice.choices(*zip(*CODINGS, strict=True))[0]
        words = medicine(dice, truth, coding, self._products)
        entry = Entry(
            therapy, truth, kind, f"{place.id}-{len(self._entries)}", truth.start if own else time, time, time, words,
            directions(dice, truth, therapy.plan), pointing=place.points and kind == "MedicationRequest",
        )  # fmt: skip
        if therapy.plan.manner == "course" and therapy.end is not None and dice.random() < 0.45:
            entry.until, entry.dated_end = therapy.end, True
        self._entries.append(entry)
        return entry

    def _replace(self, entry: Entry, time: int) -> None:
        """The dose changed, or the order was written anew: most places end the old one."""
        if self._dice.random() < self._place.closes:
            entry.status = "stopped" if self._dice.random() < 0.5 else "completed"
            entry.until, entry.dated_end, entry.closed = time, self._dice.random() < 0.6, time

    def _close(self, entry: Entry, time: int, therapy: Therapy) -> None:
        """It is known here that it ended."""
        dice = self._dice
        own = therapy.id in self._mine
        if dice.random() > (max(self._place.closes, 0.94) if own else self._place.closes):
            return
        when = therapy.end if therapy.end is not None and (therapy.id in self._mine or dice.random() < 0.5) else time
        if own and therapy.plan.manner == "chronic" and when - entry.authored > 60 * DAY and dice.random() < 0.15:
            self._end_after_refill(entry, when, time)
            return
        if therapy.why_ended == "over":
            entry.status = "completed" if dice.random() < 0.75 else "stopped"
        elif entry.kind == "MedicationStatement" and dice.random() < 0.4:
            entry.status, entry.recorded = "not-taken", time
        else:
            entry.status = "stopped" if dice.random() < 0.92 else "completed"
        entry.until, entry.dated_end, entry.closed = when, dice.random() < 0.75, time
        if entry.kind == "MedicationStatement":
            entry.recorded = time

    def _end_after_refill(self, entry: Entry, when: int, time: int) -> None:
        """It was written anew a few weeks before it was stopped, that order was left open, and the end stands in a
        statement of the whole."""
        dice, therapy = self._dice, entry.therapy
        refilled = when - dice.randint(5, 28) * DAY
        truth = therapy.at(refilled)
        if truth is None:
            return
        entry.status, entry.until, entry.closed = "completed", refilled, refilled
        again = self._open(therapy, truth, refilled)
        again.status, again.until, again.dated_end = "active", None, False
        stop = self._open(therapy, truth, time)
        stop.kind, stop.started, stop.pointing = "MedicationStatement", entry.started, False
        stop.status, stop.recorded, stop.closed = "stopped", time, time
        stop.until, stop.dated_end = when, True

    def _stay(self) -> None:
        """A stay in hospital: some of the medicines are given there, and what was ordered for it is completed."""
        time = TODAY_MS - self._dice.randint(10, 5 * 365) * DAY
        for therapy in self._history.therapies:
            truth = therapy.at(time)
            if truth is None or self._dice.random() < 0.4:
                continue
            for kind in ("MedicationAdministration", "MedicationRequest"):
                words = medicine(self._dice, truth, "product", self._products)
                entry = Entry(
                    therapy, truth, kind, f"{self._place.id}-stay{len(self._entries)}", time, time, time, words, None
                )
                entry.status, entry.until, entry.closed = "completed", time + 5 * DAY, time + 5 * DAY
                entry.dated_end = kind == "MedicationRequest"
                self._entries.append(entry)


def _fills(dice: random.Random, place: Place, history: History, products: Products) -> list[Entry]:
    """What a pharmacy handed out: while it is taken, and now and then once more after it was stopped."""
    found = []
    for therapy in history.therapies:
        if dice.random() < 0.35:
            continue
        time = therapy.start + dice.randint(0, 3) * DAY
        end = min(therapy.end or TODAY_MS, TODAY_MS)
        stop = end + (95 * DAY if dice.random() < 0.12 and therapy.plan.manner == "chronic" else 0)
        step = 90 if therapy.plan.manner == "chronic" else 60
        while time < min(stop, TODAY_MS):
            truth = therapy.at(min(time, end - 1))
            if truth is not None and dice.random() < 0.5:
                words = medicine(dice, truth, dice.choice(("product", "brand", "product", "name")), products)
                name = f"{place.id}-{len(found)}"
                sig = directions(dice, truth, therapy.plan)
                found.append(
                    Entry(therapy, truth, "MedicationDispense", name, time, time, time, words, sig, "completed")
                )
            time += (step + dice.randint(-5, 25)) * DAY
            if therapy.plan.manner == "course":
                break
    return found


def _forward(dice: random.Random, places: list[Place], made: dict[str, list[Entry]]) -> None:
    """One place sends its active records to another, which keeps them as they came; a third gets these copies."""
    line = dice.sample(_prescribers(places), k=min(3, len(_prescribers(places))))
    if len(line) < 2 or dice.random() < 0.55:
        return
    before = made[line[0].id]
    for step, place in enumerate(line[1:]):
        copies = []
        for entry in before:
            if entry.kind in ("MedicationRequest", "MedicationStatement") and dice.random() < 0.6:
                copy = Entry(**{name: getattr(entry, name) for name in Entry.__dataclass_fields__})
                copy.id, copy.copied = f"{place.id}-copy{step}-{len(copies)}", True
                # It was sent before it ended: the copy says for ever what the first one said then.
                if copy.status != "active" and dice.random() < 0.3 and copy.recorded == copy.authored:
                    copy.status, copy.until, copy.dated_end, copy.closed = "active", None, False, None
                copies.append(copy)
        made[place.id] += copies
        before = copies
        if dice.random() < 0.5:
            break


__all__ = ["Chart", "Place", "Written", "chart", "day"]
