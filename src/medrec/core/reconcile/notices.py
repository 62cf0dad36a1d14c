"""Safety notices: what deserves a second look in a list. Help for a conversation, never an order.

A notice follows from the rows alone, so who may not see a row gets no notice of it. Each names its rule, the lines
that it rests on and its source. Its `id` is a hash of those facts: dismissed once with a reason it stays away until
the facts change. A site that has licensed drug data adds a checker of its own; the checkers here are always there.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import Protocol

import msgspec

from medrec.core import codec
from medrec.core.reconcile import label_facts
from medrec.core.reconcile.allergies_in_problems import warning
from medrec.core.reconcile.amounts import Measure, measure
from medrec.core.reconcile.label_pairs import PAIRS
from medrec.core.reconcile.lists import Read
from medrec.core.reconcile.pairs import PairClass
from medrec.core.reconcile.rows import AllergyRow, Conflict, MedicineRow, Variant
from medrec.core.reconcile.taken import SHORT_COURSE_MS, SHORT_COURSES, STALE_MS, Rule, Says
from medrec.core.records import drug_names, ratio
from medrec.core.records.allergen_names import mentioned, no_class
from medrec.core.records.allergy_intolerance import substance_name
from medrec.core.records.near_names import letters, near
from medrec.core.records.terms import RXNORM, Terms, cleaned
from medrec.core.records.understood import Amount

DELIBERATE = frozenset({"Insulins", "Antiepileptic drugs", "Platelet aggregation inhibitors", "Opioid antagonists"})
"""Names of classes of which two at once are commonly meant: a slow and a quick insulin, two drugs for epilepsy."""


class NoticeRule(StrEnum):
    """What a notice is about; each has a heading in docs/spec/reconcile.md."""

    SAME_DRUG = "same-drug-twice"
    SAME_CLASS = "same-class-twice"
    ORDERED_BY_TWO = "ordered-by-two"
    ALLERGY = "allergy"
    ALLERGY_CLASS = "allergy-to-the-class"
    PAIR = "not-together"
    DOSE = "dose-far-above"
    LICENSED = "licensed-checker"


class Notice(msgspec.Struct, frozen=True, gc=False):
    """`sentence`: what was noticed, in plain words. `rows`: keys of the rows it rests on. `evidence`: the manifests
    (hex) of the lines behind it. `source`: whose rule it is. `about`: equal for two notices of one matter with the same
    facts (a dose), whatever lines are behind each."""

    id: str
    rule: NoticeRule
    sentence: str
    rows: tuple[str, ...]
    evidence: tuple[str, ...]
    source: str
    about: str = ""


class Checker(Protocol):
    """Somebody who looks over the lists: the rules here, or a site's licensed data. Pure: same rows, same notices."""

    def notices(self, read: Read, terms: Terms) -> Iterable[Notice]:
        """What this checker notices."""


class LabelChecker:
    """The rules that ship: doubles, allergies, pairs and doses by the label."""

    def notices(self, read: Read, terms: Terms) -> Iterable[Notice]:
        """See Checker."""
        taken = [row for row in read.medicines if row.status == "active"]
        yield from _doubles(taken)
        # Whoever is allergic has to hear of an order of which nobody says whether it is still taken, and of a fill; of
        # long ago they are history. An order that is called active to this day is none, however old.
        perhaps = [row for row in read.medicines if row.status == "unknown" and _perhaps_taken(row, read.as_of)]
        told = [_as_told(row, terms) for row in taken]
        others = [_as_told(row, terms) for row in perhaps]
        yield from _allergies([*told, *others], read.allergies, terms)
        perhaps_on = [row for row in others if not _is_over(row, terms, read.as_of)]
        mentioned_in = [_by_mention(row, terms) for row in told]
        yield from _pairs([*mentioned_in, *(_by_mention(row, terms) for row in perhaps_on)], terms)
        yield from _doubles_mentioned(taken, mentioned_in)
        yield from _doses(taken, terms)
        yield from _weekly(taken)
        yield from _allergies([*told, *others], warning(read.problems, read.allergies, terms), terms)


