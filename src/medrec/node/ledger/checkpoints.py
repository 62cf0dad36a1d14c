"""Checkpoints: the heads of the log that this organisation signs, and the cosignatures that it gives and gathers.

What makes a cosignature worth something: an organisation signs a head only if its own ledger says the same about
that height (size, root, time, state, protocol), and only if its ledger still holds every head that it ever signed.
For the second it keeps the largest one: the root at a size fixes the root at every smaller size, so a ledger that
still has the largest has them all. It is durable before a signature leaves the node.

Two organisations that hold different heads of one height have both signed theirs. Both notes are kept under
`split-view/...` in the store, as evidence that anybody can verify, and an alarm is raised on both sides.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from medrec.core import codec, merkle
from medrec.core.checkpoint import (
    COSIGNATURE_ED25519,
    Checkpoint,
    Note,
    NoteError,
    NoteKey,
    SignatureLine,
    cosigner_keys,
    parse_checkpoint,
    parse_checkpoint_body,
    parse_note,
    render_note,
    render_signature,
    verify_cosignatures,
)
from medrec.core.evidence import Evidence
from medrec.core.state import Organisation
from medrec.core.types import Tip
from medrec.core.witness import Head
from medrec.node.keeping import store
from medrec.node.ledger.members import Members
from medrec.node.ledger.split_views import (
    Contradiction,
    evidence,
    get_setting,
    raise_alarm,
    raise_split_view,
    set_setting,
)
from medrec.node.peers.peers import PeerError
from medrec.node.witness.witnesses import Web, Witnesses, WitnessPlace

if TYPE_CHECKING:
    from medrec.node.node import Node

__all__ = ["COSIGN_PATH", "CheckpointError", "Checkpoints", "evidence"]

COSIGN_PATH = "/medrec/cosign"
KEPT = 200
"""Notes kept, newest first; the newest one with a quorum stays in any case. A receipt carries its own note."""
REST_MS = 30_000
"""For how long an organisation that did not answer, or disagreed, is not asked again without need."""
WAIT_S = 1.0
"""For how long an asked node waits for a block that it does not have yet."""
SENTENCE_MAX = 300

_HEAD = "cosigned-head"
_QUORATE = "quorate-checkpoint"


class CheckpointError(Exception):
    """A checkpoint was not made or not signed. `code` is a short name, the text one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Checkpoints:
    """Makes, cosigns and keeps the checkpoints of one node. `trouble` says by organisation why its line lacks."""

    def __init__(
        self, node: "Node", places: Sequence[WitnessPlace] = (), web: Web | None = None, evidence: Path | None = None
    ) -> None:
        """`places` are the independent witnesses to ask, over `web`; `evidence` the folder for split views."""
        self._node = node
        self._evidence = evidence
        self.witnesses = None if web is None else Witnesses(node, places, web, self._witness_saw)
        self._making = threading.Lock()
        self._resting: dict[str, int] = {}
        self.trouble: dict[str, str] = {}
        self.members = Members(node)

    # --- what there is ------------------------------------------------------------------------------------

    def latest(self) -> Note | None:
        """The newest kept note, whoever signed it; None before the first."""
        notes = self._kept(0, 1)
        return notes[0] if notes else None

    def cosigners(self, note: Note) -> list[str]:
        """The members at the size of a note whose Ed25519 line it carries, by id; each counts once."""
        return self.members.signers(note)

    def covering(self, leaf_index: int, needed: int | None = None) -> Note:
        """The newest note of a log that holds the leaf, with at least `needed` organisations (or a quorum).

        One is made if there is none. Raises CheckpointError not-in-log or too-few-cosignatures, and what `make` raises.
        """
        self.members.look()
        for note in self._kept(leaf_index + 1, KEPT):
            if not self.members.lacking(note, needed):
                return note
        note = self.make(urgent=True)
        if parse_checkpoint(note.text).size <= leaf_index:
            raise CheckpointError("not-in-log", f"The log has no leaf {leaf_index} yet.")
        lacking = self.members.lacking(note, needed)
        if lacking:
            reasons = "; ".join(sentence for _, sentence in sorted(self.trouble.items())) or "nobody else is active"
            waits = self.members.sentence()
            raise CheckpointError("too-few-cosignatures", f"{lacking}: {reasons}{' ' + waits if waits else ''}")
        return note

    def _kept(self, size_min: int, count: int) -> list[Note]:
        where = store.checkpoint.c
        with self._node.store.read() as connection:
            rows = connection.execute(
                sql.select(where.note).where(where.size >= size_min).order_by(where.size.desc()).limit(count)
            )
            return [parse_note(bytes(row.note)) for row in rows]

    # --- making -------------------------------------------------------------------------------------------

    def keep_up(self) -> Note | None:
        """Sign the head of a log that grew and ask the others; ask again those whose line lacks. Called every two
        seconds. None if there is nothing to sign or it may not be signed (then an alarm says why).
        """
        try:
            return self.make()
        except CheckpointError:
            return None

    def still_holds(self) -> bool:
        """Whether the ledger holds all that was signed of it; if not, an alarm says so."""
        try:
            self._still_holds()
        except CheckpointError:
            return False
        return True

    def make(self, *, urgent: bool = False) -> Note:
        """The note of the present head with this organisation's lines and those of all who answered, kept.

        A head of this size that was signed before is completed, not signed anew. `urgent` also asks those who did not
        answer a moment ago. Raises CheckpointError (empty-log, log-changed), EngineError, StoreError.
        """
        self.members.keep_up(urgent=urgent)
        with self._making:
            tip = self._node.engine.tip()
            if not tip.log_size:
                raise CheckpointError("empty-log", "Nothing stands on the ledger yet, so there is no head to sign.")
            found = self._kept(tip.log_size, 1)
            if found:
                note = found[0]
                self._still_holds()
            else:
                note = self._sign(self.of_tip(tip))
            lines = list(note.signatures)
            for organisation, gained in self._gather(note, urgent):
                lines.extend(gained)
                self.trouble.pop(organisation, None)
            if self.witnesses is not None:
                lines.extend(self.witnesses.lines(note))
            complete = Note(note.text, tuple(lines))
            if not found or len(lines) > len(note.signatures):
                self._keep(complete)
            return complete

    def of_tip(self, tip: Tip) -> Checkpoint:
        """What this node would sign of a tip."""
        return Checkpoint(
            network=self._node.network,
            size=tip.log_size,
            root=tip.log_root,
            height=tip.height,
            time=tip.time,
            state=tip.state_root,
            protocol=tip.protocol,
        )

    def _gather(self, note: Note, urgent: bool) -> list[tuple[str, list[SignatureLine]]]:
        """The lines of the organisations that agree and had none in the note."""
        now = self._node.clock()
        names = {line.name for line in note.signatures}
        asked = [
            organisation
            for organisation in self._node.directory.active()
            if organisation.id != self._node.organisation
            and f"medrec/{organisation.id}" not in names
            and (urgent or self._resting.get(organisation.id, 0) <= now)
        ]
        if not asked:
            return []
        body = codec.encode({"note": render_note(note)})
        if min(self._node.peers.lanes, len(asked)) == 1:
            answers = [self._ask(organisation, note, body) for organisation in asked]
        else:
            with ThreadPoolExecutor(min(self._node.peers.lanes, len(asked))) as pool:
                answers = list(pool.map(lambda organisation: self._ask(organisation, note, body), asked))
        return [(organisation.id, lines) for organisation, lines in zip(asked, answers, strict=True) if lines]

    def _ask(self, organisation: Organisation, note: Note, body: bytes) -> list[SignatureLine]:
        """An organisation's lines under the note, none if it cannot or will not."""
        name = organisation.id
        try:
            answer = codec.decode(self._node.peers.call(name, COSIGN_PATH, body))
            if answer.get("lines"):
                return _verified(organisation, note.text, answer["lines"])
            if answer["code"] == "behind":
                self.trouble[name] = f"{name} has not followed the ledger so far yet."
                return []
            if answer["code"] == "split-view":
                self._take_evidence(organisation, note, parse_note(answer["note"]))
                self.trouble[name] = f"{name} holds another ledger than this node."
            else:
                self.trouble[name] = f"{name} does not sign: {str(answer['sentence'])[:SENTENCE_MAX]}"
        except PeerError as error:
            self.trouble[name] = error.sentence
        except (codec.CodecError, NoteError, KeyError, TypeError, AttributeError):
            self.trouble[name] = f"{name} answered with something that is no cosignature."
        self._resting[name] = self._node.clock() + REST_MS
        return []

    def _keep(self, note: Note) -> None:
        """Store a note and let go of the oldest."""
        checkpoint = parse_checkpoint(note.text)
        row = {"size": checkpoint.size, "height": checkpoint.height, "time": checkpoint.time, "note": render_note(note)}
        quorate = not self.members.lacking(note)

        def write(connection: sql.Connection) -> None:
            where = store.checkpoint.c
            connection.execute(sql.delete(store.checkpoint).where(where.size == checkpoint.size))
            connection.execute(sql.insert(store.checkpoint).values(**row))
            if quorate:
                set_setting(connection, _QUORATE, codec.encode(checkpoint.size))
            stays = codec.decode(get_setting(connection, _QUORATE) or codec.encode(0))
            oldest = connection.execute(
                sql.select(where.size).order_by(where.size.desc()).offset(KEPT).limit(1)
            ).scalar()
            if oldest is not None:
                connection.execute(sql.delete(store.checkpoint).where(where.size <= oldest, where.size != stays))

        self._node.store.write(write)

    # --- cosigning ----------------------------------------------------------------------------------------

    def cosign(self, caller: str, body: bytes) -> bytes:
        """Answer an organisation that asks for a cosignature: CBOR {"note": its own signed note}.

        Returns CBOR {"lines": signature lines} if this node's ledger says the same; {"code": "behind"} if it has not
        come so far; {"code": "split-view", "note": what this node signs of that height} if it says something else;
        {"code", "sentence"} if it signs nothing (malformed, not-signed, wrong-network, log-changed).
        """
        try:
            return self._answer(caller, body)
        except CheckpointError as error:
            return codec.encode({"code": error.code, "sentence": error.sentence})

    def at_height(self, height: int) -> tuple[Checkpoint, Note] | None:
        """What this node's ledger says of a height, signed; None if it has not come so far. Raises CheckpointError."""
        # Blocks, not the tip: by now this node may be further.
        found = self._node.engine.blocks(height - 1, wait_s=WAIT_S)
        if not found:
            return None
        mine = self.of_tip(found[0].tip)
        if not mine.size:
            raise CheckpointError("malformed", "At that height the log is empty; there is nothing to sign.")
        return mine, self._sign(mine)

    def signed_head(self) -> Head:
        """The largest head ever signed here. Raises CheckpointError if the ledger no longer holds it."""
        size, root = self._still_holds()
        return Head(size, root)

    def _answer(self, caller: str, body: bytes) -> bytes:
        note, theirs = self._read_request(caller, body)
        found = self.at_height(theirs.height)
        if found is None:
            return codec.encode({"code": "behind"})
        mine, signed = found
        if mine == theirs:
            return codec.encode({"lines": b"".join(render_signature(line) for line in signed.signatures)})
        self._raise_split_view(caller, signed, note)
        return codec.encode({"code": "split-view", "note": render_note(signed)})

    def _read_request(self, caller: str, body: bytes) -> tuple[Note, Checkpoint]:
        organisation = self._node.directory.find(caller)
        try:
            note = parse_note(codec.decode(body)["note"])
            checkpoint = parse_checkpoint(note.text)
            held = [] if organisation is None else verify_cosignatures(note, _keys(organisation))
        except (codec.CodecError, NoteError, KeyError, TypeError, AttributeError):
            raise CheckpointError("malformed", "The request to cosign is not a signed note of a checkpoint.") from None
        # Only a line that covers height, time and state makes the caller answerable for all of the head.
        if not any(cosignature.covers_extensions for cosignature in held):
            raise CheckpointError("not-signed", "Who asks for a cosignature signs the head first.")
        if checkpoint.network != self._node.network:
            raise CheckpointError("wrong-network", "The checkpoint is of another network.")
        if not 1 <= checkpoint.height <= codec.JSON_INTEGER_MAX:
            raise CheckpointError("malformed", "The checkpoint names no height at which there can be a block.")
        return note, checkpoint

    def _sign(self, checkpoint: Checkpoint) -> Note:
        """A head under this organisation's two signatures. What was signed is remembered before it is signed."""
        size, _ = self._still_holds()
        if checkpoint.size > size:
            head = codec.encode([checkpoint.size, checkpoint.root])
            self._node.store.write(lambda connection: _grow_head(connection, checkpoint.size, head))
        text = checkpoint.text()
        # A clock that was put back must not date a signature before the block it signs; seconds are rounded up, for
        # a receipt says "no later than".
        seconds = -(-max(self._node.clock(), checkpoint.time) // 1000)
        return Note(text, tuple(self._node.keys.cosign(text, seconds)))

    def _still_holds(self) -> tuple[int, bytes]:
        """The largest head ever signed here, once the ledger was found to hold it still.

        Raises CheckpointError log-changed, with an alarm: the ledger was restored from an old copy or rewritten, and
        a signature now could contradict one that is out already.
        """
        with self._node.store.read() as connection:
            data = get_setting(connection, _HEAD)
        if data is None:
            return 0, merkle.EMPTY_ROOT
        size, root = codec.decode(data)
        with self._node.engine.view() as view:
            try:
                holds = size <= view.tip.log_size and merkle.log_root(view.get, size) == root
            except merkle.ProofError:
                holds = False
        if not holds:
            sentence = (
                f"This node's ledger no longer holds the log of {size} transactions that this organisation has signed; "
                "no checkpoint is signed until a human has restored it."
            )
            raise_alarm(self._node, "log-changed", f"log of {size}", sentence)
            raise CheckpointError("log-changed", sentence)
        return size, root

    # --- evidence -----------------------------------------------------------------------------------------

    def _take_evidence(self, organisation: Organisation, ours: Note, theirs: Note) -> None:
        """Raises NoteError unless the organisation has signed another head of the same height of this network."""
        held = verify_cosignatures(theirs, _keys(organisation))
        here, there = parse_checkpoint(ours.text), parse_checkpoint(theirs.text)
        same_place = (here.network, here.height) == (there.network, there.height)
        if here == there or not same_place or not any(cosignature.covers_extensions for cosignature in held):
            raise NoteError("this is not another head of the same height under the organisation's signature")
        self._raise_split_view(organisation.id, ours, theirs)

    def _raise_split_view(self, organisation: str, ours: Note, theirs: Note) -> None:
        height = parse_checkpoint(ours.text).height
        heads = render_note(ours), render_note(theirs)
        sentence = (
            f"{organisation} and this node have signed different heads of the ledger at height {height}; "
            "both are kept as evidence. One of the two ledgers was changed or forked: compare with a third one."
        )
        self.contradicted(Contradiction(organisation, height, *heads, Evidence(*heads)), sentence)

    def contradicted(self, found: Contradiction, sentence: str) -> None:
        """Keep the evidence of a split view, and raise the alarm."""
        raise_split_view(self._node, found, sentence, self._evidence)

    def _witness_saw(self, witness: str, evidence: Evidence, sentence: str) -> None:
        place = parse_checkpoint_body(parse_note(evidence.first).text).size
        found = Contradiction(witness, place, evidence.second, evidence.first, evidence)
        self.contradicted(found, f"The witness {witness} was shown another history than this node's. {sentence}")


def _keys(organisation: Organisation) -> Sequence[NoteKey]:
    return cosigner_keys(organisation.id, organisation.keys.cosign_ed25519, organisation.keys.cosign_mldsa44)


def _verified(organisation: Organisation, text: bytes, lines: Any) -> list[SignatureLine]:
    """The lines of an answer that are the organisation's and hold. Raises NoteError without an Ed25519 line."""
    keys = _keys(organisation)
    note = parse_note(text + b"\n" + lines)
    kinds = {cosignature.algorithm for cosignature in verify_cosignatures(note, keys)}
    if COSIGNATURE_ED25519 not in kinds:
        raise NoteError("the Ed25519 line is missing")
    # One line a key: what follows a first line that held was not verified.
    first = {(line.name, line.key_id): line for line in reversed(note.signatures)}
    return [first[key.name, key.key_id] for key in keys if key.algorithm in kinds]


def _grow_head(connection: sql.Connection, size: int, head: bytes) -> None:
    stored = get_setting(connection, _HEAD)
    if stored is None or codec.decode(stored)[0] < size:
        set_setting(connection, _HEAD, head)
