"""Logs and witnesses for tests: a log that one organisation signs, forks of it, and a web without sockets."""

import hashlib
from collections.abc import Callable

from medrec.core import merkle
from medrec.core.checkpoint import Checkpoint, Note, NoteKey, render_note
from medrec.core.witness import log_key, render_request
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.witness.witness import Answer, Witness
from medrec.node.witness.witnesses import WebError

NETWORK = bytes(range(32))
ORIGIN = "medrec/" + NETWORK.hex()
NORTH = OrganisationKeys.from_seed("north", b"n" * 32)
SOUTH = OrganisationKeys.from_seed("south", b"s" * 32)


def key_of(keys: OrganisationKeys) -> NoteKey:
    return log_key(ORIGIN, bytes.fromhex(keys.public()["cosign_ed25519"]))


class Log:
    """Leaves "0", "1", ...; from `fork` on the leaves are others."""

    def __init__(self, fork: int | None = None) -> None:
        self.fork = fork
        self.nodes: dict[bytes, bytes] = {}
        self.size = 0

    def grow(self, size: int) -> "Log":
        names = [f"{i}" if self.fork is None or i < self.fork else f"{i} forged" for i in range(self.size, size)]
        self.nodes.update(merkle.append(self.nodes.get, self.size, [merkle.leaf_hash(name.encode()) for name in names]))
        self.size = max(size, self.size)
        return self

    def root(self, size: int) -> bytes:
        self.grow(size)
        return merkle.log_root(self.nodes.get, size)

    def proof(self, old: int, size: int) -> list[bytes]:
        self.grow(size)
        return merkle.consistency_proof(self.nodes.get, old, size) if 0 < old < size else []

    def text(self, size: int, height: int | None = None) -> bytes:
        height = size if height is None else height
        state = hashlib.sha256(b"state%d" % height).digest()
        return Checkpoint(NETWORK, size, self.root(size), height, 1000 * height, state, 1).text()

    def note(self, size: int, keys: OrganisationKeys = NORTH, height: int | None = None) -> bytes:
        text = self.text(size, height)
        return render_note(Note(text, (keys.sign_as_log(text),)))

    def request(self, old: int, size: int, keys: OrganisationKeys = NORTH) -> bytes:
        return render_request(old, self.proof(old, size), self.note(size, keys))


class LocalWeb:
    """Witnesses by address, asked without sockets."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[bytes], Answer]] = {}
        self.pages: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.before: Callable[[str], None] = lambda url: None

    def join(self, url: str, witness: Witness) -> None:
        self.answers[f"{url}/add-checkpoint"] = witness.answer
        self.answers[f"{url}/root"] = witness.take_root

        for origin in witness.logs:
            digest = hashlib.sha256(origin.encode()).hexdigest()
            self.pages[f"{url}/log/{digest}/checkpoint"] = b""
        self._witnesses = getattr(self, "_witnesses", {}) | {url: witness}

    def post(self, url: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append(url)
        self.before(url)
        if url not in self.answers:
            raise WebError(f"{url} did not answer (unreachable).")
        answer = self.answers[url](body)
        return answer.status, answer.body

    def get(self, url: str) -> tuple[int, bytes]:
        for base, witness in self._witnesses.items():
            for origin in witness.logs:
                if url == f"{base}/log/{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint":
                    return 200, witness.head(origin).note
        return 404, b""
