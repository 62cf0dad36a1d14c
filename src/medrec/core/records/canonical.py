"""The one byte form of a record, and the strict reading that makes it safe to hash.

A record is raw JSON. Two readers that disagree about its meaning (which of two equal keys counts,
whether 1.0 is 1.00) would hash different records from one byte string, so everything ambiguous is
refused here, once, and the form keeps each fractional number literal exactly as it was written. The form
is named by FORM and specified in docs/spec/record.md.

The fast path is msgspec, which silently keeps the last of two equal keys and turns the integer -0 into
0. Both losses show in two counts: outside strings every member has one colon, so a dropped member lowers
the number of colons between the input and the output; a dropped sign lowers the number of hyphens.
Inside strings the two characters are copied, apart from their \\u escapes, which are counted exactly.
The counts therefore agree if and only if nothing was lost. Only when something is wrong does the slow
scanner run, to say what and where.
"""

import hashlib
import re
from typing import Any, NamedTuple, NoReturn, TypeAlias

import msgspec

from medrec.core.records.scan import DEPTH_MAX, DIGITS_MAX, Code, RecordError, place, scan

__all__ = [
    "BYTES_MAX",
    "DEPTH_MAX",
    "DIGITS_MAX",
    "FORM",
    "Canonical",
    "Code",
    "RecordError",
    "Value",
    "canonical",
    "canonical_of",
    "elements",
    "members",
]

FORM = "https://medrec.org/canonical/json-literal/1"
BYTES_MAX = 16 << 20
SCAN_MAX = 16 << 20
_SLICE = 1 << 20

Value: TypeAlias = Any
"""dict[str, Value] | list[Value] | str | int | bool | None | msgspec.Raw (a literal that is no integer)"""


class Canonical(NamedTuple):
    """A record in canonical form: `data` its bytes, `value` its tree (do not change it), `sha256` of data."""

    data: bytes
    value: Value
    sha256: bytes


def _literal(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


_decoder = msgspec.json.Decoder(float_hook=_literal)
_encoder = msgspec.json.Encoder(order="sorted")
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_DIGITS_ALIKE = bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in range(256))
_DIGITS_RUN = b"0" * (DIGITS_MAX + 1)


def canonical(raw: bytes, *, bytes_max: int = BYTES_MAX) -> Canonical:
    """The canonical form of one JSON text given as its exact bytes; RecordError for a text that is refused.

    canonical(canonical(x).data).data == canonical(x).data; texts that differ only in white space, order of
    keys or spelling of escapes have one form; all others differ.
    """
    if len(raw) > bytes_max:
        raise RecordError(Code.TOO_LARGE, f"{len(raw)} bytes, at most {bytes_max} are read; split the record")
    if len(raw) > DIGITS_MAX and _DIGITS_RUN in raw.translate(_DIGITS_ALIKE):
        scan(raw)
    try:
        value = _decoder.decode(raw)
        data = _encoder.encode(value)
    except _REFUSALS as error:
        _refuse(raw, str(error))
    colons, hyphens = raw.count(b":"), raw.count(b"-")
    if b"\\u00" in raw:
        more_colons, more_hyphens = _escaped(raw)
        colons, hyphens = colons + more_colons, hyphens + more_hyphens
    if colons != data.count(b":") or hyphens != data.count(b"-"):
        _refuse(raw, "the reader lost part of the text")
    # More brackets than levels allowed is common and harmless; only then is the depth worth a walk.
    if raw.count(b"{") + raw.count(b"[") > DEPTH_MAX and _deeper(value, DEPTH_MAX):
        _refuse(raw, f"nested deeper than {DEPTH_MAX}")
    return Canonical(data, value, hashlib.sha256(data).digest())


def canonical_of(value: Value) -> Canonical:
    """The canonical form of a tree as `canonical` returns it, or of a part of one.

    RecordError (not-a-tree) for a tree that holds anything else: a float has lost its literal.
    """
    _check_tree(value)
    try:
        data = _encoder.encode(value)
    except UnicodeEncodeError:
        raise RecordError(Code.LONE_SURROGATE, "a text holds half of a character; remove it") from None
    return Canonical(data, value, hashlib.sha256(data).digest())


