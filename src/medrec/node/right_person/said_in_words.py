"""Whose a record is by the words in it: its narrative, its notes, the head of a document that is text.

Only what is plain counts: a name behind a label for the patient, a date of birth behind its label, and somebody's word
that it stands in the wrong chart.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from medrec.core.matching import Demographics, Field, compare
from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.document_reference import note_text

WORDS = "words"
"""The reason of a record of which somebody wrote that it is another person's."""
_READ = 4000
"""So many signs of each text are read: whose it is stands at its head."""
_NAME = r"(?P<name>[^\W\d_][\w'’\-]*\.?,?(?: +[^\W\d_][\w'’\-]*\.?,?){1,4})"
_LABEL = (
    r"(?:name of (?:the )?patient|patient(?:'s)? name|nombre del paciente"
    r"|(?P<bare>patient|subject|paciente|pt|(?P<any>name|nombre)))"
)
_LABELLED = re.compile(
    rf"(?:^|[.;|])[ \t]*{_LABEL}(?:[ \t]*:|[ \t]+[–-])[ \t]*{_NAME}(?P<rest>[^\n]{{0,40}})", re.I | re.M
)
_BELONGS = re.compile(
    r"\b(?:chart|record|order|results?|note|report|document|prescription|specimen|expediente|registro)\b[^.;\n]{0,20}"
    rf"\b(?:belongs? to|is of patient|pertenece a)[ :]+{_NAME}",
    re.IGNORECASE,
)
_MEANT = re.compile(rf"\b(?:meant|intended) for (?:patient )?{_NAME}(?=\W*$)", re.IGNORECASE | re.MULTILINE)
_CHART = re.compile(rf"\bbelongs? in {_NAME}['’]s (?:chart|record|file)\b", re.IGNORECASE)
_MONTHS = {
    "jan": 1, "ene": 1, "feb": 2, "mar": 3, "apr": 4, "abr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "ago": 8,
    "sep": 9, "oct": 10, "nov": 11, "dec": 12, "dic": 12,
}  # fmt: skip
_MONTH = rf"(?:{'|'.join(_MONTHS)})[a-z]*"
_DATE = (
    r"(?:\d{4}-\d{2}-\d{2}|\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d{2})"
    rf"|\d{{1,2}}[ -]{_MONTH}\.?,?[ -]\d{{4}}|{_MONTH}\.? \d{{1,2}},? \d{{4}})(?!\d)"
)
_ANY_DATE = re.compile(rf"(?<![\d/.-])(?P<date>{_DATE})", re.IGNORECASE)
_CELL = re.compile(
    r"<(th|td|dt|b|strong|span)\b[^<>]{0,200}>\s*"
    r"(patient(?:'s)?(?: name)?|name of patient|date of birth|DOB|paciente)\s*:?\s*</\1>"
    r"\s*<(?:td|dd|span)\b[^<>]{0,200}>",
    re.IGNORECASE,
)
"""A cell of a table that is a label for the one beside it."""
_BORN = re.compile(
    r"(?<!\w)(?:(?:DOB|D\.O\.B\.?|date of birth|birth date|fecha de nacimiento)[ \t]*[:=]?[ \t]*"
    rf"(?P<date>{_DATE}|\d{{4}}(?![\d/.-]))|born (?:on )?(?P<born>{_DATE}))",
    re.IGNORECASE,
)
_IDENTIFIES = re.compile(r"\b(?:DOB|D\.O\.B|date|birth|fecha|MRN|born|sex|age)\b", re.IGNORECASE)
"""What stands behind the name of a patient, and not behind a complaint ("Patient: Denies Chest Pain")."""
_PERSON = r"(?:patient|pt|person)"
_WRONG = re.compile(
    rf"(?:\A|[.;:,!(\n–-])[^\w\n]*(?:wrong|incorrect|different) {_PERSON}\s*(?:\Z|[.;:,!()\n–-])"
    rf"|\b(?:wrong|incorrect|different) {_PERSON} (?:was )?(?:selected|chosen|picked|opened|entered)\b"
    rf"|\bnot this {_PERSON}'s\b|\bnot (?:my|our|the same) {_PERSON}\b"
    rf"|\bmis-?filed\b|\bin another {_PERSON}'s (?:chart|record)\b|"
    rf"\bwrong chart\b|\bwrong {_PERSON}(?:'s)? (?:chart|record|file)\b"
    r"|\b(?:filed|entered|documented|ordered|recorded|charted|written|placed|scanned) (?:\w+ )?"
    rf"(?:in|on|for|under|to|into) (?:the )?wrong {_PERSON}\b|\A\W*wrong {_PERSON}\W*\Z"
    rf"|\bbelong(?:s|ing)? to (?:another|a different|the other) {_PERSON}\b"
    r"|\bexpediente equivocado\b|\A\W*paciente equivocad[oa]\W*\Z|\bpertenece a otr[oa] (?:paciente|persona)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(?:not|no|never|nor|isn't|wasn't|doesn't)\b[^.;\n]{0,20}\Z", re.IGNORECASE)
