"""Write which sign of which ICD-10-CM code is that of its side: usage: tools/build_icd_signs.py ICD10CM_CSV

ICD10CM_CSV (code,billable,description,release; gzipped) is the classification of CDC/NCHS and CMS. What is a side is
told by the titles alone: two codes that differ in one sign and whose titles differ in "right" and "left" alone.
"""

import csv
import gzip
import re
import sys
import textwrap
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "src" / "medrec" / "core" / "records" / "icd_signs.py"
SIDE = re.compile(r"\b(right|left)\b", re.IGNORECASE)
# Which side is the dominant one is no other illness: a place may well not know.
NO_WORDS = re.compile(r"\b(?:right|left|bilateral|unspecified|(?:non-?)?dominant)\b|,", re.IGNORECASE)
BOTH = re.compile(r"\b(?:bilateral|both)\b", re.IGNORECASE)
PLACE = re.compile(r"\b(?:right|left) (?:upper|lower) quadrant", re.IGNORECASE)
FILLERS = frozenset({"", "the", "of", "and", "a", "an", "in", "part", "site", "side"})
ANY_OF_SEVERAL = re.compile(r"\bunspecified (?:finger|toe|metacarpal|metatarsal)", re.IGNORECASE)
"""One of several that have signs of their own: "middle phalanx of unspecified finger" is not of the middle finger."""
DIGITS = "0123456789"
WHOLE = 7
"""Signs of a code that has all of them."""
HEAD = '''"""The signs of ICD-10-CM codes that tell a side, as the titles of the classification have it.

Written by tools/build_icd_signs.py; do not edit by hand. Before the colon what the signs mean: 1R2L9U says that 1 is
right, 2 left, 9 not said, B both; "/" stands between signs that are of different things (displaced or not, one finger
or the next). Behind it the codes, without the point and with "-" in the place of the sign.
"""

SIGNS = """
'''

Meaning = dict[str, str]


def side_of(title: str) -> str:
    """ "right" or "left" where a title says one of them alone; a quadrant is a place, and both sides are none."""
    if BOTH.search(title) or PLACE.search(title):
        return ""
    found = {match.lower() for match in SIDE.findall(title)}
    return found.pop() if len(found) == 1 else ""


def without(title: str) -> str:
    """A title without the words for a side."""
    return " ".join(NO_WORDS.sub("", title.lower()).split())


def pairs(titles: dict[str, str]) -> dict[str, dict[str, Meaning]]:
    """Code with "-" for the sign -> what it is of -> sign -> R or L."""
    found: dict[str, dict[str, Meaning]] = {}
    for code, title in sorted(titles.items()):
        if side_of(title) != "right":
            continue
        for place in range(3 if len(code) < WHOLE else WHOLE - 1, len(code)):
            for digit in DIGITS:
                other = titles.get(code[:place] + digit + code[place + 1 :], "")
                if side_of(other) == "left" and without(other) == without(title):
                    of = found.setdefault(code[:place] + "-" + code[place + 1 :], {}).setdefault(without(title), {})
                    of |= {code[place]: "R", digit: "L"}
    return found


def add_the_others(found: dict[str, dict[str, Meaning]], titles: dict[str, str]) -> None:
    """The signs for both sides and for none said: of the thing that has the same words, those for both also of the one
    thing that there is. An unspecified finger is not the ring finger, and an anus no buttock."""
    for stem, things in found.items():
        same = {likened(thing): thing for thing in things}
        for digit in DIGITS:
            title = titles.get(stem.replace("-", digit), "")
            said = "B" if BOTH.search(title) else "U" if "unspecified" in title.lower() else ""
            if said and not any(digit in meaning for meaning in things.values()):
                thing = same.get(likened(title), next(iter(things)) if said == "B" and len(things) == 1 else "")
                if thing and not (len(things) > 1 and ANY_OF_SEVERAL.search(title)):
                    things[thing][digit] = said


def likened(title: str) -> frozenset[str]:
    """The words of a title that say of what it is, without their plural."""
    words = (word.strip("()[];:") for word in without(title).split())
    return frozenset(word.removesuffix("s").removesuffix("ie").removesuffix("y") for word in words) - FILLERS


def main() -> None:
    """Build and write the module."""
    with gzip.open(sys.argv[1], "rt", encoding="utf-8", newline="") as file:
        rows = {row["code"].replace(".", ""): row["description"] for row in csv.DictReader(file)}
    # A seventh sign is of a visit or a stage, and the six before it have a title of their own, or it is that of a side.
    titles = {code: title for code, title in rows.items() if 4 <= len(code) <= WHOLE}
    found = pairs(titles)
    add_the_others(found, titles)
    kinds: dict[str, list[str]] = {}
    for stem, things in sorted(found.items()):
        said = ("".join(sign + thing[sign] for sign in sorted(thing)) for thing in things.values())
        kinds.setdefault("/".join(sorted(said)), []).append(stem)
    lines = [f"{kind}: {' '.join(stems)}" for kind, stems in sorted(kinds.items())]
    wrapped = ["\n".join(textwrap.wrap(line, 118, break_on_hyphens=False, subsequent_indent=" ")) for line in lines]
    TARGET.write_text(HEAD + "\n".join(wrapped) + '\n"""\n', encoding="utf-8")
    print(len(found), TARGET.stat().st_size)


if __name__ == "__main__":
    main()
