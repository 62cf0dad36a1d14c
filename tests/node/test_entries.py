"""What people enter themselves: signed as their own, in the same journal, through the same gate."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core.manifests.entry import EntryStatement, entry_message, entry_of
from medrec.core.manifests.record import RecordManifest
from medrec.core.records.canonical import canonical
from medrec.node.agent import entries
from medrec.node.peers.peers import PeerError
from medrec.node.records.publish import Incoming
from medrec.node.refusals import Code, Refusal
from medrec.node.release import receive
from medrec.node.release.practitioners import PHYSICIAN
from tests.fhir.asking import consent
from tests.node.helping import Help
from tests.node.network import Patient
from tests.node.test_actors import RECIPIENT


@pytest.fixture
def help_(tmp_path: Path) -> Iterator[Help]:
    made = Help(tmp_path)
    yield made
    made.close()


def sign(statement: EntryStatement, who: Patient) -> EntryStatement:
    signature = who.key.sign_transaction_id(entry_message(statement))
    return msgspec.structs.replace(statement, signature=signature.hex())


def prepare(help_: Help, resource: dict[str, Any], **more: Any) -> tuple[EntryStatement, bytes]:
    ada = help_.ada
    made: tuple[EntryStatement, bytes] = help_.guide.entries.prepare(
        ada.account, ada.account, "Ada", ada.key.key_id, resource, **more
    )
    return made


def enter(help_: Help, resource: dict[str, Any], **more: Any) -> EntryStatement:
    statement, content = prepare(help_, resource, **more)
    help_.guide.entries.take(sign(statement, help_.ada), content)
    return statement


def withdrawn(help_: Help, entry: EntryStatement) -> tuple[EntryStatement, bytes]:
    """Ada takes back an entry of hers, unsigned, and what it says."""
    ada = help_.ada
    made: tuple[EntryStatement, bytes] = help_.guide.entries.prepare_back(
        ada.account, ada.account, "Ada", ada.key.key_id, entry.type, entry.id
    )
    return made


def refused(help_: Help, statement: EntryStatement, content: bytes | None) -> Code:
    with pytest.raises(Refusal) as no:
        help_.guide.entries.take(statement, content)
    return no.value.reason


RESOURCES = [
    entries.symptom("Headache since the morning", 1_750_000_000_000, "worse when I lie down"),
    entries.reading("Blood sugar", "5.60", "mmol/L", 1_750_000_000_000, "14743-9"),
    entries.medicine("Ibuprofen 400 mg", True, 1_750_000_000_000),
    entries.medicine("Lisinopril", False, 1_750_000_000_000, "it made me cough"),
    entries.wish("I want to be able to walk to the lake again", 1_750_000_000_000),
]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource["resourceType"])
def test_an_entry_stands_in_her_timeline_under_her_signature(help_: Help, resource: dict[str, Any]) -> None:
    statement = enter(help_, resource)
    records = [line for line in help_.told(help_.ada.account) if isinstance(line, RecordManifest)]
    (line,) = [line for line in records if line.organisation == "guide"]
    said = entry_of(line)
    assert said is not None and (said.author, said.name, said.delegation) == (help_.ada.account, "Ada", None)
    assert line.record.sha256 == statement.sha256 and line.account == help_.ada.account
    kept = json.loads(help_.guide.entries.read(statement.type, statement.id))
    assert kept["id"] == statement.id and kept["resourceType"] == resource["resourceType"]


def test_numbers_keep_their_digits(help_: Help) -> None:
    statement = enter(help_, RESOURCES[1])
    assert b'"value":5.60' in help_.guide.entries.read(statement.type, statement.id)
    for wrong in ("5,6", "1e3", "", "--1", "1.", "0x1"):
        with pytest.raises(Refusal):
            entries.number(wrong)


def test_an_entry_is_changed_and_taken_back_as_new_versions(help_: Help) -> None:
    statement = enter(help_, RESOURCES[0])
    enter(help_, entries.symptom("Headache, gone", 1_750_000_100_000), identifier=statement.id)
    back, content = withdrawn(help_, statement)
    assert b"Headache, gone" in content
    # She takes back what she has read, and nothing that says something else by now.
    for wrong in (None, hashlib.sha256(b"Headache").hexdigest()):
        other = msgspec.structs.replace(back, back=wrong)
        assert refused(help_, sign(other, help_.ada), None) is Code.ENTRY_UNFIT
    assert refused(help_, sign(back, help_.ada), content) is Code.MALFORMED
    help_.guide.entries.take(sign(back, help_.ada), None)
    actions = [
        line.record.action for line in help_.told(help_.ada.account)
        if isinstance(line, RecordManifest) and line.organisation == "guide"
    ]  # fmt: skip
    assert actions == ["create", "update", "delete"]
    assert help_.guide.entries.read(statement.type, statement.id) is None
    assert help_.guide.entries.of(help_.ada.account) == []


def test_it_leaves_by_her_permission_alone(help_: Help) -> None:
    statement = enter(help_, RESOURCES[2])
    help_.story.settle()
    south: Any = help_.network["south"]
    brown = south.practitioners.enter("brown", "Dr Brown", PHYSICIAN, machine=False)

    def ask() -> Any:
        return receive.request_records(
            south, "guide", help_.ada.account, types=("MedicationStatement",), purpose="TREAT",
            practitioner=brown, reason="a check-up",
        )  # fmt: skip

    with pytest.raises(PeerError):
        ask()
    help_.network.consent(help_.ada, "guide", "south", types=("MedicationStatement",))
    got = ask()
    assert statement.id in str(got)


@pytest.mark.parametrize(
    ("effect", "reference", "opens"),
    [
        ("permit", "CareTeam/t1", ("south",)),
        ("deny", "CareTeam/t1", ("east",)),
        ("permit", "CareTeam/nowhere", ()),
        ("deny", "CareTeam/nowhere", ()),
        ("permit", "identifier", ("south",)),
        ("deny", "identifier", ("east",)),
    ],
)
def test_her_agents_door_knows_teams_and_names_as_any_other(
    help_: Help, effect: str, reference: str, opens: tuple[str, ...]
) -> None:
    statement, network, guide = enter(help_, RESOURCES[2]), help_.network, help_.guide
    team = {"resourceType": "CareTeam", "id": "t1", "status": "active",
            "participant": [{"member": {"reference": "Organization/south"}}]}  # fmt: skip
    raw = json.dumps(team).encode()
    network.records["guide"].raw["CareTeam", "t1"] = raw
    guide.publisher.publish([Incoming("CareTeam", "t1", canonical(raw), "first")])
    help_.story.settle()
    named: dict[str, Any] = {"reference": reference}
    if reference == "identifier":
        network.call("south", names=["http://hl7.org/fhir/sid/us-npi|1234567893"])
        named = {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}}
    if effect == "deny":
        network.consent(help_.ada, "guide", "*")
    network.fhir_consent(help_.ada, "guide", consent(effect, actor=[{"role": RECIPIENT, "reference": named}]))
    for name in ("south", "east"):
        node: Any = network[name]
        doctor = node.practitioners.enter("brown", "Dr Brown", PHYSICIAN, machine=False)
        try:
            got = receive.request_records(node, "guide", help_.ada.account, practitioner=doctor, reason="a check-up")
            assert [record.id for record in got.records] == [statement.id] and name in opens
        except PeerError as error:
            assert error.code == Code.NOT_PERMITTED.value and name not in opens


def test_what_was_changed_after_signing_is_refused(help_: Help) -> None:
    statement, content = prepare(help_, RESOURCES[0])
    good = sign(statement, help_.ada)
    assert refused(help_, good, content.replace(b"Headache", b"Heartache")) is Code.BAD_SIGNATURE
    assert refused(help_, msgspec.structs.replace(good, name="Eve"), content) is Code.BAD_SIGNATURE
    assert refused(help_, msgspec.structs.replace(good, network="00" * 32), content) is Code.WRONG_NETWORK
    assert refused(help_, msgspec.structs.replace(good, type="Goal"), content) is Code.ENTRY_UNFIT
    assert refused(help_, msgspec.structs.replace(good, type="Claim"), content) is Code.ENTRY_UNFIT
    assert refused(help_, good, None) is Code.MALFORMED
    assert refused(help_, good, b"{") is Code.MALFORMED
    assert refused(help_, sign(statement, help_.bo), content) is Code.BAD_SIGNATURE
    help_.network.time += entries.LATE_MS_MAX + 1
    assert refused(help_, good, content) is Code.REQUEST_EXPIRED


def test_nobody_enters_about_somebody_else(help_: Help) -> None:
    bo = help_.bo
    statement, content = help_.guide.entries.prepare(help_.ada.account, bo.account, "Bo", bo.key.key_id, RESOURCES[0])
    assert refused(help_, sign(statement, bo), content) is Code.NOT_A_DELEGATE
    mine, about_ada = help_.guide.entries.prepare(bo.account, bo.account, "Bo", bo.key.key_id, RESOURCES[0])
    _, hers = prepare(help_, RESOURCES[0], identifier=mine.id)
    crossed = msgspec.structs.replace(mine, sha256=canonical(hers).sha256.hex())
    assert refused(help_, sign(crossed, bo), hers) is Code.ENTRY_UNFIT
    help_.guide.entries.take(sign(mine, bo), about_ada)


def test_a_helper_adds_what_she_may_and_changes_her_own_only(help_: Help) -> None:
    hers = enter(help_, RESOURCES[0])
    help_.name_bo(rights=["add"], types=["Observation"])
    bo = help_.bo
    held = help_.guide.delegates.require(help_.ada.account, bo.account, "add")

    def prepared(resource: dict[str, Any], **more: Any) -> tuple[EntryStatement, bytes]:
        made: tuple[EntryStatement, bytes] = help_.guide.entries.prepare(
            help_.ada.account, bo.account, "Bo Berg", bo.key.key_id, resource, delegation=held.hash, **more
        )
        return made

    statement, content = prepared(RESOURCES[1])
    help_.guide.entries.take(sign(statement, bo), content)
    line = [line for line in help_.told(help_.ada.account) if isinstance(line, RecordManifest)][-1]
    said = entry_of(line)
    assert said is not None and said.name == "Bo Berg" and said.delegation == held.hash.hex()
    goal, goal_content = prepared(RESOURCES[4])
    assert refused(help_, sign(goal, bo), goal_content) is Code.NOT_A_DELEGATE
    theirs, their_content = prepared(RESOURCES[0], identifier=hers.id)
    assert refused(help_, sign(theirs, bo), their_content) is Code.ENTRY_UNFIT
    other_name = sign(msgspec.structs.replace(statement, name="Dr Berg"), bo)
    assert refused(help_, other_name, content) is Code.NOT_A_DELEGATE


def test_a_wish_in_the_form_of_a_consent_opens_nothing_and_a_permission_is_no_entry(help_: Help) -> None:
    permission = {"resourceType": "Consent", "status": "active", "scope": {"coding": [{"code": "patient-privacy"}]}}
    statement, content = prepare(help_, permission)
    assert refused(help_, sign(statement, help_.ada), content) is Code.ENTRY_UNFIT
    wish = {"resourceType": "Consent", "status": "active", "scope": {"coding": [{"code": "adr"}]}}
    enter(help_, wish)
    assert help_.guide.consents.of(help_.ada.account) == []


def test_entries_lie_sealed(help_: Help, tmp_path: Path) -> None:
    enter(help_, RESOURCES[0])
    with help_.guide.store.read() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    data = b"".join(file.read_bytes() for file in tmp_path.glob("guide.db*"))
    assert data and b"Headache" not in data
