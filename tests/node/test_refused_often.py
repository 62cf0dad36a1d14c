"""Refused again and again: some lines of one requester about one person in an hour, and one that counts the rest."""

import secrets
from typing import Any

import pytest
from msgspec import UNSET

from medrec.core import codec
from medrec.core.address import encode_address
from medrec.core.manifests.access import RefusalManifest
from medrec.node.keeping import store
from medrec.node.refusals import Code, Refusal
from medrec.node.release import refused_often
from medrec.node.release.pull import Pages
from medrec.node.release.refused_often import LINES_MAX, LINES_MS
from tests.node.network import Network, Patient
from tests.node.test_gate import ada as ada
from tests.node.test_gate import ask, direct, release, written
from tests.node.test_gate import network as network

REASON = "a reason that nobody else gives"


def asked(network: Network, account: str, times: int, by: str = "south") -> list[Code]:
    """What north says to somebody who asks again and again, with a new request each time."""
    found = []
    doctor = network[by].doctor()
    for _ in range(times):
        request = doctor.request(secrets.token_bytes(16), "TREAT", REASON)
        wanted = doctor.ask(network.id, "north", account, network.time + 60_000, request)
        found.append(direct(network, wanted, by))
    return found


def refusals(network: Network) -> list[RefusalManifest]:
    return written(network["north"], "refusal/1")


def step(network: Network) -> int:
    return refused_often.step(network["north"])  # type: ignore[arg-type]


def notices(network: Network) -> int:
    return len([row for row in network["north"].rows(store.outbox) if row.organisation == "guide"])


def test_three_hundred_questions_are_twenty_lines_and_one_with_the_exact_number(network: Network, ada: Patient) -> None:
    before = notices(network)
    assert set(asked(network, ada.account, 299)) == {Code.NOT_PERMITTED}
    network.time += 60_000
    asked(network, ada.account, 1)
    last, (north,) = network.time, [network["north"]]
    assert len(refusals(network)) == LINES_MAX == notices(network) - before
    # Before the hour is over nothing more is written.
    assert step(network) == 0
    network.time += LINES_MS - 60_000
    assert step(network) == 1 and step(network) == 0
    *each, rest = refusals(network)
    assert [one.more for one in each] == [UNSET] * LINES_MAX
    assert (rest.more, rest.time, rest.code, rest.request.requester) == (300 - LINES_MAX, last, "no-consent", "south")
    assert rest.request.reason == REASON and rest.basis is not None
    assert notices(network) - before == LINES_MAX + 1
    assert north.rows(refused_often.refused_often) == []


def test_nothing_that_was_counted_is_lost_in_a_crash(network: Network, ada: Patient) -> None:
    asked(network, ada.account, LINES_MAX + 7)
    network.crash("north")
    asked(network, ada.account, 2)
    network.crash("north")
    network.time += LINES_MS
    assert step(network) == 1
    assert [one.more for one in refusals(network)][LINES_MAX:] == [9]


def test_whoever_asks_after_the_hour_has_the_count_written_first(network: Network, ada: Patient) -> None:
    asked(network, ada.account, LINES_MAX + 3)
    network.time += LINES_MS
    asked(network, ada.account, 1)
    assert [one.more for one in refusals(network)][LINES_MAX:] == [3, UNSET]
    # The next hour begins anew.
    asked(network, ada.account, LINES_MAX)
    assert len(refusals(network)) == 2 * LINES_MAX + 1


def test_others_and_other_people_have_lines_of_their_own(network: Network, ada: Patient) -> None:
    bob = network.patient("bob", "north")
    asked(network, ada.account, LINES_MAX + 1)
    asked(network, ada.account, 1, by="east")
    asked(network, bob.account, 1)
    assert [(one.request.requester, one.account) for one in refusals(network)][LINES_MAX:] == [
        ("east", ada.account), ("south", bob.account),
    ]  # fmt: skip


