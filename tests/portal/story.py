"""A network with something to show: two people, records, a refusal, a permission, a release, an alarm."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from medrec.core.checkpoint import Checkpoint
from medrec.core.note import Note, render_note
from medrec.core.records.canonical import canonical
from medrec.node.app import local_answer
from medrec.node.consent import own_consents
from medrec.node.keeping import store
from medrec.node.keeping.vault import Vault
from medrec.node.node import Node
from medrec.node.peers.peers import PeerError
from medrec.node.records.publish import Incoming, Published
from medrec.node.release import receive
from medrec.node.release.practitioners import PHYSICIAN, SYSTEM
from medrec.portal.app import pages
from tests.node.network import Network, Patient, Records, rows_of
from tests.node.stores import open_store

HOSTILE_NAME = "<script>alert(1)</script>"
TURNED = "Anna\u202etxt.exe\u0007"
HOUR = 3_600_000


def observation(identifier: str, patient: str, value: str) -> str:
    return (
        f'{{"resourceType":"Observation","id":"{identifier}","status":"final",'
        f'"subject":{{"reference":"Patient/{patient}"}},"valueString":"{value}"}}'
    )


class ToldNode(Node):
    """The real node, with the harness's short ways to put in a record and to read a table."""

    def put(self, kind: str, identifier: str, content: str, *, origin: str = "first") -> Published:
        assert isinstance(self.source, Records)
        self.source.raw[(kind, identifier)] = content.encode()
        return self.publisher.publish([Incoming(kind, identifier, canonical(content.encode()), origin)])

    def rows(self, table: Any) -> list[Any]:
        return rows_of(self, table)


class ToldNetwork(Network):
    """The harness's network, made of real nodes."""

    def open(self, organisation: str) -> Any:
        node = ToldNode(
            organisation=organisation,
            genesis=self.genesis,
            keys=self.keys[organisation],
            engine=self.engine,
            store=open_store(self.folder / f"{organisation}.db"),
            vault=Vault.at(self.folder / f"{organisation}.key", secrets.token_bytes),
            clock=lambda: self.time,
            peers=self.wires.peers(organisation),
            source=self.records.setdefault(organisation, Records()),
            agent=organisation in (self.AGENT, *self.OTHER_AGENTS),
        )
        self.nodes[organisation] = node  # type: ignore[assignment]
        self.wires.join(organisation, local_answer(node))
        return node


class Story:
    """The network after the story; `client(name)` reads a node's pages."""

    def __init__(self, folder: Path, network: Callable[[Path], ToldNetwork] = ToldNetwork) -> None:
        self.network = network(folder)

    def client(self, organisation: str, demonstration: bool = True) -> TestClient:
        node: Any = self.network[organisation]
        return TestClient(pages(node, demonstration=demonstration), raise_server_exceptions=False)

    def settle(self) -> None:
        """Anchor, deliver, follow."""
        self.network.anchor()
        self.network.deliver()
        agent = self.network["guide"].agent
        assert agent is not None
        while agent.follow():
            pass

    def checkpoint(self, *cosigners: str) -> None:
        """Every node gets a checkpoint of the tip with these cosigners."""
        tip = self.network.engine.tip()
        head = Checkpoint(
            self.network.id, tip.log_size, tip.log_root, tip.height, tip.time, tip.state_root, tip.protocol
        )
        lines = [
            line
            for name in cosigners
            for line in self.network.keys[name].cosign(head.text(), self.network.time // 1000)
        ]
        note = render_note(Note(head.text(), tuple(lines)))
        row = {"size": head.size, "height": head.height, "time": head.time, "note": note}
        for node in self.network.nodes.values():
            node.store.write(lambda connection: connection.execute(store.checkpoint.insert().values(**row)))

    def tell(self) -> Patient:
        """North holds ada's records; south asks, is refused, is let in, and gets them."""
        network = self.network
        north, south = network["north"], network["south"]
        person = network.patient("ada", "north", "south")
        north.put("Observation", "bp-1", observation("bp-1", "ada", "120/80"))
        north.put("Observation", "bp-2", observation("bp-2", "ada", "150/95"))
        north.put("Observation", "bp-2", observation("bp-2", "ada", "151/95"), origin="second")
        north.put("Observation", "other", observation("other", "grace", "99"))
        self.settle()
        network.time += 120_000
        with suppress(PeerError):
            self.ask(person, "Dr Mallory", "curious")
        self.settle()
        secret = network.consent(person, "north", "south", types=("Observation",), until=network.time + 24 * HOUR)
        guide: Any = network["guide"]
        own_consents.keep(guide, person.account, "north", secret)
        self.settle()
        network.time += 60_000
        self.ask(person, "Dr Brown", "a check-up")
        self.ask(person, "", "nightly update")
        self.settle()
        assert south.store is not None
        return person

    def ask(self, person: Patient, practitioner: str, reason: str) -> receive.Received:
        """South asks for observations; nobody named is a program."""
        south: Any = self.network["south"]
        name = f"id-{secrets.token_hex(4)}"
        role = SYSTEM if not practitioner else PHYSICIAN
        who = south.practitioners.enter(name, practitioner, role, machine=not practitioner)
        return receive.request_records(
            self.network["south"],  # type: ignore[arg-type]
            "north",
            person.account,
            types=("Observation",),
            purpose="TREAT",
            practitioner=who,
            reason=reason,
        )
