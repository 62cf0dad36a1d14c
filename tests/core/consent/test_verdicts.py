"""The verdict suite in tests/vectors/decision: hard cases, HL7's own examples, and consents that cannot be read."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import decision_basis
import pytest
import run_suite
from consent_forms import ask, compiled, give, ms, record_of, request_of
from decision_vectors import SHARED, cases, differences, load
from run_suite import whole
from test_labels import LABELLER

from medrec.core.consent.compiling import compile_consents, marks_allowed, unturned
from medrec.core.consent.counting import COUNT_MIN, counted
from medrec.core.consent.decide import decide
from medrec.core.consent.policy import Unreadable
from medrec.core.consent.reading import read_consent
from medrec.core.consent.redact import sift


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


@pytest.mark.parametrize("case", named("records"))
def test_what_is_left_of_records_as_they_stand(case: dict) -> None:
    """Labelled by the rules that ship, decided, held back."""
    rules = compiled(*case["consents"])
    marks = marks_allowed(rules, ms(case["now"]))
    decision = decide(ask(), rules, ms(case["now"]))
    found = sift(decision, case["records"], LABELLER, complete=True, whole_only=not marks)
    told = [record if left == "whole" else left for record, left in zip(case["records"], case["left"], strict=True)]
    assert [one.resource for one in found] == told
    gone = [
        f"{one['resourceType']}/{one['id']}" for one, left in zip(case["records"], told, strict=True) if left is None
    ]
    sent = json.dumps([one for one in told if one is not None])
    assert gone and not [name for name in gone if name in sent] and (marks or "REDACTED" not in sent)


@pytest.mark.parametrize("case", named("counts"))
def test_who_may_be_counted_and_whether_it_may_be_said(case: dict) -> None:
    people = []
    for one in case["people"]:
        checks = [whole({"request": case["request"], "record": record}) for record in one["records"]]
        rules = compile_consents([give(consent["resource"], consent["id"]) for consent in one["consents"]])
        decision = decide(request_of(checks[0][0]), rules, ms(case["now"]))
        people += [(decision, [record_of(record) for _, record in checks])] * one["times"]
    assert counted(people, case["least"]) == run_suite.count(case) == case["counted"]
    assert COUNT_MIN == 11


def test_what_was_decided_before_is_used_again_only_while_nothing_turned() -> None:
    tried = 0
    for case in cases("hard-cases"):
        for check in case["checks"]:
            if "still" not in check:
                continue
            given = [
                give(one["resource"], one["id"], ms(one["revoked"]) if "revoked" in one else None)
                for one in case["consents"]
            ]
            rules, then, now = compile_consents(given), ms(check["since"]), ms(check["now"])
            assert unturned(rules, then, now) is check["still"], check
            asked = request_of(whole(check)[0])
            assert (decide(asked, rules, then) == decide(asked, rules, now)) >= check["still"]
            tried += 1
    assert tried >= 7


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
    checks += len(cases("counts"))
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
