"""Who linked somebody at the desk stands in the journal by name, and the privacy officer sees who did it alone."""

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from medrec.core import manifests
from medrec.core.manifests.desk import MatchDecidedManifest
from medrec.core.matching import Demographics
from medrec.node.account import parents, staff
from medrec.node.keeping import store
from medrec.node.right_person import desk_hands, given_codes
from medrec.portal import words
from medrec.portal.sign_in import to_text
from tests.node.test_right_person import ADA, demographics, find
from tests.portal.reading import text_of
from tests.portal.rescue import Circle, Friend, Holder, NewPhone, authenticator
from tests.portal.test_sign_in import visitor
from tests.portal.test_ways_back import clerks

PAYLOAD = re.compile(r"MEDREC-LINK:1:[A-Z0-9:]+")


@pytest.fixture
def circle(tmp_path: Path) -> Iterator[Circle]:
    made = Circle(tmp_path)
    yield made
    made.network.close()


def presented(circle: Circle, clerk: Holder) -> str:
    """A clerk gives a code for the patient vic, and an accomplice presents it with vic's name; what names the code."""
    circle.north.put("Patient", "vic", demographics("vic", *ADA))
    eve = Friend(circle.story, "accomplice")
    given = clerk.send("/desk", do="link", patient="vic", family=ADA[0], given=ADA[1], birth=ADA[2], agent="guide")
    found = PAYLOAD.search(given.text)
    assert found is not None
    year, month, day = ADA[2].split("-")
    eve.does(
        eve.page + "/linking", code=found.group(), do="link", family=ADA[0], given=ADA[1], year=year, month=month,
        day=day, read="1",
    )  # fmt: skip
    return given_codes.lately(circle.north)[0].digest.hex()


def said(circle: Circle) -> list[tuple[str, str]]:
    """The decision and the name of every line about whom somebody is here."""
    with circle.north.store.read() as connection:
        kept = [
            manifests.decode(circle.north.journal.manifest(connection, bytes(row.hash))[1])
            for row in circle.north.rows(store.manifest)
            if row.kind == "match-decided/1"
        ]
    return [(one.decision, one.by) for one in kept if isinstance(one, MatchDecidedManifest)]


def officer(circle: Circle) -> str:
    client = visitor(circle.story, "north", demonstration=True)
    assert client.post("/sign-in/demonstration", data={"role": "privacy-officer"}).status_code in (200, 303)
    return text_of(client.get("/office").text)


def test_one_clerk_who_links_and_confirms_stands_there_by_name(circle: Circle) -> None:
    rose, _ = clerks(circle)
    dismissed(circle, "Carl")
    assert words.OFFICE["links_none"] in officer(circle)
    code = presented(circle, rose)
    assert said(circle) == [("confirmed", "Rose")] and circle.north.rows(store.alarm) == []
    assert rose.send("/desk", do="same", code=code).status_code == 303
    assert said(circle) == [("confirmed", "Rose"), ("confirmed", "Rose")]
    (seen,) = desk_hands.lately(circle.north)
    assert (seen.patient, seen.names, seen.alone) == ("vic", ("Rose", "Rose"), True)
    page = officer(circle)
    assert re.search("Patient vic ?: Rose ?and Rose", re.sub("[\u2066-\u2069]", "", page)), page
    assert words.OFFICE["links_alone"] in page
    # Nobody else sits there: she may, and the privacy officer is told at once.
    (alarm,) = circle.north.rows(store.alarm)
    assert alarm.code == "link-by-one" and "Rose" in alarm.sentence and alarm.subject == "Patient/vic"


def dismissed(circle: Circle, name: str) -> None:
    for one in staff.members(circle.north):
        if one.name == name:
            staff.dismiss(circle.north, one.id)


def test_where_there_are_two_one_gives_the_code_and_the_other_compares(circle: Circle) -> None:
    """A bribed clerk with an accomplice's phone gets nowhere alone; to end it she may."""
    rose, carl = clerks(circle)
    code = presented(circle, rose)
    page = rose.get("/desk")
    assert words.DESK["compare_second"] in text_of(page.text) and 'value="same"' not in page.text
    refused = rose.send("/desk", do="same", code=code)
    assert refused.status_code == 403 and words.ERRORS["desk-second"] in text_of(refused.text)
    assert given_codes.lately(circle.north)[0].state == given_codes.LINKED and said(circle) == [("confirmed", "Rose")]
    assert 'value="same"' in carl.get("/desk").text
    assert carl.send("/desk", do="same", code=code).status_code == 303
    assert given_codes.lately(circle.north)[0].state == given_codes.CONFIRMED
    assert said(circle) == [("confirmed", "Rose"), ("confirmed", "Carl")] and circle.north.rows(store.alarm) == []


