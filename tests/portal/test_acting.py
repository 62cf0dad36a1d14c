"""Acting for somebody else: what a helper sees, that both names are written down, and how fast it ends."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from medrec.core.manifests.access import LogReadManifest
from medrec.core.manifests.delegation import (
    ActingManifest,
    DelegationRest,
    DelegationRestManifest,
    delegation_rest_message,
)
from medrec.node.account import recovery, resting, staff
from medrec.node.account.attested import WAIT_MS
from medrec.node.account.claims import Closed, Why
from medrec.node.account.devices import sign_in_message
from medrec.node.account.parents import attest
from medrec.node.keeping import store
from medrec.node.refusals import Code, Refusal
from medrec.portal import words
from medrec.portal.page import Area
from medrec.portal.people import handle
from medrec.portal.sign_in import from_text, to_text
from medrec.portal.table import PAGES
from tests.node.helping import DAY, Help
from tests.node.network import Patient
from tests.node.test_list_sources import medication, pointing
from tests.portal.rescue import Holder, authenticator
from tests.portal.story import observation
from tests.portal.test_sign_in import csrf_of, visitor

YEAR = 366 * DAY


@pytest.fixture
def help_(tmp_path: Path) -> Iterator[Help]:
    made = Help(tmp_path)
    yield made
    made.close()


def signed_in(help_: Help, who: Patient) -> TestClient:
    """A person signs in with a key that is no passkey."""
    client = visitor(help_.story)
    asked = client.post("/sign-in/challenge", json={}).json()
    message = sign_in_message(help_.network.id, "guide", from_text(asked["nonce"], 32))
    body = {
        "nonce": asked["nonce"],
        "account": who.account,
        "key": to_text(who.key.key_id),
        "signature": to_text(who.key.sign_transaction_id(message)),
    }
    assert client.post("/sign-in/answer", json=body).status_code == 200
    return client


def page(who: Patient) -> str:
    return f"/people/{handle(who.account)}"


def take_up(help_: Help, client: TestClient) -> Any:
    (held,) = help_.guide.delegates.of(help_.ada.account)
    token = csrf_of(client.get(page(help_.bo)).text)
    return client.post("/acting", data={"delegation": held.hash.hex(), "csrf": token})


def log_readings(help_: Help) -> list[tuple[str, str, int]]:
    """What stands in the agent's journal about readings of Ada's log, and has come to her."""
    help_.story.settle()
    told = [notice.manifest for notice in help_.guide.agent.notices(help_.ada.account)]
    found = [one for one in told if isinstance(one, LogReadManifest)]
    return [(one.by, one.reader, one.lines) for one in reversed(found)]


@pytest.mark.parametrize("where", ["home", "line", "receipt"])
def test_a_look_that_another_page_tells_of_is_read_too(help_: Help, where: str) -> None:
    help_.story.network["north"].put("Observation", "rec-1", observation("rec-1", "ada", "calm"))
    help_.network.consent(help_.ada, "north", "south")
    help_.story.ask(help_.ada, "Dr Snoop", "visit seventeen")
    help_.story.settle()
    help_.story.checkpoint("north", "south", "guide")
    tags = {
        row.kind: bytes(row.tag).hex() for row in help_.guide.rows(store.notice) if row.account == help_.ada.account
    }
    rest = "" if where == "line" else "/receipt.json"
    client = signed_in(help_, help_.ada)
    if where != "home":  # A line about a record is no look.
        assert client.get(f"{page(help_.ada)}/lines/{tags['record/1']}{rest}").status_code == 200
        assert log_readings(help_) == []
    path = "" if where == "home" else f"/lines/{tags['disclosure/1']}{rest}"
    for _ in range(2):
        shown = client.get(page(help_.ada) + path)
        assert shown.status_code == 200 and "Dr Snoop" in shown.text
    assert [(by, name) for by, name, _ in log_readings(help_)] == [("herself", "Ada")]


def test_that_she_read_who_looked_is_a_line_of_hers_once_while_she_is_signed_in(help_: Help) -> None:
    help_.name_bo()
    client = signed_in(help_, help_.ada)
    client.get(page(help_.ada))
    assert log_readings(help_) == []
    for _ in range(3):
        assert client.get(page(help_.ada) + "/looks").status_code == 200
    # One look in full is the log too; that there is none of this number is no reading.
    client.get(page(help_.ada) + "/looks/" + "0" * 32)
    assert log_readings(help_) == [("herself", "Ada", 0)]
    assert signed_in(help_, help_.ada).get(page(help_.ada) + "/looks").status_code == 200
    assert log_readings(help_) == [("herself", "Ada", 0)] * 2
    helper = signed_in(help_, help_.bo)
    helper.get(page(help_.bo) + "/looks")
    assert take_up(help_, helper).status_code == 303
    for _ in range(2):
        assert helper.get(page(help_.ada) + "/looks").status_code == 200
    assert log_readings(help_)[2:] == [("delegate", "Bo", 0)]


def test_a_helper_sees_her_page_and_both_names_are_written_down(help_: Help) -> None:
    help_.name_bo()
    client = signed_in(help_, help_.bo)
    assert client.get(page(help_.ada)).status_code == 404
    before = client.cookies["__Host-medrec"]
    answer = take_up(help_, client)
    assert answer.status_code == 303 and answer.headers["location"] == page(help_.ada)
    assert client.cookies["__Host-medrec"] != before
    shown = client.get(page(help_.ada))
    assert shown.status_code == 200 and "You are acting for" in shown.text
    assert client.get(page(help_.bo)).status_code == 404
    client.get(page(help_.ada))
    client.get(page(help_.ada) + "/looks")
    acts = [line for line in help_.told(help_.ada.account) if isinstance(line, ActingManifest)]
    assert {act.name for act in acts} == {"Bo Berg for Ada"}
    # Each page once, beside the taking up.
    assert [act.subject for act in acts] == ["", "read:person", "read:looked"]
    mine = signed_in(help_, help_.ada)
    told = re.sub("<[^>]+>|[\u2066-\u2069]", "", mine.get(page(help_.ada) + "/helping").text)
    assert "Bo Berg for Ada: read “Who looked”" in told and "Bo Berg for Ada: began to act" in told
    token = csrf_of(shown.text)
    assert client.post("/acting/end", data={"csrf": token}).headers["location"] == page(help_.bo)
    assert client.get(page(help_.ada)).status_code == 404


def test_a_dismissed_helper_is_out_with_the_next_request_and_keeps_her_own_page(help_: Help) -> None:
    secret = help_.name_bo()
    client = signed_in(help_, help_.bo)
    take_up(help_, client)
    assert client.get(page(help_.ada)).status_code == 200
    help_.end(secret)
    assert client.get(page(help_.ada)).status_code == 404
    assert client.get(page(help_.bo)).status_code == 200
    assert take_up(help_, client).status_code == 403


def test_nobody_takes_up_what_is_not_hers(help_: Help) -> None:
    help_.name_bo()
    eve = help_.network.patient("eve")
    client = signed_in(help_, eve)
    (held,) = help_.guide.delegates.of(help_.ada.account)
    token = csrf_of(client.get(page(eve)).text)
    assert client.post("/acting", data={"delegation": held.hash.hex(), "csrf": token}).status_code == 403
    assert client.post("/acting", data={"delegation": "zz", "csrf": token}).status_code == 400
    assert client.post("/acting", data={"delegation": held.hash.hex(), "csrf": "x"}).status_code == 403
    assert visitor(help_.story).post("/acting", data={"delegation": held.hash.hex()}).status_code == 401
    assert client.get(page(help_.ada)).status_code == 404


def test_a_helper_without_the_right_to_look_sees_nothing(help_: Help) -> None:
    help_.name_bo(rights=["add"])
    client = signed_in(help_, help_.bo)
    assert take_up(help_, client).status_code == 403


def test_a_helper_for_some_kinds_sees_these_and_no_trace_of_the_others(help_: Help) -> None:
    with_records(help_)
    help_.name_bo(types=["Observation"])
    client = signed_in(help_, help_.bo)
    assert take_up(help_, client).status_code == 303
    own = page(help_.ada)
    heeding = (
        "",
        "/record",
        "/record/kinds/results",
        "/timeline",
        "/list",
        "/summary",
        "/summary.fhir.json",
        "/more",
        "/corrections",
    )
    for path in (*heeding, "/record/kinds/problems", "/record/kinds/letters", "/writing"):
        answer = client.get(own + path)
        assert answer.status_code == 200, path
        # A section of the summary that holds nothing says so with a type of its own.
        for trace in ("quivering", '"c-1"', "south"):
            assert trace not in answer.text.lower(), (path, trace)
    assert "120/80" in client.get(own + "/timeline").text
    shut = ("/looks", "/sharing", "/helping", "/keys", "/hidden", "/settings", "/card", "/news", "/requests")
    for path in (*shut, "/guardians", "/choices", "/share"):
        assert client.get(own + path).status_code == 403, path
    seen = {"Observation": 200, "Condition": 404}
    for copy in help_.guide.copies.all(help_.ada.account):
        if copy.type in seen:
            assert client.get(f"{own}/lines/{copy.tag.hex()}").status_code == seen[copy.type], copy.type
            # What is wrong with it she may say of these kinds, too, and of no other.
            asked = f"{own}/corrections?line={copy.tag.hex()}"
            assert client.get(asked).status_code == seen[copy.type], copy.type
    # What she may not see is there all the same.
    mine = signed_in(help_, help_.ada)
    assert "Quivering" in mine.get(own + "/timeline").text and "South" in mine.get(own + "/record").text


def test_a_helper_for_some_kinds_sees_the_medicine_that_these_point_at_and_no_other(help_: Help) -> None:
    for name in ("m", "n"):
        help_.north.put("Medication", name, medication(name, "digoxin 0.25 mg tablet"))
        order = json.loads(pointing(name, f"Medication/{name}"))
        kind = "MedicationRequest" if name == "m" else "MedicationAdministration"
        help_.north.put(kind, name, json.dumps(order | {"resourceType": kind}))
    help_.network.consent(help_.ada, "north", "guide")
    help_.story.settle()
    help_.guide.copies.refresh(help_.ada.account)
    help_.name_bo(types=["MedicationRequest"])
    client = signed_in(help_, help_.bo)
    assert take_up(help_, client).status_code == 303
    copies = [copy for copy in help_.guide.copies.all(help_.ada.account) if copy.type == "Medication"]
    opened = {copy.id: client.get(f"{page(help_.ada)}/lines/{copy.tag.hex()}").status_code for copy in copies}
    assert opened == {"m": 200, "n": 404}


def with_records(help_: Help) -> None:
    """A blood pressure at north and an illness at south, both with Ada's agent."""
    condition = (
        '{"resourceType":"Condition","id":"c-1","subject":{"reference":"Patient/ada"},"code":{"text":"QUIVERING"}}'
    )
    help_.north.put("Observation", "bp-1", observation("bp-1", "ada", "120/80"))
    south: Any = help_.network["south"]
    south.put("Condition", "c-1", condition)
    help_.story.settle()
    for place in ("north", "south"):
        help_.network.consent(help_.ada, place, "guide")
    help_.story.settle()
    readings = help_.guide.copies.refresh(help_.ada.account)
    assert sum(reading.records for reading in readings) == 2
    help_.story.settle()


