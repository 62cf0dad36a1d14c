"""The acceptance rules of core/crypto.py against published vectors, good and broken."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, mldsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from medrec.core import crypto

TABLE = Path(__file__).resolve().parent.parent / "vectors" / "ed25519" / "accepted.json"


def load(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def wycheproof(shared: Path, name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    groups = load(shared / "vectors" / "wycheproof" / name)["testGroups"]
    return [(group, test) for group in groups for test in group["tests"]]


# --- Ed25519 --------------------------------------------------------------------------------------------


def test_cctv_rows_are_accepted_exactly_as_our_table_says(shared: Path) -> None:
    table = json.loads(TABLE.read_text())
    rows = load(shared / "vectors" / "cctv" / "ed25519vectors.json")
    accepted = [
        row["number"]
        for row in rows
        if crypto.verify_ed25519(bytes.fromhex(row["key"]), row["msg"].encode(), bytes.fromhex(row["sig"]))
    ]
    assert len(rows) == table["total"] == 914
    assert accepted == table["accepted"]
    assert len(accepted) == 43


def test_cctv_rows_of_the_table_break_when_one_bit_changes(shared: Path) -> None:
    accepted = set(json.loads(TABLE.read_text())["accepted"])
    for row in load(shared / "vectors" / "cctv" / "ed25519vectors.json"):
        if row["number"] in accepted:
            signature = bytearray.fromhex(row["sig"])
            signature[40] ^= 1
            assert not crypto.verify_ed25519(bytes.fromhex(row["key"]), row["msg"].encode(), bytes(signature))


def test_ed25519_wycheproof(shared: Path) -> None:
    cases = wycheproof(shared, "ed25519_test.json")
    for group, test in cases:
        public = bytes.fromhex(group["publicKey"]["pk"])
        holds = crypto.verify_ed25519(public, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
        assert holds == (test["result"] == "valid"), test
    assert len(cases) == 151


def test_ed25519_scalar_above_the_order_is_refused() -> None:
    key = SigningKey(bytes(32))
    signature = key.sign(b"m").signature
    order = (1 << 252) + 27742317777372353535851937790883648493
    malleated = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    assert crypto.verify_ed25519(bytes(key.verify_key), b"m", signature)
    assert not crypto.verify_ed25519(bytes(key.verify_key), b"m", malleated)


# --- P-256 ----------------------------------------------------------------------------------------------


def test_p256_wycheproof_der(shared: Path) -> None:
    cases = wycheproof(shared, "ecdsa_secp256r1_sha256_test.json")
    for group, test in cases:
        public = bytes.fromhex(group["publicKey"]["uncompressed"])
        holds = crypto.verify_p256(public, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
        assert holds == (test["result"] == "valid"), test
    assert len(cases) == 484


def test_p256_wycheproof_raw(shared: Path) -> None:
    cases = wycheproof(shared, "ecdsa_secp256r1_sha256_p1363_test.json")
    for group, test in cases:
        public = bytes.fromhex(group["publicKey"]["uncompressed"])
        holds = crypto.verify_p256_raw(public, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
        assert holds == (test["result"] == "valid"), test
    assert len(cases) == 262


def p256_pair() -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    private = ec.derive_private_key(7, ec.SECP256R1())
    return private, private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def test_p256_compressed_point_is_the_same_key_and_other_encodings_are_none() -> None:
    private, public = p256_pair()
    signature = private.sign(b"m", ec.ECDSA(SHA256()))
    compressed = bytes((2 + public[-1] % 2,)) + public[1:33]
    assert crypto.verify_p256(public, b"m", signature)
    assert crypto.verify_p256(compressed, b"m", signature)
    assert not crypto.verify_p256(bytes((compressed[0] ^ 1,)) + compressed[1:], b"m", signature)
    for wrong in (b"", b"\x00", b"\x06" + public[1:], b"\x07" + public[1:], public[1:], public + b"\x00"):
        assert not crypto.verify_p256(wrong, b"m", signature)
    assert not crypto.verify_p256(public[:-1] + bytes((public[-1] ^ 1,)), b"m", signature)  # not on the curve


def test_p256_low_s_tells_the_two_forms_apart_and_both_verify() -> None:
    private, public = p256_pair()
    integers = crypto.p256_integers(private.sign(b"m", ec.ECDSA(SHA256())))
    assert integers is not None
    r, s = integers
    low, high = sorted((s, crypto.P256_ORDER - s))
    assert crypto.p256_low_s(crypto.p256_der(r, low))
    assert not crypto.p256_low_s(crypto.p256_der(r, high))
    assert crypto.verify_p256(public, b"m", crypto.p256_der(r, low))
    assert crypto.verify_p256(public, b"m", crypto.p256_der(r, high))


@pytest.mark.parametrize(
    ("why", "signature"),
    [
        ("nothing", ""),
        ("trailing byte", "300602010102010100"),
        ("trailing byte inside", "30070201010201010000"),
        ("padded integer", "300702020001020101"),
        ("negative integer", "3006020181020101"),
        ("r is zero", "3006020100020101"),
        ("s is zero", "3006020101020100"),
        ("empty integer", "30050200020101"),
        ("long form length", "308106020101020101"),
        ("one integer", "3003020101"),
        ("three integers", "3009020101020101020101"),
        ("r is n", "3026022100" + f"{crypto.P256_ORDER:064x}" + "020101"),
    ],
)
def test_p256_der_is_read_strictly(why: str, signature: str) -> None:
    assert crypto.p256_integers(bytes.fromhex("3006020101020101")) == (1, 1)
    assert crypto.p256_integers(bytes.fromhex(signature)) is None, why
    assert not crypto.p256_low_s(bytes.fromhex(signature)), why


@given(st.integers(1, crypto.P256_ORDER - 1), st.integers(1, crypto.P256_ORDER - 1))
def test_p256_der_round_trip(r: int, s: int) -> None:
    assert crypto.p256_integers(crypto.p256_der(r, s)) == (r, s)


# --- ML-DSA-44 ------------------------------------------------------------------------------------------


def test_mldsa44_wycheproof(shared: Path) -> None:
    cases = wycheproof(shared, "mldsa_44_verify_test.json.gz")
    for group, test in cases:
        holds = crypto.verify_mldsa44(
            bytes.fromhex(group["publicKey"]),
            bytes.fromhex(test["msg"]),
            bytes.fromhex(test["sig"]),
            bytes.fromhex(test.get("ctx", "")),
        )
        assert holds == (test["result"] == "valid"), test
    assert len(cases) == 180


def test_mldsa44_signature_is_bound_to_message_context_and_key() -> None:
    private = mldsa.MLDSA44PrivateKey.from_seed_bytes(bytes(32))
    public = private.public_key().public_bytes_raw()
    other = mldsa.MLDSA44PrivateKey.from_seed_bytes(b"\x01" * 32).public_key().public_bytes_raw()
    signature = private.sign(b"m", b"context")
    assert crypto.verify_mldsa44(public, b"m", signature, b"context")
    assert not crypto.verify_mldsa44(public, b"m", signature)
    assert not crypto.verify_mldsa44(public, b"n", signature, b"context")
    assert not crypto.verify_mldsa44(other, b"m", signature, b"context")


# --- all ------------------------------------------------------------------------------------------------


@given(st.binary(max_size=80), st.binary(max_size=10), st.binary(max_size=80))
def test_no_bytes_make_a_verifier_raise(public: bytes, message: bytes, signature: bytes) -> None:
    assert not crypto.verify_ed25519(public, message, signature)
    assert not crypto.verify_p256(public, message, signature)
    assert not crypto.verify_p256_raw(public, message, signature)
    assert not crypto.verify_mldsa44(public, message, signature)


@given(st.binary(min_size=1312, max_size=1312), st.binary(min_size=2420, max_size=2420))
def test_no_bytes_of_the_right_length_make_mldsa_raise(public: bytes, signature: bytes) -> None:
    assert not crypto.verify_mldsa44(public, b"", signature)


def test_key_id_and_sha256_known_answers() -> None:
    assert crypto.sha256(b"a", b"", b"bc").hex() == ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert crypto.key_id(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223"
