"""Yes, no or no answer by purpose: what each does at a place, and that one takes the other's place."""

import itertools
import re
from typing import Any

import pytest

from medrec.core.consent import plain
from medrec.core.consent.access import read_fhir, requested, rules_of
from medrec.core.consent.decide import decide
from medrec.core.consent.plain import EVERYTHING, NOTHING, Plain
from medrec.core.consent.policy import Given
from medrec.node.peers.peers import PeerError
from medrec.portal import person, words
from medrec.portal.own import choices
from tests.node.helping import Help
from tests.portal.reading import text_of
from tests.portal.story import observation
from tests.portal.test_acting import help_ as help_
from tests.portal.test_acting import page
from tests.portal.test_mistakes import ada as ada
from tests.portal.test_mistakes import sign


def standing(ada: Help) -> list[tuple[str, tuple[str, ...]]]:
    """Effect and purposes of what stands at north by the pages' own sentences."""
    found = []
    for kept in ada.north.consents.of(ada.ada.account):
        text = getattr(kept.consent, "consent", None)
        if text is not None:
            codes = re.findall('"code":"([A-Z]+)","system":"http://terminology.hl7.org/CodeSystem/v3-ActReason"', text)
            effect = re.search('"type":"(permit|deny)"', text)
            assert effect is not None
            found.append((effect.group(1), tuple(codes)))
    return sorted(found)


def own_reading(ada: Help) -> str:
    """What came of her agent's own reading at north: a code, empty if all is well."""
    (code,) = [one.code for one in ada.guide.copies.refresh(ada.ada.account) if one.organisation == "north"]
    return str(code)


def answer(ada: Help, purpose: str, said: str) -> Any:
    client, own = ada.story.client("guide"), page(ada.ada)
    ada.network.time += 1000
    asked = client.post(f"{own}/choices", data={"purpose": purpose, "answer": said})
    if said == "no" and purpose != "everything":
        told = text_of(asked.text)
        assert f"Nobody may see or use your record for {words.POLICY_PURPOSES[purpose]} ." in told
        assert "They may use it" not in told
    if (purpose, said) == ("research", "yes"):
        changes = text_of(asked.text)
        assert "For research , " in changes and " more entries at North " in changes, "what opens is told for what"
    done = sign(client, asked)
    assert done.status_code == 200, text_of(done.text)
    ada.story.settle()
    return client.get(f"{own}/choices").text


def card(html: str, purpose: str) -> str:
    found = re.search(f'<section class="card" aria-labelledby="choice-{purpose}">.*?</section>', html, re.S)
    assert found is not None
    return found.group(0)


def test_an_answer_takes_the_place_of_the_one_before(ada: Help) -> None:
    html = ada.story.client("guide").get(f"{page(ada.ada)}/choices").text
    assert words.CHOICES["said_open"] in card(html, "research") and words.CHOICES["say_open"] not in card(
        html, "research"
    )
    html = answer(ada, "research", "yes")
    assert standing(ada) == [("permit", ("HRESCH",))]
    assert words.CHOICES["said_yes"] in card(html, "research") and words.CHOICES["say_yes"] not in card(
        html, "research"
    )
    html = answer(ada, "research", "no")
    assert standing(ada) == [("deny", ("HRESCH",))], "the yes is taken back with the same act"
    assert words.CHOICES["said_no"] in card(html, "research")
    assert words.CHOICES["said_open"] in card(html, "public-health")
    html = answer(ada, "research", "open")
    assert standing(ada) == [] and words.CHOICES["said_open"] in card(html, "research")


@pytest.mark.parametrize("purpose", ["care", "everything"])
def test_a_no_goes_before_a_yes_to_one_place(ada: Help, purpose: str) -> None:
    """South has a yes of its own, and looks; it gets nothing after the no, and all again when that is taken back."""
    north = ada.north
    north.put("Observation", "bp-2", observation("bp-2", "ada", "121/80"))
    ada.story.settle()
    assert len(ada.story.ask(ada.ada, "Dr Brown", "a visit").records) == 2
    html = answer(ada, purpose, "no")
    assert words.CHOICES["said_no"] in card(html, purpose)
    with pytest.raises(PeerError):
        ada.story.ask(ada.ada, "Dr Brown", "a visit")
    # What the page says of it: her own page gets nothing new, either.
    ada.network.consent(ada.ada, "north", "guide")
    assert own_reading(ada) == "not-permitted"
    answer(ada, purpose, "open")
    assert len(ada.story.ask(ada.ada, "Dr Brown", "a visit").records) == 2
    assert own_reading(ada) == ""


