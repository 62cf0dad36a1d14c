"""Assisted consent: a person without a device says what she decides, and a named clerk writes it down.

It is a consent/2 that the clerk signs with her own key, the one that she registered as staff here; it is marked as
attested by the clinic, names her, and is taken only while she is of the staff. What it opens ends after thirty days at
the most; what it closes stays closed, so a "no" is taken down in the same way. The person is told through her agent,
where she has one, as of any other consent, and a letter to her waits to be printed (letters.py). She ends it as soon
as she likes (attested_secrets.py).
"""

from typing import TYPE_CHECKING, Literal

import msgspec
import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.consent import access, plain
from medrec.core.consent.plain import Plain
from medrec.core.consent.policy import Unreadable
from medrec.core.consent.times import DAY_MS
from medrec.core.credential import signed_by
from medrec.core.manifests.consent import Attestation, FhirConsentManifest
from medrec.node.account import staff
from medrec.node.account.staff import Member
from medrec.node.consent import attested_secrets, letters
from medrec.node.keeping import charted, store
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.consent.consents import Given
    from medrec.node.node import Node


CLERKS = ("desk", "clinician")
"""Who of the staff may write down what a person without a device decides."""


def check_clerk(node: "Node", consent: FhirConsentManifest, message: bytes) -> None:
    """Whether somebody of this organisation's staff wrote it down under her own name and key. Raises Refusal."""
    found = staff.by_key(node, bytes.fromhex(consent.key))
    if found is None or found[0].role not in CLERKS or consent.attested is None:
        raise Refusal(Code.UNKNOWN_CREDENTIAL)
    signed = signed_by(found[1], message, bytes.fromhex(consent.signature))
    if consent.attested.clerk != found[0].name or not signed:
        raise Refusal(Code.BAD_SIGNATURE)


def check_end(consent: FhirConsentManifest) -> None:
    """What a clinic attests says when it ends, and that is within thirty days of its own time. Raises Refusal."""
    try:
        last = access.opens_until(access.read_manifest(consent))
    except Unreadable:
        raise Refusal(Code.MALFORMED) from None
    if last is not None and last > consent.time + access.ATTESTED_DAYS_MAX * DAY_MS:
        raise Refusal(Code.ATTESTED_TOO_LONG)


def account_of(node: "Node", patient: str) -> str | None:
    """The account of a local patient, None for one who is not linked or not known."""
    with node.store.read() as connection:
        found = connection.execute(sql.select(store.person.c.account).where(charted.under(patient))).scalar()
    return None if found is None else str(found)


def draft(
    node: "Node", patient: str, said: Plain, clerk: Member, form: Literal["paper", "spoken"]
) -> FhirConsentManifest:
    """What a local patient decided, as the clerk will sign it (manifests.consent.fhir_consent_message).

    Raises Refusal: not-linked, not-a-delegate for a clerk without a key, malformed for no plain sentence.
    """
    account = account_of(node, patient)
    if account is None:
        raise Refusal(Code.NOT_LINKED)
    if clerk.key is None:
        raise Refusal(Code.UNKNOWN_CREDENTIAL)
    now = node.clock()
    try:
        text = plain.write(said, account, now)
        attested = msgspec.convert({"clerk": clerk.name, "form": form}, Attestation)
    except (plain.NotPlain, msgspec.ValidationError):
        raise Refusal(Code.MALFORMED) from None
    # Last, so that what is refused leaves no secret behind.
    return FhirConsentManifest(
        manifest="consent/2",
        network=node.network.hex(),
        organisation=node.organisation,
        account=account,
        time=now,
        consent=text.decode(),
        assurance="clinic",
        acting=None,
        attested=attested,
        nullifier=attested_secrets.draw(node, account).hex(),
        key=clerk.key.hex(),
    )


def attest(node: "Node", patient: str, drafted: FhirConsentManifest, proof: bytes) -> "Given":
    """Write down what the clerk has signed (a packed proof), and let a letter to the person wait.

    Raises Refusal (attested-too-long, and what `Consents.give` raises), StoreError.
    """
    given = node.consents.give(manifests.encode(msgspec.structs.replace(drafted, signature=proof.hex())))
    letters.queue(node, given.hash, patient)
    return given
