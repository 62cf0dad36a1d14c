"""What the gate remembers between two reads never outlives what it follows from: read, change, and read again."""

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sql

from medrec.core.consent.decide import decide
from medrec.core.consent.meant import Meant
from medrec.core.consent.replay import facts_of
from medrec.node.keeping import store
from medrec.node.keeping.consent_signs import consent_sign
from medrec.node.keeping.prepared import ASKED_AT_ONCE, Among, Prepared
from medrec.node.keeping.ring import MemoryRing
from medrec.node.keeping.store import Store, StoreError
from medrec.node.keeping.vault import Vault, VaultError
from medrec.node.ledger.nullifiers import Nullifiers
from medrec.node.looks.disputing import dispute
from medrec.node.peers.peers import PeerError
from medrec.node.records.publish import Incoming
from medrec.node.release.access import revoked
from medrec.node.release.deciding import Permitted
from medrec.node.release.labels import Labels
from medrec.node.release.leads import Leads
from medrec.node.release.medicines import Medicines
from medrec.node.release.parts import Parts
from medrec.node.release.practitioners import NURSE
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import Network, Patient
from tests.node.test_gate import BLOOD_PRESSURE, ask, codes, get, names, written
from tests.node.test_parts import marked


def world_made(network: Network) -> None:
    network["north"].put("Observation", "bp", BLOOD_PRESSURE)


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, world_made) as forked:
        yield forked


def warm(network: Network, ada: Patient) -> None:
    """Whatever is remembered of a read is remembered now."""
    for _ in range(2):
        assert names(get(network, ada.account)) == ["Observation/bp"]


def stopped(network: Network, ada: Patient) -> str:
    """The code in the journal of a read that is refused."""
    with pytest.raises(PeerError):
        get(network, ada.account)
    return codes(network["north"])[-1]


def test_a_revocation_and_a_new_consent_count_at_once(network: Network, ada: Patient) -> None:
    secret = network.consent(ada, "north", "south")
    warm(network, ada)
    network.take_back(ada, "north", secret)
    assert stopped(network, ada) == "no-consent"
    network.consent(ada, "north", "south")
    warm(network, ada)
    network.consent(ada, "north", "south", effect="deny")
    assert stopped(network, ada) == "denied"


