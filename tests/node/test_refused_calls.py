"""Refused calls: so many lines of one caller in a minute, and one more that counts the rest when it is over."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from medrec.core import manifests
from medrec.node.keeping import store
from medrec.node.keeping.store import StoreError
from medrec.node.peers.refused_calls import LINES_MAX, LINES_MS, refused_calls
from tests.node.test_app import Letter
from tests.node.wire import Wire


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    made = Wire(tmp_path)
    made.serve("south")
    yield made
    made.close()


def lines(wire: Wire) -> list[Any]:
    node = wire.nodes["south"]
    with node.store.read() as connection:
        rows = connection.execute(store.line.select().order_by(store.line.c.seq)).all()
        opened = [
            node.journal.manifest(connection, bytes(row.manifest)) for row in rows if row.kind == "call-refused/1"
        ]
    return [manifests.decode(found[1]) for found in opened if found is not None]


def late(wire: Wire, count: int) -> None:
    for _ in range(count):
        assert Letter(wire, at=wire.clock.now - 600_000).told() == (401, "signature-stale")


def test_what_has_no_line_of_its_own_is_counted_when_the_minute_is_over(wire: Wire) -> None:
    late(wire, LINES_MAX + 13)
    refused_calls(wire.nodes["south"]).step(wire.nodes["south"])
    assert len(lines(wire)) == LINES_MAX
    wire.clock.now += LINES_MS
    # The node's own round does it: nobody has to call again.
    refused_calls(wire.nodes["south"]).step(wire.nodes["south"])
    refused_calls(wire.nodes["south"]).step(wire.nodes["south"])
    *each, last = lines(wire)
    assert len(each) == LINES_MAX and all(one.more is UNSET for one in each)
    assert (last.caller, last.code, last.path, last.more) == ("north", "signature-stale", "/medrec/echo", 13)
    assert last.time == wire.clock.now
    # The next minute begins anew.
    late(wire, 1)
    assert len(lines(wire)) == LINES_MAX + 2


def test_who_calls_no_more_than_that_has_no_count(wire: Wire) -> None:
    late(wire, LINES_MAX)
    wire.clock.now += LINES_MS
    late(wire, 1)
    assert [one.more for one in lines(wire)] == [UNSET] * (LINES_MAX + 1)


def test_a_count_that_cannot_be_written_down_is_tried_again(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    late(wire, LINES_MAX + 2)
    wire.clock.now += LINES_MS
    south = wire.nodes["south"]

    def broken(closure: Any) -> Any:
        raise StoreError("disk", "The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(south.store, "write", broken)
        with pytest.raises(StoreError):
            refused_calls(south).step(south)
    refused_calls(south).step(south)
    assert [one.more for one in lines(wire)][-1] == 2
