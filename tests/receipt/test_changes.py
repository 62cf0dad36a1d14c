"""Renewals and retired algorithms across changes of members: the package and tools/verify_renewal.py agree."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import build
import pytest
from build import RECORD, ROOTS, b64, cosign_line, digest, network_id, with_changes
from member_cases import ED4, FOUR, ML4, NEWCOMER

from medrec.core import receipt as package

TOOLS = Path(__file__).resolve().parents[2] / "tools"
DAY = 86_400_000


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    sys.path.insert(0, str(TOOLS))
    try:
        found = importlib.util.spec_from_file_location("verify_renewal", TOOLS / "verify_renewal.py")
        assert found and found.loader
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(TOOLS))


def renewed(receipt: dict[str, Any], *signers: tuple[str, int]) -> bytes:
    """A renewal of one note, under a head that these sign."""
    note = receipt["proof"].partition("\n\n")[2]
    leaf = digest(b"\0", note.encode())
    text = f"medrec/{network_id('four').hex()}/renewal\n1\n{b64(leaf)}\n"
    lines = "".join(cosign_line(who, kind, text.encode(), build.MADE_AT // 1000 + 900) for who, kind in signers)
    link = {"index": 0, "path": [], "head": f"{text}\n{lines}"}
    return json.dumps({"medrec": "renewal/1", "note": note, "links": [link]}).encode()


def codes(tool: ModuleType, root: Any, receipt: Any, renewal: bytes | None, retired: dict[str, int]) -> str:
    """The verdict's code, of both verifiers alike."""
    files = json.dumps(root).encode(), json.dumps(receipt).encode(), RECORD.encode()
    theirs = tool.result(*files, renewal, retired)
    ours = package.verify(*files, renewal=renewal, retired=retired)
    assert theirs["code"] == ours.code, theirs["sentence"]
    if ours.ok:
        assert theirs["facts"] == {"renewed_by": None} | json.loads(json.dumps(ours.facts))
    return ours.code


def test_a_later_set_of_members_renews(tool: ModuleType) -> None:
    receipt = build.build(log_size=1, log_index=0, cosigners=ED4[:3])
    both = (*ED4[:2], ("clinic-e", 4))
    # Of the four who signed the head of the log, two are left with the keys they had.
    assert codes(tool, ROOTS["chain"], receipt, renewed(receipt, *both), {}) == "genuine"
    assert codes(tool, ROOTS["chain"], receipt, renewed(receipt, *both[1:]), {}) == "cosignatures"
    assert codes(tool, FOUR, receipt, renewed(receipt, *both), {}) == "cosignatures"
    # Those of its own time may renew it as well.
    assert codes(tool, ROOTS["chain"], receipt, renewed(receipt, *ED4[:3]), {}) == "genuine"


def test_a_set_from_before_the_head_renews_nothing(tool: ModuleType) -> None:
    receipt = build.build(cosigners=(*ED4[:3], ("clinic-e", 4)))
    assert codes(tool, ROOTS["joined"], receipt, renewed(receipt, *ED4[:3]), {}) == "cosignatures"
    assert codes(tool, ROOTS["joined"], receipt, renewed(receipt, *ED4[:3], ("clinic-e", 4)), {}) == "genuine"


def test_signatures_of_a_retired_algorithm_prove_no_change(tool: ModuleType) -> None:
    members = (*ML4[:3], ("clinic-e", 6))
    receipt = build.build(cosigners=members)
    retired = {"ed25519": build.MADE_AT + 400 * DAY}
    assert codes(tool, ROOTS["joined"], receipt, None, retired) == "change"
    both = with_changes(FOUR, (5, (), [NEWCOMER], (*ED4[:3], *ML4[:3])))
    assert codes(tool, both, receipt, None, retired) == "genuine"
    assert codes(tool, both, build.build(cosigners=(*ED4[:3], ("clinic-e", 4))), None, retired) == "retired"
