"""A thief with an unlocked phone and an open page; what a helper may not read: where notices go, keys, guardians."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.core import codec
from medrec.node.notify import former, teller, wishes
from medrec.node.notify.former import KEPT_MS
from medrec.portal.sign_in import to_text
from tests.node.helping import Help
from tests.portal.rescue import Circle, authenticator
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


def told_on(node: Any) -> list[tuple[str, str]]:
    """Kind and channel of everything that waits to go out, oldest first."""
    with node.store.read() as connection:
        rows = connection.execute(sql.select(teller.waiting).order_by(teller.waiting.c.id)).all()
    return [(row.kind, row.channel) for row in rows]


def test_who_changes_where_notices_go_is_heard_where_they_went(circle: Circle) -> None:
    settings = circle.ada.page + "/settings"
    circle.ada.does(settings, pace="digest", email="ada@example.org")
    assert queued(circle) == []
    circle.ada.does(settings, pace="quiet", email="thief@example.org")
    told = queued(circle)
    assert ("ways-change", "ada@example.org") in told and ("ways-change", "thief@example.org") in told
    # What the thief signs after that is told to both.
    circle.ada.does(circle.ada.page + "/keys", do="paper")
    assert ("key-change", "ada@example.org") in queued(circle)[len(told) :]
    # To switch everything off is no way either.
    circle.ada.does(settings, pace="quiet", email="")
    before = len(queued(circle))
    circle.ada.does(circle.ada.page + "/keys", do="freeze")
    assert {address for _, address in queued(circle)[before:]} == {"ada@example.org", "thief@example.org"}
    # After a month it was her own wish.
    circle.network.time += KEPT_MS + 1
    assert former.of(circle.guide, circle.ada.account) == []


def test_an_open_page_alone_changes_nothing_about_notices(circle: Circle) -> None:
    ada, settings = circle.ada, circle.ada.page + "/settings"
    ada.does(settings, pace="digest", email="ada@example.org")
    keys = {"p256dh": to_text(bytes(65)), "auth": to_text(bytes(16))}
    local = json.dumps({"endpoint": "http://127.0.0.1:9/thief", "keys": keys})
    node: Any = circle.guide
    node.teller.loopback = True
    ada.does(settings, browser=local.replace("thief", "hers"))
    kept = wishes.of(node, ada.account)
    before = len(told_on(node))
    hers = ada.key
    thief = authenticator("the thief's own")
    for fields in (
        {"pace": "digest", "email": "thief@example.org"},
        {"pace": "quiet", "email": "ada@example.org"},
        {"pace": "digest", "email": ""},
        {"pace": "digest", "email": "ada@example.org", "webhook": "http://127.0.0.1:9/thief"},
        {"browser": local},
        {"forget": "1"},
    ):
        ada.key = hers
        asked = ada.send(settings, **fields)
        assert "/sign/" in asked.headers["location"], fields
        # The page is open, the finger is not hers.
        ada.key = thief
        assert ada.confirm(asked).status_code == 403, fields
        assert wishes.of(node, ada.account) == kept, fields
    ada.key = hers
    # The key says yes to what it reads: where they will go.
    asked = ada.send(settings, pace="digest", email="new@example.org")
    assert "new@example.org" in ada.asked(asked)
    assert len(told_on(node)) == before
    ada.does(settings, pace="digest", email="new@example.org")
    assert ("ways-change", "email") in told_on(node)[before:]
    # One more browser is told of to where they went already.
    before = len(told_on(node))
    ada.does(settings, browser=local)
    assert {("ways-change", "email"), ("ways-change", "push")} <= set(told_on(node)[before:])
    # What changes nothing is not asked about.
    assert "done=saved" in ada.send(settings, pace="digest", email="new@example.org").headers["location"]


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
