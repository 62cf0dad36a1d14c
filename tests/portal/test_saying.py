"""A person's word on her list, from the page to the key and back into the list."""

import hashlib
import json
import re
from typing import Any

import pytest

from medrec.core import codec
from medrec.core.manifests.acts import recipients_of
from medrec.node.corrections.corrections import CORRECTIONS_PATH
from medrec.node.keeping import store
from medrec.portal import saying, words
from tests.node.test_lists import METFORMIN_500, order
from tests.portal.reading import text_of
from tests.portal.story import Story
from tests.portal.test_sign_in import Person, csrf_of, sign, visitor
from tests.portal.test_signing import answer, ticket_of


@pytest.fixture
def ada(empty: Story) -> Person:
    return Person(empty)


def test_she_puts_a_medicine_on_her_list_and_takes_it_back_with_her_key(empty: Story, ada: Person) -> None:
    client, guide = visitor(empty), empty.network["guide"]
    node: Any = guide
    sign(empty, client, ada.phone, ada.id)
    page = f"{ada.page}/list"
    token = {"csrf": csrf_of(client.get(page).text)}
    ticket = ticket_of(
        client.post("/list-word", data={"act": "also-taking", "name": "Valerian", "words": "1 drop at night"} | token)
    )
    shown = client.post("/signing/act", json={"ticket": ticket}).json()["parts"][0]
    assert shown["form"] == "list-act/1" and shown["value"]["subjects"][0]["name"] == "Valerian"
    assert node.acts.of(ada.account) == []
    assert answer(empty, client, ticket, ada.phone).json()["to"] == page
    (kept,) = node.acts.of(ada.account)
    assert kept.act.words == "1 drop at night" and kept.act.signature
    listed = text_of(client.get(page).text)
    assert "Valerian" in listed and words.ONE_LIST["not_taking"] in listed
    (row,) = node.lists.of(ada.account).read.medicines
    assert row.status == "active"
    empty.network.time += 60_000
    ticket = ticket_of(client.post("/list-word", data={"act": "not-taking", "row": row.key} | token))
    assert answer(empty, client, ticket, ada.phone).status_code == 200
    (row,) = node.lists.of(ada.account).read.medicines
    assert row.status == "stopped" and len(row.lines) == 2


def test_what_cannot_be_said_is_told_and_nothing_waits(empty: Story, ada: Person) -> None:
    client, node = visitor(empty), empty.network["guide"]
    sign(empty, client, ada.phone, ada.id)
    token = {"csrf": csrf_of(client.get(f"{ada.page}/list").text)}
    for wrong in (
        {"act": "stopped", "row": "x"}, {"act": "not-taking", "row": "29046|body"}, {"act": "also-taking"},
        {"act": "like-this", "row": "x"}, {"act": "dismissed", "notice": "00" * 32, "words": "why"}, {},
    ):  # fmt: skip
        assert client.post("/list-word", data=wrong | token).status_code == 400, wrong
    assert client.post("/list-word", data={"act": "also-taking", "name": "x", "csrf": "no"}).status_code == 403
    assert visitor(empty).post("/list-word", data={"act": "also-taking", "name": "x"}).status_code == 401
    assert node.acts.of(ada.account) == []  # type: ignore[attr-defined]


def linked(story: Story, person: Person, *places: str) -> None:
    """She is known at these places, each with an order of metformin, and her agent may read there."""
    agent = story.network["guide"].agent
    assert agent is not None
    for place in places:
        node: Any = story.network[place]
        agent.link(person.account, place, node.linker.invite("ada"), person.phone.sign_for)
        node.put("MedicationRequest", f"m-{place}", order(f"m-{place}", METFORMIN_500, "metformin 500 mg"))
        person.sign = person.phone.sign_for  # type: ignore[attr-defined]
        person.key = person.phone  # type: ignore[attr-defined]
        story.network.consent(person, place, "guide")  # type: ignore[arg-type]
    story.settle()
    story.network["guide"].copies.refresh(person.account)  # type: ignore[attr-defined]
    story.settle()


