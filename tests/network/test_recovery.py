"""What the operator guide says to do after a damage, done to nodes that have signed lines: node and engine together.

Each ends in a node that starts, serves and has lost nothing; one whose own journal is an old copy says so, and neither
signs nor answers, also when that comes to light only with the blocks of the others.
"""

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster import until

from medrec.cli import members
from medrec.demo.ports import row_of_ports
from medrec.engines.cometbft_files import read_engine_settings
from medrec.engines.cometbft_rpc import Rpc
from medrec.node import operate
from medrec.node.settings import read_settings

pytestmark = pytest.mark.xdist_group("recovery")

NAMES = ("harbour", "brigid")


class Two:
    """Two members; the first runs all the time, the second is damaged, mended and started."""

    def __init__(self, home: Path) -> None:
        self.settings = dict(zip(NAMES, members.make_network(home, NAMES, "127.0.0.1", row_of_ports(6)), strict=True))
        self.home = home
        self.records = home / "records"
        self.records.mkdir()
        self.said: list[str] = []
        self.pid = 0

    def folder(self, name: str = "brigid") -> Path:
        return self.settings[name].parent

    def running(self, name: str) -> contextlib.AbstractContextManager[members.Members]:
        return members.Members([self.settings[name]], self.said.append)

    def ask(self, name: str, verb: str, *arguments: Any) -> Any:
        return operate.ask(read_settings(self.settings[name]).data, verb, list(arguments))

    def status(self, name: str = "brigid") -> dict[str, Any]:
        """What a node says of itself; empty while it does not answer."""
        try:
            found: dict[str, Any] = self.ask(name, "status")
            return found
        except (operate.OperateError, OSError):
            return {}

    def put(self, *names: str) -> None:
        for name in names:
            record = {"resourceType": "Observation", "id": name, "status": "final", "code": {"text": name}}
            (self.records / f"{name}.json").write_text(json.dumps(record))

    def ingest(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("brigid", "ingest", str(self.records), False)
        return found

    def well(self) -> dict[str, Any]:
        """Wait until the second member serves; all it signed is on the ledger, and can be proven."""
        until(lambda: (members.health(self.settings["brigid"]) or {}).get("ok"), "brigid serves")
        assert self.ask("brigid", "receipt", "Observation", "o1", None, False)
        found = self.status()
        assert found["fault"] is None and found["waiting_since"] is None and "ledger" not in found["trouble"]
        return found


@pytest.fixture(scope="module")
def two(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    two = Two(tmp_path_factory.mktemp("recovery"))
    for name in NAMES:
        with (two.folder(name) / "ledger" / "engine.toml").open("a") as file:
            file.write("snapshot_every = 3\n")
    with two.running("harbour") as harbour:
        until(lambda: harbour._processes, "the first member starts")
        two.pid = harbour._processes[two.settings["harbour"]].pid
        with two.running("brigid"):
            two.put("o1", "o2")
            until(lambda: (members.health(two.settings["brigid"]) or {}).get("ok"), "brigid serves")
            assert two.ingest()["created"] == 2
            until(lambda: two.status().get("waiting_since", 0) is None, "both lines are on the ledger")
            for _ in range(3):
                two.ask("brigid", "affirm")  # some blocks, so that there is a snapshot
        yield two


def set_ledger_aside(folder: Path) -> None:
    for file in (folder / "ledger").glob("ledger.db*"):
        file.unlink()


def fetch_anew(folder: Path) -> None:
    set_ledger_aside(folder)
    for part in (folder / "ledger" / "comet" / "data").iterdir():
        if part.is_dir():
            shutil.rmtree(part)


def begin_from_a_snapshot(folder: Path) -> None:
    """By hand what `medrec join --sync` does: where the others keep fewer blocks than the ledger has."""
    other = folder.with_name("harbour")
    trust = operate.ask(read_settings(other / "medrec.toml").data, "invite", ["nobody", "Nobody", ["clinic"], 1])[
        "trust"
    ]
    door = read_settings(other / "medrec.toml").settings.endpoint + "/medrec/engine"
    sync = f'{{rpc_servers = ["{door}", "{door}"], trust_height = {trust["height"]}, trust_hash = "{trust["hash"]}"}}'
    with (folder / "ledger" / "engine.toml").open("a") as file:
        file.write(f"state_sync = {sync}\n")
    shutil.copy(other / "tls" / "authority.pem", folder / "ledger" / "authorities.pem")
    fetch_anew(folder)


def damage(folder: Path) -> None:
    """A ledger file that cannot be read is named before it is set aside."""
    file = folder / "ledger" / "ledger.db"
    file.write_bytes(b"\xa5" * file.stat().st_size)


@pytest.mark.parametrize(
    "mend",
    [set_ledger_aside, fetch_anew, begin_from_a_snapshot],
    ids=["from-its-engine", "from-the-others", "from-a-snapshot"],
)
def test_a_ledger_that_was_lost_comes_back_and_the_node_with_it(two: Two, mend: Any) -> None:
    before = two.status("harbour")["height"]
    damage(two.folder())
    with two.running("brigid"):
        until(lambda: any("set ledger.db* aside" in line for line in two.said), "the damage is named")
    mend(two.folder())
    with two.running("brigid"):
        found = two.well()
        assert found["height"] >= before and found["lines"] >= 2
        info = Rpc(read_engine_settings(two.folder() / "ledger").rpc).call("status")["sync_info"]
        assert (int(info["earliest_block_height"]) > 1) == (mend is begin_from_a_snapshot)
        assert two.ingest()["created"] == 0


def test_after_a_lost_disk_the_backup_and_the_others_are_enough(two: Two) -> None:
    folder, backup = two.folder(), two.home / "backup"
    shutil.copytree(folder, backup)
    shutil.rmtree(folder)
    fetch_anew(backup)
    (backup / "ledger" / "comet" / "data" / "priv_validator_state.json").unlink()
    backup.rename(folder)
    with two.running("brigid"):
        until(lambda: "priv_validator_state.json" in two.status().get("trouble", {}).get("engine", ""), "it says why")
        height = two.status("harbour")["height"]
        vote = {"height": str(height), "round": 0, "step": 3}
        (folder / "ledger" / "comet" / "data" / "priv_validator_state.json").write_text(json.dumps(vote))
        two.well()


def test_an_old_copy_of_a_whole_folder_says_so_and_signs_and_answers_nothing(two: Two) -> None:
    folder, old = two.folder(), two.home / "old"
    shutil.copytree(folder, old)
    with two.running("brigid"):
        two.well()
        two.put("o3", "o4")
        two.ingest()
        lines = two.status()["lines"]
    newest = two.home / "newest"
    folder.rename(newest)
    shutil.copytree(old, folder)
    two.put("o5")
    with two.running("brigid"):
        # From the first moment on, before a block of the others has come: an ingest now would sign a second history.
        until(lambda: two.status(), "the node answers its operator")
        refused = []
        with contextlib.suppress(operate.OperateError):
            refused.append(two.ingest())
        assert not refused
        until(lambda: "node.db was lost" in two.status()["trouble"].get("ledger", ""), "it says what it is")
        with pytest.raises(operate.OperateError) as caught:
            two.ingest()
        assert caught.value.code == "journal-lost"
        assert members.health(two.settings["brigid"]) is None
        assert two.status()["lines"] < lines
    shutil.rmtree(folder)
    newest.rename(folder)
    with two.running("brigid"):
        assert two.well()["lines"] == lines
        assert two.ingest()["created"] == 1


def test_a_node_that_is_cut_off_knows_it_and_writes_down_what_happens(two: Two) -> None:
    engine, settings = two.folder() / "ledger" / "engine.toml", two.settings["brigid"]
    whole, before = engine.read_text(), settings.read_text()
    nobody = f"{'0' * 40}@127.0.0.1:{row_of_ports(1)}"
    rest = [line for line in whole.splitlines() if line.startswith("rpc")]
    # Its engine finds nobody and is found by nobody, and the other's node gives no word of its height.
    engine.write_text("\n".join([f'listen = "127.0.0.1:{row_of_ports(1)}"', *rest, f'peers = ["{nobody}"]', ""]))
    settings.write_text(f'{before}merge_delay_seconds = 5\npoll_seconds = 1\nrecords = "{two.records}"\n')
    os.kill(two.pid, signal.SIGSTOP)
    try:
        with two.running("brigid"):
            until(lambda: two.status().get("standing", "").startswith("Cut off"), "it says that it is cut off")
            lines = two.status()["lines"]
            two.put("o6")
            until(lambda: two.status()["lines"] > lines, "a line is written down offline")
            assert "head of the ledger" in two.status()["trouble"]["ledger"]
    finally:
        os.kill(two.pid, signal.SIGCONT)
        engine.write_text(whole)
        settings.write_text(before)
    with two.running("brigid"):
        until(lambda: two.status().get("waiting_since", 0) is None, "what was written offline is anchored", 300)
        assert two.well()["lines"] > lines
