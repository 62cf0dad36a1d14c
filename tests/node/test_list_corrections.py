"""What a person says on her list against a source is a correction, and the source owes an answer to it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import codec, manifests, state
from medrec.core.manifests.acts import Act, against_of, narrowed
from medrec.core.manifests.correction import CorrectionRequestManifest, answer_owed, of_act
from medrec.node.corrections.corrections import CORRECTIONS_PATH
from medrec.node.keeping import store
from medrec.node.lists import lists, stating
from medrec.node.refusals import Code, Refusal
from tests.node.test_lists import METFORMIN_500, Clinic, order


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def owed(clinic: Clinic, act: Act, source: str) -> str:
    """What the ledger says of the answer that a source owes for an act."""
    (statement,) = [found for found in of_act(act) if found.source == source]
    with clinic.network.engine.view() as view:
        key = state.obligation_key("guide", answer_owed("guide", source, bytes.fromhex(statement.id)))
        found = state.read(view, key, state.Obligation)
    return found.status if found is not None else "none"


def bring_corrections(clinic: Clinic) -> list[bool]:
    answers: list[bool] = []
    for row in clinic.guide.rows(store.outbox):
        if row.path == CORRECTIONS_PATH:
            answers += codec.decode(clinic.guide.peers.call(row.organisation, row.path, codec.encode([row.payload])))
    return answers


@pytest.mark.parametrize(("kind", "words"), [("not-taking", ""), ("like-this", "1 tab daily")])
def test_what_contradicts_a_source_is_a_correction_that_it_owes_an_answer_to(
    clinic: Clinic, kind: Any, words: str
) -> None:
    """One signature: the act is on the list, and the source of the order has to answer, for all to count."""
    clinic.network.time += 60_000
    clinic.say(kind, clinic.row("metformin"), words=words)
    (kept,) = clinic.guide.acts.of(clinic.ada.account)
    (asked,) = clinic.guide.corrections.asked(clinic.ada.account)
    assert (asked.source, asked.type, asked.record, asked.proposed) == ("south", "MedicationRequest", "c", words)
    assert (asked.status, asked.taken) == ("open", False) and "metformin" in asked.words
    clinic.story.settle()
    assert owed(clinic, kept.act, "south") == "open"
    assert bring_corrections(clinic) == [True]
    (here,) = clinic.south.corrections.here()
    assert (
        here.status == "open"
        and here.statement.act == narrowed(kept.act, "south")
        and clinic.north.corrections.here() == []
    )
    clinic.story.settle()
    (asked,) = clinic.guide.corrections.asked(clinic.ada.account)
    assert asked.taken
    stopped = {"status": "stopped"} if kind == "not-taking" else {"dosageInstruction": [{"text": "1 tab daily"}]}
    clinic.south.put("MedicationRequest", "c", order("c", METFORMIN_500, "metformin 500 mg", **stopped), origin="2")
    clinic.south.corrections.answer(here.id, "corrected", "Mended.")
    clinic.story.settle()
    (asked,) = clinic.guide.corrections.asked(clinic.ada.account)
    assert (asked.status, asked.answer) == ("corrected", "Mended.") and asked.version
    assert owed(clinic, kept.act, "south") == "settled"


def test_nothing_is_to_be_corrected_where_she_does_not_let_the_act_go(clinic: Clinic) -> None:
    clinic.say("not-taking", clinic.row("lisinopril"), recipients=["south"])
    assert [asked.source for asked in clinic.guide.corrections.asked(clinic.ada.account)] == ["south"]
    (kept,) = clinic.south.acts.of(clinic.ada.account)
    assert [one.source for one in against_of(kept.act)] == ["south"], "south does not learn what stands at north"


def test_a_correction_that_its_act_does_not_say_is_not_taken(clinic: Clinic) -> None:
    row, ada = clinic.row("metformin"), clinic.ada
    against = lists.against(row, "not-taking")
    subjects = [lists.subject_of(row)]
    act = stating.prepare(clinic.guide, ada.account, "not-taking", ada.key.key_id, subjects, against=against)
    act = stating.signed(act, ada.sign)
    (good,) = of_act(act)
    replace = msgspec.structs.replace
    unsigned = replace(act, signature="00" * 64)
    for bad, code in (
        (replace(good, words="You owe me money."), Code.MALFORMED),
        (replace(good, record="b"), Code.MALFORMED),
        (replace(good, id="00" * 16), Code.MALFORMED),
        (replace(good, act=replace(act, words="other")), Code.MALFORMED),
        (of_act(unsigned)[0], Code.BAD_SIGNATURE),
        (replace(good, act=None), Code.BAD_SIGNATURE),
    ):
        with pytest.raises(Refusal) as no:
            clinic.guide.corrections.ask(bad)
        assert no.value.reason is code, bad
        manifest = CorrectionRequestManifest(
            "correction-request/1", act.network, "guide", ada.account, act.time, bad, "00" * 16, act.time
        )
        assert clinic.south.corrections.take("guide", manifests.encode(manifest)) is False
    assert clinic.guide.corrections.asked(ada.account) == [] and clinic.south.corrections.here() == []
    clinic.guide.corrections.ask(good)
    assert len(clinic.guide.corrections.asked(ada.account)) == 1