def test_whoever_is_unknown_here_leaves_as_many_lines_of_the_same_form(network: Network, ada: Patient) -> None:
    stranger = network.patient("eve", "east").account
    for account in (ada.account, stranger):
        asked(network, account, LINES_MAX + 2)
    network.time += LINES_MS
    assert step(network) == 2
    mine, others = ([one for one in refusals(network) if one.account == who] for who in (ada.account, stranger))
    assert [one.more for one in mine] == [one.more for one in others] == [UNSET] * LINES_MAX + [2]
    rows: list[Any] = [row for row in network["north"].rows(store.line) if row.kind == "refusal/1"]
    sealed = {len(codec.decode(bytes(row.entry))[2]["sealed"]) for row in rows}
    assert len(rows) == 2 * LINES_MAX + 2 and len(sealed) == 1


def test_whoever_makes_accounts_up_fills_no_journal(network: Network, ada: Patient) -> None:
    """Each request names another account: the ledger has none of them, and all are counted as one."""
    made_up = [encode_address(secrets.token_bytes(32)) for _ in range(3 * LINES_MAX)]
    for account in made_up:
        assert asked(network, account, 1) == [Code.NOT_PERMITTED]
    assert [one.account for one in refusals(network)] == made_up[:LINES_MAX]
    asked(network, made_up[0], 1, by="east")
    network.crash("north")
    network.time += LINES_MS
    assert step(network) == 1
    *_, rest = refusals(network)
    assert (rest.more, rest.account, rest.request.requester) == (2 * LINES_MAX, made_up[-1], "south")
    # Each id is used up all the same, and a person of the ledger has lines of her own.
    asked(network, ada.account, 1)
    assert refusals(network)[-1].account == ada.account


def test_a_stranger_of_the_ledger_is_never_counted_among_those_made_up(network: Network, ada: Patient) -> None:
    stranger = network.patient("eve", "east").account
    for _ in range(LINES_MAX + 5):
        asked(network, encode_address(secrets.token_bytes(32)), 1)
    for account in (ada.account, stranger):
        asked(network, account, 3)
    mine, others = ([one for one in refusals(network) if one.account == who] for who in (ada.account, stranger))
    assert len(mine) == len(others) == 3


def test_a_request_that_was_only_counted_is_used_up(network: Network, ada: Patient) -> None:
    asked(network, ada.account, LINES_MAX)
    again = ask(network, ada.account)
    assert direct(network, again) is Code.NOT_PERMITTED
    network.consent(ada, "north", "south")
    assert direct(network, again) is Code.REQUEST_REPLAYED
    assert len(refusals(network)) == LINES_MAX
    network.time += LINES_MS
    assert step(network) == 1 and refusals(network)[-1].more == 2


def test_a_refusal_that_stops_a_disclosure_has_its_own_line(network: Network, ada: Patient) -> None:
    asked(network, ada.account, LINES_MAX + 1)
    signed = network.consent(ada, "north", "south")
    gate = network["north"].gate

    def revoke(name: str) -> None:
        if name == "recheck":
            network.take_back(ada, "north", signed)

    gate.step = revoke
    with pytest.raises(Refusal) as caught:
        release(network, ask(network, ada.account))
    assert caught.value.reason is Code.NOT_PERMITTED
    last = refusals(network)[-1]
    assert (last.code, last.more, len(refusals(network))) == ("consent-changed", UNSET, LINES_MAX + 1)
    assert last.obligation is not None


def test_what_is_counted_lies_sealed_and_goes_with_her(network: Network, ada: Patient) -> None:
    asked(network, ada.account, LINES_MAX + 1)
    north: Any = network["north"]
    (row,) = north.rows(refused_often.refused_often)
    assert REASON.encode() not in bytes(row.last)
    north.source.raw.clear()
    north.erasures.erase_person("ada", "patient-request")
    assert north.rows(refused_often.refused_often) == []
    network.time += LINES_MS
    assert step(network) == 0


def test_no_refusal_is_answered_that_is_not_counted(network: Network, ada: Patient) -> None:
    asked(network, ada.account, LINES_MAX)
    wanted = ask(network, ada.account)
    north: Any = network["north"]

    def no(connection: Any) -> None:
        raise store.StoreError("store-full", "No lines now.")

    north.journal.guard = no
    with pytest.raises(Refusal) as caught:
        north.gate.release("south", wanted, Pages(north))
    assert caught.value.reason is Code.STORE_UNUSABLE
    assert [row.more for row in north.rows(refused_often.refused_often)] == [0]
