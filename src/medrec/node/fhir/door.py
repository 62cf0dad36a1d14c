"""The door of the FHIR API: what one interaction takes of the permitted records, and the resource that carries it."""

import uuid
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from medrec.core.records.canonical import canonical
from medrec.node.fhir import bundle, search
from medrec.node.fhir.answer import Answer, base_url, header_fields, instant
from medrec.node.fhir.bundle import Entry
from medrec.node.fhir.elements import keeping
from medrec.node.fhir.query import (
    EVERYTHING,
    HISTORY,
    INSTANCE,
    SUMMARY,
    VREAD,
    Query,
    page_token,
    read_query,
)
from medrec.node.fhir.search import Found
from medrec.node.fhir.summary_door import SummaryDoor
from medrec.node.keeping import charted
from medrec.node.refusals import Code, Refusal
from medrec.node.release import parts
from medrec.node.release.access import Ask
from medrec.node.release.deciding import Allowed, Permitted
from medrec.node.release.gate import Chosen, Door, Released

if TYPE_CHECKING:
    from medrec.node.node import Node


class _Picked(NamedTuple):
    """What the answer says beside the records: the total of matches, and of each record how it came in."""

    total: int
    modes: tuple[str, ...]
    incomplete: bool = False
    """Whether the answer says that something is withheld: only where the person allows that."""


