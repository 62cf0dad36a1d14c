"""The stand-alone witness answers everybody: each of its routes, asked with all that stands for somebody or for its own
keys, tells neither. A route that nobody entered here fails."""

import base64
import hashlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from medrec.node.witness.witness import Witness, read_logs, set_up
from medrec.node.witness.witness_app import witness_app
from medrec.node.witness.witness_keys import WitnessKeys
from tests.access.staff import clean
from tests.access.test_matrix import identifiers
from tests.access.test_rules import addresses
from tests.access.world import World

ANSWERS = {
    "POST /add-checkpoint": "a cosignature of a head",
    "POST /root": "what became of a root file",
    "GET /": "who it is and where each log stands",
    "GET /log/{log}/checkpoint": "the head cosigned last",
    "GET /evidence/{name}": "two signed heads that contradict each other",
}
"""All that a witness answers, and what with: for everybody to read, and about nobody."""


class Set(NamedTuple):
    """A witness beside the node that holds his records, and what none of its answers may hold."""

    world: World
    witness: Witness
    folder: Path
    secrets: tuple[bytes, ...]


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Set]:
    folder = tmp_path_factory.mktemp("witness")
    world = World(folder)
    own = folder / "witness"
    set_up(own, WitnessKeys.generate("witness.example/w"))
    keys = WitnessKeys.load(own)
    made = Witness(keys, own, read_logs(own), lambda: world.network.time)
    seeds = keys._seeds.values()
    written = [way(seed) for seed in seeds for way in (bytes, base64.b64encode, lambda one: one.hex().encode())]
    yield Set(world, made, own, tuple(written))
    world.network.close()


def without_line(application: Any) -> set[str]:
    """The addresses of a witness that nobody entered in ANSWERS."""
    return addresses(application) - set(ANSWERS)


def ask_everything(placed: Set, application: Starlette, address: str) -> None:
    """An address with each of his identifiers, and each way to a file of the witness, in its places and as its body."""
    method, _, path = address.partition(" ")
    client = TestClient(application, raise_server_exceptions=False)
    his = identifiers(placed.world)
    files = [str(one.relative_to(placed.folder)) for one in placed.folder.rglob("*")]
    wanted = [*his, *(hashlib.sha256(one.encode()).hexdigest() for one in his)]
    wanted += [quote(up + one, "") for one, up in itertools.product(files, ("", "../", "../../"))]
    for one in wanted:
        where = re.sub(r"{\w+}", lambda found, one=one: one, path)
        for body in (b"", one.encode(), b'{"log": "%s"}' % one.encode()) if method == "POST" else (None,):
            answer = client.request(method, where, content=body, follow_redirects=False)
            shown = answer.content.replace(one.encode(), b"")
            assert clean(shown) and not any(secret in answer.content for secret in placed.secrets), (address, one)
            assert answer.status_code < 500, (address, one)
            if "{" in path or method == "POST":
                assert answer.status_code >= 400, (address, one)


def test_every_address_of_a_witness_is_entered_and_none_is_left(placed: Set) -> None:
    application = witness_app(placed.witness)
    assert without_line(application) == set() and set(ANSWERS) == addresses(application)


@pytest.mark.parametrize("address", sorted(ANSWERS))
def test_no_address_of_a_witness_tells_of_anybody_or_of_its_keys(placed: Set, address: str) -> None:
    ask_everything(placed, witness_app(placed.witness), address)


def test_a_route_that_is_added_is_found_and_so_is_what_it_tells(placed: Set) -> None:
    (secret, *_) = placed.secrets

    def keys(request: Request) -> PlainTextResponse:
        return PlainTextResponse(secret)

    planted = Starlette(routes=[*witness_app(placed.witness).routes, Route("/keys", keys, methods=["GET"])])
    assert without_line(planted) == {"GET /keys"}
    with pytest.raises(AssertionError, match="keys"):
        ask_everything(placed, planted, "GET /keys")
