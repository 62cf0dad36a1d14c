"""Entries of people's own: what a patient, or whoever helps her, states in her record, under her own signature.

An entry is a FHIR resource (a symptom, a reading at home, a medicine taken or stopped, a wish). It becomes a version of
a record as any other, `record/1` in the journal of her agent, whose `signed` holds this statement: so it stands in the
same timeline, travels through the same gate, and says who said it.
"""

import hashlib
from typing import Annotated, Any, Literal

import msgspec

from medrec.core import codec
from medrec.core.manifests.consent import KeyId, Signature
from medrec.core.manifests.record import FhirId, FhirType, Hex32, RecordManifest
from medrec.core.types import Fields, TimeMs

ENTRY_TYPES = frozenset(
    {
        "Observation",
        "MedicationStatement",
        "Condition",
        "Goal",
        "QuestionnaireResponse",
        "Consent",
        "AllergyIntolerance",
    }
)  # fmt: skip
"""What people may state. A Consent here is a wish (advance care); it opens nothing."""


class EntryStatement(Fields, frozen=True, omit_defaults=True):
    """A person's word for a version of an entry: `sha256` is that of its canonical bytes, null for taking it back; then
    `back` is the SHA-256 of what is taken back, so that whoever signs has read it (former statements have none).

    `author` is the account that signed, `name` how it is called; `delegation` is the SHA-256 of the delegation by which
    somebody else speaks for `account`, null where she speaks herself.
    """

    statement: Literal["entry/1"]
    network: Hex32
    account: str
    author: Annotated[str, msgspec.Meta(min_length=1, max_length=65)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    delegation: Hex32 | None
    time: TimeMs
    type: FhirType
    id: FhirId
    sha256: Hex32 | None
    key: KeyId
    back: Hex32 | None = None
    signature: Signature = ""


def entry_message(entry: EntryStatement) -> bytes:
    """What is signed of an entry: SHA-256("medrec/own-entry/1" || canonical JSON without `signature`)."""
    value = msgspec.to_builtins(entry)
    value.pop("signature", None)
    return hashlib.sha256(b"medrec/own-entry/1" + codec.encode_json(value)).digest()


def entry_of(manifest: RecordManifest) -> EntryStatement | None:
    """The statement in a record's manifest that speaks of this very version, None if there is none.

    Whether its signature holds is a question to the ledger's account.
    """
    for signed in manifest.signed:
        found = _read(signed)
        if found is not None and _fits(manifest, found):
            return found
    return None


def _read(value: dict[str, Any]) -> EntryStatement | None:
    if value.get("statement") != "entry/1":
        return None
    try:
        return msgspec.convert(value, EntryStatement)
    except msgspec.ValidationError:
        return None


def _fits(manifest: RecordManifest, entry: EntryStatement) -> bool:
    record = manifest.record
    return (entry.network, entry.account, entry.type, entry.id, entry.sha256) == (
        manifest.network,
        manifest.account,
        record.type,
        record.id,
        record.sha256,
    )
