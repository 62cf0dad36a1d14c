"""Anchor: a run of an organisation's journal lines goes on the ledger as one batch of entries.

The signed body holds only the batch's root, count, sequence range and links; the entries ride beside it and are
bound by the root, so that a receipt needs one entry and one path, not the whole batch.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from medrec.core import codec, merkle, state
from medrec.core.commitment import COMMITMENT_BYTES, TAG_BYTES, nullifier
from medrec.core.outcome import Code, Refused, claim
from medrec.core.state import NO_BATCH, BatchHead, Dues, Obligation
from medrec.core.types import (
    Bytes16,
    Bytes32,
    Count,
    Fields,
    OrganisationId,
    TimeMs,
    Transaction,
    read_fields,
)
from medrec.core.view import Draft

ENTRIES_MAX = 8192

_Tally = Counter[tuple[str, str]]
"""Changes of public counts, by debtor and status."""

DUE_MS_MAX = 10 * 366 * 86_400_000
ANSWER_MS_MIN = 3_600_000
"""How long whoever owes has at least, from the block on, whatever date its creditor states."""


class Extras(Fields, frozen=True):
    """The optional parts of an entry."""

    owes: tuple[Bytes16, OrganisationId, TimeMs] | None = None
    settles: Annotated[list[tuple[OrganisationId, Bytes16]], msgspec.Meta(min_length=1, max_length=16)] | None = None
    nullifier: Bytes32 | None = None
    sealed: Annotated[bytes, msgspec.Meta(min_length=1, max_length=256)] | None = None


class Anchor(Fields, frozen=True):
    """The payload: entries of the lines first .. first + count - 1, and the journal's chain hash after them."""

    count: Annotated[int, msgspec.Meta(ge=1, le=ENTRIES_MAX)]
    first: Count
    journal: Bytes32
    previous: Bytes32
    root: Bytes32


def encode_entry(commitment: bytes, tag: bytes, extras: dict[str, Any] | None = None) -> bytes:
    """The bytes of an entry, which are the data of a leaf of its batch."""
    return codec.encode([commitment, tag, extras or {}])


def encode_attachment(entries: Sequence[bytes]) -> bytes:
    """The attachment of an anchor: a CBOR array of the entries."""
    return codec.array_head(len(entries)) + b"".join(entries)


def reduced(entry: bytes) -> list[bytes]:
    """What may stand on the ledger in the place of an entry that it refuses for its content, the fullest first: the
    same commitment and tag, without what is owed, then without what is settled, then without the sealed summary.

    A nullifier is never left out: a consent that was taken back must not stand. Nobody owes anything for such a line.
    Of bytes that are no entry there is none.
    """
    try:
        commitment, tag, extras = codec.decode(entry)
        left = dict(extras)
    except (codec.CodecError, TypeError, ValueError):
        return []
    found = []
    for name in ("owes", "settles", "sealed"):
        if left.pop(name, None) is not None:
            found.append(encode_entry(commitment, tag, dict(left)))
    return found


def decode_entries(attachment: bytes) -> tuple[list[bytes], list[tuple[int, Extras]]]:
    """The bytes of every entry, and the extras of those that have any with their position.

    Raises Refused ENTRY_MALFORMED.
    """
    try:
        items = codec.decode_array(attachment)
    except codec.CodecError as error:
        raise Refused(Code.ENTRY_MALFORMED, str(error)) from None
    claim(len(items) <= ENTRIES_MAX, Code.ENTRY_MALFORMED, f"more than {ENTRIES_MAX} entries")
    extras: list[tuple[int, Extras]] = []
    for position, (value, _) in enumerate(items):
        if not (
            type(value) is list
            and len(value) == 3
            and type(value[0]) is bytes
            and len(value[0]) == COMMITMENT_BYTES
            and type(value[1]) is bytes
            and len(value[1]) == TAG_BYTES
            and type(value[2]) is dict
        ):
            raise Refused(Code.ENTRY_MALFORMED, f"entry {position}")
        if value[2]:
            extras.append((position, _read_extras(value[2], position)))
    return [data for _, data in items], extras


def _read_extras(value: dict[str, Any], position: int) -> Extras:
    # What is not there is left out: a null would be a second form of the same entry.
    claim(None not in value.values(), Code.ENTRY_MALFORMED, f"entry {position}: a null")
    try:
        extras: Extras = read_fields(value, Extras, Code.ENTRY_MALFORMED)
    except Refused as refused:
        raise Refused(Code.ENTRY_MALFORMED, f"entry {position}: {refused.outcome.detail}") from None
    return extras


