"""What a clinician said of records that turn out to be another's leaves the person's list with them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core import codec
from medrec.core.manifests.acts import Act, ActKind
from medrec.core.reconcile.rows import MedicineRow
from medrec.node.agent.told import told
from medrec.node.keeping import outgoing, store
from medrec.node.lists import lists
from medrec.node.lists.acts_kept import ACTS_PATH, ENDS_PATH, list_act, list_act_against, list_act_hearer
from medrec.node.release import receive
from medrec.node.right_person import holding
from tests.node.test_right_person import ADA, BOB
from tests.node.test_several_charts import Charts


class Medicines(Charts):
    """North has glipizide and tamoxifen under chart `b`; south has Ada's own glipizide, and both are read at guide."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.south: Any = self.network["south"]
        self.order(self.south, "gs", "ada", "glipizide 5 mg tablet")
        self.guide.agent.link(self.ada.account, "south", self.south.linker.invite("ada"), self.ada.sign)
        self.network.consent(self.ada, "south", "guide")
        self.order(self.north, "gl", "b", "glipizide 5 mg tablet")
        self.order(self.north, "ta", "b", "tamoxifen 20 mg tablet")

    def order(self, node: Any, identifier: str, patient: str, name: str) -> None:
        self.network.time += 60_000
        body: dict[str, Any] = {
            "resourceType": "MedicationRequest", "id": identifier, "status": "active", "intent": "order",
            "subject": {"reference": f"Patient/{patient}"}, "medicationCodeableConcept": {"text": name},
            "dosageInstruction": [{"text": "1 tab daily"}], "authoredOn": "2025-05-01",
        }  # fmt: skip
        node.put("MedicationRequest", identifier, json.dumps(body))

    def settle(self) -> None:
        for _ in range(2):
            self.network.anchor()
            self.network.deliver()
            self.guide.copies.refresh(self.ada.account)

    def rows(self, node: Any = None) -> dict[str, MedicineRow]:
        return {row.name: row for row in (node or self.guide).lists.of(self.ada.account).read.medicines}

    def enter(self, kind: ActKind, name: str, words: str = "") -> Act:
        self.network.time += 60_000
        row, doctor = self.rows(self.north)[name], self.north.doctor()
        against = lists.against(row, kind)
        said: Act = self.north.acts.enter(
            self.ada.account, doctor, kind, [lists.subject_of(row)], words, against=against
        )
        return said

    def bring(self, path: str) -> None:
        """Bring south what waits for it at north."""
        with self.north.store.read() as connection:
            waiting = outgoing.waiting(connection, self.north.vault, path, self.ada.account)
        payloads = [row.payload for row in waiting if row.organisation == "south"]
        assert payloads and codec.decode(self.north.peers.call("south", path, codec.encode(payloads))) == [True]

    def asked(self) -> list[str]:
        """What north's staff is asked about words on lists."""
        return [row.code for row in self.north.rows(store.alarm) if row.code.startswith("list-act-")]

    def acts(self, node: Any) -> list[str]:
        return [kept.act.kind for kept in node.acts.of(self.ada.account)]


@pytest.fixture
def charts(tmp_path: Path) -> Iterator[Medicines]:
    made = Medicines(tmp_path)
    made.join()
    made.settle()
    yield made
    made.close()


@pytest.mark.parametrize("how", ["another", "unlinked"])
def test_a_word_of_records_of_a_chart_ends_with_its_link(charts: Medicines, how: str) -> None:
    charts.enter("reviewed", "glipizide")
    charts.enter("stopped", "glipizide", "kidneys failing")
    charts.enter("stopped", "tamoxifen")
    charts.settle()
    assert charts.rows()["tamoxifen"].status == "stopped" and charts.rows()["glipizide"].status == "stopped"
    charts.says("b", BOB)
    charts.settle()
    if how == "another":
        assert holding.give_up(charts.north, "Patient", "b", "office", "this is Byron")
    else:
        assert charts.north.linker.unlink("b")
    charts.settle()
    rows = charts.rows()
    assert set(rows) == {"glipizide"} and charts.rows(charts.north) == {}
    assert rows["glipizide"].status == "active" and [line.author for line in rows["glipizide"].lines] == ["record"]
    assert charts.acts(charts.north) == charts.acts(charts.guide) == ["reviewed"], "she was there, of nothing named"
    ended = told(charts.guide, charts.ada.account, "list-act-ended/1")
    assert len(ended) == 3 and {line.manifest.end.organisation for line in ended} == {"north"}
    assert charts.asked() == ["list-act-ended-with-records"] * 2, "of a stop that is gone the staff is told"
    (kept,) = charts.north.rows(list_act)
    assert {row.id for row in charts.north.rows(list_act_hearer)} <= {kept.id}


