"""Lists at a node: from the gates of two hospitals to one list, with its proofs, and what people say of its lines."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import codec, manifests
from medrec.core.manifests.act_parts import Against
from medrec.core.manifests.acts import Act, ActManifest
from medrec.core.reconcile.rows import Conflict, MedicineRow
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from medrec.node.ledger.receipts import receipt_for
from medrec.node.lists import acts, lists, sources, stating
from medrec.node.refusals import Code, Refusal
from medrec.node.release import receive
from medrec.node.release.practitioners import PHYSICIAN
from tests.node.cosigners import run_tool
from tests.node.forks import fork
from tests.node.network import Network, Patient
from tests.portal.story import Story, ToldNetwork

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
FOREIGN = Code.CREDENTIAL_FOREIGN
LISINOPRIL_20, METFORMIN_500 = "314077", "861007"


def order(identifier: str, code: str, text: str, sig: str = "1 tab daily", **more: Any) -> str:
    concept = {"coding": [{"system": RXNORM, "code": code}], "text": text}
    record = {
        "resourceType": "MedicationRequest", "id": identifier, "status": "active", "intent": "order",
        "subject": {"reference": "Patient/ada"}, "medicationCodeableConcept": concept, "authoredOn": "2025-05-01",
        "dosageInstruction": [{"text": sig}],
    }  # fmt: skip
    return json.dumps(record | more)


def allergy(identifier: str, text: str) -> str:
    return json.dumps(
        {
            "resourceType": "AllergyIntolerance", "id": identifier, "patient": {"reference": "Patient/ada"},
            "code": {"text": text}, "clinicalStatus": {"coding": [{"code": "active"}]}, "recordedDate": "2024-01-01",
        }
    )  # fmt: skip


def _clinic(network: Network) -> Patient:
    ada = network.patient("ada", "north", "south")
    network["north"].put("MedicationRequest", "a", order("a", LISINOPRIL_20, "lisinopril 20 mg"))
    network["south"].put("MedicationRequest", "b", order("b", LISINOPRIL_20, "Lisinopril 20mg tab", "2 tabs daily"))
    network["south"].put("MedicationRequest", "c", order("c", METFORMIN_500, "metformin 500 mg", "1 tab bid"))
    for place in ("north", "south"):
        network.consent(ada, place, "guide")
    refresh(network, ada)
    return ada


def refresh(network: Any, ada: Patient, agent: str = "guide") -> None:
    """Her agent reads what she may be told, and all is settled."""
    story = Story(network.folder, lambda _: network)
    story.settle()
    network[agent].copies.refresh(ada.account)
    story.settle()


class Clinic:
    """Ada is known at north and south; both let her agent read for her."""

    def __init__(self, folder: Path) -> None:
        self.network, self.ada = fork(folder, _clinic, kind=ToldNetwork)
        self.story = Story(folder, lambda _: self.network)
        self.north: Any = self.network["north"]
        self.south: Any = self.network["south"]
        self.guide: Any = self.network["guide"]

    def refresh(self) -> None:
        # She may have moved.
        refresh(self.network, self.ada, self.guide.organisation)

    def shown(self) -> lists.Shown:
        found: lists.Shown = self.guide.lists.of(self.ada.account)
        return found

    def row(self, name: str) -> MedicineRow:
        return next(row for row in self.shown().read.medicines if row.name == name)

    def say(self, kind: Any, row: MedicineRow, **more: Any) -> stating.Stated:
        key = self.ada.key.key_id
        more.setdefault("against", lists.against(row, kind))
        act = stating.prepare(self.guide, self.ada.account, kind, key, [lists.subject_of(row)], **more)
        return stating.state(self.guide, stating.signed(act, self.ada.sign))


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def test_one_row_for_one_drug_of_two_places(clinic: Clinic) -> None:
    row = clinic.row("lisinopril")
    assert {line.source for line in row.lines} == {"north", "south"}
    assert row.status == "active" and row.conflicts == (Conflict.DOSE,) and row.likeness == "similar"
    assert clinic.row("metformin").likeness == "only-here"
    assert [notice.rule for notice in clinic.shown().notices] == ["same-drug-twice"]


def test_every_line_has_a_proof_that_the_standalone_tool_verifies(clinic: Clinic, tmp_path: Path) -> None:
    clinic.story.checkpoint("north", "south", "guide")
    contents = {
        (copy.organisation, copy.type, copy.id): copy.content for copy in clinic.guide.copies.all(clinic.ada.account)
    }
    verified = 0
    for row in clinic.shown().read.medicines:
        for line in row.lines:
            node: Any = clinic.network[line.source]
            receipt = receipt_for(node, bytes.fromhex(line.manifest))
            content = contents[line.source, line.type, line.id]
            assert run_tool(tmp_path, node, receipt, content).returncode == 0
            assert run_tool(tmp_path, node, receipt, content.replace(b"20", b"40")).returncode == 1
            verified += 1
    assert verified == 3


def test_the_patient_does_not_take_it(clinic: Clinic) -> None:
    clinic.network.time += 60_000
    told = clinic.say("not-taking", clinic.row("metformin"))
    assert told.taken == ("north", "south") and not told.refused and not told.waiting
    row = clinic.row("metformin")
    assert row.status == "stopped" and {Conflict.PATIENT, Conflict.STATUS} <= set(row.conflicts)
    (own,) = [line for line in row.lines if line.author == "patient"]
    assert own.by == "Ada" and clinic.shown().read.medicines[0].key == row.key  # disputed rows stand on top
    clinic.story.settle()
    kinds = [
        notice.organisation for notice in clinic.guide.agent.notices(clinic.ada.account) if notice.kind == "list-act/1"
    ]
    assert sorted(kinds) == ["guide", "north", "south"]
    assert all(notice.height for notice in clinic.guide.agent.notices(clinic.ada.account))
    # South, whose order it contradicts, is asked to look; north is not.
    asked = {name: clinic.network[name].rows(store.alarm) for name in ("north", "south")}
    assert [alarm.code for alarm in asked["south"]] == ["list-contradicted"] and asked["north"] == []
    at_south = next(row for row in clinic.south.lists.of(clinic.ada.account).read.medicines if row.name == "metformin")
    assert at_south.status == "stopped" and any(line.author == "patient" for line in at_south.lines)


def test_the_patient_takes_it_otherwise_and_something_else_too(clinic: Clinic) -> None:
    clinic.network.time += 60_000
    clinic.say("like-this", clinic.row("metformin"), words="1 tab daily")
    row = clinic.row("metformin")
    assert row.status == "active" and row.directions == "1 tab daily" and Conflict.PATIENT in row.conflicts
    ada = clinic.ada
    subject = acts.Subject("text:valerian drops", "Valerian drops")
    act = stating.prepare(clinic.guide, ada.account, "also-taking", ada.key.key_id, [subject], words="at night")
    stating.state(clinic.guide, stating.signed(act, ada.sign))
    own = clinic.row("Valerian drops")
    assert own.status == "active" and [line.author for line in own.lines] == ["patient"]


def test_it_goes_only_to_whom_she_names(clinic: Clinic) -> None:
    told = clinic.say("not-taking", clinic.row("metformin"), recipients=["south"])
    assert told.taken == ("south",)
    assert clinic.north.acts.of(clinic.ada.account) == []
    (kept,) = clinic.south.acts.of(clinic.ada.account)
    with pytest.raises(Refusal) as no:
        clinic.north.acts.take("south", kept.act)
    assert no.value.reason is Code.WRONG_ORGANISATION


def test_a_clinician_reviews_and_what_comes_later_is_new(clinic: Clinic) -> None:
    clinic.network.time += 60_000
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    row = clinic.row("lisinopril")
    clinic.north.acts.enter(clinic.ada.account, doctor, "reviewed", [lists.subject_of(row)])
    clinic.refresh()
    shown = clinic.shown()
    assert shown.reviewed is not None and shown.reviewed.act.name == "Dr North"
    # North never saw what south wrote: that nobody went through.
    seen = {row.key: len([line for line in row.lines if line.source == "south"]) for row in shown.read.medicines}
    assert shown.new == seen == dict.fromkeys(seen, 1)
    confirmed = clinic.row("lisinopril").confirmed
    assert confirmed is not None and (confirmed.source, confirmed.by, confirmed.author) == (
        "north", "Dr North", "clinician",
    )  # fmt: skip
    clinic.network.time += 60_000
    clinic.south.put("MedicationRequest", "d", order("d", "197361", "amlodipine 5 mg"))
    clinic.refresh()
    new = clinic.row("amlodipine")
    assert clinic.shown().new == seen | {new.key: 1}


def test_a_clinicians_stop_reaches_who_had_the_records_and_nobody_else(clinic: Clinic) -> None:
    network, ada = clinic.network, clinic.ada
    network.consent(ada, "north", "south", types=("MedicationRequest", "MedicationStatement"))
    reader = clinic.south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    receive.request_records(clinic.south, "north", ada.account, practitioner=reader, reason="a visit")
    network.time += 60_000
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    row = clinic.row("metformin")
    clinic.north.acts.enter(
        ada.account, doctor, "stopped", [lists.subject_of(row)], "kidneys", against=lists.against(row, "stopped")
    )
    waiting = [entry for entry in clinic.north.rows(store.outbox) if entry.path == acts.ACTS_PATH]
    assert [entry.organisation for entry in waiting] == ["guide", "south"]
    for entry in waiting:
        network.wires.peers("north").call(entry.organisation, acts.ACTS_PATH, _array(entry.payload))
    assert [alarm.code for alarm in clinic.south.rows(store.alarm)] == ["list-contradicted"]
    clinic.refresh()
    stopped = clinic.row("metformin")
    assert stopped.status == "stopped" and Conflict.STATUS in stopped.conflicts


def _array(payload: bytes) -> bytes:
    return codec.encode([payload])


def test_what_is_withheld_leaves_no_trace_in_anothers_list(clinic: Clinic) -> None:
    """South asks north. North's allergy is denied to it: the list is what it is had it never been there."""
    network, ada = clinic.network, clinic.ada
    network.consent(ada, "north", "south")
    network.consent(ada, "north", "south", effect="deny", types=("AllergyIntolerance",))
    reader = clinic.south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)

    def asked() -> bytes:
        page = receive.request_records(clinic.south, "north", ada.account, practitioner=reader, reason="a visit")
        shown = clinic.south.lists.with_received(ada.account, [page])
        return msgspec.json.encode((shown.read, shown.notices, shown.new, shown.unread))

    before = asked()
    clinic.north.put("AllergyIntolerance", "x", allergy("x", "lisinopril"))
    clinic.story.settle()
    assert asked() == before
    clinic.refresh()
    assert "allergy" in [notice.rule for notice in clinic.shown().notices]  # she herself sees it