def notices(read: Read, terms: Terms, checkers: Iterable[Checker], dismissed: Iterable[str] = ()) -> list[Notice]:
    """What all checkers notice and nobody has dismissed: the gravest first, each once."""
    away = dict.fromkeys(dismissed)
    found = {item.id: item for checker in checkers for item in checker.notices(read, terms)}
    order = {rule: place for place, rule in enumerate(_GRAVITY)}
    return sorted(
        (item for item in found.values() if item.id not in away), key=lambda item: (order[item.rule], item.sentence)
    )


_GRAVITY = (
    NoticeRule.ALLERGY, NoticeRule.PAIR, NoticeRule.ALLERGY_CLASS, NoticeRule.DOSE, NoticeRule.SAME_DRUG,
    NoticeRule.SAME_CLASS, NoticeRule.LICENSED, NoticeRule.ORDERED_BY_TWO,
)  # fmt: skip


def notice(
    rule: NoticeRule, sentence: str, rows: Iterable[MedicineRow | AllergyRow], source: str, facts: Sequence[str] = ()
) -> Notice:
    """A notice with the id that its facts give it; `facts` are those beside the rows' keys (a dose, a strength)."""
    held = sorted(rows, key=lambda row: row.key)
    keys = tuple(row.key for row in held)
    # A new order, another reaction, a later course, what somebody says of it: with other lines behind it, it is another
    # notice. That a list was gone through is no fact of a medicine.
    live = [line for row in held for line in row.lines if not line.outdone and line.says != Says.REVIEWED]
    evidence = dict.fromkeys(line.manifest for line in live)
    named: list[object] = ["medrec/notice/2", rule.value, list(keys), sorted(facts), source, sorted(evidence)]
    # The same order is of another drug when the Medication that it points at changes.
    pointed = {line.medicine.sha256 for line in live if line.medicine}
    mark = codec.encode_json([*named, sorted(pointed)] if pointed else named)
    # Who sees more or fewer records may have another place of action in a row's key.
    blocks = sorted({row.key.removesuffix(f"|{row.site}") if isinstance(row, MedicineRow) else row.key for row in held})
    about = codec.encode_json(["medrec/notice-about/2", rule.value, blocks, source, sorted(facts)])
    names = hashlib.sha256(mark).hexdigest(), hashlib.sha256(about).hexdigest()
    return Notice(names[0], rule, sentence, keys, tuple(evidence), source, names[1])


_OWN = "MedRec's rules"
NAMES_MAX, LETTERS_MAX = 300, 6_000
"""Of so many medicines, and as many allergies, that nobody knows it is asked what they may be misspelled for, while
their names have no more letters together."""
UNSEEN = "Very many names here are not known. Not all of them were looked at for slips: an allergy may be missed."


def _perhaps_taken(row: MedicineRow, now: int) -> bool:
    """Whether a row may be taken still: a source calls it active, or a record of it may be of the last two years."""
    return Rule.STALE in row.rules or any(
        line.at is None or line.at + STALE_MS >= now for line in row.lines if line.says != Says.ERROR
    )


def _as_told(row: MedicineRow, terms: Terms) -> MedicineRow:
    """A row as notices look at it: one of which no medicine is believed is each of those that it names. These stand
    behind its name with a mark that every language reads."""
    if row.ingredients or not row.may_be:
        return row
    return _perhaps_of(row, row.may_be, terms)


def _by_mention(row: MedicineRow, terms: Terms) -> MedicineRow:
    """A row by a name that is not known as a whole ("home: lisinopril") is of all that it mentions."""
    if row.ingredients:
        return row
    held = mentioned(cleaned(row.name), terms, no_class)[0]
    return _perhaps_of(row, held, terms) if held else row


