"""Stages of a disease, as codes and names tell them: "3a" of N18.31 and of "CKD stage IIIa"."""

import re
from collections.abc import Iterable
from functools import lru_cache

from medrec.core.records.problem_names import core_name

_STAGED = re.compile(r"\bstage (\d[a-d]?)\b|\b(?:ckd|chronic kidney disease) (?:stage )?g?(\d[ab]?)\b")
_KIDNEY = re.compile(r"N18\.?(?:3([12])|([1-6]))")
_LAST = re.compile(r"\bend[ -]stage\b|\besrd\b")
LAST = "end"
"""The last of all, whatever number it has."""


def stages(codes: Iterable[str], words: Iterable[str]) -> tuple[str, ...]:
    """The stages that the ICD-10-CM codes of a problem tell (N18, chronic kidney disease), else its words (lower case),
    sorted; empty where nothing does."""
    coded = [found for code in codes if (found := _KIDNEY.match(code.upper())) is not None]
    told = {_of_code(found): None for found in coded} or {stage: None for one in words for stage in _said(one)}
    return tuple(sorted(told))


def _of_code(found: re.Match[str]) -> str:
    part, whole = found[1], found[2]
    return f"3{'ab'[int(part) - 1]}" if part else LAST if whole == "6" else whole


@lru_cache(maxsize=4096)
def _said(words: str) -> tuple[str, ...]:
    if _LAST.search(words):
        return (LAST,)
    return tuple(first or second for first, second in _STAGED.findall(core_name(words)))


def differ(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two problems are told at different stages; "3" may be 3a, and what tells none may be at any."""
    return bool(one) and bool(other) and not any(a.startswith(b) or b.startswith(a) for a in one for b in other)