def test_what_was_said_of_her_own_records_stays(charts: Medicines) -> None:
    charts.order(charts.north, "wa", "ada", "warfarin 5 mg tablet")
    charts.enter("stopped", "warfarin", "bleeding")
    charts.enter("stopped", "tamoxifen")
    charts.says("b", BOB)
    charts.settle()
    assert charts.north.linker.unlink("b")
    charts.settle()
    assert charts.rows()["warfarin"].status == "stopped" and "tamoxifen" not in charts.rows()
    assert charts.acts(charts.north) == charts.acts(charts.guide) == ["stopped"]


def test_of_a_word_that_rests_on_both_a_human_is_asked(charts: Medicines) -> None:
    charts.order(charts.north, "ga", "ada", "glipizide 5 mg tablet")
    act = charts.enter("stopped", "glipizide", "kidneys failing")
    charts.settle()
    assert charts.north.linker.unlink("b")
    charts.settle()
    assert charts.rows()["glipizide"].status == "stopped" and charts.acts(charts.guide) == ["stopped"]
    raised = [row.subject for row in charts.north.rows(store.alarm) if row.code == "list-act-in-doubt"]
    assert raised == [f"list-act/{act.id}"]


def test_nobody_is_asked_about_a_word_that_ends_with_the_whole_link(charts: Medicines) -> None:
    charts.order(charts.north, "ga", "ada", "glipizide 5 mg tablet")
    charts.enter("stopped", "glipizide", "kidneys failing")
    charts.settle()
    assert charts.guide.agent.unlink(charts.ada.account, "north", charts.ada.sign)
    charts.settle()
    assert charts.acts(charts.north) == charts.acts(charts.guide) == [] and charts.north.rows(list_act) == []
    assert not [row for row in charts.north.rows(store.alarm) if row.code.startswith("list-")]


def test_it_ends_wherever_it_was_handed_and_comes_back_to_nobody(charts: Medicines) -> None:
    charts.network.consent(charts.ada, "north", "south")
    charts.network.anchor()
    receive.request_records(
        charts.south, "north", charts.ada.account, practitioner=charts.south.doctor(), reason="a visit"
    )
    charts.enter("stopped", "tamoxifen", "remission")
    charts.bring(ACTS_PATH)
    charts.settle()
    assert charts.acts(charts.south) == ["stopped"]
    charts.says("b", BOB)
    assert charts.north.linker.unlink("b")
    charts.bring(ENDS_PATH)
    charts.settle()
    assert charts.acts(charts.south) == [] and charts.acts(charts.guide) == []
    assert charts.south.rows(list_act) == [] and charts.north.rows(list_act) == []
    assert charts.asked() == ["list-act-ended-with-records"]
    charts.says("b", ADA)
    charts.join()
    charts.settle()
    assert charts.rows()["tamoxifen"].status == "active"
    assert charts.asked() == ["list-act-ended-with-records", "list-act-in-doubt"], "its records are hers again"


