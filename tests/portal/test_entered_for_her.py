"""What a place wrote down as her decision: her page says that she did not sign it, and she ends it with one button."""

import os
from typing import Any

import msgspec
import pytest

from medrec.core import codec, commitment, manifests, state
from medrec.core.consent.plain import Party, Plain
from medrec.core.manifests.consent import fhir_consent_message, revocation_message
from medrec.node.consent import attested_secrets, consents
from medrec.node.consent.attested_secrets import attested_secret
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.portal import language, render, words
from medrec.portal.own.acts import acts_of
from medrec.portal.people import handle
from tests.node.network import Patient
from tests.portal.reading import read, text_of
from tests.portal.story import Story, observation
from tests.portal.test_desk_consent import NORA, attest, opened
from tests.portal.test_hidden import sign

YES = Plain("share", [Party("south", name="South")], ["results"], until="2025-07-01")
NO = Plain("withhold", [Party("south", name="South")])


@pytest.fixture
def ada(empty: Story) -> Patient:
    guide: Any = empty.network["guide"]
    north: Any = empty.network["north"]
    person = empty.network.patient("ada", "north", "south")
    acts_of(guide).lend(person.account, person.key.key_id, person.sign)
    north.put("Observation", "bp-1", observation("bp-1", "ada", "120/80"))
    empty.settle()
    return person


def enter(story: Story, said: Plain) -> None:
    """North's clerk writes down what she never said."""
    story.network.time += 60_000
    attest(story.network["north"], said)
    story.settle()


def standing(story: Story, ada: Patient) -> list[Any]:
    return [kept.consent for kept in story.network["north"].consents.of(ada.account)]


def sharing(story: Story, ada: Patient) -> str:
    return read(story.client("guide"), f"/people/{handle(ada.account)}/sharing")


def sees(story: Story, ada: Patient) -> list[str]:
    """What South gets from North."""
    try:
        return opened(story, ada)
    except PeerError:
        return []


def test_her_page_says_in_every_language_that_the_place_entered_it_and_she_did_not_sign(
    empty: Story, ada: Patient
) -> None:
    enter(empty, YES)
    (consent,) = standing(empty, ada)
    page = text_of(sharing(empty, ada))
    assert "This was entered by North (Nora)" in page and "You did not sign it yourself." in page
    said = {}
    for code in language.LANGUAGES:
        with language.use(code):
            said[code] = str(render.say(words.CONSENTS["given_clinic"], place="North", clerk="Nora", when="today"))
    assert len(set(said.values())) == len(said) and all("North" in one and "Nora" in one for one in said.values())
    assert consent.signer is None


@pytest.mark.parametrize("said", [YES, NO])
def test_she_ends_it_with_one_button_and_nothing_of_it_stays(empty: Story, ada: Patient, said: Plain) -> None:
    if said is NO:
        empty.network.consent(ada, "north", "south")
    enter(empty, said)
    assert sees(empty, ada) == ([] if said is NO else ["bp-1"])
    (consent,) = [one for one in standing(empty, ada) if one.manifest == "consent/2"]
    client = empty.client("guide")
    shown = client.post(f"/people/{handle(ada.account)}/sharing/stop/{consent.nullifier}")
    assert sign(client, shown).status_code == 200
    empty.settle()
    assert [one for one in standing(empty, ada) if one.manifest == "consent/2"] == [], "neither it nor a no beside it"
    with empty.network.engine.view() as view:
        assert view.get(state.nullifier_key(bytes.fromhex(consent.nullifier))) is not None
    assert words.CONSENTS["revoked"] in text_of(sharing(empty, ada))
    if said is NO:
        assert sees(empty, ada) == ["bp-1"]


