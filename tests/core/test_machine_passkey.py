"""Passkeys on the ledger: assertions sign transactions, and nothing about a signature's bytes changes a result."""

import pytest
from authenticator import high_s
from ledger_cases import Case, of_family, repack
from ledger_world import World, id_of
from passkey_cases import PHONE, TABLET, adding, opening, passkey_address

from medrec.core import codec, state
from medrec.core.credential import Passkey
from medrec.core.outcome import Code


@pytest.mark.parametrize("case", of_family("passkey"))
def test_case(case: Case) -> None:
    world = World()
    data = case.build(world)
    assert world.try_out(data).outcomes[0].code == case.code


def test_the_record_of_a_passkey_holds_what_decides_and_no_label() -> None:
    world = World()
    world.accept(opening(world))
    account = state.account(world.view, passkey_address(PHONE))
    assert account is not None
    assert account.credentials == {
        PHONE.key_id.hex(): Passkey(-7, False, PHONE.public, list(PHONE.origins), PHONE.credential["rp"], 1)
    }


def test_the_reason_of_a_refused_assertion_is_told() -> None:
    world = World()
    world.accept(opening(world))
    data = adding(world, TABLET.credential)
    client = PHONE.client_data(id_of(data), origin="https://evil.example")
    outcome = world.try_out(repack(data, proof=PHONE.proof(id_of(data), client=client))).outcomes[0]
    assert outcome.code == Code.BAD_SIGNATURE and "origin" in outcome.detail


def test_another_assertion_over_the_same_body_changes_neither_id_nor_state() -> None:
    first, second = World(), World()
    data = opening(first)
    opening(second)
    other = repack(data, proof=PHONE.proof(id_of(data), client=PHONE.client_data(id_of(data), extra="x")))
    assert data != other and id_of(data) == id_of(other)
    assert first.accept(data).tip == second.accept(other).tip
    malleated = repack(data, proof=[*codec.decode(data)[1][:3], high_s(codec.decode(data)[1][3])])
    before = first.mapped()
    assert first.block(malleated).outcomes[0].detail == "replay" and first.mapped() == before
