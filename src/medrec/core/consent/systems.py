"""One name for each code system, however a record, a consent or a file of rules calls it.

    system_name("urn:oid:2.16.840.1.113883.6.96")                  "http://snomed.info/sct"
    system_name("https://snomed.info/sct/900000000000207008/")     "http://snomed.info/sct"
    token("http://hl7.org/fhir/sid/icd-10-cm|2025", "j45.909")     "http://hl7.org/fhir/sid/icd-10-cm|J45909"

Names and numbers are those of HL7's registries (THO NamingSystem; OIDs of v3). What is not in the table is a system
that nobody here knows: a code of it may be any code under another name, so it is a doubt and never a "no".
"""

import re
import unicodedata
from functools import lru_cache

from medrec.core.consent.names import visible
from medrec.core.records.terms import CVX, ICD10CM, LOINC, NDC, RXNORM, SNOMED, UNII, ndc11

HL7 = "http://terminology.hl7.org/CodeSystem/"
RESOURCE_TYPES = "http://hl7.org/fhir/resource-types"
PROFILES = "urn:ietf:rfc:3986"
"""The system of names that are addresses; in a class the address of a profile."""
MEDIA_TYPES = "urn:ietf:bcp:13"
ICD10, ICD9 = "http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-9-cm"
ICD10_NATIONAL = ("http://fhir.de/codesystem/bfarm/icd-10-gm", "http://hl7.org/fhir/sid/icd-10-nl",
                  "http://hl7.org/fhir/sid/icd-10-am")  # fmt: skip
"""ICD-10 as countries have it: its chapters and blocks, and codes of their own."""

