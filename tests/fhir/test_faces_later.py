"""What stays to be read as FHIR: a consent that was taken back, the looks of a link that was undone."""

from typing import Any

from tests.fhir.test_faces import ada, busy, events, hers, network
from tests.node.network import Network, Patient
from tests.node.test_gate import get

__all__ = ["ada", "network"]


def test_a_consent_that_was_taken_back_is_read_as_inactive_and_listed_no_more(network: Network, ada: Patient) -> None:
    secret = network.consent(ada, "north", "south")
    get(network, ada.account)
    network.anchor()
    (named,) = {
        entity["what"]["reference"]
        for event in events(hers(network, ada, "AuditEvent"))
        for entity in event["entity"]
        if entity["what"].get("reference", "").startswith("Consent/")
    }
    assert hers(network, ada, named).value["status"] == "active"
    network.time += 60_000
    network.take_back(ada, "north", secret)
    network.anchor()
    read = hers(network, ada, named).value
    assert (read["status"], read["id"]) == ("inactive", named.removeprefix("Consent/"))
    assert events(hers(network, ada, "Consent")) == []
    # Nobody else reads it, nor under another's name.
    bob = network.patient("bob", "north")
    assert hers(network, bob, named).status == 404
    assert hers(network, ada, "Consent/" + "0" * 64).status == hers(network, ada, "Consent/x").status == 404


def test_the_looks_of_a_link_that_was_undone_stay_in_her_log_when_she_is_linked_anew(
    network: Network, ada: Patient
) -> None:
    busy(network, ada)
    network.anchor()
    network.deliver()
    before = events(hers(network, ada, "AuditEvent"))
    consent = next(
        entity["what"]["reference"]
        for event in before
        for entity in event["entity"]
        if entity["what"].get("reference", "").startswith("Consent/")
    )
    network.time += 60_000
    agent = network["guide"].agent
    assert agent is not None
    agent.unlink(ada.account, "north", ada.sign)
    network.anchor()
    network.deliver()
    assert hers(network, ada, "AuditEvent").status == 403
    network.time += 60_000
    north: Any = network["north"]
    agent.link(ada.account, "north", north.linker.invite("ada"), ada.sign)
    network.anchor()
    after = {event["id"]: event for event in events(hers(network, ada, "AuditEvent"))}
    assert len(before) > 3 and all(after[event["id"]] == event for event in before)
    one = f"AuditEvent/{before[0]['id']}"
    assert hers(network, ada, one).value == before[0]
    assert hers(network, ada, consent).value["status"] == "inactive"
    # Of another patient's number nothing is said, and of another person nothing at all.
    bob = network.patient("bob", "north")
    assert not {event["id"] for event in events(hers(network, bob, "AuditEvent"))} & set(after)
