"""Code systems of HL7 and others whose codes say nothing about an illness, with a name beside them or without one.

A system is here because somebody has read it. Of all others a code without a name may say anything: HL7 has codes of
psychiatric wards, clinics for addiction and insurances for them in systems that mostly say who somebody is.
"""

import re

from medrec.core.consent import terms
from medrec.core.consent.systems import HL7, MEDIA_TYPES, PROFILES, RESOURCE_TYPES, TABLE

_SYSTEMS = (
    "allergyintolerance-clinical allergyintolerance-verification audit-event-type claim-type claimcareteamrole "
    "claiminformationcategory common-tags communication-category condition-category condition-clinical "
    "condition-ver-status consentaction consentscope contactentity-type coverage-class data-absent-reason "
    "diagnosis-role dose-rate-type endpoint-connection-type ex-diagnosistype ex-paymenttype "
    "extra-security-role-type goal-acceptance-status goal-achievement goal-priority immunization-funding-source "
    "immunization-origin immunization-program-eligibility iso-21089-lifecycle list-order location-physical-type "
    "media-category media-type medication-admin-category medication-statement-category "
    "medicationdispense-category medicationrequest-admin-location medicationrequest-category "
    "medicationrequest-course-of-therapy message-reasons-encounter message-transport object-role "
    "observation-category observation-statistics organization-type payeetype practitioner-role processpriority "
    "provenance-participant-type reaction-event-certainty restful-interaction "
    "restful-security-service subscriber-relationship usage-context-type v2-0131 v2-0136 v2-0203 v2-0360 v2-0443 "
    "v3-ActClass v3-ActPriority v3-Confidentiality v3-DataOperation v3-DocumentCompletion v3-GTSAbbreviation "
    "v3-MaritalStatus v3-NullFlavor v3-ObservationInterpretation v3-ParticipationFunction v3-ParticipationType "
    "v3-ReligiousAffiliation v3-RouteOfAdministration v3-TimingEvent v3-TribalEntityUS v3-orderableDrugForm "
    "v3-substanceAdminSubstitution"
)
_WHOLE = frozenset([f"{HL7}{name}" for name in _SYSTEMS.split()]) | {
    "http://unitsofmeasure.org", MEDIA_TYPES, PROFILES, RESOURCE_TYPES, "urn:ietf:bcp:47", "urn:iso:std:iso:3166",
    "urn:iso:std:iso:4217", "urn:iso-astm:E1762-95:2013", "urn:oid:2.16.840.1.113883.6.238",
    "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips",
}  # fmt: skip
_OWN = re.compile(r"http://hl7\.org/fhir/(CodeSystem/)?[A-Za-z0-9-]+\Z")
"""The lists of FHIR itself: states, kinds, sexes, days of the week."""
_SECTIONS = "CH CT CUS HM IMM LAB MB MCB NMR NMS OSL OTH PAR PHR PHY RAD RUS RX SP SR US XRC"
_VISITS = "AMB EMER FLD HH IMP ACUTE NONAC OBSENC PRENC SS VR"
_KIN = (
    "ADOPTF ADOPTM ADOPTP AUNT BRO BROINLAW CHILD CHLDADOPT CHLDINLAW COUSN DAU DAUADOPT DAUC "
    "DAUINLAW DOMPART EXT FAMMEMB FMRSPS FRND FTH FTHINLAW FTWIN GGRFTH GGRMTH GGRPRN GRFTH GRMTH GRNDCHILD "
    "GRNDDAU GRNDSON GRPRN GUARD HBRO HSIB HSIS HUSB ITWIN MAUNT MCOUSN MGGRFTH MGGRMTH MGGRPRN MGRFTH MGRMTH MGRPRN "
    "MTH MTHINLAW MUNCLE NBOR NBRO NCHILD NEPHEW NFTH NFTHF NIECE NIENEPH NMTH NMTHF NPRN NSIB NSIS ONESELF "
    "PAUNT PAYOR PCOUSN PGGRFTH PGGRMTH PGGRPRN PGRFTH PGRMTH PGRPRN PRN PRNINLAW PUNCLE ROOM SIB SIBINLAW "
    "SIGOTHR SIS SISINLAW SON SONADOPT SONC SONINLAW SPS STPBRO STPCHLD STPDAU STPFTH STPMTH STPPRN STPSIB "
    "STPSIS STPSON SUBSCR TWIN TWINBRO TWINSIS UNCLE WIFE"
)
_SOME = {
    f"{HL7}v2-0074": frozenset(_SECTIONS.split()),
    terms.ACT_CODE: frozenset(_VISITS.split()),
    f"{HL7}referencerange-meaning": frozenset(["normal", "recommended", "type"]),
    terms.ACT_REASON: frozenset(terms.PURPOSES_BELOW) | {"IMMUNE", "MEDPREC", "OSTOCK", "PATOBJ"},
    f"{HL7}v3-RoleCode": frozenset(_KIN.split()),
    f"{HL7}v3-ObservationValue": frozenset(["REDACTED", "SUBSETTED"]),
}
"""Systems of which some codes are harmless: classes of visits, purposes, sections of a laboratory, and kin (foster
families aside: a child is taken into one for a reason)."""

_INTEGRITY = (
    "ABSTRED AGGRED ANONYED MAPPED MASKED PSEUDED REDACTED SUBSETTED SYNTAC TRSLT VERSIONED CRYTOHASH DIGSIG HRELIABLE "
    "RELIABLE UNCERTREL UNRELIABLE CLINAST DEVAST HCPAST PACQAST PATAST PAYAST PROAST SDMAST CLINRPT DEVRPT HCPRPT "
    "PACQRPT PATRPT PAYRPT PRORPT SDMRPT"
)
_LABELS = {
    f"{HL7}v3-ObservationValue": frozenset(_INTEGRITY.split()),
    terms.ACT_REASON: frozenset(terms.PURPOSES_BELOW),
    terms.CONSENT_ACTION: terms.ACTIONS,
    f"{HL7}common-tags": frozenset(["actionable"]),
}
"""Labels (`meta.security`) that say how whole and how sure a record is, or what may be done with it, and not what it is
about. Held against what HL7 has published: the value set SecurityIntegrityObservationValue (FHIR DSTU 2 and R5, 33
codes), the purposes of v3-ActReason below PurposeOfUse, consentaction, common-tags (FHIR R4, its one code). A code of
these systems that is not here may be a sensitivity: both v3 systems hold much that is no label at all."""


def says_no_sensitivity(system: str, code: str) -> bool:
    """Whether a label, of a system by its one name, is none about what a record holds."""
    return code in _LABELS.get(system, ())


def is_harmless(system: str, code: str) -> bool:
    """Whether a code, of a system by its one name, says nothing about an illness."""
    some = _SOME.get(system)
    if some is not None:
        return code in some
    return system in _WHOLE or (system not in TABLE and bool(_OWN.match(system)))