_OID = "2.16.840.1.113883."
TABLE: dict[str, tuple[str, ...]] = {
    SNOMED: (f"{_OID}6.96", "http://snomed.info", "http://snomed.info/id", "http://www.snomed.org/snomed-ct"),
    LOINC: (f"{_OID}6.1", "http://www.loinc.org", "http://loinc.org/rdf"),
    RXNORM: (f"{_OID}6.88", "http://nlm.nih.gov/research/umls/rxnorm", f"{HL7}rxnorm"),
    NDC: (f"{_OID}6.69", f"{HL7}ndc", "http://www.fda.gov/drugs/informationondrugs/ucm142438.htm"),
    UNII: (f"{_OID}4.9", "http://fdasis.nlm.nih.gov/srs", f"{HL7}unii"),
    ICD10CM: (f"{_OID}6.90", f"{HL7}icd10cm", f"{HL7}icd-10-cm"),
    ICD10: (f"{_OID}6.3", "http://icd.who.int/icd10", "http://id.who.int/icd/release/10", f"{HL7}icd10",
            f"{HL7}icd-10"),
    ICD9: (f"{_OID}6.103", f"{_OID}6.104", f"{_OID}6.42", "http://hl7.org/fhir/sid/icd-9",
           "http://hl7.org/fhir/sid/icd-9-cm/diagnosis", "http://hl7.org/fhir/sid/icd-9-cm/procedure",
           f"{HL7}icd9cm", f"{HL7}icd9", f"{HL7}icd-9cm-diagnosiscodes", f"{HL7}icd-9cm-procedurecodes"),
    "http://www.cms.gov/Medicare/Coding/ICD10": (f"{_OID}6.4", "http://hl7.org/fhir/sid/icd-10-pcs", f"{HL7}icd10PCS",
                                                 "http://www.cms.gov/medicare/coding/icd10pcs"),
    "http://id.who.int/icd/release/11/mms": (f"{_OID}6.347", "http://hl7.org/fhir/sid/icd-11", f"{HL7}icd11"),
    ICD10_NATIONAL[0]: ("1.2.276.0.76.5.409", "http://fhir.de/codesystem/dimdi/icd-10-gm",
                                                  "http://hl7.org/fhir/sid/icd-10-de"),
    ICD10_NATIONAL[1]: (f"{_OID}6.3.2",),
    ICD10_NATIONAL[2]: (f"{_OID}6.135",),
    "http://hl7.org/fhir/sid/icd-o-3": (f"{_OID}6.43.1", f"{HL7}icd-o-3"),
    "http://hl7.org/fhir/sid/icpc-1": (), "http://hl7.org/fhir/sid/icpc-2": (f"{_OID}6.139", f"{_OID}6.140"),
    "http://hl7.org/fhir/sid/icf-nl": (f"{_OID}6.254", "http://hl7.org/fhir/sid/icf"),
    CVX: (f"{_OID}12.292", f"{_OID}6.59", "http://www2a.cdc.gov/vaccines/iis/iisstandards/vaccines.asp?rpt=cvx",
          f"{HL7}cvx"),
    "http://hl7.org/fhir/sid/mvx": (f"{_OID}12.227",),
    "http://www.ama-assn.org/go/cpt": (f"{_OID}6.12", "http://www.ama-assn.org/cpt", f"{HL7}cpt"),
    "http://www.cms.gov/medicare/coding/hcpcsreleasecodesets": (
        f"{_OID}6.285", f"{_OID}6.14", "http://www.cms.gov/medicare/coding/medhcpcsgeninfo",
        "http://www.nlm.nih.gov/research/umls/hcpcs", f"{HL7}hcpcs", f"{HL7}hcpcs-all-codes"),
    "http://www.ada.org/cdt": (f"{_OID}6.13", "http://www.nlm.nih.gov/research/umls/cdt", f"{HL7}cd2"),
    "http://nucc.org/provider-taxonomy": (f"{_OID}6.101", "http://www.nucc.org"),
    "http://www.whocc.no/atc": (f"{_OID}6.73", "http://fhir.de/codesystem/bfarm/atc", "http://fhir.de/codesystem/dimdi/atc"),
    "http://hl7.org/fhir/ndfrt": (f"{_OID}3.26.1.5",), "http://va.gov/terminology/medrt": (f"{_OID}6.345",),
    "http://dmd.nhs.uk": (), "http://read.info/readv2": (f"{_OID}6.29",), "http://read.info/ctv3": (f"{_OID}6.27",),
    "http://fhir.de/codesystem/bfarm/ops": ("1.2.276.0.76.5.464", "http://fhir.de/codesystem/dimdi/ops"),
    "http://fhir.de/codesystem/ifa/pzn": ("1.2.276.0.76.4.6",),
    "http://www.genenames.org": (f"{_OID}6.281", "http://www.genenames.org/geneid"),
    "http://www.omim.org": (f"{_OID}6.174",), "http://varnomen.hgvs.org": (f"{_OID}6.282",),
    "http://www.ncbi.nlm.nih.gov/clinvar": (f"{_OID}6.319",), "http://www.orpha.net": (),
    "http://ncimeta.nci.nih.gov": (), "http://ncit.nci.nih.gov": (f"{_OID}3.26.1.1",),
    "http://id.nlm.nih.gov/mesh": (f"{_OID}6.177",), "http://www.nlm.nih.gov/research/umls": (f"{_OID}6.86",),
    "http://human-phenotype-ontology.org": ("http://purl.obolibrary.org/obo/hp.owl",),
    "http://unitsofmeasure.org": (f"{_OID}6.8",),
    "http://dicom.nema.org/resources/ontology/dcm": ("1.2.840.10008.2.16.4",),
    "urn:oid:2.16.840.1.113883.6.238": (f"{HL7}cdcrec", f"{HL7}phracescdc"),
    MEDIA_TYPES: (f"{_OID}5.79", f"{HL7}v3-mediatype", "http://www.rfc-editor.org/bcp/bcp13.txt"),
    RESOURCE_TYPES: ("http://hl7.org/fhir/fhir-types", "http://hl7.org/fhir/valueset/resource-types",
                     "http://hl7.org/fhir/structuredefinition", "http://hl7.org/fhir/data-types",
                     "http://hl7.org/fhir/defined-types", "http://hl7.org/fhir/valueset/defined-types"),
    f"{HL7}v3-ActCode": (f"{_OID}5.4",), f"{HL7}v3-Confidentiality": (f"{_OID}5.25",),
    f"{HL7}v3-ActReason": (f"{_OID}5.8",), f"{HL7}v3-ParticipationType": (f"{_OID}5.90",),
    f"{HL7}v3-RoleCode": (f"{_OID}5.111",), f"{HL7}v3-RoleClass": (f"{_OID}5.110",),
    f"{HL7}v3-ActClass": (f"{_OID}5.6",), f"{HL7}v3-ObservationValue": (f"{_OID}5.1063",),
    f"{HL7}consentaction": ("http://hl7.org/fhir/consent-action",), f"{HL7}consentscope": (),
}  # fmt: skip
"""A system's own name -> what else it is called: OIDs (bare), addresses in small letters without http(s) apart."""