def test_one_signature_asks_the_places_that_she_chose_to_correct_and_both_sides_see_it(
    empty: Story, ada: Person
) -> None:
    linked(empty, ada, "north", "south")
    client, guide, south = visitor(empty), empty.network["guide"], empty.network["south"]
    node: Any = guide
    sign(empty, client, ada.phone, ada.id)
    html = client.get(f"{ada.page}/list").text
    assert 'name="to-north" value="1" checked' in html and 'name="to-south" value="1" checked' in html
    (row,) = node.lists.of(ada.account).read.medicines
    assert {line.source for line in row.lines} == {"north", "south"}
    empty.network.time += 60_000
    form = {"act": "not-taking", "row": row.key, "words": "It made me sick.", "places": "chosen", "to-south": "1"}
    ticket = ticket_of(client.post("/list-word", data=form | {"csrf": csrf_of(html)}))
    (part,) = client.post("/signing/act", json={"ticket": ticket}).json()["parts"]
    shown = part["value"]
    # What it speaks against comes along: what the place signed, and the record itself.
    to, against, signed, record = part["contents"]
    assert hashlib.sha256(signed.encode()).hexdigest() == json.loads(against)["manifest"]
    assert json.loads(record)["resourceType"] == json.loads(against)["type"]
    # Whom it goes to, and that, are signed by their fingerprints alone.
    assert {hashlib.sha256(text.encode()).hexdigest() for text in (to, against)} <= set(shown["marks"])
    assert hashlib.sha256(record.encode()).hexdigest() == json.loads(signed)["record"]["sha256"]
    assert json.loads(to)["organisation"] == json.loads(against)["source"] == "south"
    assert "south" not in json.dumps(shown), "nobody who hears it learns whom else it goes to"
    assert answer(empty, client, ticket, ada.phone).status_code == 200
    told = text_of(client.get(f"{ada.page}/list").text)
    assert words.ONE_LIST["asked"] in told and "It made me sick." in told and words.ONE_LIST["asked_way"] in told
    (waiting,) = [entry for entry in node.rows(store.outbox) if entry.path == CORRECTIONS_PATH]
    assert waiting.organisation == "south"
    node.peers.call("south", CORRECTIONS_PATH, codec.encode([waiting.payload]))
    empty.settle()
    assert "No answer yet" in text_of(client.get(f"{ada.page}/list").text)
    assert empty.network["north"].acts.of(ada.account) == []  # type: ignore[attr-defined]
    # The staff of south sees what is owed and answers; nobody does who is not signed in.
    staff = visitor(empty, "south", demonstration=True)
    (here,) = south.corrections.here()
    answered = {"correction": here.id.hex(), "answer": "noted", "words": "We will ask her."}
    assert staff.post("/patient-list", data=answered).status_code == 401
    assert staff.post("/sign-in/demonstration", data={"role": "clinician"}).status_code in (200, 303)
    page = staff.get("/patient-list").text
    assert "It made me sick." in text_of(page) and "MedicationRequest/m-south" in text_of(page)
    assert 'value="corrected"' not in page, "no newer version is there"
    token = {"csrf": csrf_of(page)}
    nobodys = {"correction": "00" * 16}
    for bad in ({"answer": "corrected"}, {"answer": "shrug"}, {"words": " "}, {"correction": "xx"}, nobodys):
        assert staff.post("/patient-list", data=answered | bad | token).status_code == 400, bad
    assert staff.post("/patient-list", data=answered | token).status_code == 200
    assert words.CARE_LISTS["asked"] not in text_of(staff.get("/patient-list").text)
    empty.settle()
    told = text_of(client.get(f"{ada.page}/list").text)
    assert "We will ask her." in told and words.ONE_LIST["asked_noted"] in told


