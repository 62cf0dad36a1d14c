"""A small network on one machine: three hospitals, a patients' agent, and one embedded ledger.

Every organisation has its own node, keys, journal, store and address; they speak to one another over signed HTTP,
as they would across a city. Only the ledger file is shared, because the embedded engine is one file.
"""

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

from medrec import wiring
from medrec.core.consent import plain
from medrec.core.consent.plain import Party, Plain
from medrec.demo.ports import HOST, free_ports
from medrec.engines.engine import Engine
from medrec.node.account.accounts import open_account
from medrec.node.account.devices import home_at
from medrec.node.consent import own_consents
from medrec.node.consent.consents import CONSENTS_PATH
from medrec.node.consent.policies import draft_consent, signed_consent
from medrec.node.keeping.keys import OrganisationKeys, PersonKey
from medrec.node.node import Node
from medrec.node.serve import Server
from medrec.portal.own.acts import acts_of

HOSPITALS = {
    "harbour-general": "Harbour General Hospital",
    "st-brigid": "St Brigid's Hospital",
    "lakeside-clinic": "Lakeside Clinic",
}
AGENT = ("patients-agent", "Patients' Agent")
MEET_S = 120.0
"""So long the members' engines have to find one another."""


class Resident(NamedTuple):
    """A person of the demonstration: her device's key, account and view secret, and her local ids by hospital."""

    name: str
    key: PersonKey
    account: str
    view_secret: bytes
    patients: dict[str, str]

    def sign(self, message: bytes) -> tuple[bytes, bytes]:
        """What the person's device does when she confirms: (key id, signature)."""
        return self.key.key_id, self.key.sign_transaction_id(message)


class Network:
    """The nodes of the demonstration, their folders below `home`, and the ports they answer on.

    `validators` 0: one embedded ledger for all. Otherwise as many organisations, each with an engine of its own.
    """

    def __init__(self, home: Path, ports: list[int], created: int, validators: int = 0) -> None:
        self.home = home
        self.ports = dict(zip(members(validators), ports, strict=True))
        keys = {name: OrganisationKeys.generate(name) for name in self.ports}
        organisations = [
            {
                "id": name,
                "name": HOSPITALS.get(name, AGENT[1] if name == AGENT[0] else name.title()),
                "roles": ["agent" if name == AGENT[0] else "hospital" if name in HOSPITALS else "lab"],
                "endpoint": f"http://{HOST}:{port}",
                "keys": keys[name].public(),
            }
            for name, port in self.ports.items()
        ]
        self.genesis: dict[str, Any] = wiring.genesis_document("demonstration", created, organisations)
        self.network = wiring.network_id(self.genesis)
        self.engines = self._open_engines(validators)
        self.nodes: dict[str, Node] = {}
        for name in self.ports:
            keys[name].save(home / name / "keys")
            self.records_folder(name).mkdir(parents=True)
            self.nodes[name] = wiring.build_node(
                organisation=name,
                genesis=self.genesis,
                engine=self.engines[name],
                folder=home / name,
                records=self.records_folder(name) if name in HOSPITALS else None,
                agent=name == AGENT[0],
            )
        for node in self.nodes.values():
            node.together.wait(MEET_S)
        self.residents: list[Resident] = []
        self._server = Server(
            [wiring.site(node, HOST, self.ports[name], demonstration=True) for name, node in self.nodes.items()]
        )

    def _open_engines(self, validators: int) -> dict[str, Engine]:
        if not validators:
            shared = wiring.open_engine("sqlite", self.home / "ledger.db", self.genesis)
            return dict.fromkeys(self.ports, shared)
        ports = iter(free_ports(2 * len(self.ports)))
        folders = {name: self.home / name / "ledger" for name in self.ports}
        wiring.found_engines(
            self.genesis, {name: (folder, next(ports), next(ports)) for name, folder in folders.items()}, HOST
        )
        return {name: wiring.open_engine("cometbft", folder, self.genesis) for name, folder in folders.items()}

    @property
    def engine(self) -> Engine:
        """The engine of the patients' agent's node."""
        return self.engines[AGENT[0]]

    @property
    def agent(self) -> Node:
        """The patients' agent's node."""
        return self.nodes[AGENT[0]]

    @property
    def hospitals(self) -> list[Node]:
        """The hospitals' nodes."""
        return [self.nodes[name] for name in HOSPITALS]

    def records_folder(self, name: str) -> Path:
        """Where a hospital's system leaves its records."""
        return self.home / name / "records"

    def address(self, name: str, path: str = "/pages/") -> str:
        """Where a page of a node is, by the name at which browsers make and use passkeys."""
        home = home_at(f"http://{HOST}:{self.ports[name]}")
        assert home is not None
        return home.origin + path

    def join(self, name: str, patients: dict[str, str]) -> Resident:
        """A person makes a key and an account, chooses the agent, and is linked at the desk of each hospital."""
        key = PersonKey.generate()
        account = open_account(self.engine, self.network, key, os.urandom)
        self.even()
        resident = Resident(name, key, account, os.urandom(32), patients)
        agent = self.agent.agent
        assert agent is not None
        agent.enroll(account, name, resident.view_secret)
        for hospital, patient in patients.items():
            code = self.nodes[hospital].linker.invite(patient)
            agent.link(account, hospital, code, resident.sign)
            self.let_read(resident, hospital)
        # Her key lies in this process, so that a visitor can confirm in her name.
        acts_of(self.agent).lend(account, key.key_id, resident.sign)
        self.residents.append(resident)
        return resident

    def let_read(self, resident: Resident, hospital: str) -> None:
        """What a person says with the link: her own agent may read for her there. She can stop it on her page."""
        agent, secret = self.agent, os.urandom(32)
        account, now = resident.account, agent.clock()
        text = plain.write(plain.tidy(Plain("share", [Party(AGENT[0], name=AGENT[1])])), account, now)
        draft = draft_consent(self.network, hospital, account, now, text, secret, resident.key.key_id)
        own_consents.keep(agent, account, hospital, secret)
        proof = resident.key.sign_transaction_id(draft.message)
        agent.peers.call(hospital, CONSENTS_PATH, signed_consent(draft, proof))

    def even(self) -> None:
        """Wait until every organisation's ledger stands where the agent's stands: on a network that takes a moment."""
        height = self.engine.tip().height
        for engine in self.engines.values():
            while engine.tip().height < height:
                engine.blocks(height - 1, wait_s=1.0)

    def start(self) -> None:
        """Answer on every port, and run every node's loops."""
        self._server.start()
        for node in self.nodes.values():
            node.start()

    def stop(self) -> None:
        """Stop every node's loops and close what is open."""
        self._server.stop()
        for node in self.nodes.values():
            node.stop()
        for node in self.nodes.values():
            wiring.close_node(node)
        for engine in {id(engine): engine for engine in self.engines.values()}.values():
            wiring.close(engine)


def members(validators: int = 0) -> list[str]:
    """The organisations: three hospitals, the agent, and further members if more validators are asked for."""
    names = [*HOSPITALS, AGENT[0]]
    return names + [f"member-{number}" for number in range(len(names) + 1, validators + 1)]


def fingerprint(data: bytes) -> str:
    """The first characters of a SHA-256, for people to compare."""
    return hashlib.sha256(data).hexdigest()[:16]