def _perhaps_of(row: MedicineRow, held: tuple[str, ...], terms: Terms) -> MedicineRow:
    names = ", ".join(f"{terms.name(RXNORM, code) or code}?" for code in held)
    return msgspec.structs.replace(row, ingredients=held, name=f"{row.name} ({names})")


_OVER = (Rule.SHORT_COURSE, Rule.COURSE_OVER, Rule.ENDED)


def _is_over(row: MedicineRow, terms: Terms, now: int) -> bool:
    """Whether what was for a time is over: its orders have ended, or it is given for days and was not filled for a
    month. What it must not be with can be taken again."""
    short = any(group.code in SHORT_COURSES for code in row.ingredients for group in terms.classes(code))
    quiet = all(line.at is not None and line.at + SHORT_COURSE_MS < now for line in row.lines)
    return any(rule in row.rules for rule in _OVER) or (short and quiet)


def _doubles(taken: list[MedicineRow]) -> Iterable[Notice]:
    by_key = {row.key: row for row in taken}
    for row in taken:
        if Conflict.DOSE in row.conflicts:
            doses = tuple(sorted(_dose(variant) for variant in row.variants))
            sentence = f"{row.name}: different doses are in force at different places ({' and '.join(doses)})."
            yield notice(NoticeRule.SAME_DRUG, sentence, [row], _OWN, doses)
        if row.doubled:
            sentence = f"{row.name}: more than one order or statement of it is in force ({' and '.join(row.doubled)})."
            yield notice(NoticeRule.SAME_DRUG, sentence, [row], _OWN, row.doubled)
        elif row.filled_early:
            two = " and ".join(row.ordered_by)
            sentence = f"{row.name}: two order it ({two}), and it was filled again while a fill of it lasted."
            yield notice(NoticeRule.SAME_DRUG, sentence, [row], _OWN, row.ordered_by)
        elif row.ordered_by:
            sentence = f"{row.name}: ordered by two ({' and '.join(row.ordered_by)}). It may be one order told twice."
            yield notice(NoticeRule.ORDERED_BY_TWO, sentence, [row], _OWN, row.ordered_by)
        for link in row.links:
            other = by_key.get(link.key)
            # Where no form is said it is taken into the body, as most medicines are.
            if other is None or other.key < row.key or (other.site or "body") != (row.site or "body"):
                continue
            if link.kind is PairClass.SAME_CLASS:
                if not all(name in DELIBERATE for name in link.through):
                    through = ", ".join(link.through)
                    sentence = f"{row.name} and {other.name} are of one class ({through})."
                    yield notice(NoticeRule.SAME_CLASS, sentence, [row, other], _OWN)
            else:
                sentence = f"{row.name} and {other.name} hold the same medicine."
                yield notice(NoticeRule.SAME_DRUG, sentence, [row, other], _OWN)


def _doubles_mentioned(taken: list[MedicineRow], told: list[MedicineRow]) -> Iterable[Notice]:
    """What nobody knows as a whole, and names or mentions a medicine that stands in another row; `told`: the same rows,
    each as all that it may be."""
    unknown = [may_be for row, may_be in zip(taken, told, strict=True) if not row.ingredients and may_be.ingredients]
    holding: dict[str, list[MedicineRow]] = {}
    for row in taken:
        for code in row.ingredients:
            holding.setdefault(code, []).append(row)
    for row in unknown:
        others = {other.key: other for code in row.ingredients for other in holding.get(code, ())}
        for _, other in sorted(others.items()):
            if (row.site or "body") == (other.site or "body"):
                sentence = f"{row.name} and {other.name} hold the same medicine."
                yield notice(NoticeRule.SAME_DRUG, sentence, [row, other], _OWN)


def _dose(variant: Variant) -> str:
    """How much of it is taken: of what is not taken every day by its directions."""
    return variant.per_day or ("" if variant.every_day else variant.directions) or variant.strength


