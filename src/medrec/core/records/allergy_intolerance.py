"""AllergyIntolerance: an allergy, or the statement that there is none (hl7.org/fhir/R4/allergyintolerance.html)."""

import re

from medrec.core.records import allergen_names, datatypes, drug_names, near_names
from medrec.core.records.allergen_names import known_substance
from medrec.core.records.canonical import Value
from medrec.core.records.class_names import of_class
from medrec.core.records.condition import onset_of
from medrec.core.records.datatypes import Concept, concept, concepts, date, either, many, text, texts, untagged, who
from medrec.core.records.general import empty_words, names_nothing, telling
from medrec.core.records.none_known import no_known_allergy
from medrec.core.records.reading import Around, Marks, codes_of, person_of, short
from medrec.core.records.spanish_names import in_english
from medrec.core.records.terms import NDC, RXNORM, UNII, Terms, cleaned
from medrec.core.records.understood import AllergyDetail, Coding, NoteCode, Reaction, Status, Understood

_AROUND = re.compile(
    r"^(?:allerg(?:y|ic)\s+(?:to|reaction\s+to)\s+|(?:severe|mild)\s+)|^intoleran(?:ce|t)\s+(?:to|of)\s+|^(?:avoid|(?:does\s+not|doesn't|cannot|can't)\s+tolerate)\s+|^(?:drug|food)\s+allergy\s+to\s+"
    r"|^(?:al[eé]rgi(?:a|co|ca)|intolerancia)\s+a(?:l|\s+l[ao]s?)?\s+|^hypersensitivity\s+to\s+|^propensity\s+to\s+adverse\s+reactions?\s+to\s+"
    r"|\s+(?:allerg(?:y|ies|ic)|intolerance|hypersensitivity|sensitivity)(?:\s+disorder)?$|\s+adverse\s+reaction$"
    r"|\s*[-,:(]?\s*(?:not|poorly)\s+tolerated\)?$"
)
_BY_HEPARIN = re.compile(r"heparin[\s-]+(?:induced|associated)\s+thrombocytop(?:o?enia|aenia)(?:\s*\(hitt?\))?|hitt?")
"""A loss of platelets by an immune answer to heparin: nobody has it of anything else."""
_DENIED = re.compile(r"\s*[-,:(]\s*(?:(?:patient|pt)\.?\s+)denies(?:\s+it)?\s*\)?\s*$", re.IGNORECASE)
_NO_ALLERGY = re.compile(
    r"^(?:(?:patient|pt)\.?\s+(?:is\s+)?)?(?:not\s+allergic\s+to|no\s+(?:known\s+)?allerg(?:y|ies)\s+to|tolerates?|can\s+take"
    r"|no\s+es\s+al[eé]rgic[oa]\s+a(?:l|\s+la)?|tolera)\s+"
    r"|\s*[-,:(]\s*(?:tolerate[sd]|tolerated\s+well|not\s+an?\s+allergy|no\s+allergy|de-?labell?ed|tolerad[oa])\s*\)?\s*$",
    re.IGNORECASE,
)
"""What says that it is none, and to what: "not allergic to latex", "Penicillin - tolerated"."""
_PLAIN = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+){0,3}")
_TAG = re.compile(r"\s*\((?:disorder|substance|finding|product|situation|medication|drug)\)\s*$")
_CERTAIN = ("confirmed", "unconfirmed", "presumed")
_NEVER = ("refuted", "entered-in-error")
STATUS: dict[str, tuple[Status, str]] = {
    "active": ("active", "active"),
    "inactive": ("stopped", "inactive"),
    "resolved": ("stopped", "resolved"),
}


