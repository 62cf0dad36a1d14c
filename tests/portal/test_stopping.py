"""Stopping what another program, or a helper's key, cannot take back: a no of what the yes opened, and of no more."""

from contextlib import suppress
from typing import Any

import pytest

from medrec.core.consent import plain
from medrec.core.consent.plain import Party, Plain
from medrec.core.manifests.consent import Grant
from medrec.node.consent import consents
from medrec.portal import person, words
from tests.node.helping import DAY, Help
from tests.portal.reading import text_of
from tests.portal.test_acting import help_ as help_
from tests.portal.test_acting import page, signed_in, take_up
from tests.portal.test_hidden import OPEN, SECRET, elsewhere, gets, looked
from tests.portal.test_hidden import ward as ward
from tests.portal.test_mistakes import ada as ada
from tests.portal.test_mistakes import sign
from tests.portal.test_sign_in import csrf_of


def stops(ward: Help, mark: str) -> str:
    """She stops the yes of a mark, and signs what comes; what she read."""
    client = ward.story.client("guide")
    ward.network.time += 60_000
    shown = client.post(f"{page(ward.ada)}/sharing/stop/{mark}")
    assert sign(client, shown).status_code == 200
    ward.story.settle()
    return text_of(shown.text)


def yes_of(ward: Help, **says: Any) -> str:
    """The mark of her yes at north that says this."""
    given = person.plain_consents(ward.guide, ward.ada.account, ward.network.time)
    (found,) = [one for one in given if all(getattr(one.says, name) == value for name, value in says.items())]
    return found.mark


def noes(ward: Help) -> list[Plain]:
    """Her plain noes at north."""
    kept = [getattr(one.consent, "consent", None) for one in ward.north.consents.of(ward.ada.account)]
    read = []
    for text in kept:
        with suppress(plain.NotPlain):
            read += [plain.read(text.encode())] if text is not None else []
    return [one for one in read if one.effect in ("withhold", "emergency-no")]


def state_of(ward: Help, mark: str) -> str:
    (found,) = [one for one in person_consents(ward) if one["mark"] == mark]
    return str(found["state"])


def person_consents(ward: Help) -> list[dict[str, Any]]:
    from medrec.portal.page import Visit, names

    def link(name: str, /, **parameters: str) -> str:
        return name

    visit = Visit({"person": "x"}, 1, {}, ward.network.time, True, link)
    return person.consents(ward.guide, visit, names(ward.guide), ward.ada.account)


def test_a_stop_of_research_leaves_care_and_emergencies(ward: Help) -> None:
    elsewhere(ward, "north", Plain("share"))
    elsewhere(ward, "north", Plain("share", purposes=["research"]))
    assert gets(ward, "HRESCH") == [SECRET, OPEN]
    mark = yes_of(ward, purposes=["research"])
    told = stops(ward, mark)
    assert words.STOPS["with_a_no"] in told and "They may use it for research" in told, "which yes it stops"
    assert words.STOPS["emergencies"] not in told and words.STOPS["other_form"] not in told
    assert noes(ward) == [Plain("withhold", purposes=["research"])]
    assert gets(ward, "HRESCH") == ["not-permitted"]
    assert gets(ward, "TREAT") == looked(ward) == [SECRET, OPEN]
    assert state_of(ward, mark) == "closed"


def test_a_stop_of_emergencies_leaves_care_and_says_what_ends(ward: Help) -> None:
    elsewhere(ward, "north", Plain("share"))
    elsewhere(ward, "north", Plain("emergency-yes"))
    mark = yes_of(ward, effect="emergency-yes")
    told = stops(ward, mark)
    assert words.STOPS["emergencies"] in told and words.POLICY["emergency-yes"] in told
    assert noes(ward) == [Plain("emergency-no")]
    assert gets(ward, "TREAT") == [SECRET, OPEN] and looked(ward) == ["not-permitted"]
    assert state_of(ward, mark) == "closed"


