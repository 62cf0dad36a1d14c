"""The small table that ships: RxNorm's prescribable drugs, their classes, vaccines and the shorter diagnoses.

Made by tools/build_terminology.py from public-domain tables; the credit that it carries stands in NOTICE.
"""

import functools
import hashlib
import lzma
from importlib import resources

import msgspec

from medrec.core.records.terms import ICD10CM, Drug, DrugClass, Table, Unit, Validity, cleaned
from medrec.core.records.understood import Strength
from medrec.node.terminology import ucum


class _Row(msgspec.Struct, gc=False, array_like=True):
    """A drug as the file has it: the fields of terms.Drug, strengths as plain triples."""

    code: str
    kind: str
    name: str
    ingredients: tuple[str, ...]
    strengths: tuple[tuple[str, str, str], ...] = ()
    form: str = ""
    quantity: str = ""
    brand: str = ""
    generic: str = ""
    retired: bool = False

    def drug(self) -> Drug:
        strengths = tuple(Strength(*triple) for triple in self.strengths)
        rest = (self.form, self.quantity, self.brand, self.generic, self.retired)
        return Drug(self.code, self.kind, self.name, self.ingredients, strengths, *rest)


class _Content(msgspec.Struct):
    credit: str
    release: str
    drugs: list[_Row]
    classes: list[tuple[str, DrugClass]]
    concepts: list[tuple[str, str, str, bool]]
    same: list[tuple[str, str, str]]
    units: list[Unit]
    complete: list[str]
    names: list[tuple[str, str]]
    problems: list[tuple[str, str]]
    foods: list[tuple[str, str]]


class _Shipped(Table):
    """The table, all of UCUM behind its units, and brands that are known from retired products only."""

    def __init__(self, read: _Content) -> None:
        drugs = [row.drug() for row in read.drugs]
        rest = (read.concepts, read.same, read.units, read.complete, read.names, read.problems, read.foods)
        super().__init__(drugs, read.classes, *rest)
        brands: dict[str, dict[tuple[str, ...], None]] = {}
        for drug in drugs:
            if drug.brand and drug.retired:
                brands.setdefault(drug.brand, {})[drug.ingredients] = None
        # A brand that stood for different drugs names none of them.
        self._former = {
            cleaned(brand): Drug("", "BN", brand, next(iter(sets)), retired=True)
            for brand, sets in brands.items()
            if len(sets) == 1
        }

    def drug_named(self, name: str) -> Drug | None:
        """See Terms."""
        plain = cleaned(name)
        return super().drug_named(plain) or self._former.get(plain)

    def validity(self, system: str, code: str) -> Validity:
        """See Terms. The table has the whole of ICD-10-CM to the fourth sign: a longer code begins with one of these,
        or with a category of three and the placeholder X."""
        found = super().validity(system, code)
        if found != "no-table" or system != ICD10CM:
            return found
        signs = code.upper().replace(".", "")
        above = signs[:3] if signs[3:4] in ("", "X") else f"{signs[:3]}.{signs[3]}"
        return "no-table" if self.name(ICD10CM, above) else "unknown"

    def unit(self, code: str) -> Unit | None:
        """See Terms."""
        return super().unit(code) or ucum.unit(code)


def _file() -> bytes:
    return resources.files("medrec.node.terminology").joinpath("shipped.json.xz").read_bytes()


def _content() -> _Content:
    return msgspec.json.decode(lzma.decompress(_file()), type=_Content)


@functools.cache
def shipped() -> Table:
    """The table, read once in the life of a process (about a third of a second, 80 MB)."""
    return _Shipped(_content())


@functools.cache
def digest() -> str:
    """The first 16 hex digits of the SHA-256 of the table's file: which table answers."""
    return hashlib.sha256(_file()).hexdigest()[:16]


def release() -> str:
    """Which releases the table was made from, and whose data it is."""
    read = _content()
    return f"{read.release}. {read.credit}"
