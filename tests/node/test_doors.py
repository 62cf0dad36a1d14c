"""The other two doors: a referral pushed to a provider, and a page of the source that somebody looks at."""

import re
import secrets
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from medrec.core import codec
from medrec.node.keeping import store
from medrec.node.keeping.account_keys import account_secret
from medrec.node.looks.halves import unmatched
from medrec.node.peers.peers import Fault, PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release import views
from medrec.node.release.practitioners import Practitioner
from medrec.node.release.receive import close_failed
from medrec.node.release.referrals import REFERRAL_PATH, Referral, providers, referral_taken
from medrec.node.release.view_page import view_routes
from medrec.node.release.views import Shown, view_at
from tests.node.network import HOUR, Network, Patient
from tests.node.test_gate import BLOOD_PRESSURE, codes, written
from tests.node.test_gate import ada as ada
from tests.node.test_gate import network as network


def refer(network: Network, ada: Patient, to: str = "south", **wanted: Any) -> Referral:
    north = network["north"]
    doctor: Practitioner = north.doctor("Dr North")
    return north.referrals.refer(ada.account, to, practitioner=doctor, reason="Please see her heart", **wanted)


def status(network: Network) -> list[str]:
    return [one.status for one in network["north"].referrals.sent()]


# --- push ----------------------------------------------------------------------------------------------------------


def test_a_referral_is_delivered_and_acknowledged(network: Network, ada: Patient) -> None:
    north, south = network["north"], network["south"]
    network.consent(ada, "north", "south")
    sent = refer(network, ada, ids=("bp",))
    assert (sent.status, sent.recipient) == ("waiting", "south")
    (disclosure,) = written(north, "disclosure/1")
    assert (disclosure.request.door, disclosure.request.requester) == ("push", "south")
    assert north.referrals.step(network.time) == 1
    assert status(network) == ["delivered"]
    (taken,) = south.referrals.taken()
    assert (taken.source, taken.practitioner, taken.reason) == ("north", "Dr North", "Please see her heart")
    assert [(kind, name) for kind, name, _ in taken.records] == [("Observation", "bp")]
    assert b"120.00" in taken.records[0][2]
    (half,) = written(south, "disclosure-received/1")
    assert (half.outcome, half.records, half.obligation) == ("received", disclosure.records, disclosure.obligation)
    network.anchor()
    assert unmatched(north) == []  # type: ignore[arg-type]


def test_only_providers_of_the_directory_are_referred_to(network: Network, ada: Patient) -> None:
    assert [one.id for one in providers(network["north"])] == ["east", "south"]  # type: ignore[arg-type]
    for name in ("guide", "nowhere", "north"):
        with pytest.raises(Refusal) as caught:
            refer(network, ada, name)
        assert caught.value.reason is Code.NOT_A_PROVIDER
    # Whoever is on the ledger has a line; "nowhere" is nobody.
    assert codes(network["north"]) == ["not-a-provider"] * 2


def test_a_push_to_a_suspended_provider_has_a_line_and_sends_nothing(network: Network, ada: Patient) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")
    network.vote({"change": "suspend", "id": "south"})
    with pytest.raises(Refusal) as caught:
        refer(network, ada)
    assert caught.value.reason is Code.NOT_A_PROVIDER
    (line,) = written(north, "refusal/1")
    assert (line.code, line.account, line.obligation) == ("not-a-provider", ada.account, None)
    assert (line.request.door, line.request.requester) == ("push", "south")
    assert written(north, "disclosure/1") == [] and north.referrals.sent() == []


def test_without_her_permission_nothing_is_referred(network: Network, ada: Patient) -> None:
    with pytest.raises(Refusal) as caught:
        refer(network, ada)
    assert caught.value.reason is Code.NOT_PERMITTED
    assert codes(network["north"]) == ["no-consent"] and status(network) == ["stopped"]
    assert network["north"].referrals.step(network.time) == 0
    assert network["south"].referrals.taken() == []


def test_a_provider_that_is_away_gets_it_later(network: Network, ada: Patient) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")
    refer(network, ada)
    network.wires.fault = lambda caller, organisation, path: Fault(drop=True)
    for attempt in range(1, 4):
        assert north.referrals.step(network.time) == 0
        (sent,) = north.referrals.sent()
        assert (sent.status, sent.attempts) == ("waiting", attempt) and "cannot be reached" in sent.trouble
        assert sent.due > network.time
        # Before its time it is not tried again.
        assert north.referrals.step(sent.due - 1) == 0 and north.referrals.sent()[0].attempts == attempt
        network.time = sent.due
    network.wires.fault = lambda caller, organisation, path: Fault()
    assert north.referrals.step(network.time) == 1 and status(network) == ["delivered"]
    assert len(written(north, "disclosure/1")) == 1


