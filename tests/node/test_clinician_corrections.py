"""What a clinician stops or changes against another place's record is a correction that the place owes an answer to.

Every act goes to whom the patient allows, as the gate decides it, and to nobody else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import codec, manifests, state
from medrec.core.consent import terms
from medrec.core.consent.plain import Plain, write
from medrec.core.manifests.act_parts import Against
from medrec.core.manifests.acts import Act
from medrec.core.manifests.correction import DUE_MS, CorrectionRequestManifest, answer_owed, of_act
from medrec.core.reconcile.rows import MedicineRow
from medrec.node.corrections.corrections import CORRECTIONS_PATH
from medrec.node.keeping import store
from medrec.node.lists import acts, lists
from medrec.node.release import receive
from medrec.node.release.practitioners import PHYSICIAN
from tests.node.test_labels import everything_but
from tests.node.test_lists import METFORMIN_500, Clinic, order

MEDICINES = ("MedicationRequest", "MedicationStatement")


class Visit(Clinic):
    """Ada is seen at north, which may read south; what north says may go to south as she allows."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.network.consent(self.ada, "south", "north", types=("MedicationRequest",))
        self.doctor = self.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
        page = receive.request_records(
            self.north, "south", self.ada.account, practitioner=self.doctor, reason="a visit"
        )
        self.at_north = self.north.lists.with_received(self.ada.account, [page])
        self.network.time += 60_000

    def allow(self, **more: Any) -> bytes:
        secret: bytes = self.network.consent(self.ada, "north", "south", **({"types": MEDICINES} | more))
        return secret

    def metformin(self) -> MedicineRow:
        return next(row for row in self.at_north.read.medicines if row.name == "metformin")

    def enter(self, kind: Any, words: str = "", row: MedicineRow | None = None) -> Act:
        row = row or self.metformin()
        against = lists.against(row, kind)
        found: Act = self.north.acts.enter(
            self.ada.account, self.doctor, kind, [lists.subject_of(row)], words, against=against
        )
        return found

    def waiting(self, path: str) -> dict[str, list[bytes]]:
        """What waits at north to be sent, by path: organisation -> payloads; the agent's share left out."""
        found: dict[str, list[bytes]] = {}
        for row in self.north.rows(store.outbox):
            if row.path == path and row.organisation != "guide":
                found.setdefault(row.organisation, []).append(bytes(row.payload))
        return found

    def bring(self, path: str) -> list[bool]:
        answers: list[bool] = []
        for organisation, payloads in self.waiting(path).items():
            answers += codec.decode(self.north.peers.call(organisation, path, codec.encode(payloads)))
        return answers

    def owed(self, act: Act) -> str:
        (statement,) = of_act(act)
        with self.network.engine.view() as view:
            key = state.obligation_key("north", answer_owed("north", "south", bytes.fromhex(statement.id)))
            found = state.read(view, key, state.Obligation)
        return found.status if found is not None else "none"


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    made = Visit(tmp_path)
    yield made
    made.network.close()


@pytest.mark.parametrize(("kind", "words"), [("stopped", "no longer needed"), ("changed", "1 tab daily")])
def test_a_clinicians_word_against_a_source_is_owed_an_answer_by_it(visit: Visit, kind: Any, words: str) -> None:
    visit.allow()
    act = visit.enter(kind, words)
    visit.story.settle()
    assert visit.owed(act) == "open"
    assert visit.bring(acts.ACTS_PATH) == [True] and visit.bring(CORRECTIONS_PATH) == [True]
    (here,) = visit.south.corrections.here()
    sent = msgspec.structs.replace(act, bare=msgspec.UNSET)
    assert (here.statement.record, here.status, here.statement.act) == ("c", "open", sent)
    assert here.statement.words.startswith("Dr North (north)") and "metformin" in here.statement.words
    assert here.statement.proposed == (words if kind == "changed" else "")
    assert [alarm.code for alarm in visit.south.rows(store.alarm)] == ["list-contradicted"]
    # She sees it, from whom, and what comes of it.
    visit.story.settle()
    (asked,) = visit.guide.corrections.asked(visit.ada.account)
    assert (asked.source, asked.record, asked.taken, asked.status) == ("south", "c", True, "open")
    assert "Dr North" in asked.words
    visit.south.put(
        "MedicationRequest", "c", order("c", METFORMIN_500, "metformin 500 mg", status="stopped"), origin="2"
    )
    visit.south.corrections.answer(here.id, "corrected", "Stopped here too.")
    visit.story.settle()
    (asked,) = visit.guide.corrections.asked(visit.ada.account)
    assert (asked.status, asked.answer) == ("corrected", "Stopped here too.")
    (sent,) = visit.north.corrections.sent()
    assert visit.owed(act) == sent.status == "settled"


