"""The engine of a network: CometBFT orders, this process applies and keeps. One pair of processes an organisation.

`submit` hands transactions to the node's own CometBFT and returns when they stand in a kept block. What the network
would not let into a block raises TransactionRefused with its outcome; a transaction that stands in an earlier block
gives its place there. No block holds a transaction whose author, key or number the block before it does not know, so
of a submission the later ones wait, if they must, until the earlier ones are ordered.

What a crash means: CometBFT ends when this process does, and is started with it; both go on from the last kept block.
"""

import threading
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from medrec.core import codec, machine, state
from medrec.core.genesis import genesis_writes, network_id, read_genesis
from medrec.core.outcome import Outcome, Refused
from medrec.core.types import TRANSACTION_BYTES_MAX, Tip, Transaction, decode_transaction
from medrec.engines.abci.server import AbciServer
from medrec.engines.cometbft_app import STRANGE, Application
from medrec.engines.cometbft_door import door
from medrec.engines.cometbft_files import (
    VALIDATORS_FILE,
    check_peers,
    open_ledger,
    read_engine_settings,
    read_keys,
    read_signer,
    socket_path,
    write_home,
)
from medrec.engines.cometbft_marks import Marks
from medrec.engines.cometbft_process import Supervised
from medrec.engines.cometbft_reach import Reach, look
from medrec.engines.cometbft_rpc import Rpc, RpcError
from medrec.engines.cometbft_snapshot import Snapshots
from medrec.engines.cometbft_standstill import Standstill
from medrec.engines.cometbft_tick import make_tick
from medrec.engines.cometbft_validators import Founders, check_founding_keys
from medrec.engines.engine import CommittedBlock, EngineError, Position, TransactionRefused
from medrec.engines.local import BLOCK_BYTES_MAX, BLOCK_TRANSACTIONS_MAX
from medrec.engines.storage import StoredView

SUBMIT_S = 60.0
AGAIN_S = 2.0
GLANCE_S = 5.0
"""So long the engine has to say how it stands."""
QUESTIONS = frozenset({"status", "commit", "validators", "header", "consensus_params", "health"})
PARAMETERS = frozenset({"height", "page", "per_page"})
AUTHORITIES_FILE = "authorities.pem"
"""Whom the engine believes when it reads from another member's https door to begin from a snapshot."""

Fault = Callable[[str], None]


