"""What makes folders is killed at each file that it writes; the same call then ends in a whole folder."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.cli import joining, members, node
from medrec.cli.stop import Stop
from medrec.core import codec
from medrec.core.genesis import read_genesis
from medrec.engines.cometbft_files import read_engine_settings, read_keys
from medrec.engines.sqlite import SqliteEngine
from medrec.node.keeping.files import MADE, UNFINISHED, make_inside, settle
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.ledger.invite import Invitation
from medrec.node.settings import read_settings
from medrec.node.witness.witness import read_logs, set_up
from medrec.node.witness.witness_keys import WitnessKeys

STEPS = ("write_bytes", "write_text", "touch", "rename", "replace", "hardlink_to")
MEMBER = {
    "medrec.toml", "genesis.json", "tls/certificate.pem", "tls/key.pem", "ledger/engine.toml", "ledger/validators.json",
    "ledger/comet/config/node_key.json", "ledger/comet/config/priv_validator_key.json",
    "ledger/comet/data/priv_validator_state.json", "data/keys/organisation-keys.json",
}  # fmt: skip


@pytest.fixture(autouse=True)
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "check_port", lambda host, port: None)


def killed_before(step: int, work: Callable[[], object], steps: Sequence[str] = STEPS) -> bool:
    """Do it in a process of its own that ends, without any farewell, before its step of this number; False: it did not
    come so far."""
    child = os.fork()
    if child:
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert ended in (0, 9), ended
        return ended == 9
    left = step

    def doomed(real: Any) -> Any:
        def do(*words: Any, **more: Any) -> Any:
            nonlocal left
            left -= 1
            if not left:
                os._exit(9)
            return real(*words, **more)

        return do

    try:
        for name in steps:
            setattr(Path, name, doomed(getattr(Path, name)))
        work()
        os._exit(0)
    finally:
        os._exit(1)


def each_step(
    work: Callable[[Path], object], again: Callable[[Path], object], home: Path, steps: Sequence[str] = STEPS
) -> int:
    """How many steps it has; after a death before each of them `again` must hold."""
    step = 0
    while killed_before(step + 1, partial(work, home / str(step)), steps):
        again(home / str(step))
        step += 1
    return step


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def whole(folder: Path, name: str) -> None:
    assert files(folder) >= MEMBER and not [part for part in folder.iterdir() if part.name in (UNFINISHED, MADE)]
    assert OrganisationKeys.load(folder / "data" / "keys").organisation == name
    assert read_settings(folder / members.SETTINGS).settings.organisation == name
    assert read_engine_settings(folder / "ledger").peers and read_keys(folder / "ledger" / "comet").consensus


def network(home: Path) -> None:
    """As `medrec network` does: settle, and make what is not there."""
    settle(home)
    if not sorted(home.glob(f"*/{members.SETTINGS}")):
        members.make_network(home, ["one", "two"], "127.0.0.1", 20000)


def test_a_network_that_was_cut_off_is_made_whole_by_the_same_call(tmp_path: Path) -> None:
    def again(home: Path) -> None:
        network(home)
        assert {path.name for path in home.iterdir()} == {"one", "two"}
        for name in ("one", "two"):
            whole(home / name, name)

    assert each_step(network, again, tmp_path) > 2 * len(MEMBER)


def invitation(home: Path) -> Invitation:
    """One of a network that was never started, whose inviter says that it has a snapshot."""
    (first, *_) = members.make_network(home / "founders", ["one", "two"], "127.0.0.1", 20000)
    keys = OrganisationKeys.load(first.parent / "data" / "keys")
    return Invitation(
        "invitation/1", "three", "Three", ["clinic"], "one", "https://127.0.0.1:20000", keys.public()["ed25519"],
        codec.decode_json((first.parent / "genesis.json").read_bytes()),
        codec.decode_json((first.parent / "ledger" / "validators.json").read_bytes()),
        [f"{'a' * 40}@127.0.0.1:20001"], {"height": 9, "hash": "AB" * 32, "snapshot": 5}, 1 << 41, "00" * 32,
    )  # fmt: skip


def test_a_join_that_was_cut_off_is_made_whole_by_the_same_call(tmp_path: Path) -> None:
    read = invitation(tmp_path)

    def join(folder: Path) -> OrganisationKeys:
        return joining.prepare(read, folder, "https://127.0.0.1:20010", "127.0.0.1", 20011, sync=True)

    def again(folder: Path) -> None:
        made = join(folder)
        whole(folder, "three")
        assert join(folder).key_id == made.key_id, "what was made is kept"

    assert each_step(join, again, tmp_path) > len(MEMBER)


def test_a_join_begins_from_a_snapshot_only_if_there_is_one_and_otherwise_on_a_second_call(tmp_path: Path) -> None:
    read, folder = invitation(tmp_path), tmp_path / "three"

    def join(sync: bool, read: Invitation = read) -> bool:
        """Whether the engine is then told to begin from a snapshot."""
        joining.prepare(read, folder, "https://127.0.0.1:20010", "127.0.0.1", 20011, sync)
        return read_engine_settings(folder / "ledger").state_sync is not None

    none = msgspec.structs.replace(read, trust=read.trust | {"snapshot": 0})
    of_before = msgspec.structs.replace(read, trust={"height": 9, "hash": "AB" * 32})
    for lacking in (none, of_before):
        with pytest.raises(Stop, match="without --sync"):
            join(True, lacking)
    assert not (folder / "data").exists()
    assert join(True)
    assert read_engine_settings(folder / "ledger").peers == read.peers
    with pytest.raises(Stop, match="without --sync"):
        join(True, none)
    assert not join(False) and join(True) and not join(False, none)
    assert read_engine_settings(folder / "ledger").peers == read.peers
    assert join(True)
    genesis = read.genesis
    engine = SqliteEngine(folder / "ledger" / "ledger.db", genesis, lambda: genesis["created"] + 1)
    engine.submit([])
    engine.close()
    assert join(False), "what has begun goes on as it began"


def test_a_node_that_was_cut_off_is_made_whole_by_the_same_call(tmp_path: Path) -> None:
    def init(folder: Path) -> None:
        node.init("clinic", folder=folder, endpoint="https://localhost:8700")

    def again(folder: Path) -> None:
        settle(folder)
        if not (folder / members.SETTINGS).exists():
            init(folder)
        assert {path.name for path in folder.iterdir()} == {"data", "genesis.json", "tls", members.SETTINGS}
        keys = OrganisationKeys.load(folder / "data" / "keys")
        founder = read_genesis(codec.decode_json((folder / "genesis.json").read_bytes())).organisations[0]
        assert founder.keys.ed25519 == keys.public()["ed25519"]
        assert read_settings(folder / members.SETTINGS).certificate == (folder / "tls" / "certificate.pem").resolve()
        with pytest.raises(Stop, match="already"):
            init(folder)

    assert each_step(init, again, tmp_path) > 8


def test_a_node_for_which_the_disk_has_no_room_leaves_nothing_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full, pytest.raises(OSError, match="full"):
        full.setattr(node.tls, "make_certificate", lambda *words: _full(tmp_path / "clinic" / UNFINISHED))
        node.init("clinic", folder=tmp_path / "clinic")
    node.init("clinic", folder=tmp_path / "clinic")
    assert (tmp_path / "clinic" / members.SETTINGS).exists()


def test_a_witness_that_was_cut_off_is_set_up_by_the_same_call(tmp_path: Path) -> None:
    def again(folder: Path) -> None:
        set_up(folder, WitnessKeys.generate("library.example/medrec"))
        assert read_logs(folder) == {} and WitnessKeys.load(folder)

    assert each_step(lambda folder: set_up(folder, WitnessKeys.generate("library.example/medrec")), again, tmp_path) > 2


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with pytest.raises(Stop, match="one"):
        members.make_network(tmp_path, ["one", "two"], "127.0.0.1", 20000)
    assert not (tmp_path / "two").exists()
    with pytest.raises(OSError, match="full"):
        make_inside(tmp_path / "x", lambda work: _full(work))
    make_inside(tmp_path / "x", lambda work: (work / "a").write_bytes(b"1"))
    assert files(tmp_path / "x") == {"a"}


def _full(work: Path) -> None:
    (work / "half").write_bytes(b"1")
    raise OSError("the disk is full")