def test_an_answer_that_does_not_come_is_late_for_all_to_see(visit: Visit) -> None:
    visit.allow()
    act = visit.enter("stopped")
    visit.story.settle()
    (sent,) = visit.north.corrections.sent()
    assert sent.status == "open"
    visit.network.time = sent.due + 60_000
    visit.enter("reviewed")
    visit.story.settle()
    assert visit.owed(act) == visit.north.corrections.sent()[0].status == "overdue"


def test_reviewing_asks_for_nothing(visit: Visit) -> None:
    visit.allow()
    visit.enter("reviewed")
    assert visit.waiting(CORRECTIONS_PATH) == {} and visit.north.corrections.sent() == []


@pytest.mark.parametrize(
    ("kind", "how"),
    [("stopped", "nothing said"), ("changed", "denied"), ("reviewed", "taken back"), ("stopped", "allergies alone")],
)
def test_whom_she_does_not_allow_learns_nothing(visit: Visit, kind: Any, how: str) -> None:
    """Neither the act nor a request goes to the source; she is told of the act all the same."""
    if how == "denied":
        visit.allow()
        visit.allow(effect="deny", types=("MedicationStatement",))
    elif how == "taken back":
        visit.network.take_back(visit.ada, "north", visit.allow())
    elif how == "allergies alone":
        visit.allow(types=("AllergyIntolerance",))
    visit.enter(kind, "1 tab daily")
    assert visit.waiting(acts.ACTS_PATH) == {} and visit.waiting(CORRECTIONS_PATH) == {}
    visit.refresh()
    assert {kept.act.kind for kept in visit.guide.acts.of(visit.ada.account)} == {kind}
    assert visit.south.acts.of(visit.ada.account) == [] and visit.south.corrections.here() == []
    assert visit.south.rows(store.alarm) == []


@pytest.mark.parametrize("kind", ["stopped", "changed", "reviewed"])
def test_a_clinicians_act_goes_where_she_allows(visit: Visit, kind: Any) -> None:
    """To those whom it speaks against, and to those who had her records from here; the gate's consent decides."""
    visit.allow()
    reader = visit.south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    receive.request_records(visit.south, "north", visit.ada.account, practitioner=reader, reason="a visit")
    visit.network.time += 60_000
    visit.enter(kind, "1 tab daily")
    assert list(visit.waiting(acts.ACTS_PATH)) == ["south"] and visit.bring(acts.ACTS_PATH) == [True]
    (kept,) = visit.south.acts.of(visit.ada.account)
    row = next(row for row in visit.south.lists.of(visit.ada.account).read.medicines if row.name == "metformin")
    assert kept.act.kind == kind and "Dr North" in [line.by for line in row.lines]


@pytest.mark.parametrize(
    ("kind", "words"), [("not-taking", ""), ("like-this", "1 tab daily"), ("also-taking", "at night")]
)
def test_the_patients_act_goes_to_all_whom_she_names(visit: Visit, kind: Any, words: str) -> None:
    reached: dict[str, int] = {"north": 0, "south": 0}
    for recipients in (["*"], ["north"], ["east"], ["north", "south"]):
        told = visit.say(kind, visit.row("metformin"), words=words, recipients=recipients)
        wanted = {"north", "south"} if recipients == ["*"] else set(recipients) & {"north", "south"}
        assert set(told.taken) == wanted
        for place in reached:
            reached[place] += place in wanted
            node: Any = visit.network[place]
            assert len(node.acts.of(visit.ada.account)) == reached[place]


def test_an_act_that_names_what_she_hides_goes_nowhere(visit: Visit) -> None:
    """A medicine tells the illness: she lets everything go but this, and the word on it stays where it was said."""
    everything_but(visit.network, visit.ada, "HIV")
    told = acts.Subject("text:sustiva", "Sustiva")
    plain = acts.Subject("text:metformin", "metformin")
    against = lists.against(visit.metformin(), "stopped")
    for subjects in ([told], [plain, told]):
        visit.north.acts.enter(visit.ada.account, visit.doctor, "stopped", subjects, "rash", against=against)
    assert visit.waiting(acts.ACTS_PATH) == {} and visit.waiting(CORRECTIONS_PATH) == {}
    visit.north.acts.enter(visit.ada.account, visit.doctor, "stopped", [plain], "rash", against=against)
    assert list(visit.waiting(acts.ACTS_PATH)) == list(visit.waiting(CORRECTIONS_PATH)) == ["south"]


def test_what_was_never_given_to_the_clinician_is_no_request(visit: Visit) -> None:
    """North was not given this version (it made up the hash, or another place's was copied into the form)."""
    visit.allow()
    row = visit.metformin()
    made_up = [
        Against("south", "MedicationRequest", "c", "00" * 32),
        Against("east", "MedicationRequest", "z", "11" * 32),
    ]
    visit.north.acts.enter(visit.ada.account, visit.doctor, "stopped", [lists.subject_of(row)], "no", against=made_up)
    assert visit.waiting(CORRECTIONS_PATH) == {}


