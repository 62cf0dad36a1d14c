"""Passkeys: every rule with a case on each side, the W3C's vectors, and laws that hold for every assertion."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
import webauthn_cases
from authenticator import BE, ORIGIN, RP, UP, UV, Authenticator, hash_of, high_s
from hypothesis import given, settings
from hypothesis import strategies as st
from webauthn_cases import CASES, DIGEST, Case

from medrec.core.credential import (
    Ed25519Credential,
    NewCredential,
    pack_proof,
    signed_by,
    unpack_proof,
    verify_account_signature,
)
from medrec.core.webauthn import Fault, NewPasskey, SignatureRefused, is_usable, low_s, read_client_data
from medrec.core.webauthn import read_registration as registered

SHARED = Path(os.environ.get("MEDREC_SHARED", Path(__file__).resolve().parents[3] / "shared"))
W3C = SHARED / "vectors" / "webauthn" / "webauthn-l3.json"


def credential(key: Authenticator) -> NewCredential:
    return msgspec.convert(key.credential, NewCredential, builtin_types=(bytes,))


def fault(made: NewCredential, digest: bytes, proof: list[Any]) -> Fault | None:
    try:
        verify_account_signature(made, digest, proof)
    except SignatureRefused as refused:
        return refused.fault
    return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.name}")
def test_case(case: Case) -> None:
    key, proof = case.make()
    assert fault(credential(key), DIGEST, proof) is case.fault


def test_every_fault_has_a_case_and_a_sentence_in_the_specification() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "spec" / "account.md").read_text(encoding="utf-8")
    for one in Fault:
        assert any(case.fault is one for case in CASES), one
        assert f"`{one.name}`" in text, one


def test_the_vectors_are_those_of_the_cases() -> None:
    assert webauthn_cases.FILE.read_text(encoding="utf-8") == webauthn_cases.document()


# The W3C's own assertions: what our rules say of each as it stands, and after the client brought it to low s.
W3C_VERDICTS: dict[str, tuple[Fault | str | None, Fault | str | None]] = {
    "none-es256": (Fault.USER_VERIFICATION, Fault.USER_VERIFICATION),
    "packed-self-es256": (Fault.USER_VERIFICATION, Fault.USER_VERIFICATION),
    "none-es256-crossOrigin": (Fault.CROSS_ORIGIN, Fault.CROSS_ORIGIN),
    "none-es256-topOrigin": (Fault.CROSS_ORIGIN, Fault.CROSS_ORIGIN),
    "none-es256-long-credential-id": (Fault.HIGH_S, None),
    "packed-es256": (Fault.HIGH_S, None),
    "packed-es384": ("algorithm", "algorithm"),
    "packed-es512": ("algorithm", "algorithm"),
    "packed-rs256": ("algorithm", "algorithm"),
    "packed-eddsa": (Fault.USER_VERIFICATION, Fault.USER_VERIFICATION),
    "packed-ed448": ("algorithm", "algorithm"),
    "tpm-es256": (Fault.HIGH_S, None),
    "android-key-es256": (Fault.USER_VERIFICATION, Fault.USER_VERIFICATION),
    "apple-es256": (Fault.USER_VERIFICATION, Fault.USER_VERIFICATION),
    "fido-u2f-es256": (Fault.USER_VERIFICATION, Fault.USER_VERIFICATION),
}


def w3c() -> list[dict[str, Any]]:
    if not W3C.exists():
        pytest.skip("the W3C's vectors (shared/vectors/webauthn) are not here")
    return json.loads(W3C.read_text(encoding="utf-8"))["cases"]


def w3c_credential(case: dict[str, Any]) -> NewCredential | str:
    data = bytes.fromhex(case["registration"]["authenticatorData"])
    # Some of them register without verifying the person; only the assertion is judged here.
    try:
        return registered(data[:32] + bytes([data[32] | UP | UV]) + data[33:], ["https://example.org"])
    except ValueError:
        return "algorithm"


def test_the_assertions_of_the_w3c() -> None:
    cases = w3c()
    assert {case["name"] for case in cases} == W3C_VERDICTS.keys()
    for case in cases:
        made, parts = w3c_credential(case), case["authentication"]
        verdicts: list[Fault | str | None] = []
        signature = bytes.fromhex(parts["signature"])
        for form in (signature, low_s(signature)):
            if isinstance(made, str):
                verdicts.append(made)
                continue
            data, client = bytes.fromhex(parts["authenticatorData"]), bytes.fromhex(parts["clientDataJSON"])
            verdicts.append(fault(made, bytes.fromhex(parts["challenge"]), ["webauthn", data, client, form]))
        assert tuple(verdicts) == W3C_VERDICTS[case["name"]], case["name"]


def test_a_signature_of_the_w3c_stops_holding_with_one_bit() -> None:
    for case in w3c():
        made, parts = w3c_credential(case), case["authentication"]
        if W3C_VERDICTS[case["name"]][1] is not None or isinstance(made, str):
            continue
        digest = bytes.fromhex(parts["challenge"])
        proof = ["webauthn", *(bytes.fromhex(parts[name]) for name in ("authenticatorData", "clientDataJSON"))]
        signature = low_s(bytes.fromhex(parts["signature"]))
        assert fault(made, digest, [*proof, signature]) is None
        assert fault(made, digest, [*proof, signature[:-1] + bytes([signature[-1] ^ 1])]) is not None


KEYS = [Authenticator("phone"), Authenticator("phone", alg=-8), Authenticator("tablet", flags=UP | UV | BE)]


@pytest.mark.parametrize("key", KEYS, ids=["es256", "eddsa", "synchronised"])
def test_every_single_bit_that_flips_is_refused(key: Authenticator) -> None:
    made, proof = credential(key), key.proof(DIGEST)
    assert fault(made, DIGEST, proof) is None
    for place in (1, 2, 3):
        for index in range(len(proof[place]) * 8):
            changed = bytearray(proof[place])
            changed[index // 8] ^= 1 << index % 8
            assert fault(made, DIGEST, [*proof[:place], bytes(changed), *proof[place + 1 :]]) is not None, (
                place,
                index,
            )


@given(st.integers(0, 255), st.integers(0, 2))
@settings(max_examples=50, deadline=None)
def test_another_digest_is_never_signed(bit: int, which: int) -> None:
    key = KEYS[which]
    other = bytearray(DIGEST)
    other[bit // 8] ^= 1 << bit % 8
    assert fault(credential(key), bytes(other), key.proof(DIGEST)) is Fault.CHALLENGE


@given(st.lists(st.binary(max_size=80), min_size=3, max_size=3))
@settings(max_examples=300, deadline=None)
def test_noise_is_refused_and_never_raises_anything_else(parts: list[bytes]) -> None:
    assert fault(credential(KEYS[0]), DIGEST, ["webauthn", *parts]) is not None


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.one_of(st.booleans(), st.none(), st.integers(), st.text())))
@settings(max_examples=200, deadline=None)
def test_our_reading_of_client_data_agrees_with_json_wherever_it_reads_at_all(members: dict[str, Any]) -> None:
    text = json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    try:
        read = read_client_data(text)
    except SignatureRefused:
        return
    assert {name.decode(): json.loads(value) for name, value in read.items()} == members


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_unpacking_gives_back_what_was_packed_or_refuses(data: bytes) -> None:
    try:
        proof = unpack_proof(data)
    except SignatureRefused:
        return
    assert pack_proof(proof) == data


def test_a_packed_proof_is_taken_back_apart() -> None:
    for key in KEYS:
        assert signed_by(credential(key), DIGEST, key.sign(DIGEST))
        assert not signed_by(credential(key), hash_of("other"), key.sign(DIGEST))
    assert not signed_by(Ed25519Credential(bytes(32)), DIGEST, KEYS[0].sign(DIGEST))
    assert unpack_proof(bytes(64)) == ["ed25519", bytes(64)]
    with pytest.raises(SignatureRefused):
        unpack_proof(b"\x82\x67ed25519\x58\x3f" + bytes(63))


def test_a_registration_becomes_a_credential() -> None:
    for key in KEYS:
        made = registered(key.registration(), [ORIGIN])
        assert made == credential(key) and made.rp == hash_of(RP)
    with pytest.raises(ValueError, match="neither"):
        registered(KEYS[0].registration()[:-70] + bytes(70), [ORIGIN])
    with pytest.raises(ValueError, match="verified"):
        registered(Authenticator("phone", flags=UP).registration(), [ORIGIN])
    off = bytearray(KEYS[0].registration())
    off[-1] ^= 1
    with pytest.raises(ValueError, match="curve"):
        registered(bytes(off), [ORIGIN])


def test_a_key_that_cannot_sign_is_known_for_one() -> None:
    good = registered(KEYS[0].registration(), [ORIGIN])
    change = msgspec.structs.replace
    assert is_usable(good)
    for bad in (
        change(good, key=good.key[:-1] + bytes([good.key[-1] ^ 1])),
        change(good, key=good.key[:33]),
        change(good, alg=-8),
        change(good, origins=[ORIGIN, ORIGIN]),
    ):
        assert not is_usable(bad)


@pytest.mark.parametrize(
    "origin",
    ["https://medrec.example", "https://a.b.example:8443", "http://localhost", "http://localhost:8000"],
)
def test_origins_that_may_be_registered(origin: str) -> None:
    msgspec.convert(KEYS[0].credential | {"origins": [origin]}, NewPasskey, builtin_types=(bytes,))


@pytest.mark.parametrize(
    "origin",
    ["http://medrec.example", "https://medrec.example/", "https://Medrec.example", "https://", "null", "*",
     "https://medrec.example\n", "https://me@medrec.example", 'https://medrec.example"', "http://localhost.evil.example"],
)  # fmt: skip
def test_origins_that_may_not_be_registered(origin: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(KEYS[0].credential | {"origins": [origin]}, NewPasskey, builtin_types=(bytes,))


def test_the_two_forms_of_a_signature_are_one_after_the_client_normalised() -> None:
    signature = KEYS[0].proof(DIGEST)[3]
    assert low_s(high_s(signature)) == signature == low_s(signature) != high_s(signature)
    assert hashlib.sha256(signature).digest() != hashlib.sha256(high_s(signature)).digest()
