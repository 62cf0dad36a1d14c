"""Two other ledgers in the same run: Tessera's POSIX log, and a MedRec-style contract on a local EVM node (anvil).

Both are installed below out/peers by their ordinary clients (go install; npm by the lock file in bench/anvil). What is
missing is said, not guessed.
Neither does what a network does: the log has one writer and no rules, anvil is one node that agrees with itself.
"""

import base64
import hashlib
import http.client
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from bench.peers import REPOSITORY
from medrec.demo.ports import free_ports

HOME = REPOSITORY / "out" / "peers"
TESSERA = "github.com/transparency-dev/tessera/cmd/conformance/posix@v1.0.2"
NPM = REPOSITORY / "bench" / "anvil"
"""The package and its lock file: version and hash of everything that is installed."""
CLIENTS, ADDS, CALLS = 512, 12_000, 2000

CONTRACT = """// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;
contract Anchors {
    mapping(address => uint64) public last;
    mapping(address => bytes32) public head;
    mapping(bytes32 => uint256) public nullified;
    event Anchored(address indexed organisation, uint64 first, uint32 count, bytes32 root, bytes32 journal);
    function anchor(uint64 first, uint32 count, bytes32 root, bytes32 journal, bytes32 previous, bytes32 nullifier)
        external {
        require(first == last[msg.sender] + 1, "gap");
        require(previous == head[msg.sender], "fork");
        last[msg.sender] = first + count - 1;
        head[msg.sender] = root;
        if (nullifier != 0 && nullified[nullifier] == 0) nullified[nullifier] = block.number;
        emit Anchored(msg.sender, first, count, root, journal);
    }
}
"""
COMPILE = """const solc = require("solc"); const source = require("fs").readFileSync(0, "utf8");
const out = JSON.parse(solc.compile(JSON.stringify({language: "Solidity", sources: {"a.sol": {content: source}},
  settings: {optimizer: {enabled: true},
    outputSelection: {"*": {"*": ["evm.bytecode.object", "evm.methodIdentifiers"]}}}})));
const made = out.contracts["a.sol"].Anchors.evm;
console.log(JSON.stringify({code: made.bytecode.object, methods: made.methodIdentifiers}));
"""


def measured(quick: bool) -> list[tuple[str, str]]:
    """What each peer did, in words; or why it was not measured."""
    found = []
    for name, measure in (("Tessera POSIX log, durable adds", tessera), ("contract on anvil, one node", anvil)):
        try:
            found.append((name, measure(10 if quick else 1)))
        except (OSError, subprocess.SubprocessError, http.client.HTTPException, ValueError, LookupError) as error:
            found.append((name, f"NOT MEASURED, {type(error).__name__}: {str(error)[:120]}"))
    return found