def test_a_revoked_reading_takes_everything_out_again(clinic: Clinic) -> None:
    clinic.guide.copies.forget(clinic.ada.account)
    shown = clinic.shown()
    assert shown.read.medicines == () and shown.notices == []


def test_a_dismissed_notice_stays_away(clinic: Clinic) -> None:
    (notice,) = clinic.shown().notices
    row = clinic.row("lisinopril")
    with pytest.raises(Refusal):
        clinic.say("dismissed", row, notice=notice.id)  # without a reason
    clinic.say("dismissed", row, notice=notice.id, words="the doctor knows")
    assert clinic.shown().notices == []
    clinic.south.put(
        "MedicationRequest", "b", order("b", LISINOPRIL_20, "Lisinopril 20mg tab", "3 tabs daily"), origin="2"
    )
    clinic.refresh()
    assert len(clinic.shown().notices) == 1


def forged(clinic: Clinic) -> list[tuple[Act, Code]]:
    row = clinic.row("metformin")
    key = clinic.ada.key.key_id
    good = stating.prepare(
        clinic.guide, clinic.ada.account, "not-taking", key, [lists.subject_of(row)], recipients=["*"]
    )
    good = stating.signed(good, clinic.ada.sign)
    other = Patient(clinic.network, "mallory")
    replace = msgspec.structs.replace
    return [
        (replace(good, words="changed"), Code.BAD_SIGNATURE),
        (stating.signed(replace(good, key=other.key.key_id.hex()), other.sign), Code.UNKNOWN_CREDENTIAL),
        (stating.signed(replace(good, time=clinic.network.time + 10**7), clinic.ada.sign), Code.FROM_THE_FUTURE),
        (stating.signed(replace(good, network="00" * 32), clinic.ada.sign), Code.WRONG_NETWORK),
        (stating.signed(replace(good, kind="stopped"), clinic.ada.sign), Code.MALFORMED),
        (replace(good, author="clinician", organisation="south", credential={}), Code.CREDENTIAL_BAD),
        (
            replace(good, author="clinician", organisation="east", kind="stopped", credential={}),
            Code.CREDENTIAL_FOREIGN,
        ),
    ]


