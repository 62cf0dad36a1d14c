"""What our FHIR faces hand out beside records, held against FHIR R4 by a foreign validator."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.consent.plain import EVERYTHING, NOTHING, Party, Plain, write
from medrec.node.fhir import bundle, capability
from medrec.node.fhir.audit import PROFILES, Auditor
from medrec.node.right_person.finding import Finder
from tests.fhir import hapi
from tests.fhir.test_faces import BP, busy, events, hers
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import Network, Patient
from tests.node.test_emergency import declare
from tests.node.test_gate import written


def world_made(network: Network) -> None:
    network["north"].put("Observation", "bp", BP)


def ada_made(network: Network) -> Patient:
    return network.patient("ada", "north", "south")


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, world_made, ada_made) as forked:
        yield forked


@pytest.mark.slow
def test_a_foreign_validator_finds_no_error_in_audit_events_and_consents(
    network: Network, ada: Patient, shared: Path, tmp_path: Path
) -> None:
    busy(network, ada)
    declare(network, ada.account)
    north: Any = network["north"]
    Finder(north).look("ada", network["north"].doctor("Dr North"), "TREAT", "her visit this morning")
    hers(network, ada, "AuditEvent")
    found: list[Any] = [*events(hers(network, ada, "AuditEvent")), *events(hers(network, ada, "Consent"))]
    south: Any = network["south"]
    for half in written(network["south"], "disclosure-received/1"):
        found += Auditor(south, ada.account, "").events(1, half)
    some = Plain("share", to=[Party("south", "dr-x")], kinds=["medicines"], until="2027-01-31")
    for made in (EVERYTHING, NOTHING, some, Plain("withhold", about=["hiv"]), Plain("emergency-no")):
        found.append(json.loads(write(made, ada.account, network.time)))
    found.append(json.loads(capability.statement(network["north"])))  # type: ignore[arg-type]
    found.append(json.loads(bundle.outcome("actor-strange", "The consent stands.", 200, "warning")))
    found.append(json.loads(bundle.outcome("not-permitted", "There is no permission for this here.", 403)))
    # An event of each kind of line is among them, those without a profile too.
    written_as = {one["id"].rpartition("-")[2] for one in found if one["resourceType"] == "AuditEvent"}
    assert written_as >= {
        "disclosure",
        "read",
        "search",
        "decision",
        "refusal",
        "received",
        "inside",
        "emergency",
        "log",
    }
    kinds = {one["resourceType"] for one in found}
    profiles = {profile.rpartition(".")[2] for one in found for profile in one.get("meta", {}).get("profile", [])}
    assert kinds == {"AuditEvent", "Consent", "CapabilityStatement", "OperationOutcome"}
    assert profiles == {name.rpartition(".")[2] for name in PROFILES}
    files = []
    for number, one in enumerate(found):
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps(one))
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({**found[0], "action": "Z"}))
    said = hapi.errors(shared, *files, wrong)
    assert [line for line in said if "wrong.json" not in line] == []
    assert any("wrong.json" in line for line in said), "the validator can fail"
