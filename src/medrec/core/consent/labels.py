"""What in a record is sensitive: a pure function from a resource and a file of rules to labels.

Labels are sensitivities of v3-ActCode (HL7 Healthcare Privacy and Security Classification System; DS4P). A record is
labelled by its codes, by the names in its text, and by inference: a medicine can reveal the illness. What nobody can
read by rule (free text, attachments, codes without a name) *may* hold everything of a list; it counts as the most
sensitive of what it may hold. Labels that a record carries already stay, and rules only add to them.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from medrec.core.consent import label_elements as elements
from medrec.core.consent.addresses import codes_in, loinc_codes
from medrec.core.consent.label_codes import DRUGS, Codes
from medrec.core.consent.label_elements import FREE_TEXT_CHARACTERS, NOWORDS
from medrec.core.consent.label_names import Names, Read, ingredients_in, is_name, named_drugs, said_in
from medrec.core.consent.label_rules import Basis, read_files
from medrec.core.consent.spelling import is_read, words_of
from medrec.core.consent.systems import system_name
from medrec.core.records.terms import LOINC, SNOMED, Terms

REMEMBERED_MAX = 20_000
_LAYOUT = re.compile(
    r"""(?i)\b(?:xmlns|class|style|border|align|width|colspan|rowspan)\s*=\s*(?:"[^"]*"|'[^']*')"""
    r"""|\bhref\s*=\s*(?:"[a-z]{1,64}/[\w.-]{1,64}"|'[a-z]{1,64}/[\w.-]{1,64}')"""
)
"""How a narrative looks, which says nothing, and where it points: such a pointer is followed as any other."""


class Cause(NamedTuple):
    """Why a record carries a label: the rule, the element ("reasonCode[0]"), stated or inferred."""

    label: str
    rule: str
    path: str
    basis: Basis


class Labels(NamedTuple):
    """The labels of a record, sorted: `codes` it carries, `may` it may carry besides, and why.

    Both are codes of v3-ActCode and v3-Confidentiality as `facts` takes them.
    """

    codes: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()

    def joined(self, other: "Labels") -> "Labels":
        """Both together."""
        return Labels(
            tuple(sorted({*self.codes, *other.codes})),
            tuple(sorted({*self.may, *other.may})),
            (*self.causes, *other.causes),
        )


NONE = Labels()


