"""The demonstration as a visitor runs it: the story holds, the kept receipts verify, a taken port is said."""

import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "200"}


def demo(*words: str, at: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "medrec", "demo", *words]
    return subprocess.run(command, cwd=at, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False)


def verified(folder: Path) -> int:
    """Verify every kept receipt; how many there are."""
    receipts = sorted(folder.glob("*.receipt.json"))
    for receipt in receipts:
        record = receipt.with_name(receipt.name.replace(".receipt.json", ".json"))
        tool = [
            sys.executable,
            "-I",
            "-S",
            str(ROOT / "tools" / "verify_receipt.py"),
            "--root",
            str(folder / "root.json"),
        ]
        command = [*tool, "--record", str(record), str(receipt)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout
        assert done.stdout == receipt.with_name(record.stem + ".verdict.txt").read_text()
    return len(receipts)


def test_the_story_holds_and_what_it_keeps_verifies(tmp_path):
    done = demo("--check", "--people", "4", "--keep", "kept", at=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 17 steps held" in done.stdout and "Traceback" not in done.stderr
    # A page that is named can be used with a passkey: browsers have none at a number.
    looks = re.findall(r"look: (\S+)", done.stdout)
    assert looks and {one.rpartition(":")[0] for one in looks} == {"http://localhost"}
    kinds = {path.name.split("-")[0] for path in (tmp_path / "kept").glob("*.receipt.json")}
    assert {"AllergyIntolerance", "Condition", "MedicationRequest", "Observation", "Patient"} <= kinds
    assert verified(tmp_path / "kept") == len(kinds)
    assert json.loads((tmp_path / "kept" / "figures.json").read_bytes())["steps"] == 17


def test_the_story_holds_on_published_bundles(tmp_path, shared):
    bundles = tmp_path / "bundles"
    bundles.mkdir()
    chosen = sorted((shared / "data" / "synthea-r4" / "bundles").glob("*.gz"), key=lambda path: path.stat().st_size)
    shutil.copy(chosen[0], bundles)
    shutil.copy(chosen[len(chosen) // 2], bundles)
    (bundles / "plain.json").write_bytes(gzip.decompress(chosen[len(chosen) // 2 + 1].read_bytes()))
    (bundles / "broken.json").write_text('{"resourceType": "Bundle", "entry": [')
    done = demo("--check", "--from", "bundles", "--keep", "kept", at=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "broken.json" in done.stdout and "3 people" in done.stdout
    assert verified(tmp_path / "kept") >= 5


@pytest.mark.parametrize("words", [("--from", "nowhere"), ("--from", ".")])
def test_a_folder_without_bundles_is_said(tmp_path, words):
    done = demo("--check", *words, at=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stdout + done.stderr


def test_a_port_that_is_taken_is_said(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = demo("--check", "--port", str(taken.getsockname()[1]), at=tmp_path)
    assert done.returncode == 2 and "is taken" in done.stdout
