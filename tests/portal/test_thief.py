"""A thief with an unlocked phone and an open page; what a helper may not read: where notices go, keys, guardians."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.core import codec
from medrec.node.notify import former, teller
from medrec.node.notify.former import KEPT_MS
from tests.node.helping import Help
from tests.portal.rescue import Circle
from tests.portal.test_acting import page, signed_in, take_up


@pytest.fixture
def circle(tmp_path: Path) -> Iterator[Circle]:
    made = Circle(tmp_path)
    yield made
    made.network.close()


def queued(circle: Circle) -> list[tuple[str, str]]:
    """Kind and address of what waits to go out to Ada, oldest first."""
    node: Any = circle.guide
    with node.store.read() as connection:
        rows = connection.execute(sql.select(teller.waiting).order_by(teller.waiting.c.id)).all()
    opened = [codec.decode(node.vault.open(None, bytes(row.sealed), row.account.encode())) for row in rows]
    return [
        (row.kind, target["to"]) for row, target in zip(rows, opened, strict=True) if row.account == circle.ada.account
    ]


def test_who_changes_where_notices_go_is_heard_where_they_went(circle: Circle) -> None:
    settings = circle.ada.page + "/settings"
    assert circle.ada.send(settings, pace="digest", email="ada@example.org").status_code == 303
    assert queued(circle) == []
    assert circle.ada.send(settings, pace="quiet", email="thief@example.org").status_code == 303
    told = queued(circle)
    assert ("ways-change", "ada@example.org") in told and ("ways-change", "thief@example.org") in told
    # What the thief signs after that is told to both.
    circle.ada.does(circle.ada.page + "/keys", do="paper")
    assert ("key-change", "ada@example.org") in queued(circle)[len(told) :]
    # To switch everything off is no way either.
    assert circle.ada.send(settings, pace="quiet", email="").status_code == 303
    before = len(queued(circle))
    circle.ada.does(circle.ada.page + "/keys", do="freeze")
    assert {address for _, address in queued(circle)[before:]} == {"ada@example.org", "thief@example.org"}
    # After a month it was her own wish.
    circle.network.time += KEPT_MS + 1
    assert former.of(circle.guide, circle.ada.account) == []


def test_a_helper_reads_neither_where_notices_go_nor_keys_nor_guardians(tmp_path: Path) -> None:
    help_ = Help(tmp_path)
    try:
        help_.name_bo(rights=["look", "add", "correct", "consent"])
        client = signed_in(help_, help_.bo)
        take_up(help_, client)
        for path in ("/settings", "/keys", "/keys/paper", "/keys/record", "/guardians", "/guarding"):
            answer = client.get(page(help_.ada) + path)
            assert answer.status_code in (200, 403), path
            assert answer.status_code == 403 or "<li><strong>" not in answer.text, path
        more = client.get(page(help_.ada) + "/more").text
        assert "/settings" not in more and "/keys" not in more and "/timeline" in more
    finally:
        help_.close()
