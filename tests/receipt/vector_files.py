"""The files of tests/vectors/receipt: root files, cases by verdict, and the kept ML-DSA-44 signatures."""

import json
from typing import Any

import member_cases
import receipt_cases
from build import ROOTS, SIGNATURES, VECTORS


def files() -> dict[str, Any]:
    """Every vector file by name."""
    about = "What each field means: tests/receipt/receipt_cases.py. Rules: docs/spec/receipt.md version 1."
    groups = {
        "genuine": receipt_cases.genuine() + member_cases.genuine(),
        "forged": receipt_cases.of_record() + receipt_cases.of_batch() + receipt_cases.of_log() + member_cases.forged(),
        "unreadable": receipt_cases.unreadable() + member_cases.unreadable(),
    }
    found: dict[str, Any] = {f"{name}.json": {"about": about, "cases": cases} for name, cases in groups.items()}
    return {"roots.json": {"about": about, "roots": ROOTS}} | found


def write() -> None:
    """Write all vector files, and the kept ML-DSA-44 signatures last."""
    VECTORS.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (VECTORS / name).write_text(rendered(content), encoding="utf-8")
    (VECTORS / "mldsa44.json").write_text(rendered(dict(sorted(SIGNATURES.used.items()))), encoding="utf-8")


def rendered(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=True) + "\n"
