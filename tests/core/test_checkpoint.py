"""Notes, checkpoints, cosignatures and proofs: published vectors, and our own form with broken neighbours."""

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from medrec.core import checkpoint as cp
from medrec.core import merkle
from medrec.core.crypto import sha256, verify_p256

NOW = 1_700_000_000
POINT = cp.Checkpoint(b"\x01" * 32, 5, b"\x02" * 32, 7, NOW * 1000, b"\x03" * 32, 1)


def vectors(shared: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared / "vectors" / "c2sp" / f"{name}.json").read_text())
    return found


def accepted(action: Any) -> bool:
    try:
        action()
    except cp.NoteError:
        return False
    return True


# --- published vectors ----------------------------------------------------------------------------------


def test_published_checkpoint_bodies(shared: Path) -> None:
    good = 0
    for case in vectors(shared, "checkpoints")["bodies"]:
        text = case["text"].encode()
        if case["expect"] == "error":
            with pytest.raises(cp.NoteError):
                cp.parse_checkpoint_body(text)
            continue
        body = cp.parse_checkpoint_body(text)
        assert (body.origin, body.size) == (case["origin"], case["size"]), case["name"]
        assert body.root == base64.b64decode(case["root_hash_base64"])
        assert "".join(f"{line}\n" for line in body.extensions) == case["rest"]
        assert body.text() == text
        good += 1
    assert good == 6


def test_published_signed_checkpoints(shared: Path) -> None:
    verdicts = []
    for case in vectors(shared, "checkpoints")["signed_checkpoints"]:
        log = cp.parse_vkey(case["log_key"])
        keys = [log, *map(cp.parse_vkey, case["other_keys"])]

        def read(case: dict[str, Any] = case, log: cp.NoteKey = log, keys: list[cp.NoteKey] = keys) -> None:
            note = cp.parse_note(case["note"].encode())
            found = cp.verify_cosignatures(note, keys)
            assert len(found) == case["verified_signatures"], case["name"]
            if log.name not in [signature.name for signature in found]:
                raise cp.NoteError("the log has not signed")
            if cp.parse_checkpoint_body(note.text).origin != case["origin"]:
                raise cp.NoteError("another log")

        verdicts.append(accepted(read))
        assert verdicts[-1] == (case["expect"] == "ok"), case["name"]
    assert (len(verdicts), sum(verdicts)) == (15, 10)


def test_published_ecdsa_notes_hold_with_our_note_form_and_p256(shared: Path) -> None:
    for case in vectors(shared, "checkpoints")["ecdsa_notes"]:
        note = cp.parse_note(case["note"].encode())
        name, _, encoded = case["vkey"].split("+", 2)
        spki = base64.b64decode(encoded)[1:]
        lines = [line for line in note.signatures if (line.name, line.key_id) == (name, sha256(spki)[:4])]
        holds = bool(lines) and verify_p256(spki[-65:], note.text, lines[0].payload)
        assert holds == (case["expect"] == "ok"), case["name"]


def test_published_rfc6962_notes_hold_with_our_note_form_and_p256(shared: Path) -> None:
    for case in vectors(shared, "checkpoints")["rfc6962_notes"]:
        note = cp.parse_note(case["note"].encode())
        body = cp.parse_checkpoint_body(note.text)
        (line,) = note.signatures
        public = base64.b64decode(case["vkey"].split("+", 2)[2])[-65:]
        head = b"\x00\x01" + line.payload[:8] + body.size.to_bytes(8, "big") + body.root
        holds = line.name == body.origin and verify_p256(public, head, line.payload[12:])
        assert holds == (case["expect"] == "ok"), case["name"]


def test_published_verifier_keys(shared: Path) -> None:
    verdicts = []
    for case in vectors(shared, "cosignatures")["vkeys"]:
        verdicts.append(accepted(lambda vkey=case["vkey"]: cp.parse_vkey(vkey)))
        assert verdicts[-1] == (case["expect"] == "ok"), case["name"]
        if verdicts[-1]:
            key = cp.parse_vkey(case["vkey"])
            assert (key.algorithm, key.vkey()) == (case["algorithm"], case["vkey"])
    assert (len(verdicts), sum(verdicts)) == (9, 3)


