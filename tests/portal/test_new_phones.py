"""The numbers of new phones: nobody finds one by trying, and one that was found puts no stranger into other pages
unnoticed."""

import re
from typing import Any

import pytest

from medrec.core import codec
from medrec.node.account import returning
from medrec.node.peers.peers import PeerError
from medrec.portal import language, render, words
from medrec.portal.own import keys
from tests.portal.reading import text_of
from tests.portal.rescue import DAY, WORDS, Circle, Friend, Holder, NewPhone
from tests.portal.test_ways_back import circle as circle

WRONG = "000 000 000"


def statuses(friend: Friend, count: int, **fields: str) -> set[int]:
    page = friend.page + "/keys"
    return {friend.send(page, do="add", number=WRONG, **fields).status_code for _ in range(count)}


def test_an_account_does_not_try_number_after_number(circle: Circle) -> None:
    phone = NewPhone(circle.story)
    assert statuses(circle.ada, 20) == {404}
    assert statuses(circle.ada, 1) == {429}
    # Not even the right one is taken now, and it waits on for others.
    assert circle.ada.send(circle.ada.page + "/keys", do="add", number=phone.number).status_code == 429
    case = returning.by_number(circle.guide, phone.number)
    assert case is not None and case.account is None


def test_nobody_tries_numbers_under_one_new_account_after_another(
    circle: Circle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "NUMBERS_OF_SITE", 30)
    assert statuses(circle.ada, 15) == statuses(circle.bo, 15) == {404}
    assert statuses(circle.cy, 1) == {429}


def test_a_guardian_and_a_place_do_not_try_numbers_either(circle: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    circle.all_choose()
    tried = [circle.bo.send(circle.ward(circle.bo), do="speak", number=WRONG).status_code for _ in range(21)]
    assert set(tried[:20]) == {404} and tried[20] == 429
    monkeypatch.setattr(returning, "NUMBERS_OF_CALLER", 3)
    body = codec.encode({"account": circle.ada.account, "number": WRONG})
    peers: Any = circle.story.network["north"].peers
    codes = []
    for _ in range(4):
        with pytest.raises(PeerError) as no:
            peers.call("guide", returning.RETURNING_PATH, body)
        codes.append(no.value.code)
    assert codes == ["no-such-number"] * 3 + ["too-many-numbers"]


def test_a_phone_is_told_into_whose_pages_it_was_let_before_it_opens_them(circle: Circle) -> None:
    eve = Friend(circle.story, "eve")
    zoe = NewPhone(circle.story, "phone of zoe")
    eve.does(eve.page + "/keys", do="add", number=zoe.number)
    # Whoever has the page alone is told nothing of anybody; the key has to sign first.
    assert words.BACK["let_in"] in text_of(zoe.get(zoe.page).text) and "Eve" not in zoe.get(zoe.page).text
    answer = Holder.sign_in(zoe)
    assert answer.json()["to"] == zoe.page and zoe.get(eve.page).status_code == 403
    asked = text_of(zoe.get(zoe.page).text)
    assert "They are those of Eve" in asked and words.BACK["whose_no_places"] in asked
    assert (
        "phone of zoe" in eve.get(eve.page + "/keys").text and words.KEYS["let_in"] in eve.get(eve.page + "/keys").text
    )
    left = zoe.send(zoe.page, do="not_hers")
    assert left.headers["location"].startswith(zoe.page)
    assert words.DONE["not_hers"] in zoe.get(left.headers["location"]).text
    assert Holder.sign_in(zoe).status_code == 401 and returning.by_passkey(circle.guide, zoe.id) is None


def test_who_says_yes_is_in(circle: Circle) -> None:
    tablet = NewPhone(circle.story, "my tablet")
    circle.ada.does(circle.ada.page + "/keys", do="add", number=tablet.number)
    Holder.sign_in(tablet)
    asked = text_of(tablet.get(tablet.page).text)
    assert "They are those of Ada" in asked and "North" in asked
    assert tablet.send(tablet.page, do="hers").headers["location"] == "/sign-in?done=came_back"
    assert Holder.sign_in(tablet).json()["to"] == circle.ada.page
    assert tablet.get(circle.ada.page).status_code == 200


def test_a_key_that_was_let_in_and_never_came_can_be_removed(circle: Circle) -> None:
    stranger = NewPhone(circle.story, "a slip of the number")
    page = circle.ada.page + "/keys"
    circle.ada.does(page, do="add", number=stranger.number)
    assert "a slip of the number" in circle.ada.get(page).text
    circle.ada.does(page, do="remove", key=stranger.key.key_id.hex())
    assert not {stranger.key.key_id.hex()} & circle.ada.keys()
    assert "a slip of the number" not in circle.ada.get(page).text


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_a_paper_that_does_not_count_yet_says_when_it_does(circle: Circle, code: str) -> None:
    page = circle.ada.does(circle.ada.page + "/keys", do="paper").headers["location"]
    paper = " ".join(WORDS.findall(circle.ada.get(page).text))
    phone = NewPhone(circle.story)
    phone.get(f"{phone.page}?lang={code}")
    early = phone.send(phone.page, do="paper", words=paper)
    with language.use(code):
        told = str(render.say(words.BACK["young"], when=render.date(circle.story.network.time + 7 * DAY)))
    assert early.status_code == 409 and text_of(told) in text_of(early.text)
    assert not re.search(r"\d{13}", text_of(early.text))
    case = returning.by_passkey(circle.guide, phone.id)
    assert case is not None and case.account is None


def test_the_page_of_a_new_phone_asks_for_itself_anew_until_it_is_let_in(circle: Circle) -> None:
    tablet = NewPhone(circle.story, "my tablet")
    fresh = tablet.get(tablet.page).text
    assert '<div id="course" data-refresh>' in fresh and words.WAITS["again"] in fresh
    # Her other device asks for the digits: they stand on the new one as soon as its number was written.
    asked = circle.ada.asked(circle.ada.send(circle.ada.page + "/keys", do="add", number=tablet.number))
    case = returning.by_number(circle.guide, tablet.number)
    assert case is not None and f"{case.short_code[:3]} {case.short_code[3:]}" in asked
    bound = tablet.get(tablet.page).text
    assert f"{case.short_code[:3]} {case.short_code[3:]}" in bound and '<div id="course" data-refresh>' in bound
    circle.ada.does(circle.ada.page + "/keys", do="add", number=tablet.number)
    over = tablet.get(tablet.page).text
    assert words.BACK["let_in"] in over and "data-refresh" not in over and words.BACK["begin_do"] not in over
