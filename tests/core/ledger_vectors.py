"""The vectors in tests/vectors/ledger, made from the cases: `python tests/core/ledger_vectors.py` writes them anew.

A file holds the genesis document and a list of cases. `before` are the blocks that come first, `block` is the block
that holds nothing but `transaction`. `post` gives the code, the app hash after the block, the log leaf index, and
every proven key that the block changed (null: deleted). Without `post` the transaction is refused with `refused`,
and the app hash is that of an empty block.
"""

import json
import sys
from pathlib import Path
from typing import Any

import called_cases  # noqa: F401  # enters its cases
import clinic_cases  # noqa: F401  # enters its cases
import due_cases  # noqa: F401  # enters its cases
import freezing_cases  # noqa: F401  # enters its cases
import msgspec
import passkey_cases  # noqa: F401  # enters its cases
import recovery_cases  # noqa: F401  # enters its cases
import thief_cases  # noqa: F401  # enters its cases
import validator_cases  # noqa: F401  # enters its cases
from ledger_cases import CASES, Case
from ledger_world import GENESIS, World

from medrec.core import state
from medrec.core.types import Block

FOLDER = Path(__file__).resolve().parent.parent / "vectors" / "ledger"
FAMILIES = ("block", "organisation", "account", "passkey", "recovery", "governance", "anchor")


def vector(case: Case) -> dict[str, Any]:
    """One case as data."""
    world = World()
    transaction = case.build(world)
    block = world.next_block(transaction)
    result = world.try_out(transaction)
    outcome = result.outcomes[0]
    made: dict[str, Any] = {
        "name": case.name.replace("_", " "),
        "before": [
            {"time": block.time, "transactions": [data.hex() for data in block.transactions], **accused(block)}
            for block in world.blocks
        ],
        "block": {"height": block.height, "time": block.time, **accused(block)},
        "transaction": transaction.hex(),
        "app_hash": result.tip.app_hash.hex(),
    }
    if outcome.code:
        return made | {"refused": {"code": int(outcome.code), "name": outcome.code.name}}
    changes = {
        key.hex(): None if value is None else value.hex()
        for key, value in sorted(result.writes.items())
        if not key.startswith(state.UNMAPPED)
    }
    return made | {"post": {"code": 0, "leaf": result.leaf_indices[0], "changes": changes}}


def accused(block: Block) -> dict[str, Any]:
    """The misbehaviour of a block, where there is some."""
    return {"misbehaviour": msgspec.to_builtins(block.misbehaviour)} if block.misbehaviour else {}


def document(family: str) -> dict[str, Any]:
    """The vectors of a family."""
    return {
        "vectors": f"medrec ledger {family}, protocol 1",
        "genesis": GENESIS,
        "cases": [vector(case) for case in CASES if case.family == family],
    }


def text(family: str) -> str:
    """The file of a family."""
    return json.dumps(document(family), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in FAMILIES:
        (FOLDER / f"{name}.json").write_text(text(name), encoding="utf-8")
        print(f"{name}.json: {len(document(name)['cases'])} cases", file=sys.stderr)
