"""The receipt of an erasure: a stranger verifies it with the standalone tool, and it tells nothing of what went."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from medrec.core import manifests
from medrec.core.manifests.erasure import ErasureManifest
from medrec.core.records.canonical import canonical
from medrec.node.ledger.receipts import ReceiptUnavailableError, receipt_for
from tests.node.cosigners import run_tool
from tests.node.network import Network, Patient
from tests.node.test_erasure import ada, gone_at_source, network, observation

__all__ = ["ada", "network"]


@pytest.mark.parametrize("scope", ["record", "person"])
def test_a_receipt_of_the_erasure_verifies_with_the_standalone_tool(
    network: Network, ada: Patient, tmp_path: Path, scope: str
) -> None:
    north: Any = network["north"]
    before = receipt_for(north, ("Observation", "o1"))
    for identifier in ("o1", "o2"):
        gone_at_source(north, identifier)
    if scope == "record":
        done = north.erasures.erase_record("Observation", "o1", "patient-request", "She asked for it.")
    else:
        done = north.erasures.erase_person("ada", "patient-request", "She asked for it.")
    with pytest.raises(ReceiptUnavailableError) as caught:
        receipt_for(north, done.statement)
    assert caught.value.code == "not-anchored-yet"
    network.anchor()
    receipt = receipt_for(north, done.statement)
    answer = run_tool(tmp_path, north, receipt, None)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "statement (erasure/1)" in answer.stdout and "(north) signed" in answer.stdout
    # It counts what went, names the entries, and says nothing of what stood there.
    said = manifests.decode(json.loads(receipt)["manifest"].encode())
    assert isinstance(said, ErasureManifest) and (said.scope, said.lines) == (scope, done.lines)
    assert hashlib.sha256(base64.b64decode(json.loads(before)["entry"])).hexdigest() in said.entries
    assert (
        b"731904" not in receipt and canonical(observation("o1", 731_904).encode()).sha256.hex().encode() not in receipt
    )
    # A receipt that claims more than was erased does not verify, nor is there one for what went.
    forged = json.loads(receipt)
    forged["manifest"] = forged["manifest"].replace(f'"lines":{done.lines}', f'"lines":{done.lines + 1}')
    assert forged["manifest"] != json.loads(receipt)["manifest"]
    assert run_tool(tmp_path, north, json.dumps(forged).encode(), None).returncode == 1
    with pytest.raises(ReceiptUnavailableError) as caught:
        receipt_for(north, ("Observation", "o1"))
    assert caught.value.code == "unknown-record"
    # Who was given one before keeps it, and it still verifies: the ledger is as it was.
    assert run_tool(tmp_path, north, before, observation("o1", 731_904).encode()).returncode == 0
