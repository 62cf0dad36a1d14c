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


class Leave(Fields, frozen=True):
    """The payload of organisation/leave: nothing."""


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


def leave(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """Go, by one's own decision: it speaks, votes and validates no more; what it said and owes stays."""
    read_fields(transaction.body.payload, Leave)
    organisation = state.organisation(draft, transaction.body.author)
    assert organisation is not None
    left = [other for other in state.organisations(draft) if other.has_vote and other.id != organisation.id]
    claim(left, Code.LAST_VOTERS)
    state.write(draft, state.organisation_key(organisation.id), msgspec.structs.replace(organisation, active=False))


def replace_keys(draft: Draft, organisation: Organisation, keys: Keys) -> None:
    """Retire the present keys and take the new ones."""
    take_keys(draft, organisation.id, keys, organisation.keys)
    state.write(draft, state.organisation_key(organisation.id), msgspec.structs.replace(organisation, keys=keys))


def take_keys(draft: Draft, organisation: str, keys: Keys, present: Keys | None = None) -> None:
    """Enter an organisation's keys: a key serves one organisation, in one role, once.

    A cosignature does not name its signer, so two organisations with one cosigning key would count as one vouching
    for the other. The record of a key stays when the key goes: that is how a retired key is known for one.
    """
    kept = {} if present is None else dict(present.by_role())
    for role, public in keys.by_role():
        if kept.get(role) == public:
            continue
        key = state.signing_key_key(key_id(public))
        claim(draft.get(key) is None, Code.KEY_IN_USE, role)
        draft.put(key, organisation.encode())