def read(record: Value, around: Around) -> Understood:
    """Understand an AllergyIntolerance."""
    marks = Marks(record, around)
    own = concept(record, "code")
    reactions = tuple(_reaction(item) for item in many(record, "reaction"))
    code = _meant(record, own, none := no_known_allergy(own), around.terms)
    contradicts = bool(none) and bool(code is not own or any(reaction.manifestations for reaction in reactions))
    name = untagged(marks.name(code, "substance"))
    if contradicts:
        none, name = "", name if code is not own else f"{name}, but a reaction"
    name, denied, tolerated = _without_denials(name, code, around.terms)
    substance = _substance(name, around.terms)
    name, ingredients, classes = (name, (), ()) if none else _is_to(record, code, name, substance, around.terms)
    name = _with_others(code, name, substance, ingredients, marks)
    clinical, verification, status, reason = _stands(record, marks)
    told = none or ingredients or classes
    remark = datatypes.joined(_read_as(told, substance, marks, code.codings), marks.remark(record), by="; ")
    if contradicts:
        status, reason = _contradicting(status, reason, marks)
    elif not none:
        status, reason = _unsure(status, reason, code, denied, marks, tolerated)
    recorded = marks.date(record, "recordedDate", "date of recording")
    detail = AllergyDetail(
        name=name,
        name_cleaned=substance,
        codes=codes_of(own, code) if code is not own and not contradicts else codes_of(code),
        ingredients=ingredients,
        classes=classes,
        categories=texts(record, "category"),
        kind=text(record, "type"),
        reactions=reactions,
        criticality=text(record, "criticality").strip().lower(),
        clinical=clinical,
        verification=verification,
        refuted=tolerated or verification in _NEVER,
        no_known=none,
        onset=onset_of(record, "onset", "onset", marks),
        recorder=who(record, "recorder"),
        asserter=who(record, "asserter"),
        no_medicine=not none and allergen_names.no_medicine(substance, ingredients, classes, around.terms),
    )
    plain, clinically = _lines(detail, status, reason, remark)
    return Understood(
        type="AllergyIntolerance",
        id=text(record, "id"),
        person=person_of(record),
        codes=detail.codes,
        when=detail.onset or recorded,
        until=None,
        recorded=recorded,
        status=status,
        status_reason=reason,
        key=_key(detail),
        plain=plain,
        clinical=clinically,
        understood=bool(code.label),
        by=detail.asserter or detail.recorder,
        notes=marks.notes,
        detail=detail,
    )


def _substance(name: str, terms: Terms) -> str:
    """The one word for what a name is of, where it is known."""
    substance = substance_name(name)
    return substance if known_substance(substance) else terms.food_named(substance) or substance


def _says_nothing(code: Concept) -> bool:
    """Whether a code names no substance: "drug allergy", or nothing at all."""
    return not telling(code.codings) and empty_words(substance_name(code.words))


def _names_one(words: str, terms: Terms) -> bool:
    """Whether words beside a code for "none known" name a substance that is known."""
    if no_known_allergy(Concept((), words)):
        return False
    substance = substance_name(untagged(words))
    return any(substances(Concept((), words), substance, terms)) or known_substance(substance)


def _meant(record: Value, own: Concept, none: str, terms: Terms) -> Concept:
    """What an allergy is to: its code, or, where that says "none" or nothing in particular, what else is named."""
    code = _of_reactions(record, own) if none or _says_nothing(own) else own
    if none and code is own and _names_one(own.words, terms):
        # A template's code for "none", and somebody typed what there is.
        return Concept((), own.words)
    remark = datatypes.remarks(record)
    if none and code is own and allergen_names.tells_of_one(remark, terms, of_class):
        return Concept((), remark)
    if code is own and (none or empty_words(own.text)):
        # Words that deny all, or say nothing, beside a code that names something: the code is not argued away.
        naming = tuple(coding for coding in telling(own.codings) if _names(coding, terms))
        return Concept(naming, "") if naming else code
    return code


def _names(coding: Coding, terms: Terms) -> bool:
    """Whether a code by itself names a substance or a class."""
    alone = Concept((coding,), "")
    if no_known_allergy(alone):
        return False
    called = substance_name(untagged(coding.display))
    return not empty_words(called) or any(substances(alone, called, terms))


def _of_reactions(record: Value, code: Concept) -> Concept:
    """What the reactions were to; the code itself where they do not say."""
    told = [found for item in many(record, "reaction") if (found := concept(item, "substance")).label]
    names = {found.label: None for found in told}
    if not names:
        return code
    return told[0] if len(names) == 1 else Concept(codes_of(*told), " / ".join(names))


def _with_others(code: Concept, name: str, substance: str, ingredients: tuple[str, ...], marks: Marks) -> str:
    """The name, with what else the codes and words beside a medicine's code name; two substances in one record are
    marked, and merged with nothing."""
    if not ingredients or not code.codings:
        return name
    terms = marks.around.terms
    own = {cleaned(terms.name(RXNORM, one)): None for one in ingredients}
    said = {substance: name}
    said |= {substance_name(coding.display): untagged(coding.display) for coding in code.codings if coding.display}
    others = [full for word, full in said.items() if not _of_these(word, ingredients, own, terms)]
    if not others:
        return name
    shown = " / ".join({word: None for word in (*others, *own) if word})
    marks.add(NoteCode.NAME_DIFFERS, f'The codes and words name different things: "{shown[:120]}".')
    return shown