def _allergies(medicines: list[MedicineRow], allergies: tuple[AllergyRow, ...], terms: Terms) -> Iterable[Notice]:
    # A name that is not known as a whole ("Advil PM") may hold all that it mentions.
    holding = [(row, row.ingredients or mentioned(cleaned(row.name), terms, no_class)[0]) for row in medicines]
    live = [one for one in allergies if not (one.no_known or one.refuted or one.status == "stopped")]
    written = {one.name: one for one in live if not (one.ingredients or one.classes)}
    unknown = {row.name: row for row, held in holding if not held} if live else {}
    rests = {name: drug_names.named(name, terms).rest for name in islice(unknown, NAMES_MAX)}
    substances = {name: substance_name(name) for name in islice(written, NAMES_MAX)}
    by_name, by_substance = _near(rests, terms), _near(substances, terms)
    slips: _Slips = by_name | by_substance
    if len(by_name) < len(unknown) or len(by_substance) < len(written):
        yield notice(NoticeRule.ALLERGY, UNSEEN, (), _OWN, (f"{len(unknown)} {len(written)}",))
    # A name that is nothing known, and may be meant for nothing known, meets nothing.
    holding = [(row, held) for row, held in holding if held or slips.get(row.name)]
    for allergy in live:
        if allergy.name in written and not slips.get(allergy.name):
            continue
        groups = _allergy_groups(allergy.ingredients, allergy.classes, terms)
        for row, held in holding:
            facts: tuple[str, ...] = (allergy.criticality,)
            if row.status != "active":
                facts = (*facts, "perhaps taken")
            if any(code in allergy.ingredients for code in held):
                sentence = f"{row.name} is taken, and an allergy to {allergy.name} is on the list."
                if row.status != "active":
                    sentence = f"{row.name} is on the list, and an allergy to {allergy.name} is, too."
                yield notice(NoticeRule.ALLERGY, sentence, [row, allergy], _OWN, facts)
                continue
            shared = {group.name: None for code in held for group in terms.classes(code) if group.code in groups}
            crossing = None if shared else label_facts.crossing(held, allergy.ingredients, allergy.classes)
            if shared or crossing is not None:
                through = ", ".join(shared) if crossing is None else crossing.name
                sentence = f"{row.name} is of the class {through}; an allergy to {allergy.name} is on the list."
                source = _OWN if crossing is None else crossing.source
                yield notice(NoticeRule.ALLERGY_CLASS, sentence, [row, allergy], source, facts)
            elif sentence := _misspelled(row, held, allergy, slips, terms):
                yield notice(NoticeRule.ALLERGY, sentence, [row, allergy], _OWN, (*facts, sentence))


_Slips = dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]]
"""Name of a row that nobody knows -> what it may be misspelled for -> its ingredients and classes."""


def _near(texts: Mapping[str, str], terms: Terms) -> _Slips:
    """What each name may be misspelled for, by what of it is looked at; of the first names alone where they have too
    many letters together."""
    found, left = {}, LETTERS_MAX
    for name, text in texts.items():
        left -= letters(text, terms)
        if left < 0:
            break
        found[name] = near(text, terms)
    return found


def _misspelled(row: MedicineRow, held: tuple[str, ...], allergy: AllergyRow, slips: _Slips, terms: Terms) -> str:
    """What to say where one of the two is by a name that nobody knows and that may be misspelled for one that meets the
    other; empty where none is."""
    written = not (allergy.ingredients or allergy.classes)
    meant = slips.get(allergy.name, {}) if written else {allergy.name: (allergy.ingredients, allergy.classes)}
    taken = {row.name: held} if held else {name: codes for name, (codes, _) in slips.get(row.name, {}).items()}
    met = [
        meaning if written else other
        for meaning, (codes, classes) in meant.items()
        for other, has in taken.items()
        if _meet(has, codes, classes, terms)
    ]
    may = " or ".join(dict.fromkeys(met))
    if not met:
        return ""
    if written:
        return f"{row.name} is on the list, and an allergy written as {allergy.name}, which may mean {may}."
    return f"{row.name}, which may mean {may}, is on the list, and an allergy to {allergy.name} is, too."


