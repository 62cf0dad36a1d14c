"""Which records speak of one kind of problem: those that share a code family or a name, and short names that mean one
thing in this chart."""

from collections.abc import Sequence

from medrec.core.records.problem_names import core_name, family_named, meanings, passing
from medrec.core.records.terms import ICD10CM, cleaned
from medrec.core.records.understood import ProblemDetail

_PUBLIC = ("icd10cm|", "snomed|")


def names_of(detail: ProblemDetail) -> tuple[str, ...]:
    """What a problem is found by: its code families and its core name; that there is none, in whatever words.

    A name with several meanings is left out where a code of a public system says which is meant.
    """
    if detail.none_known:
        return ("none known",)
    cores = {core_name(detail.name_cleaned): None} if detail.name_cleaned else {}
    cores |= {core_name(cleaned(code.display)): None for code in detail.codes if code.display}
    named = [family for family in map(family_named, cores) if family]
    known = any(family.startswith(_PUBLIC) for family in (*detail.families, *named))
    plain = [f"name:{core}" for core in cores if not (known and meanings(core))]
    return tuple(dict.fromkeys([*detail.families, *named, *plain]))


def families(details: Sequence[ProblemDetail]) -> list[list[int]]:
    """The places of those that share a family or a name, directly or through others; which goes first is that of the
    first place.

    What is called by a name with several meanings alone goes with the one of them that this chart has, if it has one.
    """
    parent = list(range(len(details)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    def join(one: int, other: int) -> None:
        one, other = root(one), root(other)
        parent[max(one, other)] = min(one, other)

    seen: dict[str, int] = {}
    for place, detail in enumerate(details):
        for name in names_of(detail):
            join(seen.setdefault(name, place), place)
    # What has a meaning of its own is settled; only then are short names read by it, all by the same.
    joins = []
    for name, place in seen.items():
        meant = {root(seen[family]): None for family in meanings(name.removeprefix("name:")) if family in seen}
        if len(meant) == 1:
            joins.append((place, next(iter(meant))))
    for place, meaning in joins:
        join(place, meaning)
    groups: dict[int, list[int]] = {}
    for place in range(len(details)):
        groups.setdefault(root(place), []).append(place)
    return list(groups.values())


def read_by_others(detail: ProblemDetail) -> bool:
    """Whether nothing but others in the chart says what a record is of: a name with several meanings and no more."""
    names = names_of(detail)
    return bool(names) and all(name.startswith("name:") and meanings(name[5:]) for name in names)


def passes(detail: ProblemDetail) -> bool:
    """Whether what a record is of passes by itself: by its ICD-10-CM codes, else by what its name stands for."""
    coded = [code.code for code in detail.codes if code.system == ICD10CM and code.code]
    if coded:
        return all(passing(code) for code in coded)
    named = [name.removeprefix("icd10cm|") for name in names_of(detail) if name.startswith("icd10cm|")]
    return bool(named) and all(passing(category) for category in named)
