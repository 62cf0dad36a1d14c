"""Search over the records that a decision lets out: each record alone, as its own content says.

Nothing here knows of a record that is withheld: what is not permitted never comes this far.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from medrec.core.consent.clinical import clinical_dates
from medrec.core.consent.times import Span, read_time
from medrec.node.fhir.query import Include
from medrec.node.refusals import Code, Refusal


class Parameter(NamedTuple):
    """A search parameter: its kind (token, date, reference), and where in a record it looks."""

    kind: str
    paths: tuple[str, ...]


COMMON: dict[str, Parameter] = {
    "_id": Parameter("id", ()),
    "_lastUpdated": Parameter("date", ("meta.lastUpdated",)),
    "_security": Parameter("token", ("meta.security",)),
    "_tag": Parameter("token", ("meta.tag",)),
    "identifier": Parameter("token", ("identifier",)),
    "status": Parameter("token", ("status",)),
    "category": Parameter("token", ("category",)),
    "type": Parameter("token", ("type",)),
    "class": Parameter("token", ("class",)),
    "code": Parameter("token", ("code", "medicationCodeableConcept", "vaccineCode")),
    "clinical-status": Parameter("token", ("clinicalStatus",)),
    "verification-status": Parameter("token", ("verificationStatus",)),
    "criticality": Parameter("token", ("criticality",)),
    "intent": Parameter("token", ("intent",)),
    "vaccine-code": Parameter("token", ("vaccineCode",)),
    "date": Parameter("clinical", ()),
    "onset-date": Parameter("date", ("onsetDateTime", "onsetPeriod")),
    "recorded-date": Parameter("date", ("recordedDate",)),
    "authoredon": Parameter("date", ("authoredOn",)),
    "patient": Parameter("reference", ("subject", "patient", "beneficiary")),
    "subject": Parameter("reference", ("subject", "patient")),
    "encounter": Parameter("reference", ("encounter", "context")),
    "performer": Parameter("reference", ("performer", "performer.actor")),
    "requester": Parameter("reference", ("requester",)),
    "author": Parameter("reference", ("author",)),
    "result": Parameter("reference", ("result",)),
    "has-member": Parameter("reference", ("hasMember",)),
    "derived-from": Parameter("reference", ("derivedFrom",)),
    "part-of": Parameter("reference", ("partOf",)),
    "based-on": Parameter("reference", ("basedOn",)),
    "reason-reference": Parameter("reference", ("reasonReference",)),
    "medication": Parameter("reference", ("medicationReference",)),
    "specimen": Parameter("reference", ("specimen",)),
    "evidence-detail": Parameter("reference", ("evidence.detail",)),
    "diagnosis": Parameter("reference", ("diagnosis.condition",)),
}
"""Every parameter that is answered; it is the same for every type, and finds nothing where a type has no such part."""

_PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")


class Found(NamedTuple):
    """A permitted record as search sees it: type, id, and its content decoded."""

    type: str
    id: str
    tree: dict[str, Any]

    @property
    def name(self) -> str:
        """Type/id."""
        return f"{self.type}/{self.id}"


Test = Callable[[Found], bool]


def compile_filters(filters: tuple[tuple[str, str], ...]) -> list[Test]:
    """One test for each parameter; all must hold. Raises Refusal with query-unknown for one that is not answered."""
    return [_test(name, value) for name, value in filters]


def check_includes(includes: tuple[Include, ...]) -> None:
    """Raises Refusal with query-unknown for an include along something that is no reference here."""
    for include in includes:
        found = COMMON.get(include.parameter)
        if found is None or found.kind != "reference":
            raise Refusal(Code.QUERY_UNKNOWN, f"{include.type}:{include.parameter}")


def references(found: Found, parameter: str) -> list[str]:
    """The records ("Type/id") that a record names under a reference parameter."""
    names: list[str] = []
    for path in COMMON[parameter].paths:
        for value in _values(found.tree, path.split(".")):
            literal = value.get("reference") if isinstance(value, dict) else None
            if isinstance(literal, str):
                names.append(local_name(literal))
    return names


def local_name(reference: str) -> str:
    """ "Type/id" of a reference; of a urn:uuid its id alone, as records without an id of their own are called."""
    if reference.startswith("urn:uuid:"):
        return reference.removeprefix("urn:uuid:").lower()
    return reference.split("/_history/")[0]


def put_in_order(records: list[Found], name: str, backwards: bool) -> list[Found]:
    """Records ordered by a name of `_sort`; what has no such value comes last either way, equals stay as they are."""
    if name == "_id":
        return sorted(records, key=lambda found: found.id, reverse=backwards)
    spans = [(found, _first_span(found, name)) for found in records]
    timed = [(found, span) for found, span in spans if span is not None]
    timed.sort(key=lambda one: -one[1].end if backwards else one[1].start)
    return [found for found, _ in timed] + [found for found, span in spans if span is None]


def _first_span(found: Found, name: str) -> Span | None:
    return clinical_dates(found.tree) if name == "date" else next(_spans(found, COMMON[name].paths), None)


def _test(name: str, value: str) -> Test:
    parameter, modifier = name.partition(":")[::2]
    known = COMMON.get(parameter)
    allowed = {"token": ("", "not"), "reference": ("",), "date": ("",), "clinical": ("",), "id": ("",)}
    if known is None or modifier not in allowed[known.kind] or not value:
        raise Refusal(Code.QUERY_UNKNOWN, name[:60])
    wanted = value.split(",")
    if known.kind == "id":
        return lambda found: found.id in wanted
    if known.kind == "token":
        hit = _any_token(known.paths, wanted)
        return (lambda found: not hit(found)) if modifier == "not" else hit
    if known.kind == "reference":
        names = {local_name(one) for one in wanted}
        return lambda found: any(_same(name, names) for name in references(found, parameter))
    tests = [_date_test(one) for one in wanted]
    if known.kind == "clinical":
        return lambda found: any(_dated(test, clinical_dates(found.tree)) for test in tests)
    return lambda found: any(_dated(test, span) for span in _spans(found, known.paths) for test in tests)


def _same(name: str, wanted: set[str]) -> bool:
    # patient=p1 stands for Patient/p1.
    return name in wanted or name.rpartition("/")[2] in wanted


def _any_token(paths: tuple[str, ...], wanted: list[str]) -> Test:
    pairs = [one.partition("|") for one in wanted]

    def hit(found: Found) -> bool:
        for path in paths:
            for value in _values(found.tree, path.split(".")):
                for system, code in _tokens(value):
                    for before, bar, after in pairs:
                        if not bar and code == before:
                            return True
                        if bar and (not after or code == after) and (system or "") == before:
                            return True
        return False

    return hit


def _tokens(value: Any) -> Iterator[tuple[str | None, str]]:
    if isinstance(value, str):
        yield None, value
    elif isinstance(value, bool):
        yield None, "true" if value else "false"
    elif isinstance(value, dict):
        coding = value.get("coding")
        for item in coding if isinstance(coding, list) else [value]:
            if isinstance(item, dict):
                code = item.get("code", item.get("value"))
                system = item.get("system")
                if isinstance(code, str):
                    yield system if isinstance(system, str) else None, code


def _values(tree: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(tree, list):
        for item in tree:
            yield from _values(item, path)
    elif not path:
        yield tree
    elif isinstance(tree, dict) and path[0] in tree:
        yield from _values(tree[path[0]], path[1:])


def _spans(found: Found, paths: tuple[str, ...]) -> Iterator[Span | None]:
    for path in paths:
        for value in _values(found.tree, path.split(".")):
            if isinstance(value, dict):
                start, end = read_time(value.get("start")), read_time(value.get("end"))
                if start is not None:
                    yield Span(start.start, end.end if end is not None else start.end)
            else:
                yield read_time(value)


def date_test(value: str) -> Callable[[int], bool]:
    """A test of moments (ms) by a date parameter. Raises Refusal with query-unknown."""
    test = _date_test(value)
    return lambda time: test(Span(time, time + 1))


def _date_test(value: str) -> Callable[[Span], bool]:
    prefix, rest = (value[:2], value[2:]) if value[:2] in _PREFIXES else ("eq", value)
    span = read_time(rest)
    if span is None:
        raise Refusal(Code.QUERY_UNKNOWN, "a date is not readable")
    return {
        "eq": lambda found: found.within(span),
        "ne": lambda found: not found.within(span),
        "gt": lambda found: found.end > span.end,
        "lt": lambda found: found.start < span.start,
        "ge": lambda found: found.end > span.start,
        "le": lambda found: found.start < span.end,
        "sa": lambda found: found.start >= span.end,
        "eb": lambda found: found.end <= span.start,
    }[prefix]


def _dated(test: Callable[[Span], bool], span: Span | None) -> bool:
    return span is not None and test(span)
