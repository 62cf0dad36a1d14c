"""Bytes to values and back, one byte form each: deterministic CBOR for the ledger, canonical JSON for manifests.

The ledger profile is RFC 8949 section 4.2.1 narrowed: maps with text keys, integers within 64 bits, byte and text
strings, arrays, true, false and null. No floats, tags, bignums or indefinite lengths. A decoder that is lenient is a
hole through which one statement gets two hashes, so `decode` re-encodes and refuses every byte string that is not
the one form.

Manifests are canonical JSON: keys sorted, no white space, integers below 2^53 and texts, so that RFC 8785 and this
form agree byte for byte.
"""

import io
from typing import Any, TypeAlias

import cbor2
import msgspec

Value: TypeAlias = Any
"""int | bytes | str | bool | None | list[Value] | dict[str, Value]"""

DEPTH_MAX = 8
BYTES_MAX = 1 << 20
INTEGER_MIN, INTEGER_MAX = -(1 << 63), (1 << 63) - 1
JSON_INTEGER_MAX = (1 << 53) - 1
JSON_BYTES_MAX = 1 << 20
JSON_DEPTH_MAX = 32

_json_encoder = msgspec.json.Encoder(order="sorted")
_json_decoder = msgspec.json.Decoder()


class CodecError(ValueError):
    """The bytes are not the one form this profile allows; the message says why."""


def encode(value: Value) -> bytes:
    """The deterministic CBOR form of a value. Raises CodecError for a value outside the profile."""
    _check(value, DEPTH_MAX)
    # For text keys the length-first order of cbor2 equals the bytewise order of RFC 8949.
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes, *, bytes_max: int = BYTES_MAX) -> Value:
    """The value of a deterministic CBOR form.

    Raises CodecError for anything else: over `bytes_max`, trailing bytes, another form of the same value, a type
    outside the profile, nesting deeper than DEPTH_MAX. encode(decode(x)) == x for every x that is not refused.
    """
    if len(data) > bytes_max:
        raise CodecError(f"{len(data)} bytes are more than the {bytes_max} allowed")
    try:
        value = cbor2.CBORDecoder(io.BytesIO(data), max_depth=DEPTH_MAX + 1, allow_indefinite=False).decode()
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError, EOFError) as error:
        raise CodecError("the bytes are not CBOR of this profile") from error
    if encode(value) != data:
        raise CodecError("the bytes are not the deterministic form of their value")
    return value


def _check(value: Value, depth: int) -> None:
    kind = type(value)
    if kind is bytes or kind is str or kind is bool or value is None:
        if kind is str:
            _check_text(value)
        return
    if kind is int:
        if not INTEGER_MIN <= value <= INTEGER_MAX:
            raise CodecError("an integer is outside 64 bits")
        return
    if depth == 0:
        raise CodecError(f"nesting is deeper than {DEPTH_MAX}")
    if kind is list:
        for item in value:
            _check(item, depth - 1)
        return
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise CodecError("a map key is not text")
            _check_text(key)
            _check(item, depth - 1)
        return
    raise CodecError(f"the type {kind.__name__} has no place on the ledger")


def _check_text(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise CodecError("a text holds a lone surrogate") from error


def encode_json(value: Value) -> bytes:
    """The canonical JSON form of a manifest or genesis document. Raises CodecError outside the profile."""
    _check_json(value, JSON_DEPTH_MAX)
    return _json_encoder.encode(value)


def decode_json(data: bytes) -> Value:
    """The value of canonical JSON bytes; raises CodecError for any other form of it."""
    if len(data) > JSON_BYTES_MAX:
        raise CodecError(f"{len(data)} bytes are more than the {JSON_BYTES_MAX} allowed")
    try:
        value = _json_decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise CodecError("the bytes are not JSON") from error
    if encode_json(value) != data:
        raise CodecError("the bytes are not the canonical form of their value")
    return value


def _check_json(value: Value, depth: int) -> None:
    kind = type(value)
    if kind is bool or value is None:
        return
    if kind is str:
        _check_text(value)
        return
    if kind is int:
        if not -JSON_INTEGER_MAX <= value <= JSON_INTEGER_MAX:
            raise CodecError("an integer is not below 2^53")
        return
    if depth == 0:
        raise CodecError(f"nesting is deeper than {JSON_DEPTH_MAX}")
    if kind is list:
        for item in value:
            _check_json(item, depth - 1)
        return
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise CodecError("an object key is not text")
            _check_text(key)
            _check_json(item, depth - 1)
        return
    raise CodecError(f"the type {kind.__name__} has no place in a manifest")
