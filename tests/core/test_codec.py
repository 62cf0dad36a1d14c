"""One byte form for every value: what is not that form is refused, whatever a fuzzer sends."""

import json
import time
from typing import Any

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ledger_cases import describe
from ledger_world import World, entry

from medrec.core import codec
from medrec.core.codec import CodecError, decode, decode_array, decode_json, encode, encode_json, encode_json_around
from medrec.core.outcome import Code, Refused
from medrec.core.types import TRANSACTION_BYTES_MAX, decode_transaction

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
SCALARS = st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.binary(max_size=40) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5), max_leaves=25
).filter(lambda value: depth(value) <= codec.DEPTH_MAX)


def depth(value: Any) -> int:
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 0


@given(VALUES)
def test_round_trip(value: Any) -> None:
    data = encode(value)
    assert decode(data) == value
    assert repr(decode(encode(decode(data)))) == repr(decode(data))


@given(VALUES)
@example({"b": 1, "aa": 2, "a": 3, "\u00e9": 4, "zz": [{"y": 1, "x": {"bb": 2, "a": 1}}], "": 5})
def test_it_is_the_canonical_form_of_the_library_whatever_the_order_of_keys(value: Any) -> None:
    assert encode(value) == cbor2.dumps(value, canonical=True) == encode(turned(value))


def turned(value: Any) -> Any:
    """The same with the keys of its maps in the opposite order."""
    if isinstance(value, list):
        return list(map(turned, value))
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return value


def test_keys_in_another_order_are_refused() -> None:
    for map_ in (b"\xa2\x61b\x01\x61a\x02", b"\xa2\x62aa\x01\x61b\x02", b"\xa2\x62\xc3\xa9\x01\x61b\x02"):
        assert cbor2.loads(map_)
        with pytest.raises(CodecError):
            decode(map_)
        with pytest.raises(CodecError):
            decode_array(b"\x81" + map_)


def holds(data: bytes) -> bool:
    """The law: decoded and encoded again it is the same, or it is refused with CodecError."""
    try:
        value = decode(data)
    except CodecError:
        return False
    assert encode(value) == data
    return True


@settings(max_examples=500)
@given(st.binary(max_size=60))
@example(b"")
@example(b"\xf7")
@example(b"\xff")
def test_any_bytes(data: bytes) -> None:
    holds(data)


@settings(max_examples=500)
@given(VALUES, st.data())
def test_one_form_with_some_bytes_changed(value: Any, data: st.DataObject) -> None:
    made = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(made)))
        match data.draw(st.sampled_from(("set", "insert", "delete"))):
            case "insert":
                made.insert(place, data.draw(st.integers(0, 255)))
            case "set" if place < len(made):
                made[place] = data.draw(st.integers(0, 255))
            case "delete" if place < len(made):
                del made[place]
    holds(bytes(made))


def test_every_single_byte_change_of_a_transaction() -> None:
    world = World()
    data = world.batch("north", [entry(0), entry(1, sealed=b"x")])
    for place in range(len(data)):
        for value in (0x00, 0x1F, 0x5F, 0x7F, 0x9F, 0xBF, 0xC2, 0xD8, 0xF9, 0xFF, data[place] ^ 1, data[place] ^ 0x80):
            changed = data[:place] + bytes([value]) + data[place + 1 :]
            holds(changed)
            try:
                decode_transaction(changed)
            except Refused as refused:
                assert refused.outcome.code in (Code.MALFORMED, Code.TOO_LARGE)


