"""The canonical form of a record: published vectors, laws, an independent oracle, every refusal by name."""

import base64
import gzip
import hashlib
import json
import random
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medrec.core.records import scan as scanner
from medrec.core.records.canonical import (
    BYTES_MAX,
    DEPTH_MAX,
    DIGITS_MAX,
    FORM,
    Canonical,
    Code,
    RecordError,
    canonical,
    canonical_of,
    elements,
    members,
)

# Valid JSON that this form refuses on purpose, with the rule that refuses it.
STRICTER = {
    "y_object_duplicated_key.json": Code.DUPLICATE_KEY,
    "y_object_duplicated_key_and_value.json": Code.DUPLICATE_KEY,
    "y_number_minus_zero.json": Code.NEGATIVE_ZERO,
    "y_number_negative_zero.json": Code.NEGATIVE_ZERO,
}
# Texts on which RFC 8259 leaves the choice open, and that this form takes: numbers keep their literal.
TAKEN = {
    "i_number_double_huge_neg_exp.json",
    "i_number_huge_exp.json",
    "i_number_neg_int_huge_exp.json",
    "i_number_pos_double_huge_exp.json",
    "i_number_real_neg_overflow.json",
    "i_number_real_pos_overflow.json",
    "i_number_real_underflow.json",
    "i_number_too_big_neg_int.json",
    "i_number_too_big_pos_int.json",
    "i_number_very_big_negative_int.json",
}


class Literal(str):
    """A number as text, so that 1.0 and 1.00 are different leaves of the oracle's tree."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and str.__eq__(self, other)

    __hash__ = str.__hash__


def oracle(raw: bytes) -> Any:
    """The literal-preserving tree according to the standard library, equal keys and -0 refused."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise ValueError("equal keys")
        return dict(pairs)

    def integer(text: str) -> Literal:
        if text == "-0" or len(text.lstrip("-")) > DIGITS_MAX:
            raise ValueError("integer")
        return Literal(text)

    def refuse(text: str) -> None:
        raise ValueError(text)

    text = raw.decode("utf-8")
    if text.startswith("\ufeff"):
        raise ValueError("byte-order mark")
    value = json.loads(text, object_pairs_hook=unique, parse_float=Literal, parse_int=integer, parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # lone surrogates
    return value


def oracle_bytes(value: Any) -> bytes:
    """The form written a second time, from the specification and not from the code."""
    if isinstance(value, dict):
        items = sorted(value.items(), key=lambda item: item[0].encode())
        return b"{" + b",".join(oracle_bytes(k) + b":" + oracle_bytes(v) for k, v in items) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(oracle_bytes, value)) + b"]"
    if isinstance(value, Literal):
        return value.encode()
    if isinstance(value, str):
        short = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
        return ('"' + "".join(short.get(ord(c), c if c >= " " else f"\\u{ord(c):04x}") for c in value) + '"').encode()
    return {True: b"true", False: b"false", None: b"null"}[value]


def refusal(raw: bytes, **options: int) -> RecordError:
    with pytest.raises(RecordError) as caught:
        canonical(raw, **options)
    return caught.value


def suite(shared: Path) -> list[dict[str, str]]:
    with gzip.open(shared / "vectors/json/json-test-suite.json.gz") as file:
        cases: list[dict[str, str]] = json.load(file)["cases"]
    return cases


def test_json_test_suite(shared: Path) -> None:
    counts = {"accept": 0, "reject": 0, "either": 0}
    stricter: dict[str, Code] = {}
    taken: set[str] = set()
    for case in suite(shared):
        raw, name = base64.b64decode(case["base64"]), case["name"]
        counts[case["expect"]] += 1
        try:
            made: Canonical | None = canonical(raw)
        except RecordError as error:
            made = None
            if case["expect"] == "accept":
                stricter[name] = error.code
        if case["expect"] == "reject":
            assert made is None, name
        if made:
            assert made.data == oracle_bytes(oracle(raw)), name
            if case["expect"] == "either" and case["folder"] == "test_parsing":
                taken.add(name)
    assert counts == {"accept": 95, "reject": 188, "either": 57}
    assert stricter == STRICTER
    assert taken == TAKEN


def test_every_refusal_of_the_suite_has_a_place(shared: Path) -> None:
    for case in suite(shared):
        if case["expect"] == "reject":
            error = refusal(base64.b64decode(case["base64"]))
            assert error.code is not Code.PARSER, case["name"]
            assert error.line >= 1 and error.column >= 1 and error.sentence, case["name"]


