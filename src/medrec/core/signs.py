"""Signs that nobody sees: what turns, ends, joins or hides text, and what fills a place with nothing.

The one reading of them, for names in sentences, words of a record, reasons, and codes. After Unicode's general
categories and names of characters, as Python's `unicodedata` has them.
"""

import re
import unicodedata

from medrec.core.signs_alike import ALIKE

_HIDING = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
_NOTHING = ("FILLER", "BRAILLE PATTERN BLANK", "GRAPHEME JOINER")
_CHOOSING = ("VARIATION SELECTOR", "MONGOLIAN FREE VARIATION SELECTOR", "KHMER VOWEL INHERENT")
_ACCENTS = ("Mn", "Me")
_LOOKS = str.maketrans(
    "авеԁһіјкмнорԛѕтсухѵԝѡАВЕЅІЈӀКМНОРСТУХԌԜѴοινρκΑΒΕΖΗΙΚΜΝΟΡΤΥΧհոսօցզքՍՕՏ",
    "abedhijkmhopqstcyxvwwABESIJlKMHOPCTYXGWVoivpkABEZHIKMNOPTYXhnuogqfUOS",
)
"""Letters of Cyrillic, Greek and Armenian, and the Latin ones that they are taken for (Unicode, confusables.txt; small
letters of the shape of capitals by their capitals). Greek letters that stand in names of substances are none."""
_LETTERS = re.compile(r"[^\W\d_]+")
_LATIN = str.maketrans({sign: line[0] for line in ALIKE.split() for sign in line[1:]})
_ALIKE = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC"})


def is_seen(sign: str) -> bool:
    """Whether somebody sees a sign, or the space that it leaves."""
    if " " <= sign <= "~":
        return True
    if unicodedata.category(sign) in _HIDING:
        return False
    name = unicodedata.name(sign, "")
    return not name.endswith(_NOTHING) and not name.startswith(_CHOOSING)


def seen(text: str) -> str:
    """A text without the signs that nobody sees. Ends of lines and tabs part words, and stay."""
    return text if text.isprintable() and text.isascii() else "".join(s for s in text if s.isspace() or is_seen(s))


def says_something(text: str) -> bool:
    """Whether somebody sees more than space in a text."""
    return bool(seen(text).strip())


def kinds(text: str) -> int:
    """How many letters and figures that differ somebody sees in a text: a full stop says nothing, nor does one letter
    again and again."""
    return len({sign for sign in seen(text).casefold() if sign.isalnum()})


def count(text: str) -> int:
    """How many signs of a text somebody sees: space counts once, and a mark on another sign with that one."""
    said = " ".join(seen(text).split())
    return sum(unicodedata.category(sign) not in _ACCENTS for sign in said)


def is_accent(sign: str) -> bool:
    """Whether a sign is a mark on another one, such as an accent."""
    return unicodedata.category(sign) in _ACCENTS


def skeleton(text: str) -> str:
    """A text to compare by how it looks: no accents, no case, and the Latin letter for each that looks like one. "I" is
    "l", and "m" is "rn" (Unicode Technical Standard 39, section 4)."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", seen(text)) if not is_accent(sign))
    return bare.translate(_LATIN).casefold().replace("i", "l").replace("m", "rn")


def is_mixed(word: str) -> bool:
    """Whether a word has letters of several alphabets that look alike (Unicode Technical Standard 39, 5.1)."""
    return len(alphabets(word) & _ALIKE) > 1


def as_latin(text: str) -> str:
    """A text in which words of several alphabets have Latin letters for those that look like them: what people read.
    A word of one alphabet stays as it is."""
    if text.isascii():
        return text
    return _LETTERS.sub(lambda word: word[0].translate(_LOOKS) if is_mixed(word[0]) else word[0], text)


def alphabets(text: str) -> frozenset[str]:
    """The alphabets that the letters of a text are of, by the first word of each letter's name: "LATIN"."""
    return frozenset(unicodedata.name(sign, "").partition(" ")[0] for sign in text if sign.isalpha())
