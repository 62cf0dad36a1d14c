"""A guardian whose pages are at another agent: named by her address, told by a card, she speaks as the others do."""

import re
from typing import Any

from medrec.core import codec, ladder
from medrec.node.account import guarding_elsewhere, returning
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.peers.peers import PeerError
from medrec.portal.people import handle
from medrec.portal.sign_in import to_text
from tests.core.ledger_world import hash_of
from tests.node.test_moving import admit
from tests.portal.rescue import HOST, Circle, Holder, NewPhone, authenticator
from tests.portal.test_ways_back import circle as circle
from tests.portal.test_ways_back import comes_back


class Other(Holder):
    """Somebody who joined by the page for it, at another agent if nothing else is said."""

    def __init__(self, circle: Circle, name: str, at: str = "helper") -> None:
        HOST.setdefault("helper", "https://helper.example")
        super().__init__(circle.story, authenticator(f"phone of {name}", at), name.encode(), at)
        body = {"name": name, "label": "phone", "id": to_text(self.id)}
        sent = self.client.post("/join", json={**body, "authenticatorData": to_text(self.key.registration(self.id))})
        ticket = sent.json()["to"].split("#")[1]
        self.account = self.client.post("/signing/act", json={"ticket": ticket}).json()["parts"][0]["value"]["author"]
        self.signs(ticket)
        assert self.sign_in().status_code == 200
        self.page = f"/people/{handle(self.account)}"


def another_agent(circle: Circle) -> Any:
    network = circle.network
    network.keys["helper"] = OrganisationKeys.from_seed("helper", hash_of("helper"))
    admit(circle, network.keys["helper"])  # type: ignore[arg-type]
    network.AGENT, before = "helper", network.AGENT
    made = network.open("helper")
    network.AGENT = before
    return made


def chosen(circle: Circle, eve: Other) -> str:
    """Ada chooses Bo and Eve, who is at the other agent; the card."""
    ada, page = circle.ada, circle.ada.page + "/guardians"
    circle.ask(circle.bo, "Bo")
    assert ada.send(page, do="invite", name="Nobody", account="x" * 40).status_code == 400
    assert ada.send(page, do="invite", name="Me", account=ada.account).status_code == 400
    assert ada.does(page, do="invite", name="Eve", account=eve.account).status_code == 303
    ticked = dict.fromkeys(re.findall(r'name="(is-[0-9a-f]+)"', ada.get(page).text), "1")
    ada.does(page, do="choose", needs="2", **ticked)
    found = re.search(r"medrec-guardian:[A-Za-z0-9_-]+", ada.get(page).text)
    assert found is not None
    return found.group()


def test_she_takes_the_card_and_speaks_for_the_new_phone(circle: Circle) -> None:
    other = another_agent(circle)
    eve, mal = Other(circle, "Eve"), Other(circle, "Mal")
    file = "/guardians/card.txt"
    assert circle.ada.get(circle.ada.page + file).status_code == 404, "nobody is elsewhere yet"
    card = chosen(circle, eve)
    saved = circle.ada.get(circle.ada.page + file)
    assert (saved.text, saved.headers["content-disposition"]) == (card, 'attachment; filename="guardian-card.txt"')
    assert circle.bo.get(circle.ada.page + file).status_code == 404
    # A card is of use to those alone who are chosen, and to nobody if a word of it is changed.
    assert mal.send(mal.page + "/guarding", do="card", card=card).status_code == 400
    assert eve.send(eve.page + "/guarding", do="card", card=card[:-6] + "AAAAAA").status_code == 400
    assert eve.send(eve.page + "/guarding", do="card", card="what?").status_code == 400
    assert eve.send(eve.page + "/guarding", do="card", card=card).status_code == 303
    circle.ripen()
    eve.sign_in()
    shown = eve.get(eve.page + "/guarding").text
    assert "Ada" in shown and "QUIVERING" not in shown
    phone = NewPhone(circle.story)
    circle.speak(circle.bo, phone)
    ward = f"{eve.page}/guarding/{handle(circle.ada.account)}"
    assert eve.send(ward, do="speak", number="123456789").status_code == 404
    confirm = eve.asked(eve.send(ward, do="speak", number=phone.number))
    case = returning.by_passkey(circle.guide, phone.id)
    assert case is not None and f"{case.short_code[:3]} {case.short_code[3:]}" in confirm
    eve.does(ward, do="speak", number=phone.number)
    with circle.network.engine.view() as view:
        attempt = ladder.ladder_of(view, circle.ada.account).attempt_at(circle.network.time)
    assert attempt is not None and attempt.door == "guardians"
    assert "attempt" in eve.get(ward).text
    told = {event.kind for event in other.account_watch.of(eve.account)}
    other.account_watch.step()
    told |= {event.kind for event in other.account_watch.of(eve.account)}
    assert "recovery/by-guardian" in told
    comes_back(circle, phone, 48)


def test_a_guardian_says_where_the_pages_are_now_that_moved(circle: Circle) -> None:
    other = another_agent(circle)
    eve = Other(circle, "Eve")
    card = chosen(circle, eve)
    eve.send(eve.page + "/guarding", do="card", card=card)
    circle.ripen()
    eve.sign_in()
    kept = guarding_elsewhere.of(other, eve.account)[circle.ada.account]
    # The card is from before: another agent served her then.
    guarding_elsewhere.moved(other, eve.account, kept._replace(agent="helper"))
    phone = NewPhone(circle.story)
    ward = f"{eve.page}/guarding/{handle(circle.ada.account)}"
    assert '<option value="guide"' in eve.get(ward).text
    assert eve.send(ward, do="speak", number=phone.number, agent="north").status_code == 400
    assert "/sign/" in eve.send(ward, do="speak", number=phone.number, agent="guide").headers["location"]
    assert guarding_elsewhere.of(other, eve.account)[circle.ada.account] == kept


def test_an_agent_that_serves_no_guardian_of_hers_is_told_no_key(circle: Circle) -> None:
    other = another_agent(circle)
    eve, mal = Other(circle, "Eve"), Other(circle, "Mal")
    card = chosen(circle, eve)
    eve.send(eve.page + "/guarding", do="card", card=card)
    circle.ripen()
    phone = NewPhone(circle.story)
    number = "".join(phone.number.split())
    ward = guarding_elsewhere.of(other, eve.account)[circle.ada.account]
    assert guarding_elsewhere.of(other, mal.account) == {}
    for guardian in (mal.account, "", circle.ada.account):
        try:
            guarding_elsewhere.new_key(other, ward, guardian, number)
            raise AssertionError("a key was told")
        except PeerError as error:
            assert error.code == "no-such-number"
    # Nobody has said yet whose phone it is.
    case = returning.by_passkey(circle.guide, phone.id)
    assert case is not None and case.account is None
    body = codec.encode({"account": circle.ada.account, "number": number, "guardian": 7})
    try:
        other.peers.call("guide", returning.RETURNING_PATH, body)
        raise AssertionError("taken")
    except PeerError as error:
        assert error.code == "malformed"
    key = guarding_elsewhere.new_key(other, ward, eve.account, number)
    assert ladder.credential_hash(key) == ladder.credential_hash(case.credential)