def test_a_source_takes_no_request_from_whom_it_gave_nothing(visit: Visit) -> None:
    """East knows the hash by whatever way; south never gave it the record, so east has no say about it."""
    east: Any = visit.network["east"]
    doctor = east.practitioners.enter("dr-east", "Dr East", PHYSICIAN)
    row = visit.metformin()
    against = lists.against(row, "stopped")
    act = acts.sign_as(east, visit.ada.account, doctor, "stopped", [lists.subject_of(row)], "no", None, against)
    (statement,) = of_act(act)

    def manifest(by: str, said: Any) -> bytes:
        made = CorrectionRequestManifest(
            "correction-request/1", act.network, by, visit.ada.account, act.time, said,
            answer_owed(by, "south", bytes.fromhex(said.id)).hex(), max(act.time, said.time) + DUE_MS,
        )  # fmt: skip
        return manifests.encode(made)

    assert visit.south.corrections.take("east", manifest("east", statement)) is False
    # Nor may north, which was given it, hand in what east's clinician signed, or change a word of its own.
    assert visit.south.corrections.take("north", manifest("north", statement)) is False
    own = acts.sign_as(
        visit.north, visit.ada.account, visit.doctor, "stopped", [lists.subject_of(row)], "no", None, against
    )
    (good,) = of_act(own)
    replace = msgspec.structs.replace
    for bad in (
        replace(good, words="Pay me."),
        replace(good, act=replace(own, words="other")),
        replace(good, act=replace(own, name="Dr Else")),
        replace(good, act=None),
        replace(good, act=None, key="00" * 16),
    ):
        assert visit.south.corrections.take("north", manifest("north", bad)) is False, bad
    # The agent does not hand in what a clinician says.
    assert visit.south.corrections.take("guide", manifest("guide", good)) is False
    assert visit.south.corrections.here() == []
    assert visit.south.corrections.take("north", manifest("north", good)) is True


@pytest.mark.parametrize("how", ["type", "label"])
def test_an_act_tells_nobody_of_a_record_that_is_withheld_from_him(visit: Visit, how: str) -> None:
    """The name alone is harmless; what the record behind it is, the patient hides from south."""
    record = json.loads(order("h", METFORMIN_500, "metformin 500 mg"))
    visit.allow()
    reader = visit.south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    receive.request_records(visit.south, "north", visit.ada.account, practitioner=reader, reason="a visit")
    if how == "type":
        visit.allow(effect="deny", types=("MedicationRequest",))
    else:
        record["meta"] = {"security": [{"system": terms.ACT_CODE, "code": "HIV"}]}
        hidden = write(Plain("withhold", about=["hiv"]), visit.ada.account, visit.network.time)
        visit.network.fhir_consent(visit.ada, "north", hidden.decode())
    visit.north.put("MedicationRequest", "h", json.dumps(record))
    visit.refresh()
    row = next(r for r in visit.north.lists.of(visit.ada.account).read.medicines if r.name == "metformin")
    visit.enter("stopped", "kidneys", row)
    assert visit.waiting(acts.ACTS_PATH) == {}
    open_row = next(r for r in visit.north.lists.of(visit.ada.account).read.medicines if r.name != "metformin")
    if how == "label":
        visit.enter("stopped", "done with", open_row)
        assert set(visit.waiting(acts.ACTS_PATH)) == {"south"}


@pytest.mark.parametrize(
    "words",
    ["interacts with ritonavir for her HIV", "because of the lisinopril, she coughs"],
)
def test_the_reason_tells_nobody_of_what_is_withheld_from_him(visit: Visit, words: str) -> None:
    """The medicine is open to south. The words speak of an illness that she withholds, or of another medicine."""
    visit.allow()
    if "HIV" in words:
        hidden = write(Plain("withhold", about=["hiv"]), visit.ada.account, visit.network.time)
        visit.network.fhir_consent(visit.ada, "north", hidden.decode())
    else:
        record = json.loads(order("a", "314077", "lisinopril 20 mg"))
        record["meta"] = {"security": [{"system": terms.ACT_CODE, "code": "HIV"}]}
        visit.north.put("MedicationRequest", "a", json.dumps(record))
        hidden = write(Plain("withhold", about=["hiv"]), visit.ada.account, visit.network.time)
        visit.network.fhir_consent(visit.ada, "north", hidden.decode())
        visit.refresh()
    for kind in ("stopped", "changed"):
        visit.enter(kind, words)
    visit.north.acts.enter(visit.ada.account, visit.doctor, "reviewed", [], words)
    # South hears that it is stopped, and not why; a change is nothing without its words.
    for path in (acts.ACTS_PATH, CORRECTIONS_PATH):
        (payload,) = visit.waiting(path)["south"]
        assert b"lisinopril" not in payload and b"HIV" not in payload and b'"kind":"stopped"' in payload
    visit.enter("stopped", "no longer needed")
    assert b"no longer needed" in visit.waiting(acts.ACTS_PATH)["south"][1]
