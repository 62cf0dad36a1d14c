"""A person says that a line or a look is wrong, and writes lines of her own: each signed by her, and what follows."""

import re
from typing import Any

import pytest

from medrec.core.manifests.record import RecordManifest
from medrec.node.agent import entries
from medrec.node.keeping import store
from medrec.portal import words
from medrec.portal.own.acts import acts_of
from tests.node.helping import Help
from tests.node.test_entries import enter, withdrawn
from tests.node.test_entries import sign as signed
from tests.portal.reading import text_of
from tests.portal.story import observation
from tests.portal.test_acting import help_ as help_
from tests.portal.test_acting import page, signed_in, take_up
from tests.portal.test_sign_in import csrf_of


@pytest.fixture
def ada(help_: Help) -> Help:
    """Ada has a record at north that south has looked at; her key lies in the demonstration."""
    help_.north.put("Observation", "bp-1", observation("bp-1", "ada", "120/80"))
    help_.network.consent(help_.ada, "north", "south")
    help_.story.settle()
    help_.story.ask(help_.ada, "Dr Brown", "a check-up")
    help_.story.settle()
    acts_of(help_.guide).lend(help_.ada.account, help_.ada.key.key_id, help_.ada.sign)
    return help_


def sign(client: Any, shown: Any) -> Any:
    """Confirm the act on the page that came."""
    assert shown.status_code == 200, shown.text
    path = re.search(r'id="sign" method="post" action="([^"]+)"', shown.text)
    assert path is not None, shown.text
    return client.post(path.group(1), data={"proofs": ""})


def tag_of(help_: Help, kind: str) -> str:
    for row in help_.guide.rows(store.notice):
        if row.kind == kind and row.account == help_.ada.account:
            return bytes(row.tag).hex()
    raise AssertionError(kind)


def test_a_line_is_said_to_be_wrong_and_the_answer_comes_to_the_page(ada: Help) -> None:
    client, own = ada.story.client("guide"), page(ada.ada)
    tag = tag_of(ada, "record/1")
    line = client.get(f"{own}/lines/{tag}").text
    assert f"{own}/corrections?line={tag}" in line and words.MISTAKES["this"] in line
    assert "written by North" in text_of(client.get(f"{own}/corrections?line={tag}").text)
    said = {"line": tag, "words": "That was not me.", "proposed": "Nothing"}
    # Nobody signs what she cannot read: her page says so, and what to do.
    unread = client.post(f"{own}/corrections", data=said)
    assert unread.status_code == 409 and words.ERRORS["record-not-here"] in text_of(unread.text)
    ada.network.consent(ada.ada, "north", "guide")
    ada.story.settle()
    ada.guide.copies.refresh(ada.ada.account)
    shown = client.post(f"{own}/corrections", data=said)
    assert "That was not me." in shown.text and "medrec/correction/1" in shown.text
    assert ada.guide.corrections.asked(ada.ada.account) == []
    done = sign(client, shown)
    assert words.DONE["asked"] in done.text and words.MISTAKES["on_its_way"] in done.text
    ada.guide.deliverer.step(ada.network.time)
    (here,) = ada.north.corrections.here()
    assert (here.statement.record, here.statement.words) == ("bp-1", "That was not me.")
    ada.north.corrections.answer(here.id, "refused", "It is your cuff.")
    ada.story.settle()
    told = text_of(client.get(f"{own}/corrections").text)
    assert words.MISTAKES["status_refused"] in told and "They say: It is your cuff." in told


def test_what_is_no_record_of_another_place_or_says_nothing_is_not_sent(ada: Help) -> None:
    client, own = ada.story.client("guide"), page(ada.ada)
    for tag in ("zz", "00" * 16, tag_of(ada, "link/1")):
        assert client.get(f"{own}/corrections?line={tag}").status_code == 404
        assert client.post(f"{own}/corrections", data={"line": tag, "words": "x"}).status_code == 404
    tag = tag_of(ada, "record/1")
    assert client.post(f"{own}/corrections", data={"line": tag, "words": " "}).status_code == 400
    assert client.get(f"{page(ada.bo)}/corrections?line={tag}").status_code == 404
    link = tag_of(ada, "link/1")
    assert "corrections?line" not in client.get(f"{own}/lines/{link}").text
    ada.name_bo(rights=["look", "add"])
    helper = signed_in(ada, ada.bo)
    take_up(ada, helper)
    token = csrf_of(helper.get(f"{own}/corrections").text)
    answer = helper.post(f"{own}/corrections", data={"line": tag, "words": "x", "csrf": token})
    assert answer.status_code == 403


