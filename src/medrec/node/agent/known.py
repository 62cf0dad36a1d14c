"""What her agent knows of a line beside its signatures: who tells it, since when it stands, and whom she lets act.

A line stands since its block; one that no block has yet, since now. Its author dates it as he likes.
"""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sql

from medrec.core import codec, ladder, manifests, state
from medrec.core.consent import access
from medrec.core.credential import signed_by
from medrec.core.crypto import key_id, verify_ed25519
from medrec.core.delegation import covers, standing
from medrec.core.kinds.anchor import reduced
from medrec.core.manifests.consent import FhirConsentManifest
from medrec.core.manifests.delegation import (
    Delegation,
    DelegationEndManifest,
    delegation_end_message,
    encode_delegation,
)
from medrec.core.types import is_organisation_id
from medrec.core.view import View
from medrec.engines.engine import Engine
from medrec.node.account.attested import ATTESTED_END, WAIT_MS, begun
from medrec.node.account.resting import delegation_rest
from medrec.node.agent.told import manifest_in
from medrec.node.consent.consents import AHEAD_MS_MAX
from medrec.node.keeping import store
from medrec.node.keeping.prepared import Prepared
from medrec.node.keeping.vault import Vault

PART = 500

Shown = dict[bytes, tuple[int, bytes]]
"""Height and digest of the entry that the ledger shows under each tag."""


class Line(NamedTuple):
    """A notice of a place, opened; `sealed` is all that it said, as it is kept here."""

    account: str
    epoch: int
    counter: int
    mark: bytes
    manifest: bytes
    entry: bytes
    time: int
    sealed: bytes


class Right(NamedTuple):
    """A right that a line told of: who told it, since when it may be used (ms), from when it rests (None: it does not),
    and what was told of its end, each with when that came."""

    teller: str
    delegation: Delegation
    begins: int = 0
    rests: int | None = None
    ends: tuple[tuple[int, DelegationEndManifest], ...] = ()


class Known(NamedTuple):
    """`agent` is her own, `teller` who tells the line; `height` the block it stands in, None for none yet; `time` when
    it was said at the latest (ms); `rights` those of hers that were told."""

    agent: str = ""
    teller: str = ""
    height: int | None = None
    time: Callable[[], int] = lambda: 0
    rights: Callable[[], list[Right]] = list

    def lets(self, view: View, account: str, helper: str, right: str, said: Any) -> bool:
        """Whether one of her rights carried what a helper said for her, when that was said: what an honest place asks.

        One that an organisation states counts by the word of an agent of hers, and opens nothing to that organisation.
        """
        time = self.time()
        kind = "" if isinstance(said, FhirConsentManifest) else said.type
        return any(
            (held.account, held.delegate) == (account, helper)
            and covers(held, right, kind)
            and standing(held, time).holds
            and max(one.begins, held.time - AHEAD_MS_MAX) <= time
            and (one.rests is None or time < one.rests)
            and not any(came <= time and is_ended_by(view, held, said) for came, said in one.ends)
            and not self._ended(view, held)
            and (held.attested is None or self.is_agent(view, one.teller))
            and (not isinstance(said, FhirConsentManifest) or _reaches(held, said))
            for one in self.rights()
            for held in (one.delegation,)
        )

    def is_agent(self, view: View, organisation: str) -> bool:
        """Whether an organisation is her agent, or can have been: whose role on the ledger is that."""
        found = state.organisation(view, organisation)
        return organisation == self.agent or (found is not None and "agent" in found.roles)

    def _ended(self, view: View, held: Delegation) -> bool:
        ended = state.read_integer(view, state.nullifier_key(bytes.fromhex(held.nullifier)))
        return ended > 0 and (self.height is None or self.height > ended)


def is_ended_by(view: View, held: Delegation, said: DelegationEndManifest) -> bool:
    """Whether a line ends a right: by the signature of who it says that ended it, which a place cannot make up. An
    organisation that stated the right ends it by its own word."""
    message = delegation_end_message(bytes.fromhex(said.nullifier))
    if said.by == "attested":
        issuer = state.organisation(view, held.attested) if held.attested is not None else None
        if issuer is None or said.organisation == held.attested:
            return issuer is not None
        public = issuer.keys.ed25519
        signed = verify_ed25519(public, ATTESTED_END + message, bytes.fromhex(said.signature))
        return said.key == key_id(public).hex() and signed
    return has_signed(view, held.account if said.by == "person" else held.delegate, said.key, message, said.signature)


