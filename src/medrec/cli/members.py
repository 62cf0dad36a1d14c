"""The folders of a network's members on one machine, and the processes that run them."""

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from medrec import wiring
from medrec.cli.node import SUPERVISED
from medrec.cli.stop import Stop
from medrec.core import codec
from medrec.node.keeping.files import make_inside
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.peers import tls
from medrec.node.serve import ServeError, check_port
from medrec.node.settings import read_settings

SETTINGS = "medrec.toml"
PORTS_EACH = 3
START_S = 180.0
PAUSES_S = (0.5, 1, 2, 5, 15)
STEADY_S = 60.0

Say = Callable[[str], None]


def make_network(home: Path, names: Sequence[str], host: str, first: int) -> list[Path]:
    """Folders for the founders of a new network, each with keys, certificate, engine and settings; the settings files.

    Ports: three for each, from `first`: the node's, its engine's for the others, its engine's for itself.
    Raises Stop for a port that is taken.
    """
    ports = {name: first + PORTS_EACH * number for number, name in enumerate(names)}
    for port in range(first, first + PORTS_EACH * len(names)):
        try:
            check_port(host, port)
        except ServeError as error:
            raise Stop("port", f"{error} `--port` sets the first of {PORTS_EACH * len(names)} ports.") from None
    keys = {name: OrganisationKeys.generate(name) for name in names}
    founders = [
        {
            "id": name,
            "name": name.replace("-", " ").title(),
            "roles": ["hospital"],
            "endpoint": f"https://{host}:{ports[name]}",
            "keys": keys[name].public(),
        }
        for name in names
    ]
    genesis = wiring.genesis_document("A network on one machine", wiring.now_ms(), founders)
    wiring.check_genesis(genesis)

    def make(work: Path) -> None:
        for name in names:
            endpoint = f"https://{host}:{ports[name]}"
            write_member(work / name, keys[name], genesis, "hospital", endpoint, host, ports[name])
        places = {name: (work / name / "ledger", ports[name] + 1, ports[name] + 2) for name in names}
        wiring.found_engines(genesis, places, host)

    try:
        make_inside(home, make)
    except FileExistsError as error:
        raise Stop("exists", f"Something is there already: {error}. Choose another folder.") from None
    return [home / name / SETTINGS for name in names]


def write_member(
    folder: Path, keys: OrganisationKeys, genesis: dict[str, Any], role: str, endpoint: str, host: str, port: int
) -> None:
    """One member's folder without its engine: keys, genesis, certificate, settings."""
    folder.mkdir(parents=True, exist_ok=True)
    keys.save(folder / "data" / "keys")
    (folder / "genesis.json").write_bytes(codec.encode_json(genesis))
    tls.make_certificate(keys, endpoint, folder / "tls", wiring.now_ms())
    lines = {
        "organisation": keys.organisation,
        "roles": [role],
        "engine": "cometbft",
        "ledger": "ledger",
        "endpoint": endpoint,
        "host": host,
        "port": port,
        "certificate": f"tls/{tls.CERTIFICATE_FILE}",
        "certificate_key": f"tls/{tls.KEY_FILE}",
    }
    # A JSON value is a TOML value.
    (folder / SETTINGS).write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items()))


class Members:
    """The members' nodes as processes of their own; each runs its engine, and is started again when it ends."""

    def __init__(self, settings: Sequence[Path], say: Say) -> None:
        self._settings = list(settings)
        self._say = say
        self._stopping = threading.Event()
        self._processes: dict[Path, subprocess.Popen[str]] = {}
        self._threads = [threading.Thread(target=self._keep, args=(file,), daemon=True) for file in self._settings]

    def __enter__(self) -> "Members":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for process in self._processes.values():
            process.terminate()
        for thread in self._threads:
            thread.join(60)

    def _keep(self, file: Path) -> None:
        pauses = iter(PAUSES_S)
        while not self._stopping.is_set():
            begun = time.monotonic()
            process = self._processes[file] = subprocess.Popen(  # noqa: S603  # this program
                [sys.executable, "-m", "medrec", "start", "--settings", str(file)],
                stdin=subprocess.PIPE,  # it closes when this process ends, whatever ends it, and the node ends with it
                env={**os.environ, SUPERVISED: "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,  # the end comes from here, not from the terminal to all at once
            )
            assert process.stdout is not None
            for line in process.stdout:
                self._say(f"{file.parent.name}: {line.strip()}")
            process.wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - begun > STEADY_S:
                pauses = iter(PAUSES_S)
            self._say(f"{file.parent.name}: ended with code {process.returncode}; it is started again")
            self._stopping.wait(next(pauses, PAUSES_S[-1]))

    def wait_until_well(self) -> dict[str, dict[str, Any]]:
        """What every node says of itself once all answer. Raises Stop after START_S."""
        until = time.monotonic() + START_S
        told: dict[str, dict[str, Any]] = {}
        while len(told) < len(self._settings):
            for file in self._settings:
                answer = health(file)
                if answer is not None and answer["ok"]:
                    told[file.parent.name] = answer
            if time.monotonic() > until:
                missing = [file.parent.name for file in self._settings if file.parent.name not in told]
                raise Stop("not-well", f"{', '.join(missing)} did not answer within {START_S:.0f} s; see above.")
            time.sleep(0.2)
        return told

    def wait_for_the_end(self) -> None:
        """Until the process is told to stop."""
        told = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: told.set())
        told.wait()


def health(settings: Path) -> dict[str, Any] | None:
    """What a node of this machine says under /health, asked for as any other organisation would; None: no answer."""
    chosen = read_settings(settings).settings
    public = bytes.fromhex(OrganisationKeys.load(settings.parent / "data" / "keys").public()["ed25519"])
    context: ssl.SSLContext = tls.trust_in(chosen.organisation, public)
    try:
        with urllib.request.urlopen(f"{chosen.endpoint}/health", timeout=5, context=context) as answer:  # noqa: S310
            told = json.load(answer)
            return told if isinstance(told, dict) else None
    except (urllib.error.URLError, OSError, ValueError):
        return None
