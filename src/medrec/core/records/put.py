"""Where a medicine is put, where its record has no code for that: by its form, else by the words of its directions."""

import re

_ROUTES = (
    ("mucous membrane", "mouth"),
    ("vaginal", "vaginal"),
    ("rectal", "rectal"),
    ("nasal", "nasal"),
    ("inhal", "inhaled"),
    ("otic", "ear"),
    ("oral", "oral"),
    ("tablet", "oral"),
    ("capsule", "oral"),
    ("ophthalmic", "eye"),
    ("topical", "skin"),
    ("cream", "skin"),
    ("ointment", "skin"),
    ("transdermal", "transdermal"),
    ("patch", "transdermal"),
    ("inject", "injection"),
    ("cartridge", "injection"),
    ("syringe", "injection"),
)


_WORDS_OF_PLACE = (
    ("ophthalmic", r"\b(?:in(?:to|stil\w*)?|each|both|affected|right|left|every)\s+(?:\w+\s+){0,2}eyes?\b|\bojos?\b"),
    ("ophthalmic", r"\b(?i:gtts?|drops?)\b.{0,30}\bO[DSU]\b"),
    ("otic", r"\b(?:in(?:to|stil\w*)?|each|both|affected|right|left)\s+(?:\w+\s+){0,2}ears?\b|\bo[ií]dos?\b"),
    ("otic", r"\b(?i:gtts?|drops?)\b.{0,30}\bA[DSU]\b(?!\s+(?:directed|needed|DIRECTED|NEEDED))"),
    ("nasal", r"\bnostrils?\b|\bnasally\b|\bin(?:to)?\s+(?:the\s+)?nose\b|\bfosas?\s+nasal"),
    ("vaginal", r"\bvaginal(?:ly)?\b|\bintravaginal|\bin(?:to)?\s+(?:the\s+)?vagina\b"),
    ("rectal", r"\brectal(?:ly)?\b|\bper\s+rectum\b|\bin(?:to)?\s+(?:the\s+)?rectum\b|\bv[ií]a\s+rectal\b"),
    ("transdermal", r"\bpatch(?:es)?\b|\bparches?\b"),
    ("topical", r"\bappl(?:y|ied|ication)\b|\bthin\s+(?:layer|film)\b|\btopical(?:ly)?\b|\bapli(?:car|que)\b|\brub\b"),
)
"""The two letters for an eye or an ear are capitals: "as directed" has none."""
_OF_PLACE = tuple((place, re.compile(form if "[DSU]" in form else f"(?i:{form})")) for place, form in _WORDS_OF_PLACE)
_INHALED = re.compile(r"\binhal(?:e|ar|e\s+el)\b")


def route(form: str, sig: str = "") -> str:
    """The route that a dose form implies, else the words of the directions; what is in a capsule may be inhaled, where
    the directions say so."""
    if "capsule" in form and _INHALED.search(sig.lower()):
        return "inhaled"
    if not form:
        return next((place for place, words in _OF_PLACE if words.search(sig)), "")
    return next((place for part, place in _ROUTES if part in form), "")
