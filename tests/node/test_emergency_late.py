"""Emergencies that came on the ledger late are marked late, at the source and at who declared them."""

from tests.node.network import HOUR, Network, Patient
from tests.node.test_emergency import ada, declare, network

__all__ = ["ada", "network"]


def test_what_came_on_the_ledger_late_is_marked_whatever_its_line_says(network: Network, ada: Patient) -> None:
    """The commonest night: nothing waited when the ledger went away, so no line says since when it waits."""
    north, south = network["north"], network["south"]
    network.anchor()
    in_time = declare(network, ada.account)
    network.anchor()
    assert [one.late for one in north.emergencies.all()] == [False]
    assert south.emergency_reviews.note_late() == 0
    network.time += 3 * HOUR
    at_night = declare(network, ada.account)
    assert [one.late for one in north.emergencies.all()] == [False, False]
    network.time += 6 * HOUR
    # South sees that the ledger goes on without a word of it; north's own journal knows it before.
    assert {one.id: one.late for one in north.emergencies.all()} == {in_time.id: False, at_night.id: True}
    assert south.emergency_reviews.note_late() == 0
    network.engine.submit([])
    assert south.emergency_reviews.note_late() == 1
    network.anchor()
    for _ in range(2):
        assert south.emergency_reviews.note_late() == 0
    ours = {one.id: one.late for one in network.crash("south").emergency_reviews.all()}
    theirs = {one.id: one.late for one in network.crash("north").emergencies.all()}
    assert ours == theirs == {in_time.id: False, at_night.id: True}


def test_a_line_that_came_late_is_seen_to_be_late_when_it_is_there(network: Network, ada: Patient) -> None:
    declare(network, ada.account)
    network.time += 6 * HOUR
    network.anchor()
    assert network["south"].emergency_reviews.note_late() == 1