SECOND_FORMS = {
    "a longer integer": "1800",
    "a longer length": "580100",
    "a longer array": "980100",
    "two bytes for a small number": "190001",
    "an indefinite array": "9fff",
    "an indefinite text": "7f6161ff",
    "an indefinite map": "bfff",
    "keys out of order": "a2616200616100",
    "a longer key first": "a262616100616200",
    "a key twice": "a2616100616100",
    "half float": "f93c00",
    "float": "fa3f800000",
    "double": "fb3ff0000000000000",
    "not a number": "f97e00",
    "undefined": "f7",
    "a simple value": "e0",
    "a simple value in two bytes": "f820",
    "a break": "ff",
    "a number as a key": "a10000",
    "bytes as a key": "a1416100",
    "a list as a key": "a18000",
    "beyond 63 bits": "1b8000000000000000",
    "below 63 bits": "3b8000000000000000",
    "a big number": "c24101",
    "a big negative number": "c34101",
    "a date": "c074323032342d30312d30315430303a30303a30305a",
    "a time": "c100",
    "a decimal fraction": "c482211901f4",
    "an enormous decimal fraction": "c4821b7fffffffffffffff01",
    "an enormous big float": "c5821b7fffffffffffffff01",
    "a pattern": "d823622828",
    "a mail": "d8246161",
    "a set": "d9010280",
    "a network address": "d9010444c0a80001",
    "self-described": "d9d9f700",
    "a shared value": "d81c00",
    "a reference to itself": "d81c81d81d00",
    "string references": "d90100826361616100",
    "an unknown tag": "db00ffffffffffffff00",
    "a tag upon a tag": "c6c6c600",
    "a text that is not UTF-8": "61ff",
    "a text with half a surrogate": "63eda080",
    "bytes after the end": "0000",
    "an end before the end": "8200",
    "a reserved length": "1c",
    "bytes without end": "5b7fffffffffffffff",
    "a text without end": "7b7fffffffffffffff",
    "an array without end": "9b7fffffffffffffff",
    "a map without end": "bb7fffffffffffffff",
}


@pytest.mark.parametrize("data", [pytest.param(bytes.fromhex(x), id=name) for name, x in SECOND_FORMS.items()])
def test_refused(data: bytes) -> None:
    for wrapped in (data, b"\x81" + data, b"\xa1\x61a" + data):
        with pytest.raises(CodecError):
            decode(wrapped)


def test_nesting_ends_at_eight() -> None:
    assert decode(b"\x81" * 8 + b"\x00") == [[[[[[[[0]]]]]]]]
    for count in (9, 10, 1000, 500_000):
        with pytest.raises(CodecError):
            decode(b"\x81" * count + b"\x00")
        with pytest.raises(CodecError):
            decode(b"\xa1\x61a" * min(count, 300_000) + b"\x00")
    with pytest.raises(CodecError, match="deeper"):
        encode([[[[[[[[[0]]]]]]]]])


def test_a_kilobyte_of_shared_references_does_not_become_a_terabyte() -> None:
    layers = [b"\xd8\x1c\x98\x64" + bytes(100)]
    layers += [b"\xd8\x1c\x98\x64" + (b"\xd8\x1d" + bytes([layer])) * 100 for layer in range(5)]
    begun = time.process_time()
    with pytest.raises(CodecError):
        decode(bytes([0x80 | len(layers)]) + b"".join(layers))
    assert time.process_time() - begun < 5


def test_sizes() -> None:
    with pytest.raises(CodecError, match="more than the 10"):
        decode(encode(bytes(10)), bytes_max=10)
    with pytest.raises(CodecError):
        decode(bytes(codec.BYTES_MAX + 1))


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        1 << 63,
        -(1 << 63) - 1,
        {1: 2},
        {b"a": 1},
        (1, 2),
        {"a"},
        bytearray(b"a"),
        "\ud800",
        {"\ud800": 1},
        1j,
    ],
    ids=repr,
)
def test_values_that_have_no_form(value: Any) -> None:
    with pytest.raises(CodecError):
        encode(value)
    with pytest.raises(CodecError):
        encode([value])


@given(st.lists(VALUES.filter(lambda value: depth(value) < 8), max_size=6))
def test_an_array_comes_apart_into_the_bytes_of_its_items(values: list[Any]) -> None:
    assert decode_array(encode(values)) == [(value, encode(value)) for value in values]


@pytest.mark.parametrize("count", [0, 1, 23, 24, 255, 256, 8192, 65535])
def test_the_head_of_an_array(count: int) -> None:
    assert cbor2.dumps([0] * count, canonical=True) == codec.array_head(count) + bytes(count)


@settings(max_examples=300)
@given(st.binary(max_size=60))
def test_arrays_and_values_agree_on_any_bytes(data: bytes) -> None:
    try:
        value = decode(data)
    except CodecError:
        value = None
    try:
        items = decode_array(data)
    except CodecError:
        assert type(value) is not list
    else:
        assert value == [item for item, _ in items]


