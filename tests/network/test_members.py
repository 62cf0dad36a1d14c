"""`medrec network`, `invite`, `join`, `vote`, `leave` as an operator types them, against processes that run."""

import contextlib
import io
import json
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster import LONG_S, until

from medrec.cli import main, members, network
from medrec.core import codec
from medrec.demo.ports import row_of_ports
from medrec.engines.cometbft_rpc import Rpc
from medrec.node import operate
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.peers import tls
from medrec.node.settings import read_settings

pytestmark = pytest.mark.xdist_group("members")

NAMES = ("harbour", "brigid", "lakeside", "northern")


def medrec(*words: str, code: int = 0) -> str:
    """What a verb prints; it must end with `code`."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["medrec", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    assert (ended.value.code or 0) == code, (words, ended.value.code, said.getvalue())
    return said.getvalue()


class Net:
    """The members' settings by name."""

    def __init__(self, home: Path, settings: list[Path]) -> None:
        self.home = home
        self.settings = {file.parent.name: file for file in settings}

    def at(self, name: str, *words: str, code: int = 0) -> str:
        """A verb at a member's node."""
        return medrec(*words, "--settings", str(self.settings[name]), code=code)

    def ask(self, name: str, verb: str, *arguments: Any) -> Any:
        """The same on the node's own socket, which is quicker than a process of its own."""
        return operate.ask(read_settings(self.settings[name]).data, verb, list(arguments))

    def sees(self, name: str, proposal: str) -> None:
        """Wait until a member can vote on a proposal."""
        until(lambda: proposal in {one["id"] for one in self.ask(name, "proposals")}, f"{name} sees the proposal")

    def decide(self, proposal: str, voters: tuple[str, ...]) -> None:
        """These vote, one after the other, until it is carried out; the first as an operator types it."""
        for number, voter in enumerate(voters):
            self.sees(voter, proposal)
            if number == 0:
                self.at(voter, "vote", proposal)
            elif self.ask(voter, "vote", bytes.fromhex(proposal))["done"]:
                return
        raise AssertionError("the votes were not enough")


