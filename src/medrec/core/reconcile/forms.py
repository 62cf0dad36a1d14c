"""Dose forms and routes in few groups: what a thing is, how it lets go of its drug, and where in the body it acts.

A drug is one row where it acts in one place: eye drops of timolol and its tablets are two medicines of a person, its
tablets and capsules are one. Words are RxNorm's dose form names and what people write for them.
"""

import re
from functools import lru_cache
from typing import NamedTuple


class Form(NamedTuple):
    """`thing`: tablet, liquid, cream ...; `release`: "immediate", "extended", "delayed"; `site`: body, eye,
    ear, nose, lung, mouth (a wash, a paste for teeth), skin, rectal, vaginal; each empty where nothing is said.
    Patches act on the whole body."""

    thing: str = ""
    release: str = ""
    site: str = ""


_RELEASE = (
    ("extended", r"extended|\ber\b|\bxr\b|\bxl\b|\bsr\b|\bcr\b|\bla\b|12 ?hr|24 ?hr|sustained|controlled|long.acting"),
    ("delayed", r"delayed|enteric|\bec\b|\bdr\b"),
)
_THINGS = (
    ("patch", r"patch|transdermal|system\b"),
    ("nebuliser", r"inhalation (?:solution|suspension)|nebuli[sz]|\bnebs?\b"),
    ("inhaler", r"inhal|inhaler|\bmdi\b|diskus|respimat|nebul|actuat|\bhfa\b|puff"),
    ("spray", r"spray"),
    ("soap", r"soap"),
    ("suppository", r"suppositor|vaginal insert"),
    ("implant", r"implant"),
    ("cream", r"cream|ointment|gel\b|lotion|topical|foam|shampoo|paste|medicated (?:pad|tape)"),
    ("drops", r"ophthalmic|otic|drops?\b"),
    ("injection", r"inject|syringe|pen\b|cartridge|\bvial\b|\biv\b|subcut|intraven|intramusc|infus|auto-?inject"),
    ("liquid", r"solution|suspension|syrup|elixir|liquid|oral concentrate|\bsoln\b|\bsusp\b|mouthwash|enema|douche"),
    ("gum", r"chewing gum|\bgum\b"),
    ("tablet", r"tab(?:let)?s?\b|cap(?:sule)?s?\b|caplet|pill|chewable|disintegrating|lozenge|film|wafer"),
    ("powder", r"powder|granul|packet|pellet"),
)
_SITES = (
    ("eye", r"ophthalmic|\beye|ocular|conjunctiv|intravitreal"),
    ("ear", r"\botic|\bear\b|auricular"),
    ("nose", r"nasal|nostril|\bnose"),
    ("lung", r"inhal|respirat|\bmdi\b|diskus|respimat|nebul|actuat|\bhfa\b|puff|pulmonary|intratracheal"),
    ("mouth", r"mouthwash|toothpaste|\bdental|periodontal|gingival|mucosal spray|mucous membrane"),
    ("vaginal", r"vagina|intrauterine|douche"),
    ("rectal", r"rectal|suppositor|enema"),
    ("body", r"transdermal|patch|sublingual|buccal|\boral|by mouth|\bpo\b|swallow|tab(?:let)?s?\b|cap(?:sule)?s?\b"
     r"|caplet|inject|subcut|intraven|intramusc|\biv\b|\bim\b|\bsc\b|\bsq\b|syringe|\bpen\b|chewable|disintegrating|pill"
     r"|cartridge|implant|gum\b"),
    ("skin", r"topical|cutaneous|\bskin|cream|ointment|lotion|shampoo|\bgel\b|foam|soap|medicated (?:pad|tape)"),
)  # fmt: skip
_ROUTE_CODES = {
    "26643006": "body", "po": "body", "oral": "body", "54485002": "eye", "46713006": "nose", "447694001": "lung",
    "418136008": "lung", "6064005": "skin", "10547007": "ear", "37161004": "rectal", "16857009": "vaginal",
    "mouth": "mouth",
    "47625008": "body", "34206005": "body", "78421000": "body", "45890007": "body", "37839007": "body",
}  # fmt: skip
_IMMEDIATE = (
    "oral tablet", "oral capsule", "oral solution", "oral suspension", "chewable tablet", "disintegrating oral tablet",
    "effervescent oral tablet", "sublingual tablet",
)  # fmt: skip
"""RxNorm's names of forms that let go at once; a typed "tab" may be any tablet."""
_COMPILED = tuple(
    tuple((name, re.compile(pattern)) for name, pattern in table) for table in (_THINGS, _RELEASE, _SITES)
)


@lru_cache(maxsize=4096)
def form_of(form: str, route: str = "", name: str = "") -> Form:
    """The groups of a dose form, a route and, where these say nothing, of what the medicine is called."""
    said, way = form.lower(), route.lower().strip()
    called = name.lower()
    thing = _first(0, said) or _first(0, called)
    release = _first(1, said) or _first(1, called) or ("immediate" if said in _IMMEDIATE else "")
    site = _ROUTE_CODES.get(way) or _first(2, way) or _first(2, said) or _first(2, called)
    return Form(thing, release, site)


def _first(table: int, words: str) -> str:
    if not words:
        return ""
    for name, pattern in _COMPILED[table]:
        if pattern.search(words):
            return name
    return ""
