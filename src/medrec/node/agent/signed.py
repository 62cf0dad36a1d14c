"""Whose signatures a line has to bear that an organisation tells of, before her agent takes it: one table of all kinds.

An organisation's own word is told under its own signature, with its line. What it tells of somebody else's word has to
bear that one's: the person's, a delegate's whom she let act then, a clerk's. What she signed with a key that she has
lost since is hers.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from medrec.core import state
from medrec.core.credential import signed_by
from medrec.core.crypto import key_id, verify_ed25519
from medrec.core.manifests.acts import Act, ActManifest, act_message
from medrec.core.manifests.consent import (
    ConsentManifest,
    FhirConsentManifest,
    RevocationManifest,
    consent_message,
    fhir_consent_message,
    misfit,
    revocation_message,
)
from medrec.core.manifests.correction import (
    CorrectionRequestManifest,
    CorrectionTakenManifest,
    of_act,
    statement_message,
)
from medrec.core.manifests.delegation import (
    ActingManifest,
    Clerk,
    Delegation,
    DelegationEndManifest,
    DelegationManifest,
    DelegationRestManifest,
    delegation_end_message,
    delegation_message,
    delegation_rest_message,
)
from medrec.core.manifests.dispute import DisputeManifest
from medrec.core.manifests.dispute import statement_message as dispute_message
from medrec.core.manifests.practitioner import Credential
from medrec.core.manifests.sharing import ShareManifest
from medrec.core.view import View
from medrec.node.account.attested import ATTESTED
from medrec.node.agent.known import Known, has_signed, staff_of

Check = Callable[[View, Known, str, Any], bool]
"""Whether a line about an account bears the signatures that it has to, by what her agent knows of it."""


def is_signed(view: View, account: str, statement: Any, known: Known = Known()) -> bool:  # noqa: B008
    """Whether a line bears the signatures of those whose word it tells. Raises KeyError for a kind without an entry."""
    check = CHECKS[statement.manifest]
    return isinstance(check, str) or check(view, known, account, statement)


def _clerks(view: View, organisation: str, message: bytes, *clerks: tuple[str, str] | None) -> bool:
    """As far as their keys (key id and signature in hex) stand on the ledger among its staff: an organisation claims
    the word of nobody who did not give it. A key that does not stand there proves nothing, and whoever it was may have
    left since; the line is the organisation's word alone then, and she is to see what it does in her name."""
    keys = staff_of(view, organisation).keys
    return all(
        signed_by(keys[clerk[0]].credential, message, bytes.fromhex(clerk[1]))
        for clerk in clerks
        if clerk is not None and clerk[0] in keys
    )


def _clerk(clerk: Clerk | str | None) -> tuple[str, str] | None:
    return (clerk.key, clerk.signature) if isinstance(clerk, Clerk) else None


def _consent(view: View, known: Known, account: str, said: ConsentManifest) -> bool:
    return has_signed(view, account, said.key, consent_message(said), said.signature)


def _fhir_consent(view: View, known: Known, account: str, said: FhirConsentManifest) -> bool:
    if misfit(said):
        return False
    message = fhir_consent_message(said)
    if said.assurance == "clinic":
        return _clerks(view, said.organisation, message, (said.key, said.signature))
    if said.acting is not None and not known.lets(view, account, said.acting, "consent", said):
        return False
    return has_signed(view, said.acting or account, said.key, message, said.signature)


def _revocation(view: View, known: Known, account: str, said: RevocationManifest) -> bool:
    return has_signed(view, account, said.key, revocation_message(bytes.fromhex(said.nullifier)), said.signature)


def _delegation(view: View, known: Known, account: str, said: DelegationManifest) -> bool:
    stated, message = said.delegation, delegation_message(said.delegation)
    clerks = _clerks(view, said.organisation, message, _clerk(said.clerk), _clerk(said.second))
    return clerks and stated.account == account and _given(view, account, stated, message)


def _given(view: View, account: str, stated: Delegation, message: bytes) -> bool:
    """A right that she gave bears her signature, one that an organisation states that of its own key: the present one.
    Of one that was replaced the ledger knows whose it was, and no more."""
    if stated.attested is None:
        return has_signed(view, account, stated.key, message, stated.signature)
    issuer = state.organisation(view, stated.attested)
    if issuer is None or view.get(state.signing_key_key(bytes.fromhex(stated.key))) != stated.attested.encode():
        return False
    public = issuer.keys.ed25519
    replaced = key_id(public).hex() != stated.key
    return replaced or verify_ed25519(public, ATTESTED + message, bytes.fromhex(stated.signature))