def test_what_a_disclosure_rests_on_is_written_once_until_her_consents_change(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    held = network["north"]
    decider = held.gate.decider
    with held.store.read() as connection:
        request = ask(network, ada.account).request
        before, again = (decider.standing(connection, ada.account, request, network.time) for _ in range(2))
    assert decider.basis(before) is decider.basis(again)
    warm(network, ada)
    network.consent(ada, "north", "east")
    warm(network, ada)
    one, _, two, _ = [stated.basis for stated in written(held, "disclosure/1")]
    assert one == decider.basis(before).basis
    assert len(one.consents) + 1 == len(two.consents) and set(one.consents) < set(two.consents)


def test_a_revocation_that_only_the_ledger_knows_counts_at_once(network: Network, ada: Patient) -> None:
    from medrec.node.keeping.journal import Draft

    east, secret = network["east"], network.consent(ada, "north", "south")
    warm(network, ada)
    draft = Draft("link/1", b"{}", None, {"nullifier": secret})
    east.store.write(lambda connection: east.journal.append(connection, [draft]))
    east.anchor()
    assert stopped(network, ada) == "no-consent"


def test_what_another_process_took_out_of_the_store_is_not_remembered(network: Network, ada: Patient) -> None:
    """No count of changes moves here: the rows alone tell."""
    network.consent(ada, "north", "south")
    warm(network, ada)
    network["north"].store.write(lambda connection: connection.execute(sql.delete(store.consent)))
    assert stopped(network, ada) == "no-consent"
    assert network["north"].rows(revoked) == []


def test_a_consent_that_begins_or_ends_meanwhile_counts_at_once(network: Network, ada: Patient) -> None:
    """Nothing is written for it: the rules are the same, the time is another."""
    network.consent(ada, "north", "south", until=network.time + 60_000)
    warm(network, ada)
    network.time += 60_000
    assert stopped(network, ada) == "no-consent"
    network.time -= 60_000
    warm(network, ada)


def test_a_decision_is_remembered_for_who_asked_and_for_what(network: Network, ada: Patient) -> None:
    """Whatever is another in the request makes other facts; the same ones are made once."""
    network.consent(ada, "north", "south")
    warm(network, ada)
    north = network["north"]
    decider, now = north.gate.decider, network.time
    asked = network["south"].doctor().request(bytes(16), "TREAT", "visit", types=["Observation"])
    with north.store.read() as connection:
        standing = decider.standing(connection, ada.account, asked, now)
    rules, other = standing.rules, Meant(frozenset({"Group/ward"}))
    first = decider.decided.facts(asked, rules, standing.meant)
    decision = decider.decided.decide(first, rules, now)
    assert decider.decided.facts(asked, rules, standing.meant) is first
    assert decider.decided.decide(first, rules, now) is decision
    changed = {
        "requester": "east", "identity": "somebody", "role": NURSE, "purpose": "HRESCH", "door": "push",
        "types": ["Condition"],
    }  # fmt: skip
    for name, value in changed.items():
        another = msgspec.structs.replace(asked, **{name: value})
        for meant in (standing.meant, other):
            facts = decider.decided.facts(another, rules, meant)
            assert facts == facts_of(another, "north", rules, meant) != first, name
            assert decider.decided.decide(facts, rules, now) == decide(facts, rules, now)
    assert decider.decided.facts(asked, msgspec.structs.replace(rules, unheld=("Organization/x",)), other).unheld


def test_every_change_of_a_consent_draws_a_sign_that_was_never_there(network: Network, ada: Patient) -> None:
    """By the database itself, whoever changes what: of those whose consents changed, and of nobody else."""
    north, other = network["north"], network.patient("countess", "north")
    drawn: list[bytes] = []

    def signs() -> dict[str, bytes]:
        return {row.account: bytes(row.sign) for row in north.rows(consent_sign)}

    def changed(*whose: str) -> None:
        nonlocal before
        now = signs()
        names = before.keys() | now.keys()
        assert {name for name in names if before.get(name) != now.get(name)} == set(whose)
        drawn.extend(now[name] for name in whose if name in now)
        before = now

    before = signs()
    assert before == {}
    first = network.consent(ada, "north", "south")
    changed(ada.account)
    network.consent(other, "north", "south")
    changed(other.account)
    network.consent(ada, "north", "east")
    changed(ada.account)
    network.take_back(ada, "north", first)
    changed(ada.account)
    column = store.consent.c
    moved = sql.update(store.consent).where(column.account == other.account)
    north.store.write(lambda connection: connection.execute(moved.values(sealed=b"other")))
    changed(other.account)
    north.store.write(lambda connection: connection.execute(moved.values(account=ada.account)))
    changed(ada.account, other.account)
    assert set(before) == {ada.account}, "with the last consent the sign goes"
    assert len(set(drawn)) == len(drawn) == 6
    north.store.write(lambda connection: connection.execute(sql.delete(store.consent)))
    changed(ada.account)
    assert before == {}


def test_a_store_from_before_there_were_signs_gets_them(network: Network, ada: Patient) -> None:
    north = network["north"]
    secret = network.consent(ada, "north", "south")
    with north.store.engine.begin() as connection:
        for change in ("insert", "delete", "update"):
            connection.execute(sql.text(f"DROP TRIGGER consent_sign_{change}"))
        connection.execute(sql.text("DROP TABLE consent_sign"))
    north = network.crash("north")
    (row,) = north.rows(consent_sign)
    assert row.account == ada.account and len(row.sign) == 16
    assert network.crash("north").rows(consent_sign) == [row], "it is drawn once"
    warm(network, ada)
    network.take_back(ada, "north", secret)
    assert stopped(network, ada) == "no-consent"


def test_a_store_that_has_signs_is_opened_beside_one_that_writes(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    file = network["north"].store.engine.url.database
    assert file is not None
    with closing(sqlite3.connect(file, isolation_level=None)) as writing:
        writing.execute("BEGIN IMMEDIATE")
        Store(Path(file)).close()
        writing.execute("ROLLBACK")


def test_a_dispute_counts_at_once(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    warm(network, ada)
    agent: Any = network["guide"]
    dispute(agent, ada.account, "south", "north", ada.sign, ada.key.key_id, words="I was never there")
    assert stopped(network, ada) == "disputed"


def test_other_labelling_rules_count_at_once(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    warm(network, ada)
    whole, network["north"].labels = network["north"].labels, Labels([b'{"format": "medrec/labels/1"}'])
    assert stopped(network, ada) == "rules-unreadable"
    network["north"].labels = whole
    warm(network, ada)


def test_whoever_is_erased_is_unknown_at_once(network: Network, ada: Patient) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")
    warm(network, ada)
    del north.source.raw["Observation", "bp"]
    north.publisher.publish([Incoming("Observation", "bp", None, "second")])
    with north.store.read() as connection:
        person = north.journal.person_of_account(connection, ada.account)
    assert person is not None
    north.erasures.erase_person("ada", "patient-request")
    assert stopped(network, ada) == "unknown-person"
    assert person.keys.secret not in north.vault._unwrapped, "what was opened with a destroyed secret is let go"


def test_a_patient_who_is_linked_to_another_person_is_that_ones_at_once(network: Network, ada: Patient) -> None:
    north = network["north"]
    network.consent(ada, "north", "south")
    warm(network, ada)
    assert north.linker.unlink("ada")
    assert stopped(network, ada) == "unknown-person"
    right, agent = network.patient("countess"), network[network.AGENT].agent
    assert agent is not None
    agent.link(right.account, "north", north.linker.invite("ada"), right.sign)
    assert stopped(network, right) == "no-consent", "what the other one permitted ended with her link"
    network.consent(right, "north", "south")
    warm(network, right)
    assert stopped(network, ada) == "unknown-person"


def test_a_destroyed_secret_opens_nothing_though_it_was_opened_before() -> None:
    """Destroyed behind the vault's back, as another process would."""
    drawn = iter(range(1, 1000))
    ring = MemoryRing(lambda count: bytes([next(drawn) % 251]) * count)
    vault = Vault(bytes(32), lambda count: bytes([next(drawn) % 251]) * count, ring)
    keys = vault.new_person_keys()
    wrapped = vault.wrap(keys)
    assert vault.unwrap(wrapped) == vault.unwrap(wrapped) == keys
    with pytest.raises(VaultError):
        vault.unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]))
    renewed = vault.renewed(keys)
    assert vault.unwrap(vault.wrap(renewed)) == renewed and vault.unwrap(wrapped) == keys
    ring.destroy(keys.secret)
    with pytest.raises(VaultError):
        vault.unwrap(wrapped)
    assert keys.secret not in vault._unwrapped


class Ledger:
    """A ledger of which only the height and the published nullifiers matter."""

    def __init__(self) -> None:
        self.height, self.asked = 1, 0

    def tip(self) -> "Ledger":
        return self


def test_nullifiers_are_gone_through_again_with_each_block(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger: Any = Ledger()
    known, published = Nullifiers(ledger), set()  # type: ignore[var-annotated]

    def among(nullifiers: Any) -> set[bytes]:
        ledger.asked += 1
        return published & set(nullifiers)

    monkeypatch.setattr(known, "among", among)
    assert known.none_of((b"a", b"b")) and known.none_of((b"a", b"b")) and ledger.asked == 1
    ledger.height, published = 2, {b"b"}
    assert not known.none_of((b"a", b"b")) and not known.none_of((b"a", b"b")) and ledger.asked == 3
    assert known.none_of((b"a",))


def test_what_the_disk_refuses_is_named_in_a_prepared_statement_too(tmp_path: Path) -> None:
    kept = Store(tmp_path / "n.db")
    twice = Prepared(sql.insert(store.setting), ("name", "value"))
    row = {"name": "a", "value": b"1"}
    try:
        kept.write(lambda connection: twice.run(connection, [row]))
        with pytest.raises(StoreError):
            kept.write(lambda connection: twice.run(connection, [row]))
        with kept.read() as connection:
            assert Prepared(sql.select(store.setting)).all(connection, {}) == [("a", b"1")]
    finally:
        kept.close()


def test_a_warm_read_has_every_statement_ready(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    warm(network, ada)
    built: list[str] = []
    sql.event.listen(
        network["north"].store.engine, "before_cursor_execute", lambda *run: built.append(run[2])
    )  # a statement that is prepared goes to the driver itself
    assert names(get(network, ada.account)) == ["Observation/bp"]
    assert built == []


@pytest.mark.parametrize("count", [0, 1, ASKED_AT_ONCE + 1])
def test_which_values_stand_in_a_column_however_many_they_are(tmp_path: Path, count: int) -> None:
    kept, among = Store(tmp_path / "n.db"), Among(store.setting.c.name)
    wanted = [str(number) for number in range(count)]
    rows = [{"name": name, "value": b""} for name in ["other", *wanted[::2]]]
    try:
        kept.write(lambda connection: connection.execute(sql.insert(store.setting), rows))
        with kept.read() as connection:
            assert among.found(connection, wanted) == set(wanted[::2])
    finally:
        kept.close()


def test_what_a_read_holds_of_a_person_goes_with_its_answer(network: Network, ada: Patient) -> None:
    """Her keys are among it, and it is much: it must not stay until somebody searches for garbage."""
    marked(network, ada)
    warm(network, ada)
    gc.collect()
    gc.disable()
    # Of another node in this process something may stay; of this read nothing.
    before = {id(one) for one in gc.get_objects() if isinstance(one, Permitted | Medicines | Leads | Parts)}
    try:
        warm(network, ada)
        held = [one for one in gc.get_objects() if isinstance(one, Permitted | Medicines | Leads | Parts)]
        kept = [one for one in held if id(one) not in before]
    finally:
        gc.enable()
    assert kept == []
