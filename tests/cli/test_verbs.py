"""The verbs as an operator meets them: each does its work or ends in one sentence with a code, never in a trace."""

import json
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509

from medrec.demo.ports import free_ports
from medrec.node.peers import tls
from medrec.node.settings import read_settings

from .called import ENVIRONMENT, ROOT, medrec


def observation(value: str) -> str:
    return (
        '{"resourceType":"Observation","id":"o1","status":"final","subject":{"reference":"Patient/p1"},'
        f'"valueQuantity":{{"value":{value}}}}}'
    )


def made(home: Path) -> Path:
    """A node with one record signed, which does not run."""
    done = medrec("init", "clinic", "--name", "Small Clinic", "--records", "in", at=home)
    assert done.returncode == 0
    (home / "in").mkdir()
    (home / "in" / "a.ndjson").write_text('{"resourceType":"Patient","id":"p1"}\n' + observation("1.00") + "\n")
    assert medrec("ingest", at=home).returncode == 0
    return home


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The node of which each test has a copy."""
    return made(tmp_path_factory.mktemp("first"))


@pytest.fixture
def clinic(first: Path, tmp_path: Path) -> Path:
    """A copy of the node, to do with as a test likes."""
    shutil.copytree(first, tmp_path, dirs_exist_ok=True)
    settings = tmp_path / "medrec.toml"
    settings.write_text(settings.read_text().replace(str(first), str(tmp_path)))
    return tmp_path


def verify(at: Path, record: str) -> int:
    (at / "record.json").write_text(record)
    tool = [sys.executable, "-I", "-S", str(ROOT / "tools" / "verify_receipt.py")]
    return subprocess.run([*tool, "--root", "root.json", "--record", "record.json", "r.json"], cwd=at, check=False,
                          capture_output=True, timeout=60).returncode  # fmt: skip


def test_how_else_an_organisation_is_called_is_proposed_and_voted_on(clinic):
    names = ("--name", "http://hl7.org/fhir/sid/us-npi|1234567893", "--server", "https://ehr.clinic.example/r4/")
    done = medrec("propose", "call", *names, at=clinic)
    assert done.returncode == 0 and "carried out" in done.stdout and "us-npi|1234567893" in done.stdout
    again = medrec("propose", "call", *names, at=clinic)
    assert again.returncode == 2 and "no-change" in again.stderr
    wrong = medrec("propose", "call", "--name", "urn:medrec:organisation|other", at=clinic)
    assert wrong.returncode == 2 and "bad-payload" in wrong.stderr
    status = medrec("status", at=clinic)
    assert "note: No clinician has reviewed the labelling rules" in status.stdout and status.returncode == 0


def test_a_receipt_and_a_data_set_from_the_command_line(clinic):
    assert medrec("receipt", "Observation/o1", "--out", "r.json", "--root", "root.json", at=clinic).returncode == 0
    assert verify(clinic, observation("1.00")) == 0
    assert verify(clinic, observation("1.0")) == 1
    exported = medrec("export", "set", at=clinic)
    statement = exported.stdout.strip().splitlines()[-1]
    assert len(statement) <= 160
    whole = medrec("check", "set", "--statement", statement, "--root", "root.json", at=clinic)
    assert (whole.returncode, whole.stdout.startswith("Whole and unaltered")) == (0, True)
    path = next((clinic / "set" / "records").glob("*Observation*"))
    path.write_text(path.read_text().replace("1.00", "1.01"))
    broken = medrec("check", "set", "--statement", statement, "--root", "root.json", at=clinic)
    assert broken.returncode == 1 and "Observation/o1" in broken.stdout
    assert medrec("check", "set", "--statement", "mr1 x", "--root", "root.json", at=clinic).returncode == 2


def test_what_was_changed_in_place_is_said(tmp_path):
    # Not a copy, whose files are other files.
    clinic = made(tmp_path)
    path = clinic / "in" / "a.ndjson"
    path.write_text(path.read_text().replace("1.00", "1.10"))
    done = medrec("ingest", at=clinic)
    assert done.returncode == 1 and "Observation/o1" in done.stdout and "without a new version" in done.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("init", "Bad Id"), "bad-id"),
        (("init", "clinic"), "exists"),
        (("init", "other", "--endpoint", "http://other.example", "--folder", "o"), "bad-endpoint"),
        (("init", "other", "--endpoint", "https://other.example:99999", "--folder", "o"), "bad-endpoint"),
        (("init", "other", "--endpoint", "https://other.example/?a", "--folder", "o"), "bad-endpoint"),
        (("init", "other", "--folder", "/proc/nope"), "file"),
        (("receipt", "Observation"), "bad-name"),
        (("receipt", "Observation/o1/²"), "bad-name"),
        (("receipt", "Observation/o1/99999999999999999999999"), "bad-name"),
        (("receipt", "Observation/nobody"), "unknown-record"),
        (("receipt", "Observation/o1", "--out", "/nonexistent/x"), "file"),
        (("ingest", "/nonexistent"), "source-unavailable"),
        (("status", "--settings", "nowhere.toml"), "settings"),
        (("export", "in"), "in-the-way"),
        (("check", "in", "--statement", "mr1", "--root", "nowhere.json"), "no-root"),
    ],
)
def test_a_wrong_call_ends_in_a_code_and_a_sentence(clinic, words, code):
    done = medrec(*words, at=clinic)
    said = (done.stdout + done.stderr).strip().splitlines()[-1]
    assert done.returncode in (1, 2) and code in said.split(": ")[0], said


@pytest.mark.parametrize(
    ("lost", "code"),
    [
        ("data/master.key", "master-key-lost"),
        ("ledger.db", "ledger-lost"),
        ("data/node.db", "journal-lost"),
        ("genesis.json", "genesis"),
    ],
)
def test_a_lost_part_is_not_replaced_in_silence(clinic, lost, code):
    for path in clinic.glob(lost + "*"):
        path.unlink()
    for verb in ("status", "ingest"):
        done = medrec(verb, at=clinic)
        assert done.returncode == 2 and code in done.stderr


@pytest.mark.parametrize("name", ["master.key", "master.ring"])
@pytest.mark.parametrize("left", [0, 20])
def test_a_key_file_that_was_emptied_or_cut_is_no_erasure_and_no_fault(clinic, name, left):
    path = clinic / "data" / name
    path.write_bytes(path.read_bytes()[:left])
    done = medrec("status", at=clinic)
    assert done.returncode == 2 and "master-key-lost" in done.stderr and f"{name} is damaged" in done.stderr


def test_another_nodes_master_key_opens_nothing(clinic):
    (clinic / "data" / "master.key").write_bytes(bytes(32))
    done = medrec("status", at=clinic)
    assert done.returncode == 2 and "wrong-master-key" in done.stderr


def test_another_organisations_settings_are_refused(clinic):
    path = clinic / "medrec.toml"
    path.write_text(path.read_text().replace("clinic", "other"))
    done = medrec("status", at=clinic)
    assert done.returncode == 2 and "not-a-member" in done.stderr


def test_settings_with_odd_paths_can_be_read_again(tmp_path):
    assert medrec("init", "clinic", "--records", 'a"b\\c', at=tmp_path).returncode == 0
    assert medrec("status", at=tmp_path).returncode == 0


def test_a_node_is_made_for_the_address_under_which_others_reach_it(tmp_path):
    words = ("--endpoint", "https://medrec.clinic.example:8443", "--host", "0.0.0.0")
    assert medrec("init", "clinic", *words, at=tmp_path).returncode == 0
    chosen = read_settings(tmp_path / "medrec.toml").settings
    assert (chosen.endpoint, chosen.host, chosen.port) == (words[1], words[3], 8443)
    named = x509.load_pem_x509_certificate((tmp_path / chosen.certificate).read_bytes())
    names = named.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["medrec.clinic.example"]
    assert (tmp_path / chosen.certificate_key).stat().st_mode & 0o77 == 0
    before = (tmp_path / chosen.certificate).read_bytes()
    assert medrec("certificate", at=tmp_path).returncode == 0
    assert (tmp_path / chosen.certificate).read_bytes() != before


def test_a_running_node_answers_the_verbs(clinic):
    (port,) = free_ports(1)
    settings = clinic / "medrec.toml"
    settings.write_text(settings.read_text() + f"port = {port}\npoll_seconds = 1\n")
    command = [sys.executable, "-m", "medrec", "start"]
    running = subprocess.Popen(command, cwd=clinic, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        trusted = trust(clinic)
        wait_for(lambda: json.loads(get(port, "/health", trusted))["ok"])
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            get(port, "/health", ssl.create_default_context())
        assert medrec("status", at=clinic).returncode == 0
        quick = medrec("status", "--quick", at=clinic)
        assert quick.returncode == 0 and "lines on the ledger. " in quick.stdout and "whole" not in quick.stdout
        (clinic / "in" / "b.ndjson").write_text(observation("2.50").replace('"o1"', '"o2"') + "\n")
        wait_for(lambda: medrec("receipt", "Observation/o2", "--out", "r.json", at=clinic).returncode == 0)
        assert medrec("receipt", "Observation/o1", "--out", "r.json", "--root", "root.json", at=clinic).returncode == 0
        assert verify(clinic, observation("1.00")) == 0
        assert medrec("ingest", at=clinic).returncode == 0
        assert medrec("start", at=clinic).returncode == 2
    finally:
        running.send_signal(signal.SIGTERM)
        _, trouble = running.communicate(timeout=30)
    assert running.returncode == 0 and b"Traceback" not in trouble
    assert medrec("status", at=clinic).returncode == 0
    silent = medrec("status", "--quick", at=clinic)
    assert silent.returncode == 1 and "not-running" in silent.stderr and "medrec start" in silent.stderr


def trust(at: Path) -> ssl.SSLContext:
    """What the organisation's key, as it stands in the genesis document, vouches for."""
    (founder,) = json.loads((at / "genesis.json").read_bytes())["organisations"]
    assert founder["endpoint"] == "https://localhost:8700"
    return tls.trust_in(founder["id"], bytes.fromhex(founder["keys"]["ed25519"]))


