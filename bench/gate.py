"""The gate: journalled, consent-checked reads of one record, and how fast a revocation stops them.

Requests are signed beforehand: what is measured is the source's work, from the request's bytes to those of the signed
release, its line durable in between. A person with forty consents, a hundred records, the embedded ledger. At first the
gate alone; then with everything that follows from a look on the same machine (anchoring, notices, the index), and
over HTTP with both ends in one process.
"""

import cProfile
import json
import os
import pstats
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.row import Row
from medrec import wiring
from medrec.core.manifests.consent import Grant
from medrec.core.records.canonical import canonical
from medrec.node.account.accounts import open_account
from medrec.node.app import dispatch
from medrec.node.consent.consents import write_consent, write_revocation
from medrec.node.keeping.keys import OrganisationKeys, PersonKey
from medrec.node.node import Node
from medrec.node.peers.peers import PeerError
from medrec.node.records.publish import Incoming
from medrec.node.refusals import Refusal
from medrec.node.release import access
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.release.receive import ASK_LIFE_MS
from medrec.node.serve import Server, settle

RATE_BAR, P99_BAR_MS, STOP_BAR_S = 2000, 10, 5
RECORDS, CONSENTS, THREADS = 100, 40, 8
PORTS = {"north": 18861, "south": 18862, "agent": 18863}


class Records:
    """Records in memory: the gate's own work is measured, not that of a file system."""

    def __init__(self) -> None:
        self.raw: dict[tuple[str, str], bytes] = {}

    def read(self, kind: str, identifier: str) -> bytes | None:
        """See RecordReader."""
        return self.raw.get((kind, identifier))


class Place:
    """North holds a person's records, south asks, the agent serves her."""

    def __init__(self, folder: Path) -> None:
        keys = {name: OrganisationKeys.generate(name) for name in PORTS}
        founders: list[dict[str, Any]] = [
            {
                "id": name,
                "name": name,
                "roles": ["agent" if name == "agent" else "hospital"],
                "endpoint": f"http://127.0.0.1:{port}",
                "keys": keys[name].public(),
            }
            for name, port in PORTS.items()
        ]
        genesis = wiring.genesis_document("bench", wiring.now_ms(), founders)
        self.engine = wiring.open_engine("sqlite", folder / "ledger.db", genesis)
        self.nodes: dict[str, Node] = {
            name: wiring.build_node(
                organisation=name,
                genesis=genesis,
                engine=self.engine,
                folder=folder / name,
                agent=name == "agent",
                keys=keys[name],
            )
            for name in PORTS
        }
        self.north, self.south = self.nodes["north"], self.nodes["south"]
        source = self.north.source = Records()
        for number in range(RECORDS):
            raw = json.dumps(_observation(number)).encode()
            source.raw["Observation", f"bp-{number}"] = raw
            self.north.publisher.publish([Incoming("Observation", f"bp-{number}", canonical(raw), "bench")])
        self.key = PersonKey.generate()
        self.account = open_account(self.engine, self.north.network, self.key, os.urandom)
        agent = self.nodes["agent"].agent
        assert agent is not None
        agent.enroll(self.account, "Ada", os.urandom(32))
        self.north.anchor()
        code = self.north.linker.invite("ada")
        self.server = Server([wiring.site(node, "127.0.0.1", PORTS[name]) for name, node in self.nodes.items()])
        self.server.start()
        agent.link(self.account, "north", code, self.sign)
        for _ in range(CONSENTS - 1):
            self.consent("agent")
        self.secret = self.consent("south")
        self.doctor = self.south.practitioners.enter("dr", "Dr Bench", PHYSICIAN)
        # The gate alone is measured at first, with nothing anchored meanwhile.
        self.north.merge_delay_ms = 3_600_000

    def sign(self, message: bytes) -> tuple[bytes, bytes]:
        """The person's signature."""
        return self.key.key_id, self.key.sign_transaction_id(message)

    def consent(self, recipient: str) -> bytes:
        """One more consent; the secret that takes it back."""
        secret, now = os.urandom(32), wiring.now_ms()
        grant = Grant("permit", [recipient], [], None)
        signed = write_consent(
            self.north.network, "north", self.account, now, grant, secret, self.key.key_id, self.sign
        )
        self.north.consents.give(signed)
        return secret

    def asks(self, count: int) -> list[bytes]:
        """Signed requests for one record each."""
        made, expires = [], wiring.now_ms() + ASK_LIFE_MS
        for number in range(count):
            wanted = {"types": ["Observation"], "ids": [f"bp-{number % RECORDS}"]}
            request = self.doctor.request(os.urandom(16), "TREAT", "bench", **wanted)
            made.append(access.encode(self.doctor.ask(self.north.network, "north", self.account, expires, request)))
        return made

    def close(self) -> None:
        """Let everything go."""
        self.server.stop()
        for node in self.nodes.values():
            wiring.close_node(node)
        wiring.close(self.engine)


