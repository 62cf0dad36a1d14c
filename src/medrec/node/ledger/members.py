"""Whose keys hold: the chain of changes of members that this node found on its ledger and that those before signed.

The order of a change and what a crash there means:

1. a block brings it; every node finds it by itself, at the same size of the log (core/membership.py);
2. each member before it signs it with the keys it had then, and keeps its line before it hands it out: whoever leaves
   or rotates signs here, before its key goes;
3. nodes ask one another, and hand on every line they have, until more than two thirds are there. Then it is proven, and
   stands in the root file. Until then it waits, and is asked for again.

A change that waits has not happened yet for a verifier; a head behind it counts here only if the members before it and
those after it both reach their quorum, so that a receipt holds under the root file of today and of tomorrow.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from medrec.core import codec
from medrec.core.checkpoint import (
    Note,
    NoteError,
    NoteKey,
    SignatureLine,
    cosigner_keys,
    parse_checkpoint_body,
    parse_note,
    render_signature,
    verify_cosignatures,
)
from medrec.core.cosigned import Members as MemberSet
from medrec.core.cosigned import count, quorum_of
from medrec.core.crypto import ED25519_SIGNATURE_BYTES
from medrec.core.membership import Chain, Change, Registry
from medrec.core.note import COSIGNATURE_ED25519, KEY_ID_BYTES, from_base64, to_base64
from medrec.core.root import ReceiptError, Root, read_root, root_file
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.ledger.split_views import get_setting, set_setting
from medrec.node.peers.peers import PeerError
from medrec.node.peers.signing import MEMBERS_PATH

if TYPE_CHECKING:
    from medrec.node.node import Node

REST_MS, SOON_MS = 30_000, 5_000
"""For how long who did not answer, or had nothing new, is not asked again; a new change ends that."""
OVERDUE_MS = 60_000
WAIT_S = 1.0
"""For how long an asked node waits for a block that it does not have yet."""
ASKED_MAX = 64
"""Changes that one call speaks of."""
ROOT_BYTES_AIM = 900_000
"""Above this size of the root file the oldest changes are handed out without their ML-DSA-44 lines."""
SAVE_EVERY = 1000
BYTES_MAX = 64 << 20

_LEDGER, _CHAIN = "members-ledger", "members-chain"


class Members:
    """The changes of members as one node knows them. `trouble` says by organisation why its line lacks."""

    former: OrganisationKeys | None = None  # those before the last rotation, which may still have to sign that it came

    def __init__(self, node: "Node") -> None:
        """Raises StoreError."""
        self._node = node
        self._lock = threading.RLock()
        self._resting: dict[str, int] = {}
        self.trouble: dict[str, str] = {}
        self._gap, self._since = False, 0
        self._chain = Chain(node.network, node.genesis)
        self._lines: list[dict[tuple[str, bytes], SignatureLine]] = []
        self.root: Root = read_root(root_file(node.genesis))
        self._height, self._saved, self._registry = 0, 0, Registry.founded(node.genesis)
        self._load()

    # --- what there is ------------------------------------------------------------------------------------

    @property
    def waiting(self) -> list[Change]:
        """The changes that too few have signed so far, and those behind them."""
        return self._chain.changes[len(self.root.sets) - 1 :]

    def sets(self, size: int) -> list[MemberSet]:
        """Those whose quorum a head of this size needs: the set of the root file, and those that wait."""
        return [self.root.at(size), *(change.after for change in self.waiting if change.size <= size)]

    def signers(self, note: Note, members: MemberSet | None = None) -> list[str]:
        """The members in force at the size of a note (or of the set given) whose Ed25519 line it carries, by id."""
        at = self.root.at(parse_checkpoint_body(note.text).size) if members is None else members
        known = {(key.name, key.key_id): name for name, key in _keys(at) if key.algorithm == COSIGNATURE_ED25519}
        return sorted({known.get((line.name, line.key_id), "") for line in note.signatures} - {""})

    def lacking(self, note: Note, needed: int | None = None) -> str:
        """What a note lacks to count, in a few words; empty if it has its quorum, or `needed` organisations."""
        for members in self.sets(parse_checkpoint_body(note.text).size):
            signed, wanted = len(self.signers(note, members)), quorum_of(members) if needed is None else needed
            if signed < wanted:
                return f"{signed} of the {wanted} organisations needed have signed the head of the log"
        return ""

    def since(self, size: int) -> int:
        """From which size of the log on the set is in force that the root file names for this size."""
        return max(start for start, _ in self.root.sets if start <= size)

    def sentence(self) -> str:
        """What is waited for; empty if nothing is."""
        if self._gap:
            return "This node lacks the first blocks, and no member has handed it the changes of members yet."
        if not self.waiting:
            return ""
        change = self.waiting[0]
        signed = self._counted(0 - len(self.waiting))
        reasons = "; ".join(sentence for _, sentence in sorted(self.trouble.items()))
        return (
            f"The change of members at {change.size} waits: {signed} of the {change.needed} members before it that "
            f"are needed have signed it{': ' + reasons if reasons else '.'}"
        )

    def overdue(self) -> str:
        """The same once it has waited for longer than a round of calls takes: something for a human then."""
        waits, now = self.sentence(), self._node.clock()
        self._since = min(self._since or now, now) if waits else 0
        return waits if waits and now - self._since > OVERDUE_MS else ""

    def root_file(self) -> bytes:
        """The root file with every proven change."""
        with self._lock:
            proven = range(len(self.root.sets) - 1)
            for bare in range(len(proven) + 1):
                data = root_file(self._node.genesis, [self._document(place, place < bare) for place in proven])
                if len(data) <= ROOT_BYTES_AIM:
                    break
            return data

    # --- keeping up ---------------------------------------------------------------------------------------

    def keep_up(self, *, urgent: bool = False) -> None:
        """Find new changes, sign them, and ask for the lines that lack; `urgent` also asks who rests.

        Raises EngineError, StoreError.
        """
        self.look()
        if self._gap:
            self._ask_for_chain(urgent)
        if self.waiting:
            self._gather(urgent)

    def look(self) -> None:
        """Find what the ledger brought, and sign it; no other node is asked. Raises EngineError, StoreError."""
        with self._lock:
            found = False
            while not self._gap and (blocks := self._node.engine.blocks(self._height)):
                for committed in blocks:
                    if committed.block.height != self._height + 1:
                        self._gap = True
                        self._adopt(root_file(self._node.genesis))
                        break
                    taken = self._registry.take(committed.block, committed.leaf_indices, committed.tip.protocol)
                    for size, active in taken:
                        if self._chain.follow(size, active) is not None:
                            self._lines.append({})
                            self._resting.clear()
                            found = True
                    self._height = committed.block.height
            signed = self._sign()
            if found or signed or self._height >= self._saved + SAVE_EVERY:
                self._prove()
                self._save()

    def _sign(self) -> bool:
        """Add this organisation's lines to what waits; whether there were any to add."""
        own, added = self._node.organisation, False
        held = {keys.public()["cosign_ed25519"]: keys for keys in (self.former, self._node.keys) if keys}
        for place in range(len(self.root.sets) - 1, len(self._chain.changes)):
            change, lines = self._chain.changes[place], self._lines[place]
            member = change.before.get(own)
            keys = held.get(member.keys.cosign_ed25519.hex()) if member is not None else None
            if keys is None or any(name == f"medrec/{own}" for name, _ in lines):
                continue
            if not self._node.checkpoints.still_holds():
                break
            for line in keys.cosign_members(change.text, max(1, -(-self._node.clock() // 1000))):
                lines[line.name, line.key_id] = line
            added = True
        return added

    def _take(self, place: int, data: bytes) -> bool:
        """Keep those of some signature lines that hold under the keys of the members before; whether any was new."""
        change, known = self._chain.changes[place], self._lines[place]
        named = {(key.name, key.key_id): key for _, key in _keys(change.before)}
        added = False
        for line in parse_note(change.text + b"\n" + data).signatures:
            key = named.get((line.name, line.key_id))
            if key is None or (line.name, line.key_id) in known:
                continue
            try:
                verify_cosignatures(Note(change.text, (line,)), [key])
            except NoteError:
                continue
            known[line.name, line.key_id] = line
            added = True
        return added

    def _counted(self, place: int) -> int:
        change, lines = self._chain.changes[place], self._lines[place]
        note = Note(change.text, tuple(lines.values()))
        return len(count(change.before, note, len(change.before) + 1, {}, None)[0])

    def _prove(self) -> None:
        """Let the root file grow by the changes that enough have signed by now."""
        proven = len(self.root.sets) - 1
        while proven < len(self._chain.changes) and self._counted(proven) >= self._chain.changes[proven].needed:
            proven += 1
        if proven > len(self.root.sets) - 1:
            changes = [self._document(place) for place in range(proven)]
            # Read as every verifier will read it: what would not hold there is not handed out.
            self.root = read_root(root_file(self._node.genesis, changes))
            self.trouble.clear()

    def _document(self, place: int, bare: bool = False) -> dict[str, Any]:
        change = self._chain.changes[place]
        lines = [
            {"by": line.name.removeprefix("medrec/"), "line": to_base64(line.key_id + line.payload)}
            for line in self._lines[place].values()
            if not (bare and len(line.payload) != 8 + ED25519_SIGNATURE_BYTES)
        ]
        return {"size": change.size, "gone": list(change.gone), "set": list(change.came), "lines": lines}

    # --- asking and answering -----------------------------------------------------------------------------

    def _gather(self, urgent: bool) -> None:
        now = self._node.clock()
        with self._lock:
            waiting, own = self.waiting, self._node.organisation
            # Whoever comes with a change has no line to give, and wants those of the others.
            names = sorted({name for change in waiting for name in (*change.before, *change.after)} - {own})
            asked = [name for name in names if urgent or self._resting.get(name, 0) <= now]
            body = codec.encode({"waiting": [self._told(place) for place in self._places()]})
        if not asked:
            return
        lanes = min(self._node.peers.lanes, len(asked))
        if lanes == 1:
            answers: Iterator[bytes | None] = (self._call(name, body) for name in asked)
        else:
            with ThreadPoolExecutor(lanes) as pool:
                answers = iter(list(pool.map(lambda name: self._call(name, body), asked)))
        for name, answer in zip(asked, answers, strict=False):
            if answer is not None:
                self._merge(name, answer)
            if not self.waiting:
                return

    def _call(self, name: str, body: bytes) -> bytes | None:
        try:
            answer = self._node.peers.call(name, MEMBERS_PATH, body)
            self.trouble.pop(name, None)
            # It may only not have followed the ledger so far yet.
            self._resting[name] = self._node.clock() + SOON_MS
        except PeerError as error:
            self.trouble[name] = error.sentence
            self._resting[name] = self._node.clock() + REST_MS
            return None
        return answer

    def _merge(self, name: str, answer: bytes) -> None:
        try:
            with self._lock:
                if self._take_all(codec.decode(answer, bytes_max=BYTES_MAX)["waiting"]):
                    self._prove()
                    self._save()
        except (codec.CodecError, NoteError, KeyError, TypeError, ValueError):
            self.trouble[name] = f"{name} answered with something that is no signature of a change of members."

    def _places(self) -> range:
        first = len(self.root.sets) - 1
        return range(first, min(len(self._chain.changes), first + ASKED_MAX))

    def _by_hash(self) -> dict[tuple[int, bytes], int]:
        return {(change.size, change.digest): place for place, change in enumerate(self._chain.changes)}

    def _told(self, place: int) -> list[Any]:
        change, lines = self._chain.changes[place], self._lines[place].values()
        return [change.size, change.digest, b"".join(map(render_signature, lines))]

    def _take_all(self, told: list[Any]) -> bool:
        """Take the lines of changes that stand on this node's ledger as well; others are passed over."""
        places, added = self._by_hash(), False
        for size, digest, lines in told[:ASKED_MAX]:
            place = places.get((size, digest))
            if place is not None and place >= len(self.root.sets) - 1 and lines:
                added = self._take(place, lines) or added
        return added

    def answer(self, body: bytes) -> bytes:
        """Answer a node that asks: CBOR {"waiting": [[size, hash of the set, signature lines]]} -> the same, with every
        line that this node has, its own among them; {"root": true} -> {"root": root file}.

        Raises ValueError for anything else, EngineError, StoreError.
        """
        asked = codec.decode(body)
        if type(asked) is not dict:
            raise ValueError("not a question about members")
        self.look()
        if asked.get("root") is True:
            return codec.encode({"root": self.root_file()})
        told = asked.get("waiting")
        if type(told) is not list or any(
            type(one) is not list or [type(part) for part in one] != [int, bytes, bytes] for one in told
        ):
            raise ValueError("not a list of changes")
        if any(size > self._registry.size for size, _, _ in told) and self._node.engine.blocks(self._height, WAIT_S):
            self.look()
        with self._lock:
            if self._take_all(told):
                self._prove()
                self._save()
            wanted = [self._by_hash().get((one[0], one[1])) for one in told[:ASKED_MAX]]
            return codec.encode({"waiting": [self._told(place) for place in wanted if place is not None]})

    def _ask_for_chain(self, urgent: bool) -> None:
        """Of a node that came by a snapshot: take the chain from a member; it proves itself from genesis on."""
        now, body = self._node.clock(), codec.encode({"root": True})
        for organisation in self._node.directory.active():
            name = organisation.id
            if name == self._node.organisation or not (urgent or self._resting.get(name, 0) <= now):
                continue
            answer = self._call(name, body)
            try:
                if answer is not None and self._adopt(codec.decode(answer, bytes_max=BYTES_MAX)["root"]):
                    return
            except (codec.CodecError, KeyError, TypeError):
                self.trouble[name] = f"{name} answered with something that is no root file."

    def _adopt(self, data: bytes) -> bool:
        """Take a root file for this node's chain if it is proven, and ends with the members of this node's ledger."""
        try:
            root = read_root(data)
            chain, lines = Chain(self._node.network, self._node.genesis), []
            for one in codec.decode_json(data)["changes"]:
                chain.add(one["size"], one["gone"], one["set"])
                lines.append({(line.name, line.key_id): line for line in map(_line, one["lines"])})
        except (ReceiptError, codec.CodecError, NoteError):
            return False
        with self._node.engine.view() as view:
            registry, height = Registry.of_view(view, view.tip.log_size), view.tip.height
        ends = {name: one.keys for name, one in registry.active().items()}
        if root.network != self._node.network or ends != {name: one.keys for name, one in root.members.items()}:
            return False
        with self._lock:
            self.root, self._chain, self._lines, self._gap = root, chain, lines, False
            self._registry, self._height = registry, height
            self._save()
        return True

    # --- keeping ------------------------------------------------------------------------------------------

    def _save(self) -> None:
        ledger = codec.encode(
            [self._height, self._registry.size, [[key, value] for key, value in sorted(self._registry.values.items())]]
        )
        # Not as CBOR: the form is that of the root file.
        chain = codec.encode_json([self._document(place) for place in range(len(self._chain.changes))])

        def write(connection: Any) -> None:
            set_setting(connection, _LEDGER, ledger)
            set_setting(connection, _CHAIN, chain)

        self._node.store.write(write)
        self._saved = self._height

    def _load(self) -> None:
        with self._node.store.read() as connection:
            ledger, chain = get_setting(connection, _LEDGER), get_setting(connection, _CHAIN)
        if ledger is None or chain is None:
            return
        height, size, values = codec.decode(ledger, bytes_max=BYTES_MAX)
        self._height = self._saved = height
        self._registry = Registry(dict(values), size)
        for one in msgspec.json.decode(chain):
            self._chain.add(one["size"], one["gone"], one["set"])
            self._lines.append({(line.name, line.key_id): line for line in map(_line, one["lines"])})
        self._prove()


def _line(document: dict[str, str]) -> SignatureLine:
    data = from_base64(document["line"])
    return SignatureLine(f"medrec/{document['by']}", data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def _keys(members: MemberSet) -> list[tuple[str, NoteKey]]:
    return [
        (name, key)
        for name, member in members.items()
        for key in cosigner_keys(name, member.keys.cosign_ed25519, member.keys.cosign_mldsa44)
    ]
