"""Writes tests/vectors/decision/basis.json: what every case of the suite stands on, so that no engine needs ours.

Run by `make vectors`; test_verdicts.py says when the file is not what the engine decides by.
"""

import json
from pathlib import Path
from typing import Any

from medrec.core.consent import systems, terms
from medrec.core.consent.floor import FLOORS
from medrec.core.consent.roles import PROFESSIONS

FILE = Path(__file__).resolve().parents[3] / "tests" / "vectors" / "decision" / "basis.json"
REQUEST: dict[str, Any] = {
    "references": ["Organization/x"],
    "roles": [],
    "purposes": ["TREAT"],
    "action": "access",
    "touches": [],
    "custodian": [],
    "unresolved": [],
    "unheld": [],
    "types": [],
}
RECORD: dict[str, Any] = {
    "kinds": [],
    "labels": [],
    "codes": [],
    "dates": None,
    "authors": [],
    "refers": [],
    "referred": [],
    "may": [],
}
"""What a request, and a record, of a check says where it says nothing; README.md explains each member."""


def document() -> dict[str, Any]:
    """The basis, in the order in which README.md explains it."""
    return {
        "format": "medrec/decision-basis/1",
        "about": "What the cases beside this file stand on: see README.md. Made by `make vectors`.",
        "defaults": {"request": REQUEST, "record": RECORD},
        "laws": {name: _law(name) for name in sorted(FLOORS)},
        "purposes": _lists(terms.PURPOSES_BELOW),
        "care": sorted(terms.CARE),
        "research": sorted(terms.RESEARCH),
        "emergency": sorted(terms.EMERGENCY),
        "sensitivities": _lists(terms.SENSITIVITIES_BELOW),
        "may_be": _lists(terms.MAY_BE),
        "confidentiality": list(terms.CONFIDENTIALITY_ORDER),
        "actions": sorted(terms.ACTIONS),
        "professions": {name: list(tokens) for name, tokens in sorted(PROFESSIONS.items())},
        "systems": {name: list(others) for name, others in sorted(systems.TABLE.items())},
        "types": sorted(systems.TYPES),
    }


def _law(name: str) -> dict[str, Any]:
    law = FLOORS[name]
    return {
        "rules": [
            {
                "id": rule.id,
                "labels": sorted(rule.labels),
                "purposes": None if rule.purposes is None else sorted(rule.purposes),
                "lifted": sorted(rule.lifted),
                "ages": None if rule.ages is None else list(rule.ages),
                "source": rule.source,
            }
            for rule in law.rules
        ],
        "notices": [{"code": one.code, "labels": sorted(one.labels), "source": one.source} for one in law.notices],
    }


def _lists(table: dict[str, frozenset[str]]) -> dict[str, list[str]]:
    return {code: sorted(table[code]) for code in sorted(table)}


def text() -> str:
    """The file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
