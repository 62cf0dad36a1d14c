"""Which elements of a record are words about health, which name an illness, and which say who somebody is."""

from medrec.core.consent.label_names import Read

FREE_TEXT_CHARACTERS = 100
"""A longer string is free text wherever it stands."""
NOWORDS = frozenset(("resourceType", "id", "status", "intent"))
"""Elements of every resource that are no words about health."""

_FREE_NAMES = (
    "annotation authorString comment comments conclusion contentString description instructions markdown note "
    "patientInstruction reasonText summary text valueMarkdown"
)
_PASSED_OVER_NAMES = (
    "address city contentType district family fullUrl given hash id identifier language lastUpdated line meta period "
    "reference system telecom url value versionId"
)
_CLINICAL_NAMES = (
    "addresses basedOn condition conditionReference derivedFrom detail diagnosis evidence evidenceDetail finding "
    "focus goal hasMember indication itemReference manifestation medication medicationReference outcomeReference "
    "part partOf problem procedureReference reaction reason reasonReference result supportingInfo "
    "supportingInformation target"
)
_NAMING_NAMES = (
    "code concept condition description diagnosisCodeableConcept itemCodeableConcept manifestation medication "
    "medicationCodeableConcept procedureCodeableConcept reasonCode serviceType substance type vaccineCode"
)
_PEOPLE_NAMES = (
    "Endpoint HealthcareService Location Organization Patient Person Practitioner PractitionerRole RelatedPerson"
)
_BODILY_NAMES = (
    "AllergyIntolerance Condition DiagnosticReport FamilyMemberHistory Immunization Medication "
    "MedicationAdministration MedicationDispense MedicationRequest MedicationStatement Observation"
)
FREE = frozenset(_FREE_NAMES.split())
"""Elements in which people write."""
PASSED_OVER = frozenset(_PASSED_OVER_NAMES.split())
"""Elements whose strings are no words about health."""
CLINICAL = frozenset(_CLINICAL_NAMES.split())
"""Elements whose references say what a record is about."""
NAMING = frozenset(_NAMING_NAMES.split())
"""Elements that say what a record is about: a text there, without a code, has to say it."""
PEOPLE = frozenset(_PEOPLE_NAMES.split())
"""Types that say who or where somebody is: their texts are names, languages and kinds of kin."""
_BODILY = frozenset(_BODILY_NAMES.split())
_REASONS = ("diagnosis", "procedure", "reason")
ATTACHMENTS = frozenset(("attachment", "presentedForm", "photo", "image", "valueAttachment", "contentAttachment"))
MEDICINES = frozenset(("code", "concept", "itemCodeableConcept", "medication", "medicationCodeableConcept"))
"""Elements that name a medicine, in a Medication and in what starts with `medication`."""
SUBSTANCES = frozenset(("AllergyIntolerance", "Immunization", "Medication"))
"""Types whose names may be those of medicines."""
_VALUES = frozenset(("title", "valueString"))


def names_illness(kind: str, path: str, name: str) -> bool:
    """Whether an element of this name, of a record of this type, says what illness, medicine or test it is, and not
    which visit, paper, line of a bill, answer or site."""
    return path.startswith(_REASONS) or (kind in _BODILY and name in NAMING and not path.startswith("dosage"))


def read_as(kind: str, name: str) -> str:
    """The element as which a short text is read that is no concept; "" where rules alone read it. A title or a value
    need not say what it is about; the name of a group says whom it takes in, and why."""
    return "code" if (kind, name) == ("Group", "name") else name if name in _VALUES else ""


def is_doubt(read: Read, name: str) -> bool:
    """Whether a text without a code, in an element of this name, may say anything."""
    return read == "strange" or (read != "named" and name in NAMING)