def _delegation_end(view: View, known: Known, account: str, said: DelegationEndManifest) -> bool:
    message = delegation_end_message(bytes.fromhex(said.nullifier))
    if said.by == "person":
        return has_signed(view, account, said.key, message, said.signature)
    # Whose the other signatures have to be says the right, which may come later: it is asked where the end counts.
    return _clerks(view, said.organisation, message, _clerk(said.clerk))


def _delegation_rest(view: View, known: Known, account: str, said: DelegationRestManifest) -> bool:
    stated = said.stated
    hers = stated.account == account
    return hers and has_signed(view, account, stated.key, delegation_rest_message(stated), stated.signature)


def _dispute(view: View, known: Known, account: str, said: DisputeManifest) -> bool:
    stated = said.statement
    hers = stated.account == account
    return hers and has_signed(view, account, stated.key, dispute_message(stated), stated.signature)


def _correction(
    view: View, known: Known, account: str, said: CorrectionRequestManifest | CorrectionTakenManifest
) -> bool:
    stated = said.statement
    if stated.account != account:
        return False
    if stated.act is not None:
        return stated in of_act(stated.act) and _act(view, account, stated.act)
    if stated.acting is not None and not known.lets(view, account, stated.acting, "correct", stated):
        return False
    return has_signed(view, stated.acting or account, stated.key, statement_message(stated), stated.signature)


def _list_act(view: View, known: Known, account: str, said: ActManifest) -> bool:
    return said.act.account == account and _act(view, account, said.act)


def _act(view: View, account: str, act: Act) -> bool:
    """Her own word bears her signature, a clinician's that of the key in her credential. Whether her organisation
    answers for that key is asked where a list counts the word: it may have replaced its own since."""
    message = act_message(act)
    if act.author == "patient":
        return has_signed(view, account, act.key, message, act.signature)
    try:
        credential = msgspec.convert(act.credential, Credential)
    except msgspec.ValidationError:
        return False
    named = (credential.organisation, credential.name) == (act.organisation, act.name)
    return named and verify_ed25519(bytes.fromhex(credential.key), message, bytes.fromhex(act.signature))


def _agent(view: View, known: Known, account: str, said: ActingManifest | ShareManifest) -> bool:
    """The word of her own agent, which nobody else has: not what a hospital says that helpers did or links opened."""
    return known.is_agent(view, known.teller)


_OWN = "the word of the organisation in whose journal it stands"

CHECKS: dict[str, Check | str] = {
    "record/1": "what it holds of others' words is checked where an entry is read",
    "link/1": _OWN,
    "consent/1": _consent,
    "consent/2": _fhir_consent,
    "revocation/1": _revocation,
    "delegation/1": _delegation,
    "delegation-end/1": _delegation_end,
    "delegation-rest/1": _delegation_rest,
    "guardians/1": "the ledger has the commitment under her account",
    "acting/1": _agent,
    "share/1": _agent,
    "dispute/1": _dispute,
    "dispute-answer/1": _OWN,
    "dispute-answered/1": "what it hands on counts once the ledger has the answer settled",
    "correction-request/1": _correction,
    "correction-taken/1": _correction,
    "correction-answer/1": _OWN,
    "list-act/1": _list_act,
    "list-act-ended/1": "the word of an organisation that it counts an act no more",
    "disclosure/1": _OWN,
    "disclosure-received/1": _OWN,
    "own-look/1": _OWN,
    "refusal/1": _OWN,
    "call-refused/1": _OWN,
    "owed-denied/1": "what it hands on counts once the ledger has it settled",
    "log-read/1": _OWN,
    "look-review/1": _OWN,
    "emergency/1": _OWN,
    "emergency-declared/1": _OWN,
    "emergency-review/1": _OWN,
    "emergency-reviewed/1": "what it hands on counts once the ledger has the review settled",
    "erasure/1": _OWN,
    "match-decided/1": _OWN,
    "record-held/1": _OWN,
    "hold-decided/1": _OWN,
}
"""Each kind of manifest: how others' signatures in it, or its teller, are checked, or why there is nothing to check."""
