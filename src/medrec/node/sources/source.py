"""The seam between a place that holds records and the publisher: what a source yields, and what it promises.

A source promises:
- Order: items come in an order that is the same on every reading of the same content. Where one (type, id) occurs
  more than once, a later item is the newer statement.
- Restart: every item carries a position, an opaque text. The consumer stores the position of the last item it took in
  the same durable commit as what it made of that item, and hands it back as `after`; reading goes on behind it. If
  the content changed since, some items come again; none is skipped that was there, in its place, before.
- Repetition is harmless: the consumer drops a record whose canonical hash is the one it already holds for (type, id).
  The source itself remembers nothing and drops nothing.
- One bad record never hides another: it is yielded as Rejected, with its place and a reason, and reading goes on.
- SourceUnavailable means that nothing is known. It is never a statement that records are gone.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, Protocol, TypeAlias

from medrec.core.records.canonical import Canonical


class SourceUnavailable(Exception):
    """The whole source cannot be read now (it vanished, or access is refused); say so and try again later."""


class RecordUnavailable(Exception):
    """The source answers, but does not hand over this one record (it guards it, or cannot read it)."""


class RawRecord(NamedTuple):
    """One record as the source states it.

    `origin` says for people where it stands; `type` and `id` are FHIR's; `content` holds the canonical bytes, their
    tree and their SHA-256, and is None for a deletion. The content is exactly what the source holds: an `id` taken
    from elsewhere in the source is not written into it.
    """

    origin: str
    type: str
    id: str
    action: Literal["put", "delete"]
    content: Canonical | None
    position: str


class Rejected(NamedTuple):
    """Something a source holds that is not a usable record: a stable `code`, and a `sentence` without any values.

    `line` and `column` count from 1 in the (unpacked) file, 0 = no place; `key` is the path of the key.
    """

    origin: str
    code: str
    sentence: str
    position: str
    line: int = 0
    column: int = 0
    key: str = ""


Item: TypeAlias = RawRecord | Rejected


class Source(Protocol):
    """A place that holds records."""

    def read(self, after: str = "") -> Iterator[Item]:
        """All items behind the position `after`; "" is the beginning. Raises SourceUnavailable."""
        ...


class Change(NamedTuple):
    """One difference between what a consumer knows and what its source states now.

    `kind`: new (not known, or known as deleted), changed, deleted (the source says so), missing (the source no longer
    mentions it; `certain` is False when something was rejected, behind which the record may hide). `previous` is the
    known SHA-256, `record` the item as it stands now; each None where there is none.
    """

    kind: Literal["new", "changed", "deleted", "missing"]
    type: str
    id: str
    previous: bytes | None
    record: RawRecord | None
    certain: bool


Known: TypeAlias = Mapping[tuple[str, str], bytes | None]
"""(type, id) -> SHA-256 of the canonical bytes last published; None = published as deleted"""


def snapshot_compare(source: Source, known: Known) -> Iterator[Change | Rejected]:
    """What changed at the source since `known`, judged by the last statement about each record.

    Whether a change is an ordinary update or an integrity alarm is for the publisher to decide. Reads the source
    once, and a second time only if something changed; keeps one hash per record, never the records. A record that
    changes between the two readings is left for the next comparison. Raises SourceUnavailable.
    """
    final: dict[tuple[str, str], bytes | None] = {}
    rejected = 0
    for item in source.read():
        if isinstance(item, Rejected):
            rejected += 1
            yield item
        else:
            final[item.type, item.id] = item.content.sha256 if item.content else None
    pending = {key: sha for key, sha in final.items() if known.get(key) != sha}
    if pending:
        for item in source.read():
            if isinstance(item, Rejected):
                continue
            key = (item.type, item.id)
            sha = item.content.sha256 if item.content else None
            if key in pending and pending[key] == sha:
                del pending[key]
                yield _change(item, known.get(key))
    for key, previous in known.items():
        if previous is not None and key not in final:
            yield Change("missing", *key, previous, None, rejected == 0)


def _change(item: RawRecord, previous: bytes | None) -> Change:
    kind: Literal["new", "changed", "deleted"] = "changed" if previous else "new"
    return Change("deleted" if item.content is None else kind, item.type, item.id, previous, item, True)
