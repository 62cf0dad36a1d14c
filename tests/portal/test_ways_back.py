"""The pages of every way back: what each side sees and does, how long it takes, and where a thief gets stuck."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import commitment, ladder
from medrec.core.manifests.delegation import Delegation, delegation_message, encode_delegation
from medrec.node.account import paper, recovery, returning, staff
from medrec.node.agent import bringing
from medrec.node.keeping.vault import Vault
from medrec.portal.people import handle
from medrec.portal.sign_in import to_text
from tests.node.network import Records
from tests.portal.rescue import DAY, HOUR, WORDS, Circle, Friend, Holder, NewPhone, authenticator, wait
from tests.portal.test_sign_in import csrf_of, visitor


def plain(page: str) -> str:
    """A page as it is read."""
    return re.sub("<[^>]+>|[\u2066-\u2069]", "", page)


@pytest.fixture
def circle(tmp_path: Path) -> Iterator[Circle]:
    made = Circle(tmp_path)
    yield made
    made.network.close()


def comes_back(circle: Circle, phone: NewPhone, hours: int) -> None:
    """The wait is over: the new phone takes the account over, is alone in it, and sees the record's page."""
    wait(circle.story, hours * HOUR - 60_000)
    assert phone.sign_in().json()["to"] == "/coming-back"
    assert "Now you wait" in phone.get("/coming-back").text
    early = phone.confirm(phone.send("/coming-back", do="finish"))
    assert early.status_code == 409 and "time-locked" in early.text
    wait(circle.story, 60_000)
    assert "You can finish now" in phone.get("/coming-back").text
    assert phone.does("/coming-back", do="finish").headers["location"].startswith("/sign-in")
    assert circle.ada.keys() == {phone.key.key_id.hex()}
    assert circle.ada.get(circle.ada.page).status_code in (303, 404)
    assert phone.sign_in().json()["to"] == circle.ada.page
    home = phone.get(circle.ada.page)
    # What was given in the month before is looked through first, where there is something (test_aftermath.py).
    assert home.status_code == 200 or home.headers["location"] == circle.ada.page + "/after"


def test_two_of_three_guardians_let_a_new_phone_in(circle: Circle) -> None:
    circle.all_choose()
    page = circle.ada.get(circle.ada.page + "/guardians").text
    assert "have to agree" in page and "Bo" in page and "Di" in page
    phone = NewPhone(circle.story)
    shown = phone.get("/coming-back").text
    assert "Ada" not in shown and circle.ada.account not in shown
    ward = circle.bo.get(circle.ward(circle.bo)).text
    assert "Call" in ward and "48" in ward and "Ada" in ward and "QUIVERING" not in ward and "north" not in ward.lower()
    confirm = circle.bo.asked(circle.bo.send(circle.ward(circle.bo), do="speak", number=phone.number))
    case = returning.by_passkey(circle.guide, phone.id)
    assert case is not None and len(case.short_code) == 6
    digits = f"{case.short_code[:3]} {case.short_code[3:]}"
    assert digits in confirm and digits in phone.get("/coming-back").text
    circle.speak(circle.bo, phone)
    assert circle.ada.get(circle.ada.page + "/keys").text.count("Stop it") == 0
    circle.speak(circle.cy, phone)
    comes_back(circle, phone, 48)


def test_guardians_of_this_week_see_whom_they_will_help_and_cannot_speak_yet(circle: Circle) -> None:
    circle.ask(circle.bo, "Bo")
    circle.ask(circle.cy, "Cy")
    page = circle.ada.get(circle.ada.page + "/guardians").text
    ticked = dict.fromkeys(re.findall(r'name="(is-[0-9a-f]+)"', page), "1")
    circle.ada.does(circle.ada.page + "/guardians", do="choose", needs="2", **ticked)
    assert circle.bo.get(circle.ward(circle.bo)).status_code == 200
    early = circle.bo.confirm(circle.bo.send(circle.ward(circle.bo), do="speak", number=NewPhone(circle.story).number))
    assert early.status_code == 409 and "door-closed" in early.text
    # A code on paper that she makes meanwhile does not put the guardians off.
    due = ladder_of(circle).next_at
    circle.ada.does(circle.ada.page + "/keys", do="paper")
    assert ladder_of(circle).next_at == due and len(ladder_of(circle).doors.papers) == 1
    assert "It lets a new phone in from" in plain(circle.ada.get(circle.ada.page + "/keys").text)


