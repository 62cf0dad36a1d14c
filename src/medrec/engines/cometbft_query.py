"""Reading the state through a node, with proofs: the caller need not believe the node.

Paths: /state with a key, /log with a leaf index (8 bytes, big-endian), /tip. A proof is a run of steps (ProofOps):
`medrec/map/1` or `medrec/log/1` lead from the value to a root, `medrec/app/1` from the roots to the app hash, which
stands in the header of the next block.
"""

from collections.abc import Callable

from medrec.core import codec, merkle, statemap
from medrec.core.genesis import decode_tip, encode_tip
from medrec.core.types import Tip
from medrec.engines.abci.messages import ProofOp, ProofOps, RequestQuery, ResponseQuery
from medrec.engines.storage import Storage

FILTER, FILTER_ID = "/p2p/filter/", "/p2p/filter/id/"
"""What CometBFT asks about whoever connects, by address and by id."""
MAP, LOG, APP = "medrec/map/1", "medrec/log/1", "medrec/app/1"


class QueryError(ValueError):
    """The answer of a node does not prove what it says."""


def answer_query(
    storage: Storage, request: RequestQuery, admits: Callable[[str], bool] = lambda engine: True
) -> ResponseQuery:
    """The value at the tip, and its proof if asked; of an engine that connects, whether it is let in."""
    tip = storage.tip()
    if request.height not in (0, tip.height):
        return ResponseQuery(1, f"only height {tip.height}, the newest, can be read", codespace="medrec")
    if request.path.startswith(FILTER):
        known = not request.path.startswith(FILTER_ID) or admits(request.path.removeprefix(FILTER_ID).lower())
        return ResponseQuery() if known else ResponseQuery(3, "no member's engine", codespace="medrec")
    view = storage.state()
    steps = [ProofOp(APP, b"", encode_tip(tip))]
    value: bytes | None
    if request.path == "/tip":
        return ResponseQuery(0, "", b"", encode_tip(tip), ProofOps(steps), tip.height)
    if request.path == "/state":
        value = view.get(request.data)
        proof = statemap.prove(view.get, request.data)
        steps.insert(0, ProofOp(MAP, request.data, codec.encode(proof.to_value())))
    elif request.path == "/log" and len(request.data) == 8 and int.from_bytes(request.data, "big") < tip.log_size:
        index = int.from_bytes(request.data, "big")
        value = view.get(merkle.node_key(0, index))
        path = merkle.inclusion_proof(view.get, index, tip.log_size)
        steps.insert(0, ProofOp(LOG, request.data, codec.encode(path)))
    else:
        return ResponseQuery(2, "the paths are /state, /log with a leaf index, and /tip", codespace="medrec")
    ops = ProofOps(steps) if request.prove else None
    return ResponseQuery(0, "" if value is not None else "absent", request.data, value or b"", ops, tip.height)


def verified(answer: ResponseQuery) -> tuple[bytes | None, Tip]:
    """Value (None: proven absent) and tip that an answer with a proof shows; the tip's app hash is for the caller
    to compare. Raises QueryError.
    """
    steps = answer.proof_ops.ops if answer.proof_ops else []
    value: bytes | None
    try:
        if answer.code or not steps or steps[-1].type != APP:
            raise QueryError(answer.log or "the answer has no proof")
        tip = decode_tip(steps[-1].data)
        if len(steps) == 1:
            good, value = answer.value == steps[0].data, answer.value
        elif steps[0].type == MAP:
            proof = statemap.Proof.from_value(codec.decode(steps[0].data))
            absent = answer.log == "absent"
            value = None if absent else answer.value
            good = steps[0].key == answer.key and (
                statemap.verify_absence(tip.state_root, answer.key, proof)
                if value is None
                else statemap.verify_inclusion(tip.state_root, answer.key, value, proof)
            )
        else:
            index, path = int.from_bytes(answer.key, "big"), codec.decode(steps[0].data)
            value = answer.value
            good = steps[0].type == LOG and merkle.verify_inclusion(value, index, tip.log_size, path, tip.log_root)
    except (ValueError, TypeError) as error:
        raise QueryError(f"the proof cannot be read: {error}") from None
    if not good:
        raise QueryError("the proof does not hold")
    return value, tip
