"""Why a record is refused and where: the error, and the slow exact scanner that finds the place.

The scanner reads a JSON text token by token, without recursion, and independently of the fast reader in
canonical.py. It runs only when something is known or feared to be wrong.
"""

import json
import re
from enum import StrEnum
from typing import NoReturn

DEPTH_MAX = 64
# Python may refuse longer integers, from 640 digits on, depending on a setting of the environment.
DIGITS_MAX = 640
_KEY_SHOWN = 40


class Code(StrEnum):
    """Why a text is refused; the names are part of the specification and are never reused."""

    EMPTY = "empty"
    TOO_LARGE = "too-large"
    BYTE_ORDER_MARK = "byte-order-mark"
    NOT_UTF8 = "not-utf8"
    LONE_SURROGATE = "lone-surrogate"
    TRUNCATED = "truncated"
    TRAILING = "trailing"
    NOT_JSON = "not-json"
    TOO_DEEP = "too-deep"
    NUMBER_TOO_LONG = "number-too-long"
    NEGATIVE_ZERO = "negative-zero"
    DUPLICATE_KEY = "duplicate-key"
    NOT_A_TREE = "not-a-tree"
    PARSER = "parser"


class RecordError(ValueError):
    """A record that is refused: `code`, `line` and `column` (from 1; 0 = no place), `key` (path), `sentence`.

    The sentence says what is wrong, where, and what to do; it names keys, never values, so it may be logged.
    """

    def __init__(self, code: Code, what: str, line: int = 0, column: int = 0, key: str = "") -> None:
        self.code, self.what, self.line, self.column, self.key = code, what, line, column, key
        place = f"line {line}, column {column}" if line else ""
        inside = f"in {key}" if key else ""
        where = ", ".join(part for part in (place, inside) if part)
        self.sentence = f"{where}: {what}" if where else what
        super().__init__(self.sentence)


def place(raw: bytes, at: int) -> tuple[int, int]:
    """Line and column, both from 1, of a byte offset; the column counts characters."""
    start = raw.rfind(b"\n", 0, at) + 1
    return raw.count(b"\n", 0, at) + 1, len(raw[start:at].decode("utf-8", "replace")) + 1


_SPACE = re.compile(r"[ \t\n\r]*")
_TOKEN = re.compile(
    r"""(?P<mark>[{}\[\]:,])
    |(?P<text>"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")
    |(?P<number>-?(?:0|[1-9][0-9]*+)(?P<fraction>\.[0-9]++)?(?P<power>[eE][+-]?[0-9]++)?)
    |(?P<word>true|false|null)""",
    re.VERBOSE,
)
_TEXT_START = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')


class _Frame:
    __slots__ = ("count", "key", "keys", "state")

    def __init__(self, keys: set[str] | None) -> None:
        self.keys = keys  # None: an array
        self.key = ""
        self.count = 0
        self.state = "first"  # first, key, colon, value, after


def scan(raw: bytes) -> None:
    """Raise the first fault of a text in text order; return if there is none."""
    text = _text_of(raw)
    frames: list[_Frame] = []
    at, done = 0, False
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        if at == len(text):
            break
        if done:
            _fault(Code.TRAILING, "something follows after the end of the value; remove it", text, at, frames)
        token = _TOKEN.match(text, at)
        if token is None:
            _bad_token(text, at, frames)
        done = _step(token, text, at, frames)
        at = token.end()
    if not text.strip(" \t\n\r"):
        _fault(Code.EMPTY, "there is nothing here; leave the record out or send it", text, 0, frames)
    if not done:
        _fault(Code.TRUNCATED, "the text ends too early; send the whole of it", text, at, frames)


def _text_of(raw: bytes) -> str:
    if raw[:3] == b"\xef\xbb\xbf" or raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise RecordError(Code.BYTE_ORDER_MARK, "a byte-order mark begins the text; save as plain UTF-8", 1, 1)
    if raw[:1] == b"\x00" or raw[1:2] == b"\x00":
        raise RecordError(Code.NOT_UTF8, "this looks like UTF-16 or UTF-32; save as plain UTF-8", 1, 1)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = place(raw, error.start)
        raise RecordError(Code.NOT_UTF8, "this byte is not UTF-8; save as UTF-8", line, column) from None


