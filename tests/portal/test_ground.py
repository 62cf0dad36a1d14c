"""An act is signed on the ground that it was worked out from, or not at all."""

import json
from typing import Any

import pytest

from medrec.core.consent.plain import Plain
from medrec.node.peers.peers import PeerError
from medrec.portal import language, person, words
from medrec.portal.own.acts import acts_of
from medrec.portal.page import PageError
from tests.node.helping import DAY, Help
from tests.portal.reading import text_of
from tests.portal.rescue import Friend
from tests.portal.story import Story
from tests.portal.test_acting import help_ as help_
from tests.portal.test_acting import page
from tests.portal.test_hidden import OPEN, SECRET, elsewhere, looked, says, stands
from tests.portal.test_hidden import ward as ward
from tests.portal.test_mistakes import ada as ada
from tests.portal.test_mistakes import sign

CHANGED = "ground-changed"


def emergency_yes(ward: Help, place: str = "north") -> str:
    """The mark of her yes to emergencies at a place."""
    given = person.plain_consents(ward.guide, ward.ada.account, ward.network.time)
    (yes,) = [one for one in given if one.says.effect == "emergency-yes" and one.place == place]
    return yes.mark


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told yet"])
def test_a_topic_that_is_hidden_in_another_tab_is_not_left_open(ward: Help, told: bool) -> None:
    says(ward, emergency="yes")
    client, own = ward.story.client("guide"), page(ward.ada)
    tab = client.post(f"{own}/sharing/stop/{emergency_yes(ward)}")
    ward.network.time += 60_000
    assert sign(client, client.post(f"{own}/hidden", data={"topic": "hiv"})).status_code == 200
    if told:
        ward.story.settle()
    refused = sign(client, tab)
    shown = text_of(refused.text)
    assert refused.status_code == 409 and CHANGED in shown and words.ERRORS[CHANGED] in shown
    # What has changed, and where to begin anew.
    assert "This is new" in shown and "about HIV" in shown and words.GROUND["again"] in shown
    assert f'href="{own}/sharing"' in refused.text
    ward.story.settle()
    assert stands(ward) == [("emergency-yes", (), False), ("withhold", ("hiv",), True)], "nothing was signed"
    again = client.post(f"{own}/sharing/stop/{emergency_yes(ward)}")
    assert "about HIV" in text_of(again.text)
    assert sign(client, again).status_code == 200
    ward.story.settle()
    assert stands(ward) == [("withhold", ("hiv",), False)] and looked(ward) == [OPEN]


def test_what_ended_meanwhile_is_a_change_too_and_is_said(ward: Help) -> None:
    says(ward, emergency="yes")
    client, own = ward.story.client("guide"), page(ward.ada)
    tab = client.post(f"{own}/hidden", data={"topic": "hiv"})
    assert sign(client, client.post(f"{own}/sharing/stop/{emergency_yes(ward)}")).status_code == 200
    refused = sign(client, tab)
    assert refused.status_code == 409 and "This has ended" in text_of(refused.text)
    ward.story.settle()
    assert stands(ward) == []
    told = says(ward, topic="hiv")
    assert words.HIDDEN["always"] in told and looked(ward) == [OPEN]


@pytest.mark.parametrize("where", ["choices", "allow", "hidden"])
def test_every_page_that_gives_or_ends_a_permission_is_held_to_it(ward: Help, where: str) -> None:
    """Another program of hers says something at the place between the form and the key."""
    form = {
        "choices": {"purpose": "research", "answer": "yes"},
        "allow": {"effect": "share", "to": "south", "until": ""},
        "hidden": {"emergency": "no"},
    }[where]
    client, own = ward.story.client("guide"), page(ward.ada)
    tab = client.post(f"{own}/{where}", data=form)
    elsewhere(ward, "south", Plain("withhold", purposes=["payment"]))
    before = stands(ward)
    assert sign(client, tab).status_code == 409
    ward.story.settle()
    assert stands(ward) == before


def test_what_an_act_is_not_about_changes_nothing_for_it(ward: Help) -> None:
    says(ward, emergency="yes")
    client, own = ward.story.client("guide"), page(ward.ada)
    tab = client.post(f"{own}/sharing/stop/{emergency_yes(ward)}")
    elsewhere(ward, "south", Plain("withhold", purposes=["payment"]))
    assert sign(client, tab).status_code == 200
    ward.story.settle()
    assert stands(ward) == []