def _meet(held: tuple[str, ...], codes: tuple[str, ...], classes: tuple[str, ...], terms: Terms) -> bool:
    """Whether a medicine of these ingredients is, or is of a class with, what an allergy is to."""
    groups = _allergy_groups(codes, classes, terms)
    if label_facts.crossing(held, codes, classes) is not None:
        return True
    return any(code in codes or any(group.code in groups for group in terms.classes(code)) for code in held)


def _allergy_groups(ingredients: tuple[str, ...], classes: tuple[str, ...], terms: Terms) -> dict[str, None]:
    """The classes in which an allergy may cross over, and those that it is to as such."""
    found = dict.fromkeys(classes)
    for code in ingredients:
        found |= {group.code: None for group in terms.classes(code) if "allergy" in group.purpose.split(";")}
    return found


def _pairs(rows: list[MedicineRow], terms: Terms) -> Iterable[Notice]:
    """Two rows that a label says are not to be taken together: each danger once, whatever rows of the table tell it."""
    holding: dict[str, list[tuple[MedicineRow, tuple[str, ...]]]] = {}
    for row in rows:
        if row.site in ("", "body"):
            for mark, codes in _marks(row, terms).items():
                holding.setdefault(mark, []).append((row, codes))
    told: dict[tuple[str, str, str], None] = {}
    for pair in PAIRS:
        for one, held in holding.get(pair.a, ()):
            for other, beside in holding.get(pair.b, ()):
                low, high = sorted((one.key, other.key))
                # No medicine is one that it must not be with.
                if low == high or (held == beside and len(held) == 1) or (low, high, pair.effect) in told:
                    continue
                told[low, high, pair.effect] = None
                sentence = f"{one.name} and {other.name}: the label says {pair.level} ({pair.effect})."
                perhaps = () if one.status == other.status == "active" else ("perhaps taken",)
                yield notice(NoticeRule.PAIR, sentence, [one, other], pair.source, (pair.a, pair.b, *perhaps))


def _marks(row: MedicineRow, terms: Terms) -> dict[str, tuple[str, ...]]:
    """What a row is in the table of pairs, and by which of its ingredients."""
    found: dict[str, tuple[str, ...]] = {f"RX:{code}": (code,) for code in row.ingredients}
    for code in row.ingredients:
        for group in terms.classes(code):
            found[group.code] = (*found.get(group.code, ()), code)
    return found


def _doses(taken: list[MedicineRow], terms: Terms) -> Iterable[Notice]:
    """What all rows together come to in a day, against the label's most."""
    for ceiling in label_facts.CEILINGS:
        most = measure(Amount(ceiling.most, ceiling.most, ceiling.unit), terms)
        said = [(row, found) for row in taken for code, found in row.daily if code == ceiling.ingredient]
        said = [(row, found) for row, found in said if most is not None and found.dimension == most.dimension]
        if most is None or not said:
            continue
        total = ratio.ZERO
        for _, found in said:
            total = ratio.plus(total, found.high)
        if ratio.less(ratio.times(most.high, ratio.ratio(*ceiling.far)), total):
            shown = Measure(total, total, most.dimension).text
            sentence = f"{ceiling.name}: the directions come to {shown} a day; the label gives at most {most.text}."
            yield notice(NoticeRule.DOSE, sentence, [row for row, _ in said], ceiling.source, (shown,))


def _weekly(taken: list[MedicineRow]) -> Iterable[Notice]:
    """What is for once a week, and stands here for every day."""
    for fact in label_facts.WEEKLY:
        for row in taken:
            if row.every_day and row.site in ("", "body") and fact.ingredient in row.ingredients:
                sentence = f"{row.name}: the directions say every day; mostly it is taken once a week."
                yield notice(NoticeRule.DOSE, sentence, [row], fact.source, ("every day", row.per_day))
