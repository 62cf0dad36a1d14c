"""Policies that people understand: a closed set of sentences, each of which is a FHIR Consent, byte for byte.

    write(Plain(effect="share", to=[Party("north")], but_not=["mental-health"], until="2026-06-30"), ...)  -> bytes
    read(bytes)                                                                                            -> the same
    clauses(read(bytes))          -> what the sentence says (clauses.py)

`read` takes only what `write` makes, to the byte, so the sentence that is shown is the sentence that is signed.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from medrec.core import codec
from medrec.core.consent import names, terms
from medrec.core.consent.reading import MARKS
from medrec.core.consent.systems import RESOURCE_TYPES
from medrec.core.consent.times import read_time, write_date
from medrec.core.types import Fields, OrganisationId, TimeMs

KINDS: dict[str, tuple[str, ...]] = {
    "about-me": ("Patient", "RelatedPerson"),
    "allergies": ("AllergyIntolerance",),
    "documents": ("Composition", "DocumentReference"),
    "family": ("FamilyMemberHistory",),
    "immunisations": ("Immunization", "ImmunizationRecommendation"),
    "insurance": ("Claim", "Coverage", "ExplanationOfBenefit"),
    "medicines": ("Medication", "MedicationAdministration", "MedicationDispense", "MedicationRequest",
                  "MedicationStatement"),
    "plans": ("CarePlan", "CareTeam", "Goal", "ServiceRequest"),
    "problems": ("Condition",),
    "procedures": ("Procedure",),
    "results": ("DiagnosticReport", "ImagingStudy", "Observation"),
    "visits": ("Appointment", "Encounter", "EpisodeOfCare"),
}  # fmt: skip
"""Kinds of records as people call them -> FHIR types."""

TOPICS: dict[str, tuple[str, ...]] = {
    "genetics": ("GDIS", "SCA"),
    "hiv": ("HIV",),
    "memory-and-development": ("COGN", "DVD"),
    "mental-health": ("MH", "PSY", "PSYTHPN"),
    "reproductive": ("PREGNANT",),
    "sexual-health": ("SEX", "STD"),
    "substance-use": ("ETH", "SUD"),
    "violence": ("SDV", "VIO"),
}
"""Sensitive topics as people call them -> the sensitivities of v3-ActCode that are signed. What lies near one of them
(EMOTDIS, BH), or may be any, is withheld with it, as a doubt: `terms.MAY_BE`."""

NO_TOPIC: dict[str, tuple[str, ...]] = {
    "It says who somebody is, whatever the record is about.": ("CEL", "DEMO", "DOB", "IDS", "MARST", "RACE", "REL",
                                                               "VIP"),
    "It says where somebody lives, is or works, and for whom.": ("B", "EMP", "EMPL", "LIVARG", "LOCIS", "PATLOC"),
}  # fmt: skip
"""Why a sensitivity of v3-ActCode is in no topic -> those of which that is so."""

PURPOSES: dict[str, tuple[str, ...]] = {
    "any": ("PurposeOfUse",),
    "care": ("CAREMGT", "PATRQT", "TREAT"),
    "family": ("FAMRQT",),
    "operations": ("HOPERAT",),
    "payment": ("HPAYMT",),
    "public-health": ("PUBHLTH",),
    "research": ("HRESCH",),
}
"""Purposes as people call them -> codes of v3-ActReason. A permission that names none is for care, and one that names
care is written so."""

POLICY = "urn:medrec:consent:plain"
"""The policy that these consents name: docs/spec/policies.md."""

Effect = Literal["share", "withhold", "emergency-yes", "emergency-no"]
Day = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
Name = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


class NotPlain(ValueError):
    """It is none of the plain sentences; `path` names what does not fit."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"this is none of the plain sentences: {path}")


class Party(Fields, frozen=True, order=True):
    """An organisation of the ledger, or somebody who works there (her id there); `name` is what people call them."""

    organisation: OrganisationId
    practitioner: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9\-.]{0,64}\Z")] = ""
    name: Name = ""

    @property
    def reference(self) -> str:
        """The reference as a decision knows it."""
        if self.practitioner:
            return names.practitioner(self.organisation, self.practitioner)
        return names.organisation(self.organisation)


class Plain(Fields, frozen=True):
    """One sentence.

    effect: `share` what follows; `withhold` it; `emergency-yes`: whoever treats her in an emergency may look (but not
    at `but_not`); `emergency-no`: not even then. `to` nobody is everybody; no `kinds` is every kind; `about` limits to
    topics, `but_not` (of `share` and `emergency-yes`) leaves topics out. `purposes`: none is care for `share`, every
    purpose for `withhold`. `until` (a day, which still counts) ends the sentence; `since` and `before` (days, which
    count) limit to records of that time. `emergencies` (of `withhold`): not in an emergency. `marks`: what goes out
    may say that something is left out; None says nothing about that.
    """

    effect: Effect
    to: list[Party] = []
    kinds: list[str] = []
    about: list[str] = []
    but_not: list[str] = []
    purposes: list[str] = []
    until: Day | None = None
    since: Day | None = None
    before: Day | None = None
    emergencies: bool = False
    marks: bool | None = None