def test_a_careless_son_who_may_only_look_changes_nothing(help_: Help) -> None:
    help_.name_bo(rights=["look"])
    client = signed_in(help_, help_.bo)
    take_up(help_, client)
    own = page(help_.ada)
    token = csrf_of(client.get(own).text)
    forms = [
        route.path for route in PAGES
        if "POST" in route.methods and route.area is Area.PERSON and route.name not in ("fetch", "signed")
    ]  # fmt: skip
    assert len(forms) > 15
    for path in forms:
        filled = re.sub(r"\{(?!person)[a-z]+\}", "0" * 32, path).replace("{person}", handle(help_.ada.account))
        answer = client.post(filled, data={"csrf": token, "do": "x", "answer": "expected", "pace": "quiet"})
        assert answer.status_code == 403, (path, answer.status_code)
    assert client.post("/helping", data={"csrf": token}).status_code in (400, 403)


def test_the_person_lets_a_helper_rest_and_go_on_and_the_helper_cannot(help_: Help) -> None:
    secret = help_.name_bo()
    (held,) = help_.guide.delegates.of(help_.ada.account)
    client = signed_in(help_, help_.bo)
    take_up(help_, client)
    assert client.get(page(help_.ada)).status_code == 200
    assert rest(help_, help_.ada, held.hash, "rest")
    assert client.get(page(help_.ada)).status_code == 404
    assert take_up(help_, client).status_code == 403
    (now,) = help_.guide.delegates.of(help_.ada.account)
    assert now.rests and not now.holds and now.ended is None
    help_.network.time += 1000
    with pytest.raises(Refusal) as no:
        rest(help_, help_.bo, held.hash, "go-on")
    assert no.value.reason is Code.BAD_SIGNATURE
    assert not help_.guide.delegates.of(help_.ada.account)[0].holds
    # An old word, sent again, is not her last one.
    assert rest(help_, help_.ada, held.hash, "go-on")
    assert not rest(help_, help_.ada, held.hash, "rest", help_.network.time - 1000)
    assert take_up(help_, signed_in(help_, help_.bo)).status_code == 303
    kinds = [line.stated.action for line in help_.told(help_.ada.account) if isinstance(line, DelegationRestManifest)]
    assert kinds == ["rest", "go-on"]
    assert not [line for line in help_.told(help_.bo.account) if isinstance(line, DelegationRestManifest)]
    assert help_.end(secret)