class Labeller:
    """Labels records by files of rules. `version` names the files, `digest` is the SHA-256 over all of them,
    `unreviewed` the versions of those that no clinician has reviewed. The answers depend on files and `terms` alone.
    Raises LabelRulesError for a file that is not whole."""

    def __init__(self, *files: bytes, terms: Terms | None = None) -> None:
        read, self.version, self.digest, self.unreviewed = read_files(files)
        self.rules = tuple(rule for file in read for rule in file.rules)
        self.opaque = tuple(sorted({label for file in read for label in file.opaque}))
        self._terms = terms
        self._codes = Codes(read, terms)
        ordinary = [words for file in read for words in file.ordinary]
        empty = [words for file in read for words in file.empty]
        whole = [name for file in read for name in file.whole]
        places = [words for file in read for words in file.places]
        kin = [name for file in read for name in file.kin]
        self._names = Names(self.rules, ordinary, empty, whole, places, kin)
        # The same names and codes come again and again, and mean the same as long as there are these rules.
        self.numbers_of_code = lru_cache(REMEMBERED_MAX)(self._codes.met)
        """The rules that a code (system, code) meets."""
        self.knows_whole = lru_cache(REMEMBERED_MAX)(self._codes.knows_whole)
        """Whether the rules can say of every code of this system that it is not sensitive."""
        self.without_clinician = self._names.team
        self.numbers_of_text = lru_cache(REMEMBERED_MAX)(self._numbers_of_text)
        self._names_ingredient = lru_cache(REMEMBERED_MAX)(self._stands_for_ingredient)
        self._read: dict[tuple[bool, bool, str], Read] = {}

    def label(self, resource: Mapping[str, Any], targets: Mapping[str, Labels] = {}) -> Labels:
        """The labels of a FHIR resource (decoded JSON), those in `meta.security` aside, which `facts` reads itself.

        `targets` ("Type/id") are the labels of records that it may refer to: a record that gives its reason by
        reference is as sensitive as the reason.
        """
        walk = _Walk(self, _contained(self, resource, targets), targets)
        walk.about(resource)
        for name in sorted(resource):
            value = resource[name]
            if name == "contained":
                walk.take(*self._held(value, targets))
            elif type(value) is list:
                for at, item in enumerate(value):
                    walk.begin(f"{name}[{at}]")
                    walk.visit(name, item, "")
            elif name not in NOWORDS:
                walk.begin(name)
                walk.visit(name, value, "")
        return walk.labels()

    def label_part(
        self, path: str, name: str, value: Any, resource: Mapping[str, Any], targets: Mapping[str, Labels] = {}
    ) -> Labels:
        """The labels that one top-level element, or one item of it, gives to its resource."""
        if name in NOWORDS:
            return NONE
        if name == "contained":
            return self._held([value], targets)[0]
        walk = _Walk(self, _contained(self, resource, targets), targets)
        walk.about(resource)
        walk.begin(path)
        walk.visit(name, value, "")
        return walk.labels()

    def _held(self, value: Any, targets: Mapping[str, Labels]) -> list[Labels]:
        """The labels of contained resources; one that is none may be anything."""
        held = value if type(value) is list else [value]
        return [self.label(item, targets) if isinstance(item, dict) else Labels((), self.opaque) for item in held]

    def _numbers_of_text(self, text: str, medicine: bool = False) -> tuple[int, ...]:
        """The rules whose names stand in a text; in one that names a `medicine`, also those of its ingredients.

        Elsewhere a brand is no brand: Ella is a contraceptive, and a doctor's name.
        """
        words = words_of(text)
        numbers = set(self._names.met(words))
        if medicine and self._terms is not None and len(text) <= FREE_TEXT_CHARACTERS:
            numbers.update(self._codes.of_ingredients(ingredients_in(self._terms, text, words)))
        return tuple(sorted(number for number in sorted(numbers) if number >= 0 and -1 - number not in numbers))

    def reads(self, text: str, medicine: bool = False, whole: bool = False) -> Read:
        """How a name was read. "named": a rule meets it, or each of its words is ordinary (in that of a `medicine`: or
        stands for one of the table) and one of them says what it is about, or it is one that is known as a `whole`.
        "little": ordinary words alone that would stand beside any code. "strange": it may say anything."""
        key = (medicine, whole, text)
        found = self._read.get(key)
        if found is None:
            found = self._names.read(words_of(text), whole) if is_name(text) else "none"
            if found in ("strange", "little") and self._is_met(text, medicine):
                found = "named"
            if found == "strange" and medicine and self._terms is not None:
                found = self._names.read(words_of(text), known=named_drugs(self._terms, words_of(text)))
            if len(self._read) >= REMEMBERED_MAX:
                self._read.clear()
            self._read[key] = found
        return found

    def says_more(self, narrative: str, resource: Mapping[str, Any]) -> bool:
        """Whether a narrative that a program is said to have written has words that stand nowhere else in the resource
        and may say anything, by themselves or those that stand together. Who and where somebody is, is told in names
        that nobody has to know."""
        if resource.get("resourceType") in elements.PEOPLE:
            return False
        text, said = _LAYOUT.sub(" ", narrative), said_in(resource)
        if any(not self.numbers_of_text(word) for word in self._names.strange(words_of(text), said)):
            return True
        return any(run and self.reads(" ".join(run)) == "little" for run in self._names.runs(text, said))

    def reads_place(self, text: str) -> Read:
        """How the name of a place was read: "named" where it does not tell what somebody was there for, or a rule does
        so; "little" or "strange": it may."""
        return "named" if self._is_met(text, False) else self._names.place(words_of(text))

    def reads_kin(self, text: str) -> Read:
        """How a text was read that says who somebody is to her: "named" where it is a kind of kin, or a rule meets it;
        "strange": it may tell why they know each other."""
        if not is_name(text):
            return "none"
        return "named" if self._names.is_kin(text) or self._is_met(text, False) else "strange"

    def _is_met(self, text: str, medicine: bool) -> bool:
        """Whether a name of a rule stands in a text, be it that another there takes it away."""
        return bool(self.numbers_of_text(text, medicine)) or any(True for _ in self._names.met(words_of(text)))

    def names_ingredient(self, texts: Iterable[str]) -> bool:
        """Whether one of these texts names a medicine of which the table, or a rule, knows the ingredients."""
        return self._terms is None or any(map(self._names_ingredient, texts))

    def _stands_for_ingredient(self, text: str) -> bool:
        known = self._terms is None or ingredients_in(self._terms, text, words_of(text))
        return bool(known or self.numbers_of_text(text, True))


