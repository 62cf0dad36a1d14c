"""`medrec rotate` on one organisation's node: whole, cut off before each file that it writes, and right after the
ledger took the change. `tests/network/test_members.py` does it in a running network.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from medrec import wiring
from medrec.cli import network, node
from medrec.core import receipt as core_receipt
from medrec.core.root import read_root
from medrec.node import operate
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.ledger import rotation
from medrec.node.ledger.govern import GovernError
from medrec.node.ledger.members import Members
from medrec.node.node import Node
from medrec.node.peers import tls
from medrec.node.records.ingest import ingest_folder
from medrec.node.settings import read_settings

from .test_cut_off import STEPS, each_step

RECORD = b'{"resourceType":"Patient","id":"p1","active":true}'


@contextmanager
def opened(home: Path) -> Iterator[Node]:
    made, engine = wiring.node_of(read_settings(home / "medrec.toml"))
    try:
        yield made
    finally:
        wiring.close_node(made)
        wiring.close(engine)


def rotate(home: Path) -> None:
    network.rotate(sure=True, settings=home / "medrec.toml")


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node with one record signed, that does not run, and a receipt beside it."""
    home = tmp_path_factory.mktemp("clinic")
    node.init("clinic", folder=home, endpoint="https://localhost:8700")
    (home / "in").mkdir()
    (home / "in" / "a.ndjson").write_bytes(RECORD + b"\n")
    with opened(home) as made:
        ingest_folder(made.publisher, made.store, home / "in")
        made.anchor()
        (home / "r.json").write_bytes(operate.perform(made, "receipt", ["Patient", "p1", None, False]))
    return home


def holds(home: Path, before: bytes) -> None:
    """The node is whole with new keys, of which its certificate is; the receipt from before is genuine."""
    keys = home / "data" / "keys"
    with opened(home) as made:
        assert made.together.apart() is None and made.checkpoints.members.former is None
        assert made.keys.key_id not in (before, None) and OrganisationKeys.load(keys).key_id == made.keys.key_id
        members = made.checkpoints.members
        assert members.sentence() == "" and len(members.root.sets) == 2
        own = read_root(members.root_file()).members["clinic"].keys
        assert own.ed25519.hex() == made.keys.public()["ed25519"]
        assert core_receipt.verify(members.root_file(), (home / "r.json").read_bytes(), RECORD).ok
        made.anchor()
        assert operate.perform(made, "affirm", [])
    assert sorted(path.name for path in keys.iterdir()) == ["organisation-keys.json"]
    found = x509.load_pem_x509_certificate((home / "tls" / tls.AUTHORITY_FILE).read_bytes())
    assert found.public_key().public_bytes_raw() == own.ed25519


def key_of(home: Path) -> bytes:
    return OrganisationKeys.load(home / "data" / "keys").key_id


def test_a_rotation_that_was_cut_off_is_ended_by_the_same_call_or_by_the_next_start(
    clinic: Path, tmp_path: Path
) -> None:
    before = key_of(clinic)

    def work(home: Path) -> None:
        shutil.copytree(clinic, home)
        rotate(home)

    def again(home: Path) -> None:
        if not (home / "data").exists():
            return  # not yet copied
        with opened(home) as made:
            began = len(made.checkpoints.members.root.sets) == 2
        if not began:
            rotate(home)
        holds(home, before)

    assert each_step(work, again, tmp_path, (*STEPS, "unlink")) > 8


def test_a_crash_right_after_the_ledger_took_it_leaves_the_signature_to_the_former_keys(
    clinic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, before = tmp_path / "c", key_of(clinic)
    shutil.copytree(clinic, home)
    with opened(home) as made, monkeypatch.context() as patch:
        patch.setattr(Members, "look", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            rotation.rotate(made, str(home / "data"))
        assert key_of(home) == before  # the files are as they were, and the ledger is not
        assert rotation.due(home / "data", made.engine)
        found = made.together.apart()
        assert found is not None and found.code == "wrong-keys"
    holds(home, before)


def test_two_rotations_follow_one_another_and_none_begins_while_one_waits(
    clinic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "c"
    shutil.copytree(clinic, home)
    rotate(home)
    first = key_of(home)
    with opened(home) as made:
        made.keys.save(home / "data" / "keys" / "former")
        with monkeypatch.context() as patch, pytest.raises(GovernError, match="lacks that of brigid") as refused:
            patch.setattr(Members, "sentence", lambda self: "It lacks that of brigid.")
            rotation.rotate(made, str(home / "data"))
        assert refused.value.code == "change-waits"
    with opened(home) as made:  # nothing waits, so they are of no use
        assert made.checkpoints.members.former is None
    rotate(home)
    with opened(home) as made:
        assert len(made.checkpoints.members.root.sets) == 3 and made.keys.key_id != first
        assert core_receipt.verify(made.checkpoints.members.root_file(), (home / "r.json").read_bytes(), RECORD).ok


def test_a_rotation_right_after_another_that_all_have_signed_is_not_refused(clinic: Path, tmp_path: Path) -> None:
    home = tmp_path / "c"
    shutil.copytree(clinic, home)
    rotate(home)
    former = home / "data" / "keys" / "former"
    with opened(home) as made:  # as the moment after it was opened, before it has looked whether anything waits
        made.keys.save(former)
        made.checkpoints.members.former = made.keys
        done = rotation.rotate(made, str(home / "data"))
        assert not former.exists() and done["key"] != made.keys.key_id.hex() and done["invitations"] == []
    with opened(home) as made:
        assert made.keys.key_id.hex() == done["key"] and len(made.checkpoints.members.root.sets) == 3


def test_a_certificate_of_somebody_else_is_left_alone(clinic: Path, tmp_path: Path) -> None:
    home = tmp_path / "c"
    shutil.copytree(clinic, home)
    (home / "tls" / tls.AUTHORITY_FILE).unlink()
    certificate = (home / "tls" / tls.CERTIFICATE_FILE).read_bytes()
    rotate(home)
    assert (home / "tls" / tls.CERTIFICATE_FILE).read_bytes() == certificate
