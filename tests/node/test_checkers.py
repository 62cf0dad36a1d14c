"""Every rule of the notices at a node, each put away with a reason and not shown again for the same facts; and a site's
own checker, which may raise, hang or say nonsense."""

import json
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.reconcile.lists import Read
from medrec.core.reconcile.notices import Notice, NoticeRule, notice
from medrec.core.records.terms import Terms
from medrec.node.lists import checking
from medrec.node.lists.checking import FAILED, Guarded
from medrec.node.lists.lists import PersonLists
from medrec.node.refusals import Refusal
from medrec.node.release.practitioners import PHYSICIAN
from tests.node.test_lists import LISINOPRIL_20, Clinic, allergy, order

PATIENT = {"resourceType": "Patient", "id": "ada", "name": [{"given": ["Ada"]}]}


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def worded(identifier: str, text: str, sig: str = "1 tab daily") -> str:
    return json.dumps(json.loads(order(identifier, "0", text, sig)) | {"medicationCodeableConcept": {"text": text}})


CASES: dict[NoticeRule, list[tuple[str, str]]] = {
    NoticeRule.SAME_DRUG: [("d", worded("d", "Zestril 20 mg tablet")), ("e", worded("e", "lisinopril 20 mg tablet"))],
    NoticeRule.SAME_CLASS: [("d", worded("d", "enalapril 5 mg tablet"))],
    NoticeRule.PAIR: [("d", worded("d", "simvastatin 20 mg tablet")), ("e", worded("e", "gemfibrozil 600 mg tablet"))],
    NoticeRule.DOSE: [("d", worded("d", "acetaminophen 500 mg tablet", "4 tabs q6h"))],
}
ALLERGIES = {NoticeRule.ALLERGY: "lisinopril", NoticeRule.ALLERGY_CLASS: "enalapril"}


@pytest.mark.parametrize("rule", [*CASES, *ALLERGIES])
def test_each_rule_names_its_evidence_and_is_put_away_for_these_facts(clinic: Clinic, rule: NoticeRule) -> None:
    south, account = clinic.south, clinic.ada.account

    def told() -> list[Notice]:
        return [one for one in south.lists.of(account).notices if one.rule == rule]

    for identifier, record in CASES.get(rule, []):
        south.put("MedicationRequest", identifier, record)
    if rule in ALLERGIES:
        south.put("AllergyIntolerance", "al", allergy("al", ALLERGIES[rule]))
    clinic.story.settle()
    (first, *_) = told()
    rows = {row.key: row for row in south.lists.of(account).read.rows}
    behind = {line.manifest for key in first.rows for line in rows[key].lines}
    assert first.source and first.sentence and first.evidence and set(first.evidence) <= behind
    doctor = south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    with pytest.raises(Refusal):
        south.acts.enter(account, doctor, "dismissed", [], "", first.id)
    for one in told():
        south.acts.enter(account, doctor, "dismissed", [], "Talked about it.", one.id)
    assert told() == [] and "Talked about it." in [kept.act.words for _, kept in south.lists.of(account).put_away]
    # Other records that have nothing to do with it bring none of it back; another order of the same drug does.
    south.put("Patient", "ada", json.dumps(PATIENT))
    clinic.refresh()
    assert told() == []
    drug = json.loads(CASES[rule][0][1]) if rule in CASES else json.loads(order("n", LISINOPRIL_20, "lisinopril 20 mg"))
    south.put("MedicationRequest", "n", json.dumps(drug | {"id": "n", "authoredOn": "2025-06-01"}))
    clinic.refresh()
    assert told()


class Raises:
    def notices(self, read: Read, terms: Terms) -> Iterable[Notice]:
        raise RuntimeError("its licence has run out")


class Exits(Raises):
    def notices(self, read: Read, terms: Terms) -> Iterable[Notice]:
        raise SystemExit(3)


class Nonsense(Raises):
    def notices(self, read: Read, terms: Terms) -> Iterable[Notice]:
        return ["take twice as much", None]  # type: ignore[list-item]