def test_text_rules_of_rfc_8785(shared: Path) -> None:
    cases = json.loads((shared / "vectors/json/jcs.json").read_text())["cases"]
    assert len(cases) == 6
    same = set()
    for case in cases:
        made, theirs, name = canonical(case["input"].encode()).data.decode(), case["canonical"], case["name"]
        if made == theirs:
            same.add(name)
        assert json.loads(made) == json.loads(theirs), name
        texts = [re.findall(r'"(?:[^"\\]|\\.)*"', form) for form in (made, theirs)]
        if name == "weird":  # holds a key beyond U+FFFF: their order is by UTF-16, ours by UTF-8
            texts = [sorted(found) for found in texts]
        assert texts[0] == texts[1], name
    # "structures" and "values" hold numbers that RFC 8785 rewrites and this form keeps.
    assert same == {"arrays", "french", "unicode"}


def test_json_edge_cases(shared: Path) -> None:
    raw = (shared / "vectors/json/json-edge-cases.json").read_bytes()
    made = canonical(raw)
    assert made.data == oracle_bytes(oracle(raw))
    assert made.sha256 == hashlib.sha256(made.data).digest()


@pytest.mark.parametrize(
    "literal",
    [
        "1.00",
        "0.10",
        "1e2",
        "1E+2",
        "1e400",
        "-0.0",
        "-0e0",
        "0e1",
        "1e-99999999999999999999",
        "1" * 300 + ".0",
        "0",
        "-1",
        "18446744073709551616",
        "-9223372036854775809",
        "9" * DIGITS_MAX,
        "-" + "9" * DIGITS_MAX,
    ],
)
def test_number_literals_survive(literal: str) -> None:
    assert canonical(f' [ {literal} , "x" ] '.encode()).data == f'[{literal},"x"]'.encode()


def test_integers_at_the_limit_of_digits() -> None:
    error = refusal(b'{"a":' + b"9" * (DIGITS_MAX + 1) + b"}")
    assert (error.code, error.key) == (Code.NUMBER_TOO_LONG, "a")
    # The same digits in a text or behind a decimal point are no integer.
    for free in (b'["' + b"9" * 5000 + b'"]', b"[0." + b"9" * 5000 + b"]"):
        assert canonical(free).data == free


@pytest.mark.parametrize(
    ("raw", "code", "line", "column", "key"),
    [
        (b"", Code.EMPTY, 1, 1, ""),
        (b" \n ", Code.EMPTY, 1, 1, ""),
        (b"\xef\xbb\xbf{}", Code.BYTE_ORDER_MARK, 1, 1, ""),
        ("{}".encode("utf-16"), Code.BYTE_ORDER_MARK, 1, 1, ""),
        ("{}".encode("utf-16-le"), Code.NOT_UTF8, 1, 1, ""),
        ("{}".encode("utf-32-be"), Code.NOT_UTF8, 1, 1, ""),
        (b'{"a":\n "\xe9"}', Code.NOT_UTF8, 2, 3, ""),
        (b'"\xed\xa0\x80"', Code.NOT_UTF8, 1, 2, ""),
        (b'{"a":"\\ud800"}', Code.LONE_SURROGATE, 1, 6, "a"),
        (b'{"\\udc00":1}', Code.LONE_SURROGATE, 1, 2, ""),
        (b'{"a":NaN}', Code.NOT_JSON, 1, 6, "a"),
        (b'{"a":[1,Infinity]}', Code.NOT_JSON, 1, 9, "a[1]"),
        (b'{"a":01}', Code.NOT_JSON, 1, 7, "a"),
        (b'{"a":1,}', Code.NOT_JSON, 1, 8, "a"),
        (b"{'a':1}", Code.NOT_JSON, 1, 2, ""),
        (b'{"a" 1}', Code.NOT_JSON, 1, 6, "a"),
        (b'{"a":1]', Code.NOT_JSON, 1, 7, "a"),
        (b'"\t"', Code.NOT_JSON, 1, 2, ""),
        (b'"\\x"', Code.NOT_JSON, 1, 2, ""),
        (b"{} x", Code.TRAILING, 1, 4, ""),
        (b"{}\x00", Code.TRAILING, 1, 3, ""),
        (b'{"a":', Code.TRUNCATED, 1, 6, "a"),
        (b'{"a":"b', Code.TRUNCATED, 1, 8, "a"),
        (b"[tru", Code.TRUNCATED, 1, 2, "[0]"),
        (b'{"a":-0}', Code.NEGATIVE_ZERO, 1, 6, "a"),
        (b"-0", Code.NEGATIVE_ZERO, 1, 1, ""),
        (b'{"n":[{"x":1},\n{"y":2,\n  "y":2}]}', Code.DUPLICATE_KEY, 3, 3, "n[1].y"),
        (b'{"a":1,"\\u0061":2}', Code.DUPLICATE_KEY, 1, 8, "a"),
        (b'{"a:b":1,"\\u003a":":","a\\u003ab":2}', Code.DUPLICATE_KEY, 1, 23, '"a:b"'),
    ],
)
def test_refusals_name_the_place(raw: bytes, code: Code, line: int, column: int, key: str) -> None:
    error = refusal(raw)
    assert (error.code, error.line, error.column, error.key) == (code, line, column, key)
    assert f"line {line}, column {column}" in error.sentence


