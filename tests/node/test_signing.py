"""Signed requests and answers: what counts, and everything that must not."""

import base64
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.peers import signing
from medrec.node.peers.signing import (
    WINDOW_MS,
    Nonces,
    RequestRefused,
    new_nonce,
    sign_answer,
    sign_request,
    verify_answer,
    verify_request,
)

from .wire import Wire

URL = "https://south.example/medrec/notices"
BODY = b"\x81\x01"


@pytest.fixture
def wire(tmp_path):
    made = Wire(tmp_path)
    yield made
    made.close()


class Sent:
    """A request of north to south, with its parts open to whoever stands in between."""

    def __init__(self, wire: Wire, *, at: int | None = None, keys: OrganisationKeys | None = None, random=bytes(16)):
        self.wire = wire
        self.method, self.url, self.body = "POST", URL, BODY
        nonce = new_nonce(wire.clock.now if at is None else at, random)
        self.headers = list(sign_request(keys or wire.keys["north"], "south", "POST", URL, BODY, nonce).items())
        self.me = "south"

    def set(self, name: str, value: str) -> None:
        self.headers = [(known, value if known == name else old) for known, old in self.headers]

    def get(self, name: str) -> str:
        return dict(self.headers)[name]

    def arrive(self, nonces: Nonces | None = None) -> str:
        now = self.wire.clock.now
        return verify_request(
            self.wire.directory, self.me, self.method, self.url, self.headers, self.body, now, nonces or Nonces(0)
        ).caller

    def refused(self, nonces: Nonces | None = None) -> str:
        with pytest.raises(RequestRefused) as caught:
            self.arrive(nonces)
        assert caught.value.sentence == signing.SENTENCES[caught.value.code]
        return caught.value.code


def test_a_signed_request_names_its_sender(wire):
    assert Sent(wire).arrive() == "north"


def test_a_request_counts_once(wire):
    nonces, request = Nonces(0), Sent(wire)
    assert request.arrive(nonces) == "north"
    assert request.refused(nonces) == "signature-replayed"
    assert Sent(wire, random=b"\x01" * 16).arrive(nonces) == "north"


def test_what_was_signed_cannot_be_altered(wire):
    def altered(**changes):
        request = Sent(wire)
        for name, value in changes.items():
            setattr(request, name, value)
        return request.refused()

    assert altered(body=b"\x81\x02") == "digest-mismatch"
    assert altered(body=b"") == "digest-mismatch"
    assert altered(method="PUT") == "signature-bad"
    assert altered(url=URL.replace("notices", "release")) == "signature-bad"
    assert altered(url=URL + "?a=1") == "signature-bad"
    assert altered(url=URL.replace("south", "helper")) == "signature-bad"
    assert altered(me="helper") == "wrong-recipient"


def test_a_body_with_a_matching_digest_is_still_not_the_signed_one(wire):
    request = Sent(wire)
    request.body = b"\x81\x02"
    request.set("content-digest", signing.content_digest(request.body))
    assert request.refused() == "signature-bad"


def test_a_recipient_cannot_be_put_in_place_of_another(wire):
    request = Sent(wire)
    request.me = "helper"
    request.set("medrec-to", "helper")
    assert request.refused() == "signature-bad"


@pytest.mark.parametrize("name", ["signature", "signature-input", "content-digest", "medrec-to"])
def test_a_missing_or_doubled_header_is_refused(wire, name):
    missing, doubled = Sent(wire), Sent(wire)
    missing.headers = [item for item in missing.headers if item[0] != name]
    doubled.headers.append((name.upper(), doubled.get(name)))
    expected = "signature-missing" if name.startswith("signature") else "signature-bad"
    assert missing.refused() == doubled.refused() == expected


def test_one_form_of_the_signature_input(wire):
    good = Sent(wire).get("signature-input")
    for bad in (
        good.replace("medrec=", "sig1="),
        good.replace('"@method" ', ""),
        good.replace('"@method" "@target-uri"', '"@target-uri" "@method"'),
        good + ';alg="hmac-sha256"',
        good.replace('tag="medrec"', 'tag="other"'),
        good + ", other=()",
        good.replace("created=", "created=0"),
        good.replace("created=", "created=-"),
        good + "\n",
        good.replace("north", "North"),
        good.replace("north", "n" * 33),
    ):
        assert bad != good
        request = Sent(wire)
        request.set("signature-input", bad)
        assert request.refused() == "signature-missing", bad


def test_one_form_of_the_signature(wire):
    request = Sent(wire)
    good = request.get("signature")
    last = good[-4]  # the 86th character carries four bits that decode to nothing
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    stray = good[:-4] + alphabet[alphabet.index(last) ^ 1] + "==:"
    assert base64.b64decode(stray[8:-1]) == base64.b64decode(good[8:-1])
    request.set("signature", stray)
    assert request.refused() == "signature-bad"
    request.set("signature", good + ", x=:AAAA:")
    assert request.refused() == "signature-missing"


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_ten_minutes_off_is_refused(wire, minutes):
    assert Sent(wire, at=wire.clock.now + minutes * 60_000).refused() == "signature-stale"


