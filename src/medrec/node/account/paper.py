"""Secrets that people keep on paper: as pronounceable words with a check word, and as a QR code.

Sixteen bits are one word of five letters, consonant and vowel in turn (proquints, arXiv 0901.4016), so the words are
the same in every language and are read over the telephone. The last word is a checksum: a slip of the pen is told, not
tried.
"""

import hashlib
import io

import segno

from medrec.core import ladder
from medrec.node.keeping.keys import PersonKey

CODE_BYTES, VIEW_BYTES = 16, 32
_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aiou"


class PaperError(ValueError):
    """What was typed is no code; the text is one sentence that says what to look at."""


def to_words(secret: bytes, whose: str = "") -> str:
    """A secret of an even number of bytes as words, the check word last; with `whose`, it fits this account alone."""
    if not secret or len(secret) % 2:
        raise ValueError("a secret on paper has an even number of bytes")
    whole = secret + _check(secret, whose)
    return " ".join(_word(int.from_bytes(whole[at : at + 2], "big")) for at in range(0, len(whole), 2))


def from_words(text: str, size: int = CODE_BYTES, whose: str = "") -> bytes:
    """The secret in words as somebody typed them, on a sheet of the account `whose`. Raises PaperError."""
    words = text.lower().replace("-", " ").split()
    if len(words) != size // 2 + 1:
        raise PaperError(f"The code has {size // 2 + 1} words; there are {len(words)}.")
    whole = b"".join(_number(position, word).to_bytes(2, "big") for position, word in enumerate(words, 1))
    secret, check = whole[:-2], whole[-2:]
    if _check(secret, whose) != check:
        raise PaperError("One of the words is not as it stands on the paper; compare them one by one.")
    return secret


def paper_key(code: bytes) -> PersonKey:
    """The key that a paper code is: Ed25519 from SHA-256("medrec/paper-code/1" || code)."""
    if len(code) != CODE_BYTES:
        raise ValueError(f"a paper code has {CODE_BYTES} bytes")
    return PersonKey.from_seed(hashlib.sha256(b"medrec/paper-code/1" + code).digest())


def paper_hash(code: bytes) -> bytes:
    """What the ledger holds of a paper code."""
    return ladder.paper_hash(paper_key(code).public)


def qr_svg(text: str) -> str:
    """A QR code as an SVG, level M, in black whatever the page's colours are; a narrow page shrinks it as a whole."""
    out, code = io.BytesIO(), segno.make(text, error="m")
    code.save(out, kind="svg", scale=4, border=4, dark="#000000", light="#ffffff", xmldecl=False, svgns=True, nl=False)
    side = code.symbol_size(scale=4, border=4)[0]
    return out.getvalue().decode().replace("<svg ", f'<svg viewBox="0 0 {side} {side}" ', 1)


def _check(secret: bytes, whose: str) -> bytes:
    # Two people of one household keep two sheets in one drawer: the words of one are not taken for the other's.
    return hashlib.sha256(b"medrec/paper-check/1" + secret + whose.encode()).digest()[:2]


def _word(number: int) -> str:
    c, v = _CONSONANTS, _VOWELS
    return c[number >> 12] + v[number >> 10 & 3] + c[number >> 6 & 15] + v[number >> 4 & 3] + c[number & 15]


def _number(position: int, word: str) -> int:
    number = 0
    letters = (_CONSONANTS, _VOWELS, _CONSONANTS, _VOWELS, _CONSONANTS)
    if len(word) != 5 or any(letter not in allowed for letter, allowed in zip(word, letters, strict=True)):
        raise PaperError(f"Word {position} is not as it stands on the paper.")
    for letter, allowed in zip(word, letters, strict=True):
        number = number * len(allowed) + allowed.index(letter)
    return number
