"""Consent at the desk: asked by a code, and written down by a named clerk for a person without a phone."""

import re
from typing import Any

import msgspec
import pytest

from medrec.core import manifests
from medrec.core.consent import plain
from medrec.core.consent.plain import Party, Plain
from medrec.core.credential import NewEd25519
from medrec.core.manifests.consent import Attestation, FhirConsentManifest, fhir_consent_message
from medrec.node.account import staff
from medrec.node.account.staff import Member
from medrec.node.consent import attesting, letters
from medrec.node.keeping.keys import PersonKey
from medrec.node.notify import asking
from medrec.node.refusals import Code, Refusal
from medrec.portal import signing, words
from medrec.portal.people import handle
from medrec.portal.sign_in import to_text
from tests.node.network import Patient
from tests.portal.reading import read, text_of
from tests.portal.rescue import authenticator
from tests.portal.story import Story, observation
from tests.portal.test_desk import told
from tests.portal.test_sign_in import STAFF_ID, csrf_of, sign, staff_key, staff_visitor
from tests.portal.test_signing import proof_of

DAY = 86_400_000
SAID = {"patient": "ada", "effect": "share", "to": "south", "days": "7", "how": "spoken", "kind-results": "1"}


@pytest.fixture
def ada(empty: Story) -> Patient:
    north: Any = empty.network["north"]
    person = empty.network.patient("ada", "north")
    north.put("Observation", "bp-1", observation("bp-1", "ada", "120/80"))
    empty.settle()
    return person


def consents_of(story: Story, person: Patient) -> list[Any]:
    return [kept.consent for kept in story.network["north"].consents.of(person.account)]


def opened(story: Story, person: Patient) -> list[str]:
    return [record.id for record in story.ask(person, "Dr Brown", "a check-up today").records]


def test_a_request_is_shown_as_a_code_that_leads_to_the_person_s_agent(empty: Story, ada: Patient) -> None:
    client = empty.client("north")
    form = {"do": "ask", "agent": "guide", "purpose": "care", "days": "30", "note": "Your knee", "kind-results": "1"}
    answer = client.post("/desk/consent", data=form)
    address = re.search(r"https://guide\.example/pages/scan#MEDREC-ASK:1:NORTH:([0-9A-F]{32})", answer.text)
    assert answer.status_code == 200 and address is not None and "<svg" in answer.text
    guide: Any = empty.network["guide"]
    identifier = asking.take(guide, ada.account, "north", bytes.fromhex(address.group(1)))
    found = asking.find(guide, ada.account, identifier)
    assert found is not None and found.asking.requester == "north" and found.asking.practitioner == "Demonstration"
    assert (found.asking.note, found.asking.kinds, found.asking.days) == ("Your knee", ["results"], 30)


@pytest.mark.parametrize("change", [{"agent": "nobody"}, {"days": "999"}, {"purpose": "x"}, {"do": "shrug"}])
def test_a_request_that_says_nothing_makes_no_code(empty: Story, change: dict[str, str]) -> None:
    form = {"do": "ask", "agent": "guide", "purpose": "care", "days": "30", **change}
    answer = empty.client("north").post("/desk/consent", data=form)
    assert answer.status_code == 400 and empty.network["north"].rows(asking.asked_for) == []


def test_what_a_person_decides_is_read_out_written_down_in_force_and_told(empty: Story, ada: Patient) -> None:
    client = empty.client("north")
    page = client.post("/desk/consent", data={**SAID, "do": "read"})
    until = re.search(r'name="until" value="([0-9-]+)"', page.text)
    assert until is not None and words.DESK_CONSENT["free"] in text_of(page.text)
    assert "South" in text_of(page.text) and "test results and measurements" in text_of(page.text)
    assert consents_of(empty, ada) == [], "reading it out writes nothing"
    done = client.post("/desk/consent", data={**SAID, "do": "attest", "until": until.group(1)}, follow_redirects=False)
    assert done.status_code == 303
    (consent,) = consents_of(empty, ada)
    assert (consent.assurance, consent.attested.clerk, consent.attested.form) == ("clinic", "Demonstration", "spoken")
    assert plain.read(consent.consent.encode()) == Plain(
        "share", [Party("south", name="South")], ["results"], until=until.group(1)
    )
    assert [one for one in told(empty, ada.account) if one.manifest == "consent/2"] == [consent]
    assert opened(empty, ada) == ["bp-1"]
    hers = text_of(read(empty.client("guide"), f"/people/{handle(ada.account)}/sharing"))
    assert "This was entered by North (Demonstration)" in hers
    empty.network.time += 8 * DAY
    empty.settle()
    with pytest.raises(Exception, match="no permission for this"):
        opened(empty, ada)