def test_one_word_of_a_guardian_is_not_enough_and_a_stranger_s_counts_nothing(circle: Circle) -> None:
    circle.choose((circle.bo, "Bo"), (circle.cy, "Cy"))
    phone = NewPhone(circle.story)
    assert circle.di.get(circle.ward(circle.di)).status_code == 404
    circle.speak(circle.bo, phone)
    again = circle.bo.confirm(circle.bo.send(circle.ward(circle.bo), do="speak", number=phone.number))
    assert again.status_code == 409
    wait(circle.story, 3 * DAY)
    phone.sign_in()
    assert "You can finish now" not in phone.get("/coming-back").text
    assert phone.send("/coming-back", do="finish").status_code == 400


def test_a_paper_code_lets_a_new_phone_in_once(circle: Circle) -> None:
    assert "You have 1 of 4 ways" in plain(circle.ada.get(circle.ada.page + "/keys").text)
    stale = circle.ada.client.post(circle.ada.page + "/keys", data={"do": "paper", "csrf": "x"})
    assert stale.status_code == 403
    words = circle.paper()
    assert ladder_of(circle).doors.papers == [paper.paper_hash(paper.from_words(words))]
    assert "You have 2 of 4 ways" in plain(circle.ada.get(circle.ada.page + "/keys").text)
    assert circle.ada.send(circle.ada.page + "/keys", do="veto").status_code == 404
    phone = NewPhone(circle.story)
    slip = phone.send("/coming-back", do="paper", words=words.replace(words[:5], "babab", 1))
    assert slip.status_code == 400 and "paper-slip" in slip.text
    assert phone.send("/coming-back", do="paper", words=words).status_code == 303
    warned = circle.ada.get(circle.ada.page + "/keys").text
    assert "Somebody is getting into your account" in warned and "This is not me" in warned
    other = NewPhone(circle.story, "another phone")
    assert other.send("/coming-back", do="paper", words=words).status_code == 404
    comes_back(circle, phone, 24)


def test_a_clinic_needs_two_of_its_staff_each_with_a_key(circle: Circle) -> None:
    rose, carl = clerks(circle)
    phone = NewPhone(circle.story)
    fields = {"do": "vouch", "patient": "ada", "check": "document-and-face"}
    assert rose.send("/desk/vouch", **{**fields, "number": "123456789"}).status_code == 404
    assert rose.send("/desk/vouch", **{**fields, "patient": "nobody", "number": phone.number}).status_code == 404
    rose.does("/desk/vouch", **fields, number=phone.number)
    page = rose.get("/desk/vouch").text
    assert "Somebody else than you has to look" in page and "I have looked too" not in page
    alone = rose.send("/desk/vouch", do="second", account=circle.ada.account)
    assert alone.status_code == 403 and "vouch-alone" in alone.text
    assert ladder_of(circle).attempt is None
    carl.does("/desk/vouch", do="second", account=circle.ada.account)
    comes_back(circle, phone, 72)


def clerks(circle: Circle, days: int = 2) -> list[Holder]:
    """Two of the staff of north, each with a passkey that stands on the ledger."""
    found = []
    for name in ("Rose", "Carl"):
        key = authenticator(f"key of {name}", "north")
        holder = Holder(circle.story, key, f"id of {name}".encode(), "north")
        _, code = staff.invite(circle.north, name, "desk")
        body = {"code": code.hex(), "id": to_text(holder.id), "authenticatorData": to_text(key.registration(holder.id))}
        assert holder.client.post("/sign-in/register", json=body).status_code == 200
        found.append(holder)
    recovery.name_staff(circle.north, staff.credentials(circle.north, ("desk",)))
    wait(circle.story, days * DAY)
    for holder in (*found, circle.ada, circle.bo, circle.cy, circle.di):
        holder.sign_in()
    return found


def ladder_of(circle: Circle) -> ladder.Ladder:
    with circle.network.engine.view() as view:
        return ladder.ladder_of(view, circle.ada.account)


