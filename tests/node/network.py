"""A small network in one process: three hospitals and an agent, an account holder, and calls without sockets.

`Network` opens everything; a node may be killed (`crash`) and opened again on the same store. Time stands still
until `network.time` is moved.
"""

import hashlib
import secrets
from collections import namedtuple
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from medrec.core import codec
from medrec.core.genesis import network_id
from medrec.core.manifests.consent import Grant
from medrec.core.records.canonical import canonical
from medrec.engines.engine import Engine
from medrec.engines.memory import MemoryEngine
from medrec.node.account.accounts import open_account
from medrec.node.account.delegates import (
    DELEGATIONS_PATH,
    Delegates,
    answer_delegation,
)
from medrec.node.account.ending import DELEGATION_ENDS_PATH, answer_delegation_end
from medrec.node.agent.agent import Agent
from medrec.node.agent.copies import Copies
from medrec.node.consent import consents as consenting
from medrec.node.consent.consents import Consents
from medrec.node.consent.policies import TRIAL_PATH, answer_trial
from medrec.node.corrections.corrections import CORRECTIONS_PATH, Corrections, answer_corrections
from medrec.node.fhir.routes import answer_locally
from medrec.node.keeping import outgoing, store
from medrec.node.keeping.erasure import Erasures
from medrec.node.keeping.journal import NOTICES_PATH, Journal
from medrec.node.keeping.keys import OrganisationKeys, PersonKey
from medrec.node.keeping.vault import Vault
from medrec.node.ledger.anchor import Anchorer
from medrec.node.ledger.checkpoints import COSIGN_PATH, Checkpoints
from medrec.node.ledger.govern import GovernError, send
from medrec.node.ledger.sight import Sight
from medrec.node.lists.acts import Acts
from medrec.node.lists.lists import PersonLists
from medrec.node.looks.answering import answer_disputed
from medrec.node.looks.disputes import (
    ANSWERS_PATH,
    DISPUTED_PATH,
    DISPUTES_PATH,
    Disputes,
    answer_disputes,
)
from medrec.node.looks.lone import LONE_PATH, answer_lone
from medrec.node.looks.owing import answer_answers
from medrec.node.peers.directory import Directory
from medrec.node.peers.peers import INTERACT, LocalNetwork, PeerError
from medrec.node.records.publish import Incoming, Published, Publisher
from medrec.node.refusals import Refusal
from medrec.node.release.emergency import EMERGENCY_PATH, REVIEWS_PATH, Emergencies, answer_emergency, answer_reviews
from medrec.node.release.emergency_reviews import EmergencyReviews
from medrec.node.release.gate import Gate
from medrec.node.release.labels import Labels
from medrec.node.release.practitioners import PHYSICIAN, Practitioner, Practitioners
from medrec.node.release.pull import answer_release
from medrec.node.release.referrals import REFERRAL_PATH, Referrals, answer_referral
from medrec.node.release.views import VIEW_PATH, Views, answer_view
from medrec.node.right_person.link import UNLINK_PATH, Linker
from medrec.node.right_person.matching import FIND_PATH, Matching
from tests.node.stores import open_store

START = 1_750_000_000_000
HOUR = 3_600_000
ROUTES: dict[str, Callable[[Any, str, bytes], bytes]] = {
    "/medrec/release": answer_release,
    "/medrec/consents": consenting.answer_consent,
    "/medrec/revocations": consenting.answer_revocation,
    REFERRAL_PATH: answer_referral,
    VIEW_PATH: answer_view,
    DISPUTES_PATH: answer_disputes,
    DISPUTED_PATH: answer_disputed,
    ANSWERS_PATH: answer_answers,
    TRIAL_PATH: answer_trial,
    LONE_PATH: answer_lone,
    CORRECTIONS_PATH: answer_corrections,
    EMERGENCY_PATH: answer_emergency,
    REVIEWS_PATH: answer_reviews,
    DELEGATIONS_PATH: answer_delegation,
    DELEGATION_ENDS_PATH: answer_delegation_end,
    COSIGN_PATH: lambda node, caller, body: node.checkpoints.cosign(caller, body),
    FIND_PATH: lambda node, caller, body: node.matching.asked(caller, body),
    UNLINK_PATH: lambda node, caller, body: node.linker.unlink_asked(caller, body),
    NOTICES_PATH: lambda node, caller, body: codec.encode(node.agent.take_notices(caller, codec.decode(body))),
    "/medrec/link": lambda node, caller, body: node.linker.accept(caller, body),
}


