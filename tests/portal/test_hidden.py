"""What is hidden, and what holds in an emergency: her pages' own answers against what the gate gives out."""

import json
from typing import Any

import pytest

from medrec.core.consent import plain
from medrec.core.consent.plain import Party, Plain
from medrec.node.peers.peers import PeerError
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.release.receive import request_records
from medrec.portal import person, words
from medrec.portal.own import hidden
from medrec.portal.person import Given
from tests.node.helping import Help
from tests.portal.reading import text_of
from tests.portal.test_acting import help_ as help_
from tests.portal.test_acting import page, signed_in, take_up
from tests.portal.test_choices import answer, card
from tests.portal.test_mistakes import ada as ada
from tests.portal.test_mistakes import sign
from tests.portal.test_sign_in import csrf_of

SUBJECT = {"reference": "Patient/ada"}
SECRET = "Condition/hiv-1"
OPEN = "MedicationRequest/warfarin"


@pytest.fixture
def ward(ada: Help) -> Help:
    """Ada has a record about HIV and one of warfarin at north."""
    secret = {"code": {"text": "HIV infection"}, "subject": SUBJECT, "resourceType": "Condition", "id": "hiv-1"}
    order = {"status": "active", "intent": "order", "medicationCodeableConcept": {"text": "Warfarin 5 MG"}}
    order |= {"subject": SUBJECT, "resourceType": "MedicationRequest", "id": "warfarin"}
    ada.north.put("Condition", "hiv-1", json.dumps(secret))
    ada.north.put("MedicationRequest", "warfarin", json.dumps(order))
    ada.story.settle()
    return ada


def says(ward: Help, **form: str) -> str:
    """She answers on the page of what is hidden, and signs; the page as it stands then."""
    client, own = ward.story.client("guide"), page(ward.ada)
    ward.network.time += 60_000
    done = sign(client, client.post(f"{own}/hidden", data=form))
    assert done.status_code == 200, text_of(done.text)
    ward.story.settle()
    return text_of(client.get(f"{own}/hidden").text)


def gets(ward: Help, purpose: str) -> list[str]:
    """Which of the two records south gets from north."""
    south: Any = ward.network["south"]
    doctor = south.practitioners.enter("dr-south", "Dr South", PHYSICIAN, machine=False)
    ward.network.time += 60_000
    asked = {"purpose": purpose, "practitioner": doctor, "reason": "Found unconscious"}
    try:
        got = request_records(south, "north", ward.ada.account, **asked)
    except PeerError as error:
        return [error.code]
    return sorted({f"{one.type}/{one.id}" for one in got.records} & {SECRET, OPEN})


def looked(ward: Help, *steps: str) -> list[str]:
    """What an emergency at south gets from north after both steps, or after these."""
    south: Any = ward.network["south"]
    doctor = south.practitioners.enter("dr-south", "Dr South", PHYSICIAN, machine=False)
    reason = {"code": "unconscious", "text": "Found unconscious at the bus station"}
    ward.network.time += 60_000
    try:
        for step in steps or ("summary", "restricted"):
            south.emergency_reviews.declare("north", ward.ada.account, doctor, **reason, scope=step)
    except PeerError as error:
        return [error.code]
    return gets(ward, "BTG")


def stands(ward: Help) -> list[tuple[str, tuple[str, ...], bool]]:
    """Effect, topics and `emergencies` of the plain sentences that are in force at north."""
    kept = [getattr(one.consent, "consent", None) for one in ward.north.consents.of(ward.ada.account)]
    read = [plain.read(text.encode()) for text in kept if text is not None]
    return sorted((one.effect, tuple(one.about), one.emergencies) for one in read)


def test_the_last_answer_about_emergencies_is_the_one_that_stands(ward: Help) -> None:
    own = ward.story.client("guide").get(f"{page(ward.ada)}/hidden").text
    assert "whoever treats you in an emergency may look, at North" in text_of(own)
    shut = says(ward, emergency="no")
    assert "nobody may look in an emergency, at North" in shut and looked(ward) == ["not-permitted"]
    opened = says(ward, emergency="yes")
    assert stands(ward) == [("emergency-yes", (), False)], "the no is taken back with the same act"
    assert "whoever treats you in an emergency may look, at North" in opened
    assert looked(ward) == [SECRET, OPEN]
    assert "nobody may look in an emergency, at North" in says(ward, emergency="no")
    assert stands(ward) == [("emergency-no", (), False)]
    assert looked(ward) == ["not-permitted"]


