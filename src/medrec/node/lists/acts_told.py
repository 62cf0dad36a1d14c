"""Which acts count at a person's agent: those that bear their author's signature, and did not come through a link
that is undone."""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from medrec.core.crypto import verify_ed25519
from medrec.core.manifests.acts import Act, ActEndedManifest, ActManifest, act_message, misfit
from medrec.core.manifests.practitioner import Credential, credential_message
from medrec.node.agent.standing_links import Undone, number
from medrec.node.agent.told import told
from medrec.node.consent.consents import AHEAD_MS_MAX
from medrec.node.lists.acts_hers import said_in_time
from medrec.node.lists.acts_kept import KeptAct
from medrec.node.lists.marks import unpacked
from medrec.node.refusals import Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node


def is_after(ends: dict[str, Undone], act: Act, *heard: int) -> bool:
    """Whether an act was both said and heard of (ms, by other clocks than its author's) after the last link to its
    organisation was undone."""
    end = ends.get(act.organisation)
    return end is None or min(act.time, *heard) > end.time


def told_of(node: "Node", account: str, ends: dict[str, Undone]) -> Iterable[KeptAct]:
    """At her agent: the acts that organisations told of, which nobody took back where they were told."""
    lines = told(node, account, "list-act/1", "list-act-ended/1") if node.agent is not None else []
    ended = {
        (line.organisation, line.manifest.end.organisation, line.manifest.end.act)
        for line in lines
        if isinstance(line.manifest, ActEndedManifest)
    }
    for line in lines:
        said, heard = line.manifest, line.received or line.time
        if not isinstance(said, ActManifest) or misfit(said.act):
            continue
        if not genuine(node, said.act, line.organisation) and not said_in_time(node, said.act, line.tag):
            continue
        act, end = said.act, ends.get(said.act.organisation)
        # What its own organisation has taken back counts for nothing, wherever it was told.
        over = any((place, act.organisation, act.id) in ended for place in (line.organisation, act.organisation))
        if act.time > heard + AHEAD_MS_MAX or over:
            continue
        if end is None or line.organisation != act.organisation:
            stands = is_after(ends, act, heard, line.time)
        else:
            # Its own place told it, under the link that it came through.
            stands = number(line.epoch) > end.epoch
        if stands:
            # A place's clock that went ahead makes nothing later than it was heard of.
            time, own = min(line.time, heard), line.organisation == act.organisation
            seen = unpacked(said.seen) if own and said.seen is not UNSET else None
            yield KeptAct(act, hashlib.sha256(line.data).digest(), time, seen)


def genuine(node: "Node", act: Act, said_by: str = "") -> bool:
    """Whether an act bears the signature of the one it names: the account's, or a clinician's for whom the
    organisation answered at the time.

    `said_by` is the organisation whose journal or request says so: where that is the clinician's own, it answers for
    her by that, also when it has replaced the key since with which it signed her credential.
    """
    if act.author == "patient":
        try:
            node.consents.check_signature(act.account, act.key, act_message(act), act.signature)
        except Refusal:
            return False
        return True
    try:
        credential = msgspec.convert(act.credential, Credential)
    except msgspec.ValidationError:
        return False
    organisation = node.directory.find(act.organisation)
    if organisation is None or (credential.organisation, credential.network) != (act.organisation, act.network):
        return False
    if credential.machine or credential.name != act.name or not credential.since <= act.time < credential.until:
        return False
    message, signature = credential_message(credential), bytes.fromhex(credential.signature)
    keys = (organisation.keys.ed25519, *node.directory.former_keys(act.organisation))
    if said_by != act.organisation and not any(verify_ed25519(key, message, signature) for key in keys):
        return False
    return verify_ed25519(bytes.fromhex(credential.key), act_message(act), bytes.fromhex(act.signature))