@pytest.mark.parametrize("form", [{"purpose": "research"}, {"purpose": "x", "answer": "no"}, {"answer": "yes"}])
def test_what_is_no_answer_is_not_signed(ada: Help, form: dict[str, str]) -> None:
    client, own = ada.story.client("guide"), page(ada.ada)
    assert client.post(f"{own}/choices", data=form).status_code == 400
    assert client.post(f"{own}/choices", data={"purpose": "care", "answer": "open"}).status_code == 404
    assert standing(ada) == []


def test_somebody_whom_no_place_knows_is_told_so(ada: Help) -> None:
    html = ada.story.client("guide").get(f"{page(ada.bo)}/choices").text
    assert words.ALLOW["nothing_where"] in html and 'name="answer"' not in html


def test_a_yes_says_which_no_goes_before_it(ada: Help) -> None:
    """A no under another heading: the gate gives nothing, and the card of the yes tells by which word of hers."""
    answer(ada, "everything", "no")
    html = answer(ada, "care", "yes")
    with pytest.raises(PeerError):
        ada.story.ask(ada.ada, "Dr Brown", "a visit")
    told = text_of(card(html, "care"))
    assert words.CHOICES["before"] in told and words.POLICY["withhold-everything"] in told
    assert 'class="now"' not in card(html, "care"), "what a yes would mean is not what holds"
    html = answer(ada, "everything", "open")
    assert words.CHOICES["before"] not in html and 'class="now"' in card(html, "care")
    assert len(ada.story.ask(ada.ada, "Dr Brown", "a visit").records) == 1


@pytest.mark.parametrize(
    ("purpose", "sentence"), [("everything", NOTHING), ("care", Plain("withhold", purposes=["care"]))]
)
def test_a_no_that_holds_in_emergencies_says_so(ada: Help, purpose: str, sentence: Plain) -> None:
    """One that was said in other words than this page's, which leave emergencies to what she says of them."""
    assert words.HIDDEN["always"] not in text_of(card(answer(ada, purpose, "no"), purpose))
    signed = plain.write(sentence, ada.ada.account, ada.network.time).decode()
    ada.network.fhir_consent(ada.ada, "north", signed)
    ada.story.settle()
    html = ada.story.client("guide").get(f"{page(ada.ada)}/choices").text
    assert words.HIDDEN["always"] in text_of(card(html, purpose))


GENERAL = {
    "share": Plain("share"), "any": EVERYTHING, "research": Plain("share", purposes=["research"]),
    "nothing": NOTHING, "nothing-but": Plain("withhold", emergencies=True),
    "no-care": Plain("withhold", purposes=["care"]),
    "no-care-but": Plain("withhold", purposes=["care"], emergencies=True),
    "no-research": Plain("withhold", purposes=["research"]), "no-any": Plain("withhold", purposes=["any"]),
}  # fmt: skip
OF = {"care": ("TREAT",), "research": ("HRESCH",), "everything": ("TREAT", "HRESCH")}


@pytest.mark.parametrize("pair", list(itertools.permutations(sorted(GENERAL), 2)), ids="-".join)
def test_no_card_says_yes_alone_where_a_purpose_of_it_is_closed(pair: tuple[str, str]) -> None:
    said = [GENERAL[name] for name in pair]
    held = [Given(str(at), read_fhir(plain.write(one, "mr1ada", at))) for at, one in enumerate(said)]
    rules = rules_of(held)
    shown = [person.Given(one, "north", str(at), "") for at, one in enumerate(said)]
    for purpose, codes in OF.items():
        yes, no = (choices.standing(shown, purpose, answer) for answer in ("yes", "no"))
        asked = [requested(rules, requester="south", holder="north", purposes=[code]) for code in codes]
        open_for = [decide(request, rules, 10).effect == "permit" for request in asked]
        if yes and not no:
            assert all(open_for) == (not choices.noes_before(shown, yes)), purpose
        if no:
            assert not any(open_for), purpose
