"""A person says on her list that an entry is not about her: signed, gone from her pages at once, and brought back."""

import re
from typing import Any

from medrec.core.reconcile.lists import Lists
from medrec.node.lists import lists
from medrec.node.right_person import holding, not_hers
from medrec.portal import words
from medrec.portal.list_forms import unasked
from medrec.portal.own import lists as own_lists
from medrec.portal.own.acts import acts_of
from medrec.portal.own.whose import Whose
from medrec.portal.page import Visit
from medrec.portal.people import handle
from tests.node.test_lists import METFORMIN_500, Clinic, order
from tests.node.test_right_person import ADA, BOB, demographics
from tests.portal.reading import text_of
from tests.portal.story import Story
from tests.portal.test_lists import clinic as clinic
from tests.portal.test_lists import token
from tests.portal.test_mistakes import sign
from tests.portal.test_sign_in import Person, csrf_of, visitor
from tests.portal.test_sign_in import sign as sign_in
from tests.reconcile.records_said import NOW, TERMS, held, medicine


def pages(clinic: Clinic) -> dict[str, str]:
    """Each page of hers that is made of her records."""
    client, own = clinic.story.client("guide"), f"/people/{handle(clinic.ada.account)}"
    found = {name: client.get(f"{own}/{name}").text for name in ("list", "card", "summary", "record")}
    return {name: text_of(re.sub("</?bdi[^>]*>", "", html)).casefold() for name, html in found.items()}


def say(clinic: Clinic, claim: str, tag: str) -> Any:
    acts_of(clinic.guide).lend(clinic.ada.account, clinic.ada.key.key_id, clinic.ada.sign)
    client, own = clinic.story.client("guide"), f"/people/{handle(clinic.ada.account)}"
    return client, client.post(f"{own}/corrections", data={"line": tag, "claim": claim})


def test_what_she_says_is_not_about_her_leaves_every_page_and_comes_back(clinic: Clinic) -> None:
    before = pages(clinic)
    assert "metformin" in before["list"] and "metformin" in before["card"]
    tag = clinic.guide.lists.tags(clinic.ada.account)[clinic.row("metformin").lines[0].manifest]
    client, shown = say(clinic, "not-mine", tag)
    text = text_of(shown.text)
    assert words.MISTAKES["not_mine_sentence"] in text and "not-mine" in text
    assert "metformin" in pages(clinic)["list"], "nothing is done before it is signed"
    sign(client, shown)
    after = pages(clinic)
    assert words.ONE_LIST["away"].casefold() in after["list"] and "it is on the list" not in after["list"]
    for name in ("card", "summary", "record"):
        assert "metformin" not in after[name], name
    assert "metformin" not in after["list"].partition(words.ONE_LIST["asked"].casefold())[0]
    # The doctors of the place that wrote it hear that something is held back, and not what.
    clinic.guide.deliverer.step(clinic.network.time)
    clinic.story.settle()
    doctor = visitor(clinic.story, "south", demonstration=True)
    doctor.post("/sign-in/demonstration", data={"role": "clinician"})
    asked = {"patient": "ada", "purpose": "TREAT", "reason": "Visit this morning"} | token(doctor)
    doctors = text_of(doctor.post("/patient-list", data=asked).text)
    assert words.CARE_LIST["disowned"][0] in doctors and "metformin" not in doctors.casefold()
    (copy,) = [copy for copy in clinic.guide.copies.all(clinic.ada.account) if copy.id == "c"]
    clinic.network.time += 60_000
    client, shown = say(clinic, "mine", copy.tag.hex())
    assert words.MISTAKES["mine_sentence"] in text_of(shown.text)
    sign(client, shown)
    clinic.guide.deliverer.step(clinic.network.time)
    clinic.story.settle()
    assert "metformin" in pages(clinic)["card"] and not_hers.said(clinic.guide, clinic.ada.account) == []


