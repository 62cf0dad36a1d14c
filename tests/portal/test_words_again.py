"""Words of a record once more by somebody who is served already, and places that were down for too long."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.core import ladder
from medrec.core.ladder import Revealed
from medrec.core.outcome import Code
from medrec.node.account import guarding, guarding_elsewhere, guarding_index, recovery
from medrec.node.agent import bringing, moving
from medrec.node.ledger.anchor import AnchorError
from medrec.node.ledger.rebuild import Rebuilt, rebuild
from medrec.portal import words as page_words
from tests.node.network import Records
from tests.portal.reading import text_of
from tests.portal.rescue import DAY, WORDS, Circle, Friend, NewPhone, wait
from tests.portal.test_stopped_between import Stop
from tests.portal.test_stopped_between import stop as stop
from tests.portal.test_ways_back import circle as circle
from tests.portal.test_ways_back import plain

Away = Callable[[], tuple[NewPhone, str]]


@pytest.fixture
def away(circle: Circle, tmp_path: Path) -> Away:
    """The agent is gone with everything; Ada has her account back at a new one, and holds the words of her record."""

    def begin() -> tuple[NewPhone, str]:
        code = circle.paper()
        leads = circle.ada.does(circle.ada.page + "/keys", do="record").headers["location"]
        words = " ".join(WORDS.findall(circle.ada.get(leads).text))
        circle.guide.store.close()
        for name in ("guide.db", "guide.db-wal", "guide.db-shm", "guide.key"):
            (tmp_path / name).unlink(missing_ok=True)
        circle.network.records["guide"] = Records()
        circle.guide = circle.network.open("guide")
        phone = NewPhone(circle.story)
        begun = phone.send("/coming-back", do="paper", words=code, account=circle.ada.account)
        assert begun.status_code == 303
        wait(circle.story, DAY)
        phone.sign_in()
        phone.does("/coming-back", do="finish")
        return phone, words

    return begin


def lines(circle: Circle) -> int:
    circle.story.settle()
    return sum(notice.manifest is not None for notice in circle.guide.agent.notices(circle.ada.account))


def test_a_node_that_stopped_while_she_moved_finds_the_rest_by_her_words_again(
    circle: Circle, away: Away, stop: Stop
) -> None:
    before = lines(circle)
    phone, words = away()
    stop(moving, "tell")
    assert phone.confirm(phone.send("/coming-back", do="move", name="Ada", words=words)).status_code == 500
    # She is served; nobody has been told, so nothing comes.
    assert phone.sign_in().json()["to"] == circle.ada.page
    assert lines(circle) == 0 < before
    keys = circle.ada.page + "/keys"
    slip = phone.send(keys, do="find", words=words.replace(words[:5], "babab", 1))
    assert slip.status_code == 400 and "paper-slip" in slip.text and words[6:11] not in slip.text
    asked = phone.send(keys, do="find", words=words)
    assert "at 2 places" in phone.asked(asked) and lines(circle) == 0
    phone.confirm(asked)
    assert lines(circle) >= before
    assert circle.guide.agent.clients() == [(circle.ada.account, "Ada")]


def test_a_node_that_stopped_while_it_told_places_goes_on_with_the_others(
    circle: Circle, away: Away, stop: Stop
) -> None:
    before = lines(circle)
    phone, words = away()
    peers: Any = circle.guide.peers
    stop(peers, "call")
    assert phone.confirm(phone.send("/coming-back", do="move", name="Ada", words=words)).status_code == 500
    assert bringing.unheard(circle.guide, circle.ada.account) == ["north", "south"]
    circle.network.time += bringing.AGAIN_MS
    assert bringing.again(circle.guide) == 2 and bringing.unheard(circle.guide, circle.ada.account) == []
    assert lines(circle) >= before
    assert phone.sign_in().json()["to"] == circle.ada.page


def test_words_of_somebody_else_are_not_taken_from_who_is_served(circle: Circle) -> None:
    eve = Friend(circle.story, "eve", "north")
    leads = eve.does(eve.page + "/keys", do="record").headers["location"]
    hers = " ".join(WORDS.findall(eve.get(leads).text))
    secret = circle.guide.agent.view_secret(circle.ada.account)
    taken = circle.ada.send(circle.ada.page + "/keys", do="find", words=hers)
    assert taken.status_code == 400 and circle.guide.agent.view_secret(circle.ada.account) == secret


def test_a_place_that_was_down_for_a_week_is_told_when_she_signs_again(circle: Circle, away: Away) -> None:
    before = lines(circle)
    phone, words = away()
    wires: Any = circle.network.wires
    answers = wires._nodes["north"]
    wires.leave("north")
    phone.confirm(phone.send("/coming-back", do="move", name="Ada", words=words))
    phone.sign_in()
    linking = circle.ada.page + "/linking"
    assert "Not told yet: North" in plain(phone.get(linking).text)
    assert "Not told yet what you signed: North" in plain(phone.get(circle.ada.page).text)
    assert phone.send(linking, do="tell").status_code == 404
    wait(circle.story, moving.MOVE_LIFE_MS + 1)
    wires.join("north", answers)
    phone.sign_in()
    circle.network.time += bringing.AGAIN_MS
    assert bringing.again(circle.guide) == 0 and lines(circle) < before
    page = plain(phone.get(linking).text)
    assert "could not tell North" in page and "Not told yet" not in page
    phone.does(linking, do="tell")
    assert "could not tell" not in plain(phone.get(linking).text)
    assert lines(circle) >= before


def test_guardians_come_back_with_the_words_of_her_record(circle: Circle, away: Away) -> None:
    ada: Any = circle.ada
    circle.all_choose()
    chosen = recovery.guardians_of(circle.guide, ada.account)
    called = [one.name for one in guarding.asked_by(circle.guide, ada.account)]
    assert guarding_index.write(circle.guide) == 0, "they were written down before they were chosen"
    circle.story.settle()
    phone, words = away()
    phone.confirm(phone.send("/coming-back", do="move", name="Ada", words=words))
    assert phone.sign_in().status_code == 200
    assert chosen is not None and recovery.guardians_of(circle.guide, ada.account) == chosen
    found = recovery.readiness(circle.guide, ada.account)
    assert found.guardians and not found.lost
    # They stand under what she called them.
    page = text_of(phone.get(ada.page + "/guardians").text)
    assert page_words.GUARDIANS["lost"] not in page
    assert called and all(name in page for name in called)
    assert not any(friend.account[:16] in page for friend in (circle.bo, circle.cy, circle.di))
    # What stands on the ledger is sealed, and as long as without any name.
    same = [guarding_index._names(circle.guide, who, chosen.members) for who in (ada.account, circle.bo.account)]
    assert len(same[0]) == len(same[1]) and same[0] != same[1] == bytes(len(same[1]))


def test_a_set_that_does_not_fit_the_ledger_is_passed_over(circle: Circle) -> None:
    """A place that she is linked to may write what it likes into a line that only she can open."""
    circle.all_choose()
    node, ada = circle.guide, circle.ada.account
    true = recovery.guardians_of(node, ada)
    assert true is not None
    marks = b"".join(guarding_index.mark(member) for member in true.members)
    good = [guarding_index.SUMMARY, 1, true.needs, true.salt, marks]
    mallory = guarding_index.mark(circle.ada.account) * 2
    wrong: list[Any] = [
        None, [], [2, 1, 2, true.salt, marks], [*good[:2], "2", *good[3:]], [*good[:3], b"", marks],
        [*good[:4], marks[:-1]], [*good[:4], mallory], [*good[:4], bytes(24)], [*good[:4], marks * 4],
        [*good[:2], 3, *good[3:]], good[:4],
    ]  # fmt: skip
    for summary in wrong:
        assert guarding_index.restore(node, ada, [Rebuilt("north", 1, 0, 1, summary)]) == 0, summary
    # However many lines come behind the true one, and once for however often it comes.
    junk = [Rebuilt("north", 1, at, 2, [*good[:3], bytes(32), marks]) for at in range(300)]
    assert guarding_index.restore(node, ada, [Rebuilt("guide", 1, 0, 1, good), *junk]) == 1
    named: list[Any] = ["Bo", ["Bo"], b"", b"\xff" * 99, b"a\n\0" * 3, b"x" * 900, {}]
    for names in named:
        assert guarding_index.restore(node, ada, [Rebuilt("guide", 1, 0, 1, [*good, names])] * 2) == 1, names


def test_a_set_stands_in_the_index_before_it_is_chosen(circle: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Her agent is gone in the very moment: what she chose is found by her words; and where that cannot be, nothing is
    chosen."""
    guide, ada = circle.guide, circle.ada
    for friend, name in ((circle.bo, "Bo"), (circle.cy, "Cy")):
        circle.ask(friend, name)
    page = ada.page + "/guardians"
    ticked = dict.fromkeys(re.findall(r'name="(is-[0-9a-f]+)"', ada.get(page).text), "1")

    def dead() -> None:
        raise AnchorError(Code.AUTHOR_SUSPENDED, "the ledger takes nothing")

    with monkeypatch.context() as patch:
        patch.setattr(guide, "anchor", dead)
        refused = ada.confirm(ada.send(page, do="choose", needs="2", **ticked))
    assert refused.status_code == 503
    with guide.engine.view() as view:
        assert ladder.ladder_of(view, ada.account).next is None
    ada.does(page, do="choose", needs="2", **ticked)
    (chosen,) = [one for one in recovery.sets(guide, ada.account) if guarding_elsewhere.stands(guide, ada.account, one)]
    lines = rebuild(guide.engine, guide.agent.view_secret(ada.account))
    guide.store.write(lambda connection: connection.execute(sql.delete(recovery.guardian_set)))
    assert guarding_index.restore(guide, ada.account, lines) == 1
    assert recovery.sets(guide, ada.account) == [chosen]


