"""Lines that a key signed which had gone from its account when they stood on the ledger, or were told here.

A place that was away tells late, and honestly, what it took before. Whoever has a key that somebody removed dates what
he signs as he likes. The ledger cannot tell the two apart: such a line is kept, and opens nothing on her page until she
says that it is hers (docs/spec/gate.md, "What her agent takes").
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import sqlalchemy as sql

from medrec.core import ladder, manifests, state
from medrec.core.manifests.consent import ConsentManifest, FhirConsentManifest, RevocationManifest
from medrec.core.manifests.delegation import DelegationManifest, DelegationRestManifest
from medrec.core.manifests.dispute import DisputeManifest
from medrec.core.view import View
from medrec.engines.engine import Engine
from medrec.node.agent.told import manifest_in, told
from medrec.node.keeping import store
from medrec.node.keeping.vault import Vault
from medrec.node.looks.mismatch import raise_gone_key

if TYPE_CHECKING:
    from medrec.node.node import Node

AHEAD_MS = 2 * 60_000
"""So far an honest author's clock may be ahead of a block's."""
SIGNED = ("consent/1", "consent/2", "revocation/1", "delegation/1", "delegation-rest/1", "dispute/1")
"""What a key of hers, or of who acts for her, signs and an organisation tells of. When words on her list count is asked
where a list is made (node/account/former_keys.py)."""


class Line(Protocol):
    """A line that was told to her agent."""

    @property
    def manifest(self) -> Any:
        """What it says."""

    @property
    def height(self) -> int | None:
        """The block in which it stands; None for none yet."""

    @property
    def received(self) -> int | None:
        """When it came (ms)."""


class Gone(NamedTuple):
    """When the key went by the ledger (ms; None where that block is not held here), and whether the one who signed says
    himself that it was after that: no place can have that from her."""

    went: int | None
    contrary: bool


def late(node: "Node", account: str, lines: Iterable[Line]) -> list[Gone | None]:
    """Of each line whether it came after the key that signed it was gone; None: it came in time, or no key signed it.

    A helper's consent came late, too, where every right to give it did. Raises EngineError, StoreError, VaultError.
    """
    every = list(lines)
    helped = any(isinstance(line.manifest, FhirConsentManifest) and line.manifest.acting for line in every)
    with node.engine.view() as view:
        rights: dict[str, list[Gone | None]] = {}
        for right in told(node, account, "delegation/1") if helped else ():
            helper = right.manifest.delegation.delegate
            rights.setdefault(helper, []).append(_gone(node.engine, view, right))
        return [
            _gone(node.engine, view, line)
            or _first_if_all(rights.get(getattr(line.manifest, "acting", None) or "", ()))
            for line in every
        ]


def hold(connection: sql.Connection, engine: Engine, vault: Vault, rows: Sequence[Any], now: int) -> None:
    """An alarm for each organisation with a row of a notice here that its own author dates after his key went. Inside
    `Store.write` only."""
    tags = [row["tag"] for row in rows if row["kind"] in SIGNED]
    if not tags:
        return
    chosen = connection.execute(sql.select(store.notice).where(store.notice.c.tag.in_(tags))).all()
    lines = [
        (row.organisation, _Line(manifests.decode(manifest_in(vault, row)), row.height, row.received)) for row in chosen
    ]
    with engine.view() as view:
        found = {teller for teller, line in lines if (gone := _gone(engine, view, line)) is not None and gone.contrary}
    for organisation in sorted(found):
        raise_gone_key(connection, organisation, now)


class _Line(NamedTuple):
    manifest: Any
    height: int | None
    received: int | None


class _Signed(NamedTuple):
    """Whose key signed (an account's; its id in hex), and when by his own word (ms)."""

    signer: str
    key: str
    time: int


def _signed(said: Any) -> _Signed | None:
    """Who signed a line for herself or for another; None for one that an organisation answers for."""
    match said:
        case ConsentManifest() | RevocationManifest():
            return _Signed(said.account, said.key, said.time)
        case FhirConsentManifest() if said.signer is not None:
            return _Signed(said.signer, said.key, said.time)
        case DelegationManifest() if said.delegation.attested is None:
            return _Signed(said.delegation.account, said.delegation.key, said.delegation.time)
        case DelegationRestManifest():
            return _Signed(said.stated.account, said.stated.key, said.stated.time)
        case DisputeManifest():
            return _Signed(said.statement.account, said.statement.key, said.statement.time)
    return None


def _gone(engine: Engine, view: View, line: Line) -> Gone | None:
    signed = _signed(line.manifest)
    if signed is None:
        return None
    held = state.account(view, signed.signer)
    if held is not None and signed.key in held.credentials:
        return None
    former = state.read(view, ladder.former_key(signed.signer, bytes.fromhex(signed.key)), ladder.Former)
    if former is None or (line.height is not None and line.height <= former.until):
        return None
    blocks = engine.blocks(former.until - 1)
    went = blocks[0].block.time if blocks and blocks[0].block.height == former.until else None
    if went is not None and line.received is not None and line.received <= went:
        # She could read it before the key went.
        return None
    return Gone(went, went is not None and signed.time > went + AHEAD_MS)


def _first_if_all(rights: Sequence[Gone | None]) -> Gone | None:
    return rights[0] if rights and None not in rights else None