def test_a_bribed_clerk_does_nothing_alone(circle: Circle) -> None:
    rose, carl = clerks(circle, days=0)
    phone = NewPhone(circle.story)
    fields = {"do": "vouch", "patient": "ada", "check": "document", "number": phone.number}
    new = rose.confirm(rose.send("/desk/vouch", **fields))
    assert new.status_code == 403 and "staff-too-new" in new.text
    wait(circle.story, 2 * DAY)
    rose.sign_in()
    carl.sign_in()
    rose.does("/desk/vouch", **fields)
    # The second finds that nobody stands there.
    assert carl.send("/desk/vouch", do="drop", account=circle.ada.account).status_code == 303
    assert "Nothing waits" in rose.get("/desk/vouch").text
    assert ladder_of(circle).attempt is None
    # Alone a clerk may freeze, once in thirty days, and the person is told.
    rose.does("/desk/vouch", do="freeze", patient="ada")
    assert ladder_of(circle).frozen_until
    events = [event.kind for event in circle.guide.account_watch.of(circle.ada.account)]
    circle.guide.account_watch.step()
    assert "account/freeze" in [event.kind for event in circle.guide.account_watch.of(circle.ada.account)], events
    wait(circle.story, 6 * DAY)
    rose.sign_in()
    again = rose.confirm(rose.send("/desk/vouch", do="freeze", patient="ada"))
    assert again.status_code == 409 and "freeze-spent" in again.text


def test_a_person_without_a_key_of_her_own_vouches_for_nobody(circle: Circle) -> None:
    client = visitor(circle.story, "north", demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "desk"})
    page = client.get("/desk/vouch")
    assert "A demonstration has none" in page.text
    answer = client.post("/desk/vouch", data={"do": "vouch", "patient": "ada", "csrf": csrf_of(page.text)})
    assert answer.status_code == 403


def test_a_thief_with_the_phone_stops_one_attempt_and_not_the_next(circle: Circle) -> None:
    circle.all_choose()
    first, thief = NewPhone(circle.story, "first"), circle.ada
    for friend in (circle.bo, circle.cy):
        circle.speak(friend, first)
    assert "Now you wait" in first.get("/coming-back").text
    assert "once in 30 days" in thief.get(thief.page + "/keys").text
    thief.does(thief.page + "/keys", do="veto")
    assert "This was stopped" in first.get("/coming-back").text
    second = NewPhone(circle.story, "second")
    for friend in (circle.bo, circle.cy):
        circle.speak(friend, second)
    page = thief.get(thief.page + "/keys").text
    assert "Your key has stopped one already" in page and "This is not me" not in page
    spent = thief.confirm(thief.send(thief.page + "/keys", do="veto"))
    assert spent.status_code == 409 and "veto-spent" in spent.text
    # Neither another key nor other guardians help the thief now.
    stopped = thief.confirm(thief.send(thief.page + "/keys", do="paper"))
    assert stopped.status_code == 409 and "recovery-pending" in stopped.text
    wait(circle.story, 2 * DAY)
    second.sign_in()
    second.does("/coming-back", do="finish")
    assert circle.ada.keys() == {second.key.key_id.hex()}


def test_a_thief_who_changes_the_guardians_is_too_slow(circle: Circle) -> None:
    circle.all_choose()
    thief = circle.ada
    for accomplice, name in ((Friend(circle.story, "eve"), "Bo "), (Friend(circle.story, "mal"), "Cy ")):
        circle.ask(accomplice, name)
    page = thief.get(thief.page + "/guardians").text
    ticked = dict.fromkeys(re.findall(r'name="(is-[0-9a-f]+)"', page)[-2:], "1")
    thief.does(thief.page + "/guardians", do="choose", needs="2", **ticked)
    assert "A change comes" in circle.ada.get(circle.ada.page + "/guardians").text
    phone = NewPhone(circle.story)
    for friend in (circle.bo, circle.di):
        circle.speak(friend, phone)
    assert ladder_of(circle).attempt is not None
    wait(circle.story, 2 * DAY)
    phone.sign_in()
    phone.does("/coming-back", do="finish")
    found = ladder_of(circle)
    assert found.next is None and recovery.guardians_of(circle.guide, circle.ada.account) is not None
    wait(circle.story, 8 * DAY)
    kept = recovery.guardians_of(circle.guide, circle.ada.account)
    assert kept is not None and circle.bo.account in kept.members


def test_a_bribed_guardian_is_stopped_by_the_others(circle: Circle) -> None:
    circle.all_choose()
    evil = NewPhone(circle.story, "evil")
    for friend in (circle.bo, circle.cy):
        circle.speak(friend, evil)
    # The owner's phone is gone; the one honest guardian is no majority, with a second one they are.
    circle.di.does(circle.ward(circle.di), do="stop")
    assert ladder_of(circle).attempt is not None
    twice = circle.di.confirm(circle.di.send(circle.ward(circle.di), do="stop"))
    assert twice.status_code == 409
    circle.cy.does(circle.ward(circle.cy), do="stop")
    assert ladder_of(circle).attempt is None


