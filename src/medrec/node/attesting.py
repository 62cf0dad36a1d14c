"""Assisted consent: a person without a device says what she decides, and a named clerk writes it down.

It is a consent/2 that this organisation's key signs, marked as attested by the clinic and with the clerk's name.
What it opens ends after thirty days at the most; what it closes stays closed, so a "no" is taken down in the same way.
The person is told through her agent, where she has one, as of any other consent.
"""

from typing import TYPE_CHECKING, Literal

import msgspec
import sqlalchemy as sql

from medrec.core import commitment, manifests
from medrec.core.consent import plain
from medrec.core.consent.plain import Plain
from medrec.core.manifests.consent import Attestation, FhirConsentManifest, fhir_consent_message
from medrec.node import store
from medrec.node.consents import ATTESTED, Given
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

CLERK_CHARACTERS_MAX = 200


def account_of(node: "Node", patient: str) -> str | None:
    """The account of a local patient, None for one who is not linked or not known."""
    with node.store.read() as connection:
        found = connection.execute(sql.select(store.person.c.account).where(store.person.c.patient == patient)).scalar()
    return None if found is None else str(found)


def attest(node: "Node", patient: str, said: Plain, clerk: str, form: Literal["paper", "spoken"]) -> Given:
    """Write down what a local patient decided, in the name of a clerk.

    Raises Refusal (not-linked, malformed for nobody as the clerk or no plain sentence, attested-too-long, and what
    `Consents.give` raises), StoreError.
    """
    account, clerk = account_of(node, patient), " ".join(clerk.split())[:CLERK_CHARACTERS_MAX]
    if account is None:
        raise Refusal(Code.NOT_LINKED)
    now = node.clock()
    try:
        text = plain.write(said, account, now)
        attested = msgspec.convert({"clerk": clerk, "form": form}, Attestation)
    except (plain.NotPlain, msgspec.ValidationError):
        raise Refusal(Code.MALFORMED) from None
    unsigned = FhirConsentManifest(
        manifest="consent/2",
        network=node.network.hex(),
        organisation=node.organisation,
        account=account,
        time=now,
        consent=text.decode(),
        assurance="clinic",
        acting=None,
        attested=attested,
        nullifier=commitment.nullifier(node.vault.random(commitment.SECRET_BYTES)).hex(),
        key=node.keys.key_id.hex(),
    )
    signature = node.keys.sign_request(ATTESTED + fhir_consent_message(unsigned))
    return node.consents.give(manifests.encode(msgspec.structs.replace(unsigned, signature=signature.hex())))