_KIN = re.compile(
    r"\b(?:mother|father|mom|dad|parent|child(?:ren)?|sons?|daughters?|twins?|boy|girl|baby|infant|newborn|wife|husband|spouse|partner|sister"
    r"|brother|sibling|donor|contact|guardian|subscriber|madre|padre|hij[oa]|bebé|espos[oa]|herman[oa]|donante)\b"
    r"[^;\n]{0,60}\Z",
    re.IGNORECASE,
)
_PARTICLES = frozenset({"van", "von", "de", "der", "den", "del", "la", "da", "di", "dos", "bin", "al", "el", "y"})
_TOLD = frozenset({
    "admitted", "afebrile", "agrees", "alert", "appears", "arrived", "asked", "asks", "asleep", "aware", "bien",
    "called",
    "can", "cannot", "care", "comfortable", "complains", "compliant", "continues", "currently", "declined", "declines",
    "denies", "discharged", "doing", "educated", "education", "estable", "examined", "feeling", "feels", "fine", "good",
    "had", "has", "history", "improved", "improving", "in", "information", "informed", "instructions", "is", "line",
    "may", "needs", "niega", "no", "not", "notes", "on", "oriented", "pain", "portal", "positioned", "preference",
    "presents", "refiere", "refusal", "refused", "refuses", "reports", "request", "rested", "resting", "safety", "seen",
    "sin", "sleeping", "stable", "states", "status", "still", "takes", "taking", "to", "tolerated", "tolerates",
    "unable", "understands", "verbalized", "verbalizes", "wants", "was", "well", "will", "with",
})  # fmt: skip
"""Words that tell something of a patient behind her label, and are of no name."""
_OF_THE_CLINIC = frozenset({
    "adult", "allergies", "allergy", "ambulatory", "appointment", "baby", "bedside", "biological", "booked", "by",
    "call", "callback", "cancelled", "caregiver", "caregivers", "carer", "chart", "chief", "child", "clinic",
    "comment", "comments", "complaint", "concern", "concerns", "consent", "consult", "daughter", "discharge",
    "elderly", "email", "emergency", "established", "existing", "family", "fasting", "father", "female", "follow",
    "followup", "for", "form", "former", "guardian", "home", "husband", "inpatient", "instruction", "interpreter",
    "intubated", "isolation", "letter", "male", "medical", "medication", "medications", "message", "minor",
    "mother", "mouth", "new", "nil", "non-smoker", "nonsmoker", "note", "npo", "nurse", "nursing", "observation",
    "of", "or", "outpatient", "parent", "parents", "patient", "phone", "postop", "pregnant", "preop", "present",
    "problem", "problems", "provider", "questionnaire", "record", "referral", "reported", "response", "results",
    "return", "returning", "review", "risk", "room", "script", "secure", "sedated", "self", "smoker", "son",
    "spanish", "speaking", "spouse", "summary", "telehealth", "telephone", "the", "transfer", "transferred",
    "update", "video", "visit", "visitor", "walk", "walk-in", "wife",
})  # fmt: skip
"""Words that a clinic writes behind a label for the patient, however many of them begin with a capital letter."""
_CLINICIAN = re.compile(
    r"\b(?:MD|M\.D\.|DO|D\.O\.|RN|R\.N\.|NP|PA|PhD),? +"
    r"(?:saw|seen|called|ordered|examined|evaluated|reviewed|prescribed|spoke|visited|met|signed|treated)\b"
)
"""A clinician's name with what she did: "Robert Byron MD saw her"."""
_RIGHTED = re.compile(
    r"[^.;\n]{0,40}\b(?i:was|were|been|now|already) (?i:corrected)\b[^.;\n]{0,20}"
    r"\b(?i:this (?:one )?is (?:the )?(?:right|correct))\b(?![^.;\n]{0,40}\b(?i:of|for)\b[^\w\n]*[^\W\d_a-z])"
)
"""What stands behind somebody's word that another patient had been chosen, and was put right."""
_OF_KIN = frozenset({"FamilyMemberHistory", "RelatedPerson", "Coverage"})
"""Types that name a person who is not the patient."""


