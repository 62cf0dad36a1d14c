"""A whole network in one process from one seed: three hospitals, two agents, people, ledger, wires, clocks, disks.

The nodes are the real ones. Everything outside them is the world's: it says when a call is lost, when a clock jumps,
when a disk is full and at which step a process ends. Nothing here reads a clock or draws from anything but the seed.
"""

import hashlib
import random
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple
from unittest.mock import patch

from medrec.core.genesis import network_id
from medrec.core.manifests.consent import Grant
from medrec.engines.engine import EngineError
from medrec.node import node as node_room
from medrec.node.account import paper
from medrec.node.account.accounts import AccountError, open_account
from medrec.node.account.recovery import Signer, choose_doors
from medrec.node.agent.agent import Agent
from medrec.node.app import local_answer
from medrec.node.consent import consents as consenting
from medrec.node.keeping.keys import OrganisationKeys, PersonKey
from medrec.node.keeping.ring import MemoryRing
from medrec.node.keeping.store import StoreError
from medrec.node.keeping.vault import Vault
from medrec.node.ledger.together import check_together
from medrec.node.node import Node
from medrec.node.peers.peers import Fault, LocalNetwork, PeerError
from medrec.node.refusals import Refusal
from medrec.node.release.access import RELEASE_PATH
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.release.referrals import REFERRAL_PATH
from medrec.node.right_person.link import LinkError

from .disk import Disks, SimulatedStore
from .ledger import Copy, Ledger

START = 1_750_000_000_000
HOSPITALS = ("north", "south", "east")
AGENT, OTHER_AGENT = AGENTS = ("guide", "haven")
NAMES = (*HOSPITALS, *AGENTS)
PEOPLE = ("ada", "ben")
_labels = lru_cache(maxsize=1)(node_room.Labels)
"""The labelling rules take longer to read than a world to play, and never change: one for all nodes."""
KEYS = {name: OrganisationKeys.from_seed(name, hashlib.sha256(name.encode()).digest()) for name in NAMES}
GENESIS: dict[str, Any] = {
    "medrec": "genesis/1",
    "name": "Simulated network",
    "created": START,
    "protocol": 1,
    "organisations": [
        {
            "id": name,
            "name": name.title(),
            "roles": ["agent" if name in AGENTS else "hospital"],
            "endpoint": f"https://{name}.example",
            "keys": KEYS[name].public(),
        }
        for name in NAMES
    ],
}
NETWORK = network_id(GENESIS)

EXPECTED = (PeerError, EngineError, StoreError, LinkError, Refusal, AccountError)
"""What may go wrong because of what the world does."""


class Crash(BaseException):
    """The process of an organisation's node ends here."""

    def __init__(self, organisation: str) -> None:
        super().__init__(organisation)
        self.organisation = organisation


class Violation(AssertionError):
    """Something that must always hold does not."""


class Records:
    """Where an organisation's records live."""

    def __init__(self) -> None:
        self.raw: dict[tuple[str, str], bytes] = {}

    def read(self, kind: str, identifier: str) -> bytes | None:
        return self.raw.get((kind, identifier))


class Consent(NamedTuple):
    """A consent as the person knows it: `state` is given, gone or unknown (an answer was lost)."""

    secret: bytes
    recipients: tuple[str, ...]
    state: str


class Person:
    """A person with a key, an account, a view secret, an agent, and what she has decided where.

    `lost` are keys that may not act for her any more, `coming` is the one that a recovery brings; `codes` are the paper
    codes that she has left. `left` are the places where a link of hers was undone, `moved` says whether she has
    changed her agent.
    """

    def __init__(self, name: str, world: "World") -> None:
        self.name = name
        self.key = PersonKey.from_seed(hashlib.sha256(name.encode()).digest())
        self.account = open_account(world.ledger.engine, NETWORK, self.key, world.randbytes)
        self.view_secret = world.randbytes(32)
        self.agent, self.moved = AGENT, False
        self.lost: list[PersonKey] = []
        self.coming: PersonKey | None = None
        self.codes = [world.randbytes(paper.CODE_BYTES)]
        self.keys_made = 0
        self.linked: set[str] = set()
        self.left: set[str] = set()
        self.consents: dict[str, list[Consent]] = {name: [] for name in HOSPITALS}

    def sign(self, message: bytes) -> tuple[bytes, bytes]:
        return self.key.key_id, self.key.sign_transaction_id(message)

    def new_key(self) -> PersonKey:
        """A key that she has never had."""
        self.keys_made += 1
        return PersonKey.from_seed(hashlib.sha256(f"{self.name} {self.keys_made}".encode()).digest())


