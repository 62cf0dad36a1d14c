"""The codes that decide: purposes of use, sensitivities, confidentiality, actions, and what each of them covers.

Codes and their hierarchy are those of HL7 Terminology (THO; content CC0): v3-ActReason 4.0.0, v3-ActCode 11.0.0,
v3-Confidentiality 5.0.0, consentaction. Only these are known; a consent that uses another code of these systems
cannot be read.
"""

from collections.abc import Iterable, Mapping

ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
CONSENT_ACTION = "http://terminology.hl7.org/CodeSystem/consentaction"
CONSENT_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
_HANDLING = (
    "ANONY AOD AUDIT AUDTR CPLYCC CPLYCD CPLYCUI CPLYJPP CPLYJSP CPLYOPP CPLYOSP CPLYPOL DECLASSIFYLABEL DEID DELAU "
    "DOWNGRDLABEL DRIVLABEL ENCRYPT ENCRYPTR ENCRYPTT ENCRYPTU HUAPRV LABEL MASK MINEC NOAUTH NOCOLLECT NODSCLCD "
    "NODSCLCDS NOINTEGRATE NOLIST NOMOU NOORGPOL NOPAT NOPERSISTP NORDSCLCD NORDSCLCDS NORDSCLW NORELINK NOREUSE "
    "NOVIP ORCON PERSISTLABEL PRIVMARK PSEUD REDACT UPGRDLABEL COPYMARK CUIMark DEIDENTIFIED HEXCLUDE"
)
HANDLING = frozenset(_HANDLING.split())
"""Codes of v3-ActCode that say how to handle a record, not what it is about: no sensitivity follows from them."""

_PURPOSES: dict[str, str] = {
    "CLINTRCH": "CLINTRCHNPC CLINTRCHPC PRECLINTRCH",
    "COVERAGE": "ELIGDTRM ELIGVER ENROLLM MILDCRG",
    "ETREAT": "BTG ERTREAT",
    "HOPERAT": "CAREMGT DONAT FRAUD GOV HACCRED HCOMPL HDECD HDIRECT HDM HLEGAL HOUTCOMS HPRGRP HQUALIMP HSYSADMIN "
    "MEMADMIN MILCDM MLTRAINING PATADMIN PATSFTY PERFMSR RECORDMGT SYSDEV TRAIN",
    "HPAYMT": "CLMATTCH COVAUTH COVERAGE PMTDS REMITADV",
    "HRESCH": "BIORCH CLINTRCH DSRCH POARCH TRANSRCH",
    "HSYSADMIN": "LABELING METAMGT",
    "PATRQT": "FAMRQT PWATRNY SUPNWK",
    "PUBHLTH": "DISASTER THREAT",
    "PurposeOfUse": "HMARKT HOPERAT HPAYMT HRESCH PATRQT PUBHLTH TREAT",
    "SYSDEV": "HTEST",
    "TREAT": "CLINTRL COC ETREAT POPHLTH TREATDS",
}
"""Parent -> children, v3-ActReason below PurposeOfUse."""

_SENSITIVITIES: dict[str, str] = {
    "": "ADOL B CEL DEMO DIA DOB DRGIS EMP EMPL ETH GDIS GENDER HIV IDS LIVARG LOCIS MARST MST PATLOC PDS PHY "
    "PREGNANT PRS RACE REL SCA SDV SEX SPI SSP STD TBOO VIO VIP",
    "BH": "COGN DVD EMOTDIS",
    "SPI": "BH MH PSY PSYTHPN SUD",
    "SUD": "ETHUD OPIOIDUD",
}
"""Parent -> children, v3-ActCode below InformationSensitivityPolicy (the abstract groups left out)."""

CONFIDENTIALITY_ORDER = ("U", "L", "M", "N", "R", "V")
"""From the least to the most confidential."""
ACTIONS = frozenset({"collect", "access", "use", "disclose", "correct"})


def _closure(children: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Every code -> itself and all that lies below it."""
    below: dict[str, frozenset[str]] = {}

    def gather(code: str) -> frozenset[str]:
        found = frozenset({code}).union(*(gather(child) for child in children.get(code, "").split()))
        below[code] = found
        return found

    for code in sorted(children):
        gather(code)
    return below


def _above(below: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Every code -> itself and all that lies above it."""
    return {code: frozenset(other for other in sorted(below) if code in below[other]) for code in sorted(below)}


PURPOSES_BELOW = {code: below for code, below in _closure(_PURPOSES).items() if code}
"""Purpose -> the purposes that it covers: HRESCH covers CLINTRCH and what is below it, TREAT covers ETREAT and BTG."""
SENSITIVITIES_BELOW = {code: below for code, below in _closure(_SENSITIVITIES).items() if code}
SENSITIVITIES_ABOVE = _above(SENSITIVITIES_BELOW)
"""Sensitivity -> the sensitivities that cover it: OPIOIDUD is also SUD and SPI."""

CARE = frozenset({"TREAT", "TREATDS", "COC", "ETREAT", "ERTREAT", "BTG", "CAREMGT", "PATRQT"})
"""What a permit covers that names no purpose: care, and the person's own request. A deny covers every purpose."""
RESEARCH = PURPOSES_BELOW["HRESCH"]
"""What a permit of a consent to research covers that names no purpose."""
EMERGENCY = PURPOSES_BELOW["ETREAT"]
"""Emergency treatment and breaking the glass."""


def covered(purposes: Iterable[str]) -> frozenset[str]:
    """These purposes and all that they cover."""
    return frozenset().union(*(PURPOSES_BELOW[purpose] for purpose in sorted(purposes)))


def rank(code: str) -> int:
    """Where a confidentiality code stands, from 0 (U) to 5 (V)."""
    return CONFIDENTIALITY_ORDER.index(code)