class InWords(NamedTuple):
    """The names that a record's words give to its patient, and by what else they cannot be of this person."""

    names: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


def in_words(who: Demographics, record: Value) -> InWords:
    """What the words of a record say of whose it is."""
    if datatypes.text(record, "resourceType") in _OF_KIN:
        return InWords()
    names: list[str] = []
    against: list[str] = []
    for text, is_narrative in _texts(record):
        names += [found["name"] for found in _LABELLED.finditer(text) if _is_labelled(found, is_narrative)]
        behind = (*_BELONGS.finditer(text), *_MEANT.finditer(text), *_CHART.finditer(text))
        names += [found["name"] for found in behind if _is_name(found["name"])]
        against += [WORDS for found in _WRONG.finditer(text) if not _is_denied(text, found)]
        against += [Field.BIRTH.value for found in _BORN.finditer(text) if _is_other_birth(who, text, found)]
    for key in ("subject", "patient", "beneficiary"):
        shown = datatypes.text(datatypes.one(record, key), "display")
        against += [Field.BIRTH.value for found in _ANY_DATE.finditer(shown) if _is_other_birth(who, shown, found)]
    return InWords(tuple(names), tuple(dict.fromkeys(against)))


def _texts(record: Value) -> Iterator[tuple[str, bool]]:
    """The texts of a record that may say whose it is, and whether one is its narrative."""
    div = _CELL.sub(r"\n\2: ", datatypes.text(datatypes.one(record, "text"), "div")[:_READ])
    # The parts of a narrative are lines of their own.
    yield datatypes.unmarked(re.sub(r"</?(?:div|p|td|th|tr|li|br|h\d)\b[^<>]{0,200}>", "\n", div)), True
    for note in datatypes.many(record, "note"):
        yield datatypes.text(note, "text")[:_READ], False
    yield datatypes.concept(record, "statusReason").words[:_READ], False
    yield datatypes.text(record, "description")[:_READ], False
    yield note_text(record)[:_READ], False


def _is_denied(text: str, found: re.Match[str]) -> bool:
    """Whether it is said that it was not so, or is so no more."""
    return bool(_DENIED.search(text[: found.start()]) or _RIGHTED.match(text, found.end()))


def _is_labelled(found: re.Match[str], is_narrative: bool) -> bool:
    """Whether what stands behind a label for the patient is a name: "Patient: Doing Well" is none."""
    said, is_alone = found["name"] + found["rest"], not found["rest"].strip(" .,;|()")
    # In a note a name that fills its line is one unless a word of it tells something of the patient.
    is_silent = _TOLD.isdisjoint(re.findall(r"[^\W\d_]+", said.lower())) and not _CLINICIAN.search(said)
    if found["bare"] and _OF_THE_CLINIC.issuperset(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", found["name"].lower())):
        return False
    # "Name:" may be that of a medicine, or of whoever wrote it.
    fills = is_alone and not found["any"] and (is_narrative or is_silent)
    plain = not found["bare"] or _IDENTIFIES.search(said) or fills
    return bool(plain) and _is_name(found["name"])


def _is_name(words: str) -> bool:
    """Whether every word but particles begins with a capital letter, as names do."""
    said = [word for word in words.replace(",", " ").split() if word.lower() not in _PARTICLES]
    return len(said) >= 2 and all(word[0].isupper() for word in said[:2])


def _is_other_birth(who: Demographics, text: str, found: re.Match[str]) -> bool:
    """Whether a date of birth in words is not hers in any reading, and not a relative's."""
    if _KIN.search(text[: found.start()]):
        return False
    agreements = [compare(who, Demographics(birth=date)).of(Field.BIRTH) for date in _readings(_date_of(found))]
    return "differs" in agreements and all(found in ("differs", "missing") for found in agreements)


def _date_of(found: re.Match[str]) -> str:
    named = found.groupdict()
    return str(named["date"] or named.get("born"))


def _readings(written: str) -> list[str]:
    """The dates that a written one may be: day and month either way, a year of two digits in either century."""
    named, numbers = re.search("[A-Za-z]{3}", written), re.findall(r"\d+", written)
    if named is not None:
        day, year = numbers
        return [f"{year}-{_MONTHS.get(named[0].lower(), 0):02}-{int(day):02}"]
    if len(numbers[0]) == 4:
        # The whole date, or the year alone.
        return [written]
    one, two, last = numbers
    years = [last] if len(last) == 4 else [f"19{last}", f"20{last}"]
    return [f"{year}-{a:0>2}-{b:0>2}" for year in years for a, b in ((one, two), (two, one))]