def test_a_lost_answer_brings_it_twice_and_it_is_kept_once(network: Network, ada: Patient) -> None:
    north, south = network["north"], network["south"]
    network.consent(ada, "north", "south")
    refer(network, ada)
    network.wires.fault = lambda caller, organisation, path: Fault(drop_answer=True)
    assert north.referrals.step(network.time) == 0
    network.wires.fault = lambda caller, organisation, path: Fault()
    network.time += HOUR // 60
    north = network.crash("north")
    assert north.referrals.step(network.time) == 1
    assert len(south.referrals.taken()) == len(written(south, "disclosure-received/1")) == 1
    assert len(written(north, "disclosure/1")) == 1


def test_what_is_taken_back_before_it_is_delivered_does_not_leave(network: Network, ada: Patient) -> None:
    north, south = network["north"], network["south"]
    secret = network.consent(ada, "north", "south")
    refer(network, ada)
    network.take_back(ada, "north", secret)
    assert north.referrals.step(network.time) == 0
    assert status(network) == ["stopped"] and south.referrals.taken() == []
    (refusal,) = written(north, "refusal/1")
    (disclosure,) = written(north, "disclosure/1")
    assert (refusal.code, refusal.obligation) == ("no-consent", disclosure.obligation)
    # The provider knows that something was written down, and states that nothing came.
    assert [half.outcome for half in written(south, "disclosure-received/1")] == ["nothing"]
    network.anchor()
    assert unmatched(north) == []  # type: ignore[arg-type]


def test_a_record_that_changed_meanwhile_does_not_leave(network: Network, ada: Patient) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")
    refer(network, ada)
    north.put("Observation", "bp", BLOOD_PRESSURE.replace("120.00", "130.0"), origin="later")
    assert north.referrals.step(network.time) == 0
    assert status(network) == ["stopped"] and codes(north) == ["record-altered"]


def test_a_referral_of_an_undone_link_stops_no_other(network: Network, ada: Patient) -> None:
    north = network["north"]
    bob = network.patient("bob", "north")
    north.put("Observation", "bobs", BLOOD_PRESSURE.replace('"bp"', '"bobs"').replace("Patient/ada", "Patient/bob"))
    network.consent(ada, "north", "south")
    network.consent(bob, "north", "east")
    network.wires.fault = lambda caller, organisation, path: Fault(drop=organisation == "south")
    refer(network, ada)
    assert north.referrals.step(network.time) == 0
    assert north.linker.unlink("ada")
    network.time += 1000
    north.referrals.refer(bob.account, "east", practitioner=north.doctor("Dr North"), reason="Please see his heart")
    network.time = max(one.due for one in north.referrals.sent())
    assert north.referrals.step(network.time) == 1
    assert {one.recipient: one.status for one in north.referrals.sent()} == {"east": "delivered", "south": "waiting"}