def second_entry(circle: Circle, name: str, of: str) -> Holder:
    """Somebody who sits at the desk already (nobody: somebody new) has another entry, under another name and with
    another key."""
    first = next((one.id for one in staff.members(circle.north) if one.name == of), "")
    key = authenticator(f"key of {name}", "north")
    holder = Holder(circle.story, key, f"id of {name}".encode(), "north")
    _, code = staff.invite(circle.north, name, "desk", same_as=first)
    body = {"code": code.hex(), "id": to_text(holder.id), "authenticatorData": to_text(key.registration(holder.id))}
    assert holder.client.post("/sign-in/register", json=body).status_code == 200
    holder.sign_in()
    return holder


def test_two_entries_of_one_person_are_not_two_who_sit_there(circle: Circle) -> None:
    rose, carl = clerks(circle)
    rosa = second_entry(circle, "Rosa", "Rose")
    code = presented(circle, rose)
    assert words.DESK["compare_second"] in text_of(rosa.get("/desk").text)
    assert rosa.send("/desk", do="same", code=code).status_code == 403
    assert carl.send("/desk", do="same", code=code).status_code == 303


def test_who_is_alone_under_two_names_calls_the_privacy_officer(circle: Circle) -> None:
    rose, _ = clerks(circle)
    rosa = second_entry(circle, "Rosa", "Rose")
    dismissed(circle, "Carl")
    code = presented(circle, rose)
    assert rosa.send("/desk", do="same", code=code).status_code == 303
    assert said(circle) == [("confirmed", "Rose"), ("confirmed", "Rosa")]
    assert [row.code for row in circle.north.rows(store.alarm)] == ["link-by-one"]
    (seen,) = desk_hands.lately(circle.north)
    assert seen.alone and words.OFFICE["links_alone"] in officer(circle)


def test_one_person_under_two_names_does_not_vouch_twice(circle: Circle) -> None:
    rose, carl = clerks(circle)
    rosa, phone = second_entry(circle, "Rosa", "Rose"), NewPhone(circle.story)
    rose.does("/desk/vouch", do="vouch", patient="ada", check="document", number=phone.number)
    waits = {"do": "second", "account": circle.ada.account}
    assert words.VOUCH["yours"] in text_of(rosa.get("/desk/vouch").text)
    refused = rosa.send("/desk/vouch", **waits)
    assert refused.status_code == 403 and words.ERRORS["vouch-alone"] in text_of(refused.text)
    assert words.VOUCH["yours"] not in text_of(carl.get("/desk/vouch").text)
    carl.does("/desk/vouch", **waits)


def test_a_code_whose_giver_is_gone_says_that_a_new_one_is_needed(circle: Circle) -> None:
    rose, carl = clerks(circle)
    second_entry(circle, "Dora", "")
    code = presented(circle, rose)
    assert words.DESK["compare_gone"] not in text_of(carl.get("/desk").text)
    dismissed(circle, "Rose")
    page = carl.get("/desk").text
    assert words.DESK["compare_gone"] in text_of(page) and words.DESK["compare_second"] not in text_of(page)
    assert 'value="same"' not in page and 'value="differs"' in page
    refused = carl.send("/desk", do="same", code=code)
    assert refused.status_code == 403 and words.ERRORS["desk-gone"] in text_of(refused.text)
    assert carl.send("/desk", do="differs", code=code).status_code == 303


def test_a_clerk_ends_a_parent_s_right_with_her_own_key(circle: Circle) -> None:
    rose, _ = clerks(circle)
    dismissed(circle, "Carl")
    born = {"resourceType": "Patient", "id": "ada", "name": [{"family": "Ada"}], "birthDate": "2016-05-01"}
    circle.north.put("Patient", "ada", json.dumps(born))
    fields = {"patient": "ada", "delegate": circle.bo.account, "name": "Bo Berg", "right-look": "1", "seen": "1"}
    rose.does("/desk/parent", do="state", **fields)
    (one,) = parents.stated(circle.north)
    begun = rose.send("/desk/parent", do="end", delegation=one.kept.nullifier.hex())
    assert begun.status_code == 303 and len(parents.stated(circle.north)) == 1, "nothing ends before she signs"
    told = rose.asked(begun)
    assert "Bo Berg may no longer act for patient ada" in told and "Rose ended it" in told
    rose.confirm(begun)
    assert parents.stated(circle.north) == []


