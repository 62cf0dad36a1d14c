"""Every note that a reader may leave is documented, and each can be left."""

from pathlib import Path

import pytest

from medrec.core.records.understood import NoteCode

SPEC = Path(__file__).resolve().parents[3] / "docs" / "spec" / "records-understood.md"


@pytest.mark.parametrize("code", list(NoteCode))
def test_every_note_has_a_heading(code: NoteCode) -> None:
    assert f"\n### {code.value}\n" in SPEC.read_text(encoding="utf-8")
