"""A small world for node tests: organisations without HTTP, one memory ledger, a clock that tests turn."""

import functools
import json
import os
from pathlib import Path

from medrec.core.genesis import network_id
from medrec.core.records.canonical import canonical
from medrec.engines.memory import MemoryEngine
from medrec.node.account.accounts import open_account
from medrec.node.agent.agent import Agent
from medrec.node.keeping.journal import Journal
from medrec.node.keeping.keys import OrganisationKeys, PersonKey
from medrec.node.keeping.vault import Vault
from medrec.node.ledger.anchor import Anchorer
from medrec.node.records.publish import Incoming, Publisher
from medrec.node.right_person.link import Linker
from tests.node.stores import open_store

DAY_MS = 86_400_000


class Clock:
    """Milliseconds that stand still until they are moved."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class Organisation:
    """One organisation's parts, wired by hand."""

    def __init__(self, name: str, world: "World") -> None:
        self.name = name
        self.store = open_store(world.folder / f"{name}.db")
        self.vault = Vault.at(world.folder / f"{name}.key", os.urandom)
        self.journal = Journal(self.store, self.vault, world.clock, name, world.engine)
        self.publisher = Publisher(self.journal, world.network)
        self.anchorer = Anchorer(self.store, world.engine, world.keys[name], name, world.network, world.clock)
        self.linker = Linker(self.journal, world.engine, world.network, world.clock)

    def publish(self, *resources: dict, announced: bool = True, origin: str = "a.json"):
        arrivals = [incoming(resource, announced, origin) for resource in resources]
        return self.publisher.publish(arrivals)

    def anchor(self) -> int:
        total = 0
        while step := self.anchorer.step():
            total += step
        return total


class World:
    """Two hospitals and an agent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        names = ("north", "south", "helper")
        self.keys = {name: OrganisationKeys.from_seed(name, bytes([i]) * 32) for i, name in enumerate(names)}
        self.genesis = {
            "medrec": "genesis/1",
            "name": "test",
            "created": self.clock.now,
            "protocol": 1,
            "organisations": [
                {
                    "id": name,
                    "name": name.title(),
                    "roles": ["agent" if name == "helper" else "hospital"],
                    "endpoint": "",
                    "keys": self.keys[name].public(),
                }
                for name in names
            ],
        }
        self.network = network_id(self.genesis)
        self.engine = MemoryEngine(self.genesis, self.clock)
        self.down = False

    # Each is opened when a test asks for it: many ask for one alone.

    @functools.cached_property
    def north(self) -> Organisation:
        return Organisation("north", self)

    @functools.cached_property
    def south(self) -> Organisation:
        return Organisation("south", self)

    @functools.cached_property
    def helper(self) -> Organisation:
        return Organisation("helper", self)

    @functools.cached_property
    def agent(self) -> Agent:
        helper = self.helper
        return Agent(helper.store, helper.vault, self.engine, "helper", self.network, self.call, self.clock)

    def call(self, organisation: str, path: str, body: bytes) -> bytes:
        """The agent calls an organisation."""
        target: Organisation = getattr(self, organisation)
        handler = {"/medrec/link": target.linker.accept, "/medrec/redeliver": target.linker.redeliver}[path]
        return handler("helper", body)

    def person(self, **patients: str) -> tuple[str, PersonKey, bytes]:
        """A person with an account, enrolled and linked: account, key, view secret."""
        key = PersonKey.generate()
        account = open_account(self.engine, self.network, key, os.urandom)
        secret = os.urandom(32)
        self.agent.enroll(account, "Ada", secret)
        for organisation, patient in patients.items():
            self.link(account, key, organisation, patient)
        return account, key, secret

    def link(self, account: str, key: PersonKey, organisation: str, patient: str) -> int:
        code = getattr(self, organisation).linker.invite(patient)
        return self.agent.link(account, organisation, code, lambda m: (key.key_id, key.sign_transaction_id(m)))


def incoming(resource: dict, announced: bool = True, origin: str = "a.json", position: str = "") -> Incoming:
    record = canonical(json.dumps(resource).encode())
    return Incoming(resource["resourceType"], resource["id"], record, origin, announced, position)


def observation(identifier: str, patient: str, value: int, **more: object) -> dict:
    return {
        "resourceType": "Observation",
        "id": identifier,
        "status": "final",
        "subject": {"reference": f"Patient/{patient}"},
        "valueInteger": value,
        **more,
    }