def test_the_window_is_two_minutes_both_ways(wire):
    for distance in (-WINDOW_MS, WINDOW_MS):
        assert Sent(wire, at=wire.clock.now + distance).arrive() == "north"
        beyond = distance + (1 if distance > 0 else -1)
        assert Sent(wire, at=wire.clock.now + beyond).refused() == "signature-stale"


def test_created_and_nonce_must_tell_one_time(wire):
    request = Sent(wire)
    second = wire.clock.now // 1000
    request.set("signature-input", request.get("signature-input").replace(str(second), str(second + 1)))
    assert request.refused() == "signature-stale"


def test_a_stranger_and_a_suspended_organisation_are_refused(wire):
    stranger = OrganisationKeys.from_seed("stranger", b"s" * 32)
    assert Sent(wire, keys=stranger).refused() == "unknown-organisation"
    impostor = OrganisationKeys.from_seed("north", b"i" * 32)
    assert Sent(wire, keys=impostor).refused() == "signature-bad"
    assert Sent(wire).arrive() == "north"
    wire.suspend("north")
    assert Sent(wire).refused() == "organisation-suspended"


def test_a_replaced_key_is_known_for_one(wire):
    old = wire.keys["north"]
    assert Sent(wire).arrive() == "north"
    new = wire.rotate("north", b"n" * 32)
    assert Sent(wire, keys=new).arrive() == "north"
    assert Sent(wire, keys=old).refused() == "key-retired"
    # A node that started after the change knows only that it does not verify.
    fresh = Wire.__new__(Wire)
    fresh.__dict__ = wire.__dict__ | {"directory": type(wire.directory)(wire.engine)}
    assert Sent(fresh, keys=old).refused() == "signature-bad"


def test_a_replaced_key_is_known_for_one_after_a_restart(wire):
    node, old = wire.nodes["south"], wire.keys["north"]
    assert node.directory.find("north") is not None
    # It is replaced twice: while the node runs, and while it is down.
    second = wire.rotate("north", b"n" * 32)
    assert node.directory.former_keys("north") == (bytes.fromhex(old.public()["ed25519"]),)
    node.store.close()
    wire.rotate("north", b"m" * 32)
    wire.nodes["south"] = node = wire.node("south")
    former = (bytes.fromhex(second.public()["ed25519"]), bytes.fromhex(old.public()["ed25519"]))
    assert node.directory.former_keys("north") == former
    again = Wire.__new__(Wire)
    again.__dict__ = wire.__dict__ | {"directory": node.directory}
    for keys in (old, second):
        assert Sent(again, keys=keys).refused() == "key-retired"


def test_an_unverified_request_takes_no_memory(wire):
    nonces, request = Nonces(0), Sent(wire)
    request.body = b"other"
    assert request.refused(nonces) == "digest-mismatch"
    request.body = BODY
    assert request.arrive(nonces) == "north"


def test_a_restart_forgets_no_request(wire):
    request = Sent(wire)
    assert request.arrive(Nonces(0)) == "north"
    wire.clock.now += 1
    restarted = Nonces(wire.clock.now)
    assert request.refused(restarted) == "signature-stale"
    assert Sent(wire).arrive(restarted) == "north"


def test_a_restart_forgets_no_request_of_a_clock_that_runs_ahead(wire):
    kept: dict[str, int] = {}
    first = Nonces(wire.clock.now, {}, kept.__setitem__)
    request = Sent(wire, at=wire.clock.now + 100_000)
    assert request.arrive(first) == "north"
    assert kept["north"] >= wire.clock.now + 100_000
    wire.clock.now += 5000
    restarted = Nonces(wire.clock.now, kept, kept.__setitem__)
    assert request.refused(restarted) == "signature-stale"
    wire.clock.now += 100_000
    assert request.refused(restarted) == "signature-stale"
    assert Sent(wire).arrive(restarted) == "north"


def test_a_request_ahead_is_not_taken_when_that_cannot_be_kept(wire):
    def broken(caller: str, until: int) -> None:
        raise OSError("the disk is full")

    nonces = Nonces(wire.clock.now, {}, broken)
    with pytest.raises(OSError, match="full"):
        Sent(wire, at=wire.clock.now + 1).arrive(nonces)


def test_one_durable_write_covers_many_requests_ahead(wire):
    writes: list[int] = []
    nonces = Nonces(wire.clock.now, {}, lambda caller, until: writes.append(until))
    for number in range(900):
        nonces.use("north", f"{number}", wire.clock.now + 1 + number, wire.clock.now)
    assert len(writes) == 1


