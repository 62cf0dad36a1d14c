"""The form of signed notes, good and broken."""

import pytest

from medrec.core import note as notes


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAA=",
        b"text\n\xe2\x80\x94 name AAAAAAA=\n",
        b"text\n\n- name AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 name AAAAAA==\n",
        b"text\n\n\xe2\x80\x94 na+me AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 na\xc2\xa0me AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94  AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAB=\n",
        b"te\rxt\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"te\xffxt\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"text\n\n" + b"\xe2\x80\x94 name AAAAAAA=\n" * 257,
    ],
)
def test_note_form(data: bytes) -> None:
    good = b"te\n\nxt\n\n\xe2\x80\x94 name AAAAAAA=\n"
    assert notes.parse_note(good) == notes.Note(b"te\n\nxt\n", (notes.SignatureLine("name", bytes(4), b"\x00"),))
    assert notes.render_note(notes.parse_note(good)) == good
    with pytest.raises(notes.NoteError):
        notes.parse_note(data)


def test_a_text_that_would_swallow_its_signatures_is_not_rendered() -> None:
    line = notes.SignatureLine("name", bytes(4), b"\x00")
    for text in (b"no newline", b"", b"bell\x07\n"):
        with pytest.raises(notes.NoteError):
            notes.render_note(notes.Note(text, (line,)))
