"""An emergency ends when it ends: with its link, with its review, with its time; across restarts, steps of the clock
and new keys. Each is tried over the wire.
"""

from collections.abc import Callable
from typing import Any

import pytest

from medrec.core.consent.emergency import REVIEW_MS
from medrec.node.agent.told import told
from medrec.node.looks import former
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release.emergency import REVIEWS_PATH
from tests.node.network import HOUR, Network, Patient
from tests.node.test_disputes import settle
from tests.node.test_emergency import ada, declare, deliver, network, refused, seen, written
from tests.node.test_emergency_wire import overdue

__all__ = ["ada", "network"]


def review(network: Network, identifier: bytes, outcome: Any = "justified") -> None:
    network["south"].emergency_reviews.review(identifier, "privacy", "P. Officer", outcome, "Looked into.")


def link_again(network: Network, person: Patient) -> None:
    """The link is undone, and she links again."""
    guide: Any = network["guide"].agent
    network["north"].linker.unlink("ada")
    settle(network)
    network.time += 1000
    guide.link(person.account, "north", network["north"].linker.invite("ada"), person.sign)
    settle(network)


def unlink(network: Network, person: Patient, declared: Any) -> None:
    network["north"].linker.unlink("ada")


def not_justified(network: Network, person: Patient, declared: Any) -> None:
    review(network, declared.id, "not-justified")
    assert deliver(network, REVIEWS_PATH) == [True]


def test_it_ends_with_the_link_and_does_not_come_back_with_the_next(network: Network, ada: Patient) -> None:
    declared = declare(network, ada.account, hours=120)
    declare(network, ada.account, hours=120, scope="restricted")
    assert "buprenorphine" in seen(network, ada.account)
    link_again(network, ada)
    assert refused(network, ada.account) == Code.EMERGENCY_UNDECLARED.value
    network.crash("north")
    assert refused(network, ada.account) == Code.EMERGENCY_UNDECLARED.value
    with pytest.raises(PeerError) as caught:
        declare(network, ada.account, scope="restricted")
    assert caught.value.code == Code.EMERGENCY_STEP.value
    # Whoever needs it declares it anew; the review of the first is owed all the same.
    again = declare(network, ada.account)
    assert again.id != declared.id and "warfarin" in seen(network, ada.account)
    network.anchor()
    network.time += REVIEW_MS + 1
    assert overdue(network, "south") == 3


def test_what_the_review_found_is_told_under_a_link_that_was_undone(network: Network, ada: Patient) -> None:
    declared = declare(network, ada.account)
    settle(network)
    network["north"].linker.unlink("ada")
    settle(network)
    review(network, declared.id, "not-justified")
    assert deliver(network, REVIEWS_PATH) == [True]
    settle(network)
    lines: Any = told(network["guide"], ada.account, "emergency-reviewed/1")  # type: ignore[arg-type]
    assert [line.manifest.outcome for line in lines] == ["not-justified"]


@pytest.mark.parametrize("end", [unlink, not_justified])
@pytest.mark.parametrize("step", ["journal", "recheck", "read", "compare"])
def test_what_ends_it_while_it_is_read_stops_the_release(
    network: Network, ada: Patient, step: str, end: Callable[..., None]
) -> None:
    declared, north = declare(network, ada.account), network["north"]

    def ends(name: str) -> None:
        if name == step:
            north.gate.step = lambda _: None
            end(network, ada, declared)

    north.gate.step = ends
    with pytest.raises(PeerError):
        seen(network, ada.account)
    assert written(network["south"], "disclosure-received/1") == [] or all(
        one.outcome != "received" for one in written(network["south"], "disclosure-received/1")
    )


@pytest.mark.parametrize("end", [unlink, not_justified])
@pytest.mark.parametrize("back", [1, 2 * HOUR, 100 * HOUR])
def test_what_was_ended_stays_ended_when_the_clock_goes_back(
    network: Network, ada: Patient, end: Callable[..., None], back: int
) -> None:
    declared = declare(network, ada.account, hours=120)
    network.time += 3 * HOUR
    network.anchor()
    end(network, ada, declared)
    if end is unlink:
        guide: Any = network["guide"].agent
        guide.link(ada.account, "north", network["north"].linker.invite("ada"), ada.sign)
    network.anchor()
    network.time -= back
    # Whatever else a wrong clock makes of the request, nothing comes.
    assert refused(network, ada.account) in (Code.EMERGENCY_UNDECLARED.value, Code.NOT_PERMITTED.value)


def test_its_times_are_those_of_the_declaration_through_restarts(network: Network, ada: Patient) -> None:
    declared = declare(network, ada.account)
    assert (declared.until, declared.due) == (network.time + 4 * HOUR, network.time + REVIEW_MS)
    network.time = declared.until - 1
    for name in ("north", "south"):
        network.crash(name)
    network.anchor()
    assert "warfarin" in seen(network, ada.account)
    (ours,), (theirs,) = network["south"].emergency_reviews.all(), network["north"].emergencies.all()
    assert (ours.until, ours.due, ours.status) == (theirs.until, theirs.due, theirs.status)
    assert (theirs.until, theirs.due, theirs.status) == (declared.until, declared.due, "open")
    network.time = declared.until
    network.crash("north").anchor()
    assert refused(network, ada.account) == Code.EMERGENCY_UNDECLARED.value
    network.anchor()
    network.time = declared.due + 1
    for name in ("north", "south"):
        network.crash(name)
    assert overdue(network, "south") == 1
    assert [one.status for one in network["south"].emergency_reviews.all()] == ["overdue"]
    review(network, declared.id)
    network.anchor()
    network.crash("south")
    assert overdue(network, "south") == 0 and deliver(network, REVIEWS_PATH) == [True]