def test_a_refusal_names_no_values() -> None:
    error = refusal(b'{"name":[{"family":"Quinquefolia","family":"Secretary"}]}')
    assert "name[0].family" in error.sentence
    assert "Quinquefolia" not in error.sentence and "Secretary" not in error.sentence


def test_depth_limit_is_exact() -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        inner = b"" if opening == b"[" else b"1"
        deepest = opening * DEPTH_MAX + inner + closing * DEPTH_MAX
        assert canonical(deepest).data == deepest
        for levels in (DEPTH_MAX + 1, 200, 5_000, 200_000):
            assert refusal(opening * levels + inner + closing * levels).code is Code.TOO_DEEP
        assert refusal(opening * 200_000).code is Code.TOO_DEEP
    wide = b"[" + b",".join([b"[]"] * 1000) + b"]"
    assert canonical(wide).data == wide


def test_size_cap() -> None:
    assert canonical(b"[1,2]", bytes_max=5).data == b"[1,2]"
    assert refusal(b"[1,2] ", bytes_max=5).code is Code.TOO_LARGE
    assert refusal(b" " * (BYTES_MAX + 1)).code is Code.TOO_LARGE


def test_a_large_text_is_refused_without_a_slow_scan() -> None:
    big = b'{"a":[' + b'"0123456789abcdef",\n' * 1_000_000
    error = refusal(big, bytes_max=64 << 20)
    assert (error.code, error.line) == (Code.TRUNCATED, 1_000_001)
    error = refusal(big + b"?]}", bytes_max=64 << 20)
    assert (error.code, error.line) == (Code.NOT_JSON, 1_000_001)


