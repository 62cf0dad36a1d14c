"""Runs tests/vectors/decision: the engine, and beside it the second interpreter."""

import json
import os
from pathlib import Path
from typing import NamedTuple

import pytest
from consent_forms import Json, give, ms, record_of, request_of
from run_suite import refused, verdict, whole

from medrec.core.consent.compiling import compile_consents
from medrec.core.consent.decide import decide, judge
from medrec.core.consent.floor import floor_of, of_age
from medrec.core.consent.roles import roles_in_doubt

REPOSITORY = Path(__file__).resolve().parents[3]
VECTORS = REPOSITORY / "tests" / "vectors" / "decision"
SHARED = Path(os.environ.get("MEDREC_SHARED", REPOSITORY.parent / "shared")) / "vectors" / "consent"


class Found(NamedTuple):
    """What the engine said, and what the second interpreter said."""

    effect: str
    reason: str
    attach: tuple[str, ...]
    broken: tuple[str, ...]
    other: str
    travels: tuple[str, ...]
    whole: bool
    other_whole: bool


def load(name: str) -> Json:
    found: Json = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def cases(name: str) -> list[Json]:
    found: list[Json] = load(name)["cases"]
    return found


def resource_of(consent: Json) -> Json:
    """The consent's resource, or that of the file it names; skips when the file is not there."""
    if "resource" in consent:
        found: Json = consent["resource"]
        return found
    file = SHARED / consent["file"]
    if not file.exists():
        pytest.skip(f"{consent['file']} is not in {SHARED}")
    named: Json = json.loads(file.read_text(encoding="utf-8"))
    return named


def run(case: Json, check: Json) -> Found:
    resources = {one["id"]: resource_of(one) for one in case["consents"]}
    now = ms(check.get("now", case["now"]))
    law = floor_of(*of_age(case["floor"], case.get("born", ""), now))
    given = [
        give(resources[one["id"]], one["id"], ms(one["revoked"]) if "revoked" in one else None)
        for one in case["consents"]
    ]
    request, record = whole(check)
    rules = compile_consents(given, law.rules, law.notices)
    doubtful = roles_in_doubt(rules.roles, request["references"], request["roles"])
    request["unresolved"] = [*request["unresolved"], *doubtful]
    decision = decide(request_of(request), rules, now)
    judged = judge(decision, record_of(record))
    other, travels = verdict(case, check, resources)
    in_doubt = decision.effect == "indeterminate"
    seen = judged.effect, judged.reason, judged.attach, decision.broken
    return Found(*seen, other, tuple(travels), in_doubt, refused(case, check, resources))


def differences(case: Json) -> list[str]:
    """What a case asks for and the engine, or the second interpreter, does not say."""
    wrong = []
    for at, check in enumerate(case["checks"]):
        found = run(case, check)
        name = f"{case['name']}, check {at}"
        if found.effect != check["effect"]:
            wrong.append(f"{name}: {found.effect} ({found.reason}) instead of {check['effect']}")
        if "reason" in check and check.get("reasons") != "any" and found.reason != check["reason"]:
            wrong.append(f"{name}: reason {found.reason} instead of {check['reason']}")
        if "attach" in check and list(found.attach) != check["attach"]:
            wrong.append(f"{name}: attach {found.attach} instead of {check['attach']}")
        if "broken" in check and list(found.broken) != check["broken"]:
            wrong.append(f"{name}: broken {found.broken} instead of {check['broken']}")
        if "whole" in check and {found.whole, found.other_whole} != {check["whole"]}:
            wrong.append(f"{name}: refused as a whole: {found.whole}, by the second interpreter {found.other_whole}")
        if found.other != check["effect"] or list(found.travels) != check.get("attach", list(found.travels)):
            wrong.append(f"{name}: the second interpreter says {found.other} {found.travels}")
    return wrong