def test_a_clock_that_goes_back_lengthens_nothing_that_the_ledger_counts(network: Network, ada: Patient) -> None:
    declared = declare(network, ada.account)
    network.anchor()
    network.time = declared.due + 1
    assert overdue(network, "south") == 1
    network.time -= 2 * REVIEW_MS
    network.crash("south")
    assert overdue(network, "south") == 1


@pytest.mark.parametrize("who", ["south", "north"])
def test_new_keys_of_either_place_change_nothing_of_it(network: Network, ada: Patient, who: str) -> None:
    declared = declare(network, ada.account)
    network.anchor()
    network.rotate(who)
    network.time += HOUR
    network.anchor()
    assert "warfarin" in seen(network, ada.account)
    declare(network, ada.account, scope="restricted", hours=1)
    network.time = declared.until
    network.anchor()
    assert refused(network, ada.account) == Code.EMERGENCY_UNDECLARED.value
    review(network, declared.id)
    network.anchor()
    assert overdue(network, "south") == 0 and deliver(network, REVIEWS_PATH) == [True]


def test_who_declared_does_not_review_it_after_a_restart_and_new_keys_either(network: Network, ada: Patient) -> None:
    declared = declare(network, ada.account)
    network.anchor()
    network.rotate("south")
    network.crash("south")
    for identifier, name in (("dr-south", "P. Officer"), ("privacy", "Dr South"), ("privacy", "south, dr")):
        with pytest.raises(Refusal) as caught:
            network["south"].emergency_reviews.review(declared.id, identifier, name, "justified", "It was I.")
        assert caught.value.reason is Code.OWN_EMERGENCY
    network.time += REVIEW_MS + 1
    assert overdue(network, "south") == 1


def test_an_emergency_of_nobody_linked_then_has_no_row_of_then(network: Network, ada: Patient) -> None:
    declare(network, ada.account)
    (here,) = network["north"].emergencies.all()
    with network["north"].store.read() as connection:
        assert former.of_line(network["north"], connection, here.account, 1) is None  # type: ignore[arg-type]


def test_the_second_step_lasts_no_longer_than_the_first(network: Network, ada: Patient) -> None:
    first = declare(network, ada.account, hours=1)
    second = declare(network, ada.account, scope="restricted", hours=120)
    assert second.until == first.until
    (shorter, *_) = [one for one in network["south"].emergency_reviews.all() if one.id == second.id]
    assert shorter.until == first.until
    assert "buprenorphine" in seen(network, ada.account)
    network.time = first.until
    network.anchor()
    assert refused(network, ada.account) == Code.EMERGENCY_UNDECLARED.value
    declare(network, ada.account)
    assert "buprenorphine" not in seen(network, ada.account)


@pytest.mark.parametrize("reviewed", ["summary", "restricted"])
def test_what_rested_on_a_first_step_falls_with_it(network: Network, ada: Patient, reviewed: str) -> None:
    steps = {scope: declare(network, ada.account, hours=120, scope=scope) for scope in ("summary", "restricted")}
    assert "buprenorphine" in seen(network, ada.account)
    not_justified(network, ada, steps[reviewed])
    if reviewed == "summary":
        assert refused(network, ada.account) == Code.EMERGENCY_UNDECLARED.value
        # Declared anew, the first step brings no second one back.
        declare(network, ada.account)
    assert "warfarin" in seen(network, ada.account) and "buprenorphine" not in seen(network, ada.account)


def test_what_another_doctor_declared_is_not_ended_with_it(network: Network, ada: Patient) -> None:
    south = network["south"]
    other = south.doctor("Dr Other")
    first = declare(network, ada.account, other, hours=2)
    for scope in ("summary", "restricted"):
        declare(network, ada.account, scope=scope)
    not_justified(network, ada, first)
    assert "buprenorphine" in seen(network, ada.account)


@pytest.mark.parametrize("words", ["", "  ", "\u200b\u200b", "\u2060"])
def test_a_review_in_words_that_nobody_sees_is_none(network: Network, ada: Patient, words: str) -> None:
    declared = declare(network, ada.account)
    with pytest.raises(Refusal) as caught:
        network["south"].emergency_reviews.review(declared.id, "privacy", "P. Officer", "justified", words)
    assert caught.value.reason is Code.REASON_MISSING


@pytest.mark.parametrize(
    "text",
    [
        "Found unconscious at the station",
        "وُجِدَ فاقدًا للوعي في محطة الحافلات",
        "बस स्टेशन पर बेहोश मिला, साँस नहीं",
        "Γιατί δεν αναπνέει καλά",
    ],
)
def test_a_reason_in_any_script_is_one(network: Network, ada: Patient, text: str) -> None:
    assert declare(network, ada.account, text=text).scope == "summary"
