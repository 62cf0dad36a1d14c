"""The language of the pages: complete, fillable, and plain."""

import re
import string
from collections.abc import Iterator
from typing import Any

import pytest

from medrec.core.kinds import KINDS
from medrec.core.kinds.governance import CHANGES
from medrec.core.manifests import FORMS
from medrec.core.state import ROLES
from medrec.portal import render, words

NOW = 1_750_000_000_000  # 15 June 2025, 15:06:40 UTC
MINUTE, DAY = 60_000, 86_400_000
JARGON = ("hash", "merkle", "nonce", "blockchain", "wallet", "cryptograph", "payload", "endpoint", "manifest", "node ")


def texts(*, plain: bool = False) -> Iterator[tuple[str, Any]]:
    for group, content in words.GROUPS.items():
        if content.plain or not plain:
            for name, text in content.english():
                yield f"{group}.{name}", text


def test_every_kind_role_change_and_manifest_has_words() -> None:
    assert set(words.KINDS) == set(KINDS)
    assert set(words.ROLES) == ROLES
    assert set(words.CHANGES) == set(CHANGES)
    assert set(FORMS) <= set(words.MANIFESTS)


def test_every_text_can_be_filled() -> None:
    for name, text in texts():
        for part in text if isinstance(text, tuple) else (text,):
            fields = {field for _, field, _, _ in string.Formatter().parse(part) if field is not None}
            assert all(re.fullmatch("[a-z_]+", field) for field in fields), name
            assert "{" not in render.say(part, **dict.fromkeys(fields, "x")), name


def test_patients_read_no_jargon() -> None:
    for name, text in texts(plain=True):
        for part in text if isinstance(text, tuple) else (text,):
            assert not any(word in part.lower() for word in JARGON), name


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (0, "just now"),
        (59_999, "just now"),
        (MINUTE, "a minute ago"),
        (59 * MINUTE, "59 minutes ago"),
        (60 * MINUTE, "today at 14:06"),
        (DAY, "yesterday at 15:06"),
        (-DAY, "tomorrow at 15:06"),
        (-MINUTE, "today at 15:07"),
        (400 * DAY, "11 May 2024 at 15:06"),
    ],
)
def test_times_in_words(ago: int, said: str) -> None:
    made = render.moment(NOW - ago, NOW)
    assert re.sub("<[^>]+>", "", made) == said
    assert re.match(r'<time datetime="20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z">', made)


def test_a_time_beyond_the_calendar_is_shown_as_a_number() -> None:
    assert render.moment(10**18, NOW) == str(10**18)


def test_what_is_filled_in_is_escaped_and_isolated() -> None:
    said = render.say("{who} & {count}", who="<b>\u202e{x}", count=1234)
    assert said == "<bdi>&lt;b&gt;\N{REPLACEMENT CHARACTER}{x}</bdi> &amp; 1,234"


def test_joiners_and_letters_of_all_scripts_stay() -> None:
    for name in ("می\u200cخواهم", "नेहा", "Ñandú", "李小龍", "Zoë 🩺"):
        assert render.shown(name) == name


def test_lists_read_like_a_sentence() -> None:
    assert re.sub("<[^>]+>", "", render.listed(["a", "b", "c"])) == "a, b and c"
    assert render.listed([]) == ""
    assert re.sub("<[^>]+>", "", render.kinds_of(["Observation", "Condition", "Observation"])) == (
        "2 measurements or test results and 1 health problem"
    )
