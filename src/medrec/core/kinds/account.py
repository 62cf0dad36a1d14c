"""Account: a person's pseudonymous address and the credentials that may act for it.

The address follows from the first credential, so nobody can make an account in another's name; credentials come
and go, the address stays.
"""

import msgspec

from medrec.core import ladder, state
from medrec.core.address import address_of
from medrec.core.credential import NewCredential, can_sign, entered
from medrec.core.crypto import key_id
from medrec.core.outcome import Code, claim
from medrec.core.state import Account
from medrec.core.types import Bytes16, Bytes32, Fields, Transaction, read_fields
from medrec.core.view import Draft

CREDENTIALS_MAX = 16


class Create(Fields, frozen=True):
    """The payload of account/create: the first credential, and the salt of the address."""

    credential: NewCredential
    salt: Bytes32


class Add(Fields, frozen=True):
    """The payload of account/credential-add."""

    credential: NewCredential


class Remove(Fields, frozen=True):
    """The payload of account/credential-remove: the key id of the credential that goes."""

    key: Bytes16


def create(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """Open an account whose address follows from its first credential."""
    payload: Create = read_fields(transaction.body.payload, Create)
    address = transaction.body.author
    # The address is this credential's and no other's.
    claim(address_of(payload.credential.key, payload.salt) == address, Code.ADDRESS_MISMATCH)
    # Nobody opens an account twice.
    claim(state.account(draft, address) is None, Code.ACCOUNT_EXISTS)
    claim(can_sign(payload.credential), Code.BAD_CREDENTIAL)
    first = entered(payload.credential, height)
    account = Account({key_id(first.key).hex(): first}, since=height)
    state.write(draft, state.account_key(address), account)


def credential_add(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """Let another key act for the account."""
    payload: Add = read_fields(transaction.body.payload, Add)
    account = state.account(draft, transaction.body.author)
    assert account is not None
    # While a recovery is under way, the set of keys stands still: the right one may be the one to come.
    claim(not ladder.recovery_waits(draft, transaction.body.author, time), Code.RECOVERY_PENDING)
    name = key_id(payload.credential.key).hex()
    claim(name not in account.credentials, Code.CREDENTIAL_EXISTS)
    claim(len(account.credentials) < CREDENTIALS_MAX, Code.TOO_MANY_CREDENTIALS)
    # Nobody is left with a key that no signature will ever fit.
    claim(can_sign(payload.credential), Code.BAD_CREDENTIAL)
    added = entered(payload.credential, height)
    changed = msgspec.structs.replace(account, credentials={**account.credentials, name: added})
    state.write(draft, state.account_key(transaction.body.author), changed)


def credential_remove(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """Stop a key from acting for the account; one key always stays."""
    payload: Remove = read_fields(transaction.body.payload, Remove)
    account = state.account(draft, transaction.body.author)
    assert account is not None
    # While a recovery is under way, the set of keys stands still: the right one may be the one to come.
    claim(not ladder.recovery_waits(draft, transaction.body.author, time), Code.RECOVERY_PENDING)
    name = payload.key.hex()
    claim(name in account.credentials, Code.UNKNOWN_CREDENTIAL)
    claim(len(account.credentials) > 1, Code.LAST_CREDENTIAL)
    ladder.retire(draft, transaction.body.author, account.credentials[name], height)
    kept = {key: value for key, value in account.credentials.items() if key != name}
    state.write(
        draft,
        state.account_key(transaction.body.author),
        msgspec.structs.replace(account, credentials=kept),
    )
