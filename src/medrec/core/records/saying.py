"""What a record says to whoever reads it: by this, two versions of it are held against each other.

What a server or a program touches by itself, and what nobody sees, says nothing: then a version that differs in no
other way has corrected nothing. It is no reading of the record (reading.py): nothing is understood here, so whatever
is not known to say nothing says something.
"""

import unicodedata

import msgspec

from medrec.core.records.canonical import Value
from medrec.core.signs import as_latin, seen

_encoder = msgspec.json.Encoder(order="sorted")

_ASIDE = frozenset({"meta", "text", "language", "implicitRules"})
_WRITTEN = frozenset({"identifier", "recordedDate", "dateAsserted", "issued"})
"""How a record is called and when it was written down: of a record about what happened, no part of that."""
_CALLED = frozenset(
    {"Coverage", "Device", "Location", "Organization", "Patient", "Person", "Practitioner", "RelatedPerson"}
)
"""Of these a number says who or what it is, and a capital is part of a name."""
_WORDS = frozenset(
    {"comment", "conclusion", "description", "display", "patientInstruction", "text", "title", "valueString"}
)
"""Elements that people write in words; case counts in all others ("Mg" is no "mg")."""
_WHOSE = ("patient", "subject")
_LETTERS_MIN = 4
"""A word of fewer letters may be another one with a capital: "anti-c" is not "anti-C"."""
_ENDS = " .,;:"


def what_it_says(value: Value) -> bytes:
    """A record's content as canonical bytes to compare, never to show: without what stands beside it (`meta`, `text`,
    `language`, `implicitRules`, ids of elements, the name beside whose it is, contained records that nothing leads to,
    of a clinical record its numbers and when it was written down), without signs that nobody sees and what is empty
    then, and with words in one case and spacing."""
    kind = value.get("resourceType")
    called = kind in _CALLED
    aside = _ASIDE if called else _ASIDE | _WRITTEN
    led = _led_to(value) if "contained" in value else frozenset()
    kept = {}
    for name, part in value.items():
        if name in aside:
            continue
        if name == "contained" and type(part) is list:
            part = [one for one in part if type(one) is dict and f"#{one.get('id')}" in led]
        elif name in _WHOSE and type(part) is dict and part.get("reference"):
            part = {inner: one for inner, one in part.items() if inner != "display"}
        said = _said(part, name, not called, name == "contained")
        if said not in _NOTHING:
            kept[name] = said
    return _encoder.encode(kept)


def content(value: Value) -> bytes:
    """The canonical bytes of a record's content without `meta` and `text`: of this the marks of former releases were
    made."""
    return _encoder.encode({name: part for name, part in value.items() if name not in ("meta", "text")})


def without_additions(before: Value, after: Value, *, displays: bool = True) -> Value:
    """A content without what a former one (None: none is known) had not, of what a program adds beside what stands
    there: extensions, and (`displays`) names beside a code or a reference. `modifierExtension` changes what stands
    there, and stays."""
    if type(after) is list:
        former: list[Value] = before if type(before) is list else []
        known_parts = [*former, *[None] * len(after)]
        return [without_additions(one, part, displays=displays) for one, part in zip(known_parts, after, strict=False)]
    if type(after) is not dict:
        return after
    was: dict[str, Value] = before if type(before) is dict else {}
    beside = displays and ("code" in after or "reference" in after) and "display" not in was
    kept = {}
    for name, part in after.items():
        known = was.get(name)
        if name == "display" and beside:
            continue
        if name == "extension" and type(part) is list:
            left: Value = [one for one in part if type(known) is list and one in known]
        else:
            left = without_additions(known, part, displays=displays)
        # What held nothing but additions is new itself.
        if left or not part or name in was:
            kept[name] = left
    return kept


_NOTHING: tuple[Value, ...] = ("", None, {}, [])


def _said(part: Value, name: str, folds: bool, named: bool = False) -> Value:
    """A part below an element called `name`; `folds`: case is no part of its words; `named`: its ids are led to."""
    kind = type(part)
    if kind is str:
        return _text(part, folds and name in _WORDS)
    if kind is list:
        said = [_said(one, name, folds, named) for one in part]
        return [one for one in said if one not in _NOTHING]
    if kind is not dict:
        return part
    coding = "system" in part and "code" in part
    kept = {}
    for inner, one in part.items():
        if (inner == "id" and not named) or inner == "userSelected" or (coding and inner == "version"):
            continue
        below = _said(one, inner, folds)
        if below not in _NOTHING:
            kept[inner] = below
    return kept


def _text(text: str, folds: bool) -> str:
    if not (text.isascii() and text.isprintable()):
        text = as_latin(unicodedata.normalize("NFC", seen(text)))
    words = text.split()
    return " ".join(map(_cased, words)).strip(_ENDS) if folds else " ".join(words)


def _cased(word: str) -> str:
    """A word in small letters, if its case is that of a sentence: all small, all large, or one large ahead."""
    plain = len(word) >= _LETTERS_MIN and (word[1:].islower() or word.isupper())
    return word.casefold() if plain else word


def _led_to(value: Value) -> frozenset[str]:
    """The references to what is contained ("#id")."""
    found, row = [], [value]
    while row:
        below: list[Value] = []
        for item in row:
            if type(item) is dict:
                reference = item.get("reference")
                if type(reference) is str and reference.startswith("#"):
                    found.append(reference)
                below += item.values()
            elif type(item) is list:
                below += item
        row = below
    return frozenset(found)
