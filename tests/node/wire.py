"""Organisations that speak over real sockets: one memory ledger, real stores and servers, a clock that tests turn."""

import os
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from medrec.core import state
from medrec.core.genesis import network_id
from medrec.core.outcome import Code
from medrec.core.types import encode_body, encode_transaction, transaction_id
from medrec.demo.ports import free_ports
from medrec.engines.memory import MemoryEngine
from medrec.node.app import make_app
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.keeping.vault import Vault
from medrec.node.node import Node
from medrec.node.peers.directory import Directory
from medrec.node.peers.peers import HttpPeers
from medrec.node.serve import Server, Site

from .stores import open_store
from .waiting import Waiting
from .world import Clock

NAMES = ("north", "south", "helper")
NO_TLS = ssl.create_default_context()
"""These sockets are plain: httpx would read all the certificates of the machine for each request."""


def asked(method: str, url: str, **more: Any) -> httpx.Response:
    """One request on a connection of its own."""
    return httpx.request(method, url, trust_env=False, verify=NO_TLS, **more)


class Wire:
    """Three founding organisations; `helper` serves people. `serve` puts their nodes on their ports."""

    def __init__(self, folder: Path, endpoints: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.clock = Clock()
        self.keys = {name: OrganisationKeys.from_seed(name, bytes([i]) * 32) for i, name in enumerate(NAMES)}
        self.ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
        self.endpoints = {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()} | (endpoints or {})
        self.genesis = {
            "medrec": "genesis/1",
            "name": "wire",
            "created": self.clock.now,
            "protocol": 1,
            "organisations": [
                {
                    "id": name,
                    "name": name.title(),
                    "roles": ["agent" if name == "helper" else "hospital"],
                    "endpoint": self.endpoints[name],
                    "keys": self.keys[name].public(),
                }
                for name in NAMES
            ],
        }
        self.network = network_id(self.genesis)
        self.engine = MemoryEngine(self.genesis, self.clock)
        self.directory = Directory(self.engine)
        self.nodes = Waiting(NAMES, self.node)
        self.server: Server | None = None

    def node(self, name: str) -> Node:
        return Node(
            organisation=name,
            genesis=self.genesis,
            keys=self.keys[name],
            engine=self.engine,
            store=open_store(self.folder / f"{name}.db"),
            vault=Vault.at(self.folder / f"{name}.key", os.urandom),
            clock=self.clock,
            peers=HttpPeers(self.keys[name], self.engine, self.clock, call_s=3.0),
            agent=name == "helper",
        )

    def serve(self, *names: str, pages: Any = None) -> None:
        sites = [Site(make_app(self.nodes[name], pages), "127.0.0.1", self.ports[name]) for name in names or NAMES]
        self.server = Server(sites)
        self.server.start()

    def submit(self, author: str, kind: str, payload: Any) -> bytes:
        """Put an organisation's transaction on the ledger; its id."""
        with self.engine.view() as view:
            nonce = state.read_integer(view, state.nonce_key(author)) + 1
            height = view.tip.height
        keys = self.keys[author]
        body = encode_body(
            author=author,
            expires=height + 100,
            key=keys.key_id,
            kind=kind,
            network=self.network,
            nonce=nonce,
            payload=payload,
        )
        proof = ["ed25519", keys.sign_transaction_id(transaction_id(body))]
        position = self.engine.submit([encode_transaction(body, proof)])[0]
        assert self.engine.blocks(position.height - 1)[0].outcomes[position.index].code == Code.OK
        return transaction_id(body)

    def suspend(self, name: str) -> None:
        change = {"change": "suspend", "id": name}
        proposal = self.submit("north", "governance/propose", {"change": change})
        for voter in ("south", "helper"):
            self.submit(voter, "governance/vote", {"proposal": proposal})
        found = Directory(self.engine).find(name)
        assert found is not None and not found.active

    def rotate(self, name: str, seed: bytes) -> OrganisationKeys:
        """Give an organisation new keys on the ledger; whoever holds the old object goes on signing with the old."""
        new = OrganisationKeys.from_seed(name, seed)
        payload = {"keys": {field: bytes.fromhex(value) for field, value in new.public().items()}}
        self.submit(name, "organisation/rotate", payload)
        self.keys[name] = new
        return new

    def close(self) -> None:
        if self.server is not None:
            self.server.stop()
        for node in self.nodes.opened:
            if isinstance(node.peers, HttpPeers):
                node.peers.close()
            node.store.close()


@contextmanager
def impostor(port: int, speak: Callable[[socket.socket], None]) -> Iterator[None]:
    """Something else that listens on a port: it reads the request's head, then does what `speak` does."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            seen = b""
            try:
                while b"\r\n\r\n" not in seen:
                    part = self.request.recv(65536)
                    if not part:
                        return
                    seen += part
                speak(self.request)
            except OSError:
                pass

    class Listener(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False

    with Listener(("127.0.0.1", port), Handler) as listener:
        threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield
        finally:
            listener.shutdown()
