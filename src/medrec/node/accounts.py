"""Accounts of people, from the device's side: what the person's key signs, and how it reaches the ledger."""

from collections.abc import Callable
from typing import Any

from medrec.core import state
from medrec.core.address import address_of
from medrec.core.outcome import Code, Outcome
from medrec.core.types import EXPIRY_HEIGHTS_MAX, encode_body, encode_transaction, transaction_id
from medrec.engines.engine import Engine, TransactionRefused
from medrec.node.keys import PersonKey


class AccountError(Exception):
    """The ledger refused what an account asked; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.sentence)
        self.outcome = outcome


def submit_as_account(engine: Engine, network: bytes, account: str, key: PersonKey, kind: str, payload: Any) -> None:
    """Sign one transaction of an account with a credential and put it on the ledger. Raises AccountError."""
    with engine.view() as view:
        nonce = state.read_integer(view, state.nonce_key(account)) + 1
        expires = view.tip.height + EXPIRY_HEIGHTS_MAX
    body = encode_body(
        author=account, expires=expires, key=key.key_id, kind=kind, network=network, nonce=nonce, payload=payload
    )
    proof = ["ed25519", key.sign_transaction_id(transaction_id(body))]
    try:
        position = engine.submit([encode_transaction(body, proof)])[0]
        outcome = engine.blocks(position.height - 1)[0].outcomes[position.index]
    except TransactionRefused as refused:
        outcome = refused.outcome
    if outcome.code != Code.OK:
        raise AccountError(outcome)


def open_account(engine: Engine, network: bytes, key: PersonKey, random: Callable[[int], bytes]) -> str:
    """Open an account whose first credential is this key; its address. Raises AccountError."""
    salt = random(32)
    account = address_of(key.public, salt)
    credential = {"kind": "ed25519", "key": key.public}
    submit_as_account(engine, network, account, key, "account/create", {"credential": credential, "salt": salt})
    return account