def test_two_clerks_are_both_named_and_who_differs_too(circle: Circle) -> None:
    rose, carl = clerks(circle)
    code = presented(circle, rose)
    assert carl.send("/desk", do="differs", code=code).status_code == 303
    assert said(circle) == [("confirmed", "Rose"), ("refused", "Carl")]
    (seen,) = desk_hands.lately(circle.north)
    assert seen.names == ("Rose", "Carl") and not seen.alone
    assert words.OFFICE["links_alone"] not in officer(circle)
    # What was decided is decided: a second word leaves no line.
    assert carl.send("/desk", do="same", code=code).status_code == 400 and len(said(circle)) == 2


def test_where_there_are_two_both_say_that_who_asks_is_this_patient(circle: Circle) -> None:
    """A bribed clerk finds nobody for an accomplice who states what the clerk read out to her."""
    rose, carl = clerks(circle)
    circle.north.put("Patient", "vic", demographics("vic", *ADA))
    eve, stated, identifier = circle.network.patient("accomplice"), Demographics(*ADA), secrets.token_bytes(16)
    assert find(circle.network, eve, identifier, stated) == {"status": "waiting"}
    fields = {"do": "match", "request": identifier.hex(), "patient": "vic"}
    for _ in range(2):
        told = rose.send("/desk", **fields)
        assert told.status_code == 303 and "second" in told.headers["location"]
    assert find(circle.network, eve, identifier, stated) == {"status": "waiting"}
    assert said(circle) == [("confirmed", "Rose")] and circle.north.rows(store.invitation) == []
    page = rose.get("/desk")
    assert words.DESK["match_mine"] in text_of(page.text) and 'value="match"' not in page.text
    assert words.DESK["match_other"] in text_of(carl.get("/desk").text)
    assert carl.send("/desk", **fields).status_code == 303
    assert find(circle.network, eve, identifier, stated)["status"] == "ready"
    (seen,) = desk_hands.lately(circle.north)
    assert seen.names == ("Rose", "Carl") and circle.north.rows(store.alarm) == []


def test_one_clerk_alone_finds_somebody_and_the_privacy_officer_is_told(circle: Circle) -> None:
    rose, _ = clerks(circle)
    dismissed(circle, "Carl")
    circle.north.put("Patient", "vic", demographics("vic", *ADA))
    eve, stated, identifier = circle.network.patient("accomplice"), Demographics(*ADA), secrets.token_bytes(16)
    find(circle.network, eve, identifier, stated)
    rose.send("/desk", do="match", request=identifier.hex(), patient="vic")
    assert find(circle.network, eve, identifier, stated)["status"] == "ready"
    (alarm,) = circle.north.rows(store.alarm)
    assert alarm.code == "link-by-one" and "Rose" in alarm.sentence and alarm.subject == "Patient/vic"
    assert said(circle) == [("confirmed", "Rose")]


def test_the_word_of_who_was_dismissed_is_not_the_first_of_two(circle: Circle) -> None:
    rose, carl = clerks(circle)
    circle.north.put("Patient", "vic", demographics("vic", *ADA))
    eve, stated, identifier = circle.network.patient("accomplice"), Demographics(*ADA), secrets.token_bytes(16)
    find(circle.network, eve, identifier, stated)
    form = {"do": "match", "request": identifier.hex(), "patient": "vic"}
    rose.send("/desk", **form)
    assert desk_hands.match_said_by(circle.north, identifier, "vic") is not None
    dismissed(circle, "Rose")
    assert desk_hands.match_said_by(circle.north, identifier, "vic") is None
    # Carl is alone now: it counts, and the privacy officer is called.
    carl.send("/desk", **form)
    assert find(circle.network, eve, identifier, stated)["status"] == "ready"
    assert [row.code for row in circle.north.rows(store.alarm)] == ["link-by-one"]
