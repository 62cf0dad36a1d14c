"""The outbox: at least once, in order, never lost, whatever the network, the peer or a crash does."""

import itertools
import threading
import time

import pytest
import sqlalchemy as sql

from medrec.core import codec
from medrec.node import app
from medrec.node import node as whole
from medrec.node.keeping import store
from medrec.node.keeping.store import StoreError
from medrec.node.keeping.vault import VaultError
from medrec.node.peers.peers import Fault, LocalNetwork, PeerError
from medrec.node.records import deliver
from medrec.node.records.deliver import WAIT_MS_MAX, Deliverer

from .wire import Wire

PATH = "/medrec/notices"


class Receiver:
    """A peer that keeps each payload once, as receivers do; `reject` are payloads it never takes."""

    def __init__(self) -> None:
        self.calls: list[list[bytes]] = []
        self.kept: list[bytes] = []
        self.reject: set[bytes] = set()
        self.choke: set[bytes] = set()

    def answer(self, path: str, caller: str, body: bytes) -> bytes:
        payloads = codec.decode(body)
        self.calls.append(payloads)
        if self.choke.intersection(payloads):
            raise PeerError("malformed", "The body is not readable.", answered=True)
        for payload in payloads:
            if payload not in self.kept and payload not in self.reject:
                self.kept.append(payload)
        return codec.encode([payload not in self.reject for payload in payloads])


class Office:
    """North's outbox, with receivers for its mail and a network that can be told to fail."""

    def __init__(self, folder) -> None:
        self.wire = Wire(folder)
        self.node = self.wire.nodes["north"]
        self.fault = Fault()
        self.network = LocalNetwork(fault=lambda caller, organisation, path: self.fault)
        self.receivers = {name: Receiver() for name in ("south", "helper")}
        for name, receiver in self.receivers.items():
            self.network.join(name, receiver.answer)
        self.node.peers.close()
        self.node.peers = self.network.peers("north")
        self.deliverer = Deliverer(self.node)

    @property
    def now(self) -> int:
        return self.wire.clock.now

    def queue(self, *payloads: bytes, to: str = "helper", path: str = PATH, due: int | None = None) -> None:
        rows = [
            {"organisation": to, "path": path, "payload": payload, "due": self.now if due is None else due}
            for payload in payloads
        ]
        self.node.store.write(lambda connection: connection.execute(sql.insert(store.outbox), rows))

    def step(self, later_ms: int = 0) -> int:
        self.wire.clock.now += later_ms
        return self.deliverer.step(self.now)

    def waiting(self) -> list[bytes]:
        with self.node.store.read() as connection:
            return list(connection.execute(sql.select(store.outbox.c.payload).order_by(store.outbox.c.id)).scalars())


@pytest.fixture
def office(tmp_path):
    made = Office(tmp_path)
    yield made
    made.wire.close()


def test_rows_go_in_order_and_leave_the_outbox(office):
    payloads = [b"%03d" % number for number in range(5)]
    office.queue(*payloads)
    office.queue(b"other", to="south")
    assert office.step() == 6
    assert office.receivers["helper"].calls == [payloads]
    assert office.receivers["south"].calls == [[b"other"]]
    assert office.waiting() == []
    assert office.step() == 0


def test_what_is_due_later_waits(office):
    office.queue(b"later", due=office.now + 5000)
    assert office.step() == 0
    assert office.step(5000) == 1


def test_a_call_carries_two_hundred_rows_or_a_mebibyte(office):
    office.queue(*[b"%03d" % number for number in range(450)])
    assert [office.step() for _ in range(4)] == [200, 200, 50, 0]
    office.queue(*[bytes([number]) * 400_000 for number in range(5)])
    assert [office.step() for _ in range(4)] == [2, 2, 1, 0]
    office.queue(b"x" * 1_500_000)
    assert [len(call) for call in office.receivers["helper"].calls] == [200, 200, 50, 2, 2, 1]


def test_a_silent_peer_is_asked_less_and_less_and_nothing_is_lost(office):
    office.queue(b"a", b"b")
    office.fault = Fault(drop=True)
    tried: list[int] = []
    office.network.fault = lambda caller, organisation, path: tried.append(office.now) or office.fault
    for _ in range(300):
        office.step(1000)
    rests = [second - first for first, second in itertools.pairwise(tried)]
    assert rests[:6] == [1000, 1000, 2000, 4000, 8000, 16000]
    assert set(rests[7:]) == {WAIT_MS_MAX}
    assert office.waiting() == [b"a", b"b"]
    waiting = office.deliverer.status()[0]
    assert (waiting.organisation, waiting.path, waiting.rows) == ("helper", PATH, 2)
    assert waiting.attempts == len(tried)
    assert waiting.trouble == "helper cannot be reached."
    assert waiting.since < office.now - 290_000
    office.fault = Fault()
    assert office.step(WAIT_MS_MAX) == 2
    assert office.deliverer.status() == []


def test_one_destination_in_trouble_does_not_hold_up_another(office):
    office.queue(b"a")
    office.queue(b"b", to="south")
    office.network.leave("helper")
    assert office.step() == 1
    assert office.receivers["south"].kept == [b"b"]
    office.network.join("helper", office.receivers["helper"].answer)
    assert office.step(1000) == 1


