"""A text that repeats one word holds nobody: what is read of a name takes steps by its length, and not by its third
power. Counted by the seconds of the processor that a process of its own may take, not by a clock."""

import resource
import subprocess
import sys

import pytest

from medrec.core.records.problem_words import spoken

SECONDS = 20
"""Thousands of times what it takes; what grew with the third power took hours."""
READ = """
import sys
from medrec.core.records.problem_words import spoken
for word in ("left ", "right ", "history of left ", "left\\t", "bilateral ", "- left ", "(left) "):
    for length in (2_000, 12_000):
        spoken((word * length)[:length])
        spoken("asthma " + (word * length)[:length] + "!")
"""


def test_a_name_that_repeats_one_word_is_read_in_few_steps() -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    done = subprocess.run([sys.executable, "-c", READ], preexec_fn=limit, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("word", ["left", "right", "bilateral"])
def test_what_is_taken_off_leaves_one_space(word: str) -> None:
    assert spoken(f"{word} eye {word} {word} pain").core == "eye pain"


def test_what_is_far_too_long_for_a_name_is_not_certain() -> None:
    found = spoken("left asthma " + "and so on " * 400 + "was ruled out")
    assert (found.side, found.standing) == ("left", "uncertain")
    assert found.core.endswith("ruled out")  # nothing of it is lost, so that two such are not one
