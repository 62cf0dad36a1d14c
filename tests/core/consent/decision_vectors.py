"""Runs tests/vectors/decision: the engine, and beside it the second interpreter."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from consent_forms import Json, give, ms, plain_floor, plain_record, plain_request, record_of, request_of
from consent_interpreter import interpret

from medrec.core.consent.compiling import compile_consents
from medrec.core.consent.decide import decide, judge
from medrec.core.consent.floor import floor_of
from medrec.core.consent.times import read_time

REPOSITORY = Path(__file__).resolve().parents[3]
VECTORS = REPOSITORY / "tests" / "vectors" / "decision"
SHARED = Path(os.environ.get("MEDREC_SHARED", REPOSITORY.parent / "shared")) / "vectors" / "consent"


class Found(NamedTuple):
    """What the engine said, and what the second interpreter said (None where the consent cannot be read)."""

    effect: str
    reason: str
    attach: tuple[str, ...]
    broken: tuple[str, ...]
    other: str | None


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


def whole(check: Json) -> tuple[Json, Json]:
    """Request and record of a check with everything that was left out, and dates in milliseconds."""
    request, record = plain_request(**check["request"]), dict(check["record"])
    dates = record.pop("dates", None)
    found = plain_record(record.pop("type"), record.pop("id"), **record)
    if dates is not None:
        ends = [read_time(text) for text in dates]
        found["dates"] = [ends[0].start, ends[1].end]  # type: ignore[union-attr]
    return request, found


def run(case: Json, check: Json) -> Found:
    now = ms(check.get("now", case["now"]))
    law = floor_of(*case["floor"])
    resources = [{**consent, "resource": resource_of(consent)} for consent in case["consents"]]
    plain: list[dict[str, Any]] = [
        {**one, "revoked": ms(one["revoked"]) if "revoked" in one else None} for one in resources
    ]
    rules = compile_consents(
        [give(one["resource"], one["id"], one["revoked"]) for one in plain], law.rules, law.notices
    )
    request, record = whole(check)
    decision = decide(request_of(request), rules, now)
    judged = judge(decision, record_of(record))
    known = not decision.broken and all(label.isupper() and "-" not in label for label in record["labels"] or [])
    readable = known and judged.reason != "purpose-unknown"
    other = interpret(plain, plain_floor(law.rules), request, record, now) if readable else None
    return Found(judged.effect, judged.reason, judged.attach, decision.broken, other)


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
        if found.other is not None and (found.other == "permit") != (check["effect"] == "permit"):
            wrong.append(f"{name}: the second interpreter says {found.other}")
    return wrong
