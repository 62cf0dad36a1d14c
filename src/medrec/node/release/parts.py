"""Records that go out in part: those of a person who allows marks, without what she withholds of them.

Who allows no marks has none of this: her records go out as they were signed, or not at all (decision 0024), and this
file is not asked. What is cut carries the mark in `meta.security`, its disclosure names the hash of what was sent and
the elements that something was taken from, and nothing that goes with it tells the hash of the whole.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from medrec.core.commitment import SALT_BYTES
from medrec.core.consent import decide as deciding
from medrec.core.consent import redact
from medrec.core.consent.decide import Decision
from medrec.core.consent.facts import Record, pointed_at, unknown
from medrec.core.consent.pointers import Called, Pointer, pointers_in
from medrec.core.consent.redact import Withheld
from medrec.core.manifests.access import Beside, Disclosed, Part, marked, marks_key
from medrec.core.records.canonical import RecordError, canonical, canonical_of
from medrec.node.keeping.journal import Journal, Person
from medrec.node.refusals import Code, Refusal
from medrec.node.release import access
from medrec.node.release.reading import Known

if TYPE_CHECKING:
    from medrec.node.node import Node
    from medrec.node.release.deciding import Allowed
    from medrec.node.release.gate import Released
    from medrec.node.release.medicines import Medicines
    from medrec.node.release.reading import Reader

SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
"""The tag of a record of which only the elements were sent that were asked for."""
_ELEMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
_ALTERED = (Code.RECORD_ALTERED, Code.RECORD_CHANGED)


class Sent(NamedTuple):
    """A record that does not go out as it was signed: the canonical bytes that go instead, and how they came about."""

    content: bytes
    part: Part


class Opened(NamedTuple):
    """What opens a record that goes out: the salt of the line that signed it, its manifest, the key of its marks."""

    salt: bytes
    manifest: bytes
    key: bytes


class _Judged(NamedTuple):
    row: Any
    facts: Record
    attach: tuple[str, ...]
    permitted: bool
    hidden: bool
    unnamed: bool
    trouble: Code | None
    tree: Any = None
    """What is left of it, where that is not all."""


class Parts:
    """What goes out of each record of one person under one decision that allows marks.

    Only what was asked for is looked at, and what leads on from there: `facts_of` is what is known of a record,
    `meant` are her records that a pointer means, `medicines` those that are nobody's: an order and its medicine go
    together or not at all. A record is cut only if it is what was signed.
    """

    def __init__(
        self,
        node: "Node",
        reader: "Reader",
        decision: Decision,
        facts_of: Callable[[Any], tuple[Record, Code | None]],
        meant: Callable[[Pointer], Sequence[Any]],
        medicines: "Medicines",
    ) -> None:
        self._node = node
        self._reader = reader
        self._decision = decision
        self._facts_of = facts_of
        self._meant = meant
        self._medicines = medicines
        self._found: dict[str, _Judged] = {}

    def learn(self, rows: Sequence[Any]) -> None:
        """Find out about these records, before they are asked for with `of`. Raises Refusal, StoreError; then nothing
        is known, and nothing goes out."""
        try:
            self._learn(list(rows))
        except BaseException:
            self._found = {}
            raise

    def _learn(self, waiting: list[Any]) -> None:
        known = len(self._found)
        while waiting:
            row = waiting.pop()
            name = f"{row.type}/{row.id}"
            if name in self._found:
                continue
            stays = _Judged(row, unknown(row.type, row.id), (), False, True, False, None)
            work = partial(self._judge_known, row)
            found = self._found[name] = self._reader.one(row, work, stays)
            # What stays at home whatever it points at leads nowhere.
            if found.permitted:
                waiting += [other for pointer in found.facts.pointers for other in self._meant(pointer)]
        if len(self._found) > known:
            self._detach()

    def of(self, row: Any) -> tuple[Sent | None, tuple[str, ...], Code | None] | None:
        """What goes out instead of a record (None: the record itself), the texts that travel along, and what is wrong
        with it; None if it does not go out. Raises Refusal, StoreError."""
        name = f"{row.type}/{row.id}"
        found = self._found.get(name)
        if found is None or not found.permitted:
            return None
        if found.tree is None:
            return None, found.attach, found.trouble
        sent = self._reader.one(row, partial(self._sent, found), None)
        return None if sent is None else (sent, found.attach, None)

    def stays(self, row: Any) -> bool:
        """Whether a record stays at home or loses a part for what it holds itself: if none does, nothing is missing."""
        return self._reader.one(row, partial(self._loses, row), True)

    def _loses(self, row: Any) -> bool:
        facts, _ = self._facts_of(row)
        return deciding.judge(self._decision, facts).effect != "permit" or self._medicines.hide(facts)

    # --- one record -------------------------------------------------------------------------------------------

    def _judge_known(self, row: Any) -> _Judged:
        return self._judge(row, *self._facts_of(row))

    def _judge(self, row: Any, facts: Record, trouble: Code | None) -> _Judged:
        verdict = deciding.judge(self._decision, facts)
        if self._medicines.hide(facts):
            return _Judged(row, facts, (), False, True, False, trouble)
        if verdict.effect == "permit":
            return _Judged(row, facts, verdict.attach, True, False, False, trouble)
        hidden = verdict.hidden and deciding.judge(self._decision, pointed_at(facts)).hidden
        tree, labeller = self._tree(row) if trouble is None else None, self._node.labels.labeller
        if tree is None or labeller is None or not _says_itself(tree, row):
            return _Judged(row, facts, (), False, hidden, verdict.unnamed, trouble)
        answer = redact.sift_one(self._decision, tree, labeller, answered=facts.answered)
        if answer.resource is None or not self._may_go(row, facts, answer.resource):
            return _Judged(row, facts, (), False, hidden, verdict.unnamed, trouble)
        return _Judged(row, facts, answer.judgement.attach, True, False, False, trouble, answer.resource)

    def _may_go(self, row: Any, facts: Record, tree: Any) -> bool:
        """Whether what is left of a record is permitted by itself, with the medicines that it points at."""
        left = self._node.labels.facts(tree, row.type, row.id)
        left = msgspec.structs.replace(left, answered=facts.answered)
        return deciding.judge(self._decision, self._medicines.whole(Known(left)).facts).effect == "permit"

    def _tree(self, row: Any) -> Any:
        """The record as it was signed; None for one that is not, which is withheld like before."""
        try:
            return canonical(self._reader.content(row)).value
        except Refusal as refusal:
            if refusal.reason not in _ALTERED:
                raise
            return None

    def _detach(self) -> None:
        """Take the pointers to what is withheld for what it is out of what goes, until there are none."""
        while True:
            withheld = Withheld(
                Called(self._called(found) for found in self._found.values() if found.hidden),
                Called(self._called(found) for found in self._found.values() if found.unnamed),
            )
            changed = False
            for name, found in self._found.items():
                left = self._reader.one(found.row, partial(self._detached, found, withheld), _stays(found))
                if left is not found:
                    self._found[name], changed = left, True
            if not changed:
                return

    def _detached(self, found: _Judged, withheld: Withheld) -> _Judged:
        pointers = found.facts.pointers if found.tree is None else pointers_in(found.tree)
        if not found.permitted or not any(map(withheld.meant, pointers)):
            return found
        tree = found.tree if found.tree is not None else self._tree(found.row)
        left = redact.without(tree, withheld, marks=True) if isinstance(tree, dict) else None
        # Where nothing true is left, or it points in a way that is not understood here, it stays.
        return _stays(found) if left is None or left is tree else found._replace(tree=left)

    @staticmethod
    def _called(found: _Judged) -> tuple[str, str, frozenset[str] | None]:
        return found.row.type, found.row.id, found.facts.called

    def _sent(self, found: _Judged) -> Sent | None:
        """The bytes that go out, if what is left is permitted by itself; what is not sure stays."""
        row = found.row
        try:
            before, made = canonical(self._reader.content(row)).value, canonical_of(found.tree)
        except RecordError:
            return None
        elements = redact.elements_cut(before, found.tree) if isinstance(before, dict) else []
        if not elements or not self._may_go(row, found.facts, found.tree):
            return None
        if not all(map(_ELEMENT.match, elements)):
            return None
        entry = hashlib.sha256(bytes(row.entry)).hexdigest()
        return Sent(made.data, Part("cut", elements, entry))


def _stays(found: _Judged) -> _Judged:
    return found._replace(permitted=False, hidden=True, tree=None)


def _says_itself(tree: Any, row: Any) -> bool:
    """Whether a record says its own type and id: what is signed under another name is not cut."""
    return isinstance(tree, dict) and tree.get("resourceType") == row.type and tree.get("id") == row.id


# --- for the gate --------------------------------------------------------------------------------------------------


def openings(journal: Journal, person: Person, records: Sequence["Allowed"], obligation: bytes) -> list[Opened]:
    """What opens each of these records of a person, and its marks under an obligation. Raises VaultError."""
    found = []
    for allowed in records:
        data = opened(journal, person, allowed.row)
        salt = data[:SALT_BYTES]
        found.append(Opened(salt, data[SALT_BYTES:], marks_key(salt, obligation)))
    return found


def disclosed(allowed: "Allowed", known: Opened) -> Disclosed:
    """How a disclosure lists a record."""
    row, sent, key = allowed.row, allowed.sent, known.key
    version = marked(key, row.manifest)
    went = (*allowed.beside, *allowed.said)
    beside = [Beside(marked(key, one.sha256), marked(key, one.manifest)) for one in went]
    if sent is None:
        return Disclosed(row.type, row.id, marked(key, row.sha256), version, beside=beside)
    content = marked(key, hashlib.sha256(sent.content).digest())
    proven = None if sent.part.how == "cut" else version
    return Disclosed(row.type, row.id, content, proven, sent.part, beside=beside)


def lists(allowed: "Allowed", known: Opened, told: Disclosed) -> bool:
    """Whether a disclosure that was written before lists this very record as it would go out now."""
    if told.content is not None:
        return told == disclosed(allowed, known)
    row, sent = allowed.row, allowed.sent
    sha256 = row.sha256 if sent is None else hashlib.sha256(sent.content).digest()
    manifest = None if sent is not None and sent.part.how == "cut" else row.manifest.hex()
    part = None if sent is None else sent.part
    return (told.type, told.id, told.sha256, told.manifest, told.part) == (
        row.type, row.id, sha256.hex(), manifest, part,
    )  # fmt: skip


def half_of(released: "Released") -> access.SentLine:
    """The source's half with what opens it: its salt, and the keys of the marks of what goes with it."""
    line = released.line
    return access.SentLine(line.entry, line.manifest, line.salt, line.seq, [one.key for one in released.opened])


