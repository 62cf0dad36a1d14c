"""The part that all three lists share: signals of one row become lines in their order, a verdict, and who confirms."""

from collections.abc import Callable
from typing import NamedTuple

from medrec.core.reconcile import taken
from medrec.core.reconcile.held import Held, Line, line, order
from medrec.core.reconcile.rows import Confirmed, confirmed_by
from medrec.core.reconcile.taken import Says, Signal, Verdict


class Gathered(NamedTuple):
    """`lines` newest first; `places[n]` is where line n stood in what was given; `sources` are all who say
    something of it themselves."""

    lines: tuple[Line, ...]
    places: list[int]
    verdict: Verdict
    confirmed: Confirmed | None
    sources: dict[str, None]


def gathered(
    signals: list[tuple[Held, Signal]], copies: list[bool], answers: Callable[[int, int], bool] | None = None
) -> Gathered:
    """All that follows from the signals of one row. `answers` as in taken.verdict."""
    verdict = taken.verdict([(item.voice, said) for item, said in signals], answers)
    made = []
    for place, (item, said) in enumerate(signals):
        found = line(item, said.says, said.at, outdone=place in verdict.outdone, copy=copies[place])
        made.append((found, place))
    made.sort(key=lambda pair: order(pair[0]))
    confirming = [
        (item, said.at)
        for place, (item, said) in enumerate(signals)
        if not copies[place] and _confirms(said, place in verdict.live, verdict.status)
    ]
    sources = {item.source: None for item, said in signals if said.says is not Says.REVIEWED}
    return Gathered(
        tuple(found for found, _ in made), [place for _, place in made], verdict, confirmed_by(confirming), sources
    )


def _confirms(signal: Signal, live: bool, status: str) -> bool:
    """Who confirms a row: whoever says what it says."""
    if status == "active":
        return live or signal.says is Says.REVIEWED
    if status == "stopped":
        return signal.says in (Says.STOPPED, Says.ENDED)
    return signal.says in (Says.OPEN, Says.TAKEN)


def taken_back(signals: list[tuple[Held, tuple[object, ...] | None]], says: list[Says]) -> bool:
    """Whether a source calls a mistake what another has in the same words and of the same dates, and goes on saying."""
    errors = {
        (mark, item.source): None
        for (item, mark), said in zip(signals, says, strict=True)
        if said is Says.ERROR and mark is not None
    }
    if not errors:
        return False
    return any(
        mark == wrong and item.source != source
        for (item, mark), said in zip(signals, says, strict=True)
        if said is Says.TAKEN
        for wrong, source in errors
    )


def copied(signals: list[tuple[Held, tuple[object, ...] | None]]) -> list[bool]:
    """Which records are copies: another source has one with the same mark that was signed before.

    What was forwarded twice is one witness, not three. A record without a mark (None) is nobody's copy.
    """
    first: dict[tuple[object, ...], tuple[int, str]] = {}
    for item, mark in signals:
        if mark is not None:
            mine = (item.since, item.source)
            first[mark] = min(first.get(mark, mine), mine)
    return [mark is not None and first[mark][1] != item.source for item, mark in signals]