def rest(help_: Help, who: Patient, digest: bytes, action: Any, time: int | None = None) -> bool:
    """Somebody says that Bo's right rests, or goes on."""
    at = help_.network.time if time is None else time
    stated = DelegationRest(
        help_.network.id.hex(), help_.ada.account, at, digest.hex(), action, who.key.key_id.hex()
    )  # fmt: skip
    signature = who.key.sign_transaction_id(delegation_rest_message(stated))
    return resting.let_rest(help_.guide, msgspec.structs.replace(stated, signature=signature.hex()))


def test_a_right_that_nobody_used_for_five_years_goes_after_a_notice(help_: Help) -> None:
    born = datetime.fromtimestamp((help_.network.time - YEAR) / 1000, tz=UTC).date().isoformat()
    north: Any = help_.network["north"]
    help_.guide.delegates.take(
        attest(north, help_.delegation(b"s" * 32, basis="parental", born=born, until=help_.network.time + 6 * YEAR))
    )
    told: list[tuple[str, str]] = []
    help_.guide.teller = Told(told)
    help_.network.time += WAIT_MS
    (held,) = help_.guide.delegates.of(help_.ada.account)
    assert held.holds and resting.warn(help_.guide) == 0
    help_.network.time = held.goes - 31 * DAY
    assert resting.warn(help_.guide) == 0
    help_.network.time += 2 * DAY
    assert resting.warn(help_.guide) == 1
    assert told == [(help_.ada.account, "helper-unused"), (help_.bo.account, "helper-unused")]
    help_.network.time += DAY
    assert resting.warn(help_.guide) == 0
    assert help_.guide.delegates.of(help_.ada.account)[0].holds
    help_.network.time = held.goes
    assert help_.guide.delegates.of(help_.ada.account)[0].closed == Closed(Why.UNUSED)
    used = help_.guide.delegates.of(help_.ada.account)[0]
    resting.mark_used(help_.guide, used.hash, help_.ada.account)
    assert help_.guide.delegates.of(help_.ada.account)[0].holds