def test_what_ends_by_itself_meanwhile_is_a_change(ward: Help) -> None:
    elsewhere(ward, "north", Plain("share", purposes=["research"], until="2025-06-15"))
    client, own = ward.story.client("guide"), page(ward.ada)
    ward.network.time += DAY - ward.network.time % DAY - 60_000
    tab = client.post(f"{own}/hidden", data={"topic": "hiv"})
    ward.network.time += 120_000
    assert sign(client, tab).status_code == 409


def test_a_page_that_was_read_before_something_came_in_begins_nothing(
    ward: Help, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While what would change is tried out at the places, another program's word comes in."""
    from medrec.portal.own import allow

    tried = allow.tried

    def slow(*given: Any) -> Any:
        monkeypatch.undo()
        elsewhere(ward, "north", Plain("withhold", purposes=["payment"]))
        return tried(*given)

    monkeypatch.setattr(allow, "tried", slow)
    client, own = ward.story.client("guide"), page(ward.ada)
    refused = client.post(f"{own}/hidden", data={"topic": "hiv"})
    assert refused.status_code == 409 and words.ERRORS[CHANGED] in text_of(refused.text)
    assert client.post(f"{own}/hidden", data={"topic": "hiv"}).status_code == 200


def test_two_answers_one_after_the_other_are_no_change_for_each_other(ward: Help) -> None:
    """The second is worked out from the first before its place has told of that; its notice is no news then."""
    client, own = ward.story.client("guide"), page(ward.ada)
    assert sign(client, client.post(f"{own}/hidden", data={"emergency": "yes"})).status_code == 200
    second = client.post(f"{own}/hidden", data={"topic": "hiv"})
    ward.story.settle()
    assert sign(client, second).status_code == 200
    ward.story.settle()
    assert stands(ward) == [("emergency-yes", (), False), ("withhold", ("hiv",), True)]
    assert looked(ward) == [SECRET, OPEN]


def test_what_is_left_of_an_act_is_signed_though_its_first_half_is_told(
    ward: Help, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, own = ward.story.client("guide"), page(ward.ada)
    tab = client.post(f"{own}/hidden", data={"topic": "hiv"})
    call = ward.guide.peers.call

    def away(place: str, *rest: Any) -> Any:
        if place == "south":
            raise PeerError("unreachable", "Nobody answers.")
        return call(place, *rest)

    monkeypatch.setattr(ward.guide.peers, "call", away)
    assert sign(client, tab).status_code == 503
    monkeypatch.undo()
    ward.story.settle()
    assert sign(client, tab).status_code == 200
    given = person.plain_consents(ward.guide, ward.ada.account, ward.network.time)
    assert sorted(one.place for one in given) == ["north", "south"]


def test_one_act_is_ended_at_a_time(ward: Help) -> None:
    acts = acts_of(ward.guide)
    with acts.alone("ada"):
        with acts.alone("bo"):
            pass
        with pytest.raises(PageError) as caught, acts.alone("ada"):
            pass
        assert (caught.value.status, caught.value.code) == (409, CHANGED)
    with acts.alone("ada"):
        pass


def test_the_signing_page_is_led_to_what_has_changed(empty: Story) -> None:
    """With a passkey: the answer names the address where it is shown, in the language of the visit."""
    ada = Friend(empty, "ada", "north")
    empty.settle()
    ticket = ada.client.get(ada.send(ada.page + "/hidden", topic="hiv").headers["location"]).headers["location"]
    other = ada.send(ada.page + "/hidden", topic="genetics")
    assert ada.confirm(other).status_code == 303
    refused = ada.signs(ticket.split("#")[1])
    assert refused.status_code == 409
    told = json.loads(refused.text)
    assert told["code"] == CHANGED and told["sentence"] == words.ERRORS[CHANGED]
    shown = ada.get(told["to"])
    assert shown.status_code == 409 and "This is new" in text_of(shown.text)
    assert f'href="{ada.page}/hidden"' in shown.text
    said = set()
    for code in language.LANGUAGES:
        with language.use(code):
            said.add(words.ERRORS[CHANGED] + words.GROUND["came"] + words.GROUND["again"])
    assert len(said) == len(language.LANGUAGES)
    north: Any = empty.network["north"]
    kept = [one.consent for one in north.consents.of(ada.account)]
    assert ["GDIS" in one.consent for one in kept if one.manifest == "consent/2"] == [True]