def test_a_no_is_written_down_as_well_and_has_no_end(empty: Story, ada: Patient) -> None:
    client = empty.client("north")
    client.post("/desk/consent", data={**SAID, "do": "attest"})
    empty.settle()
    assert opened(empty, ada) == ["bp-1"]
    empty.network.time += 60_000
    client.post("/desk/consent", data={**SAID, "do": "attest", "effect": "withhold"})
    empty.settle()
    assert plain.read(consents_of(empty, ada)[-1].consent.encode()).until is None
    assert opened(empty, ada) == []


NORA = PersonKey.from_seed(b"nora the clerk".ljust(32, b"."))


def nora(node: Any, role: str = "desk") -> Member:
    """A clerk of a place with a key of her own."""
    found = staff.by_key(node, NORA.key_id)
    if found is not None:
        return found[0]
    _, code = staff.invite(node, "Nora", role)
    return staff.register(node, code, NewEd25519(NORA.public), b"nora's key")


def attest(node: Any, said: Plain, how: Any = "paper", **changes: Any) -> Any:
    drafted = msgspec.structs.replace(attesting.draft(node, "ada", said, nora(node), how), **changes)
    return attesting.attest(node, "ada", drafted, NORA.sign_transaction_id(fhir_consent_message(drafted)))


def refused(empty: Story, ada: Patient, said: Plain, how: Any = "paper", **changes: Any) -> Code:
    with pytest.raises(Refusal) as caught:
        attest(empty.network["north"], said, how, **changes)
    assert consents_of(empty, ada) == []
    return caught.value.reason


def test_what_is_open_for_more_than_thirty_days_or_for_ever_is_refused(empty: Story, ada: Patient) -> None:
    assert refused(empty, ada, Plain("share", [Party("south")])) is Code.ATTESTED_TOO_LONG
    assert refused(empty, ada, Plain("share", [Party("south")], until="2025-07-16")) is Code.ATTESTED_TOO_LONG
    assert refused(empty, ada, Plain("emergency-yes")) is Code.ATTESTED_TOO_LONG
    assert refused(empty, ada, Plain("share", [Party("south")], until="2025-07-01"), how="dreamt") is Code.MALFORMED
    late = empty.client("north").post("/desk/consent", data={**SAID, "do": "attest", "until": "2026-01-01"})
    assert late.status_code == 400 and "thirty days" in text_of(late.text) and consents_of(empty, ada) == []
    attest(empty.network["north"], Plain("share", [Party("south")], until="2025-07-14"))
    assert len(consents_of(empty, ada)) == 1


def test_only_the_place_itself_attests_and_only_as_it_was_signed(empty: Story, ada: Patient) -> None:
    north: Any = empty.network["north"]
    attest(north, Plain("withhold", [Party("south")]))
    (consent,) = consents_of(empty, ada)
    assert isinstance(consent, FhirConsentManifest) and consent.attested is not None
    other = msgspec.structs.replace(consent, attested=msgspec.structs.replace(consent.attested, clerk="Mallory"))
    with pytest.raises(Refusal) as caught:
        north.consents.give(manifests.encode(other))
    assert caught.value.reason is Code.BAD_SIGNATURE
    elsewhere: Any = empty.network["south"]
    with pytest.raises(Refusal) as caught:
        elsewhere.consents.give(manifests.encode(msgspec.structs.replace(consent, organisation="south")))
    assert caught.value.reason is Code.UNKNOWN_CREDENTIAL


def test_only_a_clerk_of_the_staff_attests_and_in_her_own_name_alone(empty: Story, ada: Patient) -> None:
    north: Any = empty.network["north"]
    said = Plain("withhold", [Party("south")])
    mallory = Attestation("Mallory", "paper")
    assert refused(empty, ada, said, attested=mallory) is Code.BAD_SIGNATURE, "in the name of somebody else"
    assert refused(empty, ada, said, key=north.keys.key_id.hex()) is Code.UNKNOWN_CREDENTIAL, "the organisation's key"
    staff.dismiss(north, nora(north).id)
    drafted = attesting.draft(north, "ada", said, Member("x", "Nora", "desk", True, NORA.key_id), "paper")
    with pytest.raises(Refusal) as caught:
        attesting.attest(north, "ada", drafted, NORA.sign_transaction_id(fhir_consent_message(drafted)))
    assert caught.value.reason is Code.UNKNOWN_CREDENTIAL and consents_of(empty, ada) == []
    assert letters.waiting(north) == []


