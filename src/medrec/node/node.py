"""One organisation's node: its parts, put together, and the loops that keep them going.

What runs by itself: the anchorer (a moment after a line was written), the deliverer (what waits in the outbox), the
follower (an agent indexes new blocks and walks its relationships), and the checkpoint keeper. `tick` does one round
of each in the caller's thread; `start` and `stop` run them in the background.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from medrec.core.checkpoint import Note
from medrec.core.genesis import network_id
from medrec.core.types import Tip
from medrec.engines.engine import Engine, EngineError
from medrec.node.account import guarding_index
from medrec.node.account.delegates import Delegates
from medrec.node.account.recovery import AccountWatch
from medrec.node.account.resting import warn
from medrec.node.agent.agent import Agent
from medrec.node.agent.bringing import again
from medrec.node.agent.copies import Copies
from medrec.node.agent.entries import Entries
from medrec.node.agent.redelivery import ask_missing
from medrec.node.consent.consents import Consents
from medrec.node.corrections.corrections import Corrections
from medrec.node.keeping.erasure import Erasures
from medrec.node.keeping.journal import Journal
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.keeping.store import Store, StoreError
from medrec.node.keeping.vault import Vault
from medrec.node.ledger.anchor import Anchorer, AnchorError
from medrec.node.ledger.checkpoints import Checkpoints
from medrec.node.ledger.sight import Sight
from medrec.node.ledger.standing import Listening
from medrec.node.ledger.tiles import Tiles, TilesError
from medrec.node.ledger.together import ApartError, Together
from medrec.node.lists.acts import Acts
from medrec.node.lists.acts_later import hand_on_later
from medrec.node.lists.lists import PersonLists
from medrec.node.looks.disputes import Disputes
from medrec.node.looks.disputing import bring_on
from medrec.node.looks.looks import Looks
from medrec.node.looks.watching import Watch
from medrec.node.notify.teller import Teller
from medrec.node.notify.ways import Relay
from medrec.node.peers.directory import Directory
from medrec.node.peers.peers import PeerError, Peers
from medrec.node.peers.refused_calls import refused_calls
from medrec.node.records.deliver import Deliverer
from medrec.node.records.publish import Publisher
from medrec.node.release import refused_often
from medrec.node.release.emergency import Emergencies
from medrec.node.release.emergency_reviews import EmergencyReviews
from medrec.node.release.gate import Gate
from medrec.node.release.labels import Labels
from medrec.node.release.practitioners import Practitioners
from medrec.node.release.receive import close_failed
from medrec.node.release.referrals import Referrals
from medrec.node.release.views import Views
from medrec.node.right_person.finding import Finder
from medrec.node.right_person.given_codes import end_unconfirmed
from medrec.node.right_person.link import Linker
from medrec.node.right_person.matching import Matching
from medrec.node.right_person.waiting_links import give_consents
from medrec.node.witness.witnesses import Web, WitnessPlace

_log = logging.getLogger("medrec.node")
GATHER_S = 0.1
ROUND_S = 0.2
CHECKPOINT_S = 2.0
NOTIFY_S = 1.0
MERGE_DELAY_MS = 60_000
LAW = ("US",)
"""The jurisdictions whose law binds what a node lets out; names of core.consent.floor.FLOORS."""


class RecordReader(Protocol):
    """Reads the present bytes of a record where it lives."""

    def read(self, kind: str, identifier: str) -> bytes | None:
        """The raw bytes of type/id, None if it is not there (any more).

        Raises RecordUnavailable if this record alone is not handed over, SourceUnavailable if the source is away. After
        any other error a record that is nobody's is asked for: if that is answered, the error was about this record.
        """
        ...


class NoRecords:
    """The reader of an organisation that holds no records."""

    def read(self, kind: str, identifier: str) -> bytes | None:
        """Nothing is here."""
        return None


class Node:
    """An organisation's node. Everything outside comes in by argument: keys, ledger, store, clock, peers, records."""

    def __init__(
        self,
        *,
        organisation: str,
        genesis: dict[str, Any],
        keys: OrganisationKeys,
        engine: Engine,
        store: Store,
        vault: Vault,
        clock: Callable[[], int],
        peers: Peers,
        source: RecordReader | None = None,
        agent: bool = False,
        merge_delay_ms: int = MERGE_DELAY_MS,
        law: Sequence[str] = LAW,
        relay: Relay | None = None,
        witnesses: Sequence[WitnessPlace] = (),
        web: Web | None = None,
        evidence: Path | None = None,
        tiles: Path | None = None,
        labels: Labels | None = None,
    ) -> None:
        """`witnesses` are asked over `web`; split views are written to `evidence`; the log is published in `tiles`."""
        self.organisation = organisation
        self.genesis = genesis
        self.network = network_id(genesis)
        self.keys = keys
        self.engine = engine
        self.store = store
        self.vault = vault
        self.clock = clock
        self.peers = peers
        self.source: RecordReader = source or NoRecords()
        self.merge_delay_ms = merge_delay_ms
        self.law, self.labels = tuple(law), labels or Labels()
        self.directory = Directory(engine, store)
        self.journal = Journal(store, vault, clock, organisation, engine)
        servers, read = (lambda: self.directory.servers(organisation)), self.source.read
        self.publisher = Publisher(self.journal, self.network, servers, read)
        self.anchorer = Anchorer(store, engine, keys, organisation, self.network, clock)
        self.linker = Linker(self.journal, engine, self.network, clock, read)
        self.agent = Agent(store, vault, engine, organisation, self.network, peers.call, clock) if agent else None
        self.practitioners = Practitioners(self)
        self.delegates = Delegates(self)
        self.entries = Entries(self, self.source)
        if agent:
            self.source = self.entries
        self._hear_people()
        self.acts = Acts(self)
        self.lists = PersonLists(self)
        self.watch, self.finder = Watch(self), Finder(self)
        self.gate = Gate(self)
        self.referrals, self.views = Referrals(self), Views(self)
        self.checkpoints = Checkpoints(self, witnesses, web, evidence)
        self.tiles = Tiles(tiles, engine, self.network) if tiles is not None else None
        self.deliverer = Deliverer(self)
        self._serve_people(agent, relay)
        self.trouble: dict[str, str] = {"labels": self.labels.trouble} if self.labels.trouble else {}
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    @cached_property
    def matching(self) -> Matching:
        """The queue of people who want to be found here."""
        return Matching(self)

    @cached_property
    def sight(self) -> Sight:
        """Since when the head of the ledger is not seen."""
        return Sight(self)

    @cached_property
    def together(self) -> Together:
        """Whether keys, store and ledger tell one story."""
        return Together(self)

    @cached_property
    def listening(self) -> Listening | None:
        """What an agent's node hears of how far behind others are; None for other nodes."""
        return Listening(self) if self.agent is not None else None

    def _hear_people(self) -> None:
        """The parts that take what people decide, and what is decided about them in an emergency."""
        self.consents = Consents(self)
        self.disputes = Disputes(self)
        self.emergencies = Emergencies(self)
        self.emergency_reviews = EmergencyReviews(self)
        self.corrections = Corrections(self)
        self.erasures = Erasures(self)

    def _serve_people(self, agent: bool, relay: Relay | None) -> None:
        """The parts that only a node which serves people has."""
        self.copies = Copies(self) if agent else None
        self.looks = Looks(self) if agent else None
        self.teller = Teller(self, relay) if agent else None
        self.account_watch = AccountWatch(self) if agent else None
        if self.account_watch is not None and self.teller is not None:
            self.account_watch.channels.append(self.teller.tell_of_account)

    def anchor(self) -> int:
        """Anchor everything that waits; the number of lines. Raises ApartError, and what `Anchorer.step` raises."""
        self.together.check()
        total = 0
        while step := self.anchorer.step():
            total += step
        return total

    def redeliver_missing(self) -> int:
        """Ask organisations for notices that are on the ledger and never came; the number of lines asked for."""
        return ask_missing(self)

    def tell_of_looks(self) -> int:
        """Take new notices into the index of looks, and tell their people; how many looks are new."""
        if self.looks is None or self.teller is None:
            return 0
        fresh = self.looks.catch_up()
        self.teller.tell_of(fresh)
        return len(fresh)

    def watch_accounts(self) -> int:
        """Tell people what happened to their accounts on the ledger; how much."""
        if self.account_watch is None:
            return 0
        return len(self.account_watch.step()) + guarding_index.write(self) + warn(self) + again(self)

    def mark_overdue(self) -> Tip:
        """Make an empty block when an obligation's time, or a freeze's, has passed and no other block came along."""
        now = self.clock().to_bytes(8, "big")
        with self.engine.view() as view:
            passed = any(next(iter(view.scan(name, name + now)), None) for name in (b"~due/", b"~thaw/"))
        if passed:
            self.engine.submit([])
        return self.engine.tip()

    def end_unconfirmed(self) -> int:
        """Finish what a confirmed link left to do, and forget links that nobody confirmed in time; how many of both."""
        return give_consents(self) + end_unconfirmed(self)

    def publish_log(self, note: Note | None) -> int:
        """Bring the published files to a head that this node signed; the number of new leaves. Raises TilesError."""
        if self.tiles is None or note is None:
            return 0
        return self.tiles.publish(Note(note.text, (self.keys.sign_as_log(note.text), *note.signatures)))

    def tick(self) -> None:
        """One round of everything."""
        self.anchor()
        self.deliverer.step(self.clock())
        self.referrals.step(self.clock())
        if self.agent is not None:
            while self.agent.follow():
                pass
            self.tell_of_looks()
            self.watch_accounts()
            bring_on(self)
        self.mark_overdue()
        self.end_unconfirmed()
        hand_on_later(self)
        close_failed(self)
        refused_often.step(self)
        self.emergency_reviews.note_late()

    def start(self) -> None:
        """Run the loops in the background."""
        if self.agent is not None and self.copies is not None:
            # A permission given with a link takes effect when the desk confirms: then there is something to read.
            self.agent.permitted = self.copies.refresh_soon
        self._loop("anchor", self._anchor_round)
        self._loop("deliver", self._deliver_round)
        self._loop("checkpoint", self._checkpoint_round)
        if self.agent is not None:
            self._loop("follow", self._follow_round)
            self._loop("notify", self._notify_round)

    def stop(self) -> None:
        """Let the loops end, and wait for them."""
        self._stopping.set()
        self.journal.appended.set()
        for thread in self._threads:
            thread.join(timeout=10)
        self._threads.clear()
        self._stopping.clear()

    def _loop(self, name: str, round_: Callable[[], None]) -> None:
        def run() -> None:
            while not self._stopping.is_set():
                try:
                    if self._must_wait():
                        continue
                    round_()
                    self.trouble.pop(name, None)
                except (EngineError, StoreError, AnchorError, PeerError, TilesError) as error:
                    # Told on the node's page; the loop goes on, nothing is lost.
                    self.trouble[name] = error.sentence
                    self._stopping.wait(1.0)
                except Exception as error:
                    # Its message may quote a record: only its kind is told. The loop goes on all the same.
                    self.trouble[name] = f"MedRec has a fault here ({type(error).__name__}); it tries again."
                    _log.error("%s: %s fails with %s", self.organisation, name, type(error).__name__)
                    self._stopping.wait(1.0)

        thread = threading.Thread(target=run, name=f"{self.organisation}-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _must_wait(self) -> bool:
        """Whether the parts of the node do not tell one story now; says so, and waits a moment."""
        self.sight.look()
        found: ApartError | None = self.together.apart()
        if found is None:
            self.trouble.pop("ledger", None)
            return False
        self.trouble["ledger"] = found.sentence
        self._stopping.wait(0.5)
        return True

    def _anchor_round(self) -> None:
        self.journal.appended.wait(1.0)
        # Lines that come together go into one batch.
        self._stopping.wait(GATHER_S)
        self.journal.appended.clear()
        self.anchor()

    def _deliver_round(self) -> None:
        gone = self.deliverer.step(self.clock()) + self.referrals.step(self.clock())
        self._stopping.wait(GATHER_S if gone else ROUND_S)

    def _follow_round(self) -> None:
        assert self.agent is not None
        if not self.agent.follow(wait_s=1.0):
            self.redeliver_missing()
        if self.listening is not None:
            self.listening.ask_all()
        self.tell_of_looks()
        self.watch_accounts()
        bring_on(self)

    def _notify_round(self) -> None:
        assert self.teller is not None
        if not self.teller.step(self.clock()):
            self._stopping.wait(NOTIFY_S)

    def _checkpoint_round(self) -> None:
        self._stopping.wait(CHECKPOINT_S)
        if not self._stopping.is_set():
            self.sight.look(ask=True)
            self.mark_overdue()
            self.end_unconfirmed()
            hand_on_later(self)
            close_failed(self)
            self.emergency_reviews.note_late()
            refused_calls(self).step(self)
            refused_often.step(self)
            self.publish_log(self.checkpoints.keep_up())
            waits = self.checkpoints.members.overdue()
            if waits:
                self.trouble["members"] = waits
            else:
                self.trouble.pop("members", None)
