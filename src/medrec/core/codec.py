"""Bytes to values and back, one byte form each: deterministic CBOR for the ledger, canonical JSON for manifests.

The ledger profile is RFC 8949 section 4.2.1 narrowed: maps with text keys, integers within 64 bits, byte and text
strings, arrays, true, false and null. No floats, tags, bignums or indefinite lengths. A decoder that is lenient is a
hole through which one statement gets two hashes, so `decode` re-encodes and refuses every byte string that is not
the one form.

Manifests are canonical JSON: keys sorted, no white space, integers below 2^53 and texts, so that RFC 8785 and this
form agree byte for byte.
"""

import io
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn, TypeAlias

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

_OTHER_FORM = "the bytes are not the deterministic form of their value"
_NO_TEXT = "a map key is not text"
_TOO_DEEP = f"nesting is deeper than {DEPTH_MAX}"


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("a tag")


class _EveryTag(dict[int, Callable[..., NoReturn]]):
    """Turns every tag away before cbor2 acts on it: a shared-reference tag lets a kilobyte stand for a terabyte, and
    others start the mail, date and pattern readers of the standard library.
    """

    def __contains__(self, tag: object) -> bool:
        return True

    def __missing__(self, tag: int) -> Callable[..., NoReturn]:
        return _refuse_tag

    def get(self, tag: int, default: object = None) -> Callable[..., NoReturn]:
        return _refuse_tag


_EVERY_TAG = _EveryTag()

_json_encoder = msgspec.json.Encoder(order="sorted")
_json_decoder = msgspec.json.Decoder()


class CodecError(ValueError):
    """The bytes are not the one form this profile allows; the message says why."""


def encode(value: Value) -> bytes:
    """The deterministic CBOR form of a value. Raises CodecError for a value outside the profile."""
    # What is in order already, cbor2 need not put in order: that would cost more than all the rest.
    return cbor2.dumps(_in_form(value, DEPTH_MAX))


def decode(data: bytes, *, bytes_max: int = BYTES_MAX) -> Value:
    """The value of a deterministic CBOR form.

    Raises CodecError for anything else: over `bytes_max`, trailing bytes, another form of the same value, a type
    outside the profile, nesting deeper than DEPTH_MAX. encode(decode(x)) == x for every x that is not refused.
    """
    value = _parse(data, bytes_max)
    _check_form(value, DEPTH_MAX)
    if cbor2.dumps(value) != data:
        raise CodecError(_OTHER_FORM)
    return value


def _parse(data: bytes, bytes_max: int) -> Value:
    if len(data) > bytes_max:
        raise CodecError(f"{len(data)} bytes are more than the {bytes_max} allowed")
    try:
        return cbor2.CBORDecoder(
            io.BytesIO(data),
            tag_hook=_refuse_tag,
            semantic_decoders=_EVERY_TAG,
            max_depth=DEPTH_MAX + 1,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        ).decode()
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError, EOFError) as error:
        raise CodecError("the bytes are not CBOR of this profile") from error


def encode_known(value: Value) -> bytes:
    """As `encode`, for a value that is known to lie within the profile, such as a record that was read strictly."""
    # For text keys the length-first order of cbor2 equals the bytewise order of RFC 8949.
    return cbor2.dumps(value, canonical=True)


def decode_known(data: bytes) -> Value:
    """As `decode`, for bytes that are known to be the one form: a node's own records. Raises CodecError."""
    return _parse(data, BYTES_MAX)


def decode_array(data: bytes, *, bytes_max: int = BYTES_MAX) -> list[tuple[Value, bytes]]:
    """Each item of a deterministic CBOR array with its own bytes. Raises CodecError like `decode`."""
    values = _parse(data, bytes_max)
    if type(values) is not list:
        raise CodecError("the bytes are not an array")
    _check_form(values, DEPTH_MAX)
    items = [cbor2.dumps(value) for value in values]
    if array_head(len(items)) + b"".join(items) != data:
        raise CodecError(_OTHER_FORM)
    return list(zip(values, items, strict=True))


