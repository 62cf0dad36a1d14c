"""A line that the ledger refuses keeps no other from it: it stands there without what was refused, and all see that."""

from typing import Any

import pytest

from medrec.core import receipt
from medrec.core.kinds.anchor import encode_entry, reduced
from medrec.engines.engine import EngineError
from medrec.node.keeping import obligations, store
from medrec.node.keeping.reduced import ALARM, line_reduced
from medrec.node.ledger.audit import audit_journal
from medrec.node.ledger.receipts import receipt_for, root_file
from medrec.node.looks.halves import one_sided, unmatched, unwritten
from medrec.node.operate import _notes
from medrec.node.release.receive import close_failed
from tests.node.network import Network, Patient
from tests.node.test_disputes import network
from tests.node.test_gate import BLOOD_PRESSURE, get

__all__ = ["network"]


@pytest.fixture
def ada(network: Network) -> Patient:
    person = network.patient("ada", "north")
    network.consent(person, "north", "south")
    network.anchor()
    return person


def refused_line(network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch) -> int:
    """North gives records out under an obligation that stands on the ledger already, amid other lines; its number.

    The journal would not write such a line: that is what is switched off here.
    """
    north: Any = network["north"]
    before = get(network, ada.account)
    network.anchor()
    close_failed(network["south"])  # type: ignore[arg-type]
    for number in range(5):
        north.put("Observation", f"more-{number}", BLOOD_PRESSURE.replace('"bp"', f'"more-{number}"'))
    monkeypatch.setattr(obligations, "make", lambda *_: None)
    extras = {"owes": [before.obligation, "south", network.time + 3_600_000]}
    append = north.journal.append

    def appending(connection: Any, drafts: Any) -> Any:
        changed = [draft._replace(extras=extras) if draft.kind == "disclosure/1" else draft for draft in drafts]
        return append(connection, changed)

    monkeypatch.setattr(north.journal, "append", appending)
    get(network, ada.account)
    monkeypatch.undo()
    for number in range(5, 9):
        north.put("Observation", f"more-{number}", BLOOD_PRESSURE.replace('"bp"', f'"more-{number}"'))
    with north.store.read() as connection:
        rows = connection.execute(store.line.select().where(store.line.c.kind == "disclosure/1")).all()
    return int(max(row.seq for row in rows))


def test_the_other_lines_are_anchored_and_the_journal_is_whole(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    north: Any = network["north"]
    seq = refused_line(network, ada, monkeypatch)
    network.anchor()
    assert north.anchorer.waiting_since() is None and audit_journal(north) is None
    (row,) = north.rows(line_reduced)
    assert row.seq == seq
    (alarm,) = [one for one in north.rows(store.alarm) if one.code == ALARM]
    assert f"line {seq}" in alarm.sentence and "already made an obligation" in alarm.sentence
    assert audit_journal(network.crash("north")) is None  # type: ignore[arg-type]


def test_its_release_counts_as_told_by_one_side_whatever_the_other_says(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, agent = network["north"], network["guide"]
    told: Any = agent
    refused_line(network, ada, monkeypatch)
    network.anchor()
    network.deliver()
    while told.agent.follow():
        pass
    assert told.rows(store.alarm) == [] and told.agent.missing() == []
    assert all(notice.height is not None for notice in told.agent.notices(ada.account))
    # South has stated its half of both; of the second it owes none.
    (lone,) = one_sided(told, ada.account)
    assert (lone.told_by, lone.silent, lone.status) == ("north", "south", "not-owed")
    assert [one.status for one in unmatched(north)] == ["not-owed"]  # type: ignore[arg-type]
    assert unwritten(north) == []  # type: ignore[arg-type]


def test_whoever_reads_the_state_is_told(network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    seq = refused_line(network, ada, monkeypatch)
    network.anchor()
    north: Any = network["north"]
    assert [note for note in _notes(north) if f"line {seq}:" in note]


def test_its_statement_is_proven_as_any_other(network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    seq = refused_line(network, ada, monkeypatch)
    network.anchor()
    for name in Network.HOSPITALS:
        network[name].checkpoints.keep_up()
    north: Any = network["north"]
    north.checkpoints.keep_up()
    with north.store.read() as connection:
        row = connection.execute(store.line.select().where(store.line.c.seq == seq)).one()
    verdict = receipt.verify(root_file(north), receipt_for(north, bytes(row.manifest)), None)
    assert verdict.ok, verdict


def test_a_failure_that_may_pass_changes_no_line(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    north: Any = network["north"]
    refused_line(network, ada, monkeypatch)

    def away(transactions: Any) -> Any:
        raise EngineError("unreachable", "The engine is away.")

    monkeypatch.setattr(network.engine, "submit", away)
    with pytest.raises(EngineError):
        north.anchorer.step()
    assert north.rows(line_reduced) == []
    first = north.rows(store.batch)[-1]
    with pytest.raises(EngineError):
        north.anchorer.step()
    assert north.rows(store.batch)[-1] == first


def test_what_is_left_out_is_never_a_consent_taken_back() -> None:
    owes = [b"o" * 16, "south", 1]
    extras = {"owes": owes, "settles": [["south", b"s" * 16]], "nullifier": b"n" * 32, "sealed": b"x"}
    entry = encode_entry(b"c" * 32, b"t" * 16, extras)
    left = [{name: extras[name] for name in names} for names in (
        ("settles", "nullifier", "sealed"), ("nullifier", "sealed"), ("nullifier",)
    )]  # fmt: skip
    assert reduced(entry) == [encode_entry(b"c" * 32, b"t" * 16, one) for one in left]
    assert reduced(encode_entry(b"c" * 32, b"t" * 16, {"nullifier": b"n" * 32})) == []
