"""Provenance of a record, with the organisation's signature over the record's own bytes.

The signature is a detached JWS (RFC 7515, appendix F; EdDSA, RFC 8037): whoever has the record in its canonical form
and the organisation's key from the ledger can check it with any JOSE library, without knowing of MedRec.
"""

import base64
import json
from typing import TYPE_CHECKING, Any

from medrec.core.records.canonical import FORM
from medrec.node.fhir.answer import instant

if TYPE_CHECKING:
    from medrec.node.node import Node

VERIFICATION = {
    "system": "urn:iso-astm:E1762-95:2013",
    "code": "1.2.840.10065.1.12.1.5",
    "display": "Verification Signature",
}
AUTHOR = {"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "custodian"}


def provenance(node: "Node", row: Any, content: bytes) -> dict[str, Any]:
    """The Provenance of a signed record: its row in the store, and its canonical bytes."""
    who = {"identifier": {"system": "urn:medrec:organisation", "value": node.organisation}}
    now = node.clock()
    return {
        "resourceType": "Provenance",
        "id": f"{row.type}-{row.version}-{bytes(row.manifest).hex()[:32]}",
        "target": [{"reference": f"{row.type}/{row.id}"}],
        "recorded": instant(row.time),
        "agent": [{"type": {"coding": [AUTHOR]}, "who": who}],
        "entity": [
            {
                "role": "source",
                "what": {
                    # The manifest that stands behind the entry on the ledger.
                    "identifier": {"system": "urn:medrec:manifest", "value": bytes(row.manifest).hex()}
                },
            }
        ],
        "signature": [
            {
                "type": [VERIFICATION],
                "when": instant(now),
                "who": who,
                "targetFormat": f"application/fhir+json;canonicalization={FORM}",
                "sigFormat": "application/jose",
                "data": base64.b64encode(detached(node, content, now)).decode(),
            }
        ],
    }


def detached(node: "Node", content: bytes, now: int) -> bytes:
    """A compact JWS over a content that is not in it."""
    header = {
        "alg": "EdDSA",
        "kid": f"{node.organisation}/{node.keys.key_id.hex()}",
        "sigT": instant(now)[:19] + "Z",
        "canon": FORM,
    }
    encoded = _base64(json.dumps(header, separators=(",", ":"), sort_keys=True).encode())
    signature = node.keys.sign_request(encoded + b"." + _base64(content))
    return encoded + b".." + _base64(signature)


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