@pytest.mark.parametrize("steps", [("hide", "yes"), ("yes", "hide"), ("hide", "no", "yes")])
def test_what_is_hidden_is_shown_in_an_emergency_where_she_says_so(ward: Help, steps: tuple[str, ...]) -> None:
    for step in steps:
        told = says(ward, topic="hiv") if step == "hide" else says(ward, emergency=step)
    assert stands(ward) == [("emergency-yes", (), False), ("withhold", ("hiv",), True)]
    assert words.HIDDEN["always"] not in told and "may look all the same" in told
    assert looked(ward, "summary") == [OPEN], "the first step gives nothing sensitive"
    assert looked(ward) == [SECRET, OPEN]
    ward.network.consent(ward.ada, "north", "south", types=())
    ward.story.settle()
    assert gets(ward, "TREAT") == [OPEN], "and by no look without an emergency"


def test_what_is_hidden_stays_so_in_an_emergency_until_she_says_otherwise(ward: Help) -> None:
    told = says(ward, topic="hiv")
    assert words.HIDDEN["always"] in told
    assert looked(ward) == [OPEN]
    says(ward, emergency="yes")
    assert looked(ward) == [SECRET, OPEN]
    says(ward, emergency="no")
    assert stands(ward) == [("emergency-no", (), False), ("withhold", ("hiv",), False)]
    assert looked(ward) == ["not-permitted"]


def test_what_is_hidden_is_hidden_again_when_she_stops_that_they_may_look(ward: Help) -> None:
    says(ward, topic="hiv")
    says(ward, emergency="yes")
    assert looked(ward) == [SECRET, OPEN]
    given = person.plain_consents(ward.guide, ward.ada.account, ward.network.time)
    (yes,) = [one for one in given if one.says.effect == "emergency-yes" and one.place == "north"]
    client = ward.story.client("guide")
    ward.network.time += 60_000
    shown = client.post(f"{page(ward.ada)}/sharing/stop/{yes.mark}")
    told = text_of(shown.text)
    assert words.SIGN["take_back"] in told and words.POLICY["emergency-yes"] in told
    assert sign(client, shown).status_code == 200
    ward.story.settle()
    assert stands(ward) == [("withhold", ("hiv",), False)]
    assert looked(ward) == [OPEN]


def test_a_no_to_care_leaves_an_emergency_to_what_she_says_of_it(ward: Help) -> None:
    answer(ward, "care", "no")
    assert gets(ward, "TREAT") == ["not-permitted"] and looked(ward) == [SECRET, OPEN]
    says(ward, emergency="no")
    assert looked(ward) == ["not-permitted"]


def elsewhere(ward: Help, place: str, sentence: Plain) -> None:
    """She says this by another program, which keeps what takes it back."""
    ward.network.time += 60_000
    ward.network.fhir_consent(ward.ada, place, plain.write(sentence, ward.ada.account, ward.network.time).decode())
    ward.story.settle()


def test_a_topic_that_is_hidden_at_one_place_is_offered_for_the_others(ward: Help) -> None:
    elsewhere(ward, "north", Plain("withhold", about=["hiv"]))
    elsewhere(ward, "north", Plain("withhold", about=["genetics"], purposes=["research"]))
    client, own = ward.story.client("guide"), page(ward.ada)
    told = text_of(client.get(f"{own}/hidden").text)
    topic, other = words.POLICY_TOPICS["hiv"], words.POLICY_TOPICS["genetics"]
    assert f"Hide {topic} at South , too" in told and f"Hide {other} at" not in told and f"Hide {other}" in told
    told = says(ward, topic="hiv")
    assert f"Hide {topic}" not in told
    given = person.plain_consents(ward.guide, ward.ada.account, ward.network.time)
    assert sorted(one.place for one in given if one.says == Plain("withhold", about=["hiv"])) == ["north", "south"]
    assert client.post(f"{own}/hidden", data={"topic": "hiv"}).status_code == 400


