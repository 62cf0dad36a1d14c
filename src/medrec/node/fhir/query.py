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
EVENTS, EVENT, CONSENTS, CONSENT, PROVENANCE = "events", "event", "consents", "consent", "provenance"
INSTANCE = (READ, VREAD, HISTORY)
"""Interactions with one record."""
OWN = frozenset({EVENTS, EVENT, CONSENTS, CONSENT, PROVENANCE})
"""Interactions with what the node writes itself (faces.py); they are no records of its source."""
INTERACTIONS: dict[str, str] = {
    EVENTS: "AuditEvent",
    EVENT: "AuditEvent/{id}",
    CONSENTS: "Consent",
    CONSENT: "Consent/{id}",
    PROVENANCE: "Provenance",
    SEARCH: "{type}",
    READ: "{type}/{id}",
    HISTORY: "{type}/{id}/_history",
    VREAD: "{type}/{id}/_history/{version}",
    EVERYTHING: "Patient/{id}/$everything",
    SUMMARY: "Patient/{id}/$summary",
}
"""Every interaction that is answered, by its path below the API's base. What has no line here is refused before
anything looks at it; `type` is any type that has no line of its own."""
SORTS = frozenset({"_id", "_lastUpdated", "date"})
"""What an answer can be ordered by."""
_OWN_TYPES = frozenset(INTERACTIONS[kind].partition("/")[0] for kind in OWN)


def interaction(path: str) -> tuple[str, dict[str, str]]:
    """Which of INTERACTIONS a path is, and what stands in its places (type, id, version). Raises Refusal with
    query-unknown."""
    parts = path.strip("/").split("/")
    for kind, wanted in INTERACTIONS.items():
        places = _places(wanted.split("/"), parts)
        if places is not None:
            return kind, places
    raise Refusal(Code.QUERY_UNKNOWN, "no such interaction")


def _places(wanted: list[str], parts: list[str]) -> dict[str, str] | None:
    """What stands in the places of a path, None if it is another path."""
    if len(wanted) != len(parts):
        return None
    found: dict[str, str] = {}
    for name, part in zip(wanted, parts, strict=True):
        if not name.startswith("{"):
            if name != part:
                return None
            continue
        fits = _TYPE.match(part) and part not in _OWN_TYPES if name == "{type}" else _ID.match(part)
        if not fits:
            return None
        found[name.strip("{}")] = part
    return found


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
    """The interaction with records of a path below the API's base ("Observation", "Patient/x/$everything") and its
    parameters as they stand in the address or the form. Raises Refusal with query-unknown."""
    kind, places = interaction(path)
    pairs = _pairs(parameters)
    if kind == SEARCH:
        return _search(places["type"], pairs)
    if kind in INSTANCE:
        return _of_one(kind, places, pairs)
    if kind == EVERYTHING:
        return _everything(places["id"], pairs)
    if kind == SUMMARY:
        _once(pairs, (), "$summary takes no parameters")
        return Query(SUMMARY, "Patient", places["id"])
    raise Refusal(Code.QUERY_UNKNOWN, "no interaction with records")


def _of_one(kind: str, places: dict[str, str], pairs: list[tuple[str, str]]) -> Query:
    """Type/id, Type/id/_history/version, Type/id/_history."""
    made = Query(kind, places["type"], places["id"])
    if kind == READ:
        summary, elements = _subset(_once(pairs, ("_summary", "_elements"), "a read takes _summary and _elements"))
        return made._replace(summary=summary, elements=elements)
    if kind == VREAD:
        _once(pairs, (), "the read of a version takes no parameters")
        return made._replace(version=places["version"])
    _count(_once(pairs, ("_count",), "a history takes _count").get("_count"))
    return made


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