def test_a_lost_phone_is_frozen_by_its_owner_a_guardian_and_thawed(circle: Circle) -> None:
    circle.all_choose()
    circle.ada.does(circle.ada.page + "/keys", do="freeze")
    assert ladder_of(circle).frozen_until
    assert circle.ada.get(circle.ada.page).status_code == 303
    assert circle.ada.sign_in().json()["to"] == "/frozen"
    assert circle.ada.get(circle.ada.page).status_code in (403, 404)
    circle.ada.does("/frozen", do="thaw")
    assert circle.ada.sign_in().json()["to"] == circle.ada.page
    # A guardian says it; the key has used its one word up, and guardians end it.
    circle.bo.does(circle.ward(circle.bo), do="freeze")
    assert circle.ada.sign_in().json()["to"] == "/frozen"
    spent = circle.ada.confirm(circle.ada.send("/frozen", do="thaw"))
    assert spent.status_code == 409 and "unfreeze-spent" in spent.text
    # Frozen is not helpless: a key still stops somebody else's new phone.
    evil = NewPhone(circle.story, "evil")
    for friend in (circle.bo, circle.di):
        circle.speak(friend, evil)
    assert "Somebody is getting into" in circle.ada.get("/frozen").text
    circle.ada.does("/frozen", do="veto")
    assert ladder_of(circle).attempt is None
    assert "The account is frozen" in circle.cy.get(circle.ward(circle.cy)).text
    for friend in (circle.cy, circle.di):
        circle.cy.get(circle.ward(friend))
        friend.does(circle.ward(friend), do="thaw")
    assert not ladder_of(circle).frozen_until


def test_a_second_device_comes_at_once_and_a_lost_one_goes(circle: Circle) -> None:
    tablet = NewPhone(circle.story, "my tablet")
    wrong = circle.ada.send(circle.ada.page + "/keys", do="add", number="000 000 000")
    assert wrong.status_code == 404
    circle.ada.does(circle.ada.page + "/keys", do="add", number=tablet.number)
    assert tablet.sign_in().json()["to"] == circle.ada.page
    page = tablet.get(circle.ada.page + "/keys").text
    assert "my tablet" in page and "Use your other device" in page
    tablet.does(circle.ada.page + "/keys", do="remove", key=circle.ada.key.key_id.hex())
    assert circle.ada.keys() == {tablet.key.key_id.hex()}
    assert circle.ada.sign_in().status_code == 401


def test_the_words_of_the_record_need_the_key_and_find_everything_at_a_new_agent(
    circle: Circle, tmp_path: Path
) -> None:
    code = circle.paper()
    # Who holds the unlocked phone, and not the finger, sees no words.
    answer = circle.ada.send(circle.ada.page + "/keys", do="record")
    assert not WORDS.findall(circle.ada.get(circle.ada.page + "/keys/record").text)
    leads = circle.ada.confirm(answer).headers["location"]
    shown = circle.ada.get(leads).text
    words = " ".join(WORDS.findall(shown))
    assert len(words.split()) == 17 and circle.ada.account in shown
    assert not WORDS.findall(circle.ada.get(leads).text)
    eve = Friend(circle.story, "eve", "north")
    leads = eve.does(eve.page + "/keys", do="record").headers["location"]
    hers = " ".join(WORDS.findall(eve.get(leads).text))
    assert len(hers.split()) == 17 and hers != words
    before = len(circle.guide.agent.notices(circle.ada.account))
    # The agent is gone with everything it had; a new one begins with nothing.
    circle.guide.store.close()
    for name in ("guide.db", "guide.db-wal", "guide.db-shm", "guide.key"):
        (tmp_path / name).unlink(missing_ok=True)
    circle.network.records["guide"] = Records()
    guide = circle.guide = circle.network.open("guide")
    assert isinstance(guide.vault, Vault) and guide.agent.clients() == []
    phone = NewPhone(circle.story)
    assert phone.send("/coming-back", do="paper", words=code).status_code == 404
    begun = phone.send("/coming-back", do="paper", words=code, account=circle.ada.account)
    assert begun.status_code == 303
    wait(circle.story, DAY)
    phone.sign_in()
    assert phone.does("/coming-back", do="finish").headers["location"].startswith("/coming-back")
    assert "The account is yours again" in phone.get("/coming-back").text
    stranger = phone.send("/coming-back", do="move", name="Ada", words=" ".join(["babab"] * 17))
    assert stranger.status_code == 400
    # The words of somebody else of the same household are sound, and not hers.
    another = phone.send("/coming-back", do="move", name="Ada", words=hers)
    assert another.status_code == 400 and "paper-slip" in another.text
    moved = phone.send("/coming-back", do="move", name="Ada", words=words)
    assert "at 2 places" in phone.asked(moved)
    # One of the two is down just then. It is told as soon as it is back, and the page says so meanwhile.
    wires: Any = circle.network.wires
    answers = wires._nodes["north"]
    wires.leave("north")
    phone.confirm(moved)
    assert phone.sign_in().json()["to"] == circle.ada.page
    told = "Not told yet"
    assert told in plain(phone.get(circle.ada.page + "/linking").text)
    circle.network.time += bringing.AGAIN_MS
    assert bringing.again(guide) == 0 and bringing.unheard(guide, circle.ada.account) == ["north"]
    wires.join("north", answers)
    circle.network.time += bringing.AGAIN_MS
    assert bringing.again(guide) == 1 and bringing.unheard(guide, circle.ada.account) == []
    assert told not in plain(phone.get(circle.ada.page + "/linking").text)
    circle.story.settle()
    assert len(guide.agent.notices(circle.ada.account)) >= before > 0