def test_a_no_that_was_said_elsewhere_is_not_answered_over(ward: Help) -> None:
    elsewhere(ward, "north", Plain("emergency-no"))
    client, own = ward.story.client("guide"), page(ward.ada)
    refused = client.post(f"{own}/hidden", data={"emergency": "yes"})
    assert refused.status_code == 409 and words.ERRORS["given-elsewhere"] in text_of(refused.text)
    told = text_of(client.get(f"{own}/hidden").text)
    assert "nobody may look in an emergency, at North" in told
    assert "whoever treats you in an emergency may look, at South" in told
    # A no goes before every yes, and so needs none of them to end.
    elsewhere(ward, "south", Plain("emergency-yes"))
    assert "nobody may look in an emergency, at North and South" in says(ward, emergency="no")


def test_what_an_answer_about_emergencies_says_anew() -> None:
    """Each no to everybody that meets emergencies, once for all its places; none to somebody by name."""
    said = [
        Plain("withhold", about=["hiv"]),
        Plain("withhold", purposes=["care"]),
        Plain("withhold", purposes=["research"]),
        Plain("withhold", to=[Party("east")]),
        Plain("share"),
    ]
    given = [Given(one, place, f"{place}-{at}", "") for at, one in enumerate(said) for place in ("north", "south")]
    given += [Given(Plain("emergency-no"), "south", "no", ""), Given(Plain("emergency-no"), "left", "gone", "")]
    first, *more = hidden.in_emergencies("yes", given, ["north", "south"])
    assert (first.wanted, first.places) == (Plain("emergency-yes"), ["north", "south"])
    assert [one.mark for one in first.instead] == ["no"]
    assert [(word.wanted, word.places, [one.mark for one in word.instead]) for word in more] == [
        (Plain("withhold", about=["hiv"], emergencies=True), ["north", "south"], ["north-0", "south-0"]),
        (Plain("withhold", purposes=["care"], emergencies=True), ["north", "south"], ["north-1", "south-1"]),
    ]
    anew = [Given(word.wanted, "north", str(at), "") for at, word in enumerate((first, *more))]
    back = hidden.in_emergencies("no", anew, ["north"])
    assert [(word.wanted, [one.mark for one in word.instead]) for word in back] == [
        (Plain("emergency-no"), ["0"]),
        (said[0], ["1"]),
        (said[1], ["2"]),
    ]


def test_a_helper_may_say_no_and_takes_back_nothing_of_hers(ward: Help) -> None:
    """A helper's key ends no word of the person's: a yes over her no is refused before anything is signed."""
    for sentence in (Plain("emergency-no"), Plain("share", purposes=["research"])):
        elsewhere(ward, "north", sentence)
    ward.name_bo(rights=["look", "add", "consent"])
    client, own = signed_in(ward, ward.bo), page(ward.ada)
    take_up(ward, client)
    token = csrf_of(client.get(own).text)
    refused = client.post(f"{own}/hidden", data={"emergency": "yes", "csrf": token})
    assert refused.status_code == 409 and words.ERRORS["not-your-word"] in text_of(refused.text)
    refused = client.post(f"{own}/choices", data={"purpose": "research", "answer": "open", "csrf": token})
    assert refused.status_code == 409 and words.ERRORS["not-your-word"] in text_of(refused.text)
    for path, form in (("hidden", {"emergency": "no"}), ("choices", {"purpose": "research", "answer": "no"})):
        begun = client.post(f"{own}/{path}", data={**form, "csrf": token}, follow_redirects=False)
        assert begun.status_code == 303 and "/sign/" in begun.headers["location"], text_of(begun.text)


def test_a_no_to_a_purpose_needs_no_yes_to_end(ward: Help) -> None:
    elsewhere(ward, "north", Plain("share", purposes=["research"]))
    html = answer(ward, "research", "no")
    assert words.CHOICES["said_no"] in card(html, "research")
    assert gets(ward, "HRESCH") == ["not-permitted"]
