"""Which medicines of a list a name that somebody typed could be of."""

from collections.abc import Iterable

from medrec.core.reconcile.rows import MedicineRow
from medrec.core.records import drug_names
from medrec.core.records.terms import Terms, cleaned

_BESIDE = frozenset("()[]{}")


def could_be(name: str, rows: Iterable[MedicineRow], terms: Terms) -> list[MedicineRow]:
    """The rows that a name could be of. A name that is read whole is of its ingredients, also where a row has others
    beside them; one that is not ("my sertraline pill", a slip of the pen, a brand of elsewhere) could be of any."""
    if not is_read(name, terms):
        return list(rows)
    found = drug_names.named(name, terms).ingredients
    return [row for row in rows if not row.ingredients or not set(row.ingredients).isdisjoint(found)]


def is_read(name: str, terms: Terms) -> bool:
    """Whether it is known what a name is of."""
    return bool(drug_names.named(name, terms).ingredients) and _BESIDE.isdisjoint(name)


def meant(name: str, rows: Iterable[MedicineRow], terms: Terms) -> list[MedicineRow]:
    """The rows that a name is of, as the lists read it."""
    found = set(drug_names.named(name, terms).ingredients)
    return [
        row
        for row in rows
        if (found and set(row.ingredients) == found) or (not row.ingredients and cleaned(row.name) == cleaned(name))
    ]
