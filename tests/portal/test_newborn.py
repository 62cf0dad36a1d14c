"""A child is born: a parent opens its account on her own phone, the desk links it, and she acts by its key at once."""

from datetime import UTC, datetime

from medrec.node.right_person import given_codes
from tests.node.test_right_person import demographics
from tests.portal.reading import text_of
from tests.portal.rescue import Circle
from tests.portal.story import observation
from tests.portal.test_desk_hands import PAYLOAD
from tests.portal.test_guardian_elsewhere import Other
from tests.portal.test_sign_in import csrf_of
from tests.portal.test_ways_back import circle as circle
from tests.portal.test_ways_back import clerks


def test_a_parent_opens_the_account_links_it_at_the_desk_and_goes_on_as_herself(circle: Circle) -> None:
    born = datetime.fromtimestamp(circle.network.time / 1000, tz=UTC).date().isoformat()
    rose, carl = clerks(circle)
    circle.north.put("Patient", "kim", demographics("kim", "Berg", "Kim", born))
    circle.north.put("Observation", "weight", observation("weight", "kim", "WEIGHT 3.4 kg"))
    # At the ward, on the mother's phone: an account whose one key is on it.
    child = Other(circle, "Kim", "guide")
    given = rose.send("/desk", do="link", patient="kim", family="Berg", given="Kim", birth=born, agent="guide")
    found = PAYLOAD.search(given.text)
    assert found is not None
    year, month, day = born.split("-")
    child.does(
        child.page + "/linking", code=found.group(), do="link", family="Berg", given="Kim", year=year, month=month,
        day=day, read="1",
    )  # fmt: skip
    code = given_codes.lately(circle.north)[0].digest.hex()
    assert carl.send("/desk", do="same", code=code).status_code == 303
    circle.story.settle()
    circle.guide.copies.refresh(child.account)
    assert "WEIGHT 3.4 kg" in text_of(child.get(child.page + "/timeline").text)
    # By the child's key she names herself, for as long as one may be named; then she goes on from her own page.
    mother = circle.bo
    fields = {"delegate": mother.account, "name": "Bo Berg", "rights": "look,add,correct,consent", "types": ""}
    token = csrf_of(child.get(child.page + "/helping").text)
    sent = child.client.post("/helping", data={**fields, "days": "1800", "csrf": token})
    assert sent.status_code == 303, sent.text
    child.signs(sent.headers["location"].split("#")[1])
    (held,) = circle.guide.delegates.of(child.account)
    assert held.holds and held.begins <= circle.network.time, "she waits for no hospital"
    token = csrf_of(mother.get(mother.page).text)
    assert mother.client.post("/acting", data={"delegation": held.hash.hex(), "csrf": token}).status_code == 303
    shown = text_of(mother.get(child.page + "/timeline").text)
    assert "WEIGHT 3.4 kg" in shown and "You are acting for Kim" in shown
