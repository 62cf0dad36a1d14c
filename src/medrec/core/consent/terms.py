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

UNSAID = ("ADOL", "DIA", "DRGIS", "PDS", "PHY", "PRS", "SSP", "TBOO")
"""Labels of what is sensitive for a reason that they do not say (a diagnosis, a medicine, the person asked for it, what
a minor may keep to herself, the place that gave the care)."""
WITHOUT_REASON = ("R", "V")
"""Confidentialities that say that a record is sensitive, and not why. Beside a sensitivity they say no more than it."""
_TOPICS = "BH COGN DVD EMOTDIS ETH GDIS HIV MH PREGNANT PSY SCA SDV SEX STD SUD VIO"
_NEAR: dict[str, str] = {
    "BH": "ETH MH PSY SUD", "EMOTDIS": "MH PSY", "ETH": "SUD", "ETHUD": "ETH", "GDIS": "SCA", "GENDER": "SEX",
    "MH": "EMOTDIS PSY", "MST": "SDV VIO", "OPIOIDUD": "ETH", "PREGNANT": "SEX", "PSY": "EMOTDIS MH",
    "PSYTHPN": "MH PSY", "SCA": "GDIS", "SDV": "VIO", "SEX": "PREGNANT STD", "SPI": "ETH", "STD": "SEX", "SUD": "ETH",
    "VIO": "SDV", **dict.fromkeys(UNSAID, _TOPICS),
}  # fmt: skip
"""Label -> labels that HL7 sets beside it and that another source may give the same record."""

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


def _may_be(label: str) -> frozenset[str]:
    """What a record of this label may also be about. Psychotherapy notes are kept apart by law: nothing else is one."""
    named = [label, *_NEAR.get(label, "").split()]
    return frozenset().union(*(SENSITIVITIES_BELOW[one] for one in named)) - {label, "PSYTHPN"}


MAY_BE = {
    **{label: _may_be(label) for label in sorted(SENSITIVITIES_BELOW)},
    **dict.fromkeys(WITHOUT_REASON, _may_be(UNSAID[0])),
}
"""Label -> what a record that carries it may be about as well: what lies below a sensitivity (behavioural health may be
a developmental disability), what another source would call it (substance abuse, substance use), and, where the
confidentiality alone is said, each that says what a record is about."""

CARE = frozenset({"TREAT", "TREATDS", "COC", "ETREAT", "ERTREAT", "BTG", "CAREMGT", "PATRQT"})
"""What a permit covers that names no purpose: care, and the person's own request. A deny covers every purpose."""
RESEARCH = PURPOSES_BELOW["HRESCH"]
"""What a permit of a consent to research covers that names no purpose."""
EMERGENCY = PURPOSES_BELOW["ETREAT"]
"""Emergency treatment and breaking the glass."""


def covered(purposes: Iterable[str]) -> frozenset[str]:
    """These purposes and all that they cover."""
    return frozenset().union(*(PURPOSES_BELOW[purpose] for purpose in sorted(purposes)))


_HER_OWN_NAME = {"TREAT": EMERGENCY, "PATRQT": PURPOSES_BELOW["PATRQT"] - {"PATRQT"}}
"""Purposes that stand for themselves beside these: an emergency is declared by its own name, and what somebody asks for
herself is not asked for by her family."""


def met(purposes: Iterable[str]) -> frozenset[str]:
    """The purposes of requests that a denial of these meets: these, all that they cover, and what covers one of them
    and may be it (HOPERAT covers HLEGAL)."""
    denied = covered(purposes)
    return denied | {
        asked for asked, below in PURPOSES_BELOW.items() if denied & (below - _HER_OWN_NAME.get(asked, frozenset()))
    }


def rank(code: str) -> int:
    """Where a confidentiality code stands, from 0 (U) to 5 (V)."""
    return CONFIDENTIALITY_ORDER.index(code)
