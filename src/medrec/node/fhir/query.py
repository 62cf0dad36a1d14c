"""What is asked over the FHIR API: one interaction, read strictly from its path and parameters.

What is not understood whole is refused: a parameter that is left out would make the answer say more than was asked.
"""

import base64
import binascii
import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from medrec.node.refusals import Code, Refusal

COUNT_DEFAULT, COUNT_MAX = 50, 500
PARAMETERS_MAX = 30
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}\Z")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_AFTER = re.compile(r"([A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64})\Z")
_INCLUDE = re.compile(r"([A-Z][A-Za-z]{1,63}):([a-z][a-z\-]{0,39})(?::([A-Z][A-Za-z]{1,63}))?\Z")

_ELEMENT = re.compile(r"[a-z][A-Za-z0-9]{0,63}\Z")

READ, SEARCH, EVERYTHING, SUMMARY = "read", "search", "everything", "summary"
VREAD, HISTORY = "vread", "history"
INSTANCE = (READ, VREAD, HISTORY)
"""Interactions with one record."""
SORTS = frozenset({"_id", "_lastUpdated", "date"})
"""What an answer can be ordered by."""
FACES = frozenset({"AuditEvent", "Consent", "Provenance"})
"""Types that the node writes itself; they are no records of its source."""


class Include(NamedTuple):
    """`_include` or `_revinclude`: from records of a type, along a reference parameter, to a type ("" for any)."""

    type: str
    parameter: str
    target: str


class Query(NamedTuple):
    """One interaction. `filters` are the search parameters in their order, with their modifiers; `sorts` what the
    answer is ordered by, and whether backwards; `summary` is true, text, data or "", `elements` those that were asked
    for, None for all; `version` that of a vread.
    """

    kind: str
    type: str
    id: str
    filters: tuple[tuple[str, str], ...] = ()
    includes: tuple[Include, ...] = ()
    revincludes: tuple[Include, ...] = ()
    types: tuple[str, ...] = ()
    page_size: int = COUNT_DEFAULT
    only_count: bool = False
    after: str = ""
    sorts: tuple[tuple[str, bool], ...] = ()
    summary: str = ""
    elements: frozenset[str] | None = None
    version: str = ""

    @property
    def subset(self) -> bool:
        """Whether records go without some of their elements."""
        return bool(self.summary) or self.elements is not None

    def asked_types(self) -> list[str]:
        """The types that this needs, for the request that goes with it; empty asks for every type."""
        if self.kind in (EVERYTHING, SUMMARY) or self.includes or self.revincludes:
            return list(self.types)
        return [self.type]

    def asked_ids(self) -> list[str]:
        """The one id that an interaction with one record asks for."""
        return [self.id] if self.kind in INSTANCE else []


def read_query(path: str, parameters: str) -> Query:
    """The interaction of a path below the API's base ("Observation", "Patient/x/$everything") and its parameters as
    they stand in the address or the form. Raises Refusal with query-unknown."""
    parts = path.strip("/").split("/")
    pairs = _pairs(parameters)
    if len(parts) >= 2 and _TYPE.match(parts[0]) and _ID.match(parts[1]) and not parts[-1].startswith("$"):
        return _of_one(parts, pairs)
    if len(parts) == 1 and _TYPE.match(parts[0]):
        return _search(parts[0], pairs)
    if len(parts) == 3 and parts[0] == "Patient" and _ID.match(parts[1]) and parts[2] == "$everything":
        return _everything(parts[1], pairs)
    if len(parts) == 3 and parts[0] == "Patient" and _ID.match(parts[1]) and parts[2] == "$summary":
        if pairs:
            raise Refusal(Code.QUERY_UNKNOWN, "$summary takes no parameters")
        return Query(SUMMARY, "Patient", parts[1])
    raise Refusal(Code.QUERY_UNKNOWN, "no such interaction")


def _of_one(parts: list[str], pairs: list[tuple[str, str]]) -> Query:
    """Type/id, Type/id/_history/version, Type/id/_history."""
    kind, identifier, *rest = parts
    if not rest:
        summary, elements = _subset(_once(pairs, ("_summary", "_elements"), "a read takes _summary and _elements"))
        return Query(READ, kind, identifier, summary=summary, elements=elements)
    if rest[0] != "_history" or len(rest) > 2 or (len(rest) == 2 and not _ID.match(rest[1])):
        raise Refusal(Code.QUERY_UNKNOWN, "no such interaction")
    if len(rest) == 2:
        _once(pairs, (), "the read of a version takes no parameters")
        return Query(VREAD, kind, identifier, version=rest[1])
    _count(_once(pairs, ("_count",), "a history takes _count").get("_count"))
    return Query(HISTORY, kind, identifier)


