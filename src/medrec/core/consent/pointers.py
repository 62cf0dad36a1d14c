"""What in a record points at another one, in whatever form it was written.

A reference of the standard's form names a type and an id. Others name a record by its business identifier, by a search,
or in a form that the standard does not know (a space before it, the type in small letters); they are read for all that
they may mean, because what is withheld must not be pointed at, however it is called.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

Json = dict[str, Any]

INSIDE = "#"
"""The type of a pointer at a contained resource."""

_LITERAL = re.compile(r"(?:([^?#\s]*)/)?([A-Z][A-Za-z]{2,})/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/?#\s]*)?")
_BARE = re.compile(r"(?:urn:uuid:|urn:oid:)?([A-Za-z0-9\-.]{1,64})")
_ESCAPE = re.compile(r"%([0-7][0-9A-Fa-f])")
_WORD = re.compile(r"[A-Za-z0-9\-.]+")
_LINK = re.compile(r"""(?:href|src)\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_REFERENCE = frozenset(("id", "extension", "reference", "type", "identifier", "display"))
_SAYS_NOTHING = frozenset(("id", "reference", "type"))
_ABOUT_HER = frozenset(("beneficiary", "for", "patient", "subject"))
_NAMES_HER = frozenset((*_SAYS_NOTHING, "display"))
"""What may stand beside whose a record is: her name. A number of hers is told by her own record alone."""
# Addresses of definitions, not of anybody's records.
_NO_POINTERS = frozenset(("url", "system", "profile", "implicitRules"))
_DEFINITIONS = frozenset(("StructureDefinition", "CodeSystem", "ValueSet"))


class Pointer(NamedTuple):
    """One reference: the record of this `type` ("" for any) and `id` ("" for none), or one that is called by one of
    these `words`. `says` tells that there are words beside it, such as its display; `server` is what stands before type
    and id, such as a server's address; `exact` that the words are a business identifier, not a search or a guess; `own`
    that it says whose record it is: whoever has the record knows that, whatever becomes of the other one."""

    type: str
    id: str
    words: tuple[str, ...] = ()
    says: bool = False
    server: str = ""
    exact: bool = False
    own: bool = False


UNNAMED = Pointer("", "")
"""Somebody of whom a record gives no more than a name."""


def pointers_in(value: Any) -> list[Pointer]:
    """Every pointer at another record below a value, each once, in order."""
    return sorted({one for one in _walk(value, "") if one.type != INSIDE})


def pointers_of(value: Any, name: str = "") -> list[Pointer]:
    """The pointers that a value is by itself, as the element `name`: a Reference, an address, a narrative's links."""
    if type(value) is str:
        return _addresses(name, value)
    if type(value) is not dict:
        return []
    found = [one for key, item in value.items() if type(item) is str and key != "reference"
             for one in _addresses(key, item)]  # fmt: skip
    literal, identifier = value.get("reference"), value.get("identifier")
    says = not value.keys() <= _SAYS_NOTHING
    if type(literal) is str:
        one = read_literal(literal)
        own = name in _ABOUT_HER and one.type == "Patient"
        found.append(one._replace(says=says and not (own and value.keys() <= _NAMES_HER), own=own))
    if type(identifier) is dict and value.keys() <= _REFERENCE:
        kind = value.get("type")
        kind = kind.rpartition("/")[2] if type(kind) is str else ""
        found += [Pointer(kind, "", words, True, exact=True) for words in [sought(identifier)] if words]
    return found


def called(resource: Mapping[str, Any]) -> frozenset[str]:
    """What a record may be called by a pointer's `words`, beside its type and id: its business identifiers."""
    found: set[str] = set()
    for name in ("identifier", "masterIdentifier"):
        stated = resource.get(name)
        for one in stated if type(stated) is list else [stated]:
            if type(one) is dict and type(one.get("value")) is str:
                value = _plain(one["value"])
                found |= {value, f"{_plain(one.get('system'))}|{value}"}
    return frozenset(found)


def read_literal(literal: str) -> Pointer:
    """The pointer that a literal reference is."""
    text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), literal).strip()
    if text.startswith("#"):
        return Pointer(INSIDE, text[1:])
    path = text.partition("#")[0].partition("?")[0].rstrip("/")
    exact = _LITERAL.fullmatch(path)
    if exact is not None:
        return Pointer(exact[2], exact[3], server=exact[1] or "")
    bare = _BARE.fullmatch(text)
    if bare is not None:
        return Pointer("", bare[1])
    asked = set(_asked(text.partition("?")[2]))
    kind = path.rpartition("/")[2]
    if "?" in text and kind.isalpha() and kind[:1].isupper():
        return Pointer(kind, "", tuple(sorted(asked)))
    return Pointer("", "", tuple(sorted({_plain(text), *_words(text), *asked})))


@lru_cache(maxsize=10_000)
def named(reference: str) -> Pointer:
    """The pointer that a consent's reference is: "identifier:system|value", or a literal one."""
    system, bar, value = reference.removeprefix("identifier:").partition("|")
    if bar and reference.startswith("identifier:"):
        return Pointer("", "", sought({"system": system, "value": value}), exact=True)
    return read_literal(reference)


def people_in(value: Any) -> list[Pointer]:
    """Whom the references below a value mean; a name without a reference is somebody, and nobody knows who."""
    if type(value) is list:
        return [one for item in value for one in people_in(item)]
    if type(value) is not dict:
        return []
    found = pointers_of(value)
    if found:
        return found
    if "display" in value and "code" not in value:
        return [UNNAMED]
    return [one for name in sorted(value) for one in people_in(value[name])]