class FhirDoor:
    """Answers one interaction of one requester."""

    def __init__(self, node: "Node", query: Query, path: str, parameters: str) -> None:
        self._node = node
        self._query = query
        self._path = path
        self._parameters = parameters
        self._tests = search.compile_filters(query.filters)
        search.check_includes((*query.includes, *query.revincludes))

    def choose(self, ask: Ask, permitted: Permitted) -> Chosen:
        """See gate.Door."""
        query, permitted = self._query, permitted.in_parts()
        filters = self._of_all_charts(ask, permitted)
        if filters != query.filters:
            self._tests = search.compile_filters(filters)
        if query.kind in INSTANCE:
            found = next(permitted.records((query.type,), (query.id,)), None)
            # The version that stands is the one that can be read: earlier ones are proven here, and not kept.
            if found is None or (query.kind == VREAD and version_of(permitted.content(found), found) != query.version):
                raise Refusal(Code.NOT_FOUND)
            # The answer is the record alone: what it points at is read, or included, by itself.
            return Chosen([self._asked_for(permitted, found)._replace(beside=())], "", _Picked(1, ("",)))
        if query.kind == EVERYTHING:
            # Whoever asks for everything of a Patient that is not the person's own is told nothing.
            if next(permitted.of_all().in_parts().records(("Patient",), (query.id,)), None) is None:
                raise Refusal(Code.NOT_FOUND)
            matches = list(self._matching(permitted, query.types))
        else:
            matches = list(self._matching(permitted, (query.type,)))
        if query.only_count:
            return Chosen([], "", _Picked(len(matches), ()))
        behind = self._behind(permitted, matches)
        page = behind[: query.page_size]
        more = page[-1].name if len(behind) > len(page) else ""
        included = self._included(permitted, page)
        modes = ("match",) * len(page) + ("include",) * len(included)
        chosen = [self._asked_for(permitted, allowed) for allowed in (*page, *included)]
        return Chosen(chosen, more, _Picked(len(matches), modes, permitted.incomplete()))

    def _of_all_charts(self, ask: Ask, permitted: Permitted) -> tuple[tuple[str, str], ...]:
        """The filters, in which the number of one of her charts that may be seen stands for all of them: two numbers of
        one person are one patient to whoever looks for what is hers. Of a number that may not be seen nothing is told,
        not even that it is hers."""
        filters = self._query.filters
        if not any(name in ("patient", "subject") for name, _ in filters):
            return filters
        with self._node.store.read() as connection:
            person = self._node.journal.person_of_account(connection, ask.account)
            hers = charted.numbers(connection, person.id) if person is not None else []
        seen = [one for one in hers if next(permitted.records(("Patient",), (one,)), None) is not None]
        every = ",".join(f"Patient/{one}" for one in hers)
        found = []
        for name, value in filters if len(hers) > 1 else ():
            named = {search.local_name(one).removeprefix("Patient/") for one in value.split(",")}
            is_hers = name in ("patient", "subject") and not named.isdisjoint(seen)
            found.append((name, f"{value},{every}" if is_hers else value))
        return tuple(found) or filters

    def _behind(self, permitted: Permitted, matches: list[Allowed]) -> list[Allowed]:
        """The matches behind the last page, in order."""
        query = self._query
        if not query.sorts:
            return [allowed for allowed in matches if not query.after or _order(allowed) > _order_of(query.after)]
        by_name = {allowed.name: allowed for allowed in matches}
        found = [_found(permitted, allowed) for allowed in matches]
        for name, backwards in reversed(query.sorts):
            found = search.put_in_order(found, name, backwards)
        ordered = [by_name[one.name] for one in found]
        if not query.after:
            return ordered
        at = next((at for at, allowed in enumerate(ordered) if allowed.name == query.after), None)
        if at is None:
            # Whether it never was or may not be seen: where the page begins cannot be said.
            raise Refusal(Code.QUERY_UNKNOWN, "_page")
        return ordered[at + 1 :]

    def _asked_for(self, permitted: Permitted, allowed: Allowed) -> Allowed:
        """A record with the elements that were asked for."""
        query = self._query
        if not query.subset:
            return allowed
        keep = keeping(allowed.row.type, query.elements or frozenset(), query.summary)
        sent = parts.subset(permitted.content(allowed), allowed.sent, keep)
        return allowed._replace(sent=sent, beside=allowed.beside if b"medicationReference" in sent.content else ())

    def _matching(self, permitted: Permitted, types: tuple[str, ...]) -> Iterator[Allowed]:
        for allowed in permitted.records(types):
            if not self._tests or self._node.gate.reader.one(
                allowed.row, partial(self._meets, permitted, allowed), False
            ):
                yield allowed

    def _meets(self, permitted: Permitted, allowed: Allowed) -> bool:
        return all(test(_found(permitted, allowed)) for test in self._tests)

    def _included(self, permitted: Permitted, page: list[Allowed]) -> list[Allowed]:
        """Permitted records that the page's records name, and those that name them."""
        if not self._query.includes and not self._query.revincludes:
            return []
        pool = {allowed.name: allowed for allowed in permitted.records()}
        names: set[str] = set()
        for include in self._query.includes:
            for allowed in page:
                if allowed.row.type == include.type:
                    pointed = search.references(_found(permitted, allowed), include.parameter)
                    names.update(_pointed(pool, pointed, include.target))
        for include in self._query.revincludes:
            for name, allowed in pool.items():
                if allowed.row.type == include.type:
                    pointed = search.references(_found(permitted, allowed), include.parameter)
                    if any(one in (match.name, match.row.id) for one in pointed for match in page):
                        names.add(name)
        return [pool[name] for name in sorted(names - {allowed.name for allowed in page})]

    def give(self, ask: Ask, released: Released) -> Answer:
        """See gate.Door."""
        fields = header_fields(self._node, ask, released)
        if self._query.kind == HISTORY:
            return Answer(200, self._history(ask, released), fields)
        if self._query.kind in INSTANCE:
            if released.attach:
                fields["medrec-notice"] = ", ".join(released.attach)
            fields["etag"] = f'W/"{version_of(released.contents[0], released.chosen.records[0])}"'
            return Answer(200, released.contents[0], fields)
        picked: _Picked = released.chosen.rest
        entries = [
            Entry(self._url(allowed.name), content, "" if self._query.kind == EVERYTHING else mode)
            for allowed, content, mode in zip(released.chosen.records, released.contents, picked.modes, strict=True)
        ]
        here = {allowed.name for allowed in released.chosen.records}
        mode = "" if self._query.kind == EVERYTHING else "include"
        entries += [
            Entry(self._url(name), content, mode) for name, (_, content) in released.beside.items() if name not in here
        ]
        if not self._query.only_count:
            # A count lists nothing, and has no entries (FHIR R4, 3.1.1.5.10).
            entries.append(Entry(bundle.NO_PROOF_URL, bundle.no_proof(), "outcome"))
        if picked.incomplete:
            entries.append(Entry(f"urn:uuid:{uuid.UUID(ask.request.id)}", bundle.withheld(), "outcome"))
        body = bundle.searchset(
            ask.request.id, instant(released.now), entries, self._links(released.chosen.more), picked.total,
            released.attach,
        )  # fmt: skip
        return Answer(200, body, fields)

    def _history(self, ask: Ask, released: Released) -> bytes:
        """The one version that stands, as a Bundle of history."""
        allowed, content = released.chosen.records[0], released.contents[0]
        first = allowed.row.version == 1
        request = {"method": "POST", "url": allowed.row.type} if first else {"method": "PUT", "url": allowed.name}
        response = {
            "status": "201" if first else "200",
            "etag": f'W/"{version_of(content, allowed)}"',
            "lastModified": instant(allowed.row.time),
        }
        entry = {"fullUrl": self._url(allowed.name), "request": request, "response": response}
        return bundle.history(
            ask.request.id, instant(released.now), entry, content, self._links("")[0][1], released.attach
        )

    def _links(self, more: str) -> list[tuple[str, str]]:
        here = self._url(self._path) + (f"?{self._parameters}" if self._parameters else "")
        if not more:
            return [("self", here)]
        kept = "&".join(part for part in self._parameters.split("&") if part and not part.startswith("_page="))
        following = "&".join(part for part in (kept, urlencode({"_page": page_token(more)})) if part)
        return [("self", here), ("next", f"{self._url(self._path)}?{following}")]

    def _url(self, name: str) -> str:
        return base_url(self._node) + "/" + name


