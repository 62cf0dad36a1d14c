"""Codes and words that name nothing in particular: "allergy to drug", "disease", "other", "see note".

Two records that have such a code or such words in common may be of two different things; they are never put together
by it. The list is our own and short; what is not in it is taken for a name.
"""

from collections.abc import Sequence

from medrec.core.records.datatypes import Concept
from medrec.core.records.none_known import says_nothing_here
from medrec.core.records.terms import SNOMED, cleaned
from medrec.core.records.understood import Coding

_SYSTEMS = frozenset(
    {
        "http://terminology.hl7.org/CodeSystem/data-absent-reason",
        "http://hl7.org/fhir/data-absent-reason",
        "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
        "http://hl7.org/fhir/v3/NullFlavor",
    }
)
# SNOMED CT concepts that are the parents of what is meant.
_CODES = """
416098002 414285001 419511003 418038007 106190000 420134006 418471000 419199007 416093006 418634005 59037007
235719002 426232007 609328004 609433001 782197009 781474001 473010000 473011001 421961002 281647001 62014003
232347008 419263009 64572001 404684003 55607006 138875005 243796009 417163006 413350009 362965005 27624003 128139000
40733004 49601007 105590001 410942007 255620007 373873005 74964007 261665006 71388002 272379006 300577008 125605004
363346000
"""
_PARENTS = frozenset(_CODES.split())
_WORDS = frozenset(
    cleaned(word)
    for word in """
see note, see notes, see comment, see comments, see chart, see text, see below, other, others, misc, miscellaneous,
unlisted, not listed, free text, freetext, uncoded, no code, not coded, unspecified, illness, sickness,
disease, diseases, disorder, condition, problem, diagnosis, finding, clinical finding, symptom, injury, infection,
medical problem, other problem, chronic disease, chronic illness, illness, unspecified,
medication, medications, medicine, medicines, drug, drugs, study drug, study medication, trial medication,
non-formulary, nonformulary, non-formulary medication, patient's own medication, own medication, home medication,
other medication, unknown medication, unknown drug, various, compound, see list, as directed, no name, none given,
allergy, allergies, drug allergy, food allergy, medication allergy, allergy to drug, allergy to food, food, foods,
allergy to substance, substance, environmental, environmental allergy, environment, seasonal, animal, animals, plant,
other allergy, unknown allergy, multiple, multiple allergies, multiple drugs, allergic disposition, adverse reaction,
allergic reaction, propensity to adverse reactions, propensity to adverse reactions to drug, drug intolerance,
food intolerance, intolerance, hypersensitivity, sensitivity, allergy to medication, chemical, additive, preservative
""".replace("\n", " ").split(",")
)  # fmt: skip


def says_nothing(coding: Coding) -> bool:
    """Whether a code is one for "unknown" and "other", or the parent of what a record can be of."""
    return coding.system in _SYSTEMS or (coding.system in (SNOMED, "") and coding.code in _PARENTS)


def telling(codings: Sequence[Coding]) -> tuple[Coding, ...]:
    """The codes that name something in particular."""
    return tuple(coding for coding in codings if not says_nothing(coding))


def empty_words(words: str) -> bool:
    """Whether words name nothing in particular."""
    plain = cleaned(words).strip(" .:;*")
    return not plain or plain in _WORDS or says_nothing_here(plain)


def names_nothing(concept: Concept) -> bool:
    """Whether the words of a concept say that nobody knows or where else to look ("-", "see list"), and no code beside
    them names anything."""
    coded = any(coding.code for coding in telling(concept.codings))
    return not coded and says_nothing_here(concept.words)