def test_her_word_reaches_by_itself_nobody_from_whom_the_medicine_is_withheld(empty: Story, ada: Person) -> None:
    """South and east know her; only south has metformin. East is ticked as soon as it may read south's medicines, and
    no longer when she withholds some of them."""
    linked(empty, ada, "south")
    east: Any = empty.network["east"]
    agent = empty.network["guide"].agent
    assert agent is not None
    agent.link(ada.account, "east", east.linker.invite("ada"), ada.phone.sign_for)
    empty.settle()
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)

    def ticked() -> set[str]:
        html = client.get(f"{ada.page}/list").text
        form = next(part for part in html.split("<form")[1:] if 'name="row"' in part).partition("</form>")[0]
        return {place for place in ("south", "east") if f'name="to-{place}" value="1" checked' in form}

    def say(effect: str, *types: str) -> bytes:
        secret: bytes = empty.network.consent(ada, "south", "east", effect=effect, types=types)  # type: ignore[arg-type]
        empty.settle()
        return secret

    assert ticked() == {"south"}
    say("permit", "Observation")
    assert ticked() == {"south"}, "that opens no medicine"
    say("permit")
    assert ticked() == {"south", "east"}
    say("deny", "MedicationStatement")
    assert ticked() == {"south"}
    # A form that names no places goes to the same ones.
    node: Any = empty.network["guide"]
    (row,) = node.lists.of(ada.account).read.medicines
    form = {"act": "not-taking", "row": row.key, "csrf": csrf_of(client.get(f"{ada.page}/list").text)}
    ticket = ticket_of(client.post("/list-word", data=form))
    (part,) = client.post("/signing/act", json={"ticket": ticket}).json()["parts"]
    assert [json.loads(text).get("organisation") for text in part["contents"][:2]] == ["south", None]


def test_everybody_who_treats_her_is_proposed_and_a_place_that_she_unticks_gets_nothing(
    empty: Story, ada: Person
) -> None:
    linked(empty, ada, "north", "south")
    node: Any = empty.network["guide"]
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)

    def say(name: str, **more: str) -> dict[str, set[str]]:
        """Whom it goes to, as signed, and who has it."""
        csrf = csrf_of(client.get(f"{ada.page}/list").text)
        form = {"act": "also-taking", "name": name, "csrf": csrf} | more
        ticket = ticket_of(client.post("/list-word", data=form))
        assert answer(empty, client, ticket, ada.phone).status_code == 200
        kept = next(one for one in node.acts.of(ada.account) if one.act.subjects[0].name == name)
        there = {
            place
            for place in ("north", "south")
            if kept.act.id in [one.act.id for one in empty.network[place].acts.of(ada.account)]  # type: ignore[attr-defined]
        }
        return {"signed": recipients_of(kept.act), "there": there}

    html = client.get(f"{ada.page}/list").text
    assert re.search(r'name="places" value="all" checked', html) and words.ONE_LIST["to_all"] in text_of(html)
    both = {"to-north": "1", "to-south": "1"}
    assert say("Valerian", places="all", **both) == {"signed": {"*"}, "there": {"north", "south"}}
    assert say("Hops") == {"signed": {"*"}, "there": {"north", "south"}}
    assert say("Honey", places="all", **{"to-north": "1"}) == {"signed": {"north"}, "there": {"north"}}
    assert say("Sage", places="chosen", **{"to-south": "1"}) == {"signed": {"south"}, "there": {"south"}}
    # A row that a place may not read is proposed to the others alone.
    row = next(one for one in node.lists.of(ada.account).read.medicines if one.name == "metformin")
    east: Any = empty.network["east"]
    node.agent.link(ada.account, "east", east.linker.invite("ada"), ada.phone.sign_for)
    empty.settle()
    form = client.get(f"{ada.page}/list").text
    form = form[form.index(f'name="row" value="{row.key}"') :]
    assert re.search(r'name="places" value="chosen" checked', form[: form.index("</form>")])
    assert 'name="to-east" value="1">' in form[: form.index("</form>")]
    # So does what she adds and is in her list already, by whatever name, and whatever is ticked.
    all_ = {"places": "all", "to-east": "1"} | both
    for name, more in (("Glucophage", {}), ("metformin 500 mg", all_), ("metformin", all_ | {"places": "chosen"})):
        assert say(name, **more) == {"signed": {"north", "south"}, "there": {"north", "south"}}
    assert say("METFORMIN", places="chosen", **{"to-east": "1"}) == {"signed": set(), "there": set()}