def get(port: int, path: str, context: ssl.SSLContext) -> bytes:
    with urllib.request.urlopen(f"https://localhost:{port}{path}", timeout=5, context=context) as answer:
        return answer.read()


def wait_for(ready, limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while True:
        try:
            if ready():
                return
        except (OSError, KeyError, ValueError):
            pass
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_record_is_erased_by_whoever_is_sure(clinic: Path) -> None:
    for words, code in (
        (("record", "Observation/none"), "not-sure"),
        (("record", "Observation/none", "--sure"), "unknown-record"),
        (("person", "nobody", "--sure"), "unknown-person"),
        (("account", "nobody", "--sure"), "unknown-person"),
        (("everything", "x", "--sure"), "unknown-record"),
        (("person", "x", "--ground", "whim", "--sure"), "unknown-ground"),
    ):
        refused = medrec("erase", *words, at=clinic)
        assert refused.returncode == 2 and refused.stderr.startswith(f"{code}: "), refused.stderr


def test_staff_are_invited_listed_and_dismissed(clinic: Path) -> None:
    invited = medrec("staff", "invite", "Nora Nurse", "--role", "desk", at=clinic)
    assert invited.returncode == 0 and len(invited.stdout.split()[-8:]) == 8
    listed = medrec("staff", at=clinic).stdout
    assert "desk  no key yet  Nora Nurse" in listed
    assert medrec("staff", "dismiss", listed.split()[0], at=clinic).returncode == 0
    assert "dismissed  Nora Nurse" in medrec("staff", at=clinic).stdout
    for words in (("dance",), ("invite",), ("dismiss", "nobody"), ("invite", "X", "--role", "king")):
        refused = medrec("staff", *words, at=clinic)
        assert refused.returncode == 2 and ": " in refused.stderr
