"""Whether a medicine is taken now: what each record signals, and what follows from all signals of one row.

Only an explicit word starts or ends a medicine. A fill is not proof of use. An order that ran out ("completed"), or was
withdrawn before anything was given ("cancelled"), ends itself and nothing else. A stop with a date overtakes what was
said before it, here and elsewhere, and never what was said after it. That a clinician went through a list confirms what
is taken then; it starts nothing, and starts nothing again.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import msgspec

from medrec.core.reconcile.held import Held, in_error, latest, not_future
from medrec.core.reconcile.said import REVIEWED
from medrec.core.records.dates import DAY_MS, ClinicalDate
from medrec.core.records.understood import MedicineDetail, PerDay, Status, Strength

SHORT_COURSE_MS = 30 * DAY_MS
STALE_MS = 730 * DAY_MS
REPLACED_WITHIN_MS = 7 * DAY_MS
"""So much later than the order that takes its place a source may date the end of another one; DAY_MS where both order
the same. A stop that is dated later speaks of more than a change."""
SHORT_COURSES = frozenset(
    {
        "XG:penicillins", "XG:cephalosporins", "XG:macrolides", "XG:fluoroquinolones", "XG:tetracyclines",
        "XG:nitroimidazoles", "XG:lincosamides", "XG:carbapenems", "XG:glycopeptides", "XG:sulfonamide-antibacterials",
    }
)  # fmt: skip
"""Classes that are given for days: an order of such a drug that nobody has confirmed for a month says nothing of
today."""
_PLANS = frozenset({"proposal", "plan", "option"})


class Says(StrEnum):
    """What one record signals."""

    TAKEN = "taken"
    STOPPED = "stopped"
    ENDED = "ended"
    FILLED = "filled"
    GIVEN = "given"
    WITHHELD = "withheld"
    OPEN = "open"
    ERROR = "error"
    REVIEWED = "reviewed"


class Rule(StrEnum):
    """Why a row has its status; each has a heading in docs/spec/reconcile.md."""

    ACTIVE = "active-said"
    STOP_LATER = "later-stop"
    STOPPED = "stopped-said"
    ENDED = "ended-only"
    REPLACED = "replaced-order"
    COURSE_OVER = "course-over"
    STALE = "not-confirmed"
    SHORT_COURSE = "short-course"
    FILL_ONLY = "fill-is-not-use"
    NOTHING_SAID = "nothing-said"
    FILLED_AFTER = "filled-after-end"
    IN_ERROR = "entered-in-error"
    UNDATED_STOP = "undated-stop"
    LEFT_OPEN = "order-left-open"
    SUBJECT_GONE = "subject-gone"
    SHORT_ILLNESS = "short-illness"
    SHORT_NAME = "short-name"
    SAID_ANEW = "said-anew"


class Regimen(NamedTuple):
    """What an order or a statement is of, as far as it says so."""

    ordered: bool
    strengths: tuple[Strength, ...]
    per_day: PerDay | None
    form: str

    def other(self, than: "Regimen") -> bool:
        """Whether this is surely of something else: of two orders another amount or form, else another strength."""
        if self.ordered and than.ordered:
            return self[1:] != than[1:]
        return bool(self.strengths) and bool(than.strengths) and self.strengths != than.strengths


class Signal(NamedTuple):
    """What one record says, when it last said so (`at`, ms, None: no date), and since when (`start`).

    `latest`: of a stop without a date of its own, when the source last changed the record: it was stopped by then; of
    "taken" without a date, and of a review, when the source signed it. `through`: the end of the day that a stop is
    dated by. `of`: what an order or a statement is of, None where it speaks of the medicine as a whole. `exact`: a
    person said it at this very time, not on some day. `short`: of "taken", that it is given for days, and the record
    does not say that it goes on.
    """

    says: Says
    at: int | None
    start: int | None
    rule: Rule | None = None
    latest: int | None = None
    through: int | None = None
    of: "Regimen | None" = None
    exact: bool = False
    short: bool = False


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The status of a row; `live` and `outdone` are places of signals; `disputed`: sources disagree on it."""

    status: Status
    rules: tuple[Rule, ...]
    live: tuple[int, ...]
    outdone: tuple[int, ...]
    disputed: bool