TEXTS = st.text(st.one_of(st.sampled_from(':-0\\"/u3ad \u2028\U0001f600'), st.characters(codec="utf-8")), max_size=8)
NUMBERS = st.one_of(
    st.integers(-(10**25), 10**25).map(lambda n: Literal(str(n))),
    st.from_regex(r"-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
    .filter(lambda text: text != "-0")
    .map(Literal),
)
TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


def spell(value: Any, chance: random.Random) -> str:
    """One of the many texts of a tree: any order of keys, any white space, any escapes."""
    space = "".join(chance.choices(" \n\t\r", k=chance.randrange(3)))
    if isinstance(value, dict):
        items = list(value.items())
        chance.shuffle(items)
        body = ",".join(f"{spell(k, chance)}:{spell(v, chance)}" for k, v in items)
        return f"{space}{{{space}{body}}}{space}"
    if isinstance(value, list):
        return f"{space}[{space}{','.join(spell(v, chance) for v in value)}]{space}"
    if isinstance(value, Literal):
        return space + str(value) + space
    if isinstance(value, str):
        units = value.encode("utf-16-be")
        escaped = "".join(
            f"\\u{int.from_bytes(units[i : i + 2], 'big'):04{chance.choice('xX')}}" for i in range(0, len(units), 2)
        )
        return space + chance.choice([f'"{escaped}"', json.dumps(value), json.dumps(value, ensure_ascii=False)])
    return space + json.dumps(value)


@given(TREES, st.randoms(use_true_random=False))
def test_spelling_does_not_matter_and_the_form_is_its_own_form(tree: Any, chance: random.Random) -> None:
    made = canonical(spell(tree, chance).encode())
    assert made.data == oracle_bytes(tree)
    assert canonical(made.data)[0] == made.data
    assert oracle(made.data) == tree
    assert canonical_of(made.value).data == made.data


@given(TREES, TREES)
@example(Literal("1.0"), Literal("1.00"))
@example(Literal("1e2"), Literal("1E2"))
@example(Literal("1"), "1")
@example({"a": None}, {})
def test_different_trees_have_different_bytes(one: Any, other: Any) -> None:
    chance = random.Random(0)
    same = canonical(spell(one, chance).encode()).data == canonical(spell(other, chance).encode()).data
    assert same == (one == other)


def changes(value: Any) -> list[Any]:
    """Every tree that differs from this one in one leaf, key, element or member."""
    if isinstance(value, dict):
        out: list[Any] = [{k: v for k, v in value.items() if k != key} for key in value]
        out += [{**{k: v for k, v in value.items() if k != key}, key + "\x00": value[key]} for key in value]
        return out + [{**value, key: other} for key in value for other in changes(value[key])]
    if isinstance(value, list):
        out = [value[:i] + value[i + 1 :] for i in range(len(value))] + [[*value, None]]
        return out + [[*value[:i], other, *value[i + 1 :]] for i in range(len(value)) for other in changes(value[i])]
    if isinstance(value, Literal):
        return [
            str(value),
            Literal(value + "0" if "." in value else value + ".0") if "e" not in value.lower() else None,
        ]
    if isinstance(value, str):
        return [value + " ", value[1:] if value else None]
    return [[value], "null"]


@given(TREES)
def test_any_single_change_shows(tree: Any) -> None:
    before = canonical(oracle_bytes(tree)).data
    for other in changes(tree):
        if other != tree:
            assert canonical(oracle_bytes(other)).data != before


# Token soup reaches the corners that trees do not: equal keys by escapes, -0, broken structure, lone halves.
SOUP = st.lists(
    st.sampled_from(
        [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            '"a"',
            '"\\u0061"',
            '":"',
            '"\\u003a"',
            '"\\\\u003a"',
            '"\\u002d"',
            '"-"',
            "-0",
            '"\\\\"',
            '"\\\\\\u003A"',
            "0",
            "-0.0",
            "-0e1",
            "1",
            "01",
            "-",
            "true",
            "nul",
            " ",
            '"',
            "\\",
            '"\\ud800"',
            "\ufeff",
            '{"a":1,"a":2}',
            '{"a":-0}',
            '{"\\u003a":1,":":2}',
            '"-0":',
            '{"a":[',
            '{"b":{"a":',
            "1.",
            "1e",
            "\x00",
            "\x7f",
        ]
    ),
    max_size=12,
).map(lambda parts: "".join(parts).encode())
ALMOST = st.builds(
    lambda tree, chance, at, piece: (lambda text: text[: at % (len(text) + 1)] + piece + text[at % (len(text) + 1) :])(
        spell(tree, chance).encode()
    ),
    TREES,
    st.randoms(use_true_random=False),
    st.integers(0, 200),
    st.sampled_from([b"", b"-0,", b'"a":1,', b"\xff", b"\\", b'"', b",", b"0", b"-", b"]", b"\\u003a", b" "]),
)


@settings(max_examples=600)
@given(st.one_of(SOUP, ALMOST, st.binary(max_size=12)))
@example(b'{"a":"\\u003a","a":1}')
@example(b'{"a":1,"b":"\\\\u003a"}')
@example(b'["\\u002d", -0]')
def test_verdict_equals_scanner_and_standard_library(raw: bytes) -> None:
    try:
        expected: bytes | None = oracle_bytes(oracle(raw))
    except (ValueError, RecursionError):
        expected = None
    if expected is None:
        error = refusal(raw)
        assert error.code is not Code.PARSER
        with pytest.raises(RecordError):
            scanner.scan(raw)
    else:
        assert canonical(raw).data == expected
        scanner.scan(raw)


@given(TREES, st.randoms(use_true_random=False), st.data())
def test_a_planted_duplicate_never_passes(tree: Any, chance: random.Random, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(['"a:"', '"a\\u003a"', '"\\u0061:"', '"\\u0061\\u003A"']))
    first, second = (spell(data.draw(TREES), chance) for _ in range(2))
    inner = [f'"a:":{first}', f"{key}:{second}", f'"x":{spell(tree, chance)}']
    chance.shuffle(inner)
    planted = f'{{"k":{spell(tree, chance)},"deep":[{{{",".join(inner)}}}]}}'
    error = refusal(planted.encode())
    assert (error.code, error.key) == (Code.DUPLICATE_KEY, 'deep[0]."a:"')


def test_a_part_of_a_tree_has_the_same_form_as_alone() -> None:
    whole = canonical(b'{"entry":[{"resource":{"value":1.50,"id":"a","big":123456789012345678901234567890}}]}')
    part = canonical_of(whole.value["entry"][0]["resource"])
    assert part.data == b'{"big":123456789012345678901234567890,"id":"a","value":1.50}'
    assert part.sha256 == canonical(part.data).sha256


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        Decimal("1.5"),
        b"x",
        {"a": {1: 2}},
        [msgspec.Raw(b"-0")],
        [msgspec.Raw(b"1,2")],
        ("a",),
        {"a": {"b": 1.0}},
        10**DIGITS_MAX,
        "\ud800",
        {"\udc00": 1},
        [msgspec.Raw(b"{}")],
        [msgspec.Raw(b"1.0\n")],
    ],
)
def test_a_tree_with_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(RecordError):
        canonical_of(value)


