"""The FHIR API on a real port: signatures, credentials, clocks, replays; what is refused how, and what it leaves."""

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import UNSET

from medrec.core.records.canonical import canonical
from medrec.node.account.accounts import open_account
from medrec.node.consent.consents import write_consent
from medrec.node.fhir.client import fetch
from medrec.node.keeping.keys import PersonKey
from medrec.node.keeping.store import StoreError
from medrec.node.peers.signing import ASK, new_nonce, sign_request, verify_answer
from medrec.node.records.publish import Incoming
from medrec.node.release import access
from medrec.node.release.practitioners import PHYSICIAN
from tests.fhir.asking import observation
from tests.node.network import Records
from tests.node.test_gate import written
from tests.node.wire import Wire, asked

BP = observation("bp", "55284-4", "120.00", "2026-03-01")
MINUTE = 60_000


class Told:
    """South holds ada's blood pressure, and north may see it."""

    def __init__(self, folder: Path) -> None:
        from medrec.core.manifests.consent import Grant

        self.wire = Wire(folder)
        self.south: Any = self.wire.nodes["south"]
        self.north: Any = self.wire.nodes["north"]
        self.south.source = Records()
        self.south.source.raw["Observation", "bp"] = BP.encode()
        self.south.publisher.publish([Incoming("Observation", "bp", canonical(BP.encode()), "first")])
        helper: Any = self.wire.nodes["helper"]
        key = PersonKey.generate()
        self.account = open_account(self.wire.engine, self.wire.network, key, secrets.token_bytes)
        self.wire.serve("south", "helper")
        helper.agent.enroll(self.account, "Ada", secrets.token_bytes(32))

        def sign(message: bytes) -> tuple[bytes, bytes]:
            return key.key_id, key.sign_transaction_id(message)

        helper.agent.link(self.account, "south", self.south.linker.invite("ada"), sign)
        grant = Grant("permit", ["north"], [], None)
        self.secret = secrets.token_bytes(32)
        consent = write_consent(
            self.wire.network, "south", self.account, self.wire.clock.now, grant, self.secret, key.key_id, sign
        )
        self.south.consents.give(consent)
        self.doctor = self.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)

    def letter(self, path: str = "Observation/bp", *, at: int | None = None, keys: Any = None, **changes: Any) -> Any:
        """Address and headers of a signed GET."""
        now = self.wire.clock.now if at is None else at
        doctor = changes.pop("doctor", self.doctor)
        kind, _, identifier = path.partition("?")[0].partition("/")
        wanted = {"types": [kind], "ids": [identifier] if identifier else [], "query": path, **changes}
        request = doctor.request(secrets.token_bytes(16), "TREAT", "visit", **wanted)
        signed = doctor.ask(self.wire.network, "south", self.account, now + 2 * MINUTE, request)
        stated = base64.urlsafe_b64encode(access.encode(signed)).decode()
        url = f"{self.wire.endpoints['south']}/fhir/{path}"
        nonce = new_nonce(now, secrets.token_bytes(16))
        return url, sign_request(keys or self.wire.keys["north"], "south", "GET", url, b"", nonce, stated)

    def get(self, url: str, headers: dict[str, str]) -> httpx.Response:
        return asked("GET", url, headers=headers)

    def refused(self, url: str, headers: dict[str, str]) -> tuple[int, str]:
        response = self.get(url, headers)
        assert response.headers["content-type"] == "application/fhir+json"
        return response.status_code, response.json()["issue"][0]["details"]["coding"][0]["code"]

    def lines(self) -> list[tuple[str, str, str]]:
        """What is written down of calls that were refused."""
        return [(one.caller, one.path, one.code) for one in written(self.south, "call-refused/1")]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    made = Told(tmp_path)
    yield made
    made.wire.close()


def test_a_signed_read_is_answered_and_the_answer_is_signed(told: Told) -> None:
    url, headers = told.letter()
    response = told.get(url, headers)
    assert (response.status_code, response.content) == (200, canonical(BP.encode()).data)
    fields = response.headers.multi_items()
    verify_answer(told.wire.directory, "south", 200, fields, response.content, headers)
    (disclosure,) = written(told.south, "disclosure/1")
    assert response.headers["x-request-id"] == disclosure.request.id
    url, headers = told.letter("Observation?code=55284-4")
    assert told.get(url, headers).json()["total"] == 1


def test_the_capability_statement_is_for_everybody(told: Told) -> None:
    response = asked("GET", f"{told.wire.endpoints['south']}/fhir/metadata")
    stated = response.json()
    assert (response.status_code, stated["resourceType"], stated["fhirVersion"]) == (
        200,
        "CapabilityStatement",
        "4.0.1",
    )
    assert {item["type"] for item in stated["rest"][0]["resource"]} >= {"Observation", "Consent", "AuditEvent"}


def test_without_signature_or_ask_there_is_nothing(told: Told) -> None:
    url, headers = told.letter()
    assert told.refused(url, {}) == (401, "signature-missing")
    without = {name: value for name, value in headers.items() if name != ASK}
    assert told.refused(url, without) == (401, "signature-bad")
    nonce = new_nonce(told.wire.clock.now, secrets.token_bytes(16))
    unasked = sign_request(told.wire.keys["north"], "south", "GET", url, b"", nonce)
    assert told.refused(url, unasked) == (400, "malformed")
    # An ask that nobody signed along is not read.
    assert told.refused(url, {**unasked, ASK: headers[ASK]}) == (401, "signature-bad")
    assert written(told.south, "disclosure/1") == []


