"""Condition: a problem, a diagnosis, or the statement that there is none (hl7.org/fhir/R4/condition.html)."""

from typing import NamedTuple

from medrec.core.records import datatypes, icd_families
from medrec.core.records.allergy_in_problems import allergy_to
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import Concept, concept, concepts, date, either, one, text, untagged, who
from medrec.core.records.dates import ClinicalDate
from medrec.core.records.general import empty_words, names_nothing, telling
from medrec.core.records.none_known import no_known_problem
from medrec.core.records.official_names import official_keys
from medrec.core.records.other_disease import called_otherwise
from medrec.core.records.problem_where import called_in_icd, name_shown, where_of
from medrec.core.records.problem_words import Standing, remark_says_over, spoken
from medrec.core.records.reading import Around, Marks, codes_of, person_of, short
from medrec.core.records.terms import ICD10CM, SNOMED, Terms, cleaned
from medrec.core.records.understood import AllergyTo, NoteCode, ProblemDetail, Status, Understood

_ACTIVE = frozenset({"active", "recurrence", "relapse"})
_OVER = frozenset({"inactive", "remission", "resolved"})
_NEVER = frozenset({"refuted", "entered-in-error"})
_DOUBTED = ("unconfirmed", "provisional", "differential")
_CERTAIN = frozenset((*_DOUBTED, "confirmed"))
_STANDINGS: dict[str, Standing] = {
    **dict.fromkeys(("Z80", "Z81", "Z82", "Z83", "Z84"), "family"),
    **dict.fromkeys(("Z85", "Z86", "Z87"), "history"),
}
"""Categories of ICD-10-CM for what is of a relative, or past."""


class _Stands(NamedTuple):
    """How a problem stands: FHIR's codes, our status and its reason, what its name says, whether there is none."""

    clinical: str
    verification: str
    status: Status
    reason: str
    standing: Standing
    none_known: bool


def read(record: Value, around: Around) -> Understood:
    """Understand a Condition."""
    marks = Marks(record, around)
    own = concept(record, "code")
    code = _meant(own)
    name = untagged(marks.name(code, "problem"))
    onset = onset_of(record, "onset", "onset", marks)
    end = onset_of(record, "abatement", "end", marks)
    marks.crossed(onset, end)
    recorded = marks.date(record, "recordedDate", "date of recording")
    stands = _stands(record, own, code, name, end, marks)
    status, reason, standing = stands.status, stands.reason, stands.standing
    remark = datatypes.remarks(record)
    groups = families(code, around.terms, name)
    where = where_of(record, code, name, groups, marks)
    detail = ProblemDetail(
        name=name_shown(name, code, around.terms),
        name_cleaned=cleaned(name),
        codes=codes_of(code),
        families=groups,
        laterality=where.side,
        onset=onset,
        abatement=end,
        clinical=stands.clinical,
        verification=stands.verification,
        categories=tuple({c.code: None for found in concepts(record, "category") for c in found.codings if c.code}),
        severity=concept(record, "severity").label,
        history=standing in ("history", "family"),
        standing=standing,
        absent=stands.verification == "refuted" or stands.none_known or standing == "denied",
        none_known=stands.none_known and stands.verification != "refuted",
        recorder=who(record, "recorder"),
        asserter=who(record, "asserter"),
        sites=where.sites,
        site=where.words,
        side_unsure=where.unsure,
        allergy=_allergy(name, code, around.terms),
    )
    shown = _shown(detail)
    lasted = datatypes.joined(f"since {onset.plain}" if onset else "", f"until {end.plain}" if end else "", by=" ")
    return Understood(
        type="Condition",
        id=text(record, "id"),
        person=person_of(record),
        codes=detail.codes,
        when=onset or recorded,
        until=end,
        recorded=recorded,
        status=status,
        status_reason=reason,
        key=_key(detail),
        plain=datatypes.one_line(datatypes.joined(shown, lasted, reason, remark)),
        clinical=datatypes.one_line(
            f"{shown} ({datatypes.joined(_coded(code), detail.severity, reason, _dates(onset, end, recorded), remark)})"
        ),
        understood=bool(code.label),
        by=detail.asserter or detail.recorder,
        notes=marks.notes,
        detail=detail,
    )


def _allergy(name: str, code: Concept, terms: Terms) -> AllergyTo | None:
    """What the problem is an allergy to, where it is one."""
    codes = [coding.code for coding in code.codings if coding.system == ICD10CM]
    return allergy_to([*_called(name, code), *(called_in_icd(one, terms) for one in codes if one)], codes, terms)