class Records:
    """The place where an organisation's records live: a dictionary of raw bytes, with a hook before each reading."""

    def __init__(self) -> None:
        self.raw: dict[tuple[str, str], bytes] = {}
        self.before_read: Callable[[], None] = lambda: None

    def read(self, kind: str, identifier: str) -> bytes | None:
        self.before_read()
        return self.raw.get((kind, identifier))


class TestNode:
    """The parts of a node that this harness needs, under the names that the real node gives them."""

    __test__ = False

    def __init__(self, network: "Network", organisation: str, folder: Path, agent: bool) -> None:
        self.organisation = organisation
        self.genesis = network.genesis
        self.network = network.id
        self.keys = network.keys[organisation]
        self.engine: Engine = network.engine
        self.clock = lambda: network.time
        self.peers = network.wires.peers(organisation)
        self.source = network.records.setdefault(organisation, Records())
        self.merge_delay_ms = 60_000
        self.store = open_store(folder / f"{organisation}.db")
        self.vault = Vault.at(folder / f"{organisation}.key", secrets.token_bytes)
        self.directory = Directory(self.engine, self.store)
        self.sight = Sight(self)  # type: ignore[arg-type]
        self.journal = Journal(self.store, self.vault, self.clock, organisation, self.engine)
        self.publisher = Publisher(
            self.journal, self.network, lambda: self.directory.servers(organisation), self.source.read
        )
        self.anchorer = Anchorer(self.store, self.engine, self.keys, organisation, self.network, self.clock)
        self.linker = Linker(self.journal, self.engine, self.network, self.clock, self.source.read)
        self.matching = Matching(self)  # type: ignore[arg-type]
        self.law = ("US",)
        self.labels = Labels()
        self.practitioners = Practitioners(self)  # type: ignore[arg-type]
        self.delegates = Delegates(self)  # type: ignore[arg-type]
        self.consents = Consents(self)  # type: ignore[arg-type]
        self.disputes = Disputes(self)  # type: ignore[arg-type]
        self.emergencies = Emergencies(self)  # type: ignore[arg-type]
        self.emergency_reviews = EmergencyReviews(self)  # type: ignore[arg-type]
        self.corrections = Corrections(self)  # type: ignore[arg-type]
        self.erasures = Erasures(self)  # type: ignore[arg-type]
        self.acts = Acts(self)
        self.lists = PersonLists(self)  # type: ignore[arg-type]
        self.gate = Gate(self)  # type: ignore[arg-type]
        self.checkpoints = Checkpoints(self)  # type: ignore[arg-type]
        self.referrals = Referrals(self)  # type: ignore[arg-type]
        self.views = Views(self)  # type: ignore[arg-type]
        self.teller = None
        self.agent = (
            Agent(self.store, self.vault, self.engine, organisation, self.network, self.peers.call, self.clock)
            if agent
            else None
        )
        self.copies = Copies(self) if agent else None  # type: ignore[arg-type]

    def answer(self, path: str, caller: str, body: bytes) -> bytes:
        """Answer a peer's call as the app does: refusals become PeerError on the other side."""
        try:
            if path == INTERACT:
                return answer_locally(self, caller, body)  # type: ignore[arg-type]
            return ROUTES[path](self, caller, body)
        except Refusal as refusal:
            raise PeerError(refusal.code, refusal.sentence, answered=True) from None

    def put(self, kind: str, identifier: str, content: str, *, origin: str = "first") -> Published:
        """A record arrives: it stands in the source and is published."""
        raw = content.encode()
        self.source.raw[(kind, identifier)] = raw
        return self.publisher.publish([Incoming(kind, identifier, canonical(raw), origin)])

    def doctor(self, name: str = "Dr South") -> Practitioner:
        """A physician who works here."""
        return self.practitioners.enter("-".join(name.lower().split()), name, PHYSICIAN)

    def anchor(self) -> None:
        while self.anchorer.step():
            pass

    def rows(self, table: Any) -> list[Any]:
        """See rows_of."""
        return rows_of(self, table)


