"""Every form is known before there is a second thread."""

import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import msgspec
import pytest

from medrec.core.forms import learn_forms


@pytest.fixture
def looked_at() -> Iterator[list[str]]:
    """Which fields of the forms `Read` and `Below` of a module were looked at, each time anew."""
    module = ModuleType("medrec.of_this_test")
    sys.modules[module.__name__] = module
    seen: list[str] = []
    module.__dict__["field"] = lambda name: (seen.append(name), int)[1]
    text = (
        "import msgspec\n"
        "class Read(msgspec.Struct):\n    one: 'field(\"one\")'\n"
        "class Below(Read):\n    two: 'field(\"two\")'\n"
    )
    exec(text, module.__dict__)
    yield seen
    del sys.modules[module.__name__]


def test_a_form_that_was_learnt_is_not_looked_at_when_it_is_used(looked_at: list[str]) -> None:
    module = sys.modules["medrec.of_this_test"]
    learn_forms()
    assert {"one", "two"} == set(looked_at)
    looked_at.clear()
    assert msgspec.convert({"one": 1, "two": 2}, module.Below).two == 2
    assert msgspec.json.decode(b'{"one":1}', type=module.Read).one == 1
    assert looked_at == []


def test_the_program_learns_all_forms_before_it_starts_anything() -> None:
    said = subprocess.run(
        [sys.executable, "-c", (
            "import threading; import medrec.core.forms as forms; called = []\n"
            "forms.learn_forms = lambda: called.append(threading.active_count())\n"
            "import medrec.wiring; print(called)"
        )],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.strip() == "[1]"