@pytest.mark.parametrize("fault", [Fault(drop_answer=True), Fault(duplicate=True)], ids=["answer-lost", "twice"])
def test_two_deliveries_of_one_row_are_one(office, fault):
    office.queue(b"a")
    office.fault = fault
    office.step()
    office.fault = Fault()
    office.step(1000)
    assert len(office.receivers["helper"].calls) == 2
    assert office.receivers["helper"].kept == [b"a"]
    assert office.waiting() == []


def test_a_crash_between_sending_and_deleting_sends_again(office, monkeypatch):
    office.queue(b"a", b"b")
    write = office.node.store.write

    def dies(closure):
        raise KeyboardInterrupt

    monkeypatch.setattr(office.node.store, "write", dies)
    with pytest.raises(KeyboardInterrupt):
        office.step()
    monkeypatch.setattr(office.node.store, "write", write)
    assert office.receivers["helper"].kept == [b"a", b"b"]
    assert office.waiting() == [b"a", b"b"]
    office.deliverer = Deliverer(office.node)  # the process that comes after
    assert office.step() == 2
    assert office.receivers["helper"].kept == [b"a", b"b"]
    assert office.waiting() == []


def test_a_full_disk_keeps_the_rows(office, monkeypatch):
    office.queue(b"a")
    write = office.node.store.write

    def full(closure):
        raise StoreError("disk-full", "The disk is full.")

    monkeypatch.setattr(office.node.store, "write", full)
    with pytest.raises(StoreError):
        office.step()
    monkeypatch.setattr(office.node.store, "write", write)
    assert office.waiting() == [b"a"]
    assert office.step(1000) == 1


def test_what_a_peer_does_not_take_stays_and_holds_up_nothing(office):
    helper = office.receivers["helper"]
    helper.reject = {b"never"}
    office.queue(b"never", b"a", b"b")
    assert office.step() == 2
    assert office.waiting() == [b"never"]
    assert "did not take 1 of 3" in office.deliverer.status()[0].trouble
    office.queue(b"c")
    assert office.step() == 1
    for _ in range(200):
        office.step(1000)
    assert office.waiting() == [b"never"]
    helper.reject = set()
    assert office.step(WAIT_MS_MAX) == 1
    assert helper.kept == [b"a", b"b", b"c", b"never"]


def test_a_row_that_chokes_the_peer_is_found_and_set_aside(office):
    helper = office.receivers["helper"]
    helper.choke = {b"005"}
    office.queue(*[b"%03d" % number for number in range(20)])
    for _ in range(200):
        office.step(1000)
    assert office.waiting() == [b"005"]
    assert sorted(helper.kept) == [b"%03d" % number for number in range(20) if number != 5]


@pytest.mark.parametrize(
    "answer",
    [b"", b"\xff", codec.encode([]), codec.encode([1]), codec.encode([True, True]), codec.encode(True), b"\x00" * 9999],
)
def test_an_answer_that_says_nothing_takes_nothing_away(office, answer):
    office.network.join("helper", lambda path, caller, body: answer)
    office.queue(b"a")
    assert office.step() == 0
    assert office.waiting() == [b"a"]
    assert "does not say what it took" in office.deliverer.status()[0].trouble


def test_destinations_are_called_side_by_side(office):
    office.queue(b"a")
    office.queue(b"b", to="south")
    meeting = threading.Barrier(2, timeout=5)

    def meet(caller: str, organisation: str, path: str) -> Fault:
        meeting.wait()
        return Fault()

    office.network.fault = meet
    office.node.peers.lanes = 2
    assert office.step() == 2


def test_a_clock_that_jumped_ahead_and_came_back_holds_up_nothing(office):
    office.queue(b"one", due=office.now + 86_400_000)
    assert office.deliverer.step(office.now) == 1
    # A peer that failed while the clock was ahead is called again as well.
    office.queue(b"two")
    office.fault = Fault(drop=True)
    assert office.deliverer.step(office.now + 86_400_000) == 0
    office.fault = Fault()
    assert office.deliverer.step(office.now) == 1


def test_the_longest_rest_is_a_minute():
    assert [deliver.wait_ms(attempts) for attempts in (1, 2, 3, 8, 9, 10**9)] == [
        500,
        1000,
        2000,
        60_000,
        60_000,
        60_000,
    ]


def test_notices_over_sockets_arrive_once_and_while_the_agent_is_away_they_wait(tmp_path, monkeypatch):
    wire = Wire(tmp_path)
    receiver = Receiver()
    monkeypatch.setitem(app.ROUTES, PATH, lambda node, caller, body: receiver.answer(PATH, caller, body))
    node = wire.nodes["north"]
    rows = [
        {"organisation": "helper", "path": PATH, "payload": b"%d" % number, "due": wire.clock.now}
        for number in range(3)
    ]
    node.store.write(lambda connection: connection.execute(sql.insert(store.outbox), rows))
    assert node.deliverer.step(wire.clock.now) == 0
    assert node.deliverer.status()[0].trouble.startswith("helper cannot be reached")
    wire.serve("helper")
    wire.clock.now += 1000
    began = time.monotonic()
    assert node.deliverer.step(wire.clock.now) == 3
    assert time.monotonic() - began < 3
    assert receiver.kept == [b"0", b"1", b"2"]
    wire.close()


