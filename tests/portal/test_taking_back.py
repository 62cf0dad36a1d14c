"""What a person takes back or answers on her pages: a yes that was given elsewhere, an entry, a request, a look."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.manifests.consent import Grant
from medrec.node.consent import consents
from medrec.node.notify import asking
from medrec.node.peers.peers import PeerError
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.release.receive import request_records
from medrec.portal import words
from tests.portal.rescue import Friend
from tests.portal.story import Story, observation
from tests.portal.test_sign_in import csrf_of
from tests.portal.test_ways_back import plain


class Open:
    """Ada with a passkey at her agent, a record at north, and a yes to south that she gave by another program."""

    def __init__(self, folder: Path) -> None:
        self.story = Story(folder)
        self.network: Any = self.story.network
        self.guide = self.network["guide"]
        self.ada = Friend(self.story, "ada", "north", "south")
        self.network["north"].put("Observation", "bp-1", observation("bp-1", "ada", "120/80"))
        self.allow("south", "guide")
        self.story.settle()
        self.brown = self.network["south"].practitioners.enter("brown", "Dr Brown", PHYSICIAN, machine=False)

    def allow(self, *recipients: str) -> None:
        """A yes at north whose secret the agent does not have."""
        grant = Grant("permit", list(recipients), [], None)
        key, sign = self.ada.key.key_id, self.ada.key.sign_for
        signed = consents.write_consent(
            self.network.id, "north", self.ada.account, self.network.time, grant, b"elsewhere".ljust(32), key, sign
        )
        self.guide.peers.call("north", consents.CONSENTS_PATH, signed)

    def looked(self) -> int:
        """South asks north for her records; how many come."""
        self.network.time += 1000
        try:
            got = request_records(
                self.network["south"], "north", self.ada.account, purpose="TREAT", practitioner=self.brown,
                reason="A visit today",
            )  # fmt: skip
        except PeerError:
            return 0
        return len(got.records)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    made = Open(tmp_path)
    yield made
    made.network.close()


def test_a_yes_that_was_given_elsewhere_is_closed_with_one_button(opened: Open) -> None:
    ada = opened.ada
    assert opened.looked() == 1
    page = ada.get(ada.page + "/sharing").text
    assert "Not given on this page" in page
    (stop,) = set(re.findall(r'action="([^"]+/sharing/stop/[0-9a-f]{64})"', page))
    ada.confirm(_post(ada, stop))
    opened.story.settle()
    assert opened.looked() == 0
    after = plain(ada.get(ada.page + "/sharing").text)
    assert "Closed by a no of yours" in after
    # A stranger's mark, and one that is closed already, is nothing to press.
    assert _post(ada, stop[:-64] + "00" * 32).status_code == 404


def _post(who: Friend, address: str, **fields: str) -> Any:
    token = csrf_of(who.get(who.page + "/sharing").text)
    return who.client.post(address, data={**fields, "csrf": token})


def test_an_entry_of_one_s_own_is_taken_back(opened: Open) -> None:
    ada = opened.ada
    day = "2025-06-01"
    ada.does(ada.page + "/writing", what="symptom", text="Dizzy in the morning", day=day)
    assert "Dizzy in the morning" in ada.get(ada.page + "/timeline").text
    page = ada.get(ada.page + "/writing").text
    (kind,), (identifier,) = (
        re.findall(r'name="type" value="(\w+)"', page),
        re.findall(r'name="id" value="(\w+)"', page),
    )
    gone = ada.send(ada.page + "/writing", do="back", type=kind, id="0" * 32)
    assert gone.status_code == 404
    ada.does(ada.page + "/writing", do="back", type=kind, id=identifier)
    for path in ("/timeline", "/writing"):
        assert "Dizzy in the morning" not in ada.get(ada.page + path).text


def test_less_is_filled_from_the_request_and_stays_within_it(opened: Open) -> None:
    ada, guide = opened.ada, opened.guide
    asked = {"practitioner": "Dr Brown", "purpose": "care", "kinds": ["allergies", "results"], "days": 7, "note": ""}
    code = asking.make(opened.network["south"], but_not=["mental-health"], **asked)
    request = asking.take(guide, ada.account, "south", code).hex()
    told = ada.get(f"{ada.page}/requests/{request}").text
    assert f"<dt>{words.ASKED['but_not']}</dt><dd>{words.POLICY_TOPICS['mental-health']}</dd>" in told
    page = ada.get(f"{ada.page}/allow?request={request}").text
    ticked = set(re.findall(r'name="([^"]+)" value="1" checked', page))
    assert {"kind-allergies", "kind-results", "topic-mental-health"} <= ticked
    assert not {"kind-medicines", "place-south", "marks"} & set(re.findall(r'name="([^"]+)"', page))
    fields = dict.fromkeys(ticked, "1") | {"to": "south", "until": "asked", "purpose": "care", "request": request}
    more = {
        "to": "*",
        "until": "no_end",
        "purpose": "research",
        "kind-medicines": "1",
        "place-south": "1",
        "marks": "1",
    }
    for name, value in [*more.items(), ("effect", "withhold"), ("topic-mental-health", "")]:
        refused = ada.send(ada.page + "/allow", **fields | {name: value})
        assert refused.status_code == 400 and words.ERRORS["more-than-asked"] in refused.text, name
    assert ada.send(ada.page + "/allow", **fields | {"kind-allergies": "", "kind-results": ""}).status_code == 400
    less = ada.asked(ada.send(ada.page + "/allow", **fields | {"kind-results": ""}))
    assert "allergies" in less.lower() and "everything" not in less.lower()
    ada.does(ada.page + "/allow", **fields | {"kind-results": ""})
    found = asking.find(guide, ada.account, bytes.fromhex(request))
    assert found is not None and found.answer == "less"


def test_less_answers_a_request(opened: Open) -> None:
    ada = opened.ada
    code = asking.make(
        opened.network["south"], practitioner="Dr Brown", purpose="care", kinds=[], days=30, note="", but_not=[]
    )
    request = asking.take(opened.guide, ada.account, "south", code)
    page = ada.get(f"{ada.page}/requests/{request.hex()}").text
    (less,) = re.findall(r'href="([^"]+/allow\?[^"]+)"', page)
    address = less.replace("&amp;", "&")
    assert request.hex() in address
    shown = ada.get(address).text
    fields = {"effect": "share", "to": "south", "kind-allergies": "1", "until": "day", "request": request.hex()}
    assert f'value="{request.hex()}"' in shown
    ada.does(ada.page + "/allow", **fields)
    found = asking.find(opened.guide, ada.account, request)
    assert found is not None and found.answer == "less"
    assert "You said yes to less" in ada.get(f"{ada.page}/requests/{request.hex()}").text
    assert ada.send(ada.page + "/allow", **fields).status_code == 404


def test_a_look_is_disputed_in_one_call_and_counts_as_wrong(opened: Open) -> None:
    ada = opened.ada
    assert opened.looked() == 1
    opened.story.settle()
    opened.guide.looks.catch_up()
    (look,) = [look for look in opened.guide.looks.page(ada.account, "people") if look.requester == "south"]
    assert look.answer == ""
    own = f"{ada.page}/looks/{look.pair.hex()}"
    page = ada.get(own).text
    assert f'action="{own}/dispute"' in page
    answer = ada.client.post(own + "/dispute", data={"words": "I was not there.", "csrf": csrf_of(page)})
    ada.confirm(answer)
    found = opened.guide.looks.find(ada.account, look.pair)
    assert found.answer == "wrong"
    assert opened.looked() == 0