def test_a_stop_keeps_to_whom_what_and_how_long_and_says_what_more_it_closes(ward: Help) -> None:
    elsewhere(ward, "north", Plain("share", [Party("east")]))
    yes = Plain("share", [Party("south")], ["medicines"], ["hiv"], until="2026-01-31", since="2020-01-01", marks=True)
    elsewhere(ward, "north", yes)
    mark = yes_of(ward, until="2026-01-31")
    told = stops(ward, mark)
    wanted = Plain(
        "withhold", [Party("south")], ["medicines"], ["hiv"], [], ["care"], "2026-01-31", "2020-01-01", None, True
    )
    assert noes(ward) == [wanted]
    # A no to care is one to her family's wishes, too, and a doubt is not excepted in an emergency: she reads both.
    assert "This no also holds for" in told and words.POLICY_PURPOSES["family"] in told
    assert words.STOPS["in_doubt"] in told and state_of(ward, mark) == "closed"


def test_what_has_no_plain_sentence_is_said_to_close_more_and_leaves_emergencies(ward: Help) -> None:
    before = {one["mark"] for one in person_consents(ward)}
    text = plain.write(Plain("share", purposes=["research"]), ward.ada.account, ward.network.time).decode()
    odd = text.replace('"code":"HRESCH"', '"code":"CLINTRCH"')
    ward.network.fhir_consent(ward.ada, "north", odd)
    ward.story.settle()
    (mark,) = {one["mark"] for one in person_consents(ward)} - before
    told = stops(ward, mark)
    assert words.STOPS["other_form"] in told and words.POLICY["other"] in told
    assert noes(ward) == [Plain("withhold", emergencies=True)]
    assert looked(ward) == [SECRET, OPEN]


def test_a_simple_yes_is_stopped_as_long_as_it_goes_and_for_care_alone(ward: Help) -> None:
    """Its types are less than a kind of records: the no closes the kind, and says so."""
    before = {one["mark"] for one in person_consents(ward)}
    until, secret = ward.network.time + 3 * DAY, b"s" * 32
    data = consents.write_consent(
        ward.network.id, "north", ward.ada.account, ward.network.time,
        Grant("permit", ["south"], ["MedicationRequest"], until), secret, ward.ada.key.key_id, ward.ada.sign,
    )  # fmt: skip
    ward.north.consents.give(data)
    elsewhere(ward, "north", Plain("share", purposes=["research"]))
    (mark,) = [one["mark"] for one in person_consents(ward) if one["mark"] not in before and "South" in one["sentence"]]
    told = stops(ward, mark)
    (no,) = noes(ward)
    assert (no.kinds, no.purposes, no.until) == (["medicines"], ["care"], plain.last_day(until))
    assert words.STOPS["all_kinds"] in told
    assert gets(ward, "TREAT") == [SECRET] and gets(ward, "HRESCH") == [SECRET, OPEN]
    assert state_of(ward, mark) == "closed"


@pytest.mark.parametrize("purpose", ["research", "care"])
def test_a_helper_stops_a_yes_with_the_same_no(ward: Help, purpose: str) -> None:
    elsewhere(ward, "north", Plain("share", purposes=[] if purpose == "care" else [purpose]))
    ward.name_bo(rights=["look", "add", "consent"])
    client, own = signed_in(ward, ward.bo), page(ward.ada)
    take_up(ward, client)
    token = csrf_of(client.get(own).text)
    begun = client.post(
        f"{own}/sharing/stop/{yes_of(ward, effect='share')}", data={"csrf": token}, follow_redirects=False
    )
    from medrec.portal.own.acts import acts_of

    act = acts_of(ward.guide).find(ward.ada.account, begun.headers["location"].rpartition("/")[2], ward.network.time)
    (part,) = act.parts
    import json

    said = plain.read(json.loads(part.statement)["consent"].encode())
    assert said == Plain("withhold", purposes=[purpose], emergencies=purpose == "care")
