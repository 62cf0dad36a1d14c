"""Programs of others that must get on with ours: a witness and a checker of tiles, built once from their sources."""

import base64
import hashlib
import socket
import sqlite3
import struct
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from nacl.signing import SigningKey

from medrec.core.checkpoint import COSIGNATURE_ED25519, NoteKey
from medrec.engines.go_program import GoProgram

LITEWITNESS = GoProgram("litewitness", "filippo.io/torchwood", "cmd/litewitness", "v0.9.0")
FSCK = GoProgram("Tessera's fsck", "github.com/transparency-dev/tessera", "cmd/fsck", "v1.0.4")
WAIT_S = 120.0


def wait_for(found, what: str):
    """What `found` gives once it gives something; fails after a generous while."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        value = found()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come within {WAIT_S:g} seconds")


def _text(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


class SshAgent:
    """As much of an ssh-agent as litewitness wants: one Ed25519 key that is named, and signs what it is given."""

    def __init__(self, path: Path, key: SigningKey) -> None:
        self._key = key
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(4)
        self.blob = _text(b"ssh-ed25519") + _text(bytes(key.verify_key))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while len(head := stream.read(4)) == 4:
                message = stream.read(struct.unpack(">I", head)[0])
                if message[0] == 11:  # which identities
                    answer = b"\x0c" + struct.pack(">I", 1) + _text(self.blob) + _text(b"test")
                elif message[0] == 13:  # sign
                    size = struct.unpack(">I", message[1:5])[0]
                    rest = message[5 + size :]
                    data = rest[4 : 4 + struct.unpack(">I", rest[:4])[0]]
                    answer = b"\x0e" + _text(_text(b"ssh-ed25519") + _text(self._key.sign(data).signature))
                else:
                    answer = b"\x05"
                connection.sendall(_text(answer))

    def close(self) -> None:
        self._listener.close()


class LiteWitness:
    """A litewitness process in a folder that follows one log under some keys."""

    name = "litewitness.example/w"

    def __init__(self, folder: Path, port: int, origin: str, keys: Sequence[NoteKey]) -> None:
        folder.mkdir()
        self.url = f"http://127.0.0.1:{port}"
        key = SigningKey(hashlib.sha256(b"litewitness").digest())
        self.keys = (NoteKey(self.name, COSIGNATURE_ED25519, bytes(key.verify_key)),)
        self._agent = SshAgent(folder / "agent.sock", key)
        fingerprint = base64.b64encode(hashlib.sha256(self._agent.blob).digest()).decode().rstrip("=")
        self._database = folder / "litewitness.db"
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [
                *(str(LITEWITNESS.program()), "-name", self.name, "-listen", f"127.0.0.1:{port}"),
                *("-db", "litewitness.db", "-ssh-agent", "agent.sock", "-key", f"SHA256:{fingerprint}"),
            ],
            cwd=folder,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._follow(port, origin, keys)

    def _follow(self, port: int, origin: str, keys: Sequence[NoteKey]) -> None:
        """The tool that adds logs cannot be had; it writes these rows."""

        def answers() -> bool:
            assert self._process.poll() is None, (self._database.parent / "log").read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_for(answers, "litewitness")
        with sqlite3.connect(self._database, timeout=30) as database:
            empty = base64_of(bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))
            database.execute("INSERT INTO log VALUES (?, 0, ?)", (origin, empty))
            database.executemany("INSERT INTO key VALUES (?, ?)", [(origin, key.vkey()) for key in keys])
        database.close()

    def size(self) -> int:
        """The size that it cosigned last."""
        with sqlite3.connect(self._database, timeout=30) as database:
            (found,) = database.execute("SELECT tree_size FROM log").fetchone()
        database.close()
        return found

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._agent.close()
        self._log.close()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def fsck(url: str, key: NoteKey, folder: Path) -> str:
    """What Tessera's fsck says of a published log; it ends with 0 either way, so its words count.

    With one worker it waits for ever once that worker has found a fault; with more than there are files it does not.
    """
    file = folder / "log.vkey"
    file.write_text(key.vkey())
    done = subprocess.run(
        [str(FSCK.program()), f"--storage_url={url}", f"--public_key={file}", "--ui=false", "--logtostderr", "-N=64"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr
