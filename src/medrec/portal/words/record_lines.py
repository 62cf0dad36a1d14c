"""What the reading of records says in lines of its own (core/records): pieces between commas, colons and semicolons.

What a record says itself, as names and directions, stays as it was written.
"""

import re
from datetime import datetime
from functools import lru_cache

from medrec.portal import language
from medrec.portal.words.general import LISTS
from medrec.portal.words.texts import Texts

LINES = Texts(
    "LINES",
    {
        "active": "active",
        "inactive": "inactive",
        "resolved": "resolved",
        "remission": "remission",
        "recurrence": "recurrence",
        "relapse": "relapse",
        "refuted": "refuted",
        "unconfirmed": "unconfirmed",
        "provisional": "provisional",
        "differential": "differential",
        "entered-in-error": "entered in error",
        "added-to": "added to",
        "amended": "amended",
        "corrected": "corrected",
        "preliminary": "preliminary",
        "partial-result": "partial result",
        "no-result-yet": "no result yet",
        "cancelled": "cancelled",
        "declined": "declined",
        "planned": "planned",
        "arrived": "arrived",
        "triaged": "triaged",
        "going-on": "going on",
        "on-leave": "on leave",
        "on-hold": "on hold",
        "on-hold-at-the-pharmacy": "on hold at the pharmacy",
        "broken-off": "broken off",
        "completed": "completed",
        "finished": "finished",
        "ended": "ended",
        "final": "final",
        "called-off": "called off",
        "a-draft": "a draft",
        "stopped": "stopped",
        "stopped-while-given": "stopped while given",
        "not-done": "not done",
        "not-given": "not given",
        "given": "given",
        "being-given": "being given",
        "handed-out": "handed out",
        "being-handed-out": "being handed out",
        "being-prepared": "being prepared",
        "not-handed-out": "not handed out",
        "no-more-handed-out": "no more handed out",
        "not-taken": "not taken",
        "taken": "taken",
        "taken-or-meant-to-be": "taken or meant to be",
        "intended": "intended",
        "prescribed": "prescribed",
        "proposed": "proposed",
        "do-not-take": "do not take",
        "available": "available",
        "no-longer-available": "no longer available",
        "an-order-not-to-give-it": "an order not to give it",
        "a-product-not-a-prescription": "a product, not a prescription",
        "no-medicine-is-named": "no medicine is named",
        "does-not-say-to-what": "does not say to what",
        "contradicts-itself": "contradicts itself",
        "not-certain": "not certain",
        "of-a-relative": "of a relative",
        "said-not-to-be-there": "said not to be there",
        "said-to-be-none": "said to be none",
        "the-patient-denies-it": "the patient denies it",
        "no-status-given": "no status given",
        "status-unknown": "status unknown",
        "status-not-understood": "status not understood",
        "partly-known": "partly known",
        "the-relative-s-health-is-not-known": "the relative's health is not known",
        "has-died": "has died",
        "replaced-by-a-newer-one": "replaced by a newer one",
        "open-it-to-read": "open it to read",
        "as-reported": "as reported",
        "high-risk": "high risk",
        "low-risk": "low risk",
        "risk-not-assessed": "risk not assessed",
        "mild": "mild",
        "moderate": "moderate",
        "severe": "severe",
        "high": "high",
        "very-high": "very high",
        "low": "low",
        "very-low": "very low",
        "abnormal": "abnormal",
        "very-abnormal": "very abnormal",
        "normal": "normal",
        "positive": "positive",
        "negative": "negative",
        "no-known-allergy": "No known allergy",
        "no-known-allergies": "No known allergies",
        "no-known-allergies-to-medicines": "No known allergies to medicines",
        "no-known-allergies-to-food": "No known allergies to food",
        "no-known-allergies-to-the-environment": "No known allergies to the environment",
        "no-known-allergy-to-latex": "No known allergy to latex",
        "no-known-allergies-to-insects": "No known allergies to insects",
        "allergy-to-something-that-is-not-named": "Allergy to something that is not named",
        "a-medicine-that-is-not-named": "A medicine that is not named",
        "a-problem-that-is-not-named": "A problem that is not named",
        "a-document": "A document",
        "visit": "Visit",
        "emergency-visit": "Emergency visit",
        "hospital-stay": "Hospital stay",
        "short-stay": "Short stay",
        "observation-stay": "Observation stay",
        "home-visit": "Home visit",
        "virtual-visit": "Virtual visit",
        "urgent-visit": "Urgent visit",
        "visit-in-the-field": "Visit in the field",
        "visit-before-admission": "Visit before admission",
        "check-up": "Check-up",
        "follow-up": "Follow-up",
        "visit-note": "Visit note",
        "progress-note": "Progress note",
        "family-history": "Family history",
        "no-conditions-named": "no conditions named",
        "mother": "Mother",
        "father": "Father",
        "sister": "Sister",
        "brother": "Brother",
        "daughter": "Daughter",
        "son": "Son",
        "grandmother": "Grandmother",
        "grandfather": "Grandfather",
        "aunt": "Aunt",
        "uncle": "Uncle",
        "care-plan": "Care plan",
        "insurance": "Insurance",
        "claim": "Claim",
        "request-for-approval": "Request for approval",
        "request-for-an-estimate": "Request for an estimate",
        "insurer-s-statement": "Insurer's statement",
        "queued": "queued",
        "decided": "decided",
        "refused-for-an-error": "refused for an error",
        "partly-decided": "partly decided",
        "ex-smoker": "Ex-smoker",
        "never-smoked-tobacco": "Never smoked tobacco",
        "smokes-tobacco-daily": "Smokes tobacco daily",
        "tablet": "tablet",
        "capsule": "capsule",
        "spray": "spray",
        "liquid": "liquid",
        "patch": "patch",
        "inhaler": "inhaler",
        "suppository": "suppository",
        "cream": "cream",
        "drops": "drops",
        "injection": "injection",
        "powder": "powder",
        "extended-form": "extended {form}",
        "delayed-form": "delayed {form}",
        "what-amount-form": "{what} {amount} {form}",
        "amount-form": "{amount} {form}",
        "what-and-count-more": "{what} and {count} more",
        "since-date": "since {date}",
        "until-date": "until {date}",
        "since-start-until-date": "since {start} until {date}",
        "prescribed-date": "prescribed {date}",
        "proposed-date": "proposed {date}",
        "taken-date": "taken {date}",
        "taken-or-meant-to-be-date": "taken or meant to be {date}",
        "given-date": "given {date}",
        "handed-out-date": "handed out {date}",
        "do-not-take-date": "do not take {date}",
        "stopped-on-date": "Stopped on {date}",
        "said-to-be-active-ended-date": "said to be active, ended {date}",
        "said-to-be-taken-ended-date": "said to be taken, ended {date}",
        "said-to-be-active-called-over": "said to be active, called over",
        "of-a-medicine-that-was-entered-by-mistake": "of a medicine that was entered by mistake",
        "said-to-be-active-and-to-be-over": "said to be active, and to be over",
        "said-to-be-active-and-to-have-ended": "said to be active, and to have ended",
        "said-to-be-active-by-a-name-that-says-otherwise": "said to be active, by a name that says otherwise",
        "said-to-be-active-with-a-remark-that-it-is-not-taken": "said to be active, with a remark that it is not taken",
        "said-to-be-active-with-directions-not-to-take-it": "said to be active, with directions not to take it",
        "a-kind-of": "a kind of",
        "does-not-say-which": "does not say which",
        "read-as-written": "read as {what} (written: {quote})",
        "low-to-high": "{low} to {high}",
        "tablets": "tablets",
        "puff": "puff",
        "puffs": "puffs",
        "patches": "patches",
        "units": "units",
        "reaction-what": "reaction: {what}",
        "allergy-to-what": "Allergy to {what}",
        "intolerance-to-what": "Intolerance to {what}",
        "because-of-what": "because of {what}",
        "vaccine-what": "Vaccine {what}",
        "dose-what": "dose {what}",
        "begins-quote": 'begins "{quote}"',
        "paid-what": "paid {what}",
        "no-value-given": "no value given",
        "a-recorded-curve": "a recorded curve",
        "yes": "yes",
        "no": "no",
        "a-group-of-count-results": "a group of {count} results",
        "results": ("1 result", "{count} results"),
    },
    plain=True,
)

FORMS = (
    "tablet", "capsule", "spray", "liquid", "patch", "inhaler", "suppository", "cream", "drops", "injection", "powder",
)  # fmt: skip
_FIXED_FORMS = ("%d %b %Y", "%b %Y", "%Y", "%Y-%m-%d", "%Y-%m")
_PRECISION = ("day", "month", "year", "day", "month")
_WHOLE = "|".join(re.escape(text) for _, text in LINES.english() if ", " in text and "{" not in text)
_CUT = re.compile(
    rf'(begins ".*"|read as .+? \(written: .+?\)|{_WHOLE}|said to be (?:active|taken), ended [^,;]+|; |, |(?<!reaction): )'
)
_SEPARATORS = ("; ", ", ", ": ")
_STRENGTH = r"[\d.,]+ ?(?:m?c?g|ug|m?l|%|units?|m?eq|iu)(?:/\S+)?"
_GAPS = {
    "date": r"(?:\d{1,2} )?(?:[A-Z][a-z]{2} )?\d{4}|\d{4}-\d\d(?:-\d\d)?",
    "amount": rf"{_STRENGTH}(?: / {_STRENGTH})*",
    "form": rf"(?:(?:extended|delayed) )?(?:{'|'.join(FORMS)})",
    "count": r"\d+",
    "what": r".+",
    "quote": r".+",
}
_GAPS |= dict.fromkeys(("start",), _GAPS["date"]) | dict.fromkeys(("low", "high"), r"\d[\d.,]*")
_MEASURE = re.compile(r"(?P<low>\d[\d.,]*)(?: to (?P<high>\d[\d.,]*))?(?: (?P<unit>\S+))?")
_AFTER_SEMICOLON = ("mild", "moderate", "severe")
"""How bad a reaction was. After a comma these are parts of names ("depressive disorder, recurrent, moderate")."""