_RESOURCES = (
    "Account ActivityDefinition ActorDefinition AdministrableProductDefinition AdverseEvent AllergyIntolerance "
    "Appointment AppointmentResponse ArtifactAssessment AuditEvent Basic Binary BiologicallyDerivedProduct "
    "BiologicallyDerivedProductDispense BodyStructure Bundle CapabilityStatement CarePlan CareTeam CatalogEntry "
    "ChargeItem ChargeItemDefinition Citation Claim ClaimResponse ClinicalImpression ClinicalUseDefinition CodeSystem "
    "Communication CommunicationRequest CompartmentDefinition Composition ConceptMap Condition ConditionDefinition "
    "Consent Contract Coverage CoverageEligibilityRequest CoverageEligibilityResponse DetectedIssue Device "
    "DeviceAssociation DeviceDefinition DeviceDispense DeviceMetric DeviceRequest DeviceUsage DeviceUseStatement "
    "DiagnosticReport DocumentManifest DocumentReference EffectEvidenceSynthesis Encounter EncounterHistory Endpoint "
    "EnrollmentRequest EnrollmentResponse EpisodeOfCare EventDefinition Evidence EvidenceReport EvidenceVariable "
    "ExampleScenario ExplanationOfBenefit FamilyMemberHistory Flag FormularyItem GenomicStudy Goal GraphDefinition "
    "Group GuidanceResponse HealthcareService ImagingSelection ImagingStudy Immunization ImmunizationEvaluation "
    "ImmunizationRecommendation ImplementationGuide Ingredient InsurancePlan InventoryItem InventoryReport Invoice "
    "Library Linkage List Location ManufacturedItemDefinition Measure MeasureReport Media Medication "
    "MedicationAdministration MedicationDispense MedicationKnowledge MedicationRequest MedicationStatement "
    "MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication MedicinalProductDefinition "
    "MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured "
    "MedicinalProductPackaged MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition "
    "MessageHeader MolecularSequence NamingSystem NutritionIntake NutritionOrder NutritionProduct Observation "
    "ObservationDefinition OperationDefinition OperationOutcome Organization OrganizationAffiliation "
    "PackagedProductDefinition Parameters Patient PaymentNotice PaymentReconciliation Permission Person PlanDefinition "
    "Practitioner PractitionerRole Procedure Provenance Questionnaire QuestionnaireResponse RegulatedAuthorization "
    "RelatedPerson RequestGroup RequestOrchestration Requirements ResearchDefinition ResearchElementDefinition "
    "ResearchStudy ResearchSubject RiskAssessment RiskEvidenceSynthesis Schedule SearchParameter ServiceRequest Slot "
    "Specimen SpecimenDefinition StructureDefinition StructureMap Subscription SubscriptionStatus SubscriptionTopic "
    "Substance SubstanceDefinition SubstanceNucleicAcid SubstancePolymer SubstanceProtein "
    "SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification SupplyDelivery SupplyRequest Task "
    "TerminologyCapabilities TestPlan TestReport TestScript Transport ValueSet VerificationResult VisionPrescription"
)
TYPES = frozenset(_RESOURCES.split())
"""The types of resources of FHIR R4 and R5."""

