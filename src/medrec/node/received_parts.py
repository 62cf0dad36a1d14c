"""The recipient's look at records that were cut at their source: held against the disclosure, which alone vouches for
them.

They are kept and shown as *redacted at its source, signed by its source, not provable against the ledger*.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from medrec.core.consent.redact import is_marked
from medrec.core.manifests.access import Disclosed, Request
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


def verify_listed(
    source: str, asked: Request, whole: Sequence[Disclosed], sent: Sequence[bytes], told: Sequence[Disclosed]
) -> tuple[tuple[ReceivedPart, ...], list[Disclosed]]:
    """The cut records that came (`sent`), and all that came as a disclosure lists it; `whole` are the others.

    Raises PartError.
    The places of the cut ones are those at which the disclosure says so; each is held against its hash there.
    """
    whole = list(whole)
    places = [at for at, one in enumerate(told) if one.part is not None]
    if not sent:
        return (), whole
    if len(places) != len(sent):
        raise PartError("other-records", f"{source} sent other records than it wrote down as disclosed.")
    parts = tuple(_verify_part(source, asked, content, told[at]) for content, at in zip(sent, places, strict=True))
    for at in places:
        whole.insert(at, told[at])
    return parts, whole


def _verify_part(source: str, asked: Request, content: bytes, told: Disclosed) -> ReceivedPart:
    name, part = f"{told.type}/{told.id}", told.part
    try:
        found = canonical(content)
    except RecordError:
        raise PartError("unreadable-record", f"A record from {source} is not readable.") from None
    value: Any = found.value
    if part is None or part.how != "cut" or told.manifest is not None or not is_marked(value):
        raise PartError("not-marked", f"{name} came in part, and does not say so.")
    if found.data != content or found.sha256.hex() != told.sha256:
        raise PartError("record-changed", f"{name} is not what {source} wrote down as disclosed.")
    if value.get("resourceType") != told.type or value.get("id") != told.id:
        raise PartError("another-record", f"{name} holds another record than its disclosure says.")
    if (asked.types and told.type not in asked.types) or (asked.ids and told.id not in asked.ids):
        raise PartError("not-asked-for", f"{name} was not asked for.")
    return ReceivedPart(told.type, told.id, content, tuple(part.elements))