class OfNobody(Raises):
    """It speaks of a row that is not there: of what is hidden, or of somebody else's."""

    def notices(self, read: Read, terms: Terms) -> Iterable[Notice]:
        return [Notice("0" * 64, NoticeRule.ALLERGY, "Look.", ("29046|elsewhere",), (), "MedRec's rules")]


class Endless(Raises):
    def notices(self, read: Read, terms: Terms) -> Iterable[Notice]:
        while True:
            yield notice(NoticeRule.LICENSED, "Look.", (), "a table")


class NoList(Raises):
    def notices(self, read: Read, terms: Terms) -> Iterable[Notice]:
        return None  # type: ignore[return-value]


@pytest.mark.parametrize("checker", [Raises, Exits, Nonsense, OfNobody, Endless, NoList])
def test_a_checker_that_fails_takes_no_list_with_it_and_its_silence_is_said(clinic: Clinic, checker: Any) -> None:
    before = clinic.south.lists.of(clinic.ada.account)
    clinic.south.lists = PersonLists(clinic.south, checkers=[Guarded("licensed", checker())])
    after = clinic.south.lists.of(clinic.ada.account)
    assert after.read == before.read
    (said,) = [one for one in after.notices if one not in before.notices]
    assert (said.rule, said.sentence, said.source) == (NoticeRule.LICENSED, FAILED, "licensed")


def test_a_checker_that_hangs_is_waited_for_once(clinic: Clinic) -> None:
    go, asked = threading.Event(), []

    class Hangs:
        def notices(self, read: Read, terms: Terms) -> Iterable[Notice]:
            asked.append(read)
            go.wait(120)
            return []

    clinic.south.lists = PersonLists(clinic.south, checkers=[Guarded("licensed", Hangs(), wait_s=0.2)])
    try:
        for _ in range(3):
            assert FAILED in [one.sentence for one in clinic.south.lists.of(clinic.ada.account).notices]
        assert len(asked) == 1
    finally:
        go.set()


def test_a_good_checker_speaks_in_its_own_name_and_is_put_away_like_any(clinic: Clinic) -> None:
    class Licensed:
        def notices(self, read: Read, terms: Terms) -> Iterable[Notice]:
            return [
                Notice("x", NoticeRule.PAIR, "Look at this.", (read.medicines[0].key,), (), "a licensed table, row 7")
            ]

    clinic.south.lists = PersonLists(clinic.south, checkers=[Guarded("licensed", Licensed())])
    account = clinic.ada.account
    (said,) = [one for one in clinic.south.lists.of(account).notices if one.rule == NoticeRule.LICENSED]
    assert said.sentence == "Look at this." and said.evidence and len(said.id) == 64
    doctor = clinic.south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    clinic.south.acts.enter(account, doctor, "dismissed", [], "Seen.", said.id)
    assert NoticeRule.LICENSED not in [one.rule for one in clinic.south.lists.of(account).notices]


def test_a_package_of_the_site_names_its_checker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pip leaves it: a module, and its entry points beside it. One that is broken is there as one that is silent."""
    (tmp_path / "site_checker.py").write_text(
        "from medrec.core.reconcile.notices import NoticeRule, notice\n"
        "class Ours:\n"
        "    def notices(self, read, terms):\n"
        "        return [notice(NoticeRule.LICENSED, 'By the table.', (), 'our table')]\n"
    )
    info = tmp_path / "site_checker-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: site-checker\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[medrec.checkers]\nours = site_checker:Ours\nlost = site_checker:Nowhere\n")
    assert checking.installed() == []
    monkeypatch.syspath_prepend(str(tmp_path))
    found = checking.installed()
    monkeypatch.delitem(sys.modules, "site_checker", raising=False)
    nothing = Read((), (), (), 0)
    said = [[one.sentence for one in checker.notices(nothing, None)] for checker in found]  # type: ignore[arg-type]
    assert said == [[FAILED], ["By the table."]]