class Told:
    """A teller that remembers whom it told what."""

    def __init__(self, told: list[tuple[str, str]]) -> None:
        self.told = told

    def tell(self, account: str, kind: str) -> None:
        self.told.append((account, kind))


def test_a_parent_s_right_is_seen_to_rest_and_end_on_the_pages(help_: Help) -> None:
    born = datetime.fromtimestamp((help_.network.time - 11 * YEAR - 40 * DAY) / 1000, tz=UTC).date().isoformat()
    north: Any = help_.network["north"]
    young = help_.network.time
    until = young + 5 * YEAR
    old = help_.delegation(b"p" * 32, basis="parental", born=born, time=young - 2 * YEAR, until=until)
    help_.guide.delegates.take(attest(north, old))
    help_.network.time += WAIT_MS
    mine = signed_in(help_, help_.ada)
    assert words.HELPERS["review"] in mine.get(page(help_.ada) + "/helping").text
    parent = signed_in(help_, help_.bo)
    assert take_up(help_, parent).status_code == 303
    help_.network.time += 2 * YEAR
    assert take_up(help_, signed_in(help_, help_.bo)).status_code == 403
    shown = signed_in(help_, help_.ada).get(page(help_.ada) + "/helping").text
    assert words.HELPERS["closed_review"].split("{place}")[0] in shown
    assert words.HELPERS["review"] not in shown


