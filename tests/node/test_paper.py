"""Secrets on paper: words that come back as they were, slips that are told, a QR code that a camera reads."""

import re

import pytest
import segno
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from medrec.node.account import paper
from medrec.node.account.paper import PaperError


@given(st.binary(min_size=2, max_size=32).filter(lambda data: len(data) % 2 == 0))
def test_words_come_back_as_the_secret(secret: bytes) -> None:
    words = paper.to_words(secret)
    assert paper.from_words(words, len(secret)) == secret
    assert paper.from_words(words.upper().replace(" ", "-"), len(secret)) == secret
    assert all(
        re.fullmatch("[bdfghjklmnprstvz][aiou][bdfghjklmnprstvz][aiou][bdfghjklmnprstvz]", w) for w in words.split()
    )


@given(st.binary(min_size=16, max_size=16), st.integers(0, 8), st.integers(0, 65_535))
def test_a_wrong_word_is_told(secret: bytes, place: int, other: int) -> None:
    words = paper.to_words(secret).split()
    wrong = paper.to_words(other.to_bytes(2, "big")).split()[0]
    if words[place] == wrong:
        return
    words[place] = wrong
    try:
        found = paper.from_words(" ".join(words))
    except PaperError:
        return
    # One in 65,536 slips is another code's checksum; it is never taken for the right one.
    assert found != secret


def test_two_words_in_each_other_s_place_are_told() -> None:
    words = paper.to_words(bytes(range(16))).split()
    words[0], words[1] = words[1], words[0]
    with pytest.raises(PaperError):
        paper.from_words(" ".join(words))


@pytest.mark.parametrize("text", ["", "lusab", "lusab " * 9, "xxxxx " * 9, "lusa1 " * 9, "lusáb " * 9])
def test_what_is_no_code_is_said_to_be_none(text: str) -> None:
    with pytest.raises(PaperError) as no:
        paper.from_words(text)
    assert str(no.value).endswith(".")


def test_a_code_has_128_bits_and_a_key_that_follows_from_it() -> None:
    assert len(paper.to_words(bytes(16)).split()) == 9
    assert paper.paper_hash(bytes(16)) == paper.paper_hash(bytes(16)) != paper.paper_hash(bytes([1]) * 16)
    with pytest.raises(ValueError):
        paper.paper_key(bytes(8))
    with pytest.raises(ValueError):
        paper.to_words(bytes(3))


def test_the_qr_code_is_read_back() -> None:
    words = paper.to_words(bytes(range(16)))
    svg = paper.qr_svg(words)
    assert svg.startswith("<svg") and "http" not in svg.replace("http://www.w3.org", "")
    rows = [[0 if dark else 255 for dark in row] for row in segno.make(words, error="m").matrix_iter(scale=6, border=8)]
    image = memoryview(bytes(pixel for row in rows for pixel in row)).cast("B", [len(rows), len(rows[0])])
    assert zxingcpp.read_barcodes(image)[0].text == words