def tessera(scale: int) -> str:
    """Durable adds a second by so many clients, each with one entry under way: enough to fill its batches of 256."""
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    program = HOME / "posix"
    if not program.exists():
        if go is None:
            return "NOT MEASURED, Go is not installed"
        subprocess.run(
            [go, "install", TESSERA], env={**os.environ, "GOBIN": str(HOME)}, check=True, capture_output=True
        )
    (port,) = free_ports(1)
    signer = SigningKey(hashlib.sha256(b"bench").digest())
    public, name = b"\x01" + bytes(signer.verify_key), "bench.example"
    number = hashlib.sha256(name.encode() + b"\n" + public).digest()[:4].hex()
    secret = base64.b64encode(b"\x01" + bytes(signer)).decode()
    key = f"PRIVATE+KEY+{name}+{number}+{secret}"
    with tempfile.TemporaryDirectory(prefix="medrec-bench-", dir=os.environ.get("MEDREC_BENCH_DIR")) as folder:
        server = subprocess.Popen(
            [str(program), "--storage_dir", folder, "--listen", f"127.0.0.1:{port}"],
            env={**os.environ, "LOG_PRIVATE_KEY": key}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _until_answering(port)
            count = ADDS // scale
            taken = _together(count, port, lambda number: ("/add", number.to_bytes(300, "big")))
        finally:
            server.terminate()
            server.wait()
    return (
        f"{count / taken:,.0f}/s by {CLIENTS} clients, each waits until its entry is durable; no signatures, no rules"
    )


def anvil(scale: int) -> str:
    """Anchors of a batch a second, each its own transaction and block."""
    program = install_anvil()
    if program is None:
        return "NOT MEASURED, npm is not installed"
    made = json.loads(
        subprocess.run(
            ["node", "-e", COMPILE], cwd=HOME, input=CONTRACT, text=True, check=True, capture_output=True
        ).stdout
    )
    (port,) = free_ports(1)
    server = subprocess.Popen([str(program), "--port", str(port), "--silent"])
    try:
        _until_answering(port)
        accounts: list[str] = _call(port, "eth_accounts")
        gas = hex(3_000_000)
        deployed = _call(port, "eth_sendTransaction", {"from": accounts[0], "data": "0x" + made["code"], "gas": gas})
        contract = _receipt(port, deployed)["contractAddress"]
        (selector,) = [value for name, value in made["methods"].items() if name.startswith("anchor(")]
        count, used = CALLS // scale, []

        def author(account: str) -> None:
            head, door = bytes(32), http.client.HTTPConnection("127.0.0.1", port)
            for number in range(count // len(accounts)):
                root = hashlib.sha256(f"{account} {number}".encode()).digest()
                words = [number * 4096 + 1, 4096, root, root, head, root]
                data = selector + "".join(w.hex() if isinstance(w, bytes) else f"{w:064x}" for w in words)
                sent = {"from": account, "to": contract, "data": "0x" + data, "gas": gas}
                used.append(_call(port, "eth_sendTransaction", sent, door=door))
                head = root

        threads = [threading.Thread(target=author, args=(account,)) for account in accounts]
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        receipt = _receipt(port, used[-1])
        taken = time.perf_counter() - begun
        if int(receipt["status"], 16) != 1:
            return "NOT MEASURED, the contract refused a batch"
        return (
            f"{len(used) / taken:,.0f} transactions/s, {int(receipt['gasUsed'], 16):,} gas each; in memory, "
            "one node, the batch's root only"
        )
    finally:
        server.terminate()
        server.wait()


def install_anvil() -> Path | None:
    """The program, installed below out/peers on first use from the lock file; None without npm. Raises OSError,
    subprocess.SubprocessError, LookupError on a machine for which there is none."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    for name in ("package.json", "package-lock.json"):
        HOME.mkdir(parents=True, exist_ok=True)
        # Without a package of its own npm would take the repository's.
        shutil.copy(NPM / name, HOME / name)
    if not (HOME / "node_modules" / "solc").is_dir() or not _anvils():
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"npm ci: {done.stderr.strip()[-100:]}")
    return _anvils()[0]


def _anvils() -> list[Path]:
    """The programs of this machine's kind; npm installs no other."""
    return sorted((HOME / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil"))


def _receipt(port: int, transaction: str) -> dict[str, Any]:
    """The receipt, once the transaction stands in a block. Asked by many at once the server makes a block for some of
    them and forgets the others in its pool until it is told to go on."""
    until = time.monotonic() + 30
    while (found := _call(port, "eth_getTransactionReceipt", transaction)) is None:
        if time.monotonic() > until:
            raise ValueError("a transaction never came into a block")
        _call(port, "evm_mine")
    return dict(found)


def _call(port: int, method: str, *parameters: Any, door: http.client.HTTPConnection | None = None) -> Any:
    door = door or http.client.HTTPConnection("127.0.0.1", port)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
    door.request("POST", "/", body, {"content-type": "application/json"})
    answer = json.loads(door.getresponse().read())
    if "error" in answer:
        raise ValueError(answer["error"]["message"])
    return answer["result"]


def _together(count: int, port: int, make: Callable[[int], tuple[str, bytes]]) -> float:
    """Seconds that so many POSTs take CLIENTS clients."""

    def client(first: int) -> None:
        door = http.client.HTTPConnection("127.0.0.1", port)
        for number in range(first, count, CLIENTS):
            path, body = make(number)
            door.request("POST", path, body)
            answer = door.getresponse()
            answer.read()
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")

    threads = [threading.Thread(target=client, args=(first,)) for first in range(CLIENTS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun


def _until_answering(port: int) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            door = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            door.request("GET", "/checkpoint")
            door.getresponse().read()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


__all__ = ["anvil", "measured", "tessera"]