class _Waiting:
    """A transaction that somebody waits for."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.position: Position | None = None
        self.refused: Outcome | None = None


class CometBftEngine:
    """The engine over a folder: engine.toml, validators.json, ledger.db, comet/ and snapshots/.

    `program` is the CometBFT binary. `fault` is called with the name of each step of a block just before it:
    finalize, finalized, begin, state, block, commit, committed. `submit_s`: how long a submission may take before
    its fate is called unknown.
    """

    application = Application
    """What answers CometBFT. Tests put a dishonest one in its place."""

    def __init__(
        self,
        folder: Path,
        genesis: dict[str, Any],
        program: Callable[[], Path],
        *,
        submit_s: float = SUBMIT_S,
        fault: Fault = lambda step: None,
    ) -> None:
        self._settings = read_engine_settings(folder)
        self._home = folder / "comet"
        network = network_id(genesis)
        try:
            founding = (folder / VALIDATORS_FILE).read_bytes()
        except OSError as error:
            raise EngineError("validators", f"{VALIDATORS_FILE} cannot be read: {error.strerror}.") from None
        self.founders = Founders.read(founding, network)
        self.keys, self._signer = read_keys(self._home), read_signer(self._home)
        check_peers(self._settings, self.keys, self.founders)
        self._submit_s = submit_s
        self._waiting: dict[bytes, _Waiting] = {}
        self._marks = Marks()
        self._lock = threading.Lock()
        self._new_block = threading.Condition()
        self._broken: EngineError | None = None
        self._storage = open_ledger(folder / "ledger.db", genesis, fault)
        self.snapshots = Snapshots(folder / "snapshots", self._storage, self._settings.snapshot_every)
        self._socket = socket_path(folder)
        self._fault = fault
        self._rpc, self._glance = Rpc(self._settings.rpc), Rpc(self._settings.rpc, GLANCE_S)
        self._server: AbciServer | None = None
        self._genesis = genesis
        command = [str(program()), "start", "--home", str(self._home)]
        trusted = folder / AUTHORITIES_FILE
        environment = {"SSL_CERT_FILE": str(trusted)} if trusted.exists() else {}
        self._process = Supervised(command, folder / "cometbft.log", self._prepare, environment)
        self.standstill = Standstill(self._rpc, self._new_tick, self._process.blame)
        self._process.start()

    # --- the pair -----------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Before every start of CometBFT: its files, and an application that knows only what is on the disk."""
        if self._server is not None:
            self._server.stop()
            self._storage.reread()
        genesis = read_genesis(self._genesis)
        tip, _ = genesis_writes(self._genesis)
        write_home(self._home, self._settings, genesis, self.founders, tip.app_hash, self._socket, self.keys.node[:12])
        application = self.application(
            self._storage,
            self.founders,
            self.snapshots,
            self._marks,
            retain=self._settings.keep_blocks,
            committed=self._committed,
            dropped=self._dropped,
            fault=self._fault,
            admits=door(self._home.parent, self._settings, self._storage.state),
        )
        self._server = AbciServer(self._socket, application.handle, self._failed)
        self._server.start()

    def _failed(self, sentence: str) -> None:
        self._process.blame(sentence)

    @property
    def trouble(self) -> str:
        """What is wrong with the engine, in one sentence; empty while all is well."""
        if self._process.trouble or self._broken is not None:
            return self._process.trouble
        # A member that others left before an upgrade waits without a complaint of its engine.
        with self._storage.view() as view:
            return machine.outdated(view, view.tip.height + 1)

    def introduction(self) -> dict[str, Any]:
        """What an invitation tells a newcomer's engine: validators.json, peers, a block to trust, the newest snapshot.

        Raises EngineError while the engine does not answer.
        """
        mine = f"{self.keys.node}@{self._settings.address or self._settings.listen}"
        try:
            trusted = self._rpc.call("commit")["signed_header"] if self.tip().height else None
        except RpcError as error:
            raise EngineError("no-engine", self.trouble or f"The engine does not answer: {error.text}") from None
        trust = {"hash": "", "height": 0, "snapshot": self.snapshots.newest(self.tip().height)}
        if trusted is not None:
            trust |= {"hash": trusted["commit"]["block_id"]["hash"], "height": int(trusted["header"]["height"])}
        return {"validators": self.founders.document, "peers": [mine, *self._settings.peers], "trust": trust}

    def answer_newcomer(self, question: str, parameters: dict[str, Any]) -> Any:
        """What a newcomer's light client asks of this engine. Raises EngineError, also for any other question."""
        if question not in QUESTIONS or not PARAMETERS.issuperset(parameters):
            raise EngineError("no-question", f"only {', '.join(sorted(QUESTIONS))} are answered here")
        try:
            return self._rpc.call(question, **parameters)
        except RpcError as error:
            raise EngineError("no-engine", error.text) from None

    def reach(self) -> Reach | None:
        """Whether the engine sees the head of the ledger; None while it does not answer."""
        try:
            return look(self._glance)
        except (RpcError, KeyError, TypeError, ValueError):
            return None

    @property
    def rpc(self) -> Rpc:
        """The calls of this node's own CometBFT."""
        return self._rpc

    @property
    def pid(self) -> int | None:
        """The process id of CometBFT while it runs."""
        return self._process.pid

    def close(self) -> None:
        """Stop CometBFT, then the application, and let the folder go."""
        self._broken = EngineError("closed", "The ledger was closed.")
        self._process.stop()
        if self._server is not None:
            self._server.stop()
        with self._new_block:
            self._new_block.notify_all()
        with self._lock:
            for waiting in self._waiting.values():
                waiting.done.set()
        self.snapshots.wait()
        self._storage.close()

    # --- what the application tells ------------------------------------------------------------------------

    def _committed(self, block: CommittedBlock) -> None:
        if self._waiting:
            for index, data in enumerate(block.block.transactions):
                with self._lock:
                    waiting = self._waiting.get(sha256(data).digest())
                if waiting is not None and waiting.position is None:
                    waiting.position = Position(block.block.height, index)
                    waiting.done.set()
        with self._new_block:
            self._new_block.notify_all()

    def _dropped(self, data: bytes, outcome: Outcome) -> None:
        with self._lock:
            waiting = self._waiting.get(sha256(data).digest())
        if waiting is not None:
            waiting.refused = outcome
            waiting.done.set()

    # --- the four methods ---------------------------------------------------------------------------------

    def submit(self, transactions: Sequence[bytes]) -> list[Position]:
        """See Engine.submit. Raises TransactionRefused; EngineError `unknown` when the network does not answer."""
        if len(transactions) > BLOCK_TRANSACTIONS_MAX or sum(map(len, transactions)) > BLOCK_BYTES_MAX:
            raise EngineError("too-much", "More transactions than one block holds; submit them in smaller groups.")
        if any(len(data) > TRANSACTION_BYTES_MAX for data in transactions):
            raise EngineError("too-large", "A transaction has more bytes than the ledger takes; split the batch.")
        if self._broken is not None:
            raise self._broken
        until = time.monotonic() + self._submit_s
        if not transactions:
            self._tick(until)
            return []
        places: list[Position] = []
        while len(places) < len(transactions):
            places += self._submit_run(transactions[len(places) :], until)
        return places

    def _submit_run(self, transactions: Sequence[bytes], until: float) -> list[Position]:
        """Order as many from the start as the present state lets in; at least one, or TransactionRefused."""
        known: dict[int, Position] = {}
        taken: list[bytes] = []
        with self._storage.view() as view:
            for index, data in enumerate(transactions):
                try:
                    transaction = decode_transaction(data)
                    place = self._stands(view, transaction)
                    if place is not None:
                        known[index] = place
                    else:
                        machine.check(view, transaction, data, view.tip.height + 1, self._marks)
                        check_founding_keys(transaction, self.founders)
                        self._marks.remember()
                except Refused as refused:
                    if not taken and not known:
                        raise TransactionRefused(refused.outcome) from None
                    break
                taken.append(data)
        fresh = [data for index, data in enumerate(taken) if index not in known]
        ordered = iter(self._order(fresh, until))
        return [known[index] if index in known else next(ordered) for index in range(len(taken))]

    def _stands(self, view: StoredView, transaction: Transaction) -> Position | None:
        """Where a transaction stands already."""
        seen = view.get(state.seen_key(transaction.body.expires, transaction.id))
        if seen is None:
            return None
        height, leaf = codec.decode(seen)
        (block, *_) = self._storage.blocks(height - 1)
        return Position(height, block.leaf_indices.index(leaf))

    def _order(self, transactions: Sequence[bytes], until: float) -> list[Position]:
        names = [sha256(data).digest() for data in transactions]
        with self._lock:
            waiting = [self._waiting.setdefault(name, _Waiting()) for name in names]
        try:
            self._hand_over(list(zip(transactions, waiting, strict=True)), until)
            places = []
            for data, one in zip(transactions, waiting, strict=True):
                self._wait_for(data, one, until)
                assert one.position is not None
                places.append(one.position)
            return places
        finally:
            with self._lock:
                for name in names:
                    self._waiting.pop(name, None)

    def _hand_over(self, group: list[tuple[bytes, _Waiting]], until: float) -> None:
        """Into the pool of our own node, in order; waits while it is full or starting."""
        while group:
            try:
                answers = self._rpc.broadcast([data for data, _ in group[:200]])
            except RpcError as error:
                self._pause(until, self.trouble or error.text)
                continue
            left = []
            for (data, one), (code, _) in zip(group, answers, strict=False):
                if code == -2:
                    left.append((data, one))
                elif code > 0:
                    self._refused(data, one)
            if left:
                self._pause(until, "the pool of waiting transactions is full")
            group = left + group[200:]

    def _refused(self, data: bytes, one: _Waiting) -> None:
        """Our node's pool turned it away: because it stands in a block by now, or for good."""
        transaction = decode_transaction(data)
        with self._storage.view() as view:
            place = self._stands(view, transaction)
            if place is None:
                try:
                    machine.check(view, transaction, data, view.tip.height + 1)
                except Refused as refused:
                    one.refused = refused.outcome
        if place is not None:
            one.position = place
        if place is not None or one.refused is not None:
            one.done.set()

    def _wait_for(self, data: bytes, one: _Waiting, until: float) -> None:
        begun = time.monotonic()
        while not one.done.wait(min(AGAIN_S, max(0.0, until - time.monotonic()))):
            if time.monotonic() >= until:
                raise EngineError(
                    "unknown",
                    f"The network did not order the transaction within {self._submit_s:.0f} s: "
                    f"{self.trouble or 'more than two thirds of the members must be reachable'}. "
                    "It may still do so; submitting it again is safe.",
                )
            self.standstill.look(self.tip().height, time.monotonic() - begun)
            # The pool of a node that was started anew is empty: hand it over again, which is always safe.
            self._hand_over([(data, one)], until)
        if self._broken is not None:
            raise EngineError("unknown", "The node was stopped while a transaction waited to be ordered.")
        if one.position is None and one.refused is not None:
            self._refused(data, one)
            if one.position is None:
                assert one.refused is not None
                raise TransactionRefused(one.refused)

    def _pause(self, until: float, why: str) -> None:
        if self._broken is not None:
            raise self._broken
        if time.monotonic() >= until:
            raise EngineError(
                "unknown", f"The engine did not take the transactions within {self._submit_s:.0f} s: {why}."
            )
        time.sleep(0.1)

    def _new_tick(self, height: int) -> bytes:
        return make_tick(self._signer, self.founders.chain_id, height + 1)

    def _tick(self, until: float) -> None:
        """Ask for an empty block, so that what is due by now is seen to; who does not validate leaves it to others."""
        height = self.tip().height
        while True:
            try:
                ((code, _),) = self._rpc.broadcast([self._new_tick(self.tip().height)])
            except RpcError as error:
                self._pause(until, self.trouble or error.text)
                continue
            if code == STRANGE and self.tip().height == height:
                return
            with self._new_block:
                if self._new_block.wait_for(lambda: self.tip().height > height or self._broken, timeout=AGAIN_S):
                    break
            if time.monotonic() >= until:
                raise EngineError("unknown", "The network made no block in time; it may be cut off.")
        if self._broken is not None:
            raise self._broken

    def blocks(self, after: int, wait_s: float = 0.0) -> list[CommittedBlock]:
        """See Engine.blocks."""
        with self._new_block:
            self._new_block.wait_for(lambda: self.tip().height > after or self._broken, timeout=wait_s)
        return self._storage.blocks(after)

    def tip(self) -> Tip:
        """Where the ledger stands."""
        return self._storage.tip()

    def view(self) -> StoredView:
        """A read at the tip."""
        return self._storage.view()
