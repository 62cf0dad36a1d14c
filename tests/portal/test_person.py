"""A person's page: new, looked, may look; and that nothing of a person shows where it should not."""

import hashlib
import re
from typing import Any

import pytest

from medrec.node.keeping import store
from medrec.portal import app, words
from medrec.portal.people import handle
from tests.portal.reading import links, person_page, read, text_of, walk
from tests.portal.story import HOSTILE_NAME, HOUR, TURNED, Story, observation


def test_pages_about_people_are_shut_outside_a_demonstration(told: Story) -> None:
    for organisation, role in (("north", app.Role.RECORDS), ("guide", app.Role.AGENT)):
        open_client, shut = told.client(organisation), told.client(organisation, demonstration=False)
        for path in walk(open_client):
            answer = shut.get(path, follow_redirects=False)
            public = path in (
                "/",
                "/ledger",
                "/sign-in",
                "/join",
                "/coming-back",
                "/verify",
                "/shared",
            ) or path.startswith(
                (
                    "/portal-ltr.css",
                    "/portal.js",
                    "/manifest.webmanifest",
                    "/icon.svg",
                    "/sign_in.js",
                    "/verify.js",
                    "/opening.js",
                    "/medrec-root",
                )
            )
            if public:
                assert answer.status_code == 200, path
            else:
                assert answer.status_code == 303 and answer.headers["location"] == "/sign-in", (role, path)
                assert "ada" not in answer.text.lower()
        assert words.SITE["demonstration"] in open_client.get("/").text
        assert words.SITE["demonstration"] not in shut.get("/").text