def has_signed(view: View, signer: str, key: str, message: bytes, signature: str) -> bool:
    """Whether a key (id in hex) that acts, or once acted, for an account signed; of an organisation, one that stands
    among those of its staff."""
    if is_organisation_id(signer):
        kept = staff_of(view, signer).keys.get(key)
        credential = kept.credential if kept is not None else None
    else:
        credential = ladder.credential_ever(view, signer, bytes.fromhex(key))
    return credential is not None and signed_by(credential, message, bytes.fromhex(signature))


def staff_of(view: View, organisation: str) -> ladder.Staff:
    """The keys of an organisation's staff on the ledger."""
    return state.read(view, ladder.staff_key(organisation), ladder.Staff) or ladder.Staff()


def _reaches(held: Delegation, consent: FhirConsentManifest) -> bool:
    """Whether a right reaches as far as a consent."""
    if held.types and access.reaches_beyond(consent, held.types):
        return False
    return held.attested is None or not access.favours(consent, held.attested)


def heights(connection: sql.Connection, marks: list[bytes]) -> Shown:
    """The height and the entry's SHA-256 of those tags that the ledger has shown."""
    index, found = store.entry_index.c, {}
    if len(marks) == 1:
        # So it is asked of each line that is told.
        rows = _SHOWN.all(connection, {"mark": marks[0]})
        return {bytes(mark): (int(height), bytes(digest)) for mark, height, digest in rows}
    for start in range(0, len(marks), PART):
        chosen = index.tag.in_(marks[start : start + PART])
        for mark, height, digest in connection.execute(sql.select(index.tag, index.height, index.digest).where(chosen)):
            found[bytes(mark)] = (int(height), bytes(digest))
    return found


_SHOWN = Prepared(
    sql.select(*(store.entry_index.c[name] for name in ("tag", "height", "digest"))).where(
        store.entry_index.c.tag == sql.bindparam("mark")
    ),
    plain=True,
)


def height_of(shown: tuple[int, bytes] | None, entry: bytes) -> int | None:
    """The block in which an entry, or what the ledger left of it, stands under its tag, by what `heights` tells of that
    tag."""
    height, digest = shown or (None, b"")
    return height if digest in [hashlib.sha256(one).digest() for one in (entry, *reduced(entry))] else None


def reduced_of(vault: Vault, row: dict[str, Any], before: Any) -> list[bytes]:
    """The SHA-256 of each entry that may stand on the ledger in the place of the one that was told."""
    sealed = before.sealed if before is not None and before.sealed is not None else row["sealed"]
    if sealed is None:
        return []
    entry = codec.decode(vault.open_kept(bytes(sealed), row["tag"]))[2]
    return [hashlib.sha256(one).digest() for one in reduced(entry)]


def time_of(engine: Engine, height: int | None, now: int) -> int:
    """When a line stood there at the latest (ms): the time of its block, now where none has it or it is not held."""
    blocks = engine.blocks(height - 1) if height else []
    return blocks[0].block.time if blocks and blocks[0].block.height == height else now


def rights_of(connection: sql.Connection, vault: Vault, account: str) -> list[Right]:
    """Every right of hers that was told here, and from when on it rests, or is said to be over, by what came here."""
    notice, rest = store.notice.c, delegation_rest.c
    kinds = ("delegation/1", "delegation-end/1")
    chosen = sql.select(notice.tag, notice.organisation, notice.time, notice.received, notice.sealed).where(
        notice.account == account, notice.kind.in_(kinds), notice.sealed.is_not(None)
    )
    rows = connection.execute(chosen).all()
    lines: list[tuple[Any, Any]] = [(row, manifests.decode(manifest_in(vault, row))) for row in rows]
    over: dict[str, list[tuple[int, DelegationEndManifest]]] = {}
    for row, said in lines:
        if said.manifest == "delegation-end/1":
            over.setdefault(said.nullifier, []).append((row.received, said))
    resting = sql.select(rest.hash, rest.time).where(rest.account == account, rest.rests)
    rests = {bytes(row.hash): int(row.time) for row in connection.execute(resting)}
    found = []
    for row, said in lines:
        if said.manifest == "delegation/1":
            held = said.delegation
            digest = hashlib.sha256(encode_delegation(held)).digest()
            begins = (begun(connection, digest) or row.time + WAIT_MS) if held.attested is not None else 0
            ends = tuple(over.get(held.nullifier, ()))
            found.append(Right(row.organisation, held, begins, rests.get(digest), ends))
    return found
