"""The offline verifier, held to published signature vectors, to our receipts, and to the package's own verdicts."""

import ast
import gzip
import importlib.util
import json
import random
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import build
import pytest
import receipt_cases
import vector_files

from medrec.core import receipt as package

REPOSITORY = Path(__file__).resolve().parent.parent.parent
TOOL = REPOSITORY / "tools" / "verify_receipt.py"
SPECIFICATION = REPOSITORY / "docs" / "spec" / "receipt.md"
LINES_MAX, RECEIPT_MAX = 500, 4096


def load_tool() -> ModuleType:
    specification = importlib.util.spec_from_file_location("verify_receipt", TOOL)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


tool: Any = load_tool()
ROOTS = json.loads((build.VECTORS / "roots.json").read_text())["roots"]
CASES = [
    case
    for group in ("genuine", "forged", "unreadable")
    for case in json.loads((build.VECTORS / f"{group}.json").read_text())["cases"]
]
NAMES = [case["name"] for case in CASES]


def files_of(case: dict[str, Any]) -> tuple[bytes, bytes, bytes | None]:
    """Root, receipt and record of a vector as bytes."""
    root = case["root_text"] if "root_text" in case else json.dumps(ROOTS[case["root"]])
    record = None if case["record"] is None else case["record"].encode()
    return root.encode(), case["receipt"].encode(), record


def named(name: str) -> dict[str, Any]:
    return next(case for case in CASES if case["name"] == name)


# --- the tool by itself ---


