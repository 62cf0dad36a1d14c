"""`medrec witness` and `medrec tiles` as an operator runs them."""

import json
import signal
import subprocess
import sys
import time
import urllib.request

from medrec.core.checkpoint import parse_vkey
from medrec.demo.ports import free_ports

from .called import ENVIRONMENT, medrec


def test_a_network_of_one_is_witnessed_and_published(tmp_path):
    assert medrec("init", "north", at=tmp_path).returncode == 0
    (tmp_path / "fhir").mkdir()
    (tmp_path / "fhir" / "a.ndjson").write_text('{"resourceType":"Patient","id":"p1","active":true}\n')
    assert medrec("ingest", "fhir", at=tmp_path).returncode == 0
    assert medrec("receipt", "Patient/p1", "--out", "r.json", "--root", "root.json", at=tmp_path).returncode == 0
    (port,) = free_ports(1)
    # Nothing there, a bad root, a good one.
    assert medrec("witness", "w", "--setup", at=tmp_path).stderr.startswith("no-witness: ")
    (tmp_path / "bad.json").write_text("{}")
    done = medrec("witness", "w", "--setup", "--name", "library.example/w", "--root", "bad.json", at=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("root: ")
    done = medrec("witness", "w", "--setup", "--root", "root.json", at=tmp_path)
    assert done.returncode == 0, done.stderr
    keys = [line for line in done.stdout.splitlines() if line.startswith("library.example/w+")]
    assert len([parse_vkey(key) for key in keys]) == 2
    with (tmp_path / "medrec.toml").open("a") as file:
        file.write(f'tiles = "www"\nwitnesses = [{json.dumps(f"http://127.0.0.1:{port} " + " ".join(keys))}]\n')
    command = [sys.executable, "-m", "medrec", "witness", "w", "--port", str(port)]
    running = subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 120
        while "answers on port" not in (line := running.stdout.readline()):
            assert line and time.monotonic() < until
        done = medrec("tiles", at=tmp_path)
        assert done.returncode == 0 and "1 new leaves, 1 in all" in done.stdout, done.stdout + done.stderr
        card = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60).read().decode()
        assert "size 1 " in card and "No split view was seen." in card
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0
        running.stdout.close()
    assert "— library.example/w " in (tmp_path / "www" / "checkpoint").read_text()
    assert medrec("tiles", "www", at=tmp_path).stderr.startswith("no-root: ")
    done = medrec("tiles", "www", "--root", "root.json", at=tmp_path)
    assert done.returncode == 0 and "Whole: 1 leaves" in done.stdout
    bundle = tmp_path / "www" / "tile" / "entries" / "000.p" / "1"
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"?")
    done = medrec("tiles", "www", "--root", "root.json", at=tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("bad-file: tile/0/000.p/1 is not what the entries hash to.")
    # A receipt made now carries the witness's line as well, and verifies as before.
    assert medrec("receipt", "Patient/p1", "--out", "r.json", at=tmp_path).returncode == 0


def test_a_witness_setting_that_is_none_is_named(tmp_path):
    assert medrec("init", "north", at=tmp_path).returncode == 0
    with (tmp_path / "medrec.toml").open("a") as file:
        file.write('witnesses = ["https://library.example nonsense"]\n')
    done = medrec("status", at=tmp_path)
    assert done.returncode == 2 and "medrec.toml: `witnesses`: " in done.stderr
    assert medrec("tiles", at=tmp_path).returncode == 2
