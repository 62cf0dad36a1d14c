"""Bring the catalogues of the pages up to date with the English texts in the code.

usage: python tools/update_words.py [--check]

New texts come with an empty translation, texts whose English changed are marked fuzzy, texts that are gone go. What
is still to be done is printed; with --check nothing is written, and the end is 1 if something is to be done.
"""

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from medrec.portal import language, words

FOLDER = Path(words.__file__).resolve().parents[1] / "catalogues"


def updated(code: str, before: Catalog) -> tuple[Catalog, list[str]]:
    """The catalogue with every text of the code, and the names of those that somebody has to look at."""
    after = Catalog(
        locale=code, project="MedRec", charset="utf-8", fuzzy=False, header_comment="# The pages of MedRec."
    )
    after.creation_date = after.revision_date = None  # type: ignore[assignment]
    known = {str(message.context): message for message in before if message.id}
    waiting = []
    for group, texts in words.GROUPS.items():
        for name, text in texts.english():
            context = f"{group}.{name}"
            kept = known.get(context)
            plural = isinstance(text, tuple)
            forms = len(language.LANGUAGES[code].plurals)
            string = kept.string if kept is not None else ""
            fits = isinstance(string, tuple) == plural and (not plural or len(string) == forms)
            string = string if fits else ("",) * forms if plural else ""
            flags = {"fuzzy"} if kept is not None and fits and (kept.id != text or "fuzzy" in kept.flags) else set()
            if flags and kept is not None and kept.id == text:
                flags = set(kept.flags) & {"fuzzy"}
            after.add(text, string, context=context, flags=flags)
            if flags or not string or not all(string):
                waiting.append(context)
    return after, waiting


def written(catalogue: Catalog) -> bytes:
    """The bytes of a catalogue's file, the same for the same texts."""
    made = BytesIO()
    write_po(made, catalogue, width=120, omit_header=False, sort_output=False, ignore_obsolete=True)
    lines = made.getvalue().decode().split("\n")
    dated = ('"POT-Creation-Date', '"PO-Revision-Date', '"Generated-By', '"Report-Msgid', '"Last-Translator')
    return "\n".join(line for line in lines if not line.startswith(dated)).encode()


def main(check: bool) -> int:
    """Update every catalogue; 1 if something waits for a translator and only a check was asked for."""
    open_texts = 0
    for code in language.LANGUAGES:
        if code == language.DEFAULT:
            continue
        path = FOLDER / f"{code}.po"
        before = read_po(BytesIO(path.read_bytes()), locale=code) if path.is_file() else Catalog(locale=code)
        after, waiting = updated(code, before)
        if not check:
            FOLDER.mkdir(exist_ok=True)
            path.write_bytes(written(after))
        print(
            f"{code}: {len(after)} texts, {len(waiting)} to translate{': ' if waiting else ''}{', '.join(waiting[:12])}"
        )
        open_texts += len(waiting)
    return 1 if check and open_texts else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