@pytest.mark.parametrize("said", [YES, NO])
def test_she_ends_what_was_entered_before_secrets_were_kept(empty: Story, ada: Patient, said: Plain) -> None:
    if said is NO:
        empty.network.consent(ada, "north", "south")
    enter(empty, said)
    north: Any = empty.network["north"]
    north.store.write(lambda connection: attested_secrets.forget(connection, ada.account))
    (consent,) = [one for one in standing(empty, ada) if one.manifest == "consent/2"]
    client = empty.client("guide")
    shown = client.post(f"/people/{handle(ada.account)}/sharing/stop/{consent.nullifier}")
    assert sign(client, shown).status_code == 200
    empty.settle()
    assert [one for one in standing(empty, ada) if one.manifest == "consent/2"] == []
    assert sees(empty, ada) == (["bp-1"] if said is NO else [])
    assert words.CONSENTS["revoked"] in text_of(sharing(empty, ada))
    # Once more is no news, nobody else is answered, and it does not come back.
    mark = bytes.fromhex(consent.nullifier)
    key, signature = ada.sign(revocation_message(mark))
    assert attested_secrets.take_back(north, ada.account, mark, key, signature) is False
    bob = empty.network.patient("bob", "north")
    with pytest.raises(Refusal) as caught:
        attested_secrets.take_back(north, bob.account, mark, *bob.sign(revocation_message(mark)))
    assert caught.value.reason is Code.WRONG_SECRET
    with pytest.raises(Refusal) as caught:
        north.consents.give(manifests.encode(consent))
    assert caught.value.reason is Code.CONSENT_REVOKED


def test_nobody_else_ends_it_and_nothing_else_is_ended_so(empty: Story, ada: Patient) -> None:
    enter(empty, NO)
    (consent,) = standing(empty, ada)
    north: Any = empty.network["north"]
    mark = bytes.fromhex(consent.nullifier)

    def asked(who: Patient, nullifier: bytes, account: str = ada.account) -> Code:
        key, signature = who.sign(revocation_message(nullifier))
        body = {"account": account, "key": key, "nullifier": nullifier, "signature": signature}
        with pytest.raises(Refusal) as caught:
            consents.answer_revocation(north, "guide", codec.encode(body))
        return caught.value.reason

    bob = empty.network.patient("bob", "north")
    assert asked(bob, mark) is Code.UNKNOWN_CREDENTIAL
    # To others it is as if nothing stood there.
    assert asked(bob, mark, bob.account) is asked(bob, os.urandom(32), bob.account) is Code.WRONG_SECRET
    own = commitment.nullifier(empty.network.consent(ada, "north", "south"))
    assert asked(ada, own) is Code.WRONG_SECRET, "what she signed herself is taken back with its secret"
    assert len(standing(empty, ada)) == 2


def test_what_a_place_writes_down_opens_nothing_at_any_other(empty: Story, ada: Patient) -> None:
    south: Any = empty.network["south"]
    south.put("Observation", "bp-2", observation("bp-2", "ada", "130/80"))
    enter(empty, Plain("share", [Party("north", name="North")], until="2025-07-01"))
    (consent,) = standing(empty, ada)
    # South's gate holds her own word and its own clerks' alone: it has nothing of North's, and takes nothing of it.
    assert south.consents.of(ada.account) == []
    forged = msgspec.structs.replace(consent, organisation="south", signature="")
    proof = NORA.sign_transaction_id(fhir_consent_message(forged)).hex()
    forged = msgspec.structs.replace(forged, signature=proof)
    for one, code in ((consent, Code.WRONG_ORGANISATION), (forged, Code.UNKNOWN_CREDENTIAL)):
        with pytest.raises(Refusal) as caught:
            south.consents.give(manifests.encode(one))
        assert caught.value.reason is code
    # Nor does her agent take from North what South is said to have written down.
    north: Any = empty.network["north"]
    (person,) = [row.id for row in north.rows(store.person) if row.account == ada.account]
    draft = Draft("consent/2", manifests.encode(forged), person, None, None)
    north.store.write(lambda connection: north.journal.append(connection, [draft]))
    empty.settle()
    agent: Any = empty.network["guide"].agent
    told = [line.manifest for line in agent.notices(ada.account) if line.kind == "consent/2"]
    assert [one.organisation for one in told if one is not None] == ["north"]


def test_its_secret_goes_with_the_link(empty: Story, ada: Patient) -> None:
    enter(empty, YES)
    north: Any = empty.network["north"]
    assert [row.account for row in north.rows(attested_secret)] == [ada.account]
    assert empty.network["guide"].agent.unlink(ada.account, "north", ada.sign)  # type: ignore[union-attr]
    assert north.rows(attested_secret) == []
