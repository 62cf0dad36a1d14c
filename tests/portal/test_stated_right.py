"""A right that an organisation stated, on the pages: it waits where she sees it, and both buttons end it."""

import os
from typing import Any

import msgspec
import pytest
import sqlalchemy as sql

from medrec.core import commitment
from medrec.core.manifests.delegation import Delegation
from medrec.node.account.attested import WAIT_MS
from medrec.node.account.claims import Closed, Why
from medrec.node.account.delegates import DELEGATIONS_PATH
from medrec.node.account.parents import attest
from medrec.node.agent.copies import record_copy
from medrec.portal import words
from tests.portal.reading import text_of
from tests.portal.rescue import Circle, wait
from tests.portal.test_aftermath import circle as circle
from tests.portal.test_sign_in import csrf_of


def stated(circle: Circle) -> Any:
    """North says that Bo is the parent of Ada, who is linked at north and at south, and brings it to her agent."""
    now, north = circle.north.clock(), circle.north
    fields = {
        "network": north.network.hex(), "account": circle.ada.account, "time": now, "delegate": circle.bo.account,
        "name": "Bo Berg", "rights": ["look", "add", "correct", "consent"], "types": [], "until": now + 10**10,
        "basis": "parental", "attested": "north", "born": "2020-01-01",
        "nullifier": commitment.nullifier(os.urandom(32)).hex(), "key": north.keys.key_id.hex(),
    }  # fmt: skip
    data = attest(north, msgspec.convert(fields, Delegation))
    circle.north.peers.call("guide", DELEGATIONS_PATH, data)
    (held,) = circle.guide.delegates.of(circle.ada.account)
    return held


def test_a_hospital_that_makes_a_child_of_an_adult_opens_nothing(circle: Circle) -> None:
    held = stated(circle)
    ada, bo = circle.ada, circle.bo
    form = {"delegation": held.hash.hex()}
    bo.client.post("/acting", data={**form, "csrf": csrf_of(bo.get(bo.page + "/helping").text)})
    assert bo.get(ada.page + "/record").status_code == 404
    shown = text_of(ada.get(ada.page + "/helping").text)
    assert words.HELPERS["begins"].split("{")[0] in shown and words.HELPERS["end"] in shown
    sent = ada.client.post("/helping/end", data={**form, "csrf": csrf_of(ada.get(ada.page + "/helping").text)})
    assert ada.signs(sent.headers["location"].split("#")[1]).status_code == 303
    wait(circle.story, WAIT_MS)
    bo.sign_in()
    bo.client.post("/acting", data={**form, "csrf": csrf_of(bo.get(bo.page + "/helping").text)})
    assert bo.get(ada.page + "/record").status_code == 404


def test_who_was_named_so_opens_nothing_to_who_named_her(circle: Circle) -> None:
    held = stated(circle)
    ada, bo = circle.ada, circle.bo
    wait(circle.story, WAIT_MS)
    bo.sign_in()
    bo.client.post("/acting", data={"delegation": held.hash.hex(), "csrf": csrf_of(bo.get(bo.page + "/helping").text)})
    assert bo.get(ada.page + "/record").status_code == 200
    south: Any = circle.network["south"]
    before = len(south.consents.of(ada.account))
    wished = {"effect": "share", "to": "north", "until": "year", "kind-medicines": "1", "place-south": "1"}
    sent = bo.send(ada.page + "/allow", **wished)
    refused = bo.confirm(sent)
    assert refused.status_code == 503 and refused.json()["code"] == "not-a-delegate"
    assert len(south.consents.of(ada.account)) == before


@pytest.mark.parametrize("who", ["ada", "bo"])
def test_both_end_it_with_their_buttons(circle: Circle, who: str) -> None:
    held, one = stated(circle), getattr(circle, who)
    wait(circle.story, WAIT_MS)
    one.sign_in()
    shown = one.get(one.page + "/helping").text
    assert "/helping/end" in shown
    sent = one.client.post("/helping/end", data={"delegation": held.hash.hex(), "csrf": csrf_of(shown)})
    assert one.signs(sent.headers["location"].split("#")[1]).headers["location"] == one.page + "/helping"
    (after,) = circle.guide.delegates.of(circle.ada.account)
    assert after.ended is not None and not after.holds


def test_what_a_record_contradicts_says_which_and_can_be_ended(circle: Circle) -> None:
    """It is not over: the record may be put right, and then it would begin."""
    stated(circle)
    content, tag = b'{"resourceType":"Patient","id":"ada","birthDate":"1950-03-04"}', os.urandom(16)
    row = {
        "account": circle.ada.account, "organisation": "north", "type": "Patient", "id": "ada-1", "tag": tag,
        "sealed": circle.guide.vault.seal(None, content, tag),
    }  # fmt: skip
    circle.guide.store.write(lambda connection: connection.execute(sql.insert(record_copy).values(**row)))
    wait(circle.story, 2 * WAIT_MS)
    circle.ada.sign_in()
    page = circle.ada.get(circle.ada.page + "/helping").text
    shown = text_of(page)
    said = words.HELPERS["closed_birth"]
    assert (
        said.split("{place}")[0] in shown and said.split("{place}")[1] in shown and words.HELPERS["over"] not in shown
    )
    assert "Named by North" in shown and "/helping/end" in page and 'value="rest"' in page
    circle.guide.store.write(lambda connection: connection.execute(sql.delete(record_copy)))
    (held,) = circle.guide.delegates.of(circle.ada.account)
    assert held.closed == Closed(Why.WAITS)
