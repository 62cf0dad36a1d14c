"""Which records speak of one kind of problem: those that share a code family or a name, and short names that mean one
thing in this chart."""

from collections.abc import Sequence

import msgspec

from medrec.core.reconcile.grouping import Groups
from medrec.core.records.dates import DAY_MS
from medrec.core.records.general import empty_words, telling
from medrec.core.records.icd_families import bout, catches_the_rest, sideless
from medrec.core.records.opposites import ends_apart
from medrec.core.records.other_disease import Meaning, of_problem, several_diseases
from medrec.core.records.problem_names import core_name, family_named, meanings, needs_its_time, passing, readings
from medrec.core.records.terms import ICD10CM, SNOMED, cleaned
from medrec.core.records.understood import Coding, ProblemDetail

GAP_MS = 90 * DAY_MS
"""Two stretches of one family that lie further apart than this are two episodes."""
WEAK = "weak:"
APART = ("family", "denied", "uncertain")
"""Standings of what is not, or not surely, a problem of the person's own."""
_SNOMED = "snomed|"
_PUBLIC = ("icd10cm|", _SNOMED)


class Named(msgspec.Struct, frozen=True, gc=False):
    """What a problem is found by: `names` (see names_of), `weak` codes that may be of several things, whether it has no
    words but its code (`bare`), whether nothing but others in the chart says what it is of (`by_others`), between when
    and when (ms) it began, where that is said, and what a problem with a code of SNOMED CT is of by all else that it
    says (`meant`)."""

    names: tuple[str, ...]
    weak: tuple[str, ...]
    bare: bool
    by_others: bool
    onset: tuple[int, int] | None = None
    meant: Meaning | None = None


def named(detail: ProblemDetail, at_odds: bool = False) -> Named:
    """What a problem is found by. `at_odds`: its words and its code are of two things."""
    names = names_of(detail)
    if detail.standing in APART:
        # Under a mistyped code there may be two diseases: each keeps a line that has its name.
        names = (f"name:{core_name(detail.name_cleaned)}",) if at_odds else names
        # What is a relative's, denied or not certain is never the problem itself: only others of the kind are the same.
        return Named(tuple(f"{detail.standing}:{name}" for name in names), (), False, False)
    weak = tuple(family for family in detail.families if family.startswith(WEAK))
    bare = detail.name_cleaned in [cleaned(code.code) for code in detail.codes]
    by_others = bool(names) and all(name.startswith("name:") and meanings(name[5:]) for name in names)
    onset = (detail.onset.start_ms, detail.onset.end_ms) if detail.onset is not None else None
    coded = any(name.startswith(_SNOMED) for name in names)
    return Named(names, weak, bare, by_others, onset, of_problem(detail) if coded else None)


def names_of(detail: ProblemDetail) -> tuple[str, ...]:
    """What a problem is found by: its code families and its core name; that there is none, in whatever words.

    A name with several meanings is left out where a code of a public system says which is meant; words and codes that
    name nothing in particular ("disease", "see note") are left out always. Empty: nothing else is ever of the same.
    """
    if detail.none_known:
        return ("none known",)
    cores = {core_name(detail.name_cleaned): None} if detail.name_cleaned else {}
    cores |= {core_name(cleaned(code.display)): None for code in telling(detail.codes) if _names_it(code, detail)}
    cores = {core: None for core in cores if not empty_words(core)}
    named = [family for family in map(family_named, cores) if family]
    strong = [family for family in detail.families if not family.startswith(WEAK)]
    known = any(family.startswith(_PUBLIC) for family in (*strong, *named))
    plain = [f"name:{core}" for core in cores if not (known and meanings(core))]
    return tuple(dict.fromkeys([*strong, *named, *plain]))


def _names_it(code: Coding, detail: ProblemDetail) -> bool:
    """Whether what a code is called is a name of the problem: not that of a code for the rest, or of a place's own."""
    if not code.display or catches_the_rest(code.display):
        return False
    own = code.system not in (ICD10CM, SNOMED)
    return not own or cleaned(code.display) == detail.name_cleaned