def members(raw: bytes) -> dict[str, msgspec.Raw]:
    """The members of one JSON object, each value still its exact bytes and not yet read strictly.

    Splits a Bundle without reading its entries. RecordError for a text that is no JSON object or has equal
    keys at its top level; what is inside the values is for `canonical` to judge.
    """
    try:
        found = _members.decode(raw)
    except msgspec.ValidationError:
        raise RecordError(Code.NOT_JSON, "a JSON object is expected here, with { and }") from None
    except _REFUSALS as error:
        _refuse(raw, str(error))
    inner = sum(_colons(value) for value in found.values())
    if any(":" in key for key in found):
        scan(raw)
    elif raw.count(b":") != inner + len(found):
        _refuse(raw, "the reader lost part of the text", Code.DUPLICATE_KEY)
    return found


def elements(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """The elements of one JSON array that `members` found, each its exact bytes; RecordError if none."""
    try:
        return _elements.decode(raw)
    except msgspec.ValidationError:
        raise RecordError(Code.NOT_JSON, "a JSON array is expected here, with [ and ]") from None


def _colons(raw: msgspec.Raw) -> int:
    view = memoryview(raw)
    return sum(bytes(view[at : at + _SLICE]).count(b":") for at in range(0, len(view), _SLICE))


def _escaped(raw: bytes) -> tuple[int, int]:
    """How many colons and hyphens are spelled as escapes in a well-formed text."""
    # In a run of backslashes pairs count from the left, as replace does; what remains begins an escape.
    plain = raw.replace(b"\\\\", b"__")
    colons = plain.count(b"\\u003a") + plain.count(b"\\u003A")
    return colons, plain.count(b"\\u002d") + plain.count(b"\\u002D")


def _deeper(value: Value, levels: int) -> bool:
    row = [value] if type(value) is dict or type(value) is list else []
    depth = 0
    while row:
        depth += 1
        if depth > levels:
            return True
        row = [
            item
            for node in row
            for item in (node.values() if type(node) is dict else node)
            if type(item) is dict or type(item) is list
        ]
    return False


_FRACTIONAL = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)")
_PLAIN = (str, bool, type(None))


def _check_tree(value: Value) -> None:
    row, depth = [value], 0
    while row:
        below: list[Value] = []
        for item in row:
            kind = type(item)
            if kind is dict:
                if any(type(key) is not str for key in item):
                    raise RecordError(Code.NOT_A_TREE, "an object key is not text")
                below += item.values()
            elif kind is list:
                below += item
            elif kind is msgspec.Raw:
                if not _FRACTIONAL.fullmatch(bytes(item)):
                    raise RecordError(Code.NOT_A_TREE, "raw bytes in a tree are not a number literal")
            elif kind is int:
                if abs(item) >= 10**DIGITS_MAX:
                    raise RecordError(Code.NUMBER_TOO_LONG, f"an integer has more than {DIGITS_MAX} digits")
            elif kind not in _PLAIN:
                raise RecordError(Code.NOT_A_TREE, f"{kind.__name__} cannot stand in a record; keep literals")
        depth += any(type(item) is dict or type(item) is list for item in row)
        if depth > DEPTH_MAX:
            raise RecordError(Code.TOO_DEEP, f"nested deeper than {DEPTH_MAX} levels")
        row = below


def _refuse(raw: bytes, reason: str, code: Code = Code.NOT_JSON) -> NoReturn:
    """Find the fault that the fast path noticed and raise it with its place."""
    if len(raw) > SCAN_MAX:
        _refuse_large(raw, reason, code)
    scan(raw)
    raise RecordError(Code.PARSER, f"the reader refuses this text ({reason}); please report it")


def _refuse_large(raw: bytes, reason: str, code: Code) -> NoReturn:
    """The same from the reader's own words: scanning hundreds of megabytes would take minutes."""
    if "recursion" in reason:
        raise RecordError(Code.TOO_DEEP, "nested far too deep; send a flatter text")
    if "truncated" in reason:
        line, column = place(raw, len(raw))
        raise RecordError(Code.TRUNCATED, "the text ends too early; send the whole of it", line, column)
    if code is Code.DUPLICATE_KEY:
        raise RecordError(code, "a key stands twice at the top level; keep one", 1, 1)
    found = re.search(r"\(byte (\d+)\)", reason)
    line, column = place(raw, int(found[1])) if found else (0, 0)
    raise RecordError(code, "this is not JSON; correct it at the source", line, column)
