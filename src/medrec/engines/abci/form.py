"""Messages of protocol buffers by description: a struct with a FORM, one (number, name, kind) a field.

A kind is "int", "uint", "bool", "bytes", "text", a message class, or a list of one kind for a repeated field. Fields
that a FORM does not list are passed over when read.
"""

from typing import Any, ClassVar, TypeVar

import msgspec

from medrec.engines.abci.wire import BYTES, VARINT, WireError, encode_varint, fields, signed

Kind = Any
Form = tuple[tuple[int, str, Kind], ...]


class Message(msgspec.Struct):
    """The base of all messages: every field has its default, which is not written."""

    FORM: ClassVar[Form] = ()


M = TypeVar("M", bound=Message)


def encode(message: Message) -> bytes:
    """The bytes of a message, fields in the order of their numbers, defaults left out."""
    out = bytearray()
    for number, name, kind in message.FORM:
        value = getattr(message, name)
        if isinstance(kind, list):
            _encode_repeated(out, number, value, kind[0])
        elif value is not None and (value or isinstance(value, Message)):
            _encode_value(out, number, value)
    return bytes(out)


def _encode_repeated(out: bytearray, number: int, values: list[Any], kind: Kind) -> None:
    if kind in ("int", "uint", "bool"):
        if values:
            out += field(number, b"".join(map(encode_varint, values)))
        return
    for value in values:
        _encode_value(out, number, value)


def _encode_value(out: bytearray, number: int, value: Any) -> None:
    if isinstance(value, int):
        out += encode_varint(number << 3 | VARINT) + encode_varint(value)
    elif isinstance(value, bytes):
        out += field(number, value)
    elif isinstance(value, str):
        out += field(number, value.encode())
    else:
        out += field(number, encode(value))


def field(number: int, data: bytes) -> bytes:
    """A field of bytes."""
    return encode_varint(number << 3 | BYTES) + encode_varint(len(data)) + data


def decode(data: bytes, form: type[M]) -> M:
    """The message of a form in these bytes; fields it does not list are passed over. Raises WireError."""
    kinds = {number: (name, kind) for number, name, kind in form.FORM}
    message = form()
    for number, wire, value in fields(data):
        if number not in kinds:
            continue
        name, kind = kinds[number]
        if isinstance(kind, list):
            getattr(message, name).append(_value(kind[0], wire, value))
        else:
            setattr(message, name, _value(kind, wire, value))
    return message


def _value(kind: Kind, wire: int, value: int | bytes) -> Any:
    if kind in ("int", "uint", "bool"):
        if wire != VARINT:
            raise WireError("a number has the wire type of something else")
        assert isinstance(value, int)
        return bool(value) if kind == "bool" else signed(value) if kind == "int" else value
    if wire != BYTES:
        raise WireError("bytes have the wire type of something else")
    assert isinstance(value, bytes)
    if kind == "bytes":
        return value
    if kind == "text":
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise WireError("a text is not UTF-8") from None
    return decode(value, kind)
