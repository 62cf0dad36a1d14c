"""The marks of a disclosure: as in the vectors, bound to record, version and disclosure; older forms are read."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import manifests
from medrec.core.manifests.access import (
    Basis,
    Disclosed,
    DisclosureManifest,
    ReceivedManifest,
    RefusalManifest,
    Request,
    marked,
    marks_key,
    obligation_of,
)
from medrec.core.records.canonical import canonical

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "disclosure" / "marks.json").read_text()
)["cases"]
ASKED = Request("00" * 16, "south", "Dr South", "TREAT", "visit", "pull", [], [])
BASIS = Basis(["11" * 32, "22" * 32], ["US"], "labels/1", "+-", ["33" * 32])
DISCLOSURE = DisclosureManifest(
    "disclosure/1",
    "00" * 32,
    "north",
    "a",
    1,
    ASKED,
    [Disclosed("Observation", "o1", "44" * 32)],
    ["11" * 32],
    "55" * 16,
)
ONE, TWO = hashlib.sha256(b"one").digest(), hashlib.sha256(b"two").digest()


@pytest.mark.parametrize("case", CASES)
def test_marks_are_those_of_the_vectors(case: dict[str, Any]) -> None:
    obligation = obligation_of(case["source"], case["requester"], bytes.fromhex(case["request"]))
    key = marks_key(bytes.fromhex(case["salt"]), obligation)
    sha256 = canonical(case["content"].encode()).sha256
    assert (obligation.hex(), sha256.hex(), key.hex()) == (case["obligation"], case["sha256"], case["key"])
    assert marked(key, sha256) == case["mark"]
    # By hand, as the specification says it.
    salted = hmac.digest(bytes.fromhex(case["salt"]), b"medrec/disclosed-key/1" + obligation, "sha256")
    assert hmac.digest(salted, b"medrec/disclosed/1" + sha256, "sha256").hex() == case["mark"]


def test_a_mark_holds_for_its_own_record_version_and_disclosure_alone() -> None:
    key, other = marks_key(bytes(32), bytes(16)), marks_key(bytes(32), b"\1" * 16)
    told = Disclosed("Observation", "o1", marked(key, ONE), marked(key, TWO))
    assert told.of_content(key, ONE) and told.of_version(key, TWO) and told.proven
    for wrong, digest in ((other, ONE), (key, TWO), (b"", ONE)):
        assert not told.of_content(wrong, digest)
    assert not told.of_version(other, TWO) and not told.of_version(key, ONE)
    cut = Disclosed("Observation", "o1", marked(key, ONE))
    assert not cut.proven and not cut.of_version(key, TWO)
    # Both forms in one are neither, and none at all holds for nothing.
    both = Disclosed("Observation", "o1", marked(other, ONE), sha256=ONE.hex(), manifest=TWO.hex())
    assert not both.of_content(key, ONE) and not both.of_version(key, TWO)
    assert not Disclosed("Observation", "o1").of_content(key, ONE)


def test_a_statement_from_before_is_read_as_it_was() -> None:
    old = {
        "manifest": "disclosure-received/1", "network": "00" * 32, "organisation": "south", "account": "a", "time": 1,
        "source": "north", "request": "00" * 16, "obligation": "00" * 16, "disclosure": None, "outcome": "received",
        "records": [{"type": "Observation", "id": "o1", "sha256": ONE.hex(), "manifest": TWO.hex()},
                    {"type": "Observation", "id": "o2", "sha256": ONE.hex(), "manifest": None}],
    }  # fmt: skip
    stated = manifests.read(old)
    assert isinstance(stated, ReceivedManifest)
    whole, cut = stated.records
    assert whole.of_content(b"", ONE) and whole.of_version(b"", TWO) and not whole.of_content(b"", TWO)
    assert cut.of_content(b"", ONE) and not cut.proven and not cut.of_version(b"", TWO)


def test_a_basis_that_was_written_before_is_stated_byte_for_byte_as_one_that_is_written_now() -> None:
    refusal = RefusalManifest("refusal/1", "00" * 32, "north", "a", 1, ASKED, "denied", [], "66" * 16)
    for basis in (BASIS, Basis([], [], "labels/1")):
        known = manifests.written(basis)
        for manifest in (DISCLOSURE, refusal):
            whole = manifests.encode(msgspec.structs.replace(manifest, basis=basis))
            assert manifests.encode(manifest, known) == whole
            assert manifests.decode(whole) == msgspec.structs.replace(manifest, basis=basis)


def test_a_written_basis_excuses_nothing() -> None:
    known = manifests.written(BASIS)
    for wrong in ({"time": -1}, {"decided": ["no hash"]}, {"account": "\ud800"}, {"basis": BASIS}):
        with pytest.raises(manifests.UnwritableError):
            manifests.encode(msgspec.structs.replace(DISCLOSURE, **wrong), known)
    for unreadable in (Basis(["no hash"], [], ""), Basis([], [], "", "!"), Basis([], ["\ud800"], "")):
        with pytest.raises(manifests.UnwritableError):
            manifests.written(unreadable)