def signal(item: Held, detail: MedicineDetail, now: int, short: bool) -> Signal:
    """What a record signals at `now` (ms). `short`: its drug is of a class that is given for days."""
    record = item.record
    start = not_future(record.when, now)
    at = latest(start, not_future(record.recorded, now))
    if in_error(record):
        return Signal(Says.ERROR, at, start, Rule.IN_ERROR)
    if is_review(item):
        return Signal(Says.REVIEWED, at, start, latest=item.signed, exact=True)
    if detail.not_taken and detail.kind in ("dispense", "administration"):
        return Signal(Says.WITHHELD, at, start)
    if detail.kind == "dispense":
        return Signal(Says.FILLED, at, start, Rule.FILL_ONLY)
    if detail.kind in ("administration", "definition"):
        return Signal(Says.GIVEN, at, start)
    if detail.not_taken or detail.do_not_take:
        return Signal(Says.STOPPED, at, start, through=_through(at, record.recorded, record.when))
    whole = detail.kind not in ("order", "statement") or item.author != "record"
    of = None if whole else Regimen(detail.kind == "order", detail.strengths, detail.per_day, detail.form)
    if record.status == "stopped":
        ended = not_future(record.until, now)
        if _ran_out(record.status_reason):
            return Signal(Says.ENDED, latest(ended, start), start)
        if ended is not None:
            return Signal(Says.STOPPED, ended, start, through=_through(ended, record.until), of=of)
        return Signal(Says.STOPPED, at, start, latest=item.updated, of=of)
    if record.status == "unknown" or detail.intent in _PLANS:
        return Signal(Says.OPEN, at, start)
    if record.until is not None and record.until.end_ms <= now:
        return Signal(Says.OPEN, latest(record.until.start_ms, at), start, Rule.COURSE_OVER)
    # An end that is still to come, refills, and "continuous" are the record's own word against that of its class.
    brief = short and record.until is None and not detail.lasting
    # Without a date it was said when it was first signed, at the latest: a later stop is a stop of it.
    signed = item.since if at is None else None
    return Signal(Says.TAKEN, at, start, latest=signed, of=of, exact=item.author != "record", short=brief)


def is_review(item: Held) -> bool:
    """Whether somebody says no more than that she went through the list with the patient."""
    return item.author != "record" and item.record.status_reason == REVIEWED


def _through(at: int | None, *dates: ClinicalDate | None) -> int | None:
    """The end of the day that begins at `at`, if one of these dates is that day."""
    days = [date.end_ms for date in dates if date is not None and date.precision == "day" and date.start_ms == at]
    return days[0] if days else None


def aged(signals: list[Signal], now: int) -> list[Signal]:
    """The signals of one row, with those of "taken" that nobody has confirmed for two years open; for thirty days where
    it is given for days.

    A prescription runs for a year at most; what nobody has written anew, listed or filled for two is not known to be
    taken. A fill proves no use, but it shows that an order is still there; a review does, of what was known to be taken
    when it was written down.
    """
    fill = latest(*(said.at for said in signals if said.says is Says.FILLED))
    reviews = sorted((said.at, said.latest or said.at) for said in signals if said.says is Says.REVIEWED and said.at)
    return [_aged(said, fill, reviews, now) for said in signals]


def _aged(said: Signal, fill: int | None, reviews: list[tuple[int, int]], now: int) -> Signal:
    seen = latest(said.at, fill)
    if said.says is not Says.TAKEN or said.at is None or seen is None:
        return said
    lasts = SHORT_COURSE_MS if said.short else STALE_MS
    for at, written in reviews:
        if seen + lasts >= written:
            seen = max(seen, at)
    if seen + lasts >= now:
        return said
    return Signal(Says.OPEN, said.at, said.start, Rule.SHORT_COURSE if said.short else Rule.STALE)


def _ran_out(reason: str) -> bool:
    """Whether a record ended and says no more than that: FHIR "completed" ran out by itself, "cancelled" was withdrawn
    before anything was given (a duplicate, a slip). Neither is a decision against what others have prescribed."""
    return reason.startswith("completed") or reason == "cancelled"


def verdict(signals: list[tuple[str, Signal]], answers: Callable[[int, int], bool] | None = None) -> Verdict:
    """The status that follows from (source, signal) pairs; it does not depend on their order.

    `answers(stop, word)`: whether the stop at one place can speak of what is called taken at the other; it always can
    where no such rule is given. A stop that cannot leaves the word in force, and the row in dispute.
    """
    fired: dict[Rule, None] = {}
    taken = [place for place, (_, said) in enumerate(signals) if said.says is Says.TAKEN]
    reviews = [place for place, (_, said) in enumerate(signals) if said.says is Says.REVIEWED]
    stops = [place for place, (_, said) in enumerate(signals) if said.says is Says.STOPPED]
    effective = []
    for place in stops:
        if any(_replaces(signals[other], signals[place]) for other in taken):
            fired[Rule.REPLACED] = None
        else:
            effective.append(place)

    def about(place: int) -> list[tuple[str, Signal]]:
        return [signals[stop] for stop in effective if answers is None or answers(stop, place)]

    open_ = [place for place in taken if any(_left_open(signals[place], stop) for stop in about(place))]
    outdone = [
        place
        for place in (*taken, *reviews)
        if any(_later(stop[1], signals[place][1]) and not _left_open(signals[place], stop) for stop in about(place))
    ]
    live = [place for place in taken if place not in outdone]
    doubted = [
        place for place in live if place in open_ or any(_by_then(stop[1], signals[place][1]) for stop in about(place))
    ]
    if outdone:
        fired[Rule.STOP_LATER] = None
    for _, said in signals:
        if said.rule is not None and said.says is not Says.TAKEN:
            fired[said.rule] = None
    stopping = {signals[place][0]: None for place in effective}
    if live and len(doubted) == len(live):
        # Somebody stopped it and did not write down when, or stopped one order and left another open: nobody is
        # overruled.
        if any(place in open_ for place in doubted):
            fired[Rule.LEFT_OPEN] = None
        if any(place not in open_ for place in doubted):
            fired[Rule.UNDATED_STOP] = None
        return Verdict("unknown", _sorted(fired), tuple(live), tuple(outdone), True)
    if live:
        fired[Rule.ACTIVE] = None
        # A stop elsewhere before the last word is history; one without a date, or as late, is a dispute.
        disputed = bool(outdone) or any(signals[place][0] not in _sources(signals, live) for place in effective)
        disputed = disputed or any(_later(signals[stop][1], signals[place][1]) for stop in effective for place in live)
        return Verdict("active", _sorted(fired), tuple(live), tuple(outdone), disputed)
    status = _without_word([said for _, said in signals if said.says is not Says.REVIEWED], bool(effective), fired)
    # Somebody who went through it after the stop may know more than was written down.
    doubting = [place for place in reviews if effective and place not in outdone]
    disputed = any(signals[place][0] not in stopping for place in (*outdone, *doubting))
    return Verdict(status, _sorted(fired), (), tuple(outdone), disputed)