def _of_these(word: str, ingredients: tuple[str, ...], own: dict[str, None], terms: Terms) -> bool:
    """Whether a word is for one of these ingredients, for a class that holds one, or says nothing that is known."""
    if empty_words(word) or any(name in word or word in name for name in own if name):
        return True
    codes, classes = of_class(word, terms)
    members = [held for label in (classes or (word,)) if (held := terms.class_named(label)) is not None]
    if codes or members:
        return not {*codes, *(code for held in members for code in held[1])}.isdisjoint(ingredients)
    found = drug_names.named(word, terms).ingredients
    if found:
        return not set(found).isdisjoint(ingredients)
    # A brand or a word in another language may be of the same medicine; what is a known substance of its own is not.
    return not known_substance(word)


def substance_name(name: str) -> str:
    """ "Allergy to penicillin (disorder)" and "Penicillin allergy" name penicillin."""
    words = in_english(_TAG.sub("", cleaned(name)))
    for _ in range(2):
        words = _AROUND.sub("", words).strip()
    return "heparin" if _BY_HEPARIN.fullmatch(words) else words or cleaned(name)


def substances(code: Concept, name: str, terms: Terms) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """RxNorm ingredients of the substance, and the classes where the allergy is to a class as such."""
    found: dict[str, None] = {}
    for coding in code.codings:
        pairs = ((coding.system, coding.code), *terms.equivalents(coding.system, coding.code))
        for system, value in pairs:
            drug = terms.drug(system, value) if system in (RXNORM, NDC, UNII) else None
            found |= dict.fromkeys(drug.ingredients if drug is not None else ())
    if found:
        return tuple(sorted(found)), ()
    # A class before an ingredient: an allergy to "penicillin" or "sulfa" is to all of them.
    named = of_class(name, terms)
    if any(named):
        return named
    ingredients = drug_names.named(name, terms).ingredients
    if ingredients:
        return ingredients, ()
    other = terms.class_named(name)
    return (), ((other[0].code,) if other is not None else ())


def _all_named(code: Concept, name: str, terms: Terms) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What an allergy is to, and where the whole names nothing that is known, all that its words mention."""
    ingredients, classes = substances(code, name, terms)
    return (ingredients, classes) if ingredients or classes else allergen_names.mentioned(name, terms, of_class)


def _is_to(
    record: Value, code: Concept, name: str, substance: str, terms: Terms
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The name of an allergy, and what it is to; of something that no table knows ("antibiotics") what its reactions
    were to, and the name with that."""
    nothing = Concept((), "")
    ingredients, classes = _all_named(code, substance, terms)
    known = ingredients or classes or known_substance(substance) or terms.food_named(substance)
    told = nothing if known else _of_reactions(record, nothing)
    if told is nothing:
        return name, ingredients, classes
    ingredients, classes = _all_named(told, _substance(untagged(told.label), terms), terms)
    return f"{name} ({datatypes.one_line(told.label)})" if ingredients or classes else name, ingredients, classes


def _read_as(told: object, substance: str, marks: Marks, codes: tuple[Coding, ...]) -> str:
    """What a name that is not known may be misspelled for, with a note; empty where it is known (`told`), and where
    nobody can say: then a name without codes has a note that it is not understood."""
    terms = marks.around.terms
    names = near_names.near(substance, terms) if not told else {}
    if not names:
        if not (told or codes or empty_words(substance) or known_substance(substance) or terms.food_named(substance)):
            marks.add(NoteCode.NAME_NOT_KNOWN, "No table here knows what it is to: no warning goes by it.")
        return ""
    said = f"read as {' or '.join(names)} (written: {substance[:80]})"
    marks.add(NoteCode.READ_AS, f"The name is {said}: warnings go by it, and nothing else does.")
    return said


def _reaction(item: Value) -> Reaction:
    manifestations = tuple(found.label for found in concepts(item, "manifestation") if found.label)
    said = datatypes.one_line(text(item, "description"))
    return Reaction(
        manifestations or ((said,) if said else ()),
        text(item, "severity"),
        date(item, "onset"),
        concept(item, "substance").label,
    )


def _stands(record: Value, marks: Marks) -> tuple[str, str, Status, str]:
    """The clinical and the verification status as coded, and the status of three values with the words for it."""
    verification, doubted = either(record, "verificationStatus", _CERTAIN, _NEVER)
    clinical, ending = either(record, "clinicalStatus", ("active",), ("inactive", "resolved"))
    status, reason = _status(clinical, verification, marks)
    return clinical, verification, *marks.contradicted(status, reason, doubted or ending)


