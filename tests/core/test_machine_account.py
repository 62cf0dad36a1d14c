"""Accounts of people: opened by their first credential, kept by at least one."""

import pytest
from ledger_cases import Case, add, of_family, remove
from ledger_world import World, address, public

from medrec.core import state
from medrec.core.crypto import key_id


@pytest.mark.parametrize("case", of_family("account"))
def test_case(case: Case) -> None:
    world = World()
    data = case.build(world)
    assert world.try_out(data).outcomes[0].code == case.code


def test_an_account_holds_its_credentials_by_key_id_and_the_height_at_which_they_came() -> None:
    world = World()
    ada = world.open_account("ada")
    world.accept(add(world, "phone"))
    account = state.account(world.view, ada)
    assert account is not None and account.since == 1
    assert {name: one.since for name, one in account.credentials.items()} == {
        key_id(public("ada")).hex(): 1,
        key_id(public("phone")).hex(): 2,
    }
    world.accept(remove(world, "ada", by="phone"))
    account = state.account(world.view, ada)
    assert account is not None and list(account.credentials) == [key_id(public("phone")).hex()]


def test_a_credential_may_come_back_after_it_was_removed() -> None:
    world = World()
    world.open_account("ada")
    world.accept(add(world, "phone"), remove(world, "phone"), add(world, "phone"))


def test_two_accounts_are_two_authors_with_nonces_of_their_own() -> None:
    world = World()
    world.accept(world.opening("ada"), world.opening("bo"))
    for name in ("ada", "bo"):
        assert state.read_integer(world.view, state.nonce_key(address(name))) == 1
