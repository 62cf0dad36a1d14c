"""His identifiers in every field of JSON that a call of the site reads: nothing of his comes out.

No list of fields is kept here either: what a call asks its body for is answered, whatever it is called, so that a field
which is added tomorrow is asked about as well. What a probe of test_site names stays as it is there, so that a call
reads on.
"""

import itertools
import json
from typing import Any

import pytest
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from medrec.node.peers.rules import Rule
from medrec.portal import calls, rules
from medrec.portal.app import Site, pages
from medrec.portal.sign_in import read_json
from tests.access.staff import clean
from tests.access.test_matrix import roles
from tests.access.test_site import SENT, Sent, known, send
from tests.access.test_site import world as world
from tests.access.world import World

WITH_JSON = sorted(
    {
        *("POST /signing/act", "POST /signing/answer", "POST /sign-in/challenge", "POST /sign-in/answer"),
        *("POST /sign-in/register", "POST /join", "POST /coming-back/begin", "POST /s/{link}"),
    }
)
"""Calls that may read JSON; `test_every_call_that_reads_json_is_asked_so` finds one that is missing."""


class Naming(dict[str, Any]):
    """What a body says: every field names him, whatever it is called, but for those that are `fixed`; `asked` gathers
    what it was asked for."""

    def __init__(self, his: str, asked: set[str], fixed: dict[str, Any]) -> None:
        super().__init__(fixed)
        self._his = his
        self._asked = asked

    def __missing__(self, name: str) -> Any:
        return self._his

    def __getitem__(self, name: str) -> Any:
        self._asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name]

    def __contains__(self, name: object) -> bool:
        return True


def fields_asked(world: World, path: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """As everybody, every field naming him: fails where something of his comes out. The fields that were asked for."""
    client = TestClient(pages(world.network["guide"]), raise_server_exceptions=False)  # type: ignore[arg-type]
    asked: set[str] = set()
    reads = json.loads
    for his, (name, session) in itertools.product(known(world), roles(world).items()):
        probe = SENT[path](world, his)
        for fixed in (probe.json or {}, {}):

            def named(data: Any, *more: Any, fixed: Any = fixed, his: str = his, **said: Any) -> Any:
                value = reads(data, *more, **said)
                return Naming(his, asked, fixed) if value == {"names": "him"} else value

            with monkeypatch.context() as patch:
                patch.setattr(Site, "session_of", lambda self, request, session=session: session)
                patch.setattr(json, "loads", named)
                answer = client.post(probe.path, json={"names": "him"}, follow_redirects=False)
            assert clean(answer.content) and not answer.cookies, (name, path, his, answer.status_code)
    return asked


@pytest.mark.parametrize("path", WITH_JSON)
def test_no_field_of_json_tells_of_another_person(world: World, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = fields_asked(world, path, monkeypatch)
    assert asked or path == "POST /sign-in/challenge"


def test_every_call_that_reads_json_is_asked_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every address of the site that takes a POST and is no page is sent JSON; those that read it are known here."""
    client = TestClient(pages(world.network["guide"]), raise_server_exceptions=False)  # type: ignore[arg-type]
    read: set[str] = set()
    reads = json.loads
    for path in sorted(one for one in rules.RULES if one.startswith("POST ")):

        def seen(data: Any, *more: Any, path: str = path, **said: Any) -> Any:
            value = reads(data, *more, **said)
            if value == {"names": "him"}:
                read.add(path)
            return value

        with monkeypatch.context() as patch:
            patch.setattr(json, "loads", seen)
            client.post(path.removeprefix("POST ").replace("{link}", "x"), json={"names": "him"})
    assert read <= set(WITH_JSON) <= read | {"POST /sign-in/challenge"}


@pytest.mark.parametrize("field", ["account", "brand-new"])
def test_a_field_of_json_that_names_him_and_shows_him_is_found(
    world: World, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call as somebody might write it tomorrow: its probe knows nothing of the field."""

    def peek(site: Site, request: Any, body: bytes) -> Any:
        shown = "QUIVERING" if read_json(body).get(field) == "rec-of-z" else ""
        return JSONResponse({"shown": shown})

    monkeypatch.setitem(calls.CALLS, "peek", ("/peek", peek))
    monkeypatch.setitem(rules.RULES, "POST /peek", Rule.HELD)
    monkeypatch.setitem(SENT, "POST /peek", lambda world, his: Sent("/peek", json={"ticket": his}))
    client = TestClient(pages(world.network["guide"]))  # type: ignore[arg-type]
    for his in known(world):
        assert clean(send(client, SENT["POST /peek"](world, his)).content), "its probe sees nothing"
    with pytest.raises(AssertionError, match="peek"):
        fields_asked(world, "POST /peek", monkeypatch)
