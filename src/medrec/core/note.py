"""Signed notes (c2sp.org/signed-note): a text, an empty line, signature lines.

    medrec/6f0c...                      the text, here a checkpoint; every line ends in a newline

    — medrec/clinic-a jWbPPwAAAA...     em dash, key name, base64(4-byte key id || signature bytes)

A note says who claims to have signed; core/checkpoint.py says what each signature type signs and verifies it. One
accepted form: what a parser returns renders to the very bytes it read. Errors are NoteError.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from medrec.core.crypto import ED25519_PUBLIC_BYTES, MLDSA44_PUBLIC_BYTES

NOTE_ED25519, COSIGNATURE_ED25519, COSIGNATURE_MLDSA44 = 0x01, 0x04, 0x06
"""The signature types known here: the plain signature of a log, and the two cosignatures."""

NOTE_BYTES_MAX = 1 << 20
SIGNATURES_MAX = 256
KEY_ID_BYTES = 4
INTEGER_MAX = (1 << 63) - 1

_SIGNATURE_MARK = "— "
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_PUBLIC_BYTES = {
    NOTE_ED25519: ED25519_PUBLIC_BYTES,
    COSIGNATURE_ED25519: ED25519_PUBLIC_BYTES,
    COSIGNATURE_MLDSA44: MLDSA44_PUBLIC_BYTES,
}


class NoteError(ValueError):
    """A note, checkpoint, cosignature or proof is malformed or does not verify; the message says why."""


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature of a note: key name, 4-byte key id, and the bytes behind it."""

    name: str
    key_id: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text (UTF-8, its last byte a newline) and at least one signature line. Parsed is not yet verified."""

    text: bytes
    signatures: tuple[SignatureLine, ...]


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key that a reader trusts under a name. Raises NoteError for a bad name, type or key length."""

    name: str
    algorithm: int
    public: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if _PUBLIC_BYTES.get(self.algorithm) != len(self.public):
            raise NoteError(f"{len(self.public)} bytes are no key of signature type {self.algorithm:#04x}")

    @property
    def key_id(self) -> bytes:
        """The 4 bytes in front of this key's signatures."""
        return note_key_id(self.name, self.algorithm, self.public)

    def vkey(self) -> str:
        """The key as text: name+key id+base64(type || public key)."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes((self.algorithm,)) + self.public)}"


def parse_vkey(text: str) -> NoteKey:
    """A key from its text form. Raises NoteError also for a key id that is not the computed one."""
    parts = text.split("+", 2)  # base64 may hold further plus signs
    if len(parts) != 3:
        raise NoteError("a verifier key has three parts joined by +")
    material = from_base64(parts[2])
    key = NoteKey(parts[0], material[0] if material else 0, material[1:])
    if key.vkey() != text:
        raise NoteError(f"the key id of {key.name} is {key.key_id.hex()}, not {parts[1]}")
    return key


def note_key_id(name: str, algorithm: int, public: bytes) -> bytes:
    """SHA-256(name || newline || type byte || public key)[:4]. A label, not a commitment: 4 bytes collide."""
    return hashlib.sha256(name.encode() + b"\n" + bytes((algorithm,)) + public).digest()[:KEY_ID_BYTES]


def parse_note(data: bytes) -> Note:
    """A signed note from its bytes. Raises NoteError for everything c2sp.org/signed-note does not allow."""
    if len(data) > NOTE_BYTES_MAX:
        raise NoteError(f"a note of {len(data)} bytes is longer than {NOTE_BYTES_MAX}")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise NoteError("the note is not UTF-8") from error
    if _CONTROL.search(text):
        raise NoteError("the note holds a control character other than newline")
    split = text.rfind("\n\n")
    if split < 0 or not text.endswith("\n"):
        raise NoteError("the note has no empty line before its signatures, or does not end its last line")
    lines = text[split + 2 :].split("\n")[:-1]
    if not 1 <= len(lines) <= SIGNATURES_MAX:
        raise NoteError(f"the note has {len(lines)} signatures; 1 to {SIGNATURES_MAX} are allowed")
    return Note(text[: split + 1].encode(), tuple(_parse_signature(line) for line in lines))


def render_note(note: Note) -> bytes:
    """The bytes of a note; parse_note gives it back. Raises NoteError if it would not."""
    data = note.text + b"\n" + b"".join(render_signature(line) for line in note.signatures)
    if parse_note(data) != note:
        raise NoteError("the text is not the text of a note")
    return data


def render_signature(line: SignatureLine) -> bytes:
    """One signature line with its newline."""
    return f"{_SIGNATURE_MARK}{line.name} {to_base64(line.key_id + line.payload)}\n".encode()


def _parse_signature(line: str) -> SignatureLine:
    name, space, encoded = line.removeprefix(_SIGNATURE_MARK).partition(" ")
    if not line.startswith(_SIGNATURE_MARK) or not space:
        raise NoteError("a signature line is not an em dash, a name and base64")
    _check_name(name)
    content = from_base64(encoded)
    if len(content) <= KEY_ID_BYTES:
        raise NoteError(f"the signature of {name} is empty")
    return SignatureLine(name, content[:KEY_ID_BYTES], content[KEY_ID_BYTES:])


def _check_name(name: str) -> None:
    if not name or "+" in name or any(char.isspace() for char in name) or _CONTROL.search(name):
        raise NoteError("a key name is empty or holds a space, a plus or a control character")


# --- the bytes of texts -------------------------------------------------------------------------------------


def parse_decimal(what: str, text: str) -> int:
    """A number of 0 to 2^63 - 1 from its digits without leading zeros; `what` names it in the NoteError."""
    if not _DECIMAL.fullmatch(text) or int(text) > INTEGER_MAX:
        raise NoteError(f"the {what} is not a decimal number of 0 to 2^63 - 1 without leading zeros")
    return int(text)


def to_base64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648 section 4)."""
    return base64.b64encode(data).decode()


def from_base64(text: str) -> bytes:
    """The bytes of a base64 text. Raises NoteError unless `to_base64` gives the same text back."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("a text is not base64") from error
    if to_base64(data) != text:  # stray bits in the last digit: another text of the same bytes
        raise NoteError("a text is not base64 in its one form")
    return data