class _Walk:
    """Walks one element of a resource."""

    def __init__(self, labeller: Labeller, contained: Mapping[str, Labels], targets: Mapping[str, Labels]) -> None:
        self.labeller = labeller
        self.kind, self.path, self.of_medicine = "", "", False
        self.resource: Mapping[str, Any] = {}
        self.contained = contained
        self.targets = targets
        self.numbers: set[int] = set()
        self.found: list[tuple[str, set[int]]] = []
        self.opaque = False
        self.from_others: list[Labels] = []

    def about(self, resource: Mapping[str, Any]) -> None:
        """Say which resource it is."""
        self.resource, self.kind = resource, str(resource.get("resourceType"))

    def begin(self, path: str) -> None:
        """Go on with another element."""
        if self.numbers:
            self.found.append((self.path, self.numbers))
            self.numbers = set()
        self.path = path
        self.of_medicine = self.kind == "Medication" or path.startswith("medication")

    def take(self, *others: Labels) -> None:
        """Labels that come from elsewhere."""
        self.from_others += [other for other in others if other.codes or other.may]

    def labels(self) -> Labels:
        """What was found."""
        self.begin("")
        if not self.found and not self.from_others:
            return Labels((), self.labeller.opaque) if self.opaque else NONE
        causes = [
            Cause(label, rule.id, path, rule.basis)
            for path, numbers in self.found
            for rule in [self.labeller.rules[number] for number in sorted(numbers)]
            for label in rule.labels
        ]
        may = self.labeller.opaque if self.opaque else ()
        own = Labels(tuple(sorted({cause.label for cause in causes})), may, tuple(causes))
        for other in self.from_others:
            own = own.joined(other)
        return own

    def visit(self, name: str, value: Any, above: str) -> None:
        if type(value) is str:
            self._text(name, value, above)
        elif type(value) is list:
            for item in value:
                self.visit(name, item, above)
        elif type(value) is dict:
            self._object(name, value)

    def _object(self, name: str, value: dict[str, Any]) -> None:
        system, code = value.get("system"), value.get("value" if name == "identifier" else "code")
        if type(system) is str and type(code) is str:
            self.numbers.update(self.labeller.numbers_of_code(system, code))
        if (
            self._is_unread(name, value)
            or ("identifier" in value and self._is_bare_identifier(name, value))
            or ("code" in value and name not in ("coding", "tag") and self._is_bare_code(name, value))
            or (name in elements.MEDICINES and self._is_unknown_medicine(value))
            or ("display" in value and self._tells_place(name, value))
            or elements.answers_unasked(self.kind, value)
        ):
            self.opaque = True
        attached = "data" in value or ("url" in value and "contentType" in value) or name in elements.ATTACHMENTS
        if attached and not (name == "photo" and self.kind in elements.PEOPLE):
            self.opaque = True
        reference = value.get("reference")
        if type(reference) is str:
            self._refer(name, reference)
        for key, item in value.items():
            # The status of a narrative says whether people wrote in it, and its words whether that is so.
            if key == "div" and value.get("status") == "generated":
                self.numbers.update(self.labeller.numbers_of_text(str(item)))
                self._addresses("div", str(item))
                self.opaque |= self.labeller.says_more(str(item), self.resource)
            elif (key not in elements.PASSED_OVER or type(item) is not str) and not (
                key == "security" and name == "meta"
            ):
                self.visit(key, item, name)

    def _is_unread(self, name: str, value: dict[str, Any]) -> bool:
        """Whether it is a concept, or what is pointed at, that nobody has read: of codes, of none of which the rules
        know the system whole, without a name that was read; of words alone that may say anything."""
        codings = value.get("coding")
        if elements.says_contact(self.kind, name):
            return False
        if type(codings) is not list or not codings:
            text = value.get("text", value.get("display") if name in elements.CLINICAL else None)
            return type(text) is str and self._is_doubt(name, text)
        if any(type(coding) is not dict for coding in codings):
            return True
        if self._reads(name, [value.get("text"), *[coding.get("display") for coding in codings]]):
            return False
        pairs = [(str(coding.get("system", "")), str(coding.get("code", ""))) for coding in codings]
        return not any(self.labeller.knows_whole(system, code) for system, code in pairs)

    def _tells_place(self, name: str, value: dict[str, Any]) -> bool:
        """Whether it points at a place, or at something else that is no person, whose name may tell what for."""
        display = value["display"]
        pointed = "code" not in value and "system" not in value and type(display) is str
        if not pointed or name in elements.CLINICAL:
            return False
        return elements.may_point_at_place(name, value) and self.labeller.reads_place(display) != "named"

    def _read(self, name: str, text: str) -> Read:
        if elements.says_kin(self.kind, name):
            return self.labeller.reads_kin(text)
        about = self.kind in elements.SUBSTANCES or self.path.startswith("medication")
        return self.labeller.reads(text, about, not elements.names_illness(self.kind, self.path, name))

    def _is_doubt(self, name: str, text: str) -> bool:
        read = self.kind not in elements.PEOPLE or elements.says_kin(self.kind, name)
        return read and elements.is_doubt(self._read(name, text), name)

    def _reads(self, element: str, names: Iterable[Any]) -> bool:
        """Whether one of these names says what it is about, and each of them was read."""
        said = {self._read(element, name) for name in names if type(name) is str}
        return "named" in said and "strange" not in said

    def _is_unknown_medicine(self, value: dict[str, Any]) -> bool:
        """Whether it is the name of a medicine of which nobody here knows what is in it."""
        if not self.of_medicine:
            return False
        if "coding" not in value and "text" not in value:
            return False
        codings = value.get("coding")
        listed = [one for one in codings if type(one) is dict] if type(codings) is list else []
        if any(self.labeller.knows_whole(str(one.get("system", "")), str(one.get("code", ""))) for one in listed):
            return False
        texts = [value.get("text"), *(one.get("display") for one in listed)]
        return not self.labeller.names_ingredient([text for text in texts if type(text) is str])

    def _is_bare_code(self, name: str, value: dict[str, Any]) -> bool:
        """Whether it is a code by itself, without a name that was read, of a system that the rules do not know whole.
        A quantity's is that of its unit."""
        system, code = value.get("system"), value.get("code")
        if type(system) is not str or type(code) is not str or "value" in value:
            return False
        return not (self._reads(name, [value.get("display")]) or self.labeller.knows_whole(system, code))

    def _is_bare_identifier(self, name: str, value: dict[str, Any]) -> bool:
        """Whether it points at something by the code of a medicine alone that the rules do not know whole."""
        one = value.get("identifier")
        if type(one) is not dict or self._reads(name, [value.get("display")]):
            return False
        system = system_name(str(one.get("system", "")))
        return system in (*DRUGS, SNOMED) and not self.labeller.knows_whole(system, str(one.get("value", "")))

    def _text(self, name: str, text: str, above: str) -> None:
        if name in elements.PASSED_OVER and name != "value":
            return
        self.numbers.update(self.labeller.numbers_of_text(text, self.of_medicine))
        self._addresses(name, text)
        concept = name == "text" and above not in ("note", "text", "contained", "annotation")
        free = len(text) > FREE_TEXT_CHARACTERS or name == "div" or (name in elements.FREE and not concept)
        known_as = elements.read_as(self.kind, name)
        strange = bool(known_as) and self._is_doubt(known_as, self._title(name, text))
        place = elements.names_place(self.kind, name) and above == "" and self.labeller.reads_place(text) != "named"
        unread = not is_read(text) and not elements.is_of_contact(self.kind, self.path, above)
        if free or above == "note" or strange or place or unread:
            self.opaque = True

    def _title(self, name: str, text: str) -> str:
        return self.labeller.without_clinician(text) if (self.kind, name) == ("CareTeam", "name") else text

    def _addresses(self, name: str, text: str) -> None:
        """Codes that are written as addresses, which have no name beside them; and what a question is called by."""
        codes = codes_in(text) if ":" in text else ()
        if name == "linkId":
            codes = (*codes, *((LOINC, code) for code in loinc_codes(text)))
        for system, code in codes:
            self.numbers.update(self.labeller.numbers_of_code(system, code))
            self.opaque |= name not in elements.BESIDE_WORDS and not self.labeller.knows_whole(system, code)

    def _refer(self, name: str, reference: str) -> None:
        if reference.startswith("#"):
            self.take(self.contained.get(reference[1:], NONE))
        elif name in elements.CLINICAL:
            self.take(self.targets.get(local(reference), NONE))


def pieces(name: str, value: Any) -> list[tuple[str, Any]]:
    """A top-level element as its items with their paths, or as itself."""
    if type(value) is list:
        return [(f"{name}[{at}]", item) for at, item in enumerate(value)]
    return [(name, value)]


def local(reference: str) -> str:
    """ "Type/id" of a reference to a server's resource, whatever server and version; the reference itself else."""
    parts = reference.split("/_history/")[0].split("/")
    return "/".join(parts[-2:]) if len(parts) >= 2 and parts[-2][:1].isupper() else reference


def _contained(labeller: Labeller, resource: Mapping[str, Any], targets: Mapping[str, Labels]) -> dict[str, Labels]:
    held = resource.get("contained")
    if type(held) is not list:
        return {}
    return {str(one.get("id", "")): labeller.label(one, targets) for one in held if type(one) is dict}
