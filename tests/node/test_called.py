"""Organisations that a consent calls as the world calls them: by an NPI, by an address on somebody's server."""

import json
import os
from typing import Any

import pytest

from medrec.core import codec
from medrec.core.consent.facts import facts
from medrec.core.consent.replay import differences
from medrec.node.consent.consents import CONSENTS_PATH, write_fhir_consent
from medrec.node.refusals import Code
from tests.fhir.asking import consent
from tests.node.network import Network, Patient
from tests.node.test_actors import ALL, HELD, RECIPIENT, X, put, seen, team, to, why
from tests.node.test_actors import ada as ada
from tests.node.test_actors import network as network
from tests.node.test_emergency import written

NO = Code.NOT_PERMITTED.value
SYSTEM = "http://hl7.org/fhir/sid/us-npi"
NPI, ADDRESS = f"{SYSTEM}|1234567893", "https://ehr.south.example/fhir/Organization/1"
BY_NPI = {"identifier": {"system": SYSTEM, "value": "1234567893"}}
BY_ADDRESS = {"reference": ADDRESS}


def give(network: Network, person: Patient, effect: str, reference: dict[str, Any], role: Any = RECIPIENT) -> list[str]:
    """She signs it, and is told whom the place does not know."""
    text = consent(effect, actor=[{"role": role, "reference": reference}])
    key, now, secret = person.key.key_id, network.time, os.urandom(32)
    signed = write_fhir_consent(network.id, "north", person.account, now, text, secret, key, person.sign)
    return list(codec.decode(network["guide"].peers.call("north", CONSENTS_PATH, signed))["strange"])


def replayed(network: Network, person: Patient) -> bool:
    """Whether what north last decided comes out the same by what it wrote down."""
    north = network["north"]
    kept = {one.hash.hex(): one.consent for one in north.consents.of(person.account)}
    known = {"/".join(name): facts(json.loads(raw), []) for name, raw in north.source.raw.items()}
    stated = [*written(north, "disclosure/1"), *written(north, "refusal/1")]
    return [differences(one, kept, known) for one in stated] == [[]] * len(stated)


@pytest.mark.parametrize("reference", [BY_NPI, BY_ADDRESS])
def test_a_denial_to_an_organisation_by_another_name_keeps_out_that_one_once_the_members_said_so(
    network: Network, ada: Patient, reference: dict[str, Any]
) -> None:
    network.consent(ada, "north", "*")
    assert len(give(network, ada, "deny", reference)) == 1
    assert seen(network, ada) == NO and why(network) == "actor-unresolved" and seen(network, ada, "east") == NO
    network.call("south", names=[NPI, ADDRESS])
    network.time += 1
    assert give(network, ada, "deny", reference) == []
    assert seen(network, ada) == NO and why(network) == "denied" and seen(network, ada, "east") == ALL
    assert replayed(network, ada)


@pytest.mark.parametrize("reference", [BY_NPI, BY_ADDRESS])
def test_a_permit_by_another_name_opens_to_that_one_alone(
    network: Network, ada: Patient, reference: dict[str, Any]
) -> None:
    network.call("south", names=[NPI, ADDRESS])
    assert give(network, ada, "permit", reference) == []
    assert seen(network, ada) == ALL and seen(network, ada, "east") == NO
    assert replayed(network, ada)


def test_an_organisation_of_a_record_here_is_known_by_its_npi(network: Network, ada: Patient) -> None:
    put(network, "Organization", "77", name="Elsewhere", identifier=[BY_NPI["identifier"]])
    team(network, "Organization/77", subject="")
    network.call("south", names=[NPI])
    assert give(network, ada, "permit", {"reference": "CareTeam/t1"}) == []
    assert seen(network, ada) == ALL and seen(network, ada, "east") == NO


HERE = "https://ehr.north.example/r4"


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ({"reference": "https://north.example/fhir/Organization/north"}, "denied"),
        ({"reference": "https://north.example/fhir/Organization/south"}, ""),
        # On the hospital's own server an id is the hospital's.
        ({"reference": f"{HERE}/Organization/north"}, "actor-unresolved"),
        ({"reference": f"{HERE}/Organization/house"}, "denied"),
        ({"identifier": {"system": SYSTEM, "value": "1000000004"}}, "denied"),
        ({"reference": f"{HERE}/Organization/other"}, ""),
        (BY_NPI, ""),
        ({"reference": f"{HERE}/Organization/ward"}, "actor-unresolved"),
        ({"reference": f"{HERE}/Organization/named"}, "actor-unresolved"),
        ({"reference": f"{HERE}/Practitioner/x"}, "actor-unresolved"),
        ({"reference": "https://elsewhere.example/fhir/Organization/north"}, "actor-unresolved"),
        ({"identifier": {"system": SYSTEM, "value": "9"}}, "actor-unresolved"),
    ],
)
def test_a_holder_is_looked_up_as_others_are(
    network: Network, ada: Patient, reference: dict[str, Any], reason: str
) -> None:
    ledger = "urn:medrec:organisation"
    put(network, "Organization", "house", identifier=[{"system": ledger, "value": "north"}])
    put(network, "Organization", "other", identifier=[{"system": ledger, "value": "south"}])
    put(network, "Organization", "ward", partOf={"reference": "Organization/house"})
    put(network, "Organization", "named", name="Nobody's Name")
    put(network, "Practitioner", "x", **X)
    network.call("north", names=[f"{SYSTEM}|1000000004"], servers=[HERE])
    network.call("south", names=[NPI])
    network.consent(ada, "north", "*")
    assert len(give(network, ada, "deny", reference, HELD)) == (reason == "actor-unresolved")
    assert seen(network, ada) == (NO if reason else ALL)
    assert not reason or why(network) == reason
    assert replayed(network, ada)


@pytest.mark.parametrize("address", (f"{HERE}/CareTeam/t1", "CareTeam/t1"))
def test_an_address_of_ones_own_server_is_a_record_here_once_the_members_said_so(
    network: Network, ada: Patient, address: str
) -> None:
    put(network, "Practitioner", "x", **X)
    team(network, "Practitioner/x")
    network.fhir_consent(ada, "north", to("permit", address))
    assert (seen(network, ada) == NO) == (address != "CareTeam/t1")
    network.call("north", servers=[f"{HERE}/"])
    assert network["south"].directory.servers("north")[1:] == (HERE,)
    assert set(ALL) <= set(seen(network, ada))


def test_an_address_of_anothers_server_is_no_record_here(network: Network, ada: Patient) -> None:
    put(network, "Practitioner", "x", **X)
    team(network, "Practitioner/x")
    network.call("east", servers=[HERE])
    network.fhir_consent(ada, "north", to("permit", f"{HERE}/CareTeam/t1"))
    assert seen(network, ada) == NO
