"""A hospital with its store, journal and embedded ledger in a folder of its own, and a patients' agent beside it."""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medrec.core.genesis import network_id
from medrec.engines.sqlite import SqliteEngine
from medrec.node.account.accounts import open_account
from medrec.node.agent.agent import Agent
from medrec.node.keeping.journal import Journal
from medrec.node.keeping.keys import OrganisationKeys, PersonKey
from medrec.node.keeping.store import Store
from medrec.node.keeping.vault import Vault
from medrec.node.ledger.anchor import Anchorer
from medrec.node.records.ingest import Ingested, ingest_folder
from medrec.node.records.publish import Publisher
from medrec.node.right_person.link import Linker

ORGANISATIONS = {"hospital": "hospital", "agent": "agent"}


def clock() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Hospital:
    """What a reading of records touches, wired as the node wires it."""

    def __init__(self, folder: Path) -> None:
        self.keys = {name: OrganisationKeys.generate(name) for name in ORGANISATIONS}
        self.genesis = {
            "medrec": "genesis/1",
            "name": "bench",
            "created": clock(),
            "protocol": 1,
            "organisations": [self._founder(name) for name in self.keys],
        }
        self.network = network_id(self.genesis)
        self.engine = SqliteEngine(folder / "ledger.db", self.genesis, clock)
        self.stores = {name: Store(folder / f"{name}.db") for name in self.keys}
        vaults = {name: Vault.at(folder / f"{name}.key", os.urandom) for name in self.keys}
        self.store = self.stores["hospital"]
        self.journal = Journal(self.store, vaults["hospital"], clock, "hospital", self.engine)
        self.publisher = Publisher(self.journal, self.network)
        keys = self.keys["hospital"]
        self.anchorer = Anchorer(self.store, self.engine, keys, "hospital", self.network, clock)
        self.linker = Linker(self.journal, self.engine, self.network, clock)
        self.agent = Agent(self.stores["agent"], vaults["agent"], self.engine, "agent", self.network, self._call, clock)

    def _founder(self, name: str) -> dict[str, Any]:
        public = self.keys[name].public()
        return {"id": name, "name": name, "roles": [ORGANISATIONS[name]], "endpoint": "", "keys": public}

    def _call(self, organisation: str, path: str, body: bytes) -> bytes:
        assert (organisation, path) == ("hospital", "/medrec/link")
        return self.linker.accept("agent", body)

    def link(self, patient: str) -> None:
        """Give the patient an account, and tie it to the agent: from then on every line is sealed and told to her."""
        key = PersonKey.generate()
        account = open_account(self.engine, self.network, key, os.urandom)
        self.agent.enroll(account, patient, os.urandom(32))
        code = self.linker.invite(patient)
        self.agent.link(account, "hospital", code, lambda message: (key.key_id, key.sign_transaction_id(message)))

    def ingest(self, folder: Path) -> tuple[Ingested, float]:
        """Read the folder into the journal; what came of it and the seconds until the last line was durable."""
        begun = time.perf_counter()
        result = ingest_folder(self.publisher, self.store, folder)
        return result, time.perf_counter() - begun

    def anchor(self) -> tuple[int, float]:
        """Put every line on the ledger; how many, and the seconds until the last block was durable."""
        begun, lines = time.perf_counter(), 0
        while step := self.anchorer.step():
            lines += step
        return lines, time.perf_counter() - begun

    def close(self) -> None:
        """Let the files go."""
        for kept in self.stores.values():
            kept.close()
        self.engine.close()


@contextlib.contextmanager
def fresh() -> Iterator[Hospital]:
    """A new hospital in a folder that goes away afterwards (below MEDREC_BENCH_DIR, if that is set)."""
    with tempfile.TemporaryDirectory(prefix="medrec-bench-", dir=os.environ.get("MEDREC_BENCH_DIR")) as folder:
        hospital = Hospital(Path(folder))
        try:
            yield hospital
        finally:
            hospital.close()
