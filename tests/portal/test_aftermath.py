"""After a way back: what somebody with the old key did is asked about, one by one, before anything else."""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sql

from medrec.core import commitment, manifests
from medrec.core.consent import plain
from medrec.core.credential import NewCredential
from medrec.core.kinds import KINDS, ORGANISATION
from medrec.core.ladder import Revealed
from medrec.core.manifests.delegation import Delegation, delegation_end_message, delegation_message, encode_delegation
from medrec.core.manifests.dispute import statement_message as dispute_message
from medrec.node.account import recovery
from medrec.node.keeping import store
from medrec.node.looks import disputing
from medrec.portal import person, words
from medrec.portal.own.aftermath import NEEDLESS, QUESTIONS
from medrec.portal.signing import FORM_OF_TAG
from tests.portal.reading import text_of
from tests.portal.rescue import DAY, Circle, Friend, Holder, NewPhone, wait
from tests.portal.test_mistakes import tag_of
from tests.portal.test_sign_in import csrf_of
from tests.portal.test_ways_back import circle as circle


def name(circle: Circle, friend: Friend, called: str, time: int) -> None:
    """Whoever holds Ada's phone lets a friend of his look and consent for a year, and writes down any time."""
    given = Delegation(
        circle.network.id.hex(), circle.ada.account, time, friend.account, called, ["look", "consent"], [],
        circle.network.time + 300 * DAY, "consent", None, None, commitment.nullifier(called.encode().ljust(32)).hex(),
        circle.ada.key.key_id.hex(),
    )  # fmt: skip
    signature = circle.ada.key.sign(delegation_message(given)).hex()
    circle.guide.delegates.take(encode_delegation(msgspec.structs.replace(given, signature=signature)))


def back(circle: Circle, paper: str) -> NewPhone:
    phone = NewPhone(circle.story)
    assert phone.send("/coming-back", do="paper", words=paper).status_code == 303
    wait(circle.story, DAY)
    phone.sign_in()
    phone.does("/coming-back", do="finish")
    circle.network.time += 1000
    phone.sign_in()
    tell_places(circle, phone)
    return phone


def asked(page: str) -> dict[str, str]:
    """What is asked about, but whom her places tell, which is asked each time: the item by its title."""
    plain = re.sub("<bdi[^>]*>|</bdi>|[\u2066-\u2069]", "", page)
    found = {title: item for item, title in re.findall(r'<h2 id="([^"]+)">([^<]+)</h2>', plain)}
    assert found.pop(words.AFTERMATH["places"], "places") == "places"
    return found


def tell_places(circle: Circle, phone: Holder) -> None:
    """She tells her places again, which is asked after each way back."""
    page = phone.get(circle.ada.page + "/after").text
    assert f'action="{circle.ada.page}/linking"' in page and 'value="tell-all"' in page
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert token is not None
    answer = phone.client.post(circle.ada.page + "/linking", data={"csrf": token.group(1), "do": "tell-all"})
    assert phone.confirm(answer).status_code == 303


