"""The wire format of protocol buffers, as much of it as ABCI needs (protobuf.dev/programming-guides/encoding).

A message is a run of fields: a varint key (number << 3 | wire type), then a varint, eight or four bytes, or a length
and that many bytes. Fields with their default value are left out. On a connection each message follows its length.
"""

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_VARINT_BYTES_MAX = 10
_MASK64 = (1 << 64) - 1


class WireError(ValueError):
    """The bytes are no message; the message says why."""


def encode_varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; a negative number as its 64-bit two's complement."""
    value &= _MASK64
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: bytes, start: int) -> tuple[int, int] | None:
    """The unsigned number at `start` and where it ends; None if the bytes end before it. Raises WireError."""
    value = shift = 0
    for position in range(start, min(start + _VARINT_BYTES_MAX, len(data))):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > _MASK64:
                raise WireError("a number has more than 64 bits")
            return value, position + 1
        shift += 7
    if len(data) - start >= _VARINT_BYTES_MAX:
        raise WireError("a number has more than ten bytes")
    return None


def signed(value: int) -> int:
    """The int64 that an unsigned 64-bit number stands for."""
    return value - (1 << 64) if value >> 63 else value


def frame(message: bytes) -> bytes:
    """A message behind its length."""
    return encode_varint(len(message)) + message


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Number, wire type and value of every field in turn. Raises WireError."""
    position, end = 0, len(data)
    while position < end:
        key, position = _varint(data, position)
        number, kind = key >> 3, key & 7
        value: int | bytes
        if kind == VARINT:
            value, position = _varint(data, position)
        elif kind == BYTES:
            size, position = _varint(data, position)
            value, position = _take(data, position, size)
        elif kind in (FIXED64, FIXED32):
            value, position = _take(data, position, 8 if kind == FIXED64 else 4)
        else:
            raise WireError(f"wire type {kind} is not in use")
        if number == 0:
            raise WireError("a field has the number 0")
        yield number, kind, value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    found = read_varint(data, position)
    if found is None:
        raise WireError("the message ends within a number")
    return found


def _take(data: bytes, position: int, size: int) -> tuple[bytes, int]:
    if size > len(data) - position:
        raise WireError("the message ends within a field")
    return data[position : position + size], position + size