def anchor(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """Take a batch that continues its organisation's journal, and carry out the extras of its entries."""
    author = transaction.body.author
    payload: Anchor = read_fields(transaction.body.payload, Anchor)
    head = state.read(draft, state.batch_key(author), BatchHead) or BatchHead(0, 0, NO_BATCH, NO_BATCH)
    # The batch begins right after the last line that was anchored.
    claim(payload.first == head.last + 1, Code.BATCH_GAP, f"first {payload.first}, expected {head.last + 1}")
    # It names the batch before it, so that a journal has one history only.
    claim(payload.previous == head.transaction, Code.BATCH_FORK)
    entries, extras = decode_entries(transaction.attachment)
    # What it holds is what the organisation signed.
    claim(len(entries) == payload.count, Code.BATCH_COUNT, f"{len(entries)} entries, stated {payload.count}")
    claim(merkle.root([merkle.leaf_hash(entry) for entry in entries]) == payload.root, Code.BATCH_ROOT)
    tally = _Tally()
    for position, extra in extras:
        if extra.owes is not None:
            _owe(draft, tally, author, extra.owes, position, height, time)
        for creditor, obligation in extra.settles or ():
            _settle(draft, tally, creditor, obligation, author, height)
        if extra.nullifier is not None:
            _nullify(draft, extra.nullifier, height)
    _write_dues(draft, tally)
    last = head.last + payload.count
    state.write(draft, state.batch_key(author), BatchHead(head.count + 1, last, transaction.id, payload.journal))


def _owe(
    draft: Draft,
    tally: _Tally,
    creditor: str,
    owes: tuple[bytes, str, int],
    position: int,
    height: int,
    time: int,
) -> None:
    identifier, debtor, due = owes
    key = state.obligation_key(creditor, identifier)
    claim(draft.get(state.organisation_key(debtor)), Code.UNKNOWN_DEBTOR, f"entry {position}: {debtor}")
    claim(draft.get(key) is None, Code.OBLIGATION_EXISTS, f"entry {position}")
    claim(due <= time + DUE_MS_MAX, Code.DUE_OUT_OF_RANGE, f"entry {position}")
    # An earlier date is no lie where the ledger was away; but nobody is overdue without time to answer.
    due = max(due, time + ANSWER_MS_MIN)
    # The debtor's half may be anchored before this one; then nothing is owed any more.
    early = state.early_key(creditor, identifier, debtor)
    settled = draft.get(early) is not None
    status = "settled" if settled else "open"
    state.write(draft, key, Obligation(creditor, debtor, due, status, height))
    tally[debtor, status] += 1
    if settled:
        draft.delete(early)
    else:
        draft.put(state.due_index(due, creditor, identifier), b"")
        draft.put(state.owes_index(debtor, due, creditor, identifier), b"")


def _settle(draft: Draft, tally: _Tally, creditor: str, identifier: bytes, debtor: str, height: int) -> None:
    """What nobody owes, or somebody else owes, stays as it is: one strange line must not stop a whole batch."""
    key = state.obligation_key(creditor, identifier)
    obligation = state.read(draft, key, Obligation)
    if obligation is None:
        state.write_integer(draft, state.early_key(creditor, identifier, debtor), height)
        return
    if obligation.debtor != debtor or obligation.status in ("settled", "late"):
        return
    if obligation.status == "open":
        draft.delete(state.due_index(obligation.due, creditor, identifier))
    draft.delete(state.owes_index(debtor, obligation.due, creditor, identifier))
    _move(draft, tally, key, obligation, "settled" if obligation.status == "open" else "late", height)


def _move(draft: Draft, tally: _Tally, key: bytes, obligation: Obligation, status: str, height: int) -> None:
    tally[obligation.debtor, obligation.status] -= 1
    tally[obligation.debtor, status] += 1
    state.write(draft, key, msgspec.structs.replace(obligation, status=status, height=height))


def _write_dues(draft: Draft, tally: _Tally) -> None:
    """Add what was tallied to the public counts."""
    for debtor in sorted({debtor for debtor, _ in tally}):
        dues = state.read(draft, state.dues_key(debtor), Dues) or Dues()
        counts = {name: getattr(dues, name) + tally[debtor, name] for name in Dues.__struct_fields__}
        state.write(draft, state.dues_key(debtor), Dues(**counts))


def _nullify(draft: Draft, secret: bytes, height: int) -> None:
    key = state.nullifier_key(nullifier(secret))
    # The first publication counts; a second one changes nothing.
    if draft.get(key) is None:
        state.write_integer(draft, key, height)


def mark_overdue(draft: Draft, height: int, time: int, count_max: int = 10_000) -> None:
    """Move obligations due before `time` to overdue and count them against their debtors, oldest first."""
    tally = _Tally()
    passed = draft.scan(b"~due/", b"~due/" + time.to_bytes(8, "big"))
    for index, _ in [item for item, _ in zip(passed, range(count_max), strict=False)]:
        creditor, identifier = index[len(b"~due/") + 8 : -17].decode(), index[-16:]
        key = state.obligation_key(creditor, identifier)
        obligation = state.read(draft, key, Obligation)
        draft.delete(index)
        if obligation is not None and obligation.status == "open":
            _move(draft, tally, key, obligation, "overdue", height)
    _write_dues(draft, tally)