def test_what_was_given_in_the_month_before_is_kept_or_ended(circle: Circle) -> None:
    ada: Any = circle.ada
    name(circle, circle.cy, "An old friend", circle.network.time)
    circle.story.settle()
    wait(circle.story, 40 * DAY)
    ada.sign_in()
    paper = circle.paper()
    # The thief's: a helper, under a date of long ago, and a permission.
    name(circle, circle.bo, "Mallory", circle.network.time - 300 * DAY)
    ada.does(
        ada.page + "/allow", effect="share", to="south", until="year", **{"kind-medicines": "1", "place-north": "1"}
    )
    circle.story.settle()
    phone = back(circle, paper)
    assert phone.get(ada.page).headers["location"] == ada.page + "/after"
    page = phone.get(ada.page + "/after").text
    items = asked(page)
    assert len(items) == 2 and "Mallory may act for you" in items and "An old friend" not in page
    assert words.AFTERMATH["permission"] in items
    assert phone.send(ada.page + "/after", keep="helper-00").status_code == 404
    # One is kept; the other asked for still.
    kept = phone.send(ada.page + "/after", keep=items["Mallory may act for you"])
    assert kept.headers["location"] == ada.page + "/after?done=kept"
    stop = re.search(r'action="([^"]*/sharing/stop/[0-9a-f]+)"', phone.get(ada.page + "/after").text)
    assert stop is not None
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', phone.get(ada.page + "/after").text)
    assert token is not None
    phone.confirm(phone.client.post(stop.group(1), data={"csrf": token.group(1)}))
    circle.story.settle()
    assert phone.get(ada.page).status_code == 200
    assert words.AFTERMATH["none"] in phone.get(ada.page + "/after").text
    # A new helper of hers is no question.
    circle.network.time += 1000
    assert circle.guide.delegates.may(ada.account, circle.bo.account, "look") is not None


def test_other_guardians_are_asked_about_and_an_open_door_is_not(circle: Circle) -> None:
    circle.all_choose()
    phone = NewPhone(circle.story)
    for friend in (circle.bo, circle.cy):
        circle.speak(friend, phone)
    wait(circle.story, 2 * DAY)
    phone.sign_in()
    phone.does("/coming-back", do="finish")
    phone.sign_in()
    items = asked(phone.get(circle.ada.page + "/after").text)
    # Her places were linked in that month, too.
    linked = {f"You were linked to {place}" for place in ("North", "South")}
    assert set(items) == {words.AFTERMATH["doors"], words.AFTERMATH["asked_guardians"], *linked}
    phone.send(circle.ada.page + "/after", keep="asked-guardians")
    for title in linked:
        phone.send(circle.ada.page + "/after", keep=items[title])
    circle.bo.sign_in()
    assert circle.bo.get(circle.ada.page + "/after").status_code == 404
    done = phone.send(circle.ada.page + "/after", keep=items[words.AFTERMATH["doors"]])
    assert done.headers["location"] == circle.ada.page + "/after?done=kept"
    tell_places(circle, phone)
    assert phone.get(circle.ada.page).status_code == 200


def test_where_notices_go_and_what_was_written_in_her_name_is_asked_about(circle: Circle) -> None:
    ada = circle.ada

    def write(text: str) -> None:
        day = datetime.fromtimestamp(circle.network.time / 1000, tz=UTC).date().isoformat()
        ada.does(ada.page + "/writing", what="symptom", text=text, day=day)

    ada.does(ada.page + "/settings", pace="digest", email="ada@example.org")
    write("Long ago")
    paper = circle.paper()
    wait(circle.story, 31 * DAY)
    ada.sign_in()
    # With her key.
    ada.does(ada.page + "/settings", pace="at-once", email="thief@example.org")
    write("Thief's words")
    phone = back(circle, paper)
    assert phone.get(ada.page).headers["location"] == ada.page + "/after"
    page = phone.get(ada.page + "/after").text
    text = text_of(page)
    assert set(asked(page)) == {words.AFTERMATH["ways"], words.AFTERMATH["written"]}
    assert "thief@example.org" in text and "Thief's words" in text and "Long ago" not in text
    assert ada.page + "/settings" in page and ada.page + "/writing" in page
    mine = phone.get(ada.page + "/writing").text
    row = re.search(r'name="type" value="([^"]+)"><input type="hidden" name="id" value="([^"]+)"', mine)
    assert row is not None
    phone.does(ada.page + "/writing", do="back", type=row.group(1), id=row.group(2))
    phone.does(ada.page + "/settings", pace="at-once", email="ada@example.org")
    assert "Thief's words" not in text_of(phone.get(ada.page + "/after").text)
    assert phone.send(ada.page + "/after", keep="ways").headers["location"] == ada.page + "?done=kept"
    assert phone.get(ada.page).status_code == 200


