"""What a requester answered for a look of its own, as it says itself and as the source hands it on to her.

The requester's own line counts, where one lies at her agent: the first that came. Without one, what the source hands on
counts as the source's word. What says something else stands against it: it is shown, and alarms.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sql

from medrec.core import manifests
from medrec.node.agent.told import manifest_in
from medrec.node.keeping import store
from medrec.node.keeping.vault import Vault
from medrec.node.looks.mismatch import raise_contradiction_of

REVIEWS = ("emergency-review/1", "emergency-reviewed/1")
ANSWERS = ("dispute-answer/1", "dispute-answered/1")
OWN = (REVIEWS[0], ANSWERS[0])
"""What the requester itself says."""


class Line(Protocol):
    """A line that was told to her agent."""

    @property
    def manifest(self) -> Any:
        """What it says."""

    @property
    def received(self) -> int | None:
        """When it came (ms)."""


class Word(NamedTuple):
    """What counts of an answer, whether the requester told it itself, and what says something else."""

    said: Any
    own: bool
    against: tuple[Any, ...]


def answer_of(said: Any) -> tuple[str, str, str]:
    """Source, requester, and the dispute or the review owed (hex) that it answers."""
    own = said.manifest in OWN
    source, requester = (said.source, said.organisation) if own else (said.organisation, said.requester)
    return source, requester, said.dispute if said.manifest in ANSWERS else said.obligation


def word_of(said: Any) -> tuple[str, str]:
    """What was found or answered, and in which words."""
    return (said.kind if said.manifest in ANSWERS else said.outcome), said.words


def words_of(lines: Iterable[Line]) -> dict[tuple[str, str, str], Word]:
    """What counts of each answer among these lines."""
    told: dict[tuple[str, str, str], list[Any]] = {}
    for line in sorted(lines, key=lambda line: line.received or 0):
        if line.manifest is not None:
            told.setdefault(answer_of(line.manifest), []).append(line.manifest)
    return {answer: _weighed(every) for answer, every in told.items()}


def _weighed(every: Sequence[Any]) -> Word:
    first = next((said for said in every if said.manifest in OWN), every[0])
    against = tuple(said for said in every if word_of(said) != word_of(first))
    return Word(first, first.manifest in OWN, against)


class _Told(NamedTuple):
    manifest: Any
    received: int | None


def hold(connection: sql.Connection, vault: Vault, rows: Sequence[Any], now: int) -> None:
    """An alarm where lines that came contradict what was told of the same answer. Inside `Store.write` only."""
    notice = store.notice.c
    kinds = (*REVIEWS, *ANSWERS)
    for account in sorted({row["account"] for row in rows if row["kind"] in kinds}):
        chosen = sql.select(notice.tag, notice.sealed, notice.received).where(
            notice.account == account, notice.kind.in_(kinds), notice.sealed.is_not(None)
        )
        rows_told = connection.execute(chosen).all()
        lines = [_Told(manifests.decode(manifest_in(vault, row)), row.received) for row in rows_told]
        for (source, _, answer), word in words_of(lines).items():
            if word.against:
                raise_contradiction_of(connection, source, answer, now)
