"""What places tell of a person's own words about her helpers: an agent that is new to her has them from there.

What closes is believed of every place that tells it, since what a key signed that is hers no more can be checked by
nobody; what opens counts only with a signature that holds now. Else she says it again.
"""

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from medrec.core import state
from medrec.core.credential import signed_by
from medrec.core.manifests.delegation import (
    DelegationEndManifest,
    DelegationManifest,
    DelegationRest,
    DelegationRestManifest,
    delegation_rest_message,
    encode_delegation,
)
from medrec.node.account.returning import is_served
from medrec.node.agent.told import told

if TYPE_CHECKING:
    from medrec.node.node import Node


class Heard(NamedTuple):
    """The nullifiers (hex) of what was ended; her last word about each delegation, by its SHA-256: (when, ms; whether
    it rests); and the delegate of each that a place has."""

    ended: frozenset[str] = frozenset()
    rests: dict[bytes, tuple[int, bool]] = {}
    named: dict[bytes, str] = {}


def heard(node: "Node", account: str) -> Heard:
    """At her agent: what was told. Elsewhere nothing is. Raises StoreError, VaultError."""
    if not is_served(node, account):
        return Heard()
    ended, rests, named = set[str](), dict[bytes, tuple[int, bool]](), dict[bytes, str]()
    for line in told(node, account, "delegation/1", "delegation-end/1", "delegation-rest/1"):
        said = line.manifest
        if said.account != account:
            continue
        if isinstance(said, DelegationEndManifest):
            ended.add(said.nullifier)
        elif isinstance(said, DelegationManifest):
            named[hashlib.sha256(encode_delegation(said.delegation)).digest()] = said.delegation.delegate
        elif isinstance(said, DelegationRestManifest) and said.stated.account == account:
            digest, rest = bytes.fromhex(said.stated.delegation), said.stated.action == "rest"
            # No place has her say something later than when it told it.
            time = min(said.stated.time, line.received or line.time)
            if (rest or _is_hers(node, said.stated)) and time > rests.get(digest, (0, False))[0]:
                rests[digest] = time, rest
    return Heard(frozenset(ended), rests, named)


def _is_hers(node: "Node", stated: DelegationRest) -> bool:
    with node.engine.view() as view:
        held = state.account(view, stated.account)
    credential = held.credentials.get(stated.key) if held is not None else None
    message = delegation_rest_message(stated)
    return credential is not None and signed_by(credential, message, bytes.fromhex(stated.signature))