def identifiers_of(name: Pointer) -> list[str]:
    """What a pointer at a business identifier gives by system and value together: the value alone is anybody's."""
    return [word for word in name.words if "|" in word[1:]]


def local(reference: str, servers: Iterable[str]) -> str:
    """A reference as one to this server's own records, if it is a full address below one of its base addresses."""
    for server in servers:
        if reference.startswith(server + "/"):
            return reference.removeprefix(server + "/")
    return reference


class Called:
    """Records by all that a pointer may call them: type, id, and other words (None: not known)."""

    def __init__(self, records: Iterable[tuple[str, str, frozenset[str] | None]] = ()) -> None:
        self._names: set[str] = set()
        self._ids: set[str] = set()
        self._words: dict[str, set[str]] = {}
        self._unread: set[str] = set()
        for kind, identifier, words in records:
            low = kind.casefold()
            self._names.add(f"{kind}/{identifier}")
            if kind == INSIDE:
                continue
            self._ids.add(identifier)
            if words is None:
                self._unread.add(low)
            for word in (identifier.casefold(), f"{low}/{identifier.casefold()}", *sorted(words or ())):
                self._words.setdefault(word, set()).add(low)

    @classmethod
    def named(cls, names: Iterable[str], others: Iterable[tuple[str, str, frozenset[str] | None]] = ()) -> "Called":
        """Those of these names ("Type/id", "#id" for contained ones), of which no other words are known; and others."""
        return cls([*((kind, name, frozenset[str]()) for kind, _, name in map(_apart, sorted(names))), *others])

    def __bool__(self) -> bool:
        return bool(self._names)

    def mean(self, pointer: Pointer) -> bool:
        """Whether a pointer means one of these, or may."""
        if pointer.id and (
            f"{pointer.type}/{pointer.id}" in self._names or (not pointer.type and pointer.id in self._ids)
        ):
            return True
        if not pointer.words:
            return False
        low = pointer.type.casefold()
        kinds = set().union(*(self._words.get(word, ()) for word in pointer.words), self._unread)
        return bool(kinds) if not low else low in kinds


def may_mean(pointer: Pointer, kind: str, identifier: str, words: frozenset[str] | None) -> bool:
    """Whether a pointer means this one record, or may, as `Called` of it alone says: for who asks of each of many."""
    if pointer.id and pointer.id == identifier and (pointer.type == kind or (not pointer.type and kind != INSIDE)):
        return True
    if not pointer.words or kind == INSIDE or (pointer.type and pointer.type.casefold() != kind.casefold()):
        return False
    low = identifier.casefold()
    others = {low, f"{kind.casefold()}/{low}"}
    return words is None or not words.isdisjoint(pointer.words) or not others.isdisjoint(pointer.words)


def _walk(value: Any, name: str) -> Iterator[Pointer]:
    if type(value) is list:
        for item in value:
            yield from _walk(item, name)
    elif type(value) is str:
        yield from _addresses(name, value)
    elif type(value) is dict:
        yield from pointers_of(value, name)
        for key, item in value.items():
            if type(item) is not str:
                yield from _walk(item, key)


def _addresses(name: str, text: str) -> list[Pointer]:
    """The pointers that a text by itself is: an address of the standard's form, or the links of a narrative."""
    if name == "div":
        return [read_literal(link) for link in _LINK.findall(text)]
    if "/" not in text or name in _NO_POINTERS:
        return []
    found = _LITERAL.fullmatch(text)
    return (
        [Pointer(found[2], found[3], server=found[1] or "")]
        if found is not None and found[2] not in _DEFINITIONS
        else []
    )


def _apart(name: str) -> tuple[str, str, str]:
    return (INSIDE, "", name[1:]) if name.startswith("#") else name.rpartition("/")


def _plain(text: Any) -> str:
    return text.strip().casefold().rstrip("/") if type(text) is str else ""


def sought(identifier: Mapping[str, Any]) -> tuple[str, ...]:
    """The words of a business identifier: what bears the same value in the same system, or in none that is told."""
    value, system = identifier.get("value"), _plain(identifier.get("system"))
    if type(value) is not str or not value.strip():
        return ()
    plain = _plain(value)
    # A record's own address may stand in the place of an identifier.
    own = [
        word for word in (plain.removeprefix("urn:uuid:"), *_words(value)) if "/" in word or plain.startswith("urn:")
    ]
    return tuple(sorted({*([f"{system}|{plain}", f"|{plain}"] if system else [plain]), *own}))


def _asked(query: str) -> Iterator[str]:
    """The words of a search."""
    for parameter in query.split("#")[0].split("&"):
        name, _, value = parameter.partition("=")
        if name.partition(":")[0] != "identifier":
            yield from _words(value)
            continue
        for one in value.split(","):
            system, bar, number = one.rpartition("|")
            yield from sought({"system": system, "value": number} if bar else {"value": one})


def _words(text: str) -> Iterator[str]:
    """The words that may be a record's id: "type/id" where it looks like that, else each by itself."""
    before, end = "", 0
    for found in _WORD.finditer(text):
        word = found[0].casefold()
        yield f"{before}/{word}" if before.isalpha() and text[end : found.start()].strip() in ("/", "//") else word
        before, end = word, found.end()