class World:
    """Everything, from one seed. `trace` is what happened; the same seed gives the same trace."""

    def __init__(self, seed: int, disks: Disks) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.time = START
        self.skew = dict.fromkeys(NAMES, 0)
        self.trace: list[str] = []
        self.lossy = 0.0
        self.doubles = False
        self.unreachable: set[str] = set()
        self.crash_in: dict[str, int] = {}
        self.crashes = 0
        self.altered: set[tuple[str, str]] = set()
        self.released: list[tuple[str, bytes, str]] = []
        self.watch_release: Callable[[str, str, bytes], None] = lambda source, caller, body: None
        self.watch_referral: Callable[[str, str, bytes], None] = lambda recipient, source, body: None
        self.ledger = Ledger(GENESIS, lambda: self.time)
        self.wires = LocalNetwork(self._fault)
        self.records = {name: Records() for name in NAMES}
        self.copies = {name: self.copy(name) for name in NAMES}
        self.disks = {name: disks.wiped(name) for name in NAMES}
        self.master = {name: self.randbytes(32) for name in NAMES}
        self.rings = {name: MemoryRing(self.randbytes) for name in NAMES}
        self.nodes: dict[str, Node] = {}
        for name in NAMES:
            self.open(name)
        for name in HOSPITALS:
            self.nodes[name].practitioners.enter(f"dr-{name}", f"Dr {name.title()}", PHYSICIAN)
        self.declared: set[tuple[str, str, str]] = set()
        self.people = [Person(name, self) for name in PEOPLE]
        for person in self.people:
            self.agent_of(person).enroll(person.account, person.name.title(), person.view_secret)
            by = Signer(person.account, person.key.key_id, person.key.sign_transaction_id)
            hashes = [paper.paper_hash(code) for code in person.codes]
            choose_doors(self.ledger.engine, NETWORK, by, None, hashes, True)
        # Their papers have lain in the drawer for a week.
        self.time += 7 * 86_400_000
        for person in self.people:
            # Most worlds begin with somebody who is known somewhere and lets others see it.
            if self.random.random() < 0.7:
                source = self.random.choice(HOSPITALS)
                self.link(person, source)
                person.linked.add(source)
                self.consent(person, source, tuple(name for name in HOSPITALS if name != source))

    def randbytes(self, count: int) -> bytes:
        return self.random.randbytes(count)

    def tell(self, text: str) -> None:
        """Add to the trace."""
        self.trace.append(text)

    def clock(self, name: str) -> Callable[[], int]:
        return lambda: self.time + self.skew[name]

    def copy(self, name: str) -> Copy:
        return Copy(self.ledger, self._step(name))

    # --- processes ----------------------------------------------------------------------------------------

    def _step(self, name: str) -> Callable[[str], None]:
        def step(what: str) -> None:
            left = self.crash_in.get(name)
            if left is None:
                return
            if left > 0:
                self.crash_in[name] = left - 1
                return
            del self.crash_in[name]
            self.tell(f"{name} ends {what}")
            raise Crash(name)

        return step

    def open(self, name: str) -> Node:
        """Open a node on its disk; it may have been there before."""
        with patch.object(node_room, "Labels", _labels):
            node = self._node(name)
        check_together(node)
        self.nodes[name] = node
        answer = local_answer(node)

        def answered(path: str, caller: str, body: bytes) -> bytes:
            self.time += 1  # a call takes its time, and one that comes twice comes later
            if path == REFERRAL_PATH:
                self.watch_referral(name, caller, body)
            try:
                result = answer(path, caller, body)
            except Crash as crash:
                self.reopen(crash.organisation)
                raise PeerError("unreachable", f"{name} cannot be reached.") from None
            if path == RELEASE_PATH:
                self.watch_release(name, caller, body)
            return result

        self.wires.join(name, answered)
        return node

    def _node(self, name: str) -> Node:
        return Node(
            organisation=name,
            genesis=GENESIS,
            keys=KEYS[name],
            engine=self.copies[name],
            store=SimulatedStore(self.disks[name], self._step(name)),
            vault=Vault(self.master[name], self.randbytes, self.rings[name]),
            clock=self.clock(name),
            peers=_Peers(name, self),
            source=self.records[name] if name in HOSPITALS else None,
            agent=name in AGENTS,
        )

    def reopen(self, name: str) -> None:
        """The process has ended, with all it had in memory; it starts again on what is on its disk."""
        self.crashes += 1
        self.crash_in.pop(name, None)
        full = self.nodes[name].store.full  # type: ignore[attr-defined]
        self.open(name).store.full = full  # type: ignore[attr-defined]

    def do(self, name: str, what: str, work: Callable[[], object]) -> object:
        """Let a node do something; what may go wrong outside is told in the trace, and everything else is a finding."""
        try:
            result = work()
        except Crash as crash:
            self.reopen(crash.organisation)
            return None
        except EXPECTED as error:
            self.tell(f"{name} {what}: {getattr(error, 'code', type(error).__name__)}")
            return error
        self.tell(f"{name} {what}: {result!r}")
        return result

    def retry(self, name: str, what: str, work: Callable[[Node], object]) -> None:
        """Let a node do something until it is done: whoever asks does not give up. A full disk is made room on."""
        for _ in range(20):
            before = self.crashes
            result = self.do(name, what, lambda: work(self.nodes[name]))
            if not isinstance(result, Exception) and self.crashes == before:
                return
            self.nodes[name].store.full = False  # type: ignore[attr-defined]
        raise Violation(f"{name} cannot {what}")

    # --- wires --------------------------------------------------------------------------------------------

    def _fault(self, caller: str, organisation: str, path: str) -> Fault:
        if caller in self.unreachable or organisation in self.unreachable:
            return Fault(drop=True)
        if self.doubles:
            return Fault(duplicate=True)
        if self.random.random() >= self.lossy:
            return Fault()
        chosen = self.random.randrange(3)
        return Fault(drop=chosen == 0, drop_answer=chosen == 1, duplicate=chosen == 2)

    # --- people -------------------------------------------------------------------------------------------

    @property
    def at_work(self) -> tuple[str, ...]:
        """The hospitals, and the agents that serve somebody now."""
        return (*HOSPITALS, *sorted({person.agent for person in self.people}))

    def agent_of(self, person: Person) -> Agent:
        """The agent that serves her."""
        agent = self.nodes[person.agent].agent
        assert agent is not None
        return agent

    def link(self, person: Person, organisation: str) -> None:
        """The person is linked at a desk."""
        code = self.nodes[organisation].linker.invite(person.name)
        self.agent_of(person).link(person.account, organisation, code, person.sign)

    def unlink(self, person: Person, organisation: str, by_desk: bool) -> bool:
        """A link is undone, by the desk or as the person signs; what she permitted there ends with it."""
        self._mark(person, organisation, "unknown")
        person.left.add(organisation)
        if by_desk:
            done = self.nodes[organisation].linker.unlink(person.name)
        else:
            done = self.agent_of(person).unlink(person.account, organisation, person.sign)
        self._mark(person, organisation, "gone")
        return done

    def _mark(self, person: Person, source: str, state: str) -> None:
        person.consents[source] = [
            entry if entry.state == "gone" else entry._replace(state=state) for entry in person.consents[source]
        ]

    def altered_at(self, source: str) -> bool:
        """Whether any record there is altered now: the gate then may refuse the whole answer."""
        return any(name == source for name, _ in self.altered)

    def learn_links(self, person: Person) -> None:
        """Where the person is linked, as the desks know: an answer may have been lost."""
        for name in HOSPITALS:
            with self.nodes[name].store.read() as connection:
                known = self.nodes[name].journal.person_of_account(connection, person.account)
            (person.linked.discard if known is None else person.linked.add)(name)

    def consent(self, person: Person, source: str, recipients: tuple[str, ...]) -> Consent:
        """The person permits; given or unknown."""
        secret = self.randbytes(32)
        grant = Grant("permit", list(recipients), [], None)
        time = self.time + self.skew[person.agent]
        signed = consenting.write_consent(
            NETWORK, source, person.account, time, grant, secret, person.key.key_id, person.sign
        )
        entry = Consent(secret, recipients, "unknown")
        person.consents[source].append(entry)
        self.nodes[person.agent].peers.call(source, consenting.CONSENTS_PATH, signed)
        person.consents[source][-1] = entry._replace(state="given")
        return entry

    def take_back(self, person: Person, source: str, index: int) -> None:
        """The person takes a consent back; gone or unknown."""
        entry = person.consents[source][index]
        body = consenting.write_revocation(person.account, entry.secret, person.sign)
        person.consents[source][index] = entry._replace(state="unknown")
        self.nodes[person.agent].peers.call(source, consenting.REVOCATIONS_PATH, body)
        person.consents[source][index] = entry._replace(state="gone")


class _Peers:
    """The wires as one node calls them; its process may end before a call and after it."""

    lanes = 1

    def __init__(self, name: str, world: World) -> None:
        self._name = name
        self._world = world
        self._inner = world.wires.peers(name)
        self._step = world._step(name)

    def call(self, organisation: str, path: str, body: bytes) -> bytes:
        self._step(f"before calling {organisation}")
        answer = self._inner.call(organisation, path, body)
        self._step(f"after calling {organisation}")
        return answer
