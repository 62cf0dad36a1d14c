"""The gate and the recipient's half: every refusal, every step at which the process may die, both halves matched."""

import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.core import codec, manifests, state
from medrec.core.manifests.access import DisclosureManifest, ReceivedManifest, RefusalManifest, Request, obligation_of
from medrec.core.state import Obligation
from medrec.engines.engine import EngineError
from medrec.node.keeping import store
from medrec.node.keeping.journal import verify
from medrec.node.keeping.store import StoreError
from medrec.node.looks.halves import unmatched
from medrec.node.peers.peers import Fault, PeerError
from medrec.node.records.publish import Incoming
from medrec.node.refusals import HIDDEN, SENTENCES, Code, Refusal
from medrec.node.release import access
from medrec.node.release.access import Ask
from medrec.node.release.gate import read_ask
from medrec.node.release.pull import Pages
from medrec.node.release.receive import NotGenuineError, Received, close_failed, request_records
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import HOUR, Network, Patient, TestNode

BLOOD_PRESSURE = (
    '{"resourceType":"Observation","id":"bp","subject":{"reference":"Patient/ada"},"valueQuantity":{"value":120.00}}'
)
ASTHMA = '{"resourceType":"Condition","id":"asthma","subject":{"reference":"Patient/ada"}}'
STEPS = ("authenticate", "decide", "journal", "recheck", "read", "compare", "send")


class Killed(BaseException):
    """The process ends here."""


def made(network: Network) -> None:
    network["north"].put("Observation", "bp", BLOOD_PRESSURE)
    network["north"].put("Condition", "asthma", ASTHMA)


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made) as forked:
        yield forked


def get(network: Network, account: str, by: str = "south", **wanted: Any) -> Received:
    """South (or another) asks north."""
    return request_records(
        network[by],  # type: ignore[arg-type]
        "north",
        account,
        practitioner=network[by].doctor(),
        reason="visit",
        **wanted,
    )


def names(received: Received) -> list[str]:
    return [f"{record.type}/{record.id}" for record in received.records]


def refused(network: Network, account: str, **wanted: Any) -> PeerError:
    """What south sees when north refuses."""
    with pytest.raises(PeerError) as caught:
        get(network, account, **wanted)
    assert caught.value.answered
    return caught.value


def written(node: TestNode, kind: str) -> list[Any]:
    """The manifests of a kind in a node's journal, in order."""
    with node.store.read() as connection:
        assert verify(connection) is None
        hashes = connection.execute(
            sql.select(store.line.c.manifest).where(store.line.c.kind == kind).order_by(store.line.c.seq)
        ).scalars()
        opened = [node.journal.manifest(connection, found) for found in hashes.all()]
    return [manifests.decode(found[1]) for found in opened if found is not None]


def codes(node: TestNode) -> list[str]:
    return [refusal.code for refusal in written(node, "refusal/1")]


def ask(network: Network, account: str, wrong_network: bool = False, **changes: Any) -> Ask:
    """A request of south for everything, or with changes."""
    doctor = network["south"].doctor()
    request = changes.pop("request", None) or doctor.request(secrets.token_bytes(16), "TREAT", "visit")
    expires = changes.pop("expires", network.time + 60_000)
    assert not changes
    return doctor.ask(bytes(32) if wrong_network else network.id, "north", account, expires, request)


def release(network: Network, asked: Ask, caller: str = "south") -> bytes:
    """North's answer, straight from its gate."""
    return network["north"].gate.release(caller, asked, Pages(network["north"]))  # type: ignore[arg-type]


def direct(network: Network, asked: Ask, caller: str = "south") -> Code:
    """The refusal of north's gate, called directly."""
    with pytest.raises(Refusal) as caught:
        release(network, asked, caller)
    return caught.value.reason


