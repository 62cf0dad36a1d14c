"""What happens to keys, devices and helpers is told at once on every channel that a person chose."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core import ladder
from medrec.node.account.accounts import submit_signed
from medrec.node.notify import wishes
from medrec.node.notify.teller import KEPT_MS, waiting
from medrec.node.notify.wishes import Wishes
from tests.core.authenticator import Authenticator
from tests.node.helping import DAY, Help, submit


@pytest.fixture
def help_(tmp_path: Path) -> Iterator[Help]:
    made = Help(tmp_path)
    made.guide.watch_accounts()
    wishes.keep(made.guide, made.ada.account, WISHED)
    yield made
    made.close()


WISHED = Wishes(email="ada@example.org", webhook="https://hook.example/x", secret=b"s" * 32, pace="quiet")


def told(help_: Help) -> list[Any]:
    rows = help_.guide.rows(waiting)
    return sorted((row.channel, row.kind, row.due <= help_.network.time) for row in rows)


def test_a_change_of_the_account_is_told_on_every_channel_at_once(help_: Help) -> None:
    submit(help_, help_.ada, "account/freeze", {"account": help_.ada.account})
    assert told(help_) == []
    help_.guide.watch_accounts()
    assert told(help_) == [("email", "key-change", True), ("webhook", "key-change", True)]
    help_.guide.watch_accounts()
    assert len(told(help_)) == 2


def test_a_helper_named_and_ended_is_told_once_each(help_: Help) -> None:
    secret = help_.name_bo()
    assert told(help_) == [("email", "key-change", True), ("webhook", "key-change", True)]
    help_.guide.delegates.take(help_.signed(secret))
    help_.end(secret)
    assert len(told(help_)) == 4
    assert not help_.end(secret)
    assert len(told(help_)) == 4


def test_what_happened_to_somebody_else_or_long_ago_is_not_told(help_: Help) -> None:
    submit(help_, help_.bo, "account/freeze", {"account": help_.bo.account})
    help_.guide.watch_accounts()
    assert told(help_) == []
    submit(help_, help_.ada, "account/freeze", {"account": help_.ada.account})
    help_.network.time += KEPT_MS + 1
    help_.guide.watch_accounts()
    assert told(help_) == []


def begun_by_paper(help_: Help) -> int:
    """A way back by a paper code begins, seven days after the code was made; how much had been told by then."""
    paper = help_.network.patient("paper").key
    doors = {"guardians": None, "papers": [ladder.paper_hash(paper.public)], "clinic": True}
    submit(help_, help_.ada, "account/doors", doors)
    help_.network.time += 7 * DAY
    help_.guide.watch_accounts()
    before = len(told(help_))
    payload = {"credential": Authenticator("new phone").credential, "paper": paper.public}
    engine, network = help_.network.engine, help_.network.id
    submit_signed(
        engine, network, help_.ada.account, paper.key_id, paper.sign_transaction_id, "recovery/by-paper", payload
    )
    return before


def test_an_agent_that_was_down_tells_of_a_way_back_that_can_still_be_stopped(help_: Help) -> None:
    """Three days and a minute: longer than a notice waits, and the thief's days still run."""
    before = begun_by_paper(help_)
    help_.network.time += KEPT_MS + 60_000
    with help_.network.engine.view() as view:
        assert ladder.recovery_waits(view, help_.ada.account, help_.network.time)
    help_.guide.watch_accounts()
    assert told(help_)[before:] == [("email", "key-change", True), ("webhook", "key-change", True)]


def test_a_way_back_that_is_over_rings_nobody(help_: Help) -> None:
    before = begun_by_paper(help_)
    help_.network.time += 400 * DAY
    help_.guide.watch_accounts()
    assert len(told(help_)) == before
