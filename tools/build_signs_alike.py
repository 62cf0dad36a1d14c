"""Write which letters look like Latin ones: usage: tools/build_signs_alike.py CONFUSABLES_JSON

CONFUSABLES_JSON is the file of the package confusable-homoglyphs on PyPI (3.3.1), made of Unicode's confusables.txt
(Unicode Technical Standard 39). Taken are the letters of alphabets that look alike; others are caught as they are.
"""

import json
import sys
import textwrap
import unicodedata
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "src" / "medrec" / "core" / "signs_alike.py"
ALIKE = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC"})
HEAD = '''"""Letters that look like Latin ones, after Unicode's confusables.txt (Unicode Technical Standard 39).

Written by tools/build_signs_alike.py; do not edit by hand. First the Latin letter, then those that look like it.
"""

# ruff: noqa: RUF001
ALIKE = """
'''


def is_taken(sign: str) -> bool:
    """Whether a sign is a letter of these alphabets, and none that has an ASCII letter in it by itself."""
    if len(sign) != 1 or not sign.isalpha() or unicodedata.normalize("NFKD", sign)[0].isascii():
        return False
    return unicodedata.name(sign, "").partition(" ")[0] in ALIKE


def main() -> None:
    """Build and write the module."""
    found: dict[str, set[str]] = {}
    for sign, others in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")).items():
        latin = [
            other["c"] for other in others if len(other["c"]) == 1 and other["c"].isascii() and other["c"].isalpha()
        ]
        if is_taken(sign) and latin:
            found.setdefault(min(latin), set()).add(sign)
    lines = [letter + "".join(sorted(signs)) for letter, signs in sorted(found.items())]
    TARGET.write_text(HEAD + "\n".join(textwrap.wrap(" ".join(lines), 118)) + '\n"""\n', encoding="utf-8")
    print(len(found), TARGET.stat().st_size)


if __name__ == "__main__":
    main()