def test_published_timestamps(shared: Path) -> None:
    for case in vectors(shared, "cosignatures")["timestamps"]:
        note = f"text\n\n— name {case['signature_base64']}\n".encode()

        def read(note: bytes = note) -> int:
            return cp.cosignature_timestamp(cp.parse_note(note).signatures[0].payload)

        assert accepted(read) == (case["expect"] == "ok"), case["name"]
        if case["expect"] == "ok":
            assert read() == case["unix_time"]


def test_published_cosigned_notes(shared: Path) -> None:
    verified = 0
    for case in vectors(shared, "cosignatures")["cosigned_notes"]:
        note = cp.parse_note(case["note"].encode())
        assert cp.render_note(note) == case["note"].encode()
        keys = [cp.parse_vkey(vkey) for vkey in case["cosigner_keys"]]
        if not keys:  # signed with RFC 6962's own signature only, which is no cosignature
            continue
        found = cp.verify_cosignatures(note, keys)
        assert bool(found) == (case["expect"] == "ok"), case["name"]
        for signature in found:
            assert (signature.timestamp, signature.algorithm) == (case["unix_time"], cp.COSIGNATURE_ED25519)
            verified += 1
        changed = dataclasses.replace(note, text=note.text.replace(b"300", b"301"))
        if found:
            with pytest.raises(cp.NoteError, match="does not hold"):
                cp.verify_cosignatures(changed, keys)
    assert verified == 3


def test_published_proof_texts(shared: Path) -> None:
    verdicts = []
    for case in vectors(shared, "tlog-proofs")["parsing"]:
        text = case["text"].encode()
        verdicts.append(accepted(lambda text=text: cp.parse_proof(text)))
        assert verdicts[-1] == (case["expect"] == "ok"), case["name"]
        if verdicts[-1]:
            proof = cp.parse_proof(text)
            extra = case["extra_base64"]
            assert proof == cp.TlogProof(
                case["index"],
                tuple(base64.b64decode(value) for value in case["hashes_base64"]),
                case["checkpoint"].encode(),
                None if extra is None else base64.b64decode(extra),
            )
            assert proof.render() == text
    assert (len(verdicts), sum(verdicts)) == (14, 6)


def test_published_complete_proofs(shared: Path) -> None:
    cases = vectors(shared, "tlog-proofs")["complete"]
    for case in cases:
        proof = cp.parse_proof(case["text"].encode())
        note, _ = proof.open(merkle.leaf_hash(case["entry"].encode()))
        assert len(cp.verify_cosignatures(note, [cp.parse_vkey(case["vkey"])])) == 1
        with pytest.raises(cp.NoteError, match="does not lead"):
            proof.open(merkle.leaf_hash(b"another entry"))
        with pytest.raises(cp.NoteError):
            dataclasses.replace(proof, hashes=(*proof.hashes, bytes(32))).open(merkle.leaf_hash(case["entry"].encode()))
    assert len(cases) == 36


# --- our checkpoint -------------------------------------------------------------------------------------


def test_checkpoint_text_is_the_one_of_the_contract() -> None:
    assert POINT.text() == (
        b"medrec/" + b"01" * 32 + b"\n5\n" + base64.b64encode(b"\x02" * 32) + b"\nheight 7\ntime 1700000000000\n"
        b"state " + base64.b64encode(b"\x03" * 32) + b"\nprotocol 1\n"
    )
    assert cp.parse_checkpoint(POINT.text()) == POINT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"medrec/", b"medrek/"),
        (b"medrec/01", b"medrec/0"),
        (b"\n5\n", b"\n05\n"),
        (b"\n5\n", b"\n-5\n"),
        (b"\n5\n", b"\n9223372036854775808\n"),
        (b"\n5\n", "\n٥\n".encode()),
        (b"height 7\n", b""),
        (b"height 7", b"height  7"),
        (b"height 7", b"height seven"),
        (b"height 7\ntime 1700000000000", b"time 1700000000000\nheight 7"),
        (b"protocol 1\n", b"protocol 1\nmore\n"),
        (b"protocol 1\n", b"protocol 1\n\n"),
        (b"protocol 1\n", b"protocol 1"),
        (b"AgI=", b"AgJ="),  # the same 32 bytes with a stray bit in the last base64 digit
        (b"AgI=", b"Ag=="),
        (b"state AwMD", b"state AwM"),
    ],
)
def test_checkpoint_has_one_form(old: bytes, new: bytes) -> None:
    text = POINT.text()
    assert old in text
    with pytest.raises(cp.NoteError):
        cp.parse_checkpoint(text.replace(old, new, 1))