def test_what_was_said_in_her_name_about_medicines_and_mistakes_is_asked_about(circle: Circle) -> None:
    ada: Any = circle.ada

    def say(holder: Any, **fields: str) -> None:
        sent = holder.client.post("/list-word", data={**fields, "csrf": csrf_of(holder.get(ada.page + "/list").text)})
        holder.signs(sent.headers["location"].split("#")[1])

    say(ada, act="also-taking", name="Valerian")
    circle.let_read()
    paper = circle.paper()
    wait(circle.story, 31 * DAY)
    ada.sign_in()
    circle.story.settle()
    node: Any = circle.guide
    (row,) = node.lists.of(ada.account).read.medicines
    # The thief's: words about it and another, and a record that a place is asked to change.
    say(ada, act="not-taking", row=row.key)
    circle.network.time += 60_000
    say(ada, act="also-taking", name="Honey")
    line = tag_of(circle, "record/1")  # type: ignore[arg-type]
    ada.does(ada.page + "/corrections", line=line, words="I am not allergic to anything.", proposed="")
    circle.story.settle()
    phone = back(circle, paper)
    page = phone.get(ada.page + "/after").text
    assert set(asked(page)) == {words.AFTERMATH["said"], words.AFTERMATH["asked"]}
    text = text_of(page)
    assert f"{words.ONE_LIST['not_taking']} : Valerian" in text and "I am not allergic to anything." in text
    assert f"{words.ONE_LIST['also']} : Valerian" not in text, "that was long ago"
    assert ada.page + "/list" in page
    # She says what is right, and that she has looked.
    circle.network.time += 60_000
    say(phone, act="also-taking", name="Valerian")
    assert node.lists.of(ada.account).read.medicines[0].status == "active"
    # Each word by itself: one stays, the other is asked about still.
    words_said = [kept.act for kept in node.acts.of(ada.account) if kept.act.time < circle.network.time][1:]
    assert [act.kind for act in words_said] == ["not-taking", "also-taking"]
    for act in words_said:
        assert words.AFTERMATH["said"] in asked(phone.get(ada.page + "/after").text)
        kept = phone.send(ada.page + "/after", keep=f"said-{act.id}")
        assert kept.headers["location"] == ada.page + "/after?done=kept"
    assert words.AFTERMATH["said"] not in asked(phone.get(ada.page + "/after").text)
    assert phone.send(ada.page + "/after", keep="asked").headers["location"] == ada.page + "?done=kept"
    assert phone.get(ada.page).status_code == 200


def test_what_was_opened_by_taking_a_no_back_is_asked_about(circle: Circle) -> None:
    ada: Any = circle.ada
    name(circle, circle.cy, "Ex husband", circle.network.time)
    circle.story.settle()
    (held,) = circle.guide.delegates.of(ada.account)
    ada.does(ada.page + "/helping", do="rest", delegation=held.hash.hex())
    topic = next(iter(plain.TOPICS))
    ada.does(ada.page + "/hidden", topic=topic)
    circle.story.settle()
    paper = circle.paper()
    wait(circle.story, 40 * DAY)
    ada.sign_in()
    # The thief's: he goes on, and what was hidden is not.
    ada.does(ada.page + "/helping", do="go-on", delegation=held.hash.hex())
    shown = ada.get(ada.page + "/sharing").text
    for stop in re.findall(r'action="([^"]*/sharing/stop/[0-9a-f]+)"', shown):
        ada.confirm(ada.client.post(stop, data={"csrf": csrf_of(shown)}))
    circle.story.settle()
    phone = back(circle, paper)
    page = phone.get(ada.page + "/after").text
    items = asked(page)
    assert set(items) == {"Ex husband may act for you", words.AFTERMATH["undone"]}
    assert words.POLICY_TOPICS[topic] in text_of(page) and ada.page + "/hidden" in page
    phone.does(ada.page + "/helping", do="rest", delegation=held.hash.hex())
    assert set(asked(phone.get(ada.page + "/after").text)) == {words.AFTERMATH["undone"]}
    phone.send(ada.page + "/after", keep="undone")
    assert phone.get(ada.page).status_code == 200