def test_what_its_author_did_not_sign_is_refused(clinic: Clinic) -> None:
    for act, code in forged(clinic):
        act = msgspec.structs.replace(act, kind="stopped") if code is Code.CREDENTIAL_BAD else act
        with pytest.raises(Refusal) as no:
            clinic.north.acts.take("south", act)
        assert no.value.reason is code, code
    assert clinic.north.acts.of(clinic.ada.account) == []


def test_a_hospital_cannot_tell_of_words_that_she_never_said(clinic: Clinic) -> None:
    """North journals a false act and anchors it; the agent does not take what she did not sign."""
    act, north, account = forged(clinic)[0][0], clinic.north, clinic.ada.account
    manifest = manifests.encode(
        ActManifest("list-act/1", clinic.network.id.hex(), "north", account, clinic.network.time, act)
    )

    def write(connection: Any) -> None:
        person = north.journal.person_of_account(connection, account)
        north.journal.append(connection, [Draft("list-act/1", manifest, person.id, None, [35, 0, "not-taking", b""])])

    north.store.write(write)
    clinic.refresh()
    told = [notice for notice in clinic.guide.agent.notices(account) if notice.kind == "list-act/1"]
    assert told == [] and clinic.guide.acts.of(account) == []
    assert clinic.row("metformin").status == "active"