def _stands(record: Value, own: Concept, code: Concept, name: str, end: ClinicalDate | None, marks: Marks) -> _Stands:
    """How a problem stands by its status, its name and what was written beside it."""
    verification, doubted = either(record, "verificationStatus", _CERTAIN, _NEVER)
    clinical, ending = either(record, "clinicalStatus", _ACTIVE, _OVER)
    status, reason = _status(record, clinical, verification, end, marks)
    said_over = remark_says_over(marks.remark(record), name)
    status, reason = marks.contradicted(status, reason, doubted or ending or said_over)
    none_known = no_known_problem(code)
    standing = "" if none_known else _standing(name, code) or _at_odds(name, code, marks)
    if not none_known and names_nothing(code):
        marks.add(NoteCode.NO_CODE, f'The record does not say which: "{code.words[:60]}" is not understood.')
        status, reason = ("unknown", "does not say which") if status == "active" else (status, reason)
    standing = standing or ("uncertain" if verification in _DOUBTED and not none_known else "")
    ended = standing in ("over", "history") and any(spoken(words).ended for words in _called(name, code))
    status, reason = _as_it_stands(status, reason, standing, marks, no_known_problem(own) and not none_known, ended)
    return _Stands(clinical, verification, status, reason, standing, none_known)


def _shown(detail: ProblemDetail) -> str:
    """The name, with the side and the place where it says none."""
    side = detail.laterality if detail.laterality not in detail.name_cleaned else ""
    site = detail.site if detail.site not in detail.name_cleaned else ""
    where = datatypes.joined(side, site, by=" ")
    return datatypes.joined(detail.name or "A problem that is not named", f"({where})" if where else "", by=" ")


def _key(detail: ProblemDetail) -> str:
    family = next((one for one in detail.families if not one.startswith("weak:")), f"name|{detail.name_cleaned}")
    return "/".join(("problem", family, _where(detail), detail.standing or "present"))


def _where(detail: ProblemDetail) -> str:
    """The side and the place of a same-thing key."""
    side = detail.laterality or (f"?{detail.side_unsure}" if detail.side_unsure else "-")
    return f"{side} {'+'.join(detail.sites)}".strip()


def _meant(own: Concept) -> Concept:
    """The code alone, where the words beside it deny all or say nothing: it is not argued away."""
    if not (no_known_problem(own) or (own.text and empty_words(own.text))):
        return own
    public = (ICD10CM, SNOMED)
    naming = tuple(
        coding
        for coding in telling(own.codings)
        if not no_known_problem(Concept((coding,), ""))
        and (not empty_words(coding.display) if coding.display else coding.code and coding.system in public)
    )
    return Concept(naming, "") if naming else own


def onset_of(record: Value, key: str, called: str, marks: Marks) -> ClinicalDate | None:
    """onset[x] or abatement[x] as a date; an age is turned into a year where the birth is known."""
    found = marks.date(record, f"{key}DateTime", called)
    if found is not None:
        return found
    start, end = datatypes.period(record, f"{key}Period")
    found = start or end
    if found is not None:
        return marks.dated(found, called)
    age = one(record, f"{key}Age")
    if age:
        return _by_age(age, called, marks)
    written = text(record, f"{key}String")
    if written:
        found = date({"at": written}, "at")
        if found is None:
            marks.add(NoteCode.BAD_DATE, f'The {called} is given in words: "{datatypes.one_line(written)[:80]}".')
        return found
    return None


_OLDEST = 130
_YEARS = ("a", "year", "years", "yr", "yrs")


def _by_age(age: Value, called: str, marks: Marks) -> ClinicalDate | None:
    """The year of an age in years, where the birth is known; a note where it is no age, or no year can be told."""
    value, unit = datatypes.decimal(age, "value"), text(age, "code") or text(age, "unit")
    birth = marks.around.birth
    if birth is not None and unit in _YEARS and value.isdigit() and len(value) <= 3 and int(value) <= _OLDEST:
        found = date({"at": f"{int(birth.text[:4]) + int(value):04}"}, "at")
        return marks.dated(found, called) if found is not None else None
    marks.add(NoteCode.BAD_DATE, f'The {called} is given as an age: "{datatypes.one_line(f"{value} {unit}")[:40]}".')
    return None


def families(code: Concept, terms: Terms, name: str = "") -> tuple[str, ...]:
    """What groups codes of one problem: the ICD-10-CM family (icd_families.py), each other code itself; mapped where
    maps are. Codes that name nothing in particular are left out. Without a code of ICD-10-CM, that of the name counts,
    where it is one of the official ones.

    "weak:" stands before a code that may be of several things: those of a place's own, and ICD-10-CM codes for the
    rest. Beside it the words have to agree.
    """
    found: dict[str, None] = {}
    for coding in telling(code.codings):
        if not coding.code:
            continue
        for system, value in ((coding.system, coding.code), *terms.equivalents(coding.system, coding.code)):
            if system == ICD10CM:
                of_code = icd_families.family(value)
                weak = of_code not in icd_families.GROUPS and _for_the_rest(value, terms)
                found[f"{'weak:' if weak else ''}icd10cm|{of_code}"] = None
            else:
                found[f"{'' if system == SNOMED else 'weak:'}{short(system)}|{value}"] = None
    if name and not any("icd10cm|" in one for one in found):
        called = [of_name for key in official_keys(name) if (of_name := terms.problem_named(key))]
        named = {f"icd10cm|{icd_families.family(of_name)}": None for of_name in called}
        found |= named if len(named) == 1 else {}
    return tuple(sorted(found))