def rows_of(node: Any, table: Any) -> list[Any]:
    """All rows of a table of a node's store; of the outbox as the deliverer sends them."""
    with node.store.read() as connection:
        rows = list(connection.execute(table.select()).all())
        if table is not store.outbox:
            return rows
        sent = [outgoing.opened(connection, node.vault, bytes(row.payload)) for row in rows]
    sent_row = namedtuple("sent_row", table.c.keys())
    return [sent_row(**{**row._mapping, "payload": payload}) for row, payload in zip(rows, sent, strict=True)]


def notices_of(node: Any) -> list[bytes]:
    """The notices that wait at a node, in order, as the deliverer sends them."""
    from medrec.node.keeping import store

    with node.store.read() as connection:
        rows = connection.execute(store.outbox.select().order_by(store.outbox.c.id)).all()
        sent = [node.journal.sent(connection, bytes(row.payload)) for row in rows if row.path == NOTICES_PATH]
    return [payload for payload in sent if payload is not None]


class Patient:
    """A person with one credential, an account and a view secret."""

    def __init__(self, network: "Network", name: str) -> None:
        self.name = name
        self.key = PersonKey.from_seed(hashlib.sha256(name.encode()).digest())
        self.account = open_account(network.engine, network.id, self.key, secrets.token_bytes)
        self.view_secret = secrets.token_bytes(32)

    def sign(self, message: bytes) -> tuple[bytes, bytes]:
        return self.key.key_id, self.key.sign_transaction_id(message)