def test_whoever_never_lost_a_key_is_asked_nothing(circle: Circle) -> None:
    name(circle, circle.bo, "Bo", circle.network.time)
    assert circle.ada.get(circle.ada.page).status_code == 200
    assert words.AFTERMATH["none"] in circle.ada.get(circle.ada.page + "/after").text


def test_two_hundred_later_lines_of_helpers_hide_none_that_was_let_go_on(circle: Circle) -> None:
    """The lines of the window are read by their time: by a count, a thief could push out what he did first."""
    account, now = circle.ada.account, circle.network.time
    name(circle, circle.cy, "First", now)
    circle.story.settle()
    with circle.guide.store.read() as connection:
        (row,) = connection.execute(sql.select(store.notice).where(store.notice.c.kind == "delegation/1")).all()
    copies = [
        {**row._mapping, "tag": at.to_bytes(32, "big"), "counter": row.counter + 1000 + at, "time": row.time + 1,
         "sealed": None}
        for at in range(250)
    ]  # fmt: skip
    circle.guide.store.write(lambda connection: connection.execute(sql.insert(store.notice), copies))
    read = person.within(circle.guide, account, ("delegation/1",), row.time, row.time + 1)
    assert len(read) == 251 and read[0].manifest is not None
    assert person.within(circle.guide, account, ("delegation/1",), row.time + 1, row.time + 2)[0].manifest is None
    assert len(person.within(circle.guide, account, ("delegation/1",), 0, row.time)) == 1


def test_whatever_a_key_signs_is_asked_about_or_has_a_reason_why_not() -> None:
    """Every kind of manifest, form of the signing page, and transaction of a person's account; a new one fails here."""
    asked = {one for question in QUESTIONS for one in question.about}
    own = {name for name, kind in KINDS.items() if kind.author != ORGANISATION}
    assert asked | NEEDLESS.keys() == {*manifests.FORMS, *FORM_OF_TAG.values(), *own} - {"transaction"}
    assert not asked & NEEDLESS.keys() and all(NEEDLESS.values())