def opened(journal: Journal, person: Person, row: Any) -> bytes:
    """Salt and manifest of a record of a person, or of one that is nobody's and goes with hers. Raises VaultError."""
    return journal.unsealed(person if row.person is not None else None, row.sealed, row.manifest)


def contents(reader: "Reader", records: Sequence["Allowed"], known: Mapping[str, bytes]) -> list[bytes]:
    """What goes out of each record: as it is read, as it was read when it was chosen, or its part. Raises Refusal."""
    found: list[bytes] = []
    size = 0
    for allowed in records:
        if allowed.sent is not None:
            content = allowed.sent.content
        else:
            read = known.get(allowed.name)
            content = read if read is not None else reader.content(allowed.row)
        size += len(content)
        if size > access.CONTENT_BYTES_MAX:
            raise Refusal(Code.TOO_LARGE)
        found.append(content)
    return found


def beside(reader: "Reader", records: Sequence["Allowed"]) -> dict[str, tuple[Any, bytes]]:
    """The medicines that go with these records, each once, by name: rows and canonical bytes. Raises Refusal."""
    rows = {f"{row.type}/{row.id}": row for allowed in records for row in allowed.beside}
    contents = reader.read(list(rows.values()))
    return {name: (row, content) for (name, row), content in zip(rows.items(), contents, strict=True)}


def subset(content: bytes, sent: Sent | None, kept: Callable[[dict[str, Any]], dict[str, Any]]) -> Sent:
    """A record without the elements that were not asked for; `content` as it would have gone out."""
    value = canonical(content).value
    assert isinstance(value, dict)
    left = kept(value)
    meta = dict(left["meta"]) if isinstance(left.get("meta"), dict) else {}
    tags = list(meta["tag"]) if isinstance(meta.get("tag"), list) else []
    left["meta"] = {**meta, "tag": tags if SUBSETTED in tags else [*tags, SUBSETTED]}
    return Sent(canonical_of(left).data, sent.part if sent is not None else Part("subset"))
