"""Counting people without reading them: who may be counted, and from how many on the number may be said.

    counted([(decision, records), ...], COUNT_MIN)     42, or None: too few to hide among

A person counts by the records that her own consents let be used for the purpose; nobody else is in it, and nothing says
how many were left out. No door of a node counts across people; who builds one decides here. The same question about
groups that differ by one person tells of that one: such a door adds noise, too, which is not the core's to draw.
"""

from collections.abc import Iterable, Sequence

from medrec.core.consent.decide import Decision, judge
from medrec.core.consent.facts import Record

COUNT_MIN = 11
"""The least number that is said: the cell size of CMS (no cell from 1 to 10); here none at all says nothing either."""


def counted(people: Iterable[tuple[Decision, Sequence[Record]]], least: int = COUNT_MIN) -> int | None:
    """How many people have a record that their consents let be counted; None where that is fewer than `least`.

    Each with the decision about the request, whose action is `use`, and with her records that meet the question.
    """
    found = sum(
        1 for decision, records in people if any(judge(decision, record).effect == "permit" for record in records)
    )
    return found if found >= max(1, least) else None