def array_head(count: int) -> bytes:
    """The bytes before the items of an array of this many, at most 65,535."""
    if count < 24:
        return bytes([0x80 | count])
    return b"\x98" + count.to_bytes(1, "big") if count < 256 else b"\x99" + count.to_bytes(2, "big")


def _check_form(value: Value, depth: int) -> None:
    """Raises CodecError for a value outside the profile, or with a map whose keys are not in order: what was read keeps
    the order of its bytes, and is not put in order to be written again."""
    kind = type(value)
    if kind is not list and kind is not dict:
        _check_one(value)
        return
    if depth == 0:
        raise CodecError(_TOO_DEEP)
    items = value
    if kind is dict:
        keys = tuple(value)
        if _in_order(keys) != keys:
            raise CodecError(_OTHER_FORM)
        items = value.values()
    for item in items:
        of = type(item)
        if of is list or of is dict:
            _check_form(item, depth - 1)
        # Bytes and plain text are most of what there is: not worth a call.
        elif of is not bytes and not (of is str and item.isascii()):
            _check_one(item)


def _check_one(value: Value) -> None:
    """Raises CodecError for what is neither array nor map and outside the profile."""
    kind = type(value)
    if kind is str:
        _check_text(value)
    elif kind is int:
        if not INTEGER_MIN <= value <= INTEGER_MAX:
            raise CodecError("an integer is outside 64 bits")
    elif kind is not bool and kind is not bytes and value is not None:
        raise CodecError(f"the type {kind.__name__} has no place on the ledger")


def _in_form(value: Value, depth: int) -> Value:
    """The value with the keys of every map in order. Raises CodecError for one outside the profile."""
    kind = type(value)
    if kind is not list and kind is not dict:
        _check_one(value)
        return value
    if depth == 0:
        raise CodecError(_TOO_DEEP)
    if kind is list:
        return [
            item if (of := type(item)) is bytes or (of is str and item.isascii()) else _in_form(item, depth - 1)
            for item in value
        ]
    for key in value:
        # Also one that equals a text (an Enum), which would be taken for that below.
        if type(key) is not str:
            raise CodecError(_NO_TEXT)
    ordered = {}
    for key in _in_order(tuple(value)):
        item = value[key]
        of = type(item)
        ordered[key] = item if of is bytes or (of is str and item.isascii()) else _in_form(item, depth - 1)
    return ordered


@lru_cache(maxsize=4096)
def _in_order(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Keys in the order of their encoded bytes (RFC 8949, 4.2.1), in which the length comes first."""
    for key in keys:
        if type(key) is not str:
            raise CodecError(_NO_TEXT)
        _check_text(key)
    return tuple(sorted(keys, key=lambda key: (len(key.encode()), key.encode())))


def _check_text(value: str) -> None:
    if value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise CodecError("a text holds a lone surrogate") from error


def encode_json(value: Value) -> bytes:
    """The canonical JSON form of a manifest or genesis document. Raises CodecError outside the profile."""
    _check_json(value, JSON_DEPTH_MAX)
    return _json_encoder.encode(value)


def encode_json_around(value: dict[str, Value], name: str, data: bytes) -> bytes:
    """As `encode_json` of the value with one more entry, `name`, whose value `data` is the canonical JSON form."""
    _check_json(value, JSON_DEPTH_MAX)
    return _json_encoder.encode({**value, name: msgspec.Raw(data)})


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
            # Most of what a manifest holds is plain text: not worth a call.
            if type(item) is not str or not item.isascii():
                _check_json(item, depth - 1)
        return
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise CodecError("an object key is not text")
            if not key.isascii():
                _check_text(key)
            if type(item) is not str or not item.isascii():
                _check_json(item, depth - 1)
        return
    raise CodecError(f"the type {kind.__name__} has no place in a manifest")
