"""Serving: ports, stopping, starting again, and a process that is told to end."""

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from medrec.demo.ports import free_ports
from medrec.node import app, serve
from medrec.node.serve import ServeError, Server, Site

from .wire import Wire, asked


@pytest.fixture
def wire(tmp_path):
    made = Wire(tmp_path)
    yield made
    made.close()


def test_a_port_that_is_taken_is_one_sentence(wire):
    wire.serve("south")
    port = wire.ports["south"]
    second = Server([Site(app.make_app(wire.nodes["north"]), "127.0.0.1", port)])
    with pytest.raises(ServeError) as caught:
        second.start()
    assert str(caught.value) == f"Port {port} on 127.0.0.1 cannot be had (Address already in use); choose another one."
    second.stop()
    with pytest.raises(ServeError, match="is not an address of this machine"):
        serve.check_port("no-such-host.invalid", 1)


def test_a_server_stops_starts_again_and_lets_its_port_go(wire):
    for _ in range(3):
        wire.serve("south", "north")
        assert asked("GET", wire.endpoints["south"] + "/health").status_code == 200
        wire.server.stop()
        assert not wire.server.running
        serve.check_port("127.0.0.1", wire.ports["south"])


SCRIPT = """
import sys
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from medrec.node.serve import ServeError, Site, serve
app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("here"))])
try:
    serve([Site(app, "127.0.0.1", int(port)) for port in sys.argv[1:]])
except ServeError as error:
    sys.exit(str(error))
print("quiet")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_told_to_stop_ends_by_itself(number):
    source = Path(serve.__file__).resolve().parents[2]
    ports = free_ports(2)
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, ports)],
        env=os.environ | {"PYTHONPATH": str(source)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                assert {asked("GET", f"http://127.0.0.1:{port}/").text for port in ports} == {"here"}
                break
            except httpx.TransportError:
                time.sleep(0.05)
        process.send_signal(number)
        out, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, out, errors) == (0, "quiet\n", "")


def test_while_a_process_serves_what_was_there_at_its_start_is_not_searched_for_garbage(wire):
    kept = []

    def ended() -> bool:
        kept.append(gc.get_freeze_count())
        return True

    site = Site(app.make_app(wire.nodes["south"]), "127.0.0.1", free_ports(1)[0])
    serve.serve([site], ended)
    assert kept[0] > 0 and gc.get_freeze_count() == 0