_OTHER_NAMES = {
    (f"urn:oid:{other}" if other[0].isdigit() else other): name for name, others in TABLE.items() for other in others
} | {name.lower(): name for name in TABLE}
_REGISTERED = ("http://terminology.hl7.org/", "http://hl7.org/fhir/", "urn:iso:", "urn:ietf:")
"""Where every name is given by HL7, ISO or the IETF to a system of its own."""
_NO_SYSTEM = re.compile(r"http://hl7\.org/fhir/(.*/)?(sid|valueset|structuredefinition)(/|\Z)")
"""Names in that space that are none of a system, the table aside: what others own, value sets, profiles."""
_DOTS = re.compile(r"[.\s]")
_BARE_OID = re.compile(r"[0-2](\.[0-9]+){3,}\Z")
_EARLIER = re.compile(r"http://hl7\.org/fhir/(v[23])/")
_PROFILE = "http://hl7.org/fhir/StructureDefinition/"
_PLAIN_XML = frozenset(("application/xml", "text/xml"))
_BYTES = frozenset(("", "application/octet-stream", "application/x-octet-stream", "binary/octet-stream"))
_ICD = (ICD10CM, ICD10, ICD9, *ICD10_NATIONAL)


@lru_cache(maxsize=10_000)
def system_name(system: str) -> str:
    """The one name of a code system: without version, edition, closing slash, https or www. Unknown names stay."""
    name = system.strip().partition("|")[0].rstrip("/")
    if _BARE_OID.match(name):
        name = f"urn:oid:{name}"
    folded = re.sub(r"\Ahttps://", "http://", name.lower())
    if folded.startswith("http://snomed.info/sct/"):
        folded = SNOMED
    name = re.sub(r"(?i)\Ahttps?://", "http://", name)
    earlier = _EARLIER.match(folded)
    if earlier:
        name = f"{HL7}{earlier[1]}-{name[earlier.end() :]}"
        folded = name.lower()
    for one in (folded, folded.replace("http://www.", "http://", 1), folded.replace("http://", "http://www.", 1)):
        if one in _OTHER_NAMES:
            return _OTHER_NAMES[one]
    return name


@lru_cache(maxsize=10_000)
def is_known(system: str) -> bool:
    """Whether a system (by its one name) is one that is known here."""
    folded = system.lower()
    return folded in _OTHER_NAMES or (folded.startswith(_REGISTERED) and not _NO_SYSTEM.match(folded))


@lru_cache(maxsize=20_000)
def token(system: str, code: str) -> str:
    """A code as it is compared, "system|code" ("|code" without a system): both in one form.

    ICD codes have neither dots nor blanks, and capital letters; an NDC has eleven digits, a media type neither capitals
    nor parameters. Letters have one form in all (NFKC), and what nobody sees is left out.
    """
    name = system_name(system)
    plain = code.isascii() and code.isprintable()
    code = code.strip() if plain else visible(unicodedata.normalize("NFKC", code)).strip()
    if name in _ICD:
        code = _DOTS.sub("", code).upper()
    elif name == NDC and len(ndc11(code)) == 1:
        code = ndc11(code)[0]
    elif name == MEDIA_TYPES:
        code = code.partition(";")[0].strip().lower()
    elif name == PROFILES:
        code = code.partition("|")[0]
    return f"{name}|{code}"


def kind(system: str, code: str) -> str:
    """A class of records as it is compared: a type by its name, all else as a token.

    The address of a type's own definition is the type. What is no type of FHIR's stays a token of their system, which
    no record carries.
    """
    name = system_name(system)
    if name in (RESOURCE_TYPES, PROFILES):
        said = code.strip().partition("|")[0].removeprefix(_PROFILE)
        if said in TYPES:
            return said
    return token(name, code)


def media_may_be(named: str, carried: str) -> bool:
    """Whether what is of one media type (a token) may be of another: XML that does not say of which kind, and bytes."""
    if not (system_of(named) == system_of(carried) == MEDIA_TYPES):
        return False
    one, other = code_of(named), code_of(carried)
    both_xml = one.endswith("xml") and other.endswith("xml") and not _PLAIN_XML.isdisjoint((one, other))
    return both_xml or not _BYTES.isdisjoint((one, other))


def system_of(token: str) -> str:
    """The system of a token; "" where it has none."""
    return token.partition("|")[0]


def code_of(token: str) -> str:
    """The code of a token."""
    return token.partition("|")[2]
