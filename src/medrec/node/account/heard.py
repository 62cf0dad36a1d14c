"""What places tell of a person's own words about her helpers: an agent that is new to her has them from there.

It is in the lines that they deliver, and before those come, in the index that she rebuilds from the ledger. What closes
is believed of every place: the key that signed it may be hers no more, so that nobody could check it. So a right rests
as long as one place has heard no later word than that it should, until she says herself that it goes on.
"""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary, String, Table

from medrec.core.manifests.delegation import (
    Delegation,
    DelegationEndManifest,
    DelegationManifest,
    encode_delegation,
)
from medrec.node.account.resting import delegation_rest
from medrec.node.account.returning import is_served
from medrec.node.agent.gone_keys import late
from medrec.node.agent.known import is_ended_by
from medrec.node.agent.told import told
from medrec.node.keeping.store import metadata
from medrec.node.ledger.rebuild import Rebuilt

if TYPE_CHECKING:
    from medrec.node.node import Node

HASH_BYTES = 32

# Ends that stood in the index that an agent rebuilt: some place's word, not her own.
delegation_end_told = Table(
    "delegation_end_told",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("nullifier", LargeBinary(32), primary_key=True),
)

Words = dict[bytes, tuple[int, bool]]
"""Her last word about each delegation, by its SHA-256: when (ms), and whether it rests."""


class Heard(NamedTuple):
    """The nullifiers (hex) of what was ended, her words, and the delegate of each delegation that a place has."""

    ended: frozenset[str] = frozenset()
    rests: Words = {}
    named: dict[bytes, str] = {}


def heard(node: "Node", account: str) -> Heard:
    """At her agent: what was told. Elsewhere nothing is. Raises StoreError, VaultError."""
    if not is_served(node, account):
        return Heard()
    said_there, named = list[tuple[str, bytes, int, bool]](), dict[bytes, str]()
    ends, rights = list[DelegationEndManifest](), dict[str, Delegation]()
    with node.store.read() as connection:
        ended = {one.hex() for one in _ends_told(connection, account)}
    lines = told(node, account, "delegation/1", "delegation-end/1", "delegation-rest/1")
    for line, gone in zip(lines, late(node, account, lines), strict=True):
        said = line.manifest
        if said.account != account:
            continue
        if isinstance(said, DelegationEndManifest):
            ends.append(said)
        elif isinstance(said, DelegationManifest):
            rights[said.delegation.nullifier] = said.delegation
            named[hashlib.sha256(encode_delegation(said.delegation)).digest()] = said.delegation.delegate
        elif gone is not None and said.stated.action == "go-on":
            # By a key that was gone: it wakes nothing.
            continue
        elif said.stated.account == account:
            # No place has her say something later than when it told it.
            time = min(said.stated.time, line.received or line.time)
            digest = bytes.fromhex(said.stated.delegation)
            said_there.append((line.organisation, digest, time, said.stated.action == "rest"))
    with node.engine.view() as view:
        for said in ends:
            held = rights.get(said.nullifier)
            # Of a right that nobody told of, nobody can say whose signature it has to be: what closes is believed.
            if held is None or is_ended_by(view, held, said):
                ended.add(said.nullifier)
    return Heard(frozenset(ended), _last(said_there), named)


def _last(said: Iterable[tuple[str, bytes, int, bool]]) -> Words:
    """Of (place, SHA-256 of a delegation, time, whether it rests): a delegation rests where that is the last word at
    any place."""
    there, words = dict[tuple[str, bytes], tuple[int, bool]](), Words()
    for place, digest, time, rests in said:
        there[place, digest] = max(there.get((place, digest), (0, False)), (time, rests))
    for (_, digest), (time, rests) in there.items():
        before = words.get(digest, (0, False))
        words[digest] = max(before, (time, rests), key=lambda word: (word[1], word[0]))
    return words


def _ends_told(connection: sql.Connection, account: str) -> set[bytes]:
    mine = sql.select(delegation_end_told.c.nullifier).where(delegation_end_told.c.account == account)
    return {bytes(one) for one in connection.execute(mine).scalars()}


def remember(connection: sql.Connection, account: str, lines: list[Rebuilt], now: int) -> None:
    """Keep what the index that was rebuilt says of her words, where nothing is known of it yet. Inside `Store.write`
    only."""
    ends, words = set[bytes](), list[tuple[str, bytes, int, bool]]()
    for line in lines:
        # docs/spec/helpers.md, section 3.
        match line.summary:
            case [41, int(), str(), bytes(nullifier)] if len(nullifier) == HASH_BYTES:
                ends.add(nullifier)
            case [44, int(time), str(action), bytes(digest)] if len(digest) == HASH_BYTES:
                words.append((line.organisation, digest, min(time, now), action == "rest"))
    for nullifier in sorted(ends - _ends_told(connection, account)):
        connection.execute(sql.insert(delegation_end_told).values(account=account, nullifier=nullifier))
    rest = delegation_rest.c
    known = {bytes(one) for one in connection.execute(sql.select(rest.hash).where(rest.account == account)).scalars()}
    for digest, (time, rests) in sorted(_last(words).items()):
        if digest not in known:
            row = {"hash": digest, "account": account, "rests": rests, "time": time}
            connection.execute(sql.insert(delegation_rest).values(**row))
