"""Which looks a privacy officer should read first: every rule is a named reason with a weight, and nothing is hidden.

A privacy office cannot read ten thousand looks. Each look gets the reasons that speak for a question; the queue is in
the order of their weights, and beside it stands a random sample, since rules find only what somebody thought of.
Nothing here accuses: a reason says what is unusual, and a person decides.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
BULK_PEOPLE = 20
REFUSED_OFTEN = 3
REASON_CHARACTERS_MIN = 10
SAMPLE_IN = 200
NIGHT = (22, 6)
"""From this hour to that one nobody has ordinary business."""

WEIGHTS: dict[str, int] = {
    "emergency": 100,
    "contradicted": 95,
    "disputed": 90,
    "colleague": 60,
    "family-name": 50,
    "other-half-missing": 45,
    "bulk": 40,
    "refused-often": 35,
    "no-visit": 30,
    "stopped": 20,
    "night": 15,
    "thin-reason": 12,
    "first": 8,
    "sample": 4,
}
"""Every reason, heaviest first. Weights add up."""


class Seen(NamedTuple):
    """One look or one refusal, with what is known of it.

    `person` stands for whose record it is; `who` for the practitioner ("organisation/id"); `time` is in ms;
    `hour` the hour of the day where the source is; `half` is settled, late, open, overdue or waiting, "" for a refusal.
    `visit` says whether the person had a visit within a month of it, None where that is not known. `contradicted`: the
    source wrote two things of it that do not fit. `stopped`: it wrote it down as given, and then as not sent.
    """

    id: bytes
    time: int
    person: str
    who: str
    hour: int
    reason: str = ""
    machine: bool = False
    refused: bool = False
    emergency: bool = False
    disputed: bool = False
    half: str = ""
    family_name: bool = False
    colleague: bool = False
    visit: bool | None = None
    contradicted: bool = False
    stopped: bool = False


class Ranked(NamedTuple):
    """A look with the reasons to read it, heaviest first; without one the weight is 0."""

    seen: Seen
    weight: int
    reasons: tuple[str, ...]


def rank(looks: Iterable[Seen], secret: bytes) -> list[Ranked]:
    """All looks, the most urgent first, then the latest. `secret` chooses the sample, so that nobody can foresee it."""
    looks = list(looks)
    bulk, refusals, firsts = _bulk(looks), _refusals(looks), _firsts(looks)
    ranked = []
    for seen in looks:
        found = set(_of_one(seen))
        if seen.id in bulk:
            found.add("bulk")
        if seen.who in refusals and seen.refused:
            found.add("refused-often")
        if seen.id in firsts:
            found.add("first")
        if int.from_bytes(hashlib.sha256(secret + seen.id).digest()[:4], "big") % SAMPLE_IN == 0:
            found.add("sample")
        reasons = tuple(name for name in WEIGHTS if name in found)
        ranked.append(Ranked(seen, sum(WEIGHTS[name] for name in reasons), reasons))
    return sorted(ranked, key=lambda item: (-item.weight, -item.seen.time, item.seen.id))


def _of_one(seen: Seen) -> Iterable[str]:
    """What one look shows by itself."""
    if seen.emergency:
        yield "emergency"
    if seen.contradicted:
        yield "contradicted"
    if seen.disputed:
        yield "disputed"
    if seen.stopped:
        yield "stopped"
    if seen.half == "overdue":
        yield "other-half-missing"
    if seen.machine:
        return
    if seen.colleague:
        yield "colleague"
    if seen.family_name:
        yield "family-name"
    if seen.visit is False:
        yield "no-visit"
    if seen.hour >= NIGHT[0] or seen.hour < NIGHT[1]:
        yield "night"
    if len(seen.reason.strip()) < REASON_CHARACTERS_MIN:
        yield "thin-reason"


def _bulk(looks: Sequence[Seen]) -> set[bytes]:
    """The looks of somebody who looked at many different people within one day."""
    found: set[bytes] = set()
    for own in _by_who(looks).values():
        first, marked = 0, 0
        people: Counter[str] = Counter()
        for last, seen in enumerate(own):
            people[seen.person] += 1
            while own[first].time <= seen.time - DAY_MS:
                people[own[first].person] -= 1
                if not people[own[first].person]:
                    del people[own[first].person]
                first += 1
            if len(people) >= BULK_PEOPLE:
                found |= {one.id for one in own[max(first, marked) : last + 1]}
                marked = last + 1
    return found


def _refusals(looks: Sequence[Seen]) -> set[str]:
    """Who was refused several times within a week."""
    found: set[str] = set()
    for who, own in _by_who([seen for seen in looks if seen.refused]).items():
        times = [seen.time for seen in own]
        if any(later - early < 7 * DAY_MS for early, later in zip(times, times[REFUSED_OFTEN - 1 :], strict=False)):
            found.add(who)
    return found


def _firsts(looks: Sequence[Seen]) -> set[bytes]:
    """The first look of each practitioner at each person."""
    found: dict[tuple[str, str], Seen] = {}
    for seen in sorted(looks, key=lambda item: (item.time, item.id)):
        found.setdefault((seen.who, seen.person), seen)
    return {seen.id for seen in found.values() if not seen.machine}


def _by_who(looks: Sequence[Seen]) -> dict[str, list[Seen]]:
    """The looks of people by who looked, oldest first; programs look at many by their nature."""
    found: defaultdict[str, list[Seen]] = defaultdict(list)
    for seen in sorted(looks, key=lambda item: (item.time, item.id)):
        if not seen.machine:
            found[seen.who].append(seen)
    return dict(found)
