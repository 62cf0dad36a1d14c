"""`medrec renew` and `medrec verify` as an operator runs them: a receipt of today after Ed25519 is broken."""

import errno
import json
import os
import subprocess
import sys

import pytest

from medrec.cli import renew

from .called import ROOT, medrec

RECORD = '{"resourceType":"Patient","id":"p1","active":true}'


def test_a_receipt_is_renewed_and_verified_after_the_fall(tmp_path):
    assert medrec("init", "north", at=tmp_path).returncode == 0
    (tmp_path / "fhir").mkdir()
    (tmp_path / "fhir" / "a.ndjson").write_text(RECORD + "\n")
    (tmp_path / "p1.json").write_text(RECORD)
    assert medrec("ingest", "fhir", at=tmp_path).returncode == 0
    done = medrec("receipt", "Patient/p1", "--out", "p1.receipt.json", "--root", "root.json", at=tmp_path)
    assert done.returncode == 0, done.stderr
    call = ["verify", "p1.receipt.json", "--root", "root.json", "--record", "p1.json"]
    assert medrec(*call, at=tmp_path).stdout.startswith("genuine (genuine)")
    fallen = [*call, "--retired", "ed25519=2099-01-01"]
    done = medrec(*fallen, at=tmp_path)
    assert done.returncode == 2 and done.stdout.startswith("unreadable (retired)")
    done = medrec("renew", "p1.receipt.json", at=tmp_path)
    assert done.returncode == 0 and "p1.renewal.json" in done.stdout, done.stderr
    renewed = [*fallen, "--renewal", "p1.renewal.json"]
    done = medrec(*renewed, at=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("genuine (genuine)"), done.stdout + done.stderr
    # The programs of the standard library say the same.
    tool = [sys.executable, "-I", "-S", str(ROOT / "tools" / "verify_renewal.py"), "--root", "root.json"]
    more = ["--record", "p1.json", "--retired", "ed25519=2099-01-01"]
    for extra, status in (([], 2), (["--renewal", "p1.renewal.json"], 0)):
        command = [*tool, *more, *extra, "p1.receipt.json"]
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == status
    # It is carried further when it is renewed again.
    assert medrec("renew", "p1.receipt.json", at=tmp_path).returncode == 0
    assert len(json.loads((tmp_path / "p1.renewal.json").read_bytes())["links"]) == 2
    assert medrec(*renewed, at=tmp_path).returncode == 0
    # What cannot be is said.
    assert medrec("renew", "nowhere.json", at=tmp_path).returncode == 2
    assert medrec("renew", "root.json", at=tmp_path).stderr.startswith("not-a-receipt: ")
    assert medrec(*call, "--retired", "rot13=2099-01-01", at=tmp_path).returncode == 2
    assert medrec(*call, "--retired", "ed25519=soon", at=tmp_path).returncode == 2


def test_a_disk_that_fails_leaves_the_renewal_before_whole(tmp_path, monkeypatch):
    """It cannot be made again once the algorithm has fallen."""
    receipt, renewal = tmp_path / "o1.receipt.json", tmp_path / "o1.renewal.json"
    receipt.write_bytes(b"{}")
    renewal.write_bytes(b"the first")
    monkeypatch.setattr(renew, "at_desk", lambda settings, verb, files: [b"the second"])

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            renew.renew([receipt])
    assert renewal.read_bytes() == b"the first" and len(list(tmp_path.iterdir())) == 2
    renew.renew([receipt])
    assert renewal.read_bytes() == b"the second"
