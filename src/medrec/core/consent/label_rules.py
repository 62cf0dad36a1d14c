"""Files of labelling rules: their form, and the strict reading of them (docs/spec/labels.md)."""

import hashlib
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from medrec.core.consent import terms
from medrec.core.consent.spelling import words_of
from medrec.core.types import Fields

STEM_MIN = 4

Basis = Literal["stated", "inferred"]


class LabelRulesError(ValueError):
    """The bytes are not a file of labelling rules; the message says what is wrong and where."""


class LabelRule(Fields, frozen=True):
    """One rule: these labels for a record that carries one of these codes or names; see docs/spec/labels.md.

    `not_with`: ingredients beside which, in one product or one text, the rule's own say nothing. `begins`: code system
    -> beginnings of its codes.
    """

    id: str
    labels: list[str]
    basis: Basis
    why: str
    icd10: list[str] = []
    ingredients: dict[str, str] = {}
    loinc: list[str] = []
    snomed: list[str] = []
    codes: list[str] = []
    begins: dict[str, list[str]] = {}
    names: list[str] = []
    not_with: dict[str, str] = {}


class LabelFile(Fields, frozen=True):
    """A file of rules. `opaque` is what may be in what no rule can read. `reviewed_by` says which clinician has
    reviewed this version, and when; empty as long as none has. `ordinary` are words, blanks between them: a name of
    nothing but these, which no rule meets, is cleared, unless they are all among `empty`, which say too little.
    `whole` are names of visits, papers, lines of bills, answers and sites, which clear as they stand where no illness
    is named. `places` are words, blanks between them, that tell in the name of a place what somebody was there for.
    `kin` are names of who somebody is to her that tell no more than that.
    `products` and `titles`: id of a rule -> beginnings of National Drug Codes of eleven digits, and
    of codes of ICD-10 whose titles the rule meets, blanks between them."""

    format: Literal["medrec/labels/1"]
    version: str
    about: str
    credits: list[str]
    opaque: list[str]
    rules: list[LabelRule]
    ordinary: list[str] = []
    empty: list[str] = []
    whole: list[str] = []
    places: list[str] = []
    kin: list[str] = []
    products: dict[str, list[str]] = {}
    titles: dict[str, list[str]] = {}
    reviewed_by: str = ""


class Files(NamedTuple):
    """Files of rules that go together. `version` names them, `digest` is the SHA-256 over all of them, `unreviewed` the
    versions of those that no clinician has reviewed."""

    files: tuple[LabelFile, ...]
    version: str
    digest: bytes
    unreviewed: tuple[str, ...]


class Name(NamedTuple):
    """A name in words: `stem` says that the last may go on; `exact` that case counts."""

    words: tuple[str, ...]
    stem: bool
    exact: bool
    rule: int


def read_files(files: Sequence[bytes]) -> Files:
    """The rules in these files, in their order. Raises LabelRulesError if one is not whole, and if there is none."""
    if not files:
        raise LabelRulesError("no file of labelling rules was given")
    read = tuple(read_file(data) for data in files)
    digest = hashlib.sha256(b"".join(hashlib.sha256(data).digest() for data in files)).digest()
    unreviewed = tuple(file.version for file in read if not file.reviewed_by.strip())
    return Files(read, "+".join(file.version for file in read), digest, unreviewed)


def read_file(data: bytes) -> LabelFile:
    """The rules in these bytes. Raises LabelRulesError."""
    try:
        file = msgspec.json.decode(data, type=LabelFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LabelRulesError(f"the labelling rules cannot be read: {error}") from None
    known = terms.SENSITIVITIES_ABOVE
    seen: set[str] = set()
    for label in file.opaque:
        if label not in known:
            raise LabelRulesError(f"opaque: {label} is no sensitivity of v3-ActCode that is known")
    for rule in file.rules:
        if rule.id in seen or not rule.id:
            raise LabelRulesError(f"rule {rule.id!r}: every rule has an id of its own")
        seen.add(rule.id)
        if not rule.labels or any(label not in known for label in rule.labels):
            raise LabelRulesError(f"rule {rule.id}: its labels must be sensitivities of v3-ActCode that are known")
        if not (rule.icd10 or rule.ingredients or rule.loinc or rule.snomed or rule.codes or rule.begins or rule.names):
            raise LabelRulesError(f"rule {rule.id}: it has neither codes nor names")
        begun = [one for codes in rule.begins.values() for one in codes or [""]]
        listed = [*rule.icd10, *rule.ingredients, *rule.loinc, *rule.snomed, *rule.codes, *rule.not_with]
        if not all([*listed, *rule.begins, *begun]):
            raise LabelRulesError(f"rule {rule.id}: a code is empty")
        for text in [*rule.names, *rule.ingredients.values(), *rule.not_with.values()]:
            name = name_of(text, 0)
            if not name.words or (name.stem and len(name.words[-1]) < STEM_MIN):
                raise LabelRulesError(f"rule {rule.id}: the name {text!r} is too short")
    for rule_id, codes in [*file.products.items(), *file.titles.items()]:
        if rule_id not in seen or not all(one.isalnum() for text in codes for one in text.split()):
            raise LabelRulesError(
                f"{rule_id} of products or titles is no rule, or a code of it is not of letters and digits"
            )
    return file


def name_of(text: str, rule: int) -> Name:
    """A name as it stands in a file, in words."""
    exact = any(letter.isupper() for letter in text)
    words = tuple(words_of(text))
    return Name(words if exact else tuple(word.casefold() for word in words), text.endswith("*"), exact, rule)