def _without_word(signals: list[Signal], stopped: bool, fired: dict[Rule, None]) -> Status:
    """The status where nobody's "taken" is in force; the rules that it follows from go into `fired`."""
    status: Status = "unknown"
    if stopped:
        fired[Rule.STOPPED] = None
        status = "stopped"
    elif any(said.says is Says.ENDED for said in signals) and not _open_after(signals):
        fired[Rule.ENDED] = None
        status = "stopped"
    elif signals and all(said.says is Says.ERROR for said in signals):
        status = "stopped"
    else:
        fired[Rule.NOTHING_SAID] = None
    if status == "stopped" and _filled_after(signals):
        fired[Rule.FILLED_AFTER] = None
        status = "unknown"
    return status


def _sources(signals: list[tuple[str, Signal]], places: list[int]) -> dict[str, None]:
    return {signals[place][0]: None for place in places}


def _replaces(active: tuple[str, Signal], stop: tuple[str, Signal]) -> bool:
    """Whether a source's own active entry stands in place of one that it stopped: a change of dose, not an end. An
    order does of an order; a statement only of another strength, since else it speaks of the medicine as a whole."""
    mine, its = active[1].of, stop[1].of
    if mine is None or its is None or not _newer(active, stop):
        return False
    other = mine.other(its)
    if not (other or (mine.ordered and its.ordered)):
        return False
    if active[1].at is None or stop[1].at is None:
        return stop[1].at is None
    return active[1].at + (REPLACED_WITHIN_MS if other else DAY_MS) >= stop[1].at


def _left_open(active: tuple[str, Signal], stop: tuple[str, Signal]) -> bool:
    """Whether a source stopped one order of its own, and left a newer one open that it wrote too long before to stand
    in its place: it may have ended the medicine, or tidied up."""
    mine, its = active[1].of, stop[1].of
    orders = mine is not None and mine.ordered and its is not None and its.ordered
    return orders and _newer(active, stop) and _later(stop[1], active[1]) and not _replaces(active, stop)


def _newer(active: tuple[str, Signal], stop: tuple[str, Signal]) -> bool:
    if active[0] != stop[0]:
        return False
    return active[1].at is None or stop[1].start is None or active[1].at > stop[1].start


def _later(stop: Signal, active: Signal) -> bool:
    """Whether a stop was said after a source last said "taken". What has no date was said when it was signed, at the
    latest; a stop without a date was not. A stop of a day may have come after what somebody said at an hour of it."""
    said = active.at if active.at is not None else active.latest
    if stop.at is None or said is None:
        return False
    until = stop.through if active.exact and stop.through is not None else stop.at
    return until > said


def _by_then(stop: Signal, active: Signal) -> bool:
    """Whether a stop without a date may have come after the last "taken"."""
    if stop.latest is None or active.at is None:
        return False
    return stop.latest > active.at + (0 if active.exact else DAY_MS)


def _open_after(signals: list[Signal]) -> bool:
    """Whether something that says neither is newer than every end."""
    ends = [said.at for said in signals if said.says is Says.ENDED and said.at is not None]
    opened = [said.at for said in signals if said.says is Says.OPEN and said.rule is None and said.at is not None]
    return bool(opened) and max(opened) > max(ends, default=0)


def _filled_after(signals: list[Signal]) -> bool:
    """Whether it was filled more than a week after the last stop or end."""
    ends = [said.at for said in signals if said.says in (Says.ENDED, Says.STOPPED) and said.at is not None]
    fills = [said.at for said in signals if said.says is Says.FILLED and said.at is not None]
    return bool(fills) and bool(ends) and max(fills) > max(ends) + 7 * DAY_MS


def _sorted(fired: dict[Rule, None]) -> tuple[Rule, ...]:
    return tuple(sorted(fired))
