"""Make the ordinary words of the labelling rules: usage: tools/build_ordinary_words.py ICD10CM ICD9CM PCS CIE10

ICD10CM is a table with `code` and `description` (gzip; CDC/NCHS), ICD9CM the list of diagnoses with long titles as CMS
publishes it (CMS32_DESC_LONG_DX.txt: code, blanks, title), PCS are titles of procedures (ICD-9-CM volume 3 without
obstetrics and psychiatry, ICD-10-PCS; CMS), one a line with its code before a tab, CIE10 is a table with `code` and
`description` of ICD-10 in Spanish. All titles are public; single words are taken from them, no title.

A word is ordinary if it stands in titles of illnesses, injuries and procedures that no rule labels, and at most as
often in others. HELD are never ordinary, in the singular and the plural: by themselves or beside other ordinary words
they may say what somebody would hide. READ were read one by one: names of laboratories, of visits and of bills. EMPTY
were read among the words that stand in many chapters: by themselves they say neither which illness, medicine, test
nor procedure it is. The same input gives the same bytes.
"""

import csv
import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from medrec.core.consent.labels import Labeller
from medrec.core.consent.spelling import words_of
from medrec.core.consent.systems import ICD9
from medrec.core.records.terms import ICD10CM

TARGET = Path(__file__).resolve().parent.parent / "src" / "medrec" / "core" / "consent" / "labels.json"
LISTS = Path(__file__).resolve().parent / "ordinary_words.json"
_SAID_ELSEWHERE = ("R44", "R45", "R46", "R75", "R78", "T74", "T76")


def is_bodily(code: str) -> bool:
    """Whether a code of ICD-10 or ICD-9-CM is of an illness or injury of the body: neither a disorder of the mind, a
    pregnancy or birth, a poisoning, nor a cause or a reason for a visit."""
    block = code[:3]
    if block[0].isdigit():
        return not ("290" <= block <= "319" or "630" <= block <= "679" or "760" <= block <= "779") and block < "960"
    return block[0] in "ABCDEGHIJKLMNQRST" and not "T36" <= block <= "T65" and block not in _SAID_ELSEWHERE


def counted(labeller: Labeller, rows: Iterator[tuple[str, str, str]]) -> tuple[Counter[str], Counter[str]]:
    """How often each word stands in titles that say nothing, and in others; of (system, code, title)."""
    ordinary, others = Counter[str](), Counter[str]()
    for system, code, title in rows:
        met = labeller.numbers_of_text(title) or (system and labeller.numbers_of_code(system, code))
        words = {word.casefold() for word in words_of(title)}
        (others if met or (system and not is_bodily(code)) else ordinary).update(words)
    return ordinary, others


def written(words: set[str]) -> list[str]:
    """Words as they stand in the file, those of one letter on a line."""
    by_letter: dict[str, list[str]] = {}
    for word in sorted(words):
        by_letter.setdefault(word[0], []).append(word)
    return [" ".join(by_letter[letter]) for letter in sorted(by_letter)]


def member(name: str, words: set[str]) -> str:
    """A member of the file that holds words."""
    body = ",\n".join(f"    {json.dumps(line)}" for line in written(words))
    return f'  "{name}": [\n{body}\n  ]'


def main() -> None:
    """Write the words into the file of rules."""
    icd10, icd9, procedures, spanish = map(Path, sys.argv[1:])
    text = TARGET.read_text(encoding="utf-8")
    labeller = Labeller(text.encode())
    lists = json.loads(LISTS.read_text(encoding="utf-8"))
    named = {word.casefold() for line in lists["held"] for word in words_of(line)}
    # A word is read in the singular and the plural alike: "voice" would clear "voices".
    held = {form for word in named for form in (word, f"{word}s", word.removesuffix("s"))}
    stems = tuple(word.casefold() for line in lists["held_beginnings"] for word in words_of(line))
    read = {word.casefold() for line in lists["read"] for word in words_of(line)}
    kept = set(read)
    with gzip.open(icd10, "rt", encoding="utf-8") as english, spanish.open(encoding="utf-8") as other:
        rows = [(ICD10CM, row["code"], row["description"]) for row in csv.DictReader(english)]
        rows_es = [(ICD10CM, row["code"], row["description"]) for row in csv.DictReader(other)]
    titles = (line.partition(" ") for line in icd9.read_text(encoding="utf-8").splitlines())
    rows += [(ICD9, code, title) for code, _, title in titles]
    lines = (line.partition("\t") for line in procedures.read_text(encoding="utf-8").splitlines())
    rows += [("", code, title) for code, _, title in lines if code[:1] not in ("1", "G", "H")]
    for one in (rows, rows_es):
        ordinary, others = counted(labeller, iter(one))
        kept |= {word for word in ordinary if ordinary[word] >= others[word] and word.isalpha() and len(word) > 3}
    kept = {word for word in kept if word not in held and (word in read or not word.startswith(stems))}
    before = text[: text.index('  "empty": [')].rstrip().rstrip(",")
    empty = {word for line in lists["empty"] for word in words_of(line)} & kept
    TARGET.write_text(f"{before},\n{member('empty', empty)},\n{member('ordinary', kept)}\n}}\n", encoding="utf-8")
    print(f"{len(kept)} words, of which {len(empty)} say too little")


if __name__ == "__main__":
    main()
