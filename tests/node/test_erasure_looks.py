"""After a look and a correction, an erased record leaves nothing by which a guess at it could be told from another."""

import hashlib
import re

import msgspec
import pytest
import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests import access as access_manifests
from medrec.core.manifests.access import DisclosureManifest
from medrec.core.manifests.correction import statement_message
from medrec.core.records.canonical import canonical
from medrec.node.fhir.client import fetch
from medrec.node.keeping import store
from medrec.node.ledger.audit import audit_journal
from medrec.node.release import parts
from tests.node.network import Network, Patient, TestNode
from tests.node.test_corrections import deliver as corrections_delivered
from tests.node.test_erasure import ada, gone_at_source, matches, network, observation, seen, statement

__all__ = ["ada", "network"]
HERS = ("record/1", "correction-request/1", "correction-taken/1")
HASH = re.compile(rb'"([0-9a-f]{64})"')


def readable(node: TestNode, network: Network, person: Patient) -> set[bytes]:
    """Every hash that stands in anything the node can still open, or in what her agent was told but for the record
    itself and her own words about it (they are hers there, and no erasure takes them from her)."""
    found: set[bytes] = set()
    with node.store.read() as connection:
        for row in connection.execute(sql.select(store.manifest)).all():
            opened = node.journal.manifest(connection, bytes(row.hash))
            if opened is not None:
                found |= {opened[0], *(bytes.fromhex(one.decode()) for one in HASH.findall(opened[1]))}
    agent = network["guide"].agent
    assert agent is not None
    for notice in agent.notices(person.account):
        if notice.kind not in HERS:
            told = HASH.findall(manifests.encode(notice.manifest))
            found |= {bytes.fromhex(one.decode()) for one in told}
    return found


def asked_to_correct(network: Network, person: Patient) -> None:
    """She says that o1 is wrong: at the source, the version is named by the hash of its manifest."""
    north, guide = network["north"], network["guide"]
    (record,) = [row for row in north.rows(store.record) if row.id == "o1"]
    draft = guide.corrections.draft(
        person.account, "north", "Observation", "o1", bytes(record.manifest).hex(), "Not mine.", "", person.key.key_id
    )
    _, proof = person.sign(statement_message(draft))
    guide.corrections.ask(msgspec.structs.replace(draft, signature=proof.hex()))
    assert corrections_delivered(network) == [True]
    assert [one.status for one in north.corrections.here()] == ["open"]


@pytest.mark.parametrize("plain", [False, True])
def test_nothing_that_can_still_be_opened_gives_an_erased_record_away(
    network: Network, ada: Patient, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """She was looked up, by two doors, and said that the record is wrong; then it is erased. `plain`: disclosures that
    name records by their hashes fail this."""
    if plain:
        for module in (access_manifests, parts):
            monkeypatch.setattr(module, "marked", lambda key, digest: digest.hex())
    north, south = network["north"], network["south"]
    signed = statement(north)
    assert seen(network, ada) == ["o1", "o2"]
    doctor = south.doctor()
    fetch(south, "north", ada.account, "Observation", "_id=o1", practitioner=doctor, reason="visit")  # type: ignore[arg-type]
    if not plain:
        asked_to_correct(network, ada)
    network.deliver()
    right = canonical(observation("o1", 731_904).encode()).sha256
    before = readable(north, network, ada)
    assert right in before and (plain or hashlib.sha256(signed(right)).digest() in before)
    gone_at_source(north, "o1")
    north.erasures.erase_record("Observation", "o1", "patient-request")
    network.anchor()
    network.deliver()
    known = readable(north, network, ada)
    assert (matches(known, signed) == 0) is not plain
    if plain:
        return
    # Nor is anything there that opens a mark.
    marks = [one for line in _disclosures(north) for one in line.records if one.id == "o1"]
    assert len(marks) == 2
    assert not any(one.of_content(key, right) for one in marks for key in (b"", *known))
    assert north.corrections.here() == [] and audit_journal(north) is None  # type: ignore[arg-type]
    (asked,) = network["guide"].corrections.asked(ada.account)
    assert (asked.status, asked.answer) == ("noted", "The record was erased.")


def _disclosures(node: TestNode) -> list[DisclosureManifest]:
    with node.store.read() as connection:
        rows = connection.execute(sql.select(store.manifest).where(store.manifest.c.kind == "disclosure/1")).all()
        opened = [node.journal.manifest(connection, bytes(row.hash)) for row in rows]
    found = [manifests.decode(one[1]) for one in opened if one is not None]
    return [one for one in found if isinstance(one, DisclosureManifest)]