numbers = st.integers(0, (1 << 63) - 1)
hashes = st.binary(min_size=32, max_size=32)


@given(st.builds(cp.Checkpoint, hashes, numbers, hashes, numbers, numbers, hashes, numbers))
def test_checkpoint_round_trip(point: cp.Checkpoint) -> None:
    assert cp.parse_checkpoint(point.text()) == point


@given(st.binary(max_size=200), st.integers(0, 400))
def test_parsers_raise_nothing_but_note_errors(noise: bytes, at: int) -> None:
    for text in (noise, POINT.text()[:at] + noise, b"text\n\n" + noise, b"c2sp.org/tlog-proof@v1\n" + noise):
        for parse in (cp.parse_note, cp.parse_checkpoint, cp.parse_checkpoint_body, cp.parse_proof):
            accepted(lambda parse=parse, text=text: parse(text))


# --- cosignatures ---------------------------------------------------------------------------------------

CLASSIC, QUANTUM = SigningKey(b"\x05" * 32), MLDSA44PrivateKey.from_seed_bytes(b"\x06" * 32)
KEYS = cp.cosigner_keys("clinic-a", bytes(CLASSIC.verify_key), QUANTUM.public_key().public_bytes_raw())


def cosigned(text: bytes, name: str = KEYS[0].name) -> cp.Note:
    stamp = NOW.to_bytes(8, "big")
    classic = CLASSIC.sign(cp.cosignature_message(text, NOW)).signature
    quantum = QUANTUM.sign(cp.mldsa44_cosignature_message(name, text, NOW))
    return cp.Note(
        text,
        (
            cp.SignatureLine(name, cp.note_key_id(name, 4, KEYS[0].public), stamp + classic),
            cp.SignatureLine(name, cp.note_key_id(name, 6, KEYS[1].public), stamp + quantum),
        ),
    )


def test_signed_messages_byte_by_byte() -> None:
    text = POINT.text()
    assert cp.cosignature_message(text, 12) == b"cosignature/v1\ntime 12\n" + text
    assert cp.mldsa44_cosignature_message("medrec/a", text, 12) == (
        b"subtree/v1\n\x00"
        b"\x08medrec/a"
        b"\x00\x00\x00\x00\x00\x00\x00\x0c"
        b"\x47" + b"medrec/" + b"01" * 32 + b"\x00\x00\x00\x00\x00\x00\x00\x00"
        b"\x00\x00\x00\x00\x00\x00\x00\x05" + b"\x02" * 32
    )


def test_both_cosignatures_hold_and_say_what_they_cover() -> None:
    found = cp.verify_cosignatures(cp.parse_note(cp.render_note(cosigned(POINT.text()))), KEYS)
    assert [(s.organisation, s.algorithm, s.timestamp) for s in found] == [
        ("clinic-a", 4, NOW),
        ("clinic-a", 6, NOW),
    ]
    assert [s.covers_extensions for s in found] == [True, False]


@pytest.mark.parametrize("line", [0, 1])
@pytest.mark.parametrize("at", [0, 7, 8, 50, -1])
def test_a_changed_cosignature_or_time_is_refused(line: int, at: int) -> None:
    note = cosigned(POINT.text())
    payload = bytearray(note.signatures[line].payload)
    payload[at] ^= 1
    broken = dataclasses.replace(note.signatures[line], payload=bytes(payload))
    with pytest.raises(cp.NoteError, match="does not hold"):
        cp.verify_cosignatures(cp.Note(note.text, (broken,)), KEYS)
    with pytest.raises(cp.NoteError, match="does not have"):
        shorter = dataclasses.replace(broken, payload=broken.payload[:-1])
        cp.verify_cosignatures(cp.Note(note.text, (shorter,)), KEYS)


def test_what_each_algorithm_binds() -> None:
    note = cosigned(POINT.text())
    classic, quantum = note.signatures
    later = dataclasses.replace(POINT, height=8).text()
    grown = dataclasses.replace(POINT, size=6).text()
    with pytest.raises(cp.NoteError):
        cp.verify_cosignatures(cp.Note(later, (classic,)), KEYS)
    # ML-DSA-44 does not cover the extension lines: this is the format, and readers are told.
    (found,) = cp.verify_cosignatures(cp.Note(later, (quantum,)), KEYS)
    assert not found.covers_extensions
    for line in (classic, quantum):
        with pytest.raises(cp.NoteError):
            cp.verify_cosignatures(cp.Note(grown, (line,)), KEYS)