def tidy(plain: Plain) -> Plain:
    """The same sentence in its one form, its names without what nobody sees.

    Raises NotPlain for words that are not of the closed set, or do not fit.
    """
    tables: list[tuple[str, list[str], Mapping[str, Any]]] = [("kinds", plain.kinds, KINDS)]
    tables += [("about", plain.about, TOPICS), ("but_not", plain.but_not, TOPICS)]
    for path, chosen, known in [*tables, ("purposes", plain.purposes, PURPOSES)]:
        for word in chosen:
            if word not in known:
                raise NotPlain(f"{path}: {word}")
    for path, day in (("until", plain.until), ("since", plain.since), ("before", plain.before)):
        if day is not None and read_time(day) is None:
            raise NotPlain(f"{path}: {day}")
    if plain.since is not None and plain.before is not None and plain.before < plain.since:
        raise NotPlain("before: it lies ahead of since")
    if plain.emergencies and plain.effect != "withhold":
        raise NotPlain("emergencies: this goes with withhold alone")
    if plain.but_not and plain.effect not in ("share", "emergency-yes"):
        raise NotPlain("but_not: this goes with sharing alone")
    if set(plain.about) & set(plain.but_not):
        raise NotPlain("but_not: a topic is both in and out")
    if plain.effect.startswith("emergency") and (plain.to or plain.purposes):
        raise NotPlain("to, purposes: an emergency names neither")
    if "any" in plain.purposes and len(set(plain.purposes)) > 1:
        raise NotPlain("purposes: any is any")
    # The codes of care cover more (a clinical trial, her family's wish): to share for it is to name none.
    for_care = plain.effect == "share" and "care" in plain.purposes
    if for_care and set(plain.purposes) != {"care"}:
        raise NotPlain("purposes: care is shared for by a sentence of its own")
    if len({party.reference for party in plain.to}) < len(set(plain.to)):
        raise NotPlain("to: somebody stands there under two names")
    return msgspec.structs.replace(
        plain,
        to=sorted({msgspec.structs.replace(party, name=names.visible(party.name)) for party in plain.to}),
        kinds=sorted(set(plain.kinds)),
        about=sorted(set(plain.about)),
        but_not=sorted(set(plain.but_not)),
        purposes=[] if for_care else sorted(set(plain.purposes)),
    )


def end_of(sentence: Plain) -> int | None:
    """When a sentence ends (ms): after its last day; None for one without an end."""
    span = read_time(sentence.until) if sentence.until is not None else None
    return span.end if span is not None else None


def last_day(until: int | None) -> str | None:
    """The day within which something ends (ms), as `until` names it; None where there is no end, or no such day."""
    day = write_date(until - 1) if until is not None else ""
    return day if read_time(day) is not None else None


def goes_on(sentence: Plain, now: int) -> bool:
    """Whether a sentence has not ended at a time (ms)."""
    end = end_of(sentence)
    return end is None or end > now


def is_within(less: Plain, whole: Plain) -> bool:
    """Whether of two sentences that share, the first permits nothing that the second does not: in every field."""
    care = ["care"]
    purposes, allowed = set(less.purposes or care), set(whole.purposes or care)
    to, parties = ({one.reference for one in sentence.to} for sentence in (less, whole))
    return (
        less.effect == whole.effect == "share"
        and (not parties or (bool(to) and to <= parties))
        and (not whole.kinds or (bool(less.kinds) and set(less.kinds) <= set(whole.kinds)))
        and (not whole.about or (bool(less.about) and set(less.about) <= set(whole.about)))
        and set(less.but_not) >= set(whole.but_not)
        and ("any" in allowed or purposes <= allowed)
        and (whole.until is None or (less.until is not None and less.until <= whole.until))
        and (whole.since is None or (less.since is not None and less.since >= whole.since))
        and (whole.before is None or (less.before is not None and less.before <= whole.before))
        and (whole.marks is True or less.marks is not True)
    )


def write(plain: Plain, account: str, time: TimeMs) -> bytes:
    """The bytes of the FHIR R4 Consent that says this, about the person of an account, dated at a time (ms).

    They are what the person signs. Raises NotPlain.
    """
    return codec.encode_json({**_resource(plain, account, time), "policy": [{"uri": POLICY}]})


def _resource(plain: Plain, account: str, time: TimeMs) -> dict[str, Any]:
    plain = tidy(plain)
    found: dict[str, Any] = {
        "resourceType": "Consent",
        "status": "active",
        "scope": _concept(terms.CONSENT_SCOPE, "patient-privacy"),
        "category": [_concept("http://loinc.org", "59284-0")],
        "patient": {"identifier": {"system": names.ACCOUNT, "value": account}},
        "dateTime": write_date(time),
        "provision": _provision(plain),
    }
    if plain.marks is not None:
        found["extension"] = [{"url": MARKS, "valueBoolean": plain.marks}]
    return found


