"""The names that ICD-10-CM itself gives to diseases (titles, short titles, inclusion terms), as keys to find a code.

What somebody typed in just such words is of that code. A key is a name without its side and its words that say nothing.
What stands in parentheses is nonessential, as the classification calls it: it may be there or not. A name of two
diseases names none.
"""

import re
from collections.abc import Iterable

from medrec.core.records.general import empty_words
from medrec.core.records.icd_families import catches_the_rest, family
from medrec.core.records.problem_names import core_name, family_named, meanings
from medrec.core.records.problem_words import spoken
from medrec.core.records.terms import cleaned

_NONESSENTIAL = re.compile(r"\s*\([^()]{0,80}\)")
_BRACKETS = re.compile(r"\s*\[[^\[\]]{0,80}\]")
_DISEASES = frozenset("ABCDEFGHIJKLMNQR")
"""Chapters of diseases and complaints; births, pregnancies and injuries go by the visit, and the rest are causes and
reasons for one."""
_KEY_MAX = 80
"""Nobody types more."""


def official_keys(name: str) -> tuple[str, ...]:
    """The keys of a name, each once: with what stands in parentheses and without it."""
    plain = _BRACKETS.sub(" ", cleaned(name))
    both = (_NONESSENTIAL.sub(" ", plain), plain.replace("(", " ").replace(")", " "))
    return tuple({core_name(cleaned(one)): None for one in both if one.strip()})


def settled(rows: Iterable[tuple[str, str, bool, str]]) -> dict[str, str]:
    """Key -> code, of (code, title, whether it has codes below it, one of its names).

    Left out: names of more than one disease, codes for the rest, what our own short table knows or takes for several,
    and names that say a standing ("old ..."). Of a category and the code of its unspecified kind the latter is meant.
    """
    found: dict[str, dict[bool, dict[str, str]]] = {}
    for code, title, above, name in rows:
        if code[:1] not in _DISEASES or catches_the_rest(title) or spoken(name).standing:
            continue
        for key in official_keys(name):
            if 2 < len(key) <= _KEY_MAX and not (empty_words(key) or meanings(key) or family_named(key)):
                ofs = found.setdefault(key, {}).setdefault(above, {})
                ofs[family(code)] = min(ofs.get(family(code), code), code)
    kept = {key: ofs.get(False) or ofs[True] for key, ofs in found.items()}
    return {key: next(iter(kept[key].values())) for key in sorted(kept) if len(kept[key]) == 1}