# --- transactions -----------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(st.binary(max_size=200) | VALUES.map(encode) | st.lists(SCALARS, min_size=3, max_size=3).map(encode))
def test_any_bytes_are_a_transaction_or_refused(data: bytes) -> None:
    try:
        decode_transaction(data)
    except Refused as refused:
        assert refused.outcome.code == Code.MALFORMED


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_body_is_read_as_the_machine_would_write_it_or_refused(data: st.DataObject) -> None:
    fields = decode(decode(describe(World()))[0])
    for name in data.draw(st.sets(st.sampled_from(sorted(fields)), min_size=1)):
        fields[name] = data.draw(SCALARS)
    try:
        body = decode_transaction(encode([encode(fields), ["ed25519", b""], b""])).body
    except Refused as refused:
        assert refused.outcome.code == Code.MALFORMED
    else:
        assert {name: getattr(body, name) for name in fields} == fields


def test_a_transaction_over_a_mebibyte_is_too_large_before_it_is_read() -> None:
    with pytest.raises(Refused) as caught:
        decode_transaction(bytes(TRANSACTION_BYTES_MAX + 1))
    assert caught.value.outcome.code == Code.TOO_LARGE


# --- canonical JSON ---------------------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53) + 1, (1 << 53) - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=25,
)


@given(JSON_VALUES)
def test_json_round_trip(value: Any) -> None:
    data = encode_json(value)
    assert decode_json(data) == value
    assert json.loads(data) == value


@given(JSON_VALUES)
def test_json_is_the_form_of_rfc_8785_with_keys_by_utf8(value: Any) -> None:
    plain = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert encode_json(value) == plain.encode()


@given(st.dictionaries(TEXTS, JSON_VALUES, max_size=5), TEXTS, JSON_VALUES)
def test_json_around_what_was_encoded_before_is_the_same_form(value: dict[str, Any], name: str, inner: Any) -> None:
    assert encode_json_around(value, name, encode_json(inner)) == encode_json({**value, name: inner})


@settings(max_examples=500)
@given(st.binary(max_size=40) | TEXTS.map(str.encode) | JSON_VALUES.map(lambda v: json.dumps(v).encode()))
@example(b"1e400")
@example(b"-0")
@example(b"1" * 5000)
@example(b"1" + b"0" * 25)
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'"\\ud800"')
@example(b'"\xed\xa0\x80"')
@example(b"\xef\xbb\xbf1")
def test_json_any_bytes(data: bytes) -> None:
    try:
        value = decode_json(data)
    except CodecError:
        return
    assert encode_json(value) == data


@pytest.mark.parametrize(
    "data",
    [b' 1', b"1 ", b"1.0", b"1e2", b"-0", b"01", b"+1", b"NaN", b"1e400", b"9007199254740992", b'{"b":1,"a":2}',
     b'{"a":1,"a":2}', b'{"a": 1}', b"[1,]", b'"\\u0061"', b'"\\/"', b'"\\u000A"', b"'a'", b"\xff", b"", b"[1][2]",
     b'"\xc3\xa4'[:3], b'"a\nb"', '{"\ufeff":1} '.encode(), b"\xef\xbb\xbf{}", b"[" * 33 + b"]" * 33],
    ids=repr,
)  # fmt: skip
def test_json_refused(data: bytes) -> None:
    with pytest.raises(CodecError):
        decode_json(data)


@pytest.mark.parametrize("value", [1.5, 1 << 53, -(1 << 53), {1: 2}, b"x", "\ud800", {"\ud800": 1}, (1,)], ids=repr)
def test_json_values_that_have_no_form(value: Any) -> None:
    with pytest.raises(CodecError):
        encode_json({"a": value})
    with pytest.raises(CodecError):
        encode_json_around({"a": value}, "b", b"1")


def test_json_sizes_and_depth() -> None:
    with pytest.raises(CodecError, match="more than"):
        decode_json(b'"' + b"a" * codec.JSON_BYTES_MAX + b'"')
    deepest = b"[" * 32 + b"]" * 32
    assert encode_json(decode_json(deepest)) == deepest