def test_unknown_names_and_ids_are_passed_over_and_repeats_count_once() -> None:
    note = cosigned(POINT.text())
    stranger = dataclasses.replace(note.signatures[0], name="medrec/clinic-b")
    other_id = dataclasses.replace(note.signatures[0], key_id=b"abcd")
    assert cp.verify_cosignatures(cp.Note(note.text, (stranger, other_id)), KEYS) == []
    twice = cp.Note(note.text, note.signatures * 2)
    assert len(cp.verify_cosignatures(twice, KEYS)) == 2


def test_one_signer_cannot_stand_for_two_organisations() -> None:
    twin = cp.cosigner_keys("clinic-b", KEYS[0].public, KEYS[1].public)
    note = cosigned(POINT.text())
    relabelled = cp.SignatureLine(twin[0].name, twin[0].key_id, note.signatures[0].payload)
    assert len(cp.verify_cosignatures(cp.Note(note.text, (relabelled,)), twin)) == 1  # Ed25519 binds no name
    both = cp.Note(note.text, (note.signatures[0], relabelled))
    assert len(cp.verify_cosignatures(both, [*KEYS, *twin])) == 1
    # ML-DSA-44 does bind it.
    relabelled = cp.SignatureLine(twin[1].name, twin[1].key_id, note.signatures[1].payload)
    with pytest.raises(cp.NoteError):
        cp.verify_cosignatures(cp.Note(note.text, (relabelled,)), twin)


@pytest.mark.parametrize(
    ("name", "timestamp", "origin", "start", "end", "root"),
    [
        ("", 1, "o", 0, 1, bytes(32)),
        ("n" * 256, 1, "o", 0, 1, bytes(32)),
        ("n", 1 << 63, "o", 0, 1, bytes(32)),
        ("n", -1, "o", 0, 1, bytes(32)),
        ("n", 1, "", 0, 1, bytes(32)),
        ("n", 1, "o", 2, 3, bytes(32)),
        ("n", 1, "o", 0, 1 << 63, bytes(32)),
        ("n", 1, "o", 0, 1, bytes(31)),
    ],
)
def test_subtree_message_limits(name: str, timestamp: int, origin: str, start: int, end: int, root: bytes) -> None:
    assert len(cp.subtree_message("n", 0, "o", 2, 3, bytes(32))) == 12 + 2 + 8 + 2 + 16 + 32
    with pytest.raises(cp.NoteError):
        cp.subtree_message(name, timestamp, origin, start, end, root)


@pytest.mark.parametrize(("name", "algorithm", "length"), [("a", 4, 31), ("a", 6, 32), ("a", 5, 32), ("a b", 4, 32)])
def test_keys_are_whole(name: str, algorithm: int, length: int) -> None:
    with pytest.raises(cp.NoteError):
        cp.NoteKey(name, algorithm, bytes(length))


# --- proofs ---------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(1, 60).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))))
def test_proof_round_trip_and_opening(place: tuple[int, int]) -> None:
    size, index = place
    leaves = [merkle.leaf_hash(bytes((number,))) for number in range(size)]
    point = dataclasses.replace(POINT, size=size, root=merkle.root(leaves))
    note = cp.render_note(cosigned(point.text()))
    proof = cp.TlogProof(index, tuple(merkle.inclusion_path(leaves, index)), note, b"extra")
    again = cp.parse_proof(proof.render())
    assert again == proof
    opened, body = again.open(leaves[index])
    assert cp.parse_checkpoint(opened.text) == point
    assert body.size == size
    with pytest.raises(cp.NoteError):
        again.open(merkle.leaf_hash(b"not there"))
    with pytest.raises(cp.NoteError):
        dataclasses.replace(again, index=index + 1).open(leaves[index])


def test_proofs_without_a_text_form_are_not_rendered() -> None:
    good = cp.TlogProof(0, (), b"note\n")
    assert cp.parse_proof(good.render()) == good
    for change in ({"index": -1}, {"index": 1 << 63}, {"hashes": (b"short",)}, {"extra": b""}):
        with pytest.raises(cp.NoteError):
            dataclasses.replace(good, **change).render()
    with pytest.raises(cp.NoteError):
        dataclasses.replace(good, checkpoint_note=b"").render()