def test_a_page_left_open_asks_nobody_to_be_a_guardian_and_takes_nobody_back(circle: Circle) -> None:
    ada, page = circle.ada, circle.ada.page + "/guardians"
    waits = ada.send(page, do="invite", name="Mum")
    told = ada.asked(waits)
    assert "/sign/" in waits.headers["location"] and "Mum" in told
    assert guarding.asked_by(circle.guide, ada.account) == []
    circle.ask(circle.bo, "Bo")
    (one,) = guarding.asked_by(circle.guide, ada.account)
    back = ada.send(page, do="withdraw", asked=one.id.hex())
    assert guarding.asked_by(circle.guide, ada.account) == [one]
    assert ada.confirm(back).headers["location"] == page + "?done=kept"
    assert guarding.asked_by(circle.guide, ada.account) == []
    assert ada.send(page, do="withdraw", asked=one.id.hex()).status_code == 404
    for name, code in (("x" * 121, "guardian-name"), (" ", "guardian-name")):
        refused = ada.send(page, do="invite", name=name)
        assert refused.status_code == 400 and page_words.ERRORS[code] in text_of(refused.text)
    for at in range(guarding.OPEN_MAX):
        guarding.invite(circle.guide, ada.account, f"Somebody {at}")
    refused = ada.send(page, do="invite", name="One more")
    assert page_words.ERRORS["guardian-many"] in text_of(refused.text)


