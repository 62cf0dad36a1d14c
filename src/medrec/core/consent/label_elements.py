"""Which elements of a record are words about health, which name an illness, and which say who somebody is."""

from collections.abc import Mapping
from typing import Any

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
_QUALIFYING_NAMES = (
    "abatementString additionalInstruction ageString authorString bornString certainty clinicalStatus criticality "
    "currency deceasedString dosage dosageInstruction form function interpretation laterality maritalStatus method "
    "occurrenceString onsetString performedString priority relationship role route severity timing "
    "timingString unit verificationStatus"
)
_PERSONAL_NAMES = (
    "agent asserter author beneficiary enterer guarantor individual informant member patient payee practitioner "
    "primary receiver recorder requester sender source subject subscriber verifier"
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
_ILLNESS = frozenset(_NAMING_NAMES.split())
"""Elements that say which illness, test or medicine it is."""
QUALIFYING = frozenset(_QUALIFYING_NAMES.split())
"""Elements that say how, when, how much, or who somebody is to another. Every other text names what a record is about,
or why: without a code, it has to say it."""
PEOPLE = frozenset(_PEOPLE_NAMES.split())
"""Types that say who or where somebody is: their texts are names, languages and kinds of kin."""
_BODILY = frozenset(_BODILY_NAMES.split())
_REASONS = ("diagnosis", "procedure", "reason")
ATTACHMENTS = frozenset(("attachment", "presentedForm", "photo", "image", "valueAttachment", "contentAttachment"))
MEDICINES = frozenset(("code", "concept", "itemCodeableConcept", "medication", "medicationCodeableConcept"))
"""Elements that name a medicine, in a Medication and in what starts with `medication`."""
SUBSTANCES = frozenset(("AllergyIntolerance", "Immunization", "Medication"))
"""Types whose names may be those of medicines."""
_TITLES = frozenset(("label", "title"))
PLACES = frozenset(("HealthcareService", "Location", "Organization"))
"""Types whose names are those of places."""
_PERSONS = frozenset(("Group", "Patient", "Person", "Practitioner", "PractitionerRole", "RelatedPerson"))
_PERSONAL = frozenset(_PERSONAL_NAMES.split())
BESIDE_WORDS = frozenset(("definition", "div", "linkId", "version"))
"""Elements whose addresses stand beside the words that say the same, or name an edition: there rules alone read
them."""
_GROUPS = frozenset(("CareTeam", "Group"))
_RELATED = {
    "relationship": frozenset(("Coverage", "FamilyMemberHistory", "RelatedPerson")),
    "role": frozenset(("RelatedPerson",)),
}
_CONTACT = frozenset(("relationship", "role"))
WHO = {"CareTeam": frozenset(("name",)), "RelatedPerson": frozenset(("relationship", "role"))}
"""Elements of people around her that say who they are: whoever points at one of them says no more than who it was."""
_PLACE_NAMES = frozenset(("alias", "name"))


def names_illness(kind: str, path: str, name: str) -> bool:
    """Whether an element of this name, of a record of this type, says what illness, medicine or test it is, and not
    which visit, paper, line of a bill, answer or site."""
    return path.startswith(_REASONS) or (kind in _BODILY and name in _ILLNESS and not path.startswith("dosage"))


def says_kin(kind: str, name: str) -> bool:
    """Whether an element of this name, of a record of this type, says who somebody is to her: kin, or why they know
    each other."""
    return kind in _RELATED.get(name, ())


def says_contact(kind: str, name: str) -> bool:
    """Whether it says who a contact is to her, within the record of who she is: rules alone read it, or nobody who
    treats her would know who she is, for an emergency contact in words that nobody has read."""
    return kind == "Patient" and name in _CONTACT


def is_of_contact(kind: str, path: str, above: str) -> bool:
    """Whether a text of this record, below an element of this name, is such a word, in whatever script."""
    return path.startswith("contact") and (says_contact(kind, above) or (kind == "Patient" and above == "coding"))


def read_as(kind: str, name: str) -> str:
    """The element as which a short text is read that is no concept; "" where rules alone read it. The name of a group
    says whom it takes in, and why; that of a team what it is there for."""
    if name == "name" and kind in _GROUPS:
        return "code"
    return name if name in _TITLES or name.endswith("String") else ""


def answers_unasked(kind: str, value: Mapping[str, Any]) -> bool:
    """Whether it is an answer of a form beside which its question does not stand. What was asked is then known to the
    form alone, as what a document says is to the document."""
    return kind == "QuestionnaireResponse" and bool(value.get("answer")) and type(value.get("text")) is not str


def is_doubt(read: Read, name: str) -> bool:
    """Whether a text without a code, in an element of this name, may say anything. An answer may be a number."""
    if read == "strange" or read == "named":
        return read == "strange"
    return name not in QUALIFYING and not (read == "none" and name.endswith("String"))


def names_place(kind: str, name: str) -> bool:
    """Whether a text in an element of this name, of a record of this type, is the name of a place."""
    return kind in PLACES and name in _PLACE_NAMES


def may_point_at_place(name: str, value: Mapping[str, Any]) -> bool:
    """Whether the `display` of what is pointed at may be the name of a place, or of what is done there. Only a person's
    says nothing: that of a type of persons, or, where no type is given, of an element that names one."""
    given = value.get("type")
    reference = value.get("reference")
    kind = given if type(given) is str else reference.split("/")[-2:][0] if type(reference) is str else ""
    return kind not in _PERSONS and (kind in PLACES or name not in _PERSONAL)
