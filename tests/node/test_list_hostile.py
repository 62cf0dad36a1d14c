"""A hospital that had to do with somebody has no hand in what others say on her list: not by ending it, not by its id,
not by putting a notice away."""

from typing import Any

import msgspec
import pytest

from medrec.core import codec
from medrec.core.manifests.act_parts import Against
from medrec.core.manifests.acts import Act, ActEnd, act_message
from medrec.core.manifests.correction import of_act
from medrec.core.reconcile.rows import MedicineRow
from medrec.node.corrections.corrections import CORRECTIONS_PATH
from medrec.node.keeping import store
from medrec.node.lists import acts, acts_ended, lists, stating
from medrec.node.lists.acts_kept import list_act_ended
from medrec.node.lists.acts_whole import Whole
from medrec.node.refusals import Code, Refusal
from tests.node.network import Patient
from tests.node.test_clinician_corrections import Visit
from tests.node.test_list_taken_back import visit as visit
from tests.node.test_lists import allergy


def at_south(visit: Visit) -> MedicineRow:
    rows: Any = visit.south.lists.of(visit.ada.account).read.medicines
    return next(row for row in rows if row.name == "metformin")


def hers(visit: Visit, **more: Any) -> Act:
    """Ada's signed word that she does not take metformin."""
    subject = lists.subject_of(visit.metformin())
    key = visit.ada.key.key_id
    act = stating.prepare(visit.guide, visit.ada.account, "not-taking", key, [subject], recipients=["north", "south"])
    return stating.signed(msgspec.structs.replace(act, **more), visit.ada.sign)


def norths(visit: Visit, kind: Any = "changed", words: str = "3 tabs daily", **more: Any) -> Act:
    """Whatever north makes its own clinician sign."""
    subjects = [lists.subject_of(visit.metformin())] if kind == "changed" else []
    # South gave it this very record, so it is listened to.
    against, notice = lists.against(visit.metformin(), "changed"), more.pop("notice", None)
    act = acts.sign_as(visit.north, visit.ada.account, visit.doctor, kind, subjects, words, notice, against)
    act = msgspec.structs.replace(act, **more)
    return msgspec.structs.replace(act, signature=visit.doctor.key.sign(act_message(act)).signature.hex())


def end_by_north(visit: Visit, act: Act) -> None:
    acts_ended.take(visit.south, "north", ActEnd(act.network, act.account, act.id, "north", act.time))


@pytest.mark.parametrize("first", ["act", "end"])
def test_nobody_ends_a_word_that_is_not_of_his_own_clinicians(visit: Visit, first: str) -> None:
    """North has had the act as she let it have, and tells south that it is ended, before or after it comes there."""
    act = hers(visit)
    if first == "end":
        end_by_north(visit, act)
    assert visit.south.acts.take("guide", act) is True
    end_by_north(visit, act)
    assert visit.south.acts.take("guide", act) is False and at_south(visit).status == "stopped"
    # Of its own the same word counts, also before it comes.
    own = norths(visit)
    end_by_north(visit, own)
    assert visit.south.acts.take("north", own) is False
    assert {row.organisation for row in visit.south.rows(list_act_ended)} == {"north"}


def test_an_act_that_bears_the_id_of_anothers_stands_beside_it(visit: Visit) -> None:
    """Who hears a word first knows its id. A clinician's word, or another person's, under that id hides nothing."""
    act = hers(visit)
    copied = norths(visit, id=act.id)
    assert visit.south.acts.take("north", copied) is True
    assert visit.south.acts.take("guide", act) is True
    rows = at_south(visit)
    assert {line.author for line in rows.lines} == {"record", "clinician", "patient"}
    # It takes back what it said; hers stays.
    end_by_north(visit, copied)
    left = at_south(visit)
    assert {line.author for line in left.lines} == {"record", "patient"} and left.status == "stopped"


def test_another_persons_act_under_the_same_id_stands_in_nobodys_way(visit: Visit) -> None:
    mallory: Patient = visit.network.patient("mallory", "south")
    act = hers(visit)
    own = msgspec.structs.replace(act, account=mallory.account, key=mallory.key.key_id.hex(), against=[])
    assert visit.south.acts.take("guide", stating.signed(own, mallory.sign)) is True
    assert visit.south.acts.take("guide", act) is True and at_south(visit).status == "stopped"
    visit.story.settle()
    visit.guide.copies.refresh(visit.ada.account)
    assert [kept.act.id for kept in visit.south.acts.of(visit.ada.account)] == [act.id]


