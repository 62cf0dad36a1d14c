"""What the gate lets out is what `sift` lets out whole: nothing is cut (decision 0024), and no trace is left."""

import json
import random
from typing import Any

import pytest

from medrec.core.consent.access import requested
from medrec.core.consent.decide import decide
from medrec.core.consent.redact import sift
from medrec.core.manifests.access import Request
from tests.node.network import Network, Patient
from tests.node.test_labels import ada, everything_but, network, seen

__all__ = ["ada", "network"]
TEXTS = ("Asthma", "Alcoholism", "HIV", "Fracture", "Migraine")


def some_records(seed: int) -> list[dict[str, Any]]:
    """Conditions, visits and findings that point at each other, some with a note; the same for the same seed."""
    chance = random.Random(seed)
    found: list[dict[str, Any]] = []
    for at in range(12):
        kind = chance.choice(("Condition", "Observation", "Encounter"))
        record: dict[str, Any] = {"resourceType": kind, "id": f"r{at}", "subject": {"reference": "Patient/ada"}}
        if kind == "Encounter":
            record["status"] = "finished"
        else:
            record["code"] = {"text": chance.choice(TEXTS)}
        if found and chance.random() < 0.5:
            other = chance.choice(found)
            pointer = {"reference": f"{other['resourceType']}/{other['id']}"}
            record["partOf" if kind == "Encounter" else "encounter"] = pointer
        if chance.random() < 0.2 and kind != "Encounter":
            record["note"] = [{"text": "came with her sister"}]
        found.append(record)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_gate_and_the_sieve_let_out_the_same(network: Network, ada: Patient, seed: int) -> None:
    north = network["north"]
    records = some_records(seed)
    for record in records:
        north.put(record["resourceType"], record["id"], json.dumps(record))
    everything_but(network, ada, "SUD", "HIV")
    with north.store.read() as connection:
        request = Request("00" * 16, "south", "", "TREAT", "visit", "pull", [], [])
        rules = north.gate.decider.standing(connection, ada.account, request, network.time).rules
    asked = requested(rules, requester="south", holder="north", purposes=["TREAT"], practitioner="dr-x")
    decision = decide(asked, rules, network.time)
    labeller = north.labels.labeller
    assert labeller is not None and decision.effect == "permit"
    whole = sift(decision, records, labeller, complete=True, whole_only=True)
    let_out = sorted(record["id"] for record, answer in zip(records, whole, strict=True) if answer.state == "whole")
    assert {answer.state for answer in whole} == {"whole", "withheld"}
    assert sorted(seen(network, ada)) == let_out
    # What parts cut would give more of, were a cut record still the one that was signed.
    cut = sift(decision, records, labeller, complete=True)
    assert {answer.state for answer in cut} >= {"withheld", "cut"}