def test_what_nobody_foresaw_about_one_referral_stops_no_other(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = network["north"]
    network.consent(ada, "north", "south", "east")
    refer(network, ada, "east")
    refer(network, ada, "south")
    repeat = north.gate.repeat

    def broken(caller: str, *rest: Any) -> Any:
        if caller == "east":
            raise RuntimeError("the text of a record")
        return repeat(caller, *rest)

    monkeypatch.setattr(north.gate, "repeat", broken)
    # The fault is raised for the node's page to tell, when the others have been tried.
    with pytest.raises(RuntimeError):
        north.referrals.step(network.time)
    found = {one.recipient: one for one in north.referrals.sent()}
    assert found["south"].status == "delivered" and len(network["south"].referrals.taken()) == 1
    assert (found["east"].status, found["east"].attempts) == ("waiting", 1) and found["east"].due > network.time
    assert "RuntimeError" in found["east"].trouble and "record" not in found["east"].trouble


@pytest.mark.parametrize("answer", [b"\xff", codec.encode([]), codec.encode({"outcome": 1}), codec.encode({})])
def test_an_answer_that_says_nothing_is_no_receipt(network: Network, ada: Patient, answer: bytes) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")
    refer(network, ada)
    carry, network.wires.carry = network.wires.carry, lambda *call: answer  # type: ignore[method-assign]
    assert north.referrals.step(network.time) == 0
    (sent,) = north.referrals.sent()
    assert (sent.status, sent.attempts) == ("waiting", 1) and "does not say" in sent.trouble
    network.wires.carry = carry  # type: ignore[method-assign]
    assert north.referrals.step(sent.due) == 1


def test_what_is_being_decided_is_left_alone_by_the_loop(network: Network, ada: Patient) -> None:
    north, met = network["north"], []
    network.consent(ada, "north", "south")

    def beside(name: str) -> None:
        if name == "decide":
            met.append(north.referrals.step(network.time))

    north.gate.step = beside
    assert refer(network, ada).status == "waiting"
    # Else the loop would have used up the request, and she who refers would be told that it was sent twice.
    assert met == [0] and len(written(north, "disclosure/1")) == 1 and codes(north) == []
    assert north.referrals.step(network.time) == 1 and status(network) == ["delivered"]


def test_a_forged_referral_is_refused_with_an_alarm(network: Network, ada: Patient) -> None:
    north, south, carry = network["north"], network["south"], network.wires.carry
    network.consent(ada, "north", "south")
    refer(network, ada)

    def forged(caller: str, organisation: str, path: str, body: bytes) -> bytes:
        return carry(caller, organisation, path, body.replace(b"120.00", b"120.01"))

    network.wires.carry = forged  # type: ignore[method-assign]
    assert north.referrals.step(network.time) == 0 and status(network) == ["refused"]
    assert [alarm.code for alarm in south.rows(store.alarm)] == ["release-not-genuine"]
    assert [half.outcome for half in written(south, "disclosure-received/1")] == ["refused"]
    assert south.referrals.taken() == []


def test_what_is_no_referral_is_refused(network: Network, ada: Patient) -> None:
    for body in (b"", codec.encode([b"", b""]), secrets.token_bytes(60)):
        with pytest.raises(PeerError) as caught:
            network["east"].peers.call("south", REFERRAL_PATH, body)
        assert caught.value.code == "malformed"


# --- view ----------------------------------------------------------------------------------------------------------


def look(network: Network, ada: Patient, by: str = "south", **wanted: Any) -> str:
    node = network[by]
    return view_at(node, "north", ada.account, practitioner=node.doctor(), reason="She is here", **wanted)  # type: ignore[arg-type]


def shown(network: Network, address: str) -> Shown:
    assert address.startswith("https://north.example/view/")
    return network["north"].views.open(address.rpartition("/")[2])


def test_a_page_is_looked_at_and_nothing_is_copied(network: Network, ada: Patient) -> None:
    north, south = network["north"], network["south"]
    network.consent(ada, "north", "south", types=("Observation",))
    address = look(network, ada)
    assert written(north, "disclosure/1") == []
    page = shown(network, address)
    assert [(kind, name) for kind, name, _ in page.records] == [("Observation", "bp")] and not page.more
    (disclosure,) = written(north, "disclosure/1")
    assert (disclosure.request.door, disclosure.request.practitioner) == ("view", "Dr South")
    assert [record.id for record in disclosure.records] == ["bp"]
    # Her organisation states that it was looked at as soon as the line is on the ledger, and has nothing of it.
    assert close_failed(south) == 0  # type: ignore[arg-type]
    north.anchor()
    assert close_failed(south) == 1  # type: ignore[arg-type]
    (half,) = written(south, "disclosure-received/1")
    assert (half.outcome, half.records) == ("viewed", [])
    network.anchor()
    assert unmatched(north) == []  # type: ignore[arg-type]


def test_an_address_opens_once_and_not_for_long(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    first, second = look(network, ada), look(network, ada)
    shown(network, first)
    with pytest.raises(Refusal) as caught:
        shown(network, first)
    assert caught.value.reason is Code.TICKET_UNKNOWN
    network["north"].anchor()
    network.time += HOUR
    with pytest.raises(Refusal) as caught:
        shown(network, second)
    assert caught.value.reason is Code.REQUEST_EXPIRED
    assert len(written(network["north"], "disclosure/1")) == 1


def test_what_is_not_permitted_is_not_shown(network: Network, ada: Patient) -> None:
    address = look(network, ada)
    with pytest.raises(Refusal) as caught:
        shown(network, address)
    assert caught.value.reason is Code.NOT_PERMITTED and codes(network["north"]) == ["no-consent"]
    secret = network.consent(ada, "north", "south")
    address = look(network, ada)
    network.take_back(ada, "north", secret)
    with pytest.raises(Refusal) as caught:
        shown(network, address)
    assert caught.value.reason is Code.NOT_PERMITTED
    assert written(network["north"], "disclosure/1") == []


def test_a_ticket_needs_a_request_in_order(network: Network, ada: Patient) -> None:
    with pytest.raises(PeerError) as caught:
        look(network, ada, purpose="NOTHING")
    assert caught.value.code == "purpose-unknown"
    assert codes(network["north"]) == ["purpose-unknown"]


def test_the_page_opens_with_a_press_and_not_by_being_fetched(network: Network, ada: Patient) -> None:
    north: Any = network["north"]
    network.consent(ada, "north", "south")
    client = TestClient(Starlette(routes=view_routes(north)), base_url="https://north.example")
    address = look(network, ada).removeprefix("https://north.example")
    for _ in range(2):
        asked = client.get(address)
        assert asked.status_code == 200 and "Look now" in asked.text
        assert "Observation" not in asked.text and "/bp" not in asked.text
        # What asks only for the head of a page, as a scanner of links does, opens nothing either.
        assert client.head(address).status_code == 200
    policy, style = asked.headers["content-security-policy"], re.findall("<style>(.*?)</style>", asked.text)
    assert [f"'sha256-{b64encode(sha256(one.encode()).digest()).decode()}'" in policy for one in style] == [True]
    assert written(north, "disclosure/1") == []
    shown = client.post(address)
    assert shown.status_code == 200 and "Dr South of south" in shown.text and "(bp)" in shown.text
    assert shown.headers["cache-control"] == "no-store" and "script" not in shown.text
    assert len(written(north, "disclosure/1")) == 1
    again = client.post(address)
    assert again.status_code == 404 and "opened before" in again.text
    # A ticket that never was looks the same until it is pressed.
    assert client.get("/view/" + "0" * 64).text == asked.text
    assert client.post("/view/" + "0" * 64).text == again.text


def test_what_stands_in_a_record_stays_text(network: Network, ada: Patient) -> None:
    north: Any = network["north"]
    bad = BLOOD_PRESSURE.replace('"id":"bp"', '"id":"x","code":{"text":"<script>alert(1)</script>"}')
    north.put("Observation", "x", bad)
    network.consent(ada, "north", "south")
    client = TestClient(Starlette(routes=view_routes(north)))
    shown = client.post(look(network, ada).removeprefix("https://north.example"))
    assert shown.status_code == 200 and "<script" not in shown.text and "&lt;script" in shown.text


def test_one_organisation_cannot_take_all_tickets(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "TICKETS_MAX", 2)
    network.consent(ada, "north", "*")
    first = look(network, ada)
    look(network, ada)
    with pytest.raises(PeerError) as caught:
        look(network, ada)
    assert caught.value.code == "too-many-views" and codes(network["north"]) == ["too-many-views"]
    assert look(network, ada, by="east")
    shown(network, first)
    assert look(network, ada)


def test_one_referral_that_cannot_be_opened_keeps_no_other_from_being_seen(network: Network, ada: Patient) -> None:
    south = network["south"]
    bob = network.patient("bob", "north")
    network["north"].put(
        "Observation", "pulse", '{"resourceType":"Observation","id":"pulse","subject":{"reference":"Patient/bob"}}'
    )
    for person in (ada, bob):
        network.consent(person, "north", "south")
        refer(network, person)
    assert network["north"].referrals.step(network.time) == 2
    assert (len(south.referrals.taken()), south.referrals.taken_here().shut) == (2, 0)
    row = next(one for one in south.rows(account_secret) if one.account == ada.account)
    south.vault.destroy(row.secret)
    assert [one.account for one in south.referrals.taken()] == [bob.account] and south.referrals.taken_here().shut == 1
    # Nor does one whose bytes were changed.
    changed = referral_taken.update().where(referral_taken.c.account == bob.account).values(sealed=b"x" * 40)
    south.store.write(lambda connection: connection.execute(changed))
    assert south.referrals.taken_here() == ([], 2)