def _once(pairs: list[tuple[str, str]], names: tuple[str, ...], detail: str) -> dict[str, str]:
    """These parameters, each at most once, and no other. Raises Refusal."""
    found = dict(pairs)
    if len(found) != len(pairs) or not set(found) <= set(names):
        raise Refusal(Code.QUERY_UNKNOWN, detail)
    return found


def _subset(common: dict[str, str]) -> tuple[str, frozenset[str] | None]:
    """What `_summary` and `_elements` say; never both."""
    summary = common.get("_summary", "false")
    if summary not in ("true", "text", "data", "count", "false"):
        raise Refusal(Code.QUERY_UNKNOWN, "_summary takes true, text, data, count or false")
    if "_elements" not in common:
        return "" if summary in ("false", "count") else summary, None
    elements = common["_elements"].split(",")
    if summary != "false" or not all(map(_ELEMENT.match, elements)):
        raise Refusal(Code.QUERY_UNKNOWN, "_elements takes names of top-level elements, and no _summary beside it")
    return "", frozenset(elements)


def _sorts(value: str | None) -> tuple[tuple[str, bool], ...]:
    if value is None:
        return ()
    found = [(part.removeprefix("-"), part.startswith("-")) for part in value.split(",")]
    if not {name for name, _ in found} <= SORTS or len({name for name, _ in found}) != len(found):
        raise Refusal(Code.QUERY_UNKNOWN, "_sort takes date, _lastUpdated and _id, with - backwards")
    return tuple(found)


def page_token(name: str) -> str:
    """How a link to a further page says where it begins."""
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _pairs(parameters: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            parameters, keep_blank_values=True, strict_parsing=bool(parameters), max_num_fields=PARAMETERS_MAX
        )
    except ValueError:
        raise Refusal(Code.QUERY_UNKNOWN, "the parameters are not readable") from None


def _search(kind: str, pairs: list[tuple[str, str]]) -> Query:
    filters: list[tuple[str, str]] = []
    includes: list[Include] = []
    revincludes: list[Include] = []
    common: dict[str, str] = {}
    for name, value in pairs:
        if name == "_include":
            includes.append(_include(value, name))
        elif name == "_revinclude":
            revincludes.append(_include(value, name))
        elif name in ("_count", "_page", "_summary", "_total", "_sort", "_elements"):
            if name in common:
                raise Refusal(Code.QUERY_UNKNOWN, name)
            common[name] = value
        elif "." in name or name == "_has" or name.startswith("_has:"):
            raise Refusal(Code.QUERY_UNKNOWN, "chained parameters are not answered: search each type by itself")
        else:
            filters.append((name, value))
    summary, elements = _subset(common)
    if summary == "text" and (includes or revincludes):
        raise Refusal(Code.QUERY_UNKNOWN, "_summary=text takes no _include")
    if common.get("_total", "accurate") not in ("accurate", "none", "estimate"):
        raise Refusal(Code.QUERY_UNKNOWN, "_total")
    return Query(
        SEARCH,
        kind,
        "",
        tuple(filters),
        tuple(includes),
        tuple(revincludes),
        page_size=_count(common.get("_count")),
        only_count=common.get("_summary") == "count" or common.get("_count") == "0",
        after=_after(common.get("_page")),
        sorts=_sorts(common.get("_sort")),
        summary=summary,
        elements=elements,
    )


def _everything(identifier: str, pairs: list[tuple[str, str]]) -> Query:
    seen = dict(pairs)
    if len(seen) != len(pairs) or not set(seen) <= {"_count", "_page", "_type", "_since"}:
        raise Refusal(Code.QUERY_UNKNOWN, "$everything takes _type, _since, _count")
    types = tuple(sorted(set(seen["_type"].split(",")))) if "_type" in seen else ()
    if any(not _TYPE.match(kind) for kind in types):
        raise Refusal(Code.QUERY_UNKNOWN, "_type")
    filters = (("_lastUpdated", f"ge{seen['_since']}"),) if "_since" in seen else ()
    return Query(
        EVERYTHING,
        "Patient",
        identifier,
        filters,
        types=types,
        page_size=_count(seen.get("_count")),
        after=_after(seen.get("_page")),
    )


def _include(value: str, name: str) -> Include:
    found = _INCLUDE.match(value)
    if found is None:
        raise Refusal(Code.QUERY_UNKNOWN, name)
    return Include(found[1], found[2], found[3] or "")


def _count(value: str | None) -> int:
    if value is None:
        return COUNT_DEFAULT
    if not value.isascii() or not value.isdigit() or len(value) > 6:
        raise Refusal(Code.QUERY_UNKNOWN, "_count")
    return max(1, min(int(value), COUNT_MAX))


def _after(value: str | None) -> str:
    if value is None:
        return ""
    try:
        name = base64.urlsafe_b64decode(value.encode() + b"=" * (-len(value) % 4)).decode()
    except (binascii.Error, ValueError):
        name = ""
    if not _AFTER.match(name):
        raise Refusal(Code.QUERY_UNKNOWN, "_page")
    return name