def test_a_tree_too_deep_is_refused() -> None:
    value: Any = 1
    for _ in range(DEPTH_MAX):
        value = [value]
    assert canonical_of(value).data == b"[" * DEPTH_MAX + b"1" + b"]" * DEPTH_MAX
    with pytest.raises(RecordError) as caught:
        canonical_of([value])
    assert caught.value.code is Code.TOO_DEEP


def test_members_are_exact_and_unique() -> None:
    found = members(b' {"a" : [1.0 , {"x":":"}],\n"b":"-" } ')
    assert {key: bytes(value) for key, value in found.items()} == {"a": b'[1.0 , {"x":":"}]', "b": b'"-"'}
    assert [bytes(value) for value in elements(found["a"])] == [b"1.0", b'{"x":":"}']
    for raw, code in [
        (b'{"a":1,"a":2}', Code.DUPLICATE_KEY),
        (b'{"a":1,"\\u0061":2}', Code.DUPLICATE_KEY),
        (b'{":":1,"\\u003a":2}', Code.DUPLICATE_KEY),
        (b"[1]", Code.NOT_JSON),
        (b'{"a":1', Code.TRUNCATED),
        (b'{"a":' + b"[" * 100_000, Code.TOO_DEEP),
    ]:
        with pytest.raises(RecordError) as caught:
            members(raw)
        assert caught.value.code is code
    with pytest.raises(RecordError):
        elements(found["b"])


@given(st.dictionaries(TEXTS, TREES, max_size=4), st.randoms(use_true_random=False))
def test_members_agree_with_the_tree(tree: dict[str, Any], chance: random.Random) -> None:
    found = members(spell(tree, chance).encode())
    assert {key: oracle(bytes(value)) for key, value in found.items()} == tree


def test_the_form_is_named() -> None:
    assert FORM == "https://medrec.org/canonical/json-literal/1"


def test_synthea_resources_equal_the_oracle(shared: Path) -> None:
    for path in sorted((shared / "data/synthea-r4/bundles").glob("*.json.gz"))[:2]:
        raw = gzip.decompress(path.read_bytes())
        whole = canonical(raw, bytes_max=64 << 20)
        assert whole.data == oracle_bytes(oracle(raw))
        for entry in whole.value["entry"]:
            assert canonical_of(entry["resource"]).data in whole.data


SPECIFICATION = Path(__file__).resolve().parents[2] / "docs/spec/record.md"


def test_examples_of_the_specification() -> None:
    blocks = re.findall(r"^```(\w+)(.*)\n((?:.|\n)*?)\n```$", SPECIFICATION.read_text(), re.MULTILINE)
    made: Canonical | None = None
    counts = {"record": 0, "canonical": 0, "sha256": 0, "refused": 0}
    for kind, facts, text in blocks:
        counts[kind] += 1
        if kind == "record":
            made = canonical(text.encode())
        elif kind == "canonical":
            shown = text.replace("\\u007f", "\x7f").replace("\\u2028", "\u2028")
            assert made and made.data == shown.encode()
        elif kind == "sha256":
            assert made and made.sha256.hex() == text
        else:
            error = refusal(text.encode())
            assert f" {error.code} {error.line}:{error.column} {error.key}" == facts
    assert counts == {"record": 2, "canonical": 2, "sha256": 1, "refused": 5}


def test_every_code_stands_in_the_specification() -> None:
    text = SPECIFICATION.read_text()
    assert [code for code in Code if f"`{code}`" not in text] == []
