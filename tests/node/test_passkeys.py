"""People whose only key is a passkey: their accounts, links, consents and revocations, from the signature on."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from medrec.core import state
from medrec.core.manifests.consent import Grant
from medrec.node.account.accounts import AccountError, open_account_with, submit_signed
from medrec.node.consent import consents as consenting
from medrec.node.refusals import Code, Refusal
from medrec.node.right_person.link import LinkError
from tests.node.forks import fork_of_ada, nothing
from tests.node.network import Network

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "core"))
from authenticator import Authenticator

PHONE = Authenticator("phone of a patient")


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, nothing) as forked:
        yield forked


@pytest.fixture
def ada(network: Network) -> str:
    account = open_account_with(network.engine, network.id, PHONE.credential, PHONE.sign, os.urandom(32))
    network["guide"].agent.enroll(account, "Ada", os.urandom(32))
    return account


def consent(network: Network, account: str, secret: bytes, sign: consenting.Sign) -> bytes:
    grant = Grant("permit", ["south"], [], None)
    return consenting.write_consent(network.id, "north", account, network.time, grant, secret, PHONE.key_id, sign)


def test_a_passkey_opens_an_account_and_adds_a_second_one(network: Network, ada: str) -> None:
    tablet = Authenticator("tablet of a patient")
    payload = {"credential": tablet.credential}
    submit_signed(network.engine, network.id, ada, PHONE.key_id, PHONE.sign, "account/credential-add", payload)
    with network.engine.view() as view:
        found = state.account(view, ada)
    assert found is not None and set(found.credentials) == {PHONE.key_id.hex(), tablet.key_id.hex()}
    with pytest.raises(AccountError):
        submit_signed(network.engine, network.id, ada, PHONE.key_id, tablet.sign, "account/credential-add", payload)


def test_a_passkey_links_consents_and_takes_back(network: Network, ada: str) -> None:
    code = network["north"].linker.invite("p1")
    network["guide"].agent.link(ada, "north", code, PHONE.sign_for)
    secret = os.urandom(32)
    given = network["north"].consents.give(consent(network, ada, secret, PHONE.sign_for))
    assert [kept.hash for kept in network["north"].consents.of(ada)] == [given.hash]
    body = consenting.write_revocation(ada, secret, PHONE.sign_for)
    consenting.answer_revocation(network["north"], "guide", body)
    assert network["north"].consents.of(ada) == []


def test_a_link_signed_by_another_passkey_is_refused(network: Network, ada: str) -> None:
    code = network["north"].linker.invite("p1")
    thief = Authenticator("thief")
    with pytest.raises(LinkError):
        network["guide"].agent.link(ada, "north", code, lambda digest: (PHONE.key_id, thief.sign(digest)))


def test_a_consent_signed_in_a_foreign_page_is_refused(network: Network, ada: str) -> None:
    network["guide"].agent.link(ada, "north", network["north"].linker.invite("p1"), PHONE.sign_for)
    evil = Authenticator("phone of a patient", origins=("https://evil.example",))
    with pytest.raises(Refusal) as refused:
        network["north"].consents.give(consent(network, ada, os.urandom(32), lambda m: (PHONE.key_id, evil.sign(m))))
    assert refused.value.reason is Code.BAD_SIGNATURE