@pytest.fixture(scope="module")
def net(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    """Four members that run, with a snapshot every five blocks."""
    home = tmp_path_factory.mktemp("members")
    first = row_of_ports(3 * len(NAMES))
    settings = members.make_network(home, NAMES, "127.0.0.1", first)
    for file in settings:
        with (file.parent / "ledger" / "engine.toml").open("a") as engine:
            engine.write("snapshot_every = 5\n")
    said: list[str] = []
    with members.Members(settings, said.append) as running:
        running.wait_until_well()
        yield Net(home, settings)


def page(net: Net, name: str, path: str, context: ssl.SSLContext | None = None) -> str:
    chosen = read_settings(net.settings[name]).settings
    if context is None:
        keys = OrganisationKeys.load(net.settings[name].parent / "data" / "keys")
        context = tls.trust_in(name, bytes.fromhex(keys.public()["ed25519"]))
    with urllib.request.urlopen(chosen.endpoint + path, timeout=30, context=context) as answer:
        return str(answer.read().decode())


def test_every_door_speaks_https_and_members_cosign_through_it(net: Net) -> None:
    port = read_settings(net.settings["harbour"]).settings.port
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        plain.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"200" not in plain.recv(1000)
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        page(net, "harbour", "/health", ssl.create_default_context())
    assert json.loads(page(net, "harbour", "/health"))["ok"]
    net.at("harbour", "propose", "upgrade", "--height", "100000")
    # A checkpoint that all four signed: their nodes called one another, over https, with their keys on the ledger.
    until(lambda: "4 of 4" in page(net, "harbour", "/pages/ledger"), "all members sign a checkpoint")


def test_a_check_of_the_network_leaves_nothing_to_vote_on(net: Net, capsys: pytest.CaptureFixture[str]) -> None:
    before, height = net.ask("harbour", "proposals"), net.ask("harbour", "status")["height"]
    network._check(list(net.settings.values()))
    assert "stands on the ledger of all 4 members" in capsys.readouterr().out
    assert net.ask("harbour", "proposals") == before and net.ask("harbour", "status")["height"] > height


def test_the_reading_door_of_the_engine_answers_light_clients_and_nothing_else(net: Net) -> None:
    keys = OrganisationKeys.load(net.settings["brigid"].parent / "data" / "keys")
    context = tls.trust_in("brigid", bytes.fromhex(keys.public()["ed25519"]))
    url = read_settings(net.settings["brigid"]).settings.endpoint + "/medrec/engine"

    def asked(body: bytes) -> Any:
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            return json.load(answer)

    def question(method: str, **parameters: str) -> bytes:
        return json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": parameters}).encode()

    net.ask("brigid", "propose", {"change": "upgrade", "version": 2, "height": 200_000})  # there is a block
    assert int(asked(question("commit", height="1"))["result"]["signed_header"]["header"]["height"]) == 1
    for closed in (
        question("broadcast_tx_sync", tx="AAAA"),
        question("unsafe_flush_mempool"),
        question("abci_query", path="/tip"),
        question("commit", query="x"),
        b"[]",
        b"{",
        b"[" * 3000,
        b" " * 100_000,
    ):
        assert "error" in asked(closed) and "result" not in asked(closed), closed[:60]


@pytest.mark.parametrize("sync", [False, True])
def test_an_organisation_joins_by_an_invitation_and_votes_and_then_validates(net: Net, sync: bool) -> None:
    name, file = f"joiner-{int(sync)}", net.home / f"invitation-{int(sync)}.json"
    if sync:
        for number in range(8):  # some blocks, so that there is a snapshot, and what proves it
            net.ask("harbour", "propose", {"change": "upgrade", "version": 2, "height": 100_001 + number})
    net.at("harbour", "invite", name, "--role", "clinic", "--out", str(file))
    assert file.stat().st_mode & 0o077 == 0
    node = row_of_ports(3)
    engine = node + 1
    folder = net.home / name
    words = ["join", str(file), "--endpoint", f"https://127.0.0.1:{node}", "--folder", str(folder), "--host",
             "127.0.0.1", "--engine-port", str(engine), *(["--sync"] if sync else [])]  # fmt: skip
    waiting = medrec(*words, "--wait", "1", code=1)
    assert "goes on waiting" in waiting
    proposal = waiting.split("medrec vote ")[1].split()[0]
    net.sees("brigid", proposal)
    said_key = waiting.split("Your key is ")[1].split(":")[0]
    (shown,) = [one["change"] for one in net.ask("brigid", "proposals") if one["id"] == proposal]
    assert shown["key_id"] == said_key and shown["id"] == name and "keys" not in shown
    voters = NAMES[1:] + (("joiner-0",) if sync else ())
    net.decide(proposal, voters[:3])
    said = medrec(*words, "--wait", str(LONG_S))
    assert "is a member since height" in said
    validator = said.split("medrec vote ")[-1].split()[0]
    # The same invitation with other keys is refused; the same request has the same answer.
    again = medrec(*words[:5], str(net.home / f"thief of {name}"), *words[6:], "--wait", "1", code=2)
    assert "invitation-used" in again
    net.decide(validator, NAMES)
    settings = folder / members.SETTINGS
    with members.Members([settings], lambda line: None) as running:
        running.wait_until_well()
        net.settings[name] = settings
        heads = {one: json.loads(page(net, one, "/health"))["height"] for one in net.settings}
        until(lambda: json.loads(page(net, name, "/health"))["height"] >= heads["harbour"], "the joiner follows")
        known = Rpc(f"127.0.0.1:{engine + 1}").call("status")["sync_info"]
        assert (int(known["earliest_block_height"]) > 1) == sync, "it began from a snapshot if asked, else from block 1"
        _is_known_by_its_receipts(net, name)
        if sync:
            assert net.at(name, "leave", "--yes").startswith("Left at height")
            assert "author-suspended" in net.at(name, "vote", proposal, code=2)
        del net.settings[name]
        if not sync:
            # Before it stops it leaves, so that the others keep more than two thirds.
            medrec("leave", "--yes", "--settings", str(settings))
    assert "upgrade" in net.at("harbour", "propose", "upgrade", "--height", "777777")


def _is_known_by_its_receipts(net: Net, name: str) -> None:
    """Everybody's root file comes to name the joiner, and its receipt is genuine under the one of another member."""
    folder = net.home / f"records of {name}"
    folder.mkdir()
    record = b'{"resourceType":"Patient","id":"p1","active":true}'
    (folder / "a.ndjson").write_bytes(record + b"\n")
    net.ask(name, "ingest", str(folder), False)

    def named(by: str) -> bool:
        return any(
            name in {one["id"] for one in change["set"]} for change in json.loads(net.ask(by, "root"))["changes"]
        )

    for by in (*NAMES, name):
        until(lambda by=by: named(by), f"the root file of {by} names {name}")

    def receipt() -> bytes | None:
        try:
            return bytes(net.ask(name, "receipt", "Patient", "p1", None, False))
        except operate.OperateError as error:
            assert error.code in ("change-waits", "too-few-cosignatures", "not-anchored-yet"), error
            return None

    found: list[bytes] = []
    until(lambda: found.append(made) or True if (made := receipt()) else False, "its receipt is made")
    tool = Path(__file__).resolve().parents[2] / "tools" / "verify_receipt.py"
    for file, data in (("root.json", net.ask("brigid", "root")), ("r.json", found[0]), ("p1.json", record)):
        (folder / file).write_bytes(data)
    command = [sys.executable, "-I", str(tool), "--root", "root.json", "--record", "p1.json", "r.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_expired_a_broken_and_a_foreign_invitation_are_refused_in_words(net: Net, tmp_path: Path) -> None:
    file = tmp_path / "invitation.json"
    net.at("harbour", "invite", "late-comer", "--out", str(file))
    good = json.loads(file.read_bytes())
    words = ["join", str(file), "--endpoint", "https://127.0.0.1:1", "--folder", str(tmp_path / "x"), "--wait", "1"]
    file.write_bytes(codec.encode_json(good | {"expires": 1_700_000_000_000}))
    assert "invitation-expired" in medrec(*words, code=2)
    file.write_bytes(codec.encode_json(good | {"secret": "00" * 32}))
    assert "invitation-unknown" in medrec(*words, code=2)
    file.write_bytes(file.read_bytes()[:-20])
    assert "no invitation" in medrec(*words, code=2)
    assert "exists" in net.at("harbour", "invite", "late-comer", "--out", str(file), code=2)
    assert "organisation-exists" in net.at("harbour", "invite", "brigid", "--out", str(tmp_path / "y"), code=2)


def test_a_member_replaces_its_keys_and_goes_on(net: Net) -> None:
    folder, name = net.home / "records of lakeside", "lakeside"
    folder.mkdir()
    (folder / "a.ndjson").write_bytes(b'{"resourceType":"Patient","id":"p1","active":true}\n')
    net.ask(name, "ingest", str(folder), False)
    old = OrganisationKeys.load(net.settings[name].parent / "data" / "keys")
    tool = Path(__file__).resolve().parents[2] / "tools" / "verify_receipt.py"

    def receipt(root: bytes) -> bool:
        """Whether the node's receipt can be made now, and is genuine under this root file."""
        try:
            made = bytes(net.ask(name, "receipt", "Patient", "p1", None, False))
        except operate.OperateError as error:
            assert error.code in ("change-waits", "too-few-cosignatures", "not-anchored-yet", "in-use"), error
            return False
        for file, data in (("root.json", root), ("r.json", made), ("p1.json", (folder / "a.ndjson").read_bytes()[:-1])):
            (folder / file).write_bytes(data)
        command = [sys.executable, "-I", str(tool), "--root", "root.json", "--record", "p1.json", "r.json"]
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0

    until(lambda: receipt(net.ask(name, "root")), "a receipt under the old keys")
    before = (folder / "r.json").read_bytes()
    assert "the key is" in net.at(name, "rotate", "--yes")
    keys = OrganisationKeys.load(net.settings[name].parent / "data" / "keys")
    assert keys.key_id != old.key_id
    # It answers over https with a certificate that the new key vouches for, and speaks on the ledger.
    until(lambda: (told := members.health(net.settings[name])) is not None and told["ok"], "the node goes on")
    net.ask(name, "affirm")

    def changed(by: str) -> bool:
        document = json.loads(net.ask(by, "root"))["changes"]
        return any(one["keys"]["ed25519"] == keys.public()["ed25519"] for change in document for one in change["set"])

    for by in NAMES:
        until(lambda by=by: changed(by), f"the root file of {by} has the new keys")  # type: ignore[misc]
    until(lambda: not (net.settings[name].parent / "data" / "keys" / "former").exists(), "the old keys go")
    assert receipt(net.ask("brigid", "root"))
    (folder / "r.json").write_bytes(before)
    command = [sys.executable, "-I", str(tool), "--root", "root.json", "--record", "p1.json", "r.json"]
    assert subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0
    until(lambda: "4 of 4" in page(net, "harbour", "/pages/ledger"), "all sign a checkpoint with the keys they have")


def test_a_suspended_member_does_not_vote_and_a_vote_brings_it_back(net: Net) -> None:
    suspend = net.at("harbour", "propose", "suspend", "northern").split()[0]
    net.decide(suspend, ("brigid", "lakeside"))
    open_one = net.at("harbour", "propose", "upgrade", "--height", "88888").split()[0]
    net.sees("northern", open_one)  # it still follows
    assert "author-suspended" in net.at("northern", "vote", open_one, code=2)
    assert "no-vote" not in net.at("brigid", "vote", open_one)
    back = net.at("harbour", "propose", "reinstate", "northern").split()[0]
    net.decide(back, ("brigid", "lakeside"))
    height = max(net.ask(name, "status")["height"] for name in ("brigid", "lakeside"))  # they carried it out
    until(lambda: net.ask("northern", "status")["height"] >= height, "it sees that it is back")
    assert net.at("northern", "propose", "upgrade", "--height", "99999").split()[0]


def test_one_command_makes_a_network_runs_it_and_sees_that_all_are_one(program: Path, tmp_path: Path) -> None:
    home = str(tmp_path / "n")
    said = medrec("network", home, "--organisations", "4", "--port", str(row_of_ports(12)), "--check")
    assert "Made 4 members" in said and "stands on the ledger of all 4 members" in said
    again = medrec("network", home, "--check")
    assert "Made" not in again and "of all 4 members" in again


def test_nodes_end_with_the_process_that_runs_them_even_if_that_is_killed(program: Path, tmp_path: Path) -> None:
    (settings,) = members.make_network(tmp_path, ("alone",), "127.0.0.1", row_of_ports(3))
    code = f"""
from pathlib import Path
from medrec.cli import members
with members.Members([Path({str(settings)!r})], print) as running:
    running.wait_until_well()
    print("pid", next(iter(running._processes.values())).pid, flush=True)
    running.wait_for_the_end()
"""
    supervisor = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    node = next(int(line.split()[1]) for line in supervisor.stdout if line.startswith("pid"))
    supervisor.kill()
    supervisor.wait()
    stat = Path(f"/proc/{node}/stat")
    until(lambda: not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z", "the node ends")
    until(lambda: members.health(settings) is None, "nobody answers")
    with members.Members([settings], lambda line: None) as running:
        running.wait_until_well()


def test_a_newcomer_that_asked_for_a_snapshot_where_there_is_none_joins_by_the_same_command_without(
    program: Path, tmp_path: Path
) -> None:
    (settings,) = members.make_network(tmp_path, ("alone",), "127.0.0.1", row_of_ports(3))
    file, node = tmp_path / "hill.json", row_of_ports(3)
    words = ["join", str(file), "--endpoint", f"https://127.0.0.1:{node}", "--folder", str(tmp_path / "hill"),
             "--host", "127.0.0.1", "--engine-port", str(node + 1)]  # fmt: skip
    with members.Members([settings], lambda line: None) as running:
        running.wait_until_well()
        operate.ask(read_settings(settings).data, "affirm", [])  # there are blocks
        medrec("invite", "moor", "--out", str(tmp_path / "moor.json"), "--settings", str(settings))
        medrec("invite", "hill", "--out", str(file), "--settings", str(settings))
        read = json.loads(file.read_bytes())
        assert read["trust"]["height"] > 1 and read["trust"]["snapshot"] == 0
        assert "no-snapshot" in medrec(*words, "--sync", "--wait", "1", code=2)
        file.write_bytes(codec.encode_json(read | {"trust": read["trust"] | {"snapshot": 1}}))
        assert "offered a snapshot" in medrec(*words, "--sync", "--wait", "5", code=1)
        assert "hill is a member since height" in medrec(*words, "--no-validate", "--wait", str(LONG_S))
        # The invitation names a key: once that is replaced, the newcomer is told what is wrong.
        said = medrec("rotate", "--yes", "--settings", str(settings))
        assert "make new ones for moor." in said
        until(lambda: (told := members.health(settings)) is not None and told["ok"], "the node goes on")
        moor = [part.replace("hill", "moor") for part in words]
        assert "other-key" in medrec(*moor, "--wait", "1", code=2)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        said = medrec("network", str(tmp_path / "n"), "--port", str(port), "--make", code=2)
    assert str(port) in said and "--port" in said
