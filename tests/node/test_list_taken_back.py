"""A link undone takes its clinicians' words out of every list that they went to, and asks nobody for anything more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sql

from medrec.core import codec
from medrec.core.manifests.acts import Act, ActEnd
from medrec.core.reconcile.rows import MedicineRow
from medrec.node.corrections.corrections import CORRECTIONS_PATH
from medrec.node.keeping import store
from medrec.node.keeping.upgrades import FORMER
from medrec.node.lists import acts_ended
from medrec.node.lists.acts import Acts
from medrec.node.lists.acts_kept import ACTS_PATH, ENDS_PATH, list_act, list_act_hearer
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release import receive
from medrec.node.release.practitioners import PHYSICIAN
from tests.node.test_clinician_corrections import Visit


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    """North's clinician may see south's records and tell south: what she says of Ada is about the wrong person."""
    made = Visit(tmp_path)
    made.allow()
    yield made
    made.network.close()


def at_south(visit: Visit) -> MedicineRow:
    rows: Any = visit.south.lists.of(visit.ada.account).read.medicines
    (row,) = [row for row in rows if row.name == "metformin"]
    return row


def lines(visit: Visit, kind: str) -> list[Any]:
    return [line for line in visit.south.rows(store.line) if line.kind == kind]


def stop(visit: Visit) -> Act:
    act = visit.enter("stopped", "kidneys")
    visit.story.settle()
    return act


def end(act: Act, organisation: str = "north", **more: Any) -> ActEnd:
    fields: dict[str, Any] = {"network": act.network, "account": act.account, "act": act.id, "time": act.time}
    return ActEnd(**(fields | more), organisation=organisation)


def test_the_word_is_gone_where_it_was_handed_on(visit: Visit) -> None:
    before = at_south(visit)
    act = stop(visit)
    assert visit.bring(ACTS_PATH) == [True] and visit.bring(CORRECTIONS_PATH) == [True]
    assert at_south(visit).status == "stopped" and len(visit.south.rows(store.alarm)) == 1
    assert visit.owed(act) == "open"
    assert visit.north.linker.unlink("ada")
    # It waits until south can be reached, and then counts once.
    assert list(visit.waiting(ENDS_PATH)) == ["south"]
    assert visit.bring(ENDS_PATH) == [True] and visit.bring(ENDS_PATH) == [True]
    visit.story.settle()
    assert at_south(visit) == before
    assert visit.south.rows(store.alarm) == [] and len(lines(visit, "list-act-ended/1")) == 1
    # South owes no answer any more, on its desk and on the ledger, and the person reads why.
    (here,) = visit.south.corrections.here()
    assert here.status == "noted" and visit.owed(act) == "settled"
    (asked,) = visit.guide.corrections.asked(visit.ada.account)
    assert asked.status == "noted" and "taken the word back" in asked.answer
    told = [notice.kind for notice in visit.guide.agent.notices(visit.ada.account) if notice.organisation == "south"]
    assert told.count("list-act-ended/1") == 1


def test_what_was_not_handed_on_yet_stays_here_and_what_comes_later_counts_nothing(visit: Visit) -> None:
    act = stop(visit)
    assert list(visit.waiting(ACTS_PATH)) == list(visit.waiting(CORRECTIONS_PATH)) == ["south"]
    assert visit.north.linker.unlink("ada")
    assert visit.waiting(ACTS_PATH) == {}
    # The two ways have no order between them: the request may come when its act was taken back already.
    assert visit.bring(ENDS_PATH) == [True] and visit.bring(CORRECTIONS_PATH) == [True]
    visit.story.settle()
    (here,) = visit.south.corrections.here()
    assert here.status == "noted" and visit.owed(act) == "settled"
    # A copy of the act that was still on its way is no news, either.
    assert visit.south.acts.take("north", act) is False
    assert at_south(visit).status == "active" and lines(visit, "list-act/1") == lines(visit, "list-act-ended/1") == []


def test_nobody_takes_back_what_another_said(visit: Visit) -> None:
    act = stop(visit)
    assert visit.bring(ACTS_PATH) == [True] and visit.bring(CORRECTIONS_PATH) == [True]
    with pytest.raises(Refusal) as no:
        acts_ended.take(visit.south, "east", end(act))
    assert no.value.reason is Code.CREDENTIAL_FOREIGN
    with pytest.raises(Refusal) as no:
        acts_ended.take(visit.south, "north", end(act, network="00" * 32))
    assert no.value.reason is Code.WRONG_NETWORK
    stranger = visit.network.patient("bo", "east")
    # East knows nothing of Ada; and who is known here cannot be told from the answers.
    for one in (end(act, "east"), end(act, "east", account=stranger.account), end(act, account=stranger.account)):
        payload = codec.encode([codec.encode_json(msgspec.to_builtins(one))])
        answer = visit.network.wires.peers(one.organisation).call("south", ENDS_PATH, payload)
        assert codec.decode(answer) == [True]
    assert at_south(visit).status == "stopped" and visit.owed(act) == "open"
    for body in (b"", codec.encode({}), codec.encode([b"{}"]), codec.encode(["x"])):
        with pytest.raises(PeerError) as bad:
            visit.network.wires.peers("north").call("south", ENDS_PATH, body)
        assert bad.value.code == "malformed"


def test_a_second_link_begins_anew(visit: Visit) -> None:
    stop(visit)
    assert visit.bring(ACTS_PATH) == [True]
    assert visit.north.linker.unlink("ada") and visit.bring(ENDS_PATH) == [True]
    visit.refresh()
    visit.network.time += 60_000
    visit.guide.agent.link(visit.ada.account, "north", visit.north.linker.invite("ada"), visit.ada.sign)
    visit.story.settle()
    visit.network.time += 60_000
    visit.allow()
    act = stop(visit)
    assert visit.south.acts.take("north", act) is True and at_south(visit).status == "stopped"
    assert visit.north.linker.unlink("ada")
    ends = [codec.decode_json(payload)["act"] for payload in visit.waiting(ENDS_PATH)["south"]]
    assert act.id in ends and len(set(ends)) == 2, "of the first link nothing new is said"


def test_a_word_of_a_former_version_is_taken_back_too(visit: Visit) -> None:
    """It wrote down neither whose an act is nor who was handed it: both are found when the node opens again."""
    stop(visit)
    assert visit.bring(ACTS_PATH) == [True] and at_south(visit).status == "stopped"
    doctor = visit.south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    receive.request_records(visit.south, "north", visit.ada.account, practitioner=doctor, reason="a visit")
    own = [kept.act for kept in visit.north.acts.of(visit.ada.account)]

    def as_before(connection: Any) -> None:
        connection.execute(sql.update(list_act).values(organisation=FORMER))
        connection.execute(sql.delete(list_act_hearer))

    visit.north.store.write(as_before)
    for _ in range(2):
        visit.north.acts = Acts(visit.north)
        assert [kept.act for kept in visit.north.acts.of(visit.ada.account)] == own
        assert [row.organisation for row in visit.north.rows(list_act)] == ["north"]
        heard = {row.organisation for row in visit.north.rows(list_act_hearer)}
        assert heard == {"guide", "south"}, "whoever had her records from north"
    assert visit.north.linker.unlink("ada") and visit.bring(ENDS_PATH) == [True]
    assert at_south(visit).status == "active"