def version_of(content: bytes, allowed: Allowed) -> str:
    """The version id of a record: its own, or the number that its source counts."""
    tree = canonical(content).value
    meta = tree.get("meta") if isinstance(tree, dict) else None
    own = meta.get("versionId") if isinstance(meta, dict) else None
    return own if isinstance(own, str) and own else str(allowed.row.version)


def answer_query(node: "Node", caller: str, ask: Ask, path: str, parameters: str) -> Answer:
    """One interaction, through the gate. Raises Refusal.

    The request must state the very interaction that was called: what a practitioner signed is what is answered.
    """
    try:
        query = read_query(path, parameters)
        stated = f"{path}?{parameters}" if parameters else path
        request = ask.request
        if request.door != "pull" or request.query != stated or request.after:
            raise Refusal(Code.MALFORMED, "the request names another interaction")
        if (list(request.types), list(request.ids)) != (query.asked_types(), query.asked_ids()):
            raise Refusal(Code.MALFORMED, "the request names other types or ids than the interaction")
        door: Door[Answer] = (
            SummaryDoor(node, query.id) if query.kind == SUMMARY else FhirDoor(node, query, path, parameters)
        )
    except Refusal as refusal:
        raise node.gate.refuse(caller, ask, refusal) from None
    return node.gate.release(caller, ask, door)


def _found(permitted: Permitted, allowed: Allowed) -> Found:
    tree = canonical(permitted.content(allowed)).value
    return Found(allowed.row.type, allowed.row.id, tree if isinstance(tree, dict) else {})


def _pointed(pool: dict[str, Allowed], references: list[str], target: str) -> Iterator[str]:
    """The names of records that are meant by references, "Type/id" or the id alone."""
    for name, allowed in pool.items():
        if target in ("", allowed.row.type) and (name in references or allowed.row.id in references):
            yield name


def _order(allowed: Allowed) -> tuple[str, str]:
    return allowed.row.type, allowed.row.id


def _order_of(name: str) -> tuple[str, str]:
    kind, _, identifier = name.partition("/")
    return kind, identifier
