"""Accounts of people, from the device's side: what the person's key signs, and how it reaches the ledger."""

from collections.abc import Callable, Mapping
from typing import Any

from medrec.core import ladder, state
from medrec.core.address import address_of
from medrec.core.credential import NewCredential, unpack_proof
from medrec.core.crypto import key_id
from medrec.core.machine import nonce_place
from medrec.core.outcome import Code, Outcome
from medrec.core.types import (
    EXPIRY_HEIGHTS_MAX,
    encode_body,
    encode_transaction,
    is_organisation_id,
    transaction_id,
)
from medrec.core.view import View
from medrec.engines.engine import Engine, TransactionRefused
from medrec.node.keeping.keys import PersonKey


class AccountError(Exception):
    """The ledger refused what an account asked; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.sentence)
        self.outcome = outcome


def signing_keys(view: View, signer: str) -> Mapping[str, NewCredential] | None:
    """The credentials, by key id in hex, that sign for an account that stands; for an organisation, those of its staff
    on the ledger. None where nobody signs."""
    if is_organisation_id(signer):
        organisation = state.organisation(view, signer)
        if organisation is None or not organisation.active:
            return None
        staff = state.read(view, ladder.staff_key(signer), ladder.Staff) or ladder.Staff()
        return {name: kept.credential for name, kept in staff.keys.items()}
    held = state.account(view, signer)
    return held.credentials if held is not None and not held.frozen else None


def submit_as_account(engine: Engine, network: bytes, account: str, key: PersonKey, kind: str, payload: Any) -> None:
    """Sign one transaction of an account with an Ed25519 key and put it on the ledger. Raises AccountError."""
    submit_signed(engine, network, account, key.key_id, key.sign_transaction_id, kind, payload)


def submit_signed(
    engine: Engine, network: bytes, author: str, key: bytes, sign: Callable[[bytes], bytes], kind: str, payload: Any
) -> None:
    """As `submit_as_account`, for any author and credential: `sign` turns 32 bytes into a packed proof."""
    body = next_body(engine, network, author, key, kind, payload)
    proof = unpack_proof(sign(transaction_id(body)))
    try:
        position = engine.submit([encode_transaction(body, proof)])[0]
        outcome = engine.blocks(position.height - 1)[0].outcomes[position.index]
    except TransactionRefused as refused:
        outcome = refused.outcome
    if outcome.code != Code.OK:
        raise AccountError(outcome)


def next_body(engine: Engine, network: bytes, author: str, key: bytes, kind: str, payload: Any) -> bytes:
    """The body of an author's next transaction, valid for as long as the ledger allows; its id is what is signed."""
    with engine.view() as view:
        nonce = state.read_integer(view, nonce_place(author, key, kind)) + 1
        expires = view.tip.height + EXPIRY_HEIGHTS_MAX
    return encode_body(
        author=author, expires=expires, key=key, kind=kind, network=network, nonce=nonce, payload=payload
    )


def open_account(engine: Engine, network: bytes, key: PersonKey, random: Callable[[int], bytes]) -> str:
    """Open an account whose first credential is this Ed25519 key; its address. Raises AccountError."""
    return open_account_with(
        engine, network, {"kind": "ed25519", "key": key.public}, key.sign_transaction_id, random(32)
    )


def open_account_with(
    engine: Engine, network: bytes, credential: dict[str, Any], sign: Callable[[bytes], bytes], salt: bytes
) -> str:
    """Open an account whose first credential (as account/create takes it) signs; its address. Raises AccountError."""
    public = credential["key"]
    account = address_of(public, salt)
    payload = {"credential": credential, "salt": salt}
    submit_signed(engine, network, account, key_id(public), sign, "account/create", payload)
    return account