@pytest.mark.parametrize(
    ("name", "room", "kept"),
    [
        ("Bo", 3, "Bo"),
        ("Bo Berg the elder", 11, "Bo Berg…"),
        ("Zoë" * 9, 10, "ZoëZo…"),
        ("Ren" + "e\u0301" * 9, 12, "Rene\u0301e\u0301…"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467 home", 16, ""),
    ],
)
def test_a_name_that_is_too_long_ends_at_a_whole_letter(name: str, room: int, kept: str) -> None:
    fitted = guarding_index._fitted(name, room)
    assert len(fitted) <= room
    assert fitted.decode() == kept


def test_guardians_whose_list_went_with_the_old_agent_are_no_way_back_and_every_page_says_so(
    circle: Circle, away: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = circle.ada
    # As an agent of a former version, which wrote no set down before it was chosen, and was gone in that moment.
    with monkeypatch.context() as patch:
        patch.setattr(guarding_index, "secure", lambda *_: None)
        circle.all_choose()
    before = recovery.readiness(circle.guide, ada.account)
    assert before.guardians and not before.lost
    assert page_words.GUARDIANS["lost"] not in text_of(ada.get(ada.page + "/guardians").text)
    phone, words = away()
    phone.confirm(phone.send("/coming-back", do="move", name="Ada", words=words))
    assert phone.sign_in().status_code == 200
    found = recovery.readiness(circle.guide, ada.account)
    assert found.lost and not found.guardians
    for page in ("", "/keys", "/guardians", "/after"):
        text = text_of(phone.get(ada.page + page).text)
        assert page_words.GUARDIANS["lost"] in text and "Call your guardians" not in text, page
    # She chooses anew: the list is here before the change comes.
    for friend in (circle.bo, circle.cy):
        circle.guide.agent.enroll(friend.account, "a friend", friend.account.encode()[:32])
    chosen = Revealed(sorted([circle.bo.account, circle.cy.account]), 2, b"s" * 32)
    recovery.keep_guardians(circle.guide, ada.account, chosen)
    signer = recovery.Signer(ada.account, phone.key.key_id, phone.key.sign)
    recovery.choose_doors(circle.network.engine, circle.network.id, signer, chosen, [], True)
    assert not recovery.guardians_lost(circle.guide, ada.account)
    assert not recovery.readiness(circle.guide, ada.account).guardians