def test_a_request_that_follows_from_an_act_under_anothers_id_is_another_request(visit: Visit) -> None:
    """South owes an answer to each; north's request, which came first, does not swallow hers."""
    against = lists.against(visit.metformin(), "not-taking")
    key = visit.ada.key.key_id
    subjects = [lists.subject_of(visit.metformin())]
    act = stating.prepare(visit.guide, visit.ada.account, "not-taking", key, subjects, against=against)
    act = stating.signed(act, visit.ada.sign)
    copied = norths(visit, id=act.id)
    assert visit.south.acts.take("north", copied) is True
    for node, said in ((visit.north, copied), (visit.guide, act)):
        (statement,) = of_act(said)
        node.store.write(lambda connection, node=node, one=statement: node.corrections.ask_within(connection, one))
    waiting = [row for node in (visit.north, visit.guide) for row in node.rows(store.outbox)]
    for row, by in zip([row for row in waiting if row.path == CORRECTIONS_PATH], ("north", "guide"), strict=True):
        assert visit.south.corrections.take(by, bytes(row.payload)) is True
    assert {one.statement.act.author for one in visit.south.corrections.here()} == {"clinician", "patient"}


def test_an_act_against_more_than_it_has_marks_for_is_refused(visit: Visit) -> None:
    many = [Against("south", "MedicationRequest", f"r{number}", "00" * 32) for number in range(33)]
    with pytest.raises(Refusal) as no:
        acts.sign_as(visit.north, visit.ada.account, visit.doctor, "stopped", [], "x", None, many)
    assert no.value.reason is Code.TOO_LARGE


def test_what_a_hospital_tells_her_agent_under_anothers_id_hides_nothing(visit: Visit) -> None:
    """What north writes down under the id of her own act comes to her agent as well."""
    act = hers(visit)
    assert stating.state(visit.guide, act).taken == ("north", "south")
    visit.north.acts._keep([acts._Part(Whole(norths(visit, id=act.id)))])
    visit.story.settle()
    found = visit.guide.acts.of(visit.ada.account)
    assert {kept.act.author for kept in found} == {"patient", "clinician"} and len({kept.act.id for kept in found}) == 1
    (row,) = [row for row in visit.guide.lists.of(visit.ada.account).read.medicines if row.name == "metformin"]
    assert {line.author for line in row.lines} == {"record", "clinician", "patient"}


def test_no_hospital_puts_a_notice_away_at_another(visit: Visit) -> None:
    visit.south.put("AllergyIntolerance", "x", allergy("x", "metformin"))
    visit.story.settle()
    shown = visit.south.lists.of(visit.ada.account)
    (notice,) = [one for one in shown.notices if one.rule == "allergy"]
    away = norths(visit, "dismissed", "seen to it", notice=notice.id)
    with pytest.raises(Refusal) as no:
        visit.south.acts.take("north", away)
    assert no.value.reason is Code.NOT_PERMITTED
    # Nor if a former version took it.
    visit.south.acts._keep([acts._Part(Whole(away))])
    after = visit.south.lists.of(visit.ada.account)
    assert notice in after.notices and after.put_away == ()


def test_a_review_marks_what_stands_and_adds_no_row_of_its_own(visit: Visit) -> None:
    """North's clinician went through a list in which she invents names: at south and at her agent nothing is taken for
    that; what stands there is marked as reviewed."""
    before = [row.key for row in visit.south.lists.of(visit.ada.account).read.medicines]
    real = lists.subject_of(visit.metformin())
    invented = [msgspec.structs.replace(real, key=f"text:x{n}", name=f"x{n}", ingredients=[]) for n in range(15)]
    act = norths(visit, "reviewed")
    act = msgspec.structs.replace(act, subjects=[real, *invented], words="")
    act = msgspec.structs.replace(act, signature=visit.doctor.key.sign(act_message(act)).signature.hex())
    visit.south.acts._keep([acts._Part(Whole(act))])
    rows = visit.south.lists.of(visit.ada.account).read.medicines
    assert [row.key for row in rows] == before
    assert [line.by for line in at_south(visit).lines if line.author == "clinician"] == [act.name]


def test_one_refused_act_keeps_no_other_back(visit: Visit) -> None:
    good, bad = hers(visit), msgspec.structs.replace(hers(visit), words="not signed")
    payloads = [acts.payload_for(bad, "south"), b"{", acts.payload_for(good, "south")]
    assert codec.decode(acts.answer_acts(visit.south, "guide", codec.encode(payloads))) == [False, False, True]
    assert [kept.act.id for kept in visit.south.acts.of(visit.ada.account)] == [good.id]
    # Alone it is answered with why.
    with pytest.raises(Refusal) as no:
        acts.answer_acts(visit.south, "guide", codec.encode(payloads[:1]))
    assert no.value.reason is Code.BAD_SIGNATURE
