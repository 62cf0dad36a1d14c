"""Claim: what was asked of a payer, at summary level (hl7.org/fhir/R4/claim.html)."""

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import concept, decimal, many, one, text, untagged, who
from medrec.core.records.event import FINANCIAL, Dates, event
from medrec.core.records.reading import Around, Marks, short
from medrec.core.records.understood import Understood

_USES = {"claim": "Claim", "preauthorization": "Request for approval", "predetermination": "Request for an estimate"}
_ITEMS_SHOWN = 3


def read(record: Value, around: Around) -> Understood:
    """Understand a Claim."""
    marks = Marks(record, around)
    kind = concept(record, "type")
    about = items(record)
    total = money(one(record, "total"))
    return event(
        record,
        marks,
        kind="Claim",
        code=kind,
        name=datatypes.joined(_USES.get(text(record, "use"), "Claim"), _kind(kind.label), by=" "),
        span=when(record, marks),
        recorded=marks.date(record, "created", "date of the claim"),
        statuses=FINANCIAL,
        plain=datatypes.joined(about, total),
        clinical=datatypes.joined(about, total),
        by=_shown(who(record, "provider")),
        key=identity(record, "claim"),
        codes=tuple(concept(item, "productOrService") for item in many(record, "item")),
        understood=True,
    )


def when(record: Value, marks: Marks) -> Dates:
    """The period billed, else the date of the claim."""
    start, end = datatypes.period(record, "billablePeriod")
    marks.crossed(start, end)
    return start or marks.date(record, "created", "date of the claim"), end


def items(record: Value) -> str:
    """The first items by name, and how many more there are."""
    named = [untagged(concept(item, "productOrService").label) for item in many(record, "item")]
    named = list({name: None for name in named if name})
    more = f" and {len(named) - _ITEMS_SHOWN} more" if len(named) > _ITEMS_SHOWN else ""
    return ", ".join(named[:_ITEMS_SHOWN]) + more


def money(held: Value) -> str:
    """ "255 USD"; empty when absent."""
    value = decimal(held, "value")
    return f"{value} {text(held, 'currency')}".strip() if value else ""


def identity(record: Value, kind: str) -> str:
    """A claim is known by the number that its sender gave it."""
    number = next((item for item in many(record, "identifier") if text(item, "value")), None)
    tail = f"{short(text(number, 'system'))}|{text(number, 'value')}" if number else text(record, "id")
    return f"{kind}/{tail}"


def _kind(label: str) -> str:
    return f"({label})" if label else ""


def _shown(name: str) -> str:
    return name if "/" not in name and not name.startswith("urn:") else ""
