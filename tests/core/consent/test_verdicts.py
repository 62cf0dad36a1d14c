"""The verdict suite in tests/vectors/decision: hard cases, HL7's own examples, and consents that cannot be read."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import decision_basis
import pytest
import run_suite
from decision_vectors import SHARED, cases, differences, load

from medrec.core.consent.policy import Unreadable
from medrec.core.consent.reading import read_consent


def named(name: str) -> list:
    return [pytest.param(case, id=case["name"]) for case in cases(name)]


@pytest.mark.parametrize("case", named("hard-cases"))
def test_a_hard_case(case: dict) -> None:
    assert differences(case) == []


@pytest.mark.parametrize("case", [*named("hl7-r4"), *named("hl7-r5")])
def test_an_example_of_the_standard(case: dict) -> None:
    assert differences(case) == []


@pytest.mark.parametrize("case", named("unreadable"))
def test_a_consent_that_cannot_be_read_is_refused_whole(case: dict) -> None:
    with pytest.raises(Unreadable) as refused:
        read_consent(case["resource"])
    assert (refused.value.code, refused.value.path) == (case["code"], case["path"])


def test_the_sixteen_hard_cases_are_all_there() -> None:
    assert {case["name"][:2] for case in cases("hard-cases")} == {f"{number:02}" for number in range(1, 17)}


def test_a_wrong_verdict_is_seen() -> None:
    case = cases("hard-cases")[0]
    turned = {"permit": "deny", "deny": "permit"}
    checks = [{**check, "effect": turned.get(check["effect"], "permit")} for check in case["checks"]]
    assert len(differences({**case, "checks": checks})) >= len(checks)
    assert load("hard-cases")["format"] == "medrec/decision/1"


def test_what_the_suite_stands_on_is_what_the_engine_decides_by() -> None:
    assert decision_basis.FILE.read_text(encoding="utf-8") == decision_basis.text(), "run `make vectors`"


def test_any_engine_can_run_the_suite_without_ours() -> None:
    """An interpreter that has nothing installed, and reads nothing but the suite."""
    command = [sys.executable, "-I", "-S", str(Path(run_suite.__file__)), str(SHARED)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    checks = sum(len(case["checks"]) for name in ("hard-cases", "hl7-r4", "hl7-r5") for case in cases(name))
    without = 0 if SHARED.is_dir() else sum(len(c["checks"]) for name in ("hl7-r4", "hl7-r5") for c in cases(name))
    last = f"{checks - without} verdicts, 0 different; {without} need HL7's examples\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, last, "")
    alone = [sys.executable, "-I", "-S", "-c", "import medrec"]
    assert subprocess.run(alone, capture_output=True, timeout=120, check=False).returncode != 0


def test_a_runner_of_the_suite_sees_a_wrong_verdict(tmp_path: Path) -> None:
    suite = shutil.copytree(run_suite.SUITE, tmp_path / "suite")
    reached, different, _ = run_suite.run(suite)
    assert reached > 150 and different == []
    told = json.loads((suite / "hard-cases.json").read_text(encoding="utf-8"))
    told["cases"][0]["checks"][1]["effect"] = "permit"
    (suite / "hard-cases.json").write_text(json.dumps(told), encoding="utf-8")
    assert run_suite.run(suite)[1] == [f"hard-cases.json, {told['cases'][0]['name']}, check 1: deny []"]