def _step(token: re.Match[str], text: str, at: int, frames: list[_Frame]) -> bool:
    """Take one token; True when the outermost value has ended with it."""
    frame = frames[-1] if frames else None
    state = frame.state if frame else "value"
    piece = token.group()
    if frame and piece in ("}", "]"):
        right = "}" if frame.keys is not None else "]"
        if piece != right or state not in ("first", "after"):
            _fault(Code.NOT_JSON, f"{piece} does not fit here; correct the text", text, at, frames)
        frames.pop()
        return _ended(frames)
    if frame and state == "after":
        if piece != ",":
            _fault(Code.NOT_JSON, "a comma is missing here; correct the text", text, at, frames)
        frame.state = "key" if frame.keys is not None else "value"
        return False
    if frame and state == "colon":
        if piece != ":":
            _fault(Code.NOT_JSON, "a colon is missing here; correct the text", text, at, frames)
        frame.state = "value"
        return False
    if frame and frame.keys is not None and state in ("first", "key"):
        _take_key(token, text, at, frames)
        return False
    if piece in ("{", "["):
        if len(frames) == DEPTH_MAX:
            _fault(Code.TOO_DEEP, f"nested deeper than {DEPTH_MAX} levels; flatten it", text, at, frames)
        frames.append(_Frame(set() if piece == "{" else None))
        return False
    if token["mark"]:
        _fault(Code.NOT_JSON, f"{piece} does not fit here, a value is expected", text, at, frames)
    _check_scalar(token, text, at, frames)
    return _ended(frames)


def _ended(frames: list[_Frame]) -> bool:
    if not frames:
        return True
    frames[-1].state = "after"
    frames[-1].count += 1
    return False


def _take_key(token: re.Match[str], text: str, at: int, frames: list[_Frame]) -> None:
    frame = frames[-1]
    if not token["text"]:
        _fault(Code.NOT_JSON, "a key in double quotes is expected here", text, at, frames)
    key = _check_text(token, text, at, frames)
    known = frame.keys if frame.keys is not None else set()
    frame.key = key
    if key in known:
        _fault(Code.DUPLICATE_KEY, "this key stands twice in one object; keep one", text, at, frames)
    known.add(key)
    frame.state = "colon"


def _check_scalar(token: re.Match[str], text: str, at: int, frames: list[_Frame]) -> None:
    if token["text"]:
        _check_text(token, text, at, frames)
    elif token["number"] and not token["fraction"] and not token["power"]:
        if token["number"] == "-0":
            _fault(Code.NEGATIVE_ZERO, "the integer -0 is ambiguous; write 0", text, at, frames)
        if len(token["number"].lstrip("-")) > DIGITS_MAX:
            what = f"an integer has more than {DIGITS_MAX} digits; shorten it or write it as text"
            _fault(Code.NUMBER_TOO_LONG, what, text, at, frames)


def _check_text(token: re.Match[str], text: str, at: int, frames: list[_Frame]) -> str:
    value: str = json.loads(token["text"]) if "\\" in token["text"] else token["text"][1:-1]
    try:
        value.encode()
    except UnicodeEncodeError:
        _fault(Code.LONE_SURROGATE, "an escape names half of a character; remove it", text, at, frames)
    return value


def _bad_token(text: str, at: int, frames: list[_Frame]) -> NoReturn:
    if (start := _TEXT_START.match(text, at)) is not None:
        at = start.end()
        if at == len(text):
            _fault(Code.TRUNCATED, "the text ends inside quotes; send the whole of it", text, at, frames)
        what = "a bad escape" if text[at] == "\\" else "a control character"
        _fault(Code.NOT_JSON, f"{what} stands in a text; write it as JSON allows", text, at, frames)
    if any(word.startswith(text[at:]) for word in ("true", "false", "null", "-")):
        _fault(Code.TRUNCATED, "the text ends inside a value; send the whole of it", text, at, frames)
    _fault(Code.NOT_JSON, "this is no JSON value; correct the text", text, at, frames)


def _fault(code: Code, what: str, text: str, at: int, frames: list[_Frame]) -> NoReturn:
    line = text.count("\n", 0, at) + 1
    raise RecordError(code, what, line, at - text.rfind("\n", 0, at), _path(frames))


def _path(frames: list[_Frame]) -> str:
    path = ""
    for frame in frames:
        if frame.keys is None:
            path += f"[{frame.count}]"
        elif frame.key:
            key = frame.key[:_KEY_SHOWN]
            path += ("." if path else "") + (key if key.isidentifier() else json.dumps(key))
    return path