def test_a_helper_rests_and_goes_on_by_the_person_s_key_on_her_page(circle: Circle) -> None:
    ada, bo = circle.ada, circle.bo
    given = Delegation(
        circle.network.id.hex(), ada.account, circle.network.time, bo.account, "Bo Berg", ["look"], [],
        circle.network.time + 90 * DAY, "consent", None, None, commitment.nullifier(b"n" * 32).hex(),
        ada.key.key_id.hex(),
    )  # fmt: skip
    signature = ada.key.sign(delegation_message(given)).hex()
    circle.guide.delegates.take(encode_delegation(msgspec.structs.replace(given, signature=signature)))
    page = ada.get(ada.page + "/helping").text
    (digest,) = set(re.findall(r'name="delegation" value="([0-9a-f]{64})"', page))
    ada.does(ada.page + "/helping", do="rest", delegation=digest)
    assert "Rests" in plain(ada.get(ada.page + "/helping").text)
    assert bo.send(bo.page + "/helping", do="go-on", delegation=digest).status_code == 404
    token = csrf_of(bo.get(bo.page).text)
    assert bo.client.post("/acting", data={"delegation": digest, "csrf": token}).status_code == 403
    circle.network.time += 1000
    ada.does(ada.page + "/helping", do="go-on", delegation=digest)
    assert bo.client.post("/acting", data={"delegation": digest, "csrf": token}).status_code == 303


def test_a_helper_touches_neither_keys_nor_guardians(circle: Circle) -> None:
    for page in ("/keys", "/guardians", "/guarding"):
        assert circle.bo.get(circle.ada.page + page).status_code == 404


def test_no_page_of_a_new_phone_names_anybody(circle: Circle) -> None:
    circle.all_choose()
    phone = NewPhone(circle.story)
    for friend in (circle.bo, circle.cy):
        circle.speak(friend, phone)
    page = re.sub("<svg.*?</svg>", "", phone.get("/coming-back").text)
    for word in ("Ada", "Bo", "Cy", circle.ada.account, handle(circle.ada.account), "QUIVERING"):
        assert word not in page
    assert phone.get(circle.ada.page).status_code in (403, 404)


def test_everybody_concerned_is_told_of_each_step(circle: Circle) -> None:
    circle.all_choose()
    phone = NewPhone(circle.story)
    for friend in (circle.bo, circle.cy):
        circle.speak(friend, phone)
    circle.ada.does(circle.ada.page + "/keys", do="veto")
    kinds = {event.kind for event in circle.guide.account_watch.of(circle.ada.account)}
    assert {"account/doors", "recovery/by-guardian", "recovery/veto"} <= kinds
    told = {event.kind for event in circle.guide.account_watch.of(circle.di.account) if event.about != event.account}
    assert {"recovery/by-guardian", "recovery/veto"} <= told
