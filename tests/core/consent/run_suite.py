"""Runs the verdict suite as any other engine would: by its README.md and basis.json alone, without anything of ours.

    python -S tests/core/consent/run_suite.py [the folder with HL7's examples]
    220 verdicts, 0 different; 72 need HL7's examples

It takes the second interpreter for its engine. Exit status 1: a verdict is different.
"""

import json
import sys
from collections.abc import Collection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from consent_codes import ABOVE, BASIS, SUITE, Json, system_name
from consent_interpreter import end_of, interpret, start_of
from consent_whole import refused_whole

FILES = ("hard-cases.json", "hl7-r4.json", "hl7-r5.json")
_V3 = "http://terminology.hl7.org/CodeSystem/v3-"


def readable(resource: Json) -> bool:
    """Whether each provision has a direction (R4 writes it out), and every code in it that decides is known."""
    provision = resource.get("provision", {})
    if "decision" in resource:
        return all(_readable(top, False) for top in provision or ())
    return ("type" in provision or "policyRule" in resource) and _readable(provision, True)


def _readable(rule: Json, typed: bool) -> bool:
    purposes = [_known(one, ActReason=BASIS["purposes"]) for one in rule.get("purpose", [])]
    tables = {"ActCode": BASIS["sensitivities"], "Confidentiality": BASIS["confidentiality"]}
    labels = [_known(one, **tables) for one in rule.get("securityLabel", [])]
    below = [_readable(child, typed) and ("type" in child or not typed) for child in rule.get("provision", [])]
    return all(purposes) and all(labels) and all(below)


def _known(coding: Json, **tables: Collection[str]) -> bool:
    return coding["code"] in tables.get(system_name(coding["system"]).removeprefix(_V3), ())


def whole(check: Json) -> tuple[Json, Json]:
    """Request and record of a check with all that was left out, and the record's time in milliseconds."""
    request = {**BASIS["defaults"]["request"], **check["request"]}
    record = {**BASIS["defaults"]["record"], **check["record"]}
    if record["dates"] is not None:
        record["dates"] = [start_of(record["dates"][0]), end_of(record["dates"][1])]
    return request, record


def verdict(case: Json, check: Json, resources: dict[str, Json]) -> tuple[str, list[str]]:
    """The effect, and for a permit what has to travel along."""
    now = start_of(check.get("now", case["now"]))
    request, record = whole(check)
    if not {*(record["labels"] or [])} <= {*ABOVE, *BASIS["confidentiality"]}:
        record["labels"] = None
    consents = _consents(case, resources)
    if refused(case, check, resources):
        return "indeterminate", []
    laws = [BASIS["laws"][name] for name in case["floor"]]
    rules = [rule for law in laws for rule in law["rules"] if _of_age(rule["ages"], case.get("born", ""), now)]
    effect = interpret(consents, rules, request, record, now)
    carried = {
        above for label in (ABOVE if record["labels"] is None else record["labels"]) for above in ABOVE.get(label, ())
    }
    travels = [one["code"] for law in laws for one in law["notices"] if carried & set(one["labels"])]
    if set(request["purposes"]) & set(BASIS["emergency"]):
        travels.append("break-glass-review")
    return effect, sorted(travels)


def refused(case: Json, check: Json, resources: dict[str, Json]) -> bool:
    """Whether the request is refused as a whole for what nobody knows, so that no record is looked at."""
    request, now = whole(check)[0], start_of(check.get("now", case["now"]))
    consents = [one for one in _consents(case, resources) if one["revoked"] is None or now < one["revoked"]]
    if not all(readable(one["resource"]) for one in consents) or not set(request["purposes"]) <= set(BASIS["purposes"]):
        return True
    return refused_whole(consents, request, now)


def _consents(case: Json, resources: dict[str, Json]) -> list[Json]:
    return [
        {
            "id": one["id"],
            "resource": resources[one["id"]],
            "revoked": start_of(one["revoked"]) if "revoked" in one else None,
        }
        for one in case["consents"]
    ]


def count(case: Json) -> int | None:
    """How many people may be counted, None where that is not said."""
    found = 0
    for one in case["people"]:
        resources = {consent["id"]: consent["resource"] for consent in one["consents"]}
        checks = [{"request": case["request"], "record": record} for record in one["records"]]
        stated = {"now": case["now"], "floor": [], "consents": one["consents"]}
        found += one["times"] * any(verdict(stated, check, resources)[0] == "permit" for check in checks)
    return found if found >= max(1, case["least"]) else None


def _of_age(ages: list[int] | None, born: str, now: int) -> bool:
    if ages is None or len(born) != len("2000-01-01"):
        return True
    first, last = (start_of(f"{int(born[:4]) + age:04}{born[4:]}") for age in ages)
    return first <= now < last


def run(suite: Path = SUITE, examples: Path | None = None) -> tuple[int, list[str], int]:
    """How many verdicts were reached, which are different, and how many need an example that is not there."""
    reached, different, without = 0, [], 0
    for case in json.loads((suite / "counts.json").read_text(encoding="utf-8"))["cases"]:
        reached += 1
        if count(case) != case["counted"]:
            different.append(f"counts.json, {case['name']}: {count(case)}")
    for name in FILES:
        for case in json.loads((suite / name).read_text(encoding="utf-8"))["cases"]:
            resources: dict[str, Json] = {}
            for one in case["consents"]:
                file = (examples or Path("nowhere")) / one.get("file", "")
                if "resource" in one:
                    resources[one["id"]] = one["resource"]
                elif file.is_file():
                    resources[one["id"]] = json.loads(file.read_text(encoding="utf-8"))
            if len(resources) < len({one["id"] for one in case["consents"]}):
                without += len(case["checks"])
                continue
            for at, check in enumerate(case["checks"]):
                reached += 1
                effect, travels = verdict(case, check, resources)
                if "whole" in check and refused(case, check, resources) is not check["whole"]:
                    different.append(f"{name}, {case['name']}, check {at}: whole {not check['whole']}")
                if effect != check["effect"] or travels != sorted(check.get("attach", travels)):
                    different.append(f"{name}, {case['name']}, check {at}: {effect} {travels}")
    return reached, different, without


if __name__ == "__main__":
    found, wrong, missing = run(examples=Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    print(*wrong, f"{found} verdicts, {len(wrong)} different; {missing} need HL7's examples", sep="\n")
    sys.exit(bool(wrong))