def test_nonces_are_forgotten_when_they_cannot_count_any_more(wire):
    nonces = Nonces(0)
    now = wire.clock.now
    for second in range(600):
        for number in range(3):
            nonces.use("north", f"{second} {number}", now + second * 1000, now + second * 1000)
    assert nonces._count <= 3 * 122
    assert nonces._count == sum(map(len, nonces._by_second.values()))


def test_a_clock_that_goes_back_lets_nothing_in_twice(wire):
    nonces, request = Nonces(0), Sent(wire)
    assert request.arrive(nonces) == "north"
    start = wire.clock.now
    wire.clock.now += WINDOW_MS + 2000
    assert Sent(wire, random=b"\x01" * 16).arrive(nonces) == "north"
    wire.clock.now = start + 1000
    assert request.refused(nonces) in ("signature-stale", "signature-replayed")


def test_memory_has_an_end(wire, monkeypatch):
    monkeypatch.setattr(signing, "NONCES_MAX", 2)
    nonces = Nonces(0)
    for number in range(2):
        assert Sent(wire, random=bytes([number]) * 16).arrive(nonces) == "north"
    assert Sent(wire, random=b"\x09" * 16).refused(nonces) == "too-many-requests"


def answered(wire, request: Sent, status=200, body=b"answer", keys=None):
    return list(sign_answer(keys or wire.keys["south"], status, body, request.headers).items())


def test_an_answer_is_bound_to_its_request_status_and_body(wire):
    request, other = Sent(wire), Sent(wire, random=b"\x01" * 16)
    headers = answered(wire, request)

    def check(status=200, body=b"answer", of=request, fields=headers, organisation="south") -> str | None:
        try:
            verify_answer(wire.directory, organisation, status, fields, body, dict(of.headers))
        except RequestRefused as error:
            return error.code
        return None

    assert check() is None
    assert check(status=403) == "signature-bad"
    assert check(body=b"altered") == "digest-mismatch"
    assert check(of=other) == "signature-bad"
    assert check(organisation="helper") == "signature-bad"
    assert check(fields=[]) == "signature-missing"
    assert check(fields=answered(wire, request, keys=wire.keys["helper"])) == "signature-bad"
    # The request's own headers, sent back, are no answer.
    assert check(fields=request.headers, body=BODY) == "signature-missing"
    wire.suspend("south")
    assert check() == "organisation-suspended"


def test_an_answer_with_the_nonce_but_another_request_signature_does_not_count(wire):
    request, altered = Sent(wire), Sent(wire)
    altered.set("signature", Sent(wire, random=b"\x01" * 16).get("signature"))
    with pytest.raises(RequestRefused, match="does not verify"):
        verify_answer(wire.directory, "south", 200, answered(wire, altered), b"answer", dict(request.headers))


def test_an_unsigned_request_gets_an_unsigned_answer(wire):
    assert sign_answer(wire.keys["south"], 401, b"", []) == {}


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["signature", "signature-input", "content-digest", "medrec-to"]), st.text()))
def test_no_header_breaks_the_reader(tmp_path_factory, fields):
    directory = SimpleNamespace(find=lambda name: None, former_keys=lambda name: ())
    with pytest.raises(RequestRefused):
        verify_request(directory, "south", "POST", URL, fields.items(), BODY, 1, Nonces(0))


def test_another_implementation_of_the_rfc_verifies_ours(wire):
    library = pytest.importorskip("http_message_signatures", reason="http-message-signatures is not installed")
    import datetime
    import time

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    class Keys(library.HTTPSignatureKeyResolver):
        def resolve_public_key(self, key_id: str):
            found = wire.directory.find(key_id)
            return Ed25519PublicKey.from_public_bytes(found.keys.ed25519)

    verifier = library.HTTPMessageVerifier(signature_algorithm=library.algorithms.ED25519, key_resolver=Keys())
    wire.clock.now = time.time_ns() // 1_000_000  # the library reads the machine's clock
    sent = Sent(wire)
    request = SimpleNamespace(method="POST", url=URL, headers=dict(sent.headers))
    results = verifier.verify(request, expect_tag="medrec", body=BODY, max_age=datetime.timedelta(minutes=2))
    assert [result.parameters["keyid"] for result in results] == ["north"]
    answer = SimpleNamespace(status_code=200, headers=dict(answered(wire, sent)), request=request)
    results = verifier.verify(answer, expect_tag="medrec", body=b"answer", max_age=datetime.timedelta(minutes=2))
    assert [result.parameters["keyid"] for result in results] == ["south"]
    answer.status_code = 403
    with pytest.raises(library.InvalidSignature):
        verifier.verify(answer, expect_tag="medrec", body=b"answer")
