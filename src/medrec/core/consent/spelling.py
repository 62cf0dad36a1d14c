"""How a text is read in words: accents, hidden characters and the language of a medicine's name make no difference.

words_of("Buprénorphine 8 mg")      ["Buprenorphine", "8", "mg"]
words_of("H.I.V. infection")        ["HIV", "infection"]
ingredient("clozapine"), ingredient("clozapina"), ingredient("Clozapin")        "clozapin", three times
"""

import re
import unicodedata

from medrec.core.signs import is_accent, seen

_WORD = re.compile(r"[^\W_]+")
_INITIALS = re.compile(r"(?<![^\W_])(?:[^\W\d_]\.)+[^\W\d_](?![^\W_])")
_TAG = re.compile(
    r"(?i)</?(?:a|abbr|acronym|b|big|blockquote|br|caption|cite|code|col|colgroup|dd|dfn|div|dl|dt|em|h[1-6]|hr|i|img|li"
    r"|ol|p|pre|q|samp|small|span|strong|sub|sup|table|tbody|td|tfoot|th|thead|tr|tt|ul|var)(?=[\s/>])([^>]*)>"
)
"""A tag of a narrative (the XHTML of FHIR). What else stands between such brackets is words: <buprenorphine>."""
_INN = re.compile("ph|th|ae|oe|y|k|(.)(?=\\1)")
_INN_LETTERS = {"ph": "f", "th": "t", "ae": "e", "oe": "e", "y": "i", "k": "c"}
_ENDINGS = "eao"
_GREEK_MAX = 3
INGREDIENT_MIN = 5
GOES_ON_MIN = 7
"""How long a name of an ingredient is, in the form in which they are compared, that is told by itself, and that is told
at the beginning of a word (Methadonhydrochlorid)."""


def words_of(text: str) -> list[str]:
    """The words of a text (names of tags left out): letters without accents, in one form, initials as one word."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(one for one in text if one.isascii() or not is_accent(one))
    text = seen(text)
    if "<" in text:
        text = _TAG.sub(r" \1 ", text)
    if "." in text:
        text = _INITIALS.sub(lambda found: found[0].replace(".", ""), text)
    return _WORD.findall(text)


def ingredient(word: str) -> str:
    """A word as the names of medicines are compared: by the World Health Organization's rules for them (f for ph, t
    for th, e for ae and oe, i for y), without the vowel that languages put at the end; c for k, no letter twice."""
    return _INN.sub(lambda found: _INN_LETTERS.get(found[0], ""), word.casefold()).rstrip(_ENDINGS)


def is_read(text: str) -> bool:
    """Whether the rules can read a text: every word of it is in the Latin script, as all their names are. Greek letters
    stand in units, and beside the names of cells."""
    return text.isascii() or all(_is_latin(word) for word in words_of(text) if not word.isascii())


def _is_latin(word: str) -> bool:
    scripts = {unicodedata.name(one, "").partition(" ")[0] for one in word if one.isalpha()}
    return scripts <= {"LATIN"} or (scripts <= {"LATIN", "GREEK"} and len(word) <= _GREEK_MAX)
