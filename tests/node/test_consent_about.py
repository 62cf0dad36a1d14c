"""A Consent whose text is about somebody else opens nothing of whoever signed it."""

import json
from typing import Any

import pytest

from medrec.node.agent.own import handle
from medrec.node.keeping import store
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code
from tests.node.network import Network, Patient
from tests.node.test_consents import ada, named, network

__all__ = ["ada", "network"]


def about(value: Any, element: str = "patient") -> str:
    """A Consent, R4 (`patient`) or R5 (`subject`), that opens everything and says that it is about this one."""
    if element == "subject":
        return json.dumps({"resourceType": "Consent", "status": "active", "decision": "permit", element: value})
    return json.dumps({**json.loads(named("permit", "actor", {"reference": "Organization/south"})), element: value})


BOB = ({"reference": "Patient/bob"}, {"reference": "https://north.example/fhir/Patient/bob/_history/1"},
       {"reference": "Group/ada"}, {"reference": "#bob"}, {"type": "Group", "identifier": {"value": "ada"}},
       {"identifier": {"system": "urn:north:number", "value": "bob"}}, {"reference": "Patient/nobody"},
       {"reference": "Patient/ada", "identifier": {"system": "urn:medrec:account", "value": "medrec1bob"}},
       {"identifier": {"system": "urn:medrec:account", "value": "medrec1bob"}})  # fmt: skip
"""Ways to name somebody else, or nobody who is one person."""


@pytest.mark.parametrize("element", ["patient", "subject"])
def test_a_consent_about_somebody_else_opens_nothing_of_hers(network: Network, ada: Patient, element: str) -> None:
    network.patient("bob", "north")
    for value in BOB:
        with pytest.raises(PeerError) as caught:
            network.fhir_consent(ada, "north", about(value, element))
        assert caught.value.code == Code.CONSENT_ABOUT_ANOTHER.value, value
    assert network["north"].rows(store.consent) == []
    hers = [{"reference": "Patient/ada"}, {"type": "Patient", "reference": "https://north.example/fhir/Patient/ada"},
            {"identifier": {"system": "urn:medrec:account", "value": ada.account}}, {"display": "Ada"},
            {"reference": f"Patient/{handle(ada.account)}"},
            {"reference": "Patient/ada", "identifier": {"type": {"text": "MR"}}},
            {"reference": "Patient/ada", "identifier": {"system": "urn:mrn", "value": "4711"}},
            {"identifier": {"system": "urn:other", "value": ada.account}}]  # fmt: skip
    for value in hers:
        network.fhir_consent(ada, "north", about(value, element))
    assert len(network["north"].rows(store.consent)) == len(hers)


def test_one_that_was_taken_stands_when_the_number_is_no_longer_hers(network: Network, ada: Patient) -> None:
    # Whose a number is changes; what was decided by a consent does not change with it, nor with a restart.
    north = network["north"]
    value = {"reference": "Patient/ada", "identifier": {"type": {"text": "MRN"}, "system": "urn:mrn", "value": "4711"}}
    network.fhir_consent(ada, "north", about(value))
    with north.store.read() as connection:
        person = north.journal.person_of_account(connection, ada.account)
        digests = [bytes(row.hash).hex() for row in north.rows(store.consent)]
        north.consents._stated.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("medrec.node.consent.about_her.numbers", lambda *_: ("other",))
            rules = north.consents.rules(connection, person, digests, ())
    assert digests and rules.broken == ()