def test_she_takes_it_back_after_a_new_link_under_which_it_never_came(clinic: Clinic) -> None:
    """South holds it back from her agent, too: the button stands on the line that was told."""
    tag = clinic.guide.lists.tags(clinic.ada.account)[clinic.row("metformin").lines[0].manifest]
    client, shown = say(clinic, "not-mine", tag)
    sign(client, shown)
    clinic.guide.deliverer.step(clinic.network.time)
    clinic.story.settle()
    clinic.guide.agent.unlink(clinic.ada.account, "south", clinic.ada.sign)
    clinic.story.settle()
    clinic.network.time += 60_000
    clinic.guide.agent.link(clinic.ada.account, "south", clinic.south.linker.invite("ada"), clinic.ada.sign)
    clinic.network.consent(clinic.ada, "south", "guide")
    clinic.refresh()
    assert "c" not in {copy.id for copy in clinic.guide.copies.all(clinic.ada.account)}
    assert [one.id for one in holding.waiting(clinic.south)] == ["c"]
    tag = own_lists.newest_lines(clinic.guide, clinic.ada.account)["south", "MedicationRequest/c"]
    who = Whose(clinic.ada.account, "Ada", handle(clinic.ada.account), {})
    visit = Visit({"person": who.handle}, 0, {}, clinic.network.time, True, lambda *_: "")
    assert [one["tag"] for one in own_lists._away(clinic.guide, visit, who)["away"]] == [tag]
    clinic.network.time += 60_000
    client, shown = say(clinic, "mine", tag)
    text = text_of(re.sub("</?bdi[^>]*>", "", shown.text))
    assert words.MISTAKES["mine_sentence"] in text and "cannot be shown here" in text
    sign(client, shown)
    clinic.guide.deliverer.step(clinic.network.time)
    clinic.refresh()
    assert holding.waiting(clinic.south) == [] and not_hers.said(clinic.guide, clinic.ada.account) == []
    assert "metformin" in pages(clinic)["list"]


def test_what_is_no_claim_and_her_own_details_are_refused(clinic: Clinic) -> None:
    clinic.south.put("Patient", "ada", demographics("ada", *ADA))
    clinic.refresh()
    (copy,) = [copy for copy in clinic.guide.copies.all(clinic.ada.account) if copy.type == "Patient"]
    _, answer = say(clinic, "not-mine", copy.tag.hex())
    assert answer.status_code == 400
    tag = clinic.guide.lists.tags(clinic.ada.account)[clinic.row("metformin").lines[0].manifest]
    _, answer = say(clinic, "another", tag)
    assert answer.status_code == 400


def test_a_place_that_calls_her_otherwise_is_said_to_her(clinic: Clinic) -> None:
    clinic.south.put("Patient", "ada", demographics("ada", *ADA))
    clinic.north.put("Patient", "ada", demographics("ada", *BOB))
    clinic.refresh()
    assert "north calls you robert byron, born" in pages(clinic)["list"]


def test_each_entry_has_the_button_where_she_holds_her_key(empty: Story) -> None:
    ada, client = Person(empty), visitor(empty)
    sign_in(empty, client, ada.phone, ada.id)
    north: Any = empty.network["north"]
    north.put("MedicationRequest", "c", order("c", METFORMIN_500, "metformin 500 mg"))
    guide: Any = empty.network["guide"]
    html = client.get(f"{ada.page}/list").text
    assert html.count('value="not-mine"') == sum(len(row.lines) for row in guide.lists.of(ada.account).read.medicines)
    assert csrf_of(html)


def test_a_word_that_has_no_room_for_all_places_says_how_many_are_not_asked() -> None:
    pile = [held(f"place{n:02}", "a", medicine("1", mg="20"), when="2025-10-01") for n in range(33)]
    (row,) = Lists(TERMS, NOW, pile).read().medicines
    assert len(lists.against(row, "not-taking")) == 32 and unasked(row) == 1
    (row,) = Lists(TERMS, NOW, pile[:32]).read().medicines
    assert unasked(row) == 0
