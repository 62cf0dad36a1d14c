"""What makes up a look: the one rule by which lines of several journals tell of the same look, and what of them counts.

A look is one request of a requester at a source. Its id (the obligation) follows from both of them and from the
request's own random id. So a line has a part in a look only where it names the id of its own request, and nobody can
write a line of somebody else's look: it stands by itself then, and is `unfit`.

    given      the source's disclosure (or what it says of a look inside, or of an emergency): the first that came
    refused    the source's refusal; after a disclosure once the requester's half is here, unless that says that it got
               the records; until then the disclosure counts, and that it was `taken_back` is said beside it
    received   the requester's half: the first that came
    asked      the half of a page that its source wrote down as not shown: the requester's node knows that it was asked
               for, and never what the browser was shown; so it speaks neither for nor against its source
    denied     the source hands on that the requester knows nothing of it: until the requester says otherwise
    contrary   what does not fit with these: it overwrites nothing, is shown, and alarms

The ledger's word (open, overdue, settled) is not among them, and stands beside.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from medrec.core.manifests.access import (
    DisclosureManifest,
    OwedDeniedManifest,
    ReceivedManifest,
    RefusalManifest,
    obligation_of,
)
from medrec.core.manifests.emergency import EmergencyManifest, review_owed

PARTS: dict[str, str] = {
    "disclosure/1": "given",
    "own-look/1": "given",
    "emergency/1": "given",
    "refusal/1": "refused",
    "disclosure-received/1": "received",
    "owed-denied/1": "denied",
}
GOT = ("received", "viewed")
"""Outcomes of a requester's half by which something was let out, whatever its source says."""


class Line(Protocol):
    """A line of somebody's journal."""

    @property
    def manifest(self) -> Any:
        """What it says."""


class Parts(NamedTuple):
    """The lines that make up one look, and those that do not fit with them."""

    given: Any = None
    refused: Any = None
    received: Any = None
    denied: Any = None
    asked: Any = None
    contrary: tuple[Any, ...] = ()
    unfit: bool = False

    @property
    def stopped(self) -> bool:
        """Whether nothing went: a refusal, borne out by the requester where its source wrote it down as given."""
        return self.refused is not None and (self.given is None or self.received is not None)

    @property
    def taken_back(self) -> bool:
        """Whether its source wrote it down as given and then as not sent, and the requester has not said which."""
        return self.refused is not None and not self.stopped

    @property
    def shown(self) -> Any:
        """The line that tells what became of it."""
        return (self.refused if self.stopped else self.given) or self.received

    @property
    def doubtful(self) -> bool:
        """Whether what was told of it does not fit together."""
        return self.unfit or bool(self.contrary)


def named(statement: Any) -> tuple[str, str] | None:
    """Source and obligation (hex) that a line names; None where it names none."""
    obligation = getattr(statement, "obligation", None)
    if obligation is None:
        return None
    of_another = isinstance(statement, ReceivedManifest | OwedDeniedManifest)
    return (statement.source if of_another else statement.organisation), obligation


def look_of(statement: Any) -> tuple[str, str] | None:
    """Source and obligation (hex) of the look that a line has a part in; None for one that stands by itself."""
    if isinstance(statement, DisclosureManifest | RefusalManifest):
        request = statement.request
        own = obligation_of(statement.organisation, request.requester, bytes.fromhex(request.id))
    elif isinstance(statement, EmergencyManifest):
        request = statement.request
        own = review_owed(statement.organisation, request.requester, bytes.fromhex(request.id))
    elif isinstance(statement, ReceivedManifest):
        own = obligation_of(statement.source, statement.organisation, bytes.fromhex(statement.request))
    elif isinstance(statement, OwedDeniedManifest):
        return named(statement) if statement.organisation == statement.source else None
    else:
        return None
    return named(statement) if statement.obligation == own.hex() else None


def gathered(lines: Iterable[Line]) -> list[Parts]:
    """The looks that these lines tell of; of lines that say different things the first that is passed in counts."""
    looks: dict[Any, list[Line]] = {}
    for number, line in enumerate(lines):
        if line.manifest is not None:
            looks.setdefault(look_of(line.manifest) or number, []).append(line)
    found = [joined(of_one) for of_one in looks.values()]
    # That somebody knows nothing of a look is said beside the look, and is none.
    return [parts for parts in found if parts.shown is not None]


def joined(lines: Iterable[Line]) -> Parts:
    """One look from its lines, in the order in which they came. The same line told twice is one."""
    first: dict[str, Line] = {}
    contrary: list[Line] = []
    unfit = False
    for line in lines:
        said = first.setdefault(PARTS[line.manifest.manifest], line)
        if said is not line and said.manifest != line.manifest:
            contrary.append(line)
        unfit = unfit or (named(line.manifest) is not None and look_of(line.manifest) is None)
    half, given, denied = (first.get(name) for name in ("received", "given", "denied"))
    if half is not None and _only_asked(half.manifest, given, first.get("refused")):
        first["asked"] = first.pop("received")
    elif half is not None and _got(half.manifest, given):
        contrary += [first.pop(name) for name in ("refused", "denied") if name in first]
    elif denied is not None and given is not None and denied.manifest.requester != given.manifest.request.requester:
        del first["denied"]
    return Parts(**first, contrary=tuple(contrary), unfit=unfit)


def _only_asked(half: ReceivedManifest, given: Line | None, refused: Line | None) -> bool:
    """Whether a half is of a page that its source says it did not show after all."""
    door = given.manifest.request.door if given is not None and isinstance(given.manifest, DisclosureManifest) else ""
    return refused is not None and half.outcome == "viewed" and door == "view"


def _got(half: ReceivedManifest, given: Line | None) -> bool:
    """Whether a requester's half says that something was let out. That an answer without a record came, of which its
    source says so, too, lets nothing out: a push that was stopped reaches whoever it was for without its records."""
    stated = given is not None and bool(getattr(given.manifest, "records", None))
    return half.outcome == "viewed" or (half.outcome in GOT and (stated or bool(half.records)))