def _status(clinical: str, verification: str, marks: Marks) -> tuple[Status, str]:
    if verification == "entered-in-error":
        marks.add(NoteCode.ENTERED_IN_ERROR, "The source says that this was entered by mistake.")
        return "stopped", "entered in error"
    if verification == "refuted":
        return "stopped", "refuted"
    doubt = ", unconfirmed" if verification == "unconfirmed" else ""
    if clinical in STATUS:
        status, reason = STATUS[clinical]
        return status, reason + doubt
    if clinical:
        marks.add(
            NoteCode.UNKNOWN_STATUS,
            f'The clinical status "{datatypes.one_line(clinical)[:40]}" is not one that FHIR knows.',
        )
        return "unknown", "status not understood"
    marks.add(NoteCode.NO_STATUS, "The record does not say whether this goes on.")
    return "unknown", "no status given" + doubt


def _without_denials(name: str, code: Concept, terms: Terms) -> tuple[str, bool, bool]:
    """A name without words of denial; whether the patient denies it, and whether it is said to be none.

    It is said to be none only where the whole text is that, of one substance that is known: "tolerates codeine poorly"
    and "tolerates codeine, allergic to morphine" stay as they are."""
    denied, left = _DENIED.search(name) is not None, _DENIED.sub("", name)
    tolerated = _NO_ALLERGY.sub("", left)
    if tolerated == left or not _is_one(tolerated, code, terms):
        return left, denied, False
    return tolerated, denied, True


def _is_one(name: str, code: Concept, terms: Terms) -> bool:
    """Whether a name is one known substance and no word more, and of what the codes beside it are for."""
    words = in_english(cleaned(name))
    if not _PLAIN.fullmatch(words):
        return False
    ingredients, classes = substances(Concept((), words), words, terms)
    if ingredients and not classes:
        found = drug_names.named(words, terms)
        if len(found.drugs) != 1 or found.rest not in (words, drug_names.alias(words)):
            return False
    elif not classes and not known_substance(words):
        return False
    coded = substances(code, "", terms)[0]
    return not coded or bool(classes) or not set(coded).isdisjoint(ingredients)


def _unsure(status: Status, reason: str, code: Concept, denied: bool, marks: Marks, none: bool) -> tuple[Status, str]:
    """An allergy that is said to be none, or is called active and nobody can be sure of it."""
    if none:
        return "stopped", "said to be none"
    if status != "active":
        return status, reason
    if denied:
        marks.add(NoteCode.STATUS_CONFLICT, "The record names an allergy, and says that the patient denies it.")
        return "unknown", "the patient denies it"
    if names_nothing(code):
        # "Unknown", "see list" where a substance should stand is nobody's allergy.
        marks.add(NoteCode.NO_CODE, "The record does not say to what.")
        return "unknown", "does not say to what"
    return status, reason


def _contradicting(status: Status, reason: str, marks: Marks) -> tuple[Status, str]:
    marks.add(NoteCode.STATUS_CONFLICT, "The record says that there is no allergy, and tells of one.")
    return ("unknown", "contradicts itself") if status == "active" else (status, reason)


def _key(detail: AllergyDetail) -> str:
    if detail.no_known:
        return f"allergy/none/{detail.no_known}"
    if detail.classes or detail.ingredients:
        return "allergy/" + "+".join((*detail.classes, *detail.ingredients))
    coded = next((f"{short(coding.system)}|{coding.code}" for coding in detail.codes), "")
    return "allergy/" + (coded or f"name|{detail.name_cleaned}")


_NONE_PLAIN = {
    "any": "No known allergies",
    "medicine": "No known allergies to medicines",
    "food": "No known allergies to food",
    "environment": "No known allergies to the environment",
    "latex": "No known allergy to latex",
    "insect": "No known allergies to insects",
}


def _lines(detail: AllergyDetail, status: Status, reason: str, remark: str) -> tuple[str, str]:
    stands = datatypes.joined("" if status == "active" else reason, remark, by="; ")
    if detail.no_known:
        line = datatypes.joined(_NONE_PLAIN.get(detail.no_known, "No known allergies"), stands)
        return line, line
    name = detail.name or "Allergy to something that is not named"
    kind = "Intolerance" if detail.kind == "intolerance" else "Allergy"
    what = name if re.search(r"allerg|intoleran", name.lower()) else f"{kind} to {name}"
    happened = ", ".join(word for reaction in detail.reactions for word in reaction.manifestations)
    severity = next((r.severity for r in detail.reactions if r.severity), "")
    risk = {"high": "high risk", "low": "low risk", "unable-to-assess": "risk not assessed"}.get(detail.criticality, "")
    plain = datatypes.joined(what, f"reaction: {happened}" if happened else "", severity, risk, stands, by="; ")
    more = datatypes.joined(
        "/".join(detail.categories),
        happened,
        severity,
        detail.criticality,
        reason,
        detail.verification if detail.verification not in reason else "",
        remark,
    )
    clinical = f"{what} ({more})"
    return datatypes.one_line(plain), datatypes.one_line(clinical)
