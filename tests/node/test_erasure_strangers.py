"""Lines about somebody who is no patient here go with her as well, and what opened them; those about others stay."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core import manifests
from medrec.node.keeping import store
from medrec.node.ledger.audit import audit_journal
from medrec.node.looks import answering, looks_erased
from medrec.node.looks.access_log import write_down
from medrec.node.looks.disputes import DISPUTED_PATH
from medrec.node.refusals import Code, Refusal
from tests.node.forks import fork_of_ada
from tests.node.network import Network, Patient
from tests.node.test_disputes import carry, raise_it
from tests.node.test_gate import ASTHMA, BLOOD_PRESSURE, get


def made(network: Network) -> None:
    network["north"].put("Observation", "bp", BLOOD_PRESSURE)
    network["north"].put("Condition", "asthma", ASTHMA)


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made) as forked:
        yield forked


def naming(node: Any, person: Patient) -> list[str]:
    """The kinds of the lines that this node can open and that name a person."""
    found = []
    with node.store.read() as connection:
        for row in connection.execute(store.manifest.select().order_by(store.manifest.c.seq)).all():
            kept = node.journal.manifest(connection, bytes(row.hash))
            if kept is not None and getattr(manifests.decode(kept[1]), "account", None) == person.account:
                found.append(row.kind)
    return found


def told(network: Network, person: Patient) -> None:
    """South is given records of hers, is asked why, and answers."""
    south: Any = network["south"]
    network.consent(person, "north", "south")
    get(network, person.account)
    raised = raise_it(network, person)
    network.anchor()
    carry(network, DISPUTED_PATH)
    answering.answer(south, "north", raised.id, "explained", "She has something that nobody should read")
    network.anchor()


def test_no_line_about_her_opens_any_more(network: Network) -> None:
    south: Any = network["south"]
    ada = network.patient("ada", "north")
    told(network, ada)
    wanted = ["disclosure-received/1", "dispute-answer/1"]
    assert naming(south, ada) == wanted
    done = south.erasures.erase_account(ada.account, "patient-request")
    assert done.lines == 2 and naming(south, ada) == ["erasure/1"]
    network.anchor()
    assert audit_journal(south) is None
    # What says that she was erased stays, and is no reason to erase her again.
    with pytest.raises(Refusal) as caught:
        south.erasures.erase_account(ada.account, "patient-request")
    assert caught.value.reason is Code.UNKNOWN_PERSON


def test_who_is_a_patient_by_now_is_erased_with_what_was_written_before(network: Network) -> None:
    south, guide = network["south"], network["guide"]
    ada = network.patient("ada", "north")
    told(network, ada)
    assert guide.agent is not None
    guide.agent.link(ada.account, "south", south.linker.invite("ada"), ada.sign)
    south.erasures.erase_person("ada", "patient-request")
    assert naming(south, ada) == ["erasure/1"]


class Stopped(Exception):
    """As if the process ended here."""


def at_line(monkeypatch: pytest.MonkeyPatch, node: Any, number: int, act: Callable[[], None]) -> list[int]:
    """Do something when so many lines about nobody have been opened, once; how many were opened is counted on."""
    opened, unsealed = [0], node.journal.unsealed

    def opening(*given: Any) -> bytes:
        opened[0] += 1
        if opened[0] == number:
            act()
        return bytes(unsealed(*given))

    monkeypatch.setattr(node.journal, "unsealed", opening)
    return opened


def test_a_crash_half_way_through_the_search_changes_nothing_and_the_next_erases_all(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    south: Any = network["south"]
    ada = network.patient("ada", "north")
    told(network, ada)
    before = [tuple(row) for row in south.rows(store.manifest)]

    def stop() -> None:
        raise Stopped

    with monkeypatch.context() as broken:
        broken.setattr(looks_erased, "BATCH", 1)
        at_line(broken, south, 2, stop)
        with pytest.raises(Stopped):
            south.erasures.erase_account(ada.account, "patient-request")
    assert [tuple(row) for row in south.rows(store.manifest)] == before
    assert network.crash("south").erasures.erase_account(ada.account, "patient-request").lines == 2
    assert naming(network["south"], ada) == ["erasure/1"]


def test_the_node_writes_while_lines_are_looked_for_and_what_comes_meanwhile_goes_too(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    south: Any = network["south"]
    ada = network.patient("ada", "north")
    told(network, ada)
    monkeypatch.setattr(looks_erased, "BATCH", 1)

    # A search inside the writer's turn would wait for this for ever: the look is written by the same writer.
    at_line(monkeypatch, south, 2, lambda: write_down(south, ada.account, "agent", "somebody", 1))
    assert south.erasures.erase_account(ada.account, "patient-request").lines == 3
    assert naming(south, ada) == ["erasure/1"]


def test_another_erasure_that_comes_between_has_it_looked_for_once_more(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    south: Any = network["south"]
    ada, bob = network.patient("ada", "north"), network.patient("bob", "east")
    told(network, ada)
    write_down(south, bob.account, "agent", "somebody", 1)
    at_line(monkeypatch, south, 1, lambda: south.erasures.erase_account(bob.account, "patient-request"))
    assert south.erasures.erase_account(ada.account, "patient-request").lines == 2
    assert naming(south, ada) == ["erasure/1"] == naming(south, bob)


def test_lines_about_others_stay(network: Network) -> None:
    south, north = network["south"], network["north"]
    ada, bob = network.patient("ada", "north"), network.patient("bob", "east")
    told(network, ada)
    before = naming(south, ada)
    with pytest.raises(Refusal):
        south.erasures.erase_account(bob.account, "patient-request")
    assert naming(south, ada) == before
    north.source.raw.clear()
    north.erasures.erase_person("ada", "patient-request")
    assert naming(south, ada) == before
