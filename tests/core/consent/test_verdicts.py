"""The verdict suite in tests/vectors/decision: hard cases, HL7's own examples, and consents that cannot be read."""

import pytest
from decision_vectors import cases, differences, load

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
