"""A helper with a key of her own: she asks for corrections of the kinds she was named for, and stops when she likes."""

from typing import Any

from medrec.core import codec
from medrec.portal import words
from tests.portal.rescue import Circle
from tests.portal.test_aftermath import circle as circle
from tests.portal.test_sign_in import csrf_of


def name_bo(circle: Circle, **fields: str) -> Any:
    """Ada names Bo on her page; the delegation."""
    ada = circle.ada
    token = csrf_of(ada.get(ada.page + "/helping").text)
    form = {"delegate": circle.bo.account, "name": "Bo Berg", "rights": "look,correct", "types": "", "days": "90"}
    sent = ada.client.post("/helping", data={**form, **fields, "csrf": token})
    assert ada.signs(sent.headers["location"].split("#")[1]).status_code == 303
    (held,) = circle.guide.delegates.of(ada.account)
    return held


def lines_of(circle: Circle) -> dict[str, str]:
    """The tag of Ada's line of each kind of record."""
    notices = circle.guide.agent.notices(circle.ada.account)
    return {
        notice.manifest.record.type: codec.decode(notice.entry)[1].hex()
        for notice in notices
        if notice.kind == "record/1" and notice.organisation == "north"
    }


def test_she_asks_for_corrections_of_her_kinds(circle: Circle) -> None:
    condition = '{"resourceType":"Condition","id":"c-1","subject":{"reference":"Patient/ada"},"code":{"text":"Asthma"}}'
    circle.north.put("Condition", "c-1", condition)
    circle.story.settle()
    circle.let_read()
    held = name_bo(circle, types="Observation")
    bo, tags = circle.bo, lines_of(circle)
    bo.client.post("/acting", data={"delegation": held.hash.hex(), "csrf": csrf_of(bo.get(bo.page).text)})
    page = circle.ada.page + "/corrections"
    assert bo.get(f"{page}?line={tags['Condition']}").status_code == 404
    wrong = bo.send(page, line=tags["Condition"], words="It is not hers")
    assert wrong.status_code == 404
    done = bo.does(page, line=tags["Observation"], words="It was 110")
    assert done.headers["location"].startswith(page)
    (asked,) = circle.guide.corrections.asked(circle.ada.account)
    assert asked.words == "It was 110" and "It was 110" in bo.get(page).text
    # What Ada herself asks of other kinds stays out of sight.
    circle.ada.does(page, line=tags["Condition"], words="SECRETLY mine")
    assert "SECRETLY" not in bo.get(page).text and "SECRETLY" in circle.ada.get(page).text


def test_she_stops_when_she_likes_and_the_person_is_told(circle: Circle) -> None:
    held = name_bo(circle)
    bo, ada = circle.bo, circle.ada
    shown = bo.get(bo.page + "/helping").text
    assert words.HELPERS["act"].split("{")[0] in shown and "Stop helping" in shown
    form = {"delegation": held.hash.hex()}
    stranger = circle.cy.client.post("/helping/end", data={**form, "csrf": csrf_of(circle.cy.get(circle.cy.page).text)})
    assert stranger.status_code == 404
    sent = bo.client.post("/helping/end", data={**form, "csrf": csrf_of(shown)})
    assert bo.signs(sent.headers["location"].split("#")[1]).headers["location"] == bo.page + "/helping"
    (after,) = circle.guide.delegates.of(ada.account)
    assert after.ended is not None and not after.holds
    assert words.HELPERS["over"] in ada.get(ada.page + "/helping").text