def read(data: bytes) -> Plain:
    """The sentence in the bytes of a consent. Raises NotPlain for what `write` would not have made, to the byte.

    Those of before stand without the policy's name, which FHIR asks for (ppc-1).
    """
    try:
        found = codec.decode_json(data)
        provision = found["provision"]
        account, dated = found["patient"]["identifier"]["value"], read_time(found["dateTime"])
        marks = found["extension"][0]["valueBoolean"] if "extension" in found else None
        plain = _read_provision(provision, marks)
    except (codec.CodecError, KeyError, IndexError, TypeError, AttributeError, msgspec.ValidationError):
        raise NotPlain("Consent") from None
    if dated is None or not isinstance(account, str):
        raise NotPlain("Consent")
    made = _resource(plain, account, max(0, dated.start))
    if data not in (codec.encode_json({**made, "policy": [{"uri": POLICY}]}), codec.encode_json(made)):
        raise NotPlain("Consent")
    return plain


# --- sentence <-> provision ----------------------------------------------------------------------------------------


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def _actor(party: Party) -> dict[str, Any]:
    reference: dict[str, Any] = {"reference": party.reference}
    if party.practitioner:
        system = f"{names.PRACTITIONER}{party.organisation}"
        reference = {"identifier": {"system": system, "value": party.practitioner}}
    if party.name:
        reference["display"] = party.name
    return {"role": _concept(terms.PARTICIPATION, "PRCP"), "reference": reference}


def _labels(topics: list[str]) -> list[dict[str, str]]:
    return [{"system": terms.ACT_CODE, "code": code} for topic in topics for code in TOPICS[topic]]


def _purposes(codes: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"system": terms.ACT_REASON, "code": code} for code in codes]


def _provision(plain: Plain) -> dict[str, Any]:
    permits = plain.effect in ("share", "emergency-yes")
    codes = tuple(code for purpose in plain.purposes for code in PURPOSES[purpose])
    if plain.effect.startswith("emergency"):
        codes = ("ETREAT",)
    time = {"start": plain.since, "end": plain.before}
    below = []
    if plain.but_not:
        below.append({"type": "deny", "securityLabel": _labels(plain.but_not)})
    if plain.emergencies:
        below.append({"type": "permit", "purpose": _purposes(("ETREAT",))})
    parts: dict[str, Any] = {
        "type": "permit" if permits else "deny",
        "period": {"end": plain.until} if plain.until is not None else None,
        "actor": [_actor(party) for party in plain.to],
        "securityLabel": _labels(plain.about),
        "purpose": _purposes(codes),
        "class": [{"system": RESOURCE_TYPES, "code": kind} for name in plain.kinds for kind in KINDS[name]],
        "dataPeriod": {name: day for name, day in time.items() if day is not None},
        "provision": below,
    }
    return {name: value for name, value in parts.items() if value}


def _read_provision(provision: Mapping[str, Any], marks: Any) -> Plain:
    below = {part["type"]: part for part in provision.get("provision", ())}
    purposes = [coding["code"] for coding in provision.get("purpose", ())]
    permits = provision["type"] == "permit"
    effect = "share" if permits else "withhold"
    if purposes == ["ETREAT"]:
        effect, purposes = ("emergency-yes" if permits else "emergency-no"), []
    time = provision.get("dataPeriod", {})
    found = {
        "effect": effect,
        "to": [_read_actor(actor["reference"]) for actor in provision.get("actor", ())],
        "kinds": _words(KINDS, [coding["code"] for coding in provision.get("class", ())]),
        "about": _words(TOPICS, [label["code"] for label in provision.get("securityLabel", ())]),
        "but_not": _words(TOPICS, [label["code"] for label in below.get("deny", {}).get("securityLabel", ())]),
        "purposes": _words(PURPOSES, purposes),
        "until": provision.get("period", {}).get("end"),
        "since": time.get("start"),
        "before": time.get("end"),
        "emergencies": "permit" in below,
        "marks": marks,
    }
    return msgspec.convert(found, Plain)


def _read_actor(reference: Mapping[str, Any]) -> dict[str, Any]:
    found = {"name": reference["display"]} if "display" in reference else {}
    if "identifier" in reference:
        system, value = reference["identifier"]["system"], reference["identifier"]["value"]
        return {**found, "organisation": system.removeprefix(names.PRACTITIONER), "practitioner": value}
    return {**found, "organisation": reference["reference"].removeprefix("Organization/")}


def _words(table: Mapping[str, tuple[str, ...]], codes: list[str]) -> list[str]:
    """The words whose codes all stand there; `read` then writes them again, which shows whether that was all."""
    return [word for word in sorted(table) if set(table[word]) <= set(codes)]


EVERYTHING = Plain("share", purposes=["any"])
"""Share everything with everyone, for every purpose."""
NOTHING = Plain("withhold")
"""Share nothing with anybody."""