def test_a_wrong_look_is_disputed_with_the_key_and_stops_the_looker(ada: Help) -> None:
    client, own = ada.story.client("guide"), page(ada.ada)
    client.get(f"{own}/looks")
    look = next(look for look in ada.guide.looks.page(ada.ada.account, "people", 9, 0))
    one = f"{own}/looks/{look.pair.hex()}"
    assert one + "/dispute" in client.get(one).text
    client.post(one + "/answer", data={"answer": "expected"})
    assert "/dispute" not in client.get(one).text
    marked = client.post(one + "/answer", data={"answer": "wrong"})
    assert one + "/dispute" in marked.text
    assert not ada.north.disputes.stops(ada.ada.account, "south")
    shown = client.post(one + "/dispute", data={"words": "I never met her."})
    assert "medrec/dispute/1" in shown.text and "I never met her." in shown.text
    assert not ada.north.disputes.stops(ada.ada.account, "south")
    done = sign(client, shown)
    assert words.DONE["disputed"] in done.text
    assert ada.north.disputes.stops(ada.ada.account, "south")
    ada.story.settle()
    told = client.get(one).text
    assert "You asked" in text_of(told) and words.MISTAKES["waits"] in told and 'name="words"' not in told
    # She says that it is settled, with her key: only of a dispute of hers that is open.
    assert client.post(one + "/dispute", data={"settled": "0" * 32}).status_code == 404
    (identifier,) = re.findall(r'name="settled" value="([0-9a-f]{32})"', told)
    shown = client.post(one + "/dispute", data={"settled": identifier})
    assert '"action":"close"' in shown.text.replace("&#34;", '"') and ada.north.disputes.stops(ada.ada.account, "south")
    assert words.DONE["settled"] in sign(client, shown).text
    assert not ada.north.disputes.stops(ada.ada.account, "south")
    ada.story.settle()
    told = client.get(one).text
    assert "It is settled." in text_of(told) and 'name="settled"' not in told and 'name="words"' in told
    assert client.post(one + "/dispute", data={"settled": identifier}).status_code == 404


@pytest.mark.parametrize(
    ("what", "kind", "form", "shown"),
    [
        ("symptom", "Observation", {"text": "Headache", "note": "at night"}, "Headache"),
        ("reading", "Observation", {"text": "Blood sugar", "value": "5,60", "unit": "mmol/L"}, "5.60 mmol/L"),
        ("taken", "MedicationStatement", {"text": "Ibuprofen 400 mg"}, "Ibuprofen"),
        ("stopped", "MedicationStatement", {"text": "Lisinopril", "note": "it made me cough"}, "Lisinopril"),
        ("wish", "Goal", {"text": "I want to walk to the lake"}, "walk to the lake"),
    ],
)
def test_what_a_person_writes_is_signed_and_stands_in_the_timeline(
    ada: Help, what: str, kind: str, form: dict[str, str], shown: str
) -> None:
    client, own = ada.story.client("guide"), page(ada.ada)
    today = re.search(r'max="([0-9-]{10})"', client.get(f"{own}/writing").text)
    assert today is not None
    asked = client.post(f"{own}/writing", data={"what": what, "day": today.group(1), **form})
    assert form["text"] in asked.text and "medrec/own-entry/1" in asked.text
    assert ada.guide.entries.of(ada.ada.account) == []
    done = sign(client, asked)
    assert words.DONE["written"] in done.text
    text = text_of(done.text)
    assert shown in text and words.WRITING["by_herself"] in text
    (line,) = ada.guide.entries.lines(ada.ada.account)
    assert line.type == kind and line.author == ada.ada.account
    ada.story.settle()
    assert client.get(f"{own}/lines/{line.tag.hex()}").status_code == 200
    manifests = [notice.manifest for notice in ada.guide.agent.notices(ada.ada.account)]
    mine = [one for one in manifests if isinstance(one, RecordManifest) and one.signed]
    assert [one.signed[0]["key"] for one in mine] == [ada.ada.key.key_id.hex()]