def families(found: Sequence[Named]) -> list[list[int]]:
    """The places of those that share a family or a name, directly or through others; which goes first is that of the
    first place.

    What has a code in common that may be of several things goes together where no two of them have other words. What
    is called by a name with several meanings alone goes with the one of them that this chart has, if it has one, it can
    be read by that, and it did not begin at another time. A code of SNOMED CT that stands beside the words of two
    diseases is one that may be of several things.
    """
    found = _without_bridges(found)
    groups = Groups(len(found))
    seen = groups.by_names(one.names for one in found)
    groups.by_codes([one.weak for one in found], [one.bare for one in found])
    # What has a meaning of its own is settled; only then are short names read by it, all by the same.
    coded = [(name, groups.root(place)) for name, place in seen.items() if name.startswith("icd10cm|")]
    joins = []
    for name, place in seen.items():
        core = name.removeprefix("name:")
        meant = meanings(core)
        roots = {root: family for family, root in coded if meant and family.startswith(meant)}
        if len(roots) != 1:
            continue
        [(root, family)] = roots.items()
        # "Hepatitis" beside hepatitis B and, in words that no table knows, hepatitis C may be either.
        if any(groups.root(other) != root for other in _called_more(core, seen)):
            continue
        own, its = ([one for at, one in enumerate(found) if groups.root(at) == of] for of in (groups.root(place), root))
        may = family.startswith(readings(core)) and not (needs_its_time(core, family) and _began_apart(own, its))
        if may:
            joins.append((place, root))
    for place, meaning in joins:
        groups.join(place, meaning)
    return groups.places()


def _called_more(core: str, seen: dict[str, int]) -> list[int]:
    """The places of names that hold this one as a word and say more ("hepatitis c" of "hepatitis")."""
    held = ((name.removeprefix("name:").split(), place) for name, place in seen.items() if name.startswith("name:"))
    return [place for words, place in held if len(words) > 1 and core in words]


def _began_apart(some: Sequence[Named], others: Sequence[Named]) -> bool:
    """Whether one of these says that it began when none of the others did, all of those that say when."""
    told = [other.onset for other in others if other.onset is not None]
    return bool(told) and any(
        one.onset is not None
        and all(one.onset[0] > end + GAP_MS or start > one.onset[1] + GAP_MS for start, end in told)
        for one in some
    )


def _without_bridges(found: Sequence[Named]) -> Sequence[Named]:
    """These, with each SNOMED CT code that stands beside the words of two diseases among the codes that may be of
    several things: one of them is mistyped, and the end of one disease is not that of the other."""
    meant: dict[str, list[Meaning]] = {}
    for one in found:
        if one.meant is not None:
            for name in one.names:
                if name.startswith(_SNOMED):
                    meant.setdefault(name, []).append(one.meant)
    broken = {name: None for name, meanings in meant.items() if several_diseases(meanings)}
    return [_weakened(one, [name for name in one.names if name in broken]) for one in found] if broken else found


def _weakened(one: Named, codes: list[str]) -> Named:
    """A problem with these codes among its weak ones. Those that are called alike under one of them stay one."""
    if not codes:
        return one
    alike = [f"{code}={'+'.join(one.meant.codes) or one.meant.said}" for code in codes if one.meant is not None]
    names = (*(name for name in one.names if name not in codes), *alike)
    return msgspec.structs.replace(one, names=names, weak=(*one.weak, *codes))


def passes(detail: ProblemDetail, names: Sequence[str]) -> bool:
    """Whether what a record is of passes by itself: by its ICD-10-CM codes, else by what its name stands for."""
    coded = [code.code for code in detail.codes if code.system == ICD10CM and code.code]
    if coded:
        return all(passing(code) for code in coded)
    categories = [name.removeprefix("icd10cm|") for name in names if name.startswith("icd10cm|")]
    return bool(categories) and all(map(passing, categories))


def answers(stop: ProblemDetail, word: ProblemDetail) -> bool:
    """Whether a stop can be about what another record calls active: not where both have codes of one public system, and
    all of them differ in more than the side. Two codes under one roof may be two diseases, and one of them goes on.
    Nor where the stop has no more than a short name of several meanings ("MS"), and the other another name; nor where
    it is by its code of an attack or a complication alone; nor where one is the opposite of the other, or excludes it
    ("atrial flutter", "atrial fibrillation")."""
    if ends_apart(stop.name_cleaned, word.name_cleaned):
        return False
    mine, its = _by_system(stop), _by_system(word)
    short = core_name(stop.name_cleaned)
    if not mine and meanings(short) and short != core_name(word.name_cleaned):
        return False
    shared = [system for system in mine if system in its]
    if shared:
        return any(not mine[system].isdisjoint(its[system]) for system in shared)
    # An exacerbation, or a diabetic's ulcer, that is over: the disease goes on, where nobody calls it so too.
    codes = [code.code for code in stop.codes if code.system == ICD10CM and code.code]
    return not (codes and all(map(bout, codes))) or short == core_name(word.name_cleaned)


def _by_system(detail: ProblemDetail) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for code in telling(detail.codes):
        if code.code and code.system in (ICD10CM, SNOMED):
            found.setdefault(code.system, set()).add(sideless(code.code) if code.system == ICD10CM else code.code)
    return found
