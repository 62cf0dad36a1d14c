"""Freezing: an account whose keys may be in wrong hands stands still for some days, at one word.

Its owner, one of its guardians, or a clinic with one of its staff may say that word, each once in thirty days. A key of
the account unfreezes it, once in thirty days; beyond that as many guardians as a recovery needs. What others may read
by then, they may read on: nothing that was permitted is touched.
"""

from typing import Annotated

import msgspec

from medrec.core import ladder, state
from medrec.core.kinds.recovery import Address, check_clinic, check_guardian, check_staff
from medrec.core.ladder import Revealed, StaffProof
from medrec.core.outcome import Code, claim, refuse
from medrec.core.types import Fields, Transaction, is_organisation_id, read_fields
from medrec.core.view import Draft

THAWS_IN_A_BLOCK_MAX = 10_000


class Freeze(Fields, frozen=True):
    """The payload of account/freeze; `guardians` for a guardian, `staff` for a clinic, neither for the owner."""

    account: Address
    guardians: Revealed | None = None
    staff: Annotated[list[StaffProof], msgspec.Meta(max_length=1)] = []


class Unfreeze(Fields, frozen=True):
    """The payload of account/unfreeze; `guardians` for a guardian."""

    account: Address
    guardians: Revealed | None = None


def freeze(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """No key of the account may act until the freeze has run out."""
    payload: Freeze = read_fields(transaction.body.payload, Freeze)
    author = transaction.body.author
    account = state.account(draft, payload.account)
    if account is None:
        refuse(Code.UNKNOWN_ACCOUNT)
    found = ladder.ladder_of(draft, payload.account)
    if author != payload.account:
        if payload.guardians is not None:
            check_guardian(found.doors_at(time), payload.guardians, author)
        elif is_organisation_id(author):
            check_clinic(draft, author)
            claim(payload.staff, Code.STAFF_UNKNOWN, "nobody of the staff signed")
            key, proof = payload.staff[0]
            body = transaction.body
            message = ladder.freeze_message(body.network, author, payload.account, body.nonce)
            check_staff(draft, author, key, message, proof, time)
        else:
            refuse(Code.NOT_A_GUARDIAN)
    claim(not account.frozen, Code.ALREADY_FROZEN)
    last = found.froze.get(author)
    claim(last is None or time >= last + ladder.MEMORY_MS, Code.FREEZE_SPENT)
    until = time + ladder.policy_of(draft).freeze
    draft.put(ladder.thaw_index(until, payload.account), b"")
    state.write(draft, state.account_key(payload.account), msgspec.structs.replace(account, frozen=True))
    froze = {who: when for who, when in found.froze.items() if time < when + ladder.MEMORY_MS} | {author: time}
    changed = msgspec.structs.replace(found, frozen_until=until, froze=froze, thaws=[])
    state.write(draft, ladder.ladder_key(payload.account), changed)


def unfreeze(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """The owner's key, or enough guardians, end a freeze early."""
    payload: Unfreeze = read_fields(transaction.body.payload, Unfreeze)
    author = transaction.body.author
    account = state.account(draft, payload.account)
    if account is None:
        refuse(Code.UNKNOWN_ACCOUNT)
    found = ladder.ladder_of(draft, payload.account)
    if author == payload.account:
        claim(account.frozen, Code.NOT_FROZEN)
        # A thief with a live key must not be able to end every freeze.
        claim(not found.unfroze or time >= found.unfroze + ladder.MEMORY_MS, Code.UNFREEZE_SPENT)
        found = msgspec.structs.replace(found, unfroze=time)
    else:
        if payload.guardians is None:
            refuse(Code.NOT_A_GUARDIAN)
        guardians = check_guardian(found.doors_at(time), payload.guardians, author)
        claim(account.frozen, Code.NOT_FROZEN)
        claim(author not in found.thaws, Code.ALREADY_SAID)
        found = msgspec.structs.replace(found, thaws=[*found.thaws, author])
        if len(found.thaws) < guardians.needs:
            state.write(draft, ladder.ladder_key(payload.account), found)
            return
    draft.delete(ladder.thaw_index(found.frozen_until, payload.account))
    _thaw(draft, payload.account, found)


def end_freezes(draft: Draft, time: int) -> None:
    """Freezes that have run out by `time` end, the oldest first."""
    passed = draft.scan(b"~thaw/", ladder.thaw_index(time + 1, ""))
    for index, _ in [item for item, _ in zip(passed, range(THAWS_IN_A_BLOCK_MAX), strict=False)]:
        address = index[len(b"~thaw/") + 8 :].decode()
        draft.delete(index)
        _thaw(draft, address, ladder.ladder_of(draft, address))


def _thaw(draft: Draft, address: str, found: ladder.Ladder) -> None:
    account = state.account(draft, address)
    assert account is not None
    state.write(draft, state.account_key(address), msgspec.structs.replace(account, frozen=False))
    state.write(draft, ladder.ladder_key(address), msgspec.structs.replace(found, frozen_until=0, thaws=[]))