class Network:
    """Hospitals north, south and east and the agent guide, over one engine."""

    HOSPITALS = ("north", "south", "east")
    AGENT = "guide"
    OTHER_AGENTS: tuple[str, ...] = ()
    ROLES: dict[str, str] = {}
    """What an organisation is, where it is no hospital and no agent."""

    def __init__(self, folder: Path, engine: Callable[[dict[str, Any], Callable[[], int]], Engine] = MemoryEngine):
        self.folder = folder
        self.time = START
        agents = (self.AGENT, *self.OTHER_AGENTS)
        names = (*self.HOSPITALS, *agents)
        self.keys = {name: OrganisationKeys.from_seed(name, hashlib.sha256(name.encode()).digest()) for name in names}
        self.genesis: dict[str, Any] = {
            "medrec": "genesis/1",
            "name": "Test network",
            "created": START,
            "protocol": 1,
            "organisations": [
                {
                    "id": name,
                    "name": name.title(),
                    "roles": ["agent" if name in agents else self.ROLES.get(name, "hospital")],
                    "endpoint": self.endpoint(name),
                    "keys": self.keys[name].public(),
                }
                for name in names
            ],
        }
        self.id = network_id(self.genesis)
        self.engine = engine(self.genesis, lambda: self.time)
        self.wires = LocalNetwork()
        self.records: dict[str, Records] = {}
        self.nodes: dict[str, TestNode] = {}
        for name in names:
            self.open(name)

    def __getitem__(self, organisation: str) -> TestNode:
        return self.nodes[organisation]

    def endpoint(self, name: str) -> str:
        """Where an organisation answers."""
        return f"https://{name}.example"

    def open(self, organisation: str) -> TestNode:
        """Open a node on its store; it may have been there before."""
        node = TestNode(self, organisation, self.folder, organisation == self.AGENT)
        self.nodes[organisation] = node
        self.wires.join(organisation, node.answer)
        return node

    def crash(self, organisation: str) -> TestNode:
        """Let a node's process end, with everything it had in memory, and open it again on what is on the disk."""
        self.nodes[organisation].store.close()
        return self.open(organisation)

    def call(self, organisation: str, names: Sequence[str] = (), servers: Sequence[str] = ()) -> None:
        """The members vote how else one of them is called."""
        self.vote({"change": "call", "id": organisation, "names": list(names), "servers": list(servers)})

    def vote(self, change: dict[str, Any]) -> None:
        """The members vote for a change of the network."""
        voters = [one.id for one in self["north"].directory.active() if one.has_vote]
        keys = [self.keys[voter] for voter in voters]
        proposal = send(self.engine, keys[0], self.id, "governance/propose", {"change": change})
        for key in keys[1:]:
            with suppress(GovernError):
                # One more than is needed comes too late.
                send(self.engine, key, self.id, "governance/vote", {"proposal": proposal})

    def rotate(self, organisation: str) -> None:
        """An organisation replaces its keys on the ledger; who works there shows what the new ones sign."""
        former = self.keys[organisation]
        fresh = OrganisationKeys.from_seed(organisation, hashlib.sha256(former.key_id).digest())
        keys = {field: bytes.fromhex(value) for field, value in fresh.public().items()}
        send(self.engine, former, self.id, "organisation/rotate", {"keys": keys})
        self.keys[organisation] = self[organisation].keys = fresh

    def patient(self, name: str, *organisations: str) -> Patient:
        """A person served by the agent and linked to these organisations; there she is the local patient `name`."""
        person = Patient(self, name)
        agent = self[self.AGENT].agent
        assert agent is not None
        agent.enroll(person.account, name.title(), person.view_secret)
        for organisation in organisations:
            code = self[organisation].linker.invite(name)
            agent.link(person.account, organisation, code, person.sign)
        return person

    def consent(
        self,
        person: Patient,
        source: str,
        *recipients: str,
        effect: str = "permit",
        types: tuple[str, ...] = (),
        until: int | None = None,
    ) -> bytes:
        """The person decides at a source, through her agent; the secret that takes it back."""
        secret = secrets.token_bytes(32)
        grant = Grant(effect, list(recipients), list(types), until)  # type: ignore[arg-type]
        signed = consenting.write_consent(
            self.id, source, person.account, self.time, grant, secret, person.key.key_id, person.sign
        )
        self[self.AGENT].peers.call(source, consenting.CONSENTS_PATH, signed)
        return secret

    def fhir_consent(self, person: Patient, source: str, consent: str) -> bytes:
        """The same with a FHIR Consent, as JSON text."""
        secret = secrets.token_bytes(32)
        signed = consenting.write_fhir_consent(
            self.id, source, person.account, self.time, consent, secret, person.key.key_id, person.sign
        )
        self[self.AGENT].peers.call(source, consenting.CONSENTS_PATH, signed)
        return secret

    def take_back(self, person: Patient, source: str, secret: bytes) -> None:
        """The person takes a consent back at a source, through her agent."""
        body = consenting.write_revocation(person.account, secret, person.sign)
        self[self.AGENT].peers.call(source, consenting.REVOCATIONS_PATH, body)

    def deliver(self) -> int:
        """Bring every notice that waits to the agent, as the deliverer does; how many it took."""
        from medrec.node.keeping import store

        taken = 0
        for node in list(self.nodes.values()):
            waiting = [row for row in node.rows(store.outbox) if row.path == NOTICES_PATH]
            agent = self[self.AGENT].agent
            assert agent is not None
            answers = agent.take_notices(node.organisation, notices_of(node))
            taken += sum(bool(answer) for answer in answers)
            ids = [row.id for row in waiting]
            node.store.write(
                lambda connection, ids=ids: connection.execute(store.outbox.delete().where(store.outbox.c.id.in_(ids)))
            )
        return taken

    def anchor(self) -> None:
        """Anchor what every node has written."""
        for node in self.nodes.values():
            node.anchor()

    def close(self) -> None:
        for node in self.nodes.values():
            node.store.close()