def test_what_was_signed_cannot_be_altered(told: Told) -> None:
    url, headers = told.letter()
    assert told.refused(url.replace("bp", "xx"), headers) == (401, "signature-bad")
    assert told.refused(url + "?_format=json", headers) == (401, "signature-bad")
    _, other = told.letter()
    assert told.refused(url, {**headers, ASK: other[ASK]}) == (401, "signature-bad")


def test_a_suspended_organisation_gets_nothing(told: Told) -> None:
    told.wire.suspend("north")
    assert told.refused(*told.letter()) == (403, "organisation-suspended")
    assert told.lines() == [("north", "/fhir", "organisation-suspended")]
    assert written(told.south, "disclosure/1") == []


def test_a_key_that_was_rotated_an_hour_ago_counts_no_more(told: Told) -> None:
    assert told.get(*told.letter()).status_code == 200
    old = told.wire.keys["north"]
    told.wire.rotate("north", b"\x09" * 32)
    told.wire.clock.now += 60 * MINUTE
    told.south.anchor()
    assert told.refused(*told.letter(keys=old)) == (401, "key-retired")
    assert told.lines() == [("north", "/fhir", "key-retired")]
    # The new key with a credential that the old one signed.
    assert told.refused(*told.letter()) == (403, "credential-key-retired")
    assert written(told.south, "refusal/1")[-1].code == "credential-key-retired"
    assert len(written(told.south, "disclosure/1")) == 1
    # The node signs it anew with the key it has now.
    told.north.keys = told.wire.keys["north"]
    assert told.get(*told.letter(doctor=told.north.practitioners.present("dr-north"))).status_code == 200


def test_a_request_counts_once(told: Told) -> None:
    url, headers = told.letter()
    assert told.get(url, headers).status_code == 200
    assert told.refused(url, headers) == (401, "signature-replayed")
    assert told.lines() == [("north", "/fhir", "signature-replayed")]
    # Signed anew by the organisation, the practitioner's request is still the same one.
    nonce = new_nonce(told.wire.clock.now, secrets.token_bytes(16))
    again = sign_request(told.wire.keys["north"], "south", "GET", url, b"", nonce, headers[ASK])
    assert told.refused(url, again) == (403, "request-replayed")
    assert written(told.south, "refusal/1")[-1].code == "request-replayed"
    assert len(written(told.south, "disclosure/1")) == 1


@pytest.mark.parametrize("off", [-10 * MINUTE, 10 * MINUTE])
def test_a_clock_that_is_ten_minutes_off(told: Told, off: int) -> None:
    assert told.refused(*told.letter(at=told.wire.clock.now + off)) == (401, "signature-stale")
    assert told.lines() == [("north", "/fhir", "signature-stale")]
    assert written(told.south, "disclosure/1") == []


def test_a_stranger_leaves_no_line(told: Told) -> None:
    url, headers = told.letter()
    altered = {**headers, "signature": "medrec=:" + "A" * 86 + "==:"}
    assert told.refused(url, altered) == (401, "signature-bad")
    assert told.lines() == []


def test_nobody_fills_the_journal_with_one_letter(told: Told) -> None:
    letter = told.letter()
    assert told.get(*letter).status_code == 200
    for _ in range(30):
        assert told.refused(*letter) == (401, "signature-replayed")
    assert len(told.lines()) == 20
    told.wire.clock.now += MINUTE
    assert told.refused(*letter) == (401, "signature-replayed")
    # One more counts the ten that have none.
    assert len(told.lines()) == 22
    assert [one.more for one in written(told.south, "call-refused/1")][20:] == [10, UNSET]


def test_a_node_asks_another_over_http(told: Told) -> None:
    told.wire.server.stop()  # type: ignore[union-attr]
    told.wire.serve("south", "north")
    found = fetch(
        told.north, "south", told.account, "Observation", "code=55284-4", practitioner=told.doctor, reason="visit"
    )
    assert found.resources == (("Observation/bp", canonical(BP.encode()).data),)
    assert [half.outcome for half in written(told.north, "disclosure-received/1")] == ["received"]


def test_no_address_of_the_api_is_logged(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="medrec.access"):
        assert told.get(*told.letter("Observation?code=55284-4")).status_code == 200
    assert "GET /fhir/... 200" in caplog.text and "55284" not in caplog.text


def test_a_refused_call_that_cannot_be_written_down_is_refused_with_a_code(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Any) -> Any:
        raise StoreError("disk-full", "The disk is full.")

    url, headers = told.letter(at=told.wire.clock.now - 10 * MINUTE)
    monkeypatch.setattr(told.south.store, "write", full)
    assert told.refused(url, headers) == (503, "unavailable")
    monkeypatch.undo()
    assert told.lines() == []
    url, headers = told.letter(at=told.wire.clock.now - 10 * MINUTE)
    assert told.refused(url, headers) == (401, "signature-stale")
    assert told.lines() == [("north", "/fhir", "signature-stale")]