def line(text: str) -> str:
    """A line that the reading of a record made in English, in the language of the visit. What is none of its pieces is
    what the record says, and stands apart as it was written."""
    if language.current().code == language.DEFAULT or not text or isinstance(text, language.Told):
        return text
    told: list[str] = []
    kept: list[str] = []
    before = ""
    for piece in _CUT.split(text):
        said = None if piece in _SEPARATORS or (piece in _AFTER_SEMICOLON and before != "; ") else _said(piece)
        if said is None:
            kept.append(piece)
        else:
            told += [*_apart(kept), said]
            kept = []
        before = piece
    if not told:
        return text
    return language.Told("".join((*told, *_apart(kept))))


def measure(text: str) -> str:
    """An amount as the lists write it ("0 to 10 mg", "2 tablets"), in the language of the visit."""
    found = _MEASURE.fullmatch(text)
    if language.current().code == language.DEFAULT or found is None:
        return text
    low, high, unit = found["low"], found["high"], found["unit"] or ""
    number = str(LINES["low-to-high"]).format(low=low, high=high) if high else low
    return " ".join(part for part in (number, _said(unit) or unit) if part)


def list_of(texts: list[str]) -> str:
    """Several lines one after the other, each apart from the direction of its neighbours."""
    if language.current().code == language.DEFAULT:
        return "; ".join(texts)
    told = [line(text) for text in texts]
    apart = [f"\u2068{one if isinstance(one, language.Told) else language.bare(one)}\u2069" for one in told]
    return language.Told(_separator("; ").join(apart))


def _apart(pieces: list[str]) -> list[str]:
    """What a record says between two pieces of ours, isolated; the separators around it are ours."""
    start, end = 0, len(pieces)
    while start < end and pieces[start] in (*_SEPARATORS, ""):
        start += 1
    while start < end and pieces[end - 1] in (*_SEPARATORS, ""):
        end -= 1
    inner = "".join(pieces[start:end])
    held = [f"\u2068{language.bare(inner)}\u2069"] if inner else []
    return [*map(_separator, pieces[:start]), *held, *map(_separator, pieces[end:])]


def _separator(sign: str) -> str:
    comma = str(LISTS["comma"])
    return {", ": comma, "; ": comma.replace(",", ";").replace("\u060c", "\u061b")}.get(sign, sign)


def _said(piece: str) -> str | None:
    """A piece of ours in the language of the visit; None for what the record says."""
    name = _fixed().get(piece.casefold())
    if name is not None:
        return _like(piece, str(LINES[name]))
    found = re.fullmatch(r"(\d+) results?", piece)
    if found is not None:
        count = int(found[1])
        return language.chosen(LINES["results"], count).format(count=language.number(count))
    for name, pattern in _patterns():
        match = pattern.fullmatch(piece)
        if match is not None:
            filled = {gap: _filled(gap, value) for gap, value in match.groupdict().items()}
            return _like(piece, str(LINES[name]).format(**filled))
    parts = [_said(part) for part in piece.split(" / ")] if " / " in piece else []
    return " / ".join(part for part in parts if part) if parts and all(parts) else _dated(piece)


def _filled(gap: str, value: str) -> str:
    if gap in ("what", "form"):
        value = line(value)
        return value if isinstance(value, language.Told) else _said(value) or f"\u2068{language.bare(value)}\u2069"
    if gap == "count":
        return language.number(int(value))
    return (_dated(value) if gap != "quote" else None) or f"\u2068{value}\u2069"


def _dated(written: str) -> str | None:
    """A date as the reading of records writes it, in the way of the language."""
    if re.fullmatch(_GAPS["date"], written) is None:
        return None
    for form, precision in zip(_FIXED_FORMS, _PRECISION, strict=True):
        try:
            return language.dated(datetime.strptime(written, form), precision)
        except ValueError:
            continue
    return None


def _like(piece: str, said: str) -> str:
    """With a capital where the piece has one."""
    return said[:1].upper() + said[1:] if piece[:1].isupper() else said


@lru_cache
def _fixed() -> dict[str, str]:
    return {str(text).casefold(): name for name, text in LINES.english() if "{" not in str(text)}


@lru_cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The pieces with gaps, those with most words of their own first."""
    open_ = [(name, text) for name, text in LINES.english() if isinstance(text, str) and "{" in text]
    ordered = sorted(open_, key=lambda item: -len(re.sub(r"\{[a-z]+\}", "", item[1])))
    return [
        (
            name,
            re.compile(re.sub(r"\\{([a-z]+)\\}", lambda gap: f"(?P<{gap[1]}>{_GAPS[gap[1]]})", re.escape(text)), re.I),
        )
        for name, text in ordered
    ]