def _for_the_rest(code: str, terms: Terms) -> bool:
    """Whether an ICD-10-CM code is for whatever has none of its own, by its name; one that the tables have no name for,
    by the name above it and its last sign."""
    own = terms.name(ICD10CM, code)
    return icd_families.catches_the_rest(own or called_in_icd(code, terms)) and (bool(own) or code[-1:] in "89")


def _standing(name: str, code: Concept) -> Standing:
    """How the problem stands by its name, else by what its codes are called, else by their category."""
    of_codes = [_STANDINGS.get(coding.code[:3], "") for coding in code.codings if coding.system == ICD10CM]
    named = [spoken(words).standing for words in _called(name, code)]
    return next((found for found in (*named, *of_codes) if found), "")


def _called(name: str, code: Concept) -> list[str]:
    """What a problem is called: its name, and what each of its codes is."""
    return [words for words in (name, *(untagged(coding.display) for coding in code.codings)) if words]


def _at_odds(name: str, code: Concept, marks: Marks) -> Standing:
    """Uncertain, with a note, where the words are of one disease and a code of another: neither is believed, and
    neither ends the other."""
    called = called_otherwise(name, code, marks.around.terms)
    if not called:
        return ""
    told = f'The code is for "{called[:80]}", the words say "{name[:80]}"'
    marks.add(NoteCode.NAME_DIFFERS, f"{told}; neither is believed until someone looks.")
    return "uncertain"


def _as_it_stands(
    status: Status, reason: str, standing: Standing, marks: Marks, denied: bool, ended: bool
) -> tuple[Status, str]:
    """The status of what is no problem of the person's own, or is not certain, or is called over in its name; `denied`:
    its words say that there is no problem at all."""
    if denied:
        marks.add(NoteCode.STATUS_CONFLICT, "The words say that there is no problem, and the code names one.")
        return ("unknown", "contradicts itself") if status == "active" else (status, reason)
    if reason in ("refuted", "entered in error"):
        return status, reason
    if standing == "family":
        return "unknown", "of a relative"
    if standing == "denied":
        return "stopped", "said not to be there"
    if standing == "uncertain" and status != "stopped":
        return "unknown", reason if reason.endswith(_DOUBTED) else "not certain"
    if ended and status == "active":
        marks.add(NoteCode.STATUS_CONFLICT, "The record says that it is active, and its name that it is over.")
        return "unknown", "said to be active, called over"
    return status, reason


def _status(
    record: Value, clinical: str, verification: str, end: ClinicalDate | None, marks: Marks
) -> tuple[Status, str]:
    if verification in _NEVER:
        if verification == "entered-in-error":
            marks.add(NoteCode.ENTERED_IN_ERROR, "The source says that this was entered by mistake.")
        return "stopped", "refuted" if verification == "refuted" else "entered in error"
    doubt = f", {verification}" if verification in _DOUBTED else ""
    ended = end is not None or datatypes.flag(record, "abatementBoolean") is True or "abatementString" in record
    if clinical in _ACTIVE:
        now = marks.around.now_ms
        if end is not None and (now is None or end.end_ms <= now):
            marks.add(NoteCode.STATUS_CONFLICT, f"The record says that it is active, and that it ended {end.plain}.")
            return "unknown", f"said to be active, ended {end.plain}"
        if end is None and ended:
            marks.add(NoteCode.STATUS_CONFLICT, "The record says that it is active, and that it ended.")
            return "unknown", "said to be active, and to have ended"
        return "active", clinical + doubt
    if clinical in _OVER:
        return "stopped", clinical + doubt
    if clinical:
        marks.add(
            NoteCode.UNKNOWN_STATUS,
            f'The clinical status "{datatypes.one_line(clinical)[:40]}" is not one that FHIR knows.',
        )
        return "unknown", "status not understood"
    if ended:
        return "stopped", "ended"
    marks.add(NoteCode.NO_STATUS, "The record does not say whether this goes on.")
    return "unknown", "no status given" + doubt


def _coded(code: Concept) -> str:
    """The first code as clinicians name it: "I10", "SNOMED 38341003"."""
    coding = next((found for found in code.codings if found.code), None)
    if coding is None:
        return ""
    return coding.code if coding.system == ICD10CM else f"{'SNOMED ' if coding.system == SNOMED else ''}{coding.code}"


def _dates(onset: ClinicalDate | None, end: ClinicalDate | None, recorded: ClinicalDate | None) -> str:
    return datatypes.joined(
        f"onset {onset.text[:10]}" if onset else "",
        f"abated {end.text[:10]}" if end else "",
        f"recorded {recorded.text[:10]}" if recorded else "",
    )