def test_a_word_of_a_record_ends_where_its_source_files_it_under_another(charts: Medicines) -> None:
    charts.says("bob", BOB)
    charts.order(charts.north, "ga", "ada", "glipizide 5 mg tablet")
    charts.order(charts.north, "gl", "bob", "glipizide 5 mg tablet")
    charts.enter("stopped", "glipizide", "kidneys failing")
    charts.settle()
    assert charts.rows()["glipizide"].status == "stopped"
    # Under her other number it is hers still.
    charts.order(charts.north, "ga", "b", "glipizide 5 mg tablet")
    charts.settle()
    assert charts.acts(charts.guide) == ["stopped"]
    charts.order(charts.north, "ga", "bob", "glipizide 5 mg tablet")
    charts.settle()
    assert charts.rows()["glipizide"].status == "active" and charts.acts(charts.guide) == []
    assert charts.acts(charts.north) == []
    assert charts.asked() == ["list-act-ended-with-records"]


def warfarin(charts: Medicines, patient: str, name: str = "warfarin 5 mg tablet") -> None:
    charts.order(charts.north, "wa", patient, name)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_merge_into_a_number_that_may_be_hers_ends_no_stop(charts: Medicines, is_known: bool) -> None:
    warfarin(charts, "ada")
    charts.enter("stopped", "warfarin", "intracranial bleeding")
    charts.settle()
    if is_known:
        charts.says("ada2")
    warfarin(charts, "ada2")
    charts.settle()
    assert charts.acts(charts.north) == charts.acts(charts.guide) == ["stopped"]
    assert charts.asked() == ["list-act-in-doubt"]
    charts.says("ada2")
    charts.join("ada2")
    charts.settle()
    assert charts.rows()["warfarin"].status == charts.rows(charts.north)["warfarin"].status == "stopped"


def test_a_patient_that_cannot_be_read_is_not_known_as_another_s(
    charts: Medicines, monkeypatch: pytest.MonkeyPatch
) -> None:
    charts.says("bob", BOB)
    warfarin(charts, "ada")
    charts.enter("stopped", "warfarin", "intracranial bleeding")

    def away() -> None:
        raise OSError

    monkeypatch.setattr(charts.north.source, "before_read", away)
    warfarin(charts, "bob")
    monkeypatch.undo()
    assert charts.acts(charts.north) == ["stopped"] and charts.asked() == ["list-act-in-doubt"]


def test_of_a_stop_that_ended_by_a_slip_the_staff_is_asked_when_it_is_put_right(charts: Medicines) -> None:
    charts.says("bob", BOB)
    warfarin(charts, "ada")
    act = charts.enter("stopped", "warfarin", "intracranial bleeding")
    charts.settle()
    contradicted = [row for row in charts.north.rows(store.alarm) if row.code == "list-contradicted"]
    assert [row.subject for row in contradicted] == ["MedicationRequest/wa"]
    warfarin(charts, "bob")
    assert charts.asked() == ["list-act-ended-with-records"] and charts.acts(charts.north) == []
    assert contradicted == [row for row in charts.north.rows(store.alarm) if row.code == "list-contradicted"]
    # Another record of hers, or hers under the other number, is no news of it.
    charts.order(charts.north, "gl", "ada", "glipizide 5 mg tablet")
    assert charts.asked() == ["list-act-ended-with-records"]
    warfarin(charts, "ada", "warfarin 5 mg tab")
    raised = [(row.code, row.subject) for row in charts.north.rows(store.alarm) if row.code.startswith("list-act-")]
    assert raised == [
        ("list-act-ended-with-records", f"list-act/{act.id}"),
        ("list-act-in-doubt", f"list-act/{act.id}"),
    ]
    # With the whole link nothing is left of it.
    assert charts.guide.agent.unlink(charts.ada.account, "north", charts.ada.sign)
    assert charts.north.rows(list_act_against) == []


def test_a_chart_that_is_unlinked_and_linked_again_keeps_its_stop(charts: Medicines) -> None:
    charts.enter("reviewed", "glipizide")
    charts.enter("stopped", "tamoxifen", "thrombosis")
    charts.settle()
    assert charts.north.linker.unlink("b")
    charts.settle()
    assert charts.asked() == ["list-act-in-doubt"], "and of a review nobody is asked"
    charts.join()
    charts.settle()
    assert charts.rows()["tamoxifen"].status == "stopped"
