"""Records of a form that nobody foresaw, and of which nothing is known: withheld, each alone."""

from typing import Any

import pytest
from consent_forms import NOW, X, ask, compiled, r4, rule
from test_labels import LABELLER

from medrec.core.consent.decide import decide, judge
from medrec.core.consent.facts import describing, together, unknown
from medrec.core.consent.redact import sift


@pytest.mark.parametrize("kind", [[], {}, None, 5, True])
def test_one_record_of_a_wrong_form_is_withheld_and_no_other_with_it(kind: object) -> None:
    """A type that is none, where what is withheld of it would be cut out."""
    rules = compiled(r4(rule("permit", rule("deny", label="MH"), who=X)))
    sound = {"resourceType": "Condition", "id": "c", "code": {"text": "asthma"}}
    odd = {"resourceType": kind, "id": "o", "note": [{"text": "depression"}], "contained": [{"resourceType": kind}]}
    found = sift(decide(ask(), rules, NOW), [odd, sound], LABELLER)
    assert [one.state for one in found if one.resource == sound] == ["whole"]
    assert found[0].state != "whole"


def test_what_the_labels_stumble_over_is_withheld_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    label = type(LABELLER).label

    def stumbling(self: Any, resource: Any, *targets: Any) -> Any:
        if resource["id"] == "o":
            raise KeyError("x")
        return label(self, resource, *targets)

    monkeypatch.setattr(type(LABELLER), "label", stumbling)
    one, other = ({"resourceType": "Condition", "id": name} for name in "oc")
    found = sift(decide(ask(), compiled(r4(rule("permit", who=X))), NOW), [one, other], LABELLER)
    told = [(answer.state, answer.judgement.reason) for answer in found]
    assert told == [("withheld", "record-unread"), ("whole", "permitted")]


def test_nothing_permits_a_record_that_nobody_could_read() -> None:
    decision = decide(ask(), compiled(r4(rule("permit", who=X))), NOW)
    judged = judge(decision, unknown("Condition", "c"))
    assert (judged.effect, judged.reason, judged.hidden) == ("indeterminate", "record-unread", True)
    assert judge(decision, together(describing("Condition", "d"), [unknown("Medication", "m")])).effect != "permit"