def test_what_a_thief_ended_withdrew_and_said_is_asked_about(circle: Circle) -> None:
    ada, guide, node = circle.ada, circle.guide, circle.network["north"]
    today = datetime.fromtimestamp(circle.network.time / 1000, tz=UTC).date().isoformat()
    name(circle, circle.cy, "Cy", circle.network.time)
    name(circle, circle.di, "Di", circle.network.time)
    for what, day in (("Cough", today), ("Fever", today)):
        ada.does(ada.page + "/writing", what="symptom", text=what, day=day)
    ada.does(ada.page + "/allow", effect="share", to="south", until="year", **{"kind-results": "1", "place-north": "1"})
    circle.story.settle()
    paper = circle.paper()
    wait(circle.story, 40 * DAY)
    ada.sign_in()
    # The thief's: one helper ends, one rests, a yes goes, an entry goes, a link goes, a no comes, her words are read.
    di = next(one for one in guide.delegates.of(ada.account) if one.delegation.name == "Di")
    secret = b"Cy".ljust(32)
    signature = ada.key.sign(delegation_end_message(commitment.nullifier(secret)))
    assert guide.delegates.end(ada.account, secret, ada.key.key_id, signature)
    ada.does(ada.page + "/helping", do="rest", delegation=di.hash.hex())
    shown = ada.get(ada.page + "/sharing").text
    (stop,) = re.findall(r'action="([^"]*/sharing/stop/[0-9a-f]+)"', shown)
    ada.confirm(ada.client.post(stop, data={"csrf": csrf_of(shown)}))
    row = re.search(r'name="type" value="([^"]+)"><input type="hidden" name="id" value="([^"]+)"',
                    ada.get(ada.page + "/writing").text)  # fmt: skip
    assert row is not None
    ada.does(ada.page + "/writing", do="back", type=row.group(1), id=row.group(2))
    ada.does(ada.page + "/hidden", topic=next(iter(plain.TOPICS)))
    stated = disputing.draft(guide, ada.account, "south", "north", ada.key.key_id, words="Never.")
    signature = ada.key.sign(dispute_message(stated)).hex()
    assert disputing.send(guide, msgspec.structs.replace(stated, signature=signature)).taken
    ada.does(ada.page + "/keys", do="record")
    circle.story.settle()
    ada.does(ada.page + "/linking", do="undo", place="south")
    circle.story.settle()
    phone = back(circle, paper)
    items, text = asked(phone.get(ada.page + "/after").text), text_of(phone.get(ada.page + "/after").text)
    assert set(items) == {
        "Cy can no longer act for you", "Di rests as your helper", words.AFTERMATH["withdrawn"],
        words.AFTERMATH["taken_back"], words.AFTERMATH["no"], "South was asked why it looked, and gets nothing",
        words.AFTERMATH["words"], "Your link to South was undone",
    }  # fmt: skip
    assert "Could see your record and say yes or no for you" in text and "Never." in text and "written" in text
    # What is put right is no question any more.
    phone.does(ada.page + "/helping", do="go-on", delegation=di.hash.hex())
    assert "Di rests as your helper" not in asked(phone.get(ada.page + "/after").text)
    assert node.disputes.stops(ada.account, "south")
    # The same no stands at several places.
    while left := asked(phone.get(ada.page + "/after").text):
        for item in left.values():
            assert phone.send(ada.page + "/after", keep=item).status_code == 303
    assert phone.get(ada.page).status_code == 200


def test_what_was_done_with_her_key_for_others_is_asked_about(circle: Circle) -> None:
    ada, bo, guide = circle.ada, circle.bo, circle.guide
    given = Delegation(
        circle.network.id.hex(), bo.account, circle.network.time, ada.account, "Ada", ["look", "add"], [],
        circle.network.time + 300 * DAY, "consent", None, None, commitment.nullifier(b"b".ljust(32)).hex(),
        bo.key.key_id.hex(),
    )  # fmt: skip
    guide.delegates.take(
        encode_delegation(msgspec.structs.replace(given, signature=bo.key.sign(delegation_message(given)).hex()))
    )
    ward = Revealed(sorted([ada.account, circle.cy.account]), 2, b"s" * 32)
    mine = [recovery.Signer(one.account, one.key.key_id, one.key.sign) for one in (ada, bo)]
    recovery.choose_doors(circle.network.engine, circle.network.id, mine[1], ward, [], True)
    paper = circle.paper()
    wait(circle.story, 40 * DAY)
    ada.sign_in()
    # The thief's: he reads and writes for Bo, and speaks for a key that Bo never had.
    (held,) = guide.delegates.for_delegate(ada.account)
    guide.delegates.record_act(held, "look", "Ada", "Bo", "read:record")
    guide.delegates.record_act(held, "add", "Ada", "Bo", "done:writing")
    other = msgspec.convert(circle.di.key.credential, NewCredential)
    recovery.speak_for(circle.network.engine, circle.network.id, mine[0], bo.account, other, ward)
    circle.story.settle()
    phone = back(circle, paper)
    page = phone.get(ada.page + "/after").text
    assert set(asked(page)) == {"Done with your key for Bo", words.AFTERMATH["as_guardian"]}
    text = text_of(page)
    assert words.NAMES["writing"] in text and words.NAMES["record"] not in text.split("Done with your key for")[1]
    assert words.KINDS["recovery/by-guardian"] in text
    assert ada.page + "/guarding" in page and ada.page + "/helping" in page