def test_nobody_elses_name_is_opened_for_a_page_of_hers(empty: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    guide: Any = empty.network["guide"]
    ada, eve = (empty.network.patient(name, "north").account for name in ("ada", "eve"))
    opened, opens = set(), guide.agent._open_client
    monkeypatch.setattr(guide.agent, "_open_client", lambda *asked: opened.add(asked[0]) or opens(*asked))
    for page in ("", "/looks", "/helping", "/guarding", "/record", "/keys"):
        assert empty.client("guide").get(f"/people/{handle(ada)}{page}").status_code == 200
    assert opened == {ada}
    assert guide.agent.names_of([eve, "nobody"]) == {eve: "Eve"} and guide.agent.name_of("nobody") is None


def test_a_person_sees_what_is_new_who_looked_and_who_may_look(told: Story) -> None:
    client, own = told.client("guide"), person_page(told)
    home = text_of(read(client, own))
    assert "Hello, Ada" in home and words.LOOKED["question"] in home
    news = text_of(read(client, own + "/news"))
    assert "New: measurement or test result North," in news and "Changed: measurement or test result North," in news
    assert "You were linked at North" in news and "You were linked at South" in news
    assert words.PERSON["ledger_yes"] in news and words.PERSON["ledger_no"] not in news
    looks = text_of(read(client, own + "/looks"))
    assert "Dr Mallory at South asked North for your records and got nothing." in looks
    assert "Answer: no. You have not allowed it." in looks
    assert "Dr Brown at South got 2 measurements or test results from North." in looks
    assert "For: your care · Reason given: a check-up South has confirmed that it got them." in looks
    programs = text_of(read(client, own + "/looks?show=programs"))
    assert "got 2 measurements or test results from North." in programs and "nightly update" in programs
    assert "Dr Brown" not in programs
    may = text_of(read(client, own + "/sharing"))
    assert "South may see only these that North holds about you: measurements or test results, until" in may
    assert words.SHARING["stop"] in may
    assert "Grace" not in home + news + looks + may and "grace" not in home + news + looks + may


def test_an_answer_to_a_look_is_kept(told: Story) -> None:
    client, own = told.client("guide"), person_page(told)
    before = read(client, own)
    path = re.search(rf'action="({own}/looks/[0-9a-f]+/answer)"', before)
    assert path is not None
    assert client.post(path.group(1), data={"answer": "perhaps"}).status_code == 400
    assert client.post(path.group(1).replace("/looks/", "/looks/00"), data={"answer": "wrong"}).status_code == 404
    done = client.post(path.group(1), data={"answer": "expected"})
    assert words.DONE["answered"] in done.text and path.group(1) not in done.text
    one = read(client, path.group(1).removesuffix("/answer"))
    assert words.LOOKED["said_expected"] in one and words.LOOKED["what"] in one


def test_a_permission_taken_back_or_ended_is_said_to_be(empty: Story) -> None:
    network = empty.network
    person = network.patient("ada", "north")
    secret = network.consent(person, "north", "*")
    network.consent(person, "north", "south", effect="deny", until=network.time + HOUR)
    network.take_back(person, "north", secret)
    empty.settle()
    network.time += 2 * HOUR
    text = text_of(read(empty.client("guide"), f"/people/{handle(person.account)}/sharing"))
    everybody = "Everybody in the network"
    assert f"Taken back {everybody} {everybody} may see everything that North holds about you, until you take" in text
    assert "Ended South South may see nothing that North holds about you, until" in text


def test_a_look_that_one_side_tells_is_marked(empty: Story) -> None:
    network = empty.network
    person = network.patient("ada", "north", "south")
    network["north"].put("Observation", "bp-1", observation("bp-1", "ada", "1"))
    network.consent(person, "north", "south")
    empty.settle()
    empty.ask(person, "Dr Brown", "care")
    agent: Any = network["guide"]
    empty.settle()
    page = f"/people/{handle(person.account)}"
    assert "One side only" not in read(empty.client("guide"), page)
    agent.store.write(
        lambda connection: connection.execute(store.notice.delete().where(store.notice.c.kind == "disclosure/1"))
    )
    text = text_of(read(empty.client("guide"), page))
    assert "One side only South says it got 1 measurement or test result from North. North has not told us so." in text


def test_a_line_that_never_came_is_named(empty: Story) -> None:
    network = empty.network
    person = network.patient("ada", "north")
    empty.settle()
    north: Any = network["north"]
    north.put("Observation", "bp-1", observation("bp-1", "ada", "1"))
    north.store.write(lambda connection: connection.execute(store.outbox.delete()))
    empty.settle()
    network.time += 30_000
    client = empty.client("guide")
    text = text_of(read(client, f"/people/{handle(person.account)}"))
    assert "Something is missing North put something about you on the ledger just now" in text
    assert "One line about a person stands on the ledger, but its message never came." in text_of(read(client, "/"))


def test_a_persons_line_shows_its_proof(told: Story) -> None:
    client = told.client("guide")
    lines = [link for link in links(client.get(person_page(told)).text) if "/lines/" in link]
    pages = [read(client, line) for line in lines]
    assert all(words.VERSION["state_bad"] not in page for page in pages)
    versions = [page for page in pages if words.VERSION["state_yes"] in page]
    # Nobody has to be asked for the receipt: the agent makes it from the ledger.
    assert len(versions) == 3 and all("north.example" not in page for page in versions)
    for page in versions:
        (receipt,) = [link for link in links(page) if link.endswith("receipt.json")]
        assert client.get(receipt).json()["manifest"]
    other = person_page(told)[:-32] + "0" * 32
    assert client.get(lines[0].replace(person_page(told), other)).status_code == 404


def test_many_lines_are_paged(empty: Story) -> None:
    network = empty.network
    person = network.patient("ada", "north")
    for number in range(70):
        network["north"].put("Observation", f"o-{number}", observation(f"o-{number}", "ada", "1"))
    empty.settle()
    client = empty.client("guide")
    page = f"/people/{handle(person.account)}/news"
    first, last = read(client, page), read(client, page + "?page=8")
    assert "Showing 1 to 10 of 71" in text_of(first) and "Showing 71 to 71 of 71" in text_of(last)
    assert "?page=2" in first and "?page=9" not in last
    for odd in ("?page=0", "?page=-1", "?page=x", "?page=99999999999", "?page=999"):
        assert client.get(page + odd).status_code == 200


def test_hostile_names_stay_text(empty: Story) -> None:
    network = empty.network
    agent = network["guide"].agent
    assert agent is not None
    people = [network.patient(name, "north") for name in ("one", "two")]
    guide: Any = network["guide"]
    guide.store.write(lambda connection: connection.execute(store.client.delete()))
    for person, name in zip(people, (HOSTILE_NAME, TURNED), strict=True):
        agent.enroll(person.account, name, person.view_secret)
    network["north"].put("Observation", "o", observation("o", "one", "1"))
    network.consent(people[0], "north", "south")
    empty.ask(people[0], '"><img src=x onerror=alert(1)>', "{{ 7*7 }}{0}\u2066</bdi>")
    empty.settle()
    for client, path in (
        (empty.client("guide"), "/people"),
        (empty.client("guide"), f"/people/{handle(people[0].account)}"),
        (empty.client("guide"), f"/people/{handle(people[1].account)}"),
        (empty.client("north"), "/given"),
    ):
        html = client.get(path).text
        assert "<script>" not in html and "<img src=x" not in html and "onerror=alert(1)>" not in html
        assert "\u202e" not in html and "\u2066" not in html and "\x07" not in html
        assert html.count("<bdi>") == html.count("</bdi>")
    assert "&lt;script&gt;" in empty.client("guide").get("/people").text
    assert "{{ 7*7 }}{0}" in empty.client("north").get("/given").text
    found = empty.client("north").post("/records", data={"patient": '"><script>'}).text
    assert "<script>" not in found


def test_addresses_of_pages_name_nobody(told: Story) -> None:
    account = told.person.account  # type: ignore[attr-defined]
    for organisation in ("north", "guide"):
        for path in walk(told.client(organisation)):
            words = re.findall("[a-z]+", re.sub("[0-9a-f]{32,}", "", path))
            assert account not in path and "ada" not in words and "bp-" not in path and "Observation" not in path


def test_the_address_of_a_person_does_not_show_the_account(told: Story) -> None:
    account = told.person.account  # type: ignore[attr-defined]
    assert handle(account) == hashlib.sha256(b"medrec/page/1" + account.encode()).hexdigest()[:32]


def test_looks_are_paged_and_the_own_agent_s_stand_apart(empty: Story) -> None:
    network = empty.network
    who = network.patient("ada", "north")
    network["north"].put("Observation", "bp-1", observation("bp-1", "ada", "1"))
    network.consent(who, "north", "south", "guide")
    empty.settle()
    for _ in range(23):
        network.time += 1000
        empty.ask(who, "Dr Brown", "care")
    guide: Any = network["guide"]
    assert guide.copies.refresh(who.account)[0].records == 1
    empty.settle()
    page, client = f"/people/{handle(who.account)}/looks", empty.client("guide")
    first, second = text_of(read(client, page)), text_of(read(client, page + "?page=2"))
    assert "Showing 1 to 20 of 23" in first and first.count("Dr Brown at South got") == 20
    assert "Showing 21 to 23 of 23" in second and second.count("Dr Brown at South got") == 3
    own = text_of(read(client, page + "?show=own"))
    assert "Your own agent read 1 measurement or test result at North for you." in own and "Dr Brown" not in own
    assert "Your own agent read" not in first + second
    record = text_of(read(client, f"/people/{handle(who.account)}/record"))
    assert "Tests and measurements One entry" in record and "Read just now" in record