def test_the_staff_of_a_helping_organisation_act_under_both_names_and_end_with_their_key(help_: Help) -> None:
    story, guide = help_.story, help_.guide
    nora = Holder(story, authenticator("Nora's key"), b"id of Nora")
    who, code = staff.invite(guide, "Nora Nurse", "helper")
    body = {"code": code.hex(), "id": to_text(nora.id), "authenticatorData": to_text(nora.key.registration(nora.id))}
    assert nora.client.post("/sign-in/register", json=body).json()["to"] == "/cases"
    help_.name_bo(delegate="guide", name="Helping Hands")
    (held,) = guide.delegates.of(help_.ada.account)
    # Not among the staff on the ledger: nobody to help.
    assert words.VOUCH["key_unknown"] in nora.get("/cases").text
    taken = nora.client.post("/acting", data={"delegation": held.hash.hex(), "csrf": csrf_of(nora.get("/cases").text)})
    assert taken.status_code == 403
    recovery.name_staff(guide, staff.credentials(guide, ("helper",)))
    assert "Ada" in nora.get("/cases").text
    fields = {"delegation": held.hash.hex(), "csrf": csrf_of(nora.get("/cases").text)}
    assert nora.client.post("/acting", data=fields).headers["location"] == page(help_.ada)
    assert "You are acting for" in nora.get(page(help_.ada)).text
    acts = [line for line in help_.told(help_.ada.account) if isinstance(line, ActingManifest)]
    assert {act.name for act in acts} == {"Nora Nurse (Helping Hands) for Ada"} and acts[0].delegate == "guide"
    refused = nora.client.post(page(help_.ada) + "/settings", data={"csrf": csrf_of(nora.get(page(help_.ada)).text)})
    assert refused.status_code == 403
    staff.dismiss(guide, who)
    assert nora.get(page(help_.ada)).status_code == 303


def test_a_key_signs_in_nobody_but_its_account(help_: Help) -> None:
    client = visitor(help_.story)
    asked = client.post("/sign-in/challenge", json={}).json()
    message = sign_in_message(help_.network.id, "guide", from_text(asked["nonce"], 32))
    body = {
        "nonce": asked["nonce"],
        "account": help_.ada.account,
        "key": to_text(help_.bo.key.key_id),
        "signature": to_text(help_.bo.key.sign_transaction_id(message)),
    }
    assert client.post("/sign-in/answer", json=body).status_code == 401
    asked = client.post("/sign-in/challenge", json={}).json()
    forged = {**body, "nonce": asked["nonce"], "key": to_text(help_.ada.key.key_id)}
    assert client.post("/sign-in/answer", json=forged).status_code == 401
