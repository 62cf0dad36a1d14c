"""Organisation: an organisation changes its own keys and its own entry in the directory.

Who may join, who is suspended and who gets new keys after a theft is decided by vote: see governance.
"""

import msgspec

from medrec.core import state
from medrec.core.crypto import key_id
from medrec.core.outcome import Code, claim
from medrec.core.state import Keys, Organisation
from medrec.core.types import Fields, Text, Transaction, Url, read_fields
from medrec.core.view import Draft


class Rotate(Fields, frozen=True):
    """The payload of organisation/rotate: the keys that replace the present ones."""

    keys: Keys


class Describe(Fields, frozen=True):
    """The payload of organisation/describe: the public name and the address of the node."""

    name: Text
    endpoint: Url


def rotate(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """Replace an organisation's keys by its own decision, signed with the key that goes."""
    payload: Rotate = read_fields(transaction.body.payload, Rotate)
    organisation = state.organisation(draft, transaction.body.author)
    assert organisation is not None
    # Something changes.
    claim(payload.keys != organisation.keys, Code.NO_CHANGE)
    replace_keys(draft, organisation, payload.keys)


def describe(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """Change an organisation's name and endpoint in the directory."""
    payload: Describe = read_fields(transaction.body.payload, Describe)
    organisation = state.organisation(draft, transaction.body.author)
    assert organisation is not None
    changed = msgspec.structs.replace(organisation, name=payload.name, endpoint=payload.endpoint)
    claim(changed != organisation, Code.NO_CHANGE)
    state.write(draft, state.organisation_key(organisation.id), changed)


def replace_keys(draft: Draft, organisation: Organisation, keys: Keys) -> None:
    """Retire the present signing key and take the new ones; a key serves one organisation, once."""
    new = key_id(keys.ed25519)
    if keys.ed25519 != organisation.keys.ed25519:
        claim(draft.get(state.signing_key_key(new)) is None, Code.KEY_IN_USE)
        # The record of the old key stays: that is how a retired key is known for one.
        draft.put(state.signing_key_key(new), organisation.id.encode())
    changed = msgspec.structs.replace(organisation, keys=keys)
    state.write(draft, state.organisation_key(organisation.id), changed)