def refusals(office, count, payload):
    """Let a row be refused so many times; the milliseconds that went by."""
    begun = office.now
    while count_of(office, payload) < count:
        office.step(1000)
    return office.now - begun


def count_of(office, payload):
    return sum(call == [payload] or payload in call for call in office.receivers["helper"].calls)


@pytest.mark.parametrize("how", ["reject", "choke"])
def test_what_is_refused_again_and_again_rests_and_is_told_once(office, how):
    helper = office.receivers["helper"]
    setattr(helper, how, {b"bad"})
    office.queue(b"bad")
    refusals(office, deliver.REFUSALS_MAX - 1, b"bad")
    assert office.deliverer.status()[0].resting == 0 and not alarms(office)
    refusals(office, deliver.REFUSALS_MAX, b"bad")
    assert office.deliverer.status()[0].resting == 1
    [alarm] = alarms(office)
    assert (alarm.code, alarm.subject) == ("message-refused", "helper") and PATH in alarm.sentence
    # Others go all the while, and a restart forgets nothing.
    office.deliverer = Deliverer(office.node)
    calls = len(helper.calls)
    office.queue(b"good")
    for _ in range(100):
        office.step(1000)
    assert helper.kept == [b"good"] and len(helper.calls) == calls + 1
    # It is tried again at last, and the next rest is longer; when it is taken nothing is left of it.
    assert office.waiting() == [b"bad"]
    refusals(office, deliver.REFUSALS_MAX + 1, b"bad")
    assert office.deliverer.status()[0].resting == 1 and len(alarms(office)) == 1
    setattr(helper, how, set())
    assert office.step(deliver.rest_ms(deliver.REFUSALS_MAX + 1) - 1000) == 0
    assert office.step(1000) == 1
    assert office.waiting() == [] and not rested(office)


def test_what_the_node_itself_cannot_open_rests_and_is_told_once_and_goes_when_it_can(office, monkeypatch):
    tried = []
    sent = office.node.journal.sent

    def opened(connection, payload):
        if payload == b"bad" and broken:
            tried.append(payload)
            raise VaultError
        return sent(connection, payload)

    broken = True
    monkeypatch.setattr(office.node.journal, "sent", opened)
    office.queue(b"bad")
    while len(tried) < deliver.REFUSALS_MAX:
        office.step(1000)
    assert office.deliverer.status()[0].resting == 1
    [alarm] = alarms(office)
    assert deliver.UNREADABLE in alarm.sentence and "bad" not in alarm.sentence
    office.queue(b"good")
    for _ in range(100):
        office.step(1000)
    assert len(tried) == deliver.REFUSALS_MAX and office.receivers["helper"].kept == [b"good"]
    broken = False
    office.step(deliver.rest_ms(deliver.REFUSALS_MAX))
    assert office.receivers["helper"].kept == [b"good", b"bad"] and not rested(office)


def test_a_message_that_gets_the_number_of_one_that_rested_does_not_rest(office):
    helper = office.receivers["helper"]
    helper.reject = {b"bad"}
    office.queue(b"bad")
    refusals(office, deliver.REFUSALS_MAX, b"bad")
    office.node.store.write(lambda connection: connection.execute(store.outbox.delete()))
    assert rested(office)
    office.queue(b"other")
    assert office.step() == 1 and helper.kept == [b"other"]


def test_a_peer_that_is_away_lets_nothing_rest(office):
    office.queue(b"one")
    office.fault = Fault(drop=True)
    for _ in range(3 * deliver.REFUSALS_MAX):
        office.step(WAIT_MS_MAX)
    assert office.deliverer.status()[0].resting == 0 and not rested(office)
    office.fault = Fault()
    assert office.step(WAIT_MS_MAX) == 1


def test_the_longest_rest_of_what_was_refused_is_a_day():
    most = deliver.REFUSALS_MAX
    times = (1, most - 1, most, most + 1, most + 9, most + 10**9)
    assert [deliver.rest_ms(number) for number in times] == [0, 0, 120_000, 240_000, 61_440_000, 86_400_000]


def alarms(office):
    with office.node.store.read() as connection:
        return list(connection.execute(sql.select(store.alarm)))


def rested(office):
    with office.node.store.read() as connection:
        return list(connection.execute(sql.select(deliver.refused)))


@pytest.mark.parametrize(("delivered", "pause"), [(3, whole.GATHER_S), (0, whole.ROUND_S)])
def test_after_each_call_what_comes_next_is_gathered(office, monkeypatch, delivered, pause):
    waited = []
    monkeypatch.setattr(office.node.deliverer, "step", lambda now: delivered)
    monkeypatch.setattr(office.node.referrals, "step", lambda now: 0)
    monkeypatch.setattr(office.node._stopping, "wait", waited.append)
    office.node._deliver_round()
    assert waited == [pause] and whole.GATHER_S >= 0.05