def test_one_short_file_of_the_standard_library() -> None:
    text = TOOL.read_text()
    assert len(text.splitlines()) < LINES_MAX
    imported = set()
    for node in ast.walk(ast.parse(text, feature_version=(3, 9))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").split(".")[0])
    assert imported <= sys.stdlib_module_names
    assert not imported & {"socket", "urllib", "http", "subprocess", "ctypes", "importlib"}


def test_ed25519_accepts_what_libsodium_accepts(shared: Path) -> None:
    rows = json.loads((shared / "vectors/cctv/ed25519vectors.json").read_text())
    measured = json.loads((shared / "vectors/cctv/measured.json").read_text())["accepted"]
    wanted = next(numbers for name, numbers in measured.items() if "libsodium" in name)
    accepted = [
        row["number"]
        for row in rows
        if tool.ed25519_verify(bytes.fromhex(row["key"]), row["msg"].encode(), bytes.fromhex(row["sig"]))
    ]
    assert len(rows) == 914
    assert accepted == wanted


def test_ed25519_wycheproof(shared: Path) -> None:
    found = json.loads((shared / "vectors/wycheproof/ed25519_test.json").read_text())
    verdicts = [
        (tool.ed25519_verify(key, bytes.fromhex(one["msg"]), bytes.fromhex(one["sig"])), one["result"] == "valid")
        for group in found["testGroups"]
        for key in [bytes.fromhex(group["publicKey"]["pk"])]
        for one in group["tests"]
    ]
    assert len(verdicts) == 151
    assert all(got == wanted for got, wanted in verdicts)


def test_mldsa44_wycheproof(shared: Path) -> None:
    found = json.loads(gzip.decompress((shared / "vectors/wycheproof/mldsa_44_verify_test.json.gz").read_bytes()))
    verdicts = [
        (
            tool.mldsa44_verify(*(bytes.fromhex(one.get(part, "")) for part in ("key", "msg", "sig", "ctx"))),
            one["result"] == "valid",
        )
        for group in found["testGroups"]
        for one in ({**each, "key": group["publicKey"]} for each in group["tests"])
    ]
    assert len(verdicts) == 180
    assert all(got == wanted for got, wanted in verdicts)


def test_inclusion_agrees_with_the_definition() -> None:
    for size in (*range(1, 18), 33):
        leaves = [b"leaf %d" % n for n in range(size)]
        root = build.tree_root(leaves)
        for index in range(size):
            path = build.tree_path(leaves, index)
            assert tool.leads_to(root, leaves[index], index, size, path)
            assert not tool.leads_to(root, leaves[index] + b"x", index, size, path)
            assert not tool.leads_to(root, leaves[index], index + size, size, path)
            assert not tool.leads_to(root, leaves[index], index, size, [*path, root])
            assert not path or not tool.leads_to(root, leaves[index], index, size, path[:-1])


# --- the vectors ---


def test_vectors_are_what_the_builder_makes() -> None:
    made = vector_files.files()
    for name, content in made.items():
        assert (build.VECTORS / name).read_text() == vector_files.rendered(content), name
    assert len(NAMES) == len(set(NAMES)) > 150


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_tool_and_package_give_the_verdict_of_the_vector(case: dict[str, Any]) -> None:
    root, receipt, record = files_of(case)
    found = tool.result(root, receipt, record, case["quorum"])
    assert (found["verdict"], found["code"]) == (case["expect"], case["code"]), found["sentence"]
    ours = package.verify(root, receipt, record, case["quorum"])
    assert (ours.word, ours.code) == (case["expect"], case["code"]), ours.sentence
    assert found["facts"] == ours.facts
    assert ours.ok == (case["expect"] == "genuine") == (ours.facts is not None)


def test_every_code_of_the_specification_has_a_vector() -> None:
    verdicts = SPECIFICATION.read_text().partition("## Verdicts")[2]
    codes = set(re.findall(r"^\| `([a-z-]+)` \|", verdicts, re.MULTILINE))
    assert codes - {"fault"} == {case["code"] for case in CASES}
    assert set(tool.UNREADABLE) - {"fault"} == package.UNREADABLE == receipt_cases.UNREADABLE


def test_the_example_of_the_specification_is_genuine() -> None:
    blocks = re.findall(r"```json\n(.*?)```", SPECIFICATION.read_text(), re.DOTALL)
    root, record, receipt = (block.encode() for block in blocks[:3])
    assert tool.result(root, receipt, record)["verdict"] == "genuine"
    assert package.verify(root, receipt, record).ok


def test_all_looks_at_every_cosignature() -> None:
    root, receipt, record = files_of(named("ML-DSA-44 completes the quorum"))
    assert len(tool.result(root, receipt, record, 2)["facts"]["cosigners"]) == 2
    everything = tool.result(root, receipt, record, 2, every=True)
    assert sorted(everything["facts"]["cosigners"]) == ["clinic-a", "hospital-b", "lab-c"]


def test_what_ml_dsa_does_not_cover_is_not_stated() -> None:
    root, receipt, record = files_of(named("ML-DSA-44 alone"))
    assert tool.result(root, receipt, record)["facts"]["checkpoint"] is None
    moved = receipt.replace(b"height 14", b"height 99")
    assert tool.result(root, moved, record)["verdict"] == package.verify(root, moved, record).word == "genuine"


# --- whatever the bytes ---


def test_no_changed_bit_passes() -> None:
    """Every byte of a receipt with a bare quorum counts."""
    root, receipt, record = files_of(named("three of four cosigned"))
    for place in random.Random(7).sample(range(len(receipt)), 400):
        changed = receipt[:place] + bytes([receipt[place] ^ 1]) + receipt[place + 1 :]
        found, ours = tool.result(root, changed, record), package.verify(root, changed, record)
        assert found["verdict"] != "genuine", place
        assert (found["verdict"], found["code"]) == (ours.word, ours.code), place


def test_garbage_is_unreadable_and_never_a_fault() -> None:
    root, receipt, record = files_of(named("three of four cosigned"))
    chance = random.Random(11)
    junk = [chance.randbytes(chance.randrange(200)) for _ in range(60)]
    junk += [receipt[: chance.randrange(len(receipt))] for _ in range(40)]
    junk += [b"null", b"[]", b"{}", b'"x"', b"\xff\xfe", b"1e999", b'{"medrec":"receipt/1"}', b'{"medrec":[]}']
    for data in junk:
        for files in ((data, receipt, record), (root, data, record), (root, receipt, data)):
            found = tool.result(*files)
            assert found["verdict"] != "genuine"
            assert found["code"] != "fault"
            assert package.verify(*files).word == found["verdict"]


def test_files_over_the_caps_are_unreadable() -> None:
    root, receipt, record = files_of(named("three of four cosigned"))
    assert record is not None
    large = b" " * (1 << 20)
    for files, code in (
        ((root + large, receipt, record), "root"),
        ((root, receipt + large, record), "receipt"),
        ((root, receipt, record + large * 16), "record"),
    ):
        assert tool.result(*files)["code"] == package.verify(*files).code == code


def test_a_receipt_fits_in_four_kilobytes() -> None:
    """A million transactions in the log, a full batch of 8,192 entries, four Ed25519 cosignatures."""
    receipt = json.loads(named("leaf 50 of a log of 100")["receipt"])
    head, _, note = receipt["proof"].partition("\n\n")
    head += f"\n{build.b64(bytes(32))}" * (20 - (head.count("\n") - 1))
    receipt["proof"] = f"{head}\n\n{note}"
    receipt["batch"]["path"] = [build.b64(bytes(32))] * 13
    assert len(build.packed(receipt)) <= RECEIPT_MAX


# --- the package's builder ---


def test_build_makes_the_file_that_verifies() -> None:
    case = named("three of four cosigned")
    root, data, record = files_of(case)
    parsed = package.parse(data)
    bytes_of = build.base64.b64decode
    batch = parsed.batch
    again = package.build(
        network=bytes.fromhex(parsed.network),
        manifest=parsed.manifest.encode(),
        salt=bytes_of(parsed.salt),
        entry=bytes_of(parsed.entry),
        body=bytes_of(batch.body),
        signature=bytes_of(batch.signature),
        index=batch.index,
        path=[bytes_of(step) for step in batch.path],
        height=batch.height,
        time=batch.time,
        proof=parsed.proof.encode(),
    )
    assert json.loads(again) == json.loads(data)
    assert package.verify(root, again, record).ok
    assert tool.result(package.root_file(ROOTS["four"]["genesis"]), again, record)["verdict"] == "genuine"


# --- as a user runs it ---


def run(folder: Path, case: dict[str, Any], *more: str) -> subprocess.CompletedProcess[str]:
    root, receipt, record = files_of(case)
    arguments = ["--root", "root.json"]
    (folder / "root.json").write_bytes(root)
    (folder / "receipt.json").write_bytes(receipt)
    if record is not None:
        (folder / "record.json").write_bytes(record)
        arguments += ["--record", "record.json"]
    command = [sys.executable, "-I", "-S", str(TOOL), *arguments, *more, "receipt.json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("three of four cosigned", 0, "GENUINE (genuine). The record Observation/hb-1, version 1 (create)"),
        ("a deletion, no record", 0, "GENUINE (genuine). The statement that Observation/hb-1"),
        ("ML-DSA-44 completes the quorum", 0, "GENUINE"),
        ("a byte of the record", 1, "NOT-GENUINE (record-changed)"),
        ("too few cosignatures", 1, "Only 2 of 4 vouch"),
        ("a record nested 100000 deep", 2, "UNREADABLE (record)"),
        ("a receipt of version 2", 2, "newer version"),
    ],
)
def test_command_line(tmp_path: Path, name: str, status: int, said: str) -> None:
    done = run(tmp_path, named(name))
    assert done.returncode == status, done.stderr
    assert said in done.stdout
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1, "one paragraph"


def test_command_line_for_machines(tmp_path: Path) -> None:
    done = run(tmp_path, named("three of four cosigned"), "--json", "--quorum", "2")
    found = json.loads(done.stdout)
    assert (done.returncode, found["verdict"], found["facts"]["needed"]) == (0, "genuine", 2)
    (tmp_path / "receipt.json").unlink()
    command = [sys.executable, "-I", "-S", str(TOOL), "--root", "root.json", "receipt.json"]
    gone = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert gone.returncode == 2
    assert "Traceback" not in gone.stderr


def test_names_cannot_move_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    genesis = {**ROOTS["four"]["genesis"], "name": "Test\x1b[2JValley\n"}
    monkeypatch.setitem(build.ROOTS, "escape", build.root_file(genesis))
    receipt = json.dumps(build.build(root="escape"))
    found = tool.result(json.dumps(build.ROOTS["escape"]).encode(), receipt.encode(), build.RECORD.encode())
    assert found["verdict"] == "genuine"
    assert "Test?[2JValley?" in found["sentence"]
    assert found["sentence"].isprintable()