def test_an_operator_s_key_writes_nothing_down(empty: Story, ada: Patient) -> None:
    nora(empty.network["north"], "operator")
    assert refused(empty, ada, Plain("withhold", [Party("south")])) is Code.UNKNOWN_CREDENTIAL


def begun(client: Any, **changes: str) -> str:
    """The ticket under which what a person said waits for the clerk's key."""
    token = csrf_of(client.get("/desk/consent").text)
    answer = client.post("/desk/consent", data={**SAID, "do": "attest", "csrf": token, **changes})
    assert answer.status_code == 303, answer.text
    return str(client.get(answer.headers["location"]).headers["location"].split("#")[1])


def test_the_clerk_signs_with_her_own_key_and_a_letter_waits_until_it_is_posted(empty: Story, ada: Patient) -> None:
    north: Any = empty.network["north"]
    client = staff_visitor(empty, "desk")
    sign(empty, client, staff_key(), STAFF_ID)
    ticket = begun(client)
    assert consents_of(empty, ada) == [], "nothing stands before she has signed"
    act = client.post("/signing/act", json={"ticket": ticket}).json()
    assert "Nora Nurse" in " ".join(act["changes"]) and act["parts"][0]["value"]["attested"]["clerk"] == "Nora Nurse"
    piece = signing.desk_of(north).find(ticket).pieces[0]
    body = {"ticket": ticket, "id": to_text(STAFF_ID)}
    good = proof_of(staff_key(), signing.digest_of(piece.form, piece.value))
    assert client.post("/signing/answer", json={**body, "proofs": [good]}).status_code == 200
    (consent,) = consents_of(empty, ada)
    assert consent.assurance == "clinic" and consent.key == staff_key().key_id.hex()
    (owed,) = letters.waiting(north)
    page = f"/desk/consent/letter/{owed.consent.hex()}"
    assert page in client.get("/desk/consent").text
    letter = client.get(page)
    told_her = text_of(letter.text)
    assert "Nora Nurse" in told_her and words.LETTER["free"] in told_her and "South" in told_her
    assert client.post(page, data={"do": "posted"}).status_code == 403
    assert client.post(page, data={"do": "posted", "csrf": csrf_of(letter.text)}).status_code == 303
    posted = letters.find(north, owed.consent)
    assert letters.waiting(north) == [] and posted is not None and posted.clerk == "Nora Nurse"
    assert client.get("/desk/consent/letter/zz").status_code == 404


def test_another_key_than_the_clerk_s_writes_nothing_down(empty: Story, ada: Patient) -> None:
    north: Any = empty.network["north"]
    client = staff_visitor(empty, "desk")
    sign(empty, client, staff_key(), STAFF_ID)
    ticket = begun(client)
    piece = signing.desk_of(north).find(ticket).pieces[0]
    thief = proof_of(authenticator("thief", "north"), signing.digest_of(piece.form, piece.value))
    answer = client.post("/signing/answer", json={"ticket": ticket, "id": to_text(STAFF_ID), "proofs": [thief]})
    assert answer.status_code in (400, 403) and consents_of(empty, ada) == [] and letters.waiting(north) == []


def test_a_patient_without_an_account_is_linked_first(empty: Story) -> None:
    answer = empty.client("north").post("/desk/consent", data={**SAID, "do": "read", "patient": "nobody"})
    assert words.DESK_CONSENT["not-linked"] in text_of(answer.text)


def test_only_the_desk_asks_and_writes_down(empty: Story) -> None:
    clinician = staff_visitor(empty, "clinician")
    assert clinician.get("/desk/consent").status_code == 403
    shut = empty.client("north", demonstration=False)
    assert shut.get("/desk/consent", follow_redirects=False).headers["location"] == "/sign-in"
    assert words.NAMES["desk_consent"] in text_of(read(empty.client("north"), "/desk/consent"))