@pytest.mark.parametrize(
    "form",
    [
        {"what": "symptom", "text": " ", "day": "2020-01-01"},
        {"what": "symptom", "text": "Pain", "day": "9999-01-01"},
        {"what": "symptom", "text": "Pain", "day": "soon"},
        {"what": "Condition", "text": "Pain", "day": "2020-01-01"},
        {"what": "reading", "text": "Weight", "value": "much", "day": "2020-01-01"},
    ],
)
def test_what_cannot_be_written_is_refused(ada: Help, form: dict[str, str]) -> None:
    client, own = ada.story.client("guide"), page(ada.ada)
    assert client.post(f"{own}/writing", data=form).status_code in (400, 403)
    assert ada.guide.entries.of(ada.ada.account) == []


def test_an_entry_that_was_taken_back_leaves_the_record(ada: Help) -> None:
    stated = enter(ada, entries.symptom("Headache", ada.network.time))
    assert [line.id for line in ada.guide.entries.lines(ada.ada.account)] == [stated.id]
    ada.guide.entries.take(signed(withdrawn(ada, stated)[0], ada.ada), None)
    assert ada.guide.entries.lines(ada.ada.account) == []


def test_what_was_put_back_is_told_with_the_way_to_say_so_again(ada: Help) -> None:
    client, own = ada.story.client("guide"), page(ada.ada)
    ada.network.consent(ada.ada, "north", "guide")
    ada.story.settle()
    ada.guide.copies.refresh(ada.ada.account)
    said = {"line": tag_of(ada, "record/1"), "words": "That was not me."}
    sign(client, client.post(f"{own}/corrections", data=said))
    ada.guide.deliverer.step(ada.network.time)
    (here,) = ada.north.corrections.here()
    for value, origin in (("110/70", "second"), ("120/80", "third")):
        ada.network.time += 1000
        ada.north.put("Observation", "bp-1", observation("bp-1", "ada", value), origin=origin)
        if origin == "second":
            ada.north.corrections.answer(here.id, "corrected", "Mended.")
        ada.story.settle()
        ada.guide.copies.refresh(ada.ada.account)
        shown = client.get(f"{own}/corrections").text
        back = origin == "third"
        assert (words.MISTAKES["status_back"] in shown) == back == (words.MISTAKES["again"] in shown)
        assert (words.MISTAKES["status_corrected"] in shown) != back
    again = re.search(r'href="([^"]+line=[0-9a-f]+)">' + words.MISTAKES["again"], shown)
    assert again is not None and "written by North" in text_of(client.get(again.group(1)).text)


def test_what_a_dispute_stops_is_said_beside_what_she_allows_and_where_she_allows_more(ada: Help) -> None:
    client, own = ada.story.client("guide"), page(ada.ada)
    client.get(f"{own}/looks")
    look = next(look for look in ada.guide.looks.page(ada.ada.account, "people", 9, 0))
    one = f"{own}/looks/{look.pair.hex()}"
    told = words.SHARING["stopped"].format(places="South")
    allow = {"effect": "share", "to": "south", "place-north": "1"}
    assert told not in text_of(client.get(f"{own}/sharing").text)
    assert told not in text_of(client.post(f"{own}/allow", data=allow).text)
    sign(client, client.post(one + "/dispute", data={"words": "I never met her."}))
    shown = client.get(f"{own}/sharing").text
    assert told in text_of(shown) and f'href="{one}">{words.SHARING["stopped_way"]}' in shown
    assert told in text_of(client.post(f"{own}/allow", data=allow).text)
    assert told not in text_of(client.post(f"{own}/allow", data={**allow, "to": "east"}).text)
    # A helper sees what she allows, and not whom she asks why.
    ada.name_bo(rights=["look", "consent"])
    helper = signed_in(ada, ada.bo)
    take_up(ada, helper)
    seen = text_of(helper.get(f"{own}/sharing").text)
    assert words.SHARING["lead"] in seen and told not in seen
    ada.story.settle()
    (identifier,) = re.findall(r'name="settled" value="([0-9a-f]{32})"', client.get(one).text)
    sign(client, client.post(one + "/dispute", data={"settled": identifier}))
    assert told not in text_of(client.get(f"{own}/sharing").text)