UNSURE = (
    "sertraline?", "my sertraline pill", "sertralin", "setraline", "SERT", "aspirin (with Zoloft)", "Lustral",
    "the blue one", "SSRI", "antidepressant", "Zoloft for my mood", "Золофт", "Valerian", "not aspirin",
    "my H.I.V. pills",
)  # fmt: skip
SURE = {
    "Zoloft 50 mg": "also_closed",
    "Sertraline": "also_closed",
    "aspirin and sertraline": "also_closed",
    "Aspirin": "",
}


@pytest.mark.parametrize("form", [{}, {"places": "all"}, {"places": "chosen"}])
def test_a_name_that_could_be_of_what_is_withheld_goes_to_nobody_who_may_not_read_it(
    empty: Story, ada: Person, form: dict[str, str]
) -> None:
    """South has her sertraline, and may read north; north may not read south. Whatever she ticks."""
    linked(empty, ada, "north", "south")
    node: Any = empty.network["guide"]
    south: Any = empty.network["south"]
    south.put("MedicationRequest", "s", order("s", "312940", "sertraline 25 mg tablet"))
    empty.network.consent(ada, "north", "south")  # type: ignore[arg-type]
    empty.settle()
    node.copies.refresh(ada.account)
    empty.settle()
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)
    csrf = csrf_of(client.get(f"{ada.page}/list").text)
    for name in (*UNSURE, *SURE):
        data = {"act": "also-taking", "name": name, "csrf": csrf, "to-north": "1", "to-south": "1"} | form
        ticket = ticket_of(client.post("/list-word", data=data))
        told = client.post("/signing/act", json={"ticket": ticket}).json()
        to = [json.loads(text) for text in told["parts"][0]["contents"]]
        closed = SURE.get(name, "also_unsure")
        assert told["changes"] == ([words.ONE_LIST[closed]] if closed else []), name
        wanted = {"south"} if closed else {"*"} if form.get("places") != "chosen" else {"north", "south"}
        assert {one["organisation"] for one in to if "organisation" in one and "salt" in one} == wanted, name


def test_she_is_told_that_her_words_may_name_what_a_place_may_not_read(empty: Story, ada: Person) -> None:
    """North and south both have metformin; south's sertraline is not open to north. What she signs is hers to say."""
    linked(empty, ada, "north", "south")
    node: Any = empty.network["guide"]
    south: Any = empty.network["south"]
    south.put("MedicationRequest", "s", order("s", "312940", "sertraline 25 mg tablet"))
    empty.settle()
    node.copies.refresh(ada.account)
    empty.settle()
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)
    csrf = csrf_of(client.get(f"{ada.page}/list").text)
    row = next(one for one in node.lists.of(ada.account).read.medicines if one.name == "metformin")

    def warned(told: str, *places: str) -> list[str]:
        ticked = {f"to-{place}": "1" for place in places}
        form = {"act": "like-this", "row": row.key, "words": told, "places": "chosen", "csrf": csrf} | ticked
        ticket = ticket_of(client.post("/list-word", data=form))
        found: list[str] = client.post("/signing/act", json={"ticket": ticket}).json()["changes"]
        return found

    assert warned("half a tab, since my Zoloft", "north", "south") == [words.ONE_LIST["words_tell"]]
    assert warned("half a tab of metformin", "north", "south") == []
    assert warned("half a tab, since my Zoloft", "south") == [], "south wrote each of them down"


def test_more_places_than_an_act_has_room_for_are_named_as_that(
    empty: Story, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked(empty, ada, "north")
    many = [f"place-{number}" for number in range(33)]
    monkeypatch.setattr(saying, "organisations", lambda node, account: many)
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)
    csrf = csrf_of(client.get(f"{ada.page}/list").text)
    form = {"act": "also-taking", "name": "Melatonin", "csrf": csrf} | {f"to-{name}": "1" for name in many}
    refused = client.post("/list-word", data=form | {"places": "chosen"})
    assert refused.status_code == 400 and words.ERRORS["too-many-places"] in text_of(refused.text)
    assert client.post("/list-word", data=form | {"places": "all"}, follow_redirects=False).status_code == 303
