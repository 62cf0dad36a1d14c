"""Whether the text of a consent is about the person who gives it: by her account, or by a number that she has here."""

import sqlalchemy as sql

from medrec.core.consent.about import REASON, about
from medrec.core.consent.policy import Unreadable
from medrec.core.manifests.consent import ConsentManifest, FhirConsentManifest
from medrec.core.records.canonical import canonical
from medrec.core.records.scan import RecordError
from medrec.node.agent.own import handle
from medrec.node.keeping.charted import numbers


def is_about(connection: sql.Connection, person: int, consent: ConsentManifest | FhirConsentManifest) -> bool:
    """Whether a consent is about the person of this row here. A number that is none of hers is another's, whether
    anybody has it here or not: the answer tells nothing of who is known here. One that nobody can read names nobody,
    and is a broken consent by itself."""
    if isinstance(consent, ConsentManifest):
        return True
    try:
        named = about(canonical(consent.consent.encode()).value)
    except RecordError:
        return True
    except Unreadable as error:
        return error.code != REASON
    if named.accounts - {consent.account}:
        return False
    return not named.numbers - {*numbers(connection, person), handle(consent.account), consent.account}
