"""Asking independent witnesses for their cosignatures, and what their refusals tell.

A witness is an address and its keys; nothing else of it is believed. It may refuse because it is at another size
(409: the proof is made again from there), or because it was shown another history (409 of the same size, 422). Then
this node asks for the head that the witness holds and looks whether the two contradict each other: if they do, both
are kept as evidence and the alarm is raised here as well.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from medrec.core import merkle
from medrec.core.checkpoint import (
    Checkpoint,
    Note,
    NoteError,
    NoteKey,
    SignatureLine,
    parse_checkpoint,
    parse_checkpoint_body,
    parse_note,
    render_note,
    verify_cosignatures,
)
from medrec.core.evidence import Evidence, contradiction
from medrec.core.note import parse_decimal, parse_vkey
from medrec.core.witness import log_key, render_request, signed_by_log

if TYPE_CHECKING:
    from medrec.node.node import Node

ANSWER_BYTES_MAX = 64 << 10
REST_MS = 30_000
TRIES = 3


class WebError(Exception):
    """No answer came from a plain web address; the message is one sentence for people."""


class Web(Protocol):
    """Plain HTTP to addresses that are no member's node."""

    def post(self, url: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to a POST. Raises WebError."""
        ...

    def get(self, url: str) -> tuple[int, bytes]:
        """Status and body of the answer to a GET. Raises WebError."""
        ...


class WitnessPlace(NamedTuple):
    """Where a witness answers, and its keys (one name)."""

    url: str
    keys: tuple[NoteKey, ...]

    @property
    def name(self) -> str:
        """The name under which it cosigns."""
        return self.keys[0].name


def parse_place(text: str) -> WitnessPlace:
    """A witness from its setting: the address, then one or more verifier keys, with spaces between.

    Raises NoteError.
    """
    url, *vkeys = text.split() or [text]
    if not url.startswith(("https://", "http://")) or not vkeys:
        raise NoteError("a witness is written as its address and at least one of its keys")
    keys = tuple(map(parse_vkey, vkeys))
    if len({key.name for key in keys}) != 1:
        raise NoteError("the keys of a witness have one name")
    return WitnessPlace(url.rstrip("/"), keys)


SplitSeen = Callable[[str, Evidence, str], None]
"""(witness, evidence, sentence): what is done about a split view that a witness has seen."""


class Witnesses:
    """The witnesses that one node asks. `trouble` says by name why a line lacks."""

    def __init__(self, node: "Node", places: Sequence[WitnessPlace], web: Web, seen: SplitSeen) -> None:
        self._node = node
        self.web = web
        self._seen = seen
        self._sizes: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._resting: dict[str, int] = {}
        self.places = places
        self.trouble: dict[str, str] = {}

    def lines(self, note: Note, *, urgent: bool = False) -> list[SignatureLine]:
        """The lines of the witnesses that had none in the note and gave one now."""
        now = self._node.clock()
        names = {line.name for line in note.signatures}
        found: list[SignatureLine] = []
        for place in self.places:
            if place.name in names or (not urgent and self._resting.get(place.name, 0) > now):
                continue
            gained = self._ask(place, note)
            if gained:
                self.trouble.pop(place.name, None)
                self._resting.pop(place.name, None)
                found.extend(gained)
            else:
                self._resting[place.name] = now + REST_MS
        return found

    def _ask(self, place: WitnessPlace, note: Note) -> list[SignatureLine]:
        head = parse_checkpoint(note.text)
        signed = Note(note.text, (self._node.keys.sign_as_log(note.text),))
        try:
            self._tell_of_members(place)
            for _ in range(TRIES):
                old = self._sizes.get(place.name, 0)
                if old > head.size:
                    self.trouble[place.name] = f"{place.name} has seen a longer log than this node has."
                    return []
                body = render_request(old, self._proof(old, head.size), render_note(signed))
                status, answer = self.web.post(f"{place.url}/add-checkpoint", body)
                if status == 200:
                    lines = _verified(place, note.text, answer)
                    self._sizes[place.name] = head.size
                    return lines
                if status != 409:
                    break
                known = parse_decimal("size", answer.decode("ascii").rstrip("\n"))
                if known == old:
                    break
                self._sizes[place.name] = known
        except WebError as error:
            self.trouble[place.name] = str(error)
            return []
        except (NoteError, ValueError):
            self.trouble[place.name] = f"{place.name} answered with something that is no cosignature."
            return []
        self._sizes.pop(place.name, None)
        self.trouble[place.name] = f"{place.name} does not sign (status {status})."
        if status in (409, 422):
            self._compare(place, signed, head)
        return []

    def _tell_of_members(self, place: WitnessPlace) -> None:
        """Bring a witness the root file when members came, went or rotated; once, whatever it makes of it.

        A witness of another make has no such door; its keeper gives it the keys. Raises WebError.
        """
        members = self._node.checkpoints.members
        newest = members.root.sets[-1][0]
        if newest > self._told.get(place.name, 0):
            status, _ = self.web.post(f"{place.url}/root", members.root_file())
            if status < 500:
                self._told[place.name] = newest

    def _proof(self, old: int, size: int) -> list[bytes]:
        if not 0 < old < size:
            return []
        with self._node.engine.view() as view:
            return merkle.consistency_proof(view.get, old, size)

    def _compare(self, place: WitnessPlace, signed: Note, ours: Checkpoint) -> None:
        """Look whether the head that the witness holds contradicts this node's ledger."""
        log = hashlib.sha256(ours.origin.encode()).hexdigest()
        try:
            status, data = self.web.get(f"{place.url}/log/{log}/checkpoint")
            if status != 200:
                return
            theirs = parse_note(data)
            head = parse_checkpoint_body(theirs.text)
            known = [log_key(ours.origin, it.keys.cosign_ed25519) for it in self._node.directory.organisations()]
            # Only a head that a member signed as the log makes anybody answerable.
            if head.origin != ours.origin or not (signed_by_log(theirs, known) or signed_by_log(theirs, place.keys)):
                return
            evidence = self._evidence(render_note(signed), ours, data, head.size)
            sentence = contradiction(evidence) if evidence is not None else None
        except (WebError, NoteError):
            return
        if evidence is not None and sentence is not None:
            self._seen(place.name, evidence, sentence)

    def _evidence(self, ours: bytes, head: Checkpoint, theirs: bytes, size: int) -> Evidence | None:
        """Both heads, with what this node's log had at the other's size; None if the other is larger."""
        if not 0 < size < head.size:
            return Evidence(theirs, ours) if size == head.size else None
        with self._node.engine.view() as view:
            proof = merkle.consistency_proof(view.get, size, head.size)
            return Evidence(theirs, ours, merkle.log_root(view.get, size), tuple(proof))


def _verified(place: WitnessPlace, text: bytes, answer: bytes) -> list[SignatureLine]:
    note = parse_note(text + b"\n" + answer)
    if not verify_cosignatures(note, place.keys):
        raise NoteError("none of the lines is the witness's")
    first = {(line.name, line.key_id): line for line in reversed(note.signatures)}
    return [first[key.name, key.key_id] for key in place.keys if (key.name, key.key_id) in first]