def test_a_hospital_that_she_never_went_to_has_no_word_in_her_list(clinic: Clinic) -> None:
    """East's clinician signs a stop about Ada; nobody here had records from east."""
    east: Any = clinic.network["east"]
    doctor = east.practitioners.enter("dr-east", "Dr East", PHYSICIAN)
    subject = lists.subject_of(clinic.row("metformin"))
    with pytest.raises(Refusal) as no:
        east.acts.enter(clinic.ada.account, doctor, "stopped", [subject])
    assert no.value.reason is Code.NOT_LINKED
    clinic.network.patient("east-only", "east")
    bo = Patient(clinic.network, "bo")
    for account in (clinic.ada.account, bo.account):
        act = acts.sign_as(east, account, doctor, "stopped", [subject])
        with pytest.raises(Refusal) as no:
            clinic.north.acts.take("east", act)
        assert no.value.reason is Code.NOT_PERMITTED


def test_an_act_is_written_down_once(clinic: Clinic) -> None:
    clinic.say("not-taking", clinic.row("metformin"), against=[Against("south", "MedicationRequest", "c", "00" * 32)])
    (kept,) = clinic.north.acts.of(clinic.ada.account)
    assert clinic.north.acts.take("guide", kept.act) is False
    assert len([line for line in clinic.north.rows(store.line) if line.kind == "list-act/1"]) == 1


def test_one_new_record_is_all_that_is_read_again(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic.shown()
    read: list[str] = []
    real = sources.understand

    def counted(value: Any, around: Any) -> Any:
        read.append(value["id"])
        return real(value, around)

    monkeypatch.setattr(sources, "understand", counted)
    clinic.shown()
    assert read == []
    clinic.south.put("MedicationRequest", "d", order("d", "197361", "amlodipine 5 mg"))
    clinic.refresh()
    assert len(clinic.shown().read.medicines) == 3 and read == ["d"]


def test_a_notice_is_put_away_for_one_side_and_these_facts(clinic: Clinic) -> None:
    account = clinic.ada.account

    def rules(node: Any) -> list[str]:
        return [notice.rule for notice in node.lists.of(account).notices]

    clinic.south.put("AllergyIntolerance", "x", allergy("x", "lisinopril"))
    clinic.refresh()
    clinic.network.time += 60_000
    (hers,) = [notice for notice in clinic.shown().notices if notice.rule == "allergy"]
    clinic.say("dismissed", clinic.row("lisinopril"), notice=hers.id, words="I know")
    assert "allergy" not in rules(clinic.guide) and "allergy" in rules(clinic.south), "her doctor still reads it"
    ((notice, kept),) = clinic.shown().put_away
    assert (notice.id, kept.act.words, kept.act.author) == (hers.id, "I know", "patient")
    doctor = clinic.south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    (theirs,) = [notice for notice in clinic.south.lists.of(account).notices if notice.rule == "allergy"]
    clinic.south.acts.enter(account, doctor, "dismissed", [], "It was a cough.", theirs.id)
    assert "allergy" not in rules(clinic.south)
    assert [row for row in clinic.south.rows(store.outbox) if row.path == acts.ACTS_PATH] == [], "no other place hears"
    assert [kept.act.name for _, kept in clinic.south.lists.of(account).put_away] == ["Dr South"]
    # A review changes nothing of it; a worse reaction and a new order do, on both sides.
    clinic.south.acts.enter(account, doctor, "reviewed", [lists.subject_of(clinic.row("metformin"))])
    clinic.refresh()
    assert "allergy" not in rules(clinic.south) and "allergy" not in rules(clinic.guide)
    reaction = [{"manifestation": [{"text": "angioedema, intubated"}], "severity": "severe"}]
    worse = json.loads(allergy("y", "lisinopril")) | {"recordedDate": "2025-06-01", "reaction": reaction}
    clinic.south.put("AllergyIntolerance", "y", json.dumps(worse))
    clinic.refresh()
    assert "allergy" in rules(clinic.south) and "allergy" in rules(clinic.guide)
