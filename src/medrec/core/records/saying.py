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
    called, plain = kind in _CALLED, _is_plain(value)
    folds = not called
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
        one = _said(part, folds, plain, True) if name == "contained" else _said({name: part}, folds, plain)
        if one is not None:
            kept[name] = one if name == "contained" else one[name]
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


def _said(part: Value, folds: bool, plain: bool, named: bool = False) -> Value:
    """What is left of a part, None if nothing is; `folds`: case is no part of its words; `plain`: no text has anything
    in it that nobody sees; `named`: its ids are led to. It runs for every version that is published."""
    kind = type(part)
    if kind is list:
        said = [left for one in part if (left := _said(one, folds, plain, named)) is not None]
        return said or None
    if kind is str:
        return (part if plain else _text(part)) or None
    if kind is not dict:
        return part
    kept = {}
    for inner, one in part.items():
        if type(one) is str:
            if inner in _TECHNICAL and _says_nothing(part, inner, named):
                continue
            left = one if plain else _text(one)
            if folds and inner in _WORDS:
                left = _folded(left)
            if left:
                kept[inner] = left
        elif inner != "userSelected" and (below := _said(one, folds, plain)) is not None:
            kept[inner] = below
    return kept or None


_TECHNICAL = frozenset({"id", "version"})


def _says_nothing(part: Value, inner: str, named: bool) -> bool:
    """Whether an id says nothing, since nothing leads to it, or a version, which is that of a system of codes."""
    return not named if inner == "id" else "system" in part and "code" in part


def _is_plain(value: Value) -> bool:
    """Whether no text of a record holds anything but signs that are seen, and single spaces between them."""
    data = _encoder.encode(value)
    return data.isascii() and not any(one in data for one in (b"  ", b"\\", b'" ', b' "', b"\x7f"))


def _text(text: str) -> str:
    return " ".join(as_latin(unicodedata.normalize("NFC", seen(text))).split())


def _folded(said: str) -> str:
    if not said.islower():
        said = " ".join([_cased(word) for word in said.split()])
    return said.strip(_ENDS)


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