def _observation(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"bp-{number}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "55284-4", "display": "Blood pressure"}]},
        "subject": {"reference": "Patient/ada"},
        "effectiveDateTime": "2026-01-05T08:30:00Z",
        "component": [
            {"code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "valueQuantity": {"value": value}}
            for code, value in (("8480-6", 120 + number % 40), ("8462-4", 80))
        ],
    }


def timed(call: Callable[[bytes], bytes], asks: list[bytes], threads: int) -> tuple[float, list[float]]:
    """Calls a second, and the milliseconds of each, sorted.

    Each thread takes the next request by itself: a pool that hands them out would be measured along.
    """
    left, took = iter(asks), list[float]()

    def work() -> None:
        for body in left:
            begun = time.perf_counter()
            call(body)
            took.append((time.perf_counter() - begun) * 1000)

    begun = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        for working in [pool.submit(work) for _ in range(threads)]:
            working.result()
    return len(asks) / (time.perf_counter() - begun), sorted(took)


def rows(quick: bool) -> Iterator[Row]:
    """The figures of the gate."""
    count = 400 if quick else 4000
    with tempfile.TemporaryDirectory(prefix="medrec-bench-", dir=os.environ.get("MEDREC_BENCH_DIR")) as folder:
        place = Place(Path(folder))
        try:
            yield from _rates(place, count)
            yield _stop(place)
        finally:
            place.close()


def _rates(place: Place, count: int) -> Iterator[Row]:
    def inside(body: bytes) -> bytes:
        return dispatch(place.north, access.RELEASE_PATH, "south", body)

    def over_http(body: bytes) -> bytes:
        return place.south.peers.call("north", access.RELEASE_PATH, body)

    timed(inside, place.asks(RECORDS), THREADS)
    settle()
    for what, call, threads, barred in (
        ("gate: journalled read of one record, in the node", inside, THREADS, True),
        ("   one after the other", inside, 1, False),
        ("   with anchoring, notices and the agent beside it", inside, THREADS, False),
        ("   over HTTP as well, signed both ways, both ends here", over_http, THREADS, False),
    ):
        if "anchoring" in what:
            place.north.start()
        asks = place.asks(count if threads > 1 else count // 4)
        before = resource.getrusage(resource.RUSAGE_SELF)
        rate, took = timed(call, asks, threads)
        cost = _cost(before, resource.getrusage(resource.RUSAGE_SELF), len(asks))
        p99 = took[len(took) * 99 // 100]
        yield Row(what, f"{rate:,.0f}/s", f">= {RATE_BAR:,}/s" if barred else "", rate >= RATE_BAR if barred else None)
        yield Row(
            f"   p50 {statistics.median(took):.1f} ms, p99",
            f"{p99:.1f} ms",
            f"<= {P99_BAR_MS} ms" if barred else "",
            p99 <= P99_BAR_MS if barred else None,
        )
        yield cost


def _cost(before: resource.struct_rusage, after: resource.struct_rusage, reads: int) -> Row:
    """What a read took of the processor, in all threads: it tells more than the rate on a machine that others use."""
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    changes = after.ru_nvcsw + after.ru_nivcsw - before.ru_nvcsw - before.ru_nivcsw
    what = f"   {changes / reads:.1f} changes of thread a read, of the processor"
    return Row(what, f"{used / reads * 1e6:.0f} µs")


def _stop(place: Place) -> Row:
    """From the moment a person presses "take back" to the last release that went out."""
    last, over = [0.0], threading.Event()

    def ask_on() -> None:
        while not over.is_set():
            for body in place.asks(10):
                try:
                    place.south.peers.call("north", access.RELEASE_PATH, body)
                    last[0] = max(last[0], time.perf_counter())
                except (PeerError, Refusal):
                    continue

    threads = [threading.Thread(target=ask_on) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    body = write_revocation(place.account, place.secret, place.sign)
    pressed = time.perf_counter()
    place.nodes["agent"].peers.call("north", "/medrec/revocations", body)
    taken = time.perf_counter()
    time.sleep(0.5)
    over.set()
    for thread in threads:
        thread.join()
    after = max(0.0, last[0] - pressed)
    what = f"revocation to last release, over HTTP under load (taken after {(taken - pressed) * 1000:.0f} ms)"
    return Row(what, f"{after:.3f} s", f"<= {STOP_BAR_S} s", after <= STOP_BAR_S)


def profile() -> None:
    """Where the time of a read goes."""
    with tempfile.TemporaryDirectory(prefix="medrec-bench-") as folder:
        place = Place(Path(folder))
        try:
            asks = place.asks(1500)
            watched = cProfile.Profile()
            watched.enable()
            for body in asks:
                dispatch(place.north, access.RELEASE_PATH, "south", body)
            watched.disable()
            pstats.Stats(watched, stream=sys.stdout).sort_stats("tottime").print_stats(25)
        finally:
            place.close()