def test_a_record_travels_and_both_halves_meet(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    received = get(network, ada.account)
    assert names(received) == ["Condition/asthma", "Observation/bp"]
    assert b'"value":120.00' in received.records[1].content
    (disclosure,) = written(network["north"], "disclosure/1")
    (half,) = written(network["south"], "disclosure-received/1")
    assert isinstance(disclosure, DisclosureManifest) and isinstance(half, ReceivedManifest)
    assert half.records == disclosure.records and half.outcome == "received"
    assert half.obligation == disclosure.obligation == received.obligation.hex()
    assert [kept.hash.hex() for kept in network["north"].consents.of(ada.account)] == disclosure.decided
    assert [found.status for found in unmatched(network["north"])] == ["waiting"]  # type: ignore[arg-type]
    network["north"].anchor()
    assert [found.status for found in unmatched(network["north"])] == ["open"]  # type: ignore[arg-type]
    network["south"].anchor()
    with network.engine.view() as view:
        owed = state.read(view, state.obligation_key("north", received.obligation), Obligation)
    assert owed is not None and (owed.debtor, owed.status) == ("south", "settled")
    assert unmatched(network["north"]) == []  # type: ignore[arg-type]
    assert [row.status for row in network["north"].rows(access.asked)] == ["settled"]


def test_the_recipients_half_may_be_anchored_first(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    received = get(network, ada.account)
    network["south"].anchor()
    network["north"].anchor()
    with network.engine.view() as view:
        owed = state.read(view, state.obligation_key("north", received.obligation), Obligation)
    assert owed is not None and owed.status == "settled"


def test_an_unmatched_half_comes_up_as_overdue(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    get(network, ada.account)
    network["north"].anchor()
    network.time += 2 * HOUR
    network.engine.submit([])
    (found,) = unmatched(network["north"])  # type: ignore[arg-type]
    assert (found.requester, found.status) == ("south", "overdue")


def test_a_stranger_is_refused_and_the_patient_is_told(network: Network, ada: Patient) -> None:
    network.deliver()
    error = refused(network, ada.account)
    assert (error.code, error.sentence) == ("not-permitted", Code.NOT_PERMITTED.sentence)
    assert codes(network["north"]) == ["no-consent"]
    assert written(network["south"], "disclosure-received/1") == []
    network.deliver()
    agent = network["guide"].agent
    assert agent is not None
    told = agent.notices(ada.account)[0].manifest
    assert isinstance(told, RefusalManifest)
    assert (told.request.requester, told.request.practitioner, told.code) == ("south", "Dr South", "no-consent")


def test_unknown_and_denied_look_the_same(network: Network, ada: Patient) -> None:
    bob, north = network.patient("bob"), network["north"]
    network.consent(ada, "north", "*", effect="deny")
    denied, unknown = refused(network, ada.account), refused(network, bob.account)
    assert (denied.code, denied.sentence) == (unknown.code, unknown.sentence)
    assert codes(north) == ["denied", "unknown-person"]
    # On the ledger, too: the same parts of the same lengths.
    one, other = [codec.decode(row.entry) for row in north.rows(store.line) if row.kind == "refusal/1"]
    assert list(one[2]) == list(other[2]) == ["sealed"]
    assert len(one[2]["sealed"]) == len(other[2]["sealed"])
    # Nor do purposes or types make a difference.
    for wanted in ({"purpose": "HMARKT"}, {"types": ["Condition"]}, {"ids": ["asthma"]}):
        assert refused(network, ada.account, **wanted).code == refused(network, bob.account, **wanted).code


def test_types_narrow_what_goes_out(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south", types=("Observation",))
    assert names(get(network, ada.account)) == ["Observation/bp"]
    assert names(get(network, ada.account, types=["Observation", "Condition"])) == ["Observation/bp"]
    assert refused(network, ada.account, types=["Condition"]).code == "not-permitted"
    assert names(get(network, ada.account, ids=["asthma"])) == []
    assert all(
        record.type == "Observation" for found in written(network["north"], "disclosure/1") for record in found.records
    )


def test_a_deny_wins_over_a_permit(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "*")
    network.consent(ada, "north", "south", effect="deny", types=("Condition",))
    assert names(get(network, ada.account)) == ["Observation/bp"]
    assert names(get(network, ada.account, by="east")) == ["Condition/asthma", "Observation/bp"]


def test_a_consent_ends_at_its_time(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south", until=network.time + HOUR)
    assert names(get(network, ada.account))
    network["north"].anchor()
    network.time += HOUR
    assert refused(network, ada.account).code == "not-permitted"


def test_deleted_records_stay_at_home_and_new_versions_go(network: Network, ada: Patient) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")
    north.publisher.publish([Incoming("Condition", "asthma", None, "later")])
    north.put("Observation", "bp", BLOOD_PRESSURE.replace("120.00", "130.0"), origin="later")
    (record,) = get(network, ada.account).records
    assert record.manifest.record.version == 2 and b"130.0" in record.content


def test_pages_go_on_where_they_ended(network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    network.consent(ada, "north", "south", until=network.time + HOUR)
    monkeypatch.setattr(access, "PAGE_RECORDS", 1)
    first = get(network, ada.account)
    assert (names(first), first.more) == (["Condition/asthma"], "Condition/asthma")
    second = get(network, ada.account, after=first.more)
    assert (names(second), second.more) == (["Observation/bp"], "")
    network["north"].anchor()
    network.time += HOUR
    assert refused(network, ada.account, after=first.more).code == "not-permitted"


def test_what_is_wrong_with_the_request_itself(network: Network, ada: Patient) -> None:
    north = network["north"]
    network.consent(ada, "north", "*")
    release(network, ask(network, ada.account))
    for asked, expected in (
        (ask(network, ada.account, wrong_network=True), Code.WRONG_NETWORK),
        (ask(network, ada.account, expires=network.time - 1), Code.REQUEST_EXPIRED),
        (ask(network, ada.account, expires=network.time + HOUR), Code.REQUEST_TOO_LONG),
    ):
        assert direct(network, asked) is expected
        assert codes(north)[-1] == expected.value
    assert direct(network, ask(network, ada.account), caller="east") is Code.NOT_THE_REQUESTER
    assert written(north, "refusal/1")[-1].request.requester == "east"
    lines = len(north.rows(store.line))
    for body in (b"", codec.encode([]), access.encode(ask(network, "medrec1nobody"))):
        with pytest.raises(Refusal) as caught:
            read_ask(body)
        assert caught.value.reason is Code.MALFORMED
    assert len(north.rows(store.line)) == lines


def test_a_request_is_answered_once(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    asked = ask(network, ada.account)
    release(network, asked)
    assert direct(network, asked) is Code.REQUEST_REPLAYED
    network.crash("north")
    assert direct(network, asked) is Code.REQUEST_REPLAYED
    assert codes(network["north"]) == ["request-replayed"] * 2
    assert len(written(network["north"], "disclosure/1")) == 1
    # A refusal uses the id up as well; another organisation's equal id is another request.
    denied = ask(network, network.patient("bob").account)
    assert direct(network, denied) is Code.NOT_PERMITTED
    assert direct(network, denied) is Code.REQUEST_REPLAYED


def test_a_suspended_requester_gets_nothing(network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")
    suspended: set[str] = set()
    find = north.directory.find

    def found(organisation: str) -> Any:
        import msgspec

        known = find(organisation)
        return msgspec.structs.replace(known, active=organisation not in suspended) if known else None

    monkeypatch.setattr(north.directory, "find", found)
    north.gate.step = lambda name: suspended.add("south") if name == "recheck" else None
    assert direct(network, ask(network, ada.account)) is Code.REQUESTER_SUSPENDED
    assert direct(network, ask(network, ada.account)) is Code.REQUESTER_SUSPENDED
    assert len(written(north, "disclosure/1")) == 1
    # Whoever the ledger does not know at all is refused alike.
    unknown = ask(network, ada.account, request=Request("00" * 16, "nowhere", "Dr", "TREAT", "", "pull", [], []))
    assert direct(network, unknown, caller="nowhere") is Code.REQUESTER_SUSPENDED


@pytest.mark.parametrize("step", ["recheck", "compare"])
def test_a_revocation_between_decision_and_sending_stops_it(network: Network, ada: Patient, step: str) -> None:
    north = network["north"]
    secret = network.consent(ada, "north", "south")
    north.gate.step = lambda name: network.take_back(ada, "north", secret) if name == step else None
    assert refused(network, ada.account).code == "not-permitted"
    (disclosure,) = written(north, "disclosure/1")
    (refusal,) = written(north, "refusal/1")
    assert (refusal.code, refusal.obligation) == ("consent-changed", disclosure.obligation)


def test_a_revocation_seen_only_on_the_ledger_stops_it(network: Network, ada: Patient) -> None:
    from medrec.node.keeping.journal import Draft

    north, east = network["north"], network["east"]
    secret = network.consent(ada, "north", "south")

    def publish(name: str) -> None:
        if name == "compare":
            draft = Draft("link/1", b"{}", None, {"nullifier": secret})
            east.store.write(lambda connection: east.journal.append(connection, [draft]))
            east.anchor()

    north.gate.step = publish
    assert refused(network, ada.account).code == "not-permitted"
    assert codes(north) == ["consent-changed"]


def test_a_deny_or_the_end_that_comes_while_reading_stops_it(network: Network, ada: Patient) -> None:
    north = network["north"]
    network.consent(ada, "north", "south", until=network.time + 1000)
    north.gate.step = lambda name: setattr(network, "time", network.time + 1000) if name == "compare" else None
    assert refused(network, ada.account).code == "not-permitted"
    north.gate.step = lambda name: None
    network.consent(ada, "north", "south")
    north.source.before_read = lambda: (
        network.consent(ada, "north", "south", effect="deny", types=("Condition",)) and None
    )
    assert refused(network, ada.account).code == "not-permitted"
    assert codes(north) == ["consent-changed"] * 2


def test_an_altered_record_is_not_let_out(network: Network, ada: Patient) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")
    north.source.raw["Observation", "bp"] = BLOOD_PRESSURE.replace("120.00", "120.0").encode()
    error = refused(network, ada.account)
    assert error.code == "record-altered" and "Observation/bp" in error.sentence
    (alarm,) = north.rows(store.alarm)
    assert (alarm.code, alarm.subject) == ("record-altered", "Observation/bp")
    # Refused before anything is written down as disclosed, and no second alarm.
    assert refused(network, ada.account).code == "record-altered"
    assert len(north.rows(store.alarm)) == 1
    assert len(written(north, "disclosure/1")) == 0
    assert names(get(network, ada.account, types=["Condition"])) == ["Condition/asthma"]


NEWER = BLOOD_PRESSURE.replace('"id"', '"meta":{"versionId":"2"},"id"').encode()


@pytest.mark.parametrize(
    ("raw", "code"), [(None, "record-altered"), (b"{", "record-altered"), (NEWER, "record-changed")]
)
def test_a_record_that_is_gone_or_broken_or_newer(network: Network, ada: Patient, raw: bytes | None, code: str) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")
    # What it is about is known from before.
    assert len(names(get(network, ada.account))) == 2
    if raw is None:
        del north.source.raw["Observation", "bp"]
    else:
        north.source.raw["Observation", "bp"] = raw
    assert refused(network, ada.account).code == code
    assert len(north.rows(store.alarm)) == (code == "record-altered")


@pytest.mark.parametrize("raw", [None, b"{", b"[]"])
def test_a_record_of_which_nothing_is_known_is_not_let_out(network: Network, ada: Patient, raw: bytes | None) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")
    north.source.raw.pop(("Observation", "bp"))
    if raw is not None:
        north.source.raw["Observation", "bp"] = raw
    # It might be one that nobody may know of: the answer does not tell, and the privacy officer is told.
    assert names(get(network, ada.account)) == ["Condition/asthma"]
    assert [alarm.subject for alarm in north.rows(store.alarm)] == ["Observation/bp"]


def test_a_source_that_fails_lets_nothing_out(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")

    def fail() -> None:
        raise OSError("the server is away")

    network["north"].source.before_read = fail
    assert refused(network, ada.account).code == "source-unavailable"
    assert codes(network["north"]) == ["source-unavailable"]


def test_too_much_at_once(network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    network.consent(ada, "north", "south")
    monkeypatch.setattr(access, "CONTENT_BYTES_MAX", 100)
    assert refused(network, ada.account).code == "too-large"


def test_past_the_merge_delay_nothing_leaves(network: Network, ada: Patient) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")
    get(network, ada.account)
    network.time += 60_001
    assert refused(network, ada.account).code == "merge-delay"
    assert codes(north) == ["merge-delay"]
    north.anchor()
    assert names(get(network, ada.account))


def test_without_the_ledger_nothing_leaves(network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")

    def broken(*_: Any) -> Any:
        raise EngineError("unknown", "The ledger is broken.")

    for step in ("authenticate", "recheck"):
        with monkeypatch.context() as patch:
            north.gate.step = lambda name, step=step, patch=patch: (
                patch.setattr(  # type: ignore[misc]
                    network.engine, "tip", broken
                )
                if name == step
                else None
            )
            assert direct(network, ask(network, ada.account)) is Code.LEDGER_UNUSABLE
    assert codes(north) == ["ledger-unusable"] * 2


def test_without_the_store_nothing_leaves(network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")

    def full(*_: Any) -> Any:
        raise StoreError("disk-full", "The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(north.store, "submit", full)
        assert direct(network, ask(network, ada.account)) is Code.STORE_UNUSABLE
        assert direct(network, ask(network, network.patient("bob").account)) is Code.STORE_UNUSABLE
    with monkeypatch.context() as patch:
        patch.setattr(north.store, "read", lambda: (_ for _ in ()).throw(sql.exc.OperationalError("", {}, OSError())))
        assert direct(network, ask(network, ada.account)) is Code.STORE_UNUSABLE
    release(network, ask(network, ada.account))


def test_a_consent_that_cannot_be_read_closes_everything(network: Network, ada: Patient) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")
    network.consent(ada, "north", "east")
    broken = north.rows(store.consent)[1]
    north.store.write(
        lambda connection: connection.execute(
            sql.update(store.consent).where(store.consent.c.hash == broken.hash).values(sealed=bytes(40))
        )
    )
    assert refused(network, ada.account).code == "not-permitted"
    assert written(north, "refusal/1")[0].code == "consent-broken"
    assert written(north, "refusal/1")[0].decided == [broken.hash.hex()]


@pytest.mark.parametrize("step", STEPS)
def test_death_at_each_step_never_lets_out_what_is_not_written_down(network: Network, ada: Patient, step: str) -> None:
    network.consent(ada, "north", "south")
    north = network["north"]

    def die(name: str) -> None:
        if name == step:
            raise Killed

    north.gate.step = die
    with pytest.raises(Killed):
        get(network, ada.account)
    network.crash("north")
    # Where the write has not begun, nothing has happened; after it the disclosure stands, though nothing was sent.
    before_the_line = STEPS.index(step) <= STEPS.index("journal")
    assert len(written(network["north"], "disclosure/1")) == (0 if before_the_line else 1)
    assert written(network["south"], "disclosure-received/1") == []
    network.anchor()
    network.time += 5 * 60_000
    assert close_failed(network["south"]) == (0 if before_the_line else 1)  # type: ignore[arg-type]
    network.anchor()
    assert [half.outcome for half in written(network["south"], "disclosure-received/1")] == (
        [] if before_the_line else ["nothing"]
    )
    assert unmatched(network["north"]) == []  # type: ignore[arg-type]
    # And the next request is answered.
    assert names(get(network, ada.account)) == ["Condition/asthma", "Observation/bp"]


def test_an_answer_that_is_lost_is_stated_as_nothing(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    network.wires.fault = lambda caller, organisation, path: Fault(drop_answer=path == access.RELEASE_PATH)
    with pytest.raises(PeerError) as caught:
        get(network, ada.account)
    assert not caught.value.answered
    assert close_failed(network["south"]) == 0  # type: ignore[arg-type]
    network["north"].anchor()
    assert close_failed(network["south"]) == 1  # type: ignore[arg-type]
    assert close_failed(network["south"]) == 0  # type: ignore[arg-type]
    network["south"].anchor()
    assert unmatched(network["north"]) == []  # type: ignore[arg-type]
    network.time += 25 * HOUR
    network.engine.submit([])
    close_failed(network["south"])  # type: ignore[arg-type]
    assert network["south"].rows(access.asking) == []


def test_a_request_that_was_closed_meanwhile_hands_nothing_on(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    south = network["south"]

    def slow(name: str) -> None:
        if name == "send":
            network["north"].anchor()
            network.time += 5 * 60_000
            assert close_failed(south) == 1  # type: ignore[arg-type]

    network["north"].gate.step = slow
    with pytest.raises(NotGenuineError) as caught:
        get(network, ada.account)
    assert caught.value.code == "too-late"
    assert [half.outcome for half in written(south, "disclosure-received/1")] == ["nothing"]


def forge(change: Callable[[dict[str, Any]], None], network: Network) -> None:
    """From now on north's answers are changed, and signed with north's key."""
    carry = network.wires.carry

    def forged(caller: str, organisation: str, path: str, body: bytes) -> bytes:
        answer = carry(caller, organisation, path, body)
        if path != access.RELEASE_PATH:
            return answer
        value = codec.decode(access.open_release(answer)[0])
        change(value)
        changed = codec.encode(value)
        return access.seal_release(changed, network.keys["north"].sign_request(access.signed_message(changed)))

    network.wires.carry = forged  # type: ignore[method-assign]


def _content(value: dict[str, Any]) -> None:
    value["records"][1]["content"] = value["records"][1]["content"].replace(b"120.00", b"120.0")


def _fewer(value: dict[str, Any]) -> None:
    value["records"].pop()


def _salt(value: dict[str, Any]) -> None:
    value["records"][0]["salt"] = bytes(32)


def _entry(value: dict[str, Any]) -> None:
    value["disclosure"]["entry"] = b"\xf6"


def _swap(value: dict[str, Any]) -> None:
    one, other = value["records"]
    one["content"], other["content"] = other["content"], one["content"]


def _request(value: dict[str, Any]) -> None:
    value["request"] = bytes(16)


def _manifest(value: dict[str, Any]) -> None:
    stated = codec.decode_json(value["records"][0]["manifest"])
    value["records"][0]["manifest"] = codec.encode_json({**stated, "organisation": "east"})


def _form(value: dict[str, Any]) -> None:
    value["extra"] = 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_content, "record-changed"),
        (_fewer, "other-records"),
        (_salt, "another-entry"),
        (_entry, "another-entry"),
        (_swap, "record-changed"),
        (_request, "another-request"),
        (_manifest, "another-signer"),
        (_form, "unreadable"),
    ],
)
def test_what_does_not_verify_is_not_handed_on(
    network: Network, ada: Patient, change: Callable[[dict[str, Any]], None], code: str
) -> None:
    network.consent(ada, "north", "south")
    forge(change, network)
    with pytest.raises(NotGenuineError) as caught:
        get(network, ada.account)
    assert caught.value.code == code
    south = network["south"]
    (alarm,) = south.rows(store.alarm)
    assert (alarm.code, alarm.subject) == ("release-not-genuine", "north")
    (half,) = written(south, "disclosure-received/1")
    assert (half.outcome, half.code, half.records) == ("refused", code, [])
    # What south owes is discharged by saying so: a source cannot make a recipient look late with rubbish.
    network.anchor()
    with network.engine.view() as view:
        owed = state.read(view, state.obligation_key("north", bytes.fromhex(half.obligation)), Obligation)
    assert owed is not None and owed.status == "settled"


def test_an_answer_signed_by_another_is_not_handed_on(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    carry = network.wires.carry

    def forged(caller: str, organisation: str, path: str, body: bytes) -> bytes:
        opened, _ = access.open_release(carry(caller, organisation, path, body))
        return access.seal_release(opened, network.keys["east"].sign_request(access.signed_message(opened)))

    network.wires.carry = forged  # type: ignore[method-assign]
    with pytest.raises(NotGenuineError) as caught:
        get(network, ada.account)
    assert caught.value.code == "bad-signature"


def test_many_threads_each_get_their_own_line(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    north, twice = network["north"], ask(network, ada.account)
    answers: list[bytes] = []
    refusals: list[Code] = []

    def run() -> None:
        for asked in (ask(network, ada.account), twice, ask(network, ada.account)):
            try:
                answers.append(release(network, asked))
            except Refusal as refusal:
                refusals.append(refusal.reason)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(answers), refusals) == (17, [Code.REQUEST_REPLAYED] * 7)
    opened = [codec.decode(access.open_release(answer)[0]) for answer in answers]
    lines = {value["disclosure"]["seq"]: value for value in opened}
    assert len(lines) == 17
    for disclosure in written(north, "disclosure/1"):
        obligation = obligation_of("north", "south", bytes.fromhex(disclosure.request.id))
        assert disclosure.obligation == obligation.hex()
    for value in opened:
        stated = manifests.decode(value["disclosure"]["manifest"])
        assert isinstance(stated, DisclosureManifest) and stated.request.id == value["request"].hex()


def test_every_code_has_a_sentence_and_hidden_ones_look_alike() -> None:
    assert set(SENTENCES) == set(Code)
    assert {code.outward for code in HIDDEN} == {Code.NOT_PERMITTED}
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())
    assert {Refusal(code).outward().code for code in HIDDEN} == {"not-permitted"}
