"""The recipient's look at records that were cut at their source: held against the disclosure, which alone vouches for
them.

They are kept and shown as *redacted at its source, signed by its source, not provable against the ledger*.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from medrec.core.consent.redact import is_marked
from medrec.core.manifests.access import Disclosed, Request, marked
from medrec.core.records.canonical import RecordError, canonical


class PartError(Exception):
    """A cut record does not verify; `code` is a short name, the text one sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class ReceivedPart(NamedTuple):
    """A record that was cut at its source, signed by its source in the disclosure alone: canonical bytes, and the
    elements that something was taken from. It is not the version that the ledger knows, and no receipt proves it."""

    type: str
    id: str
    content: bytes
    elements: tuple[str, ...]


class Whole(NamedTuple):
    """A record that came as it was signed: its name, the key of its marks, its SHA-256 and that of its manifest."""

    type: str
    id: str
    key: bytes
    sha256: bytes
    manifest: bytes


def all_listed(whole: Sequence[Whole], told: Sequence[Disclosed]) -> bool:
    """Whether the whole records that came are those that a disclosure lists, in its order, neither more nor fewer."""
    others = [one for one in told if one.part is None]
    return len(whole) == len(others) and all(
        (one.type, one.id) == (listed.type, listed.id)
        and listed.of_content(one.key, one.sha256)
        and listed.of_version(one.key, one.manifest)
        for one, listed in zip(whole, others, strict=True)
    )


def all_beside(came: Sequence[Whole], told: Sequence[Disclosed], keys: Sequence[bytes]) -> bool:
    """Whether the medicines that came are nobody's and those that a disclosure says went with its records (each marked
    under the key of the record that it went with), neither more nor fewer."""
    met: set[int] = set()
    for one, key in zip(told, [*keys, *[b""] * len(told)], strict=False):
        for went in one.beside:
            found = [
                at
                for at, whole in enumerate(came)
                if went.content == marked(key, whole.sha256) and went.version == marked(key, whole.manifest)
            ]
            if not key or not found:
                return False
            met.update(found)
    return len(met) == len(came)


def verify_parts(
    source: str, asked: Request, sent: Sequence[bytes], told: Sequence[Disclosed], keys: Sequence[bytes]
) -> tuple[ReceivedPart, ...]:
    """The cut records that came (`sent`). Raises PartError.

    Their places are those at which the disclosure says so; each is held against its mark there, which opens with the
    key at the same place.
    """
    keyed = zip(told, [*keys, *[b""] * len(told)], strict=False)
    places = [(one, key) for one, key in keyed if one.part is not None]
    if len(places) != len(sent):
        raise PartError("other-records", f"{source} sent other records than it wrote down as disclosed.")
    return tuple(_verify_part(source, asked, content, *place) for content, place in zip(sent, places, strict=True))


def _verify_part(source: str, asked: Request, content: bytes, told: Disclosed, key: bytes) -> ReceivedPart:
    name, part = f"{told.type}/{told.id}", told.part
    try:
        found = canonical(content)
    except RecordError:
        raise PartError("unreadable-record", f"A record from {source} is not readable.") from None
    value: Any = found.value
    if part is None or part.how != "cut" or told.proven or not is_marked(value):
        raise PartError("not-marked", f"{name} came in part, and does not say so.")
    if found.data != content or not told.of_content(key, found.sha256):
        raise PartError("record-changed", f"{name} is not what {source} wrote down as disclosed.")
    if value.get("resourceType") != told.type or value.get("id") != told.id:
        raise PartError("another-record", f"{name} holds another record than its disclosure says.")
    if (asked.types and told.type not in asked.types) or (asked.ids and told.id not in asked.ids):
        raise PartError("not-asked-for", f"{name} was not asked for.")
    return ReceivedPart(told.type, told.id, content, tuple(part.elements))
