"""What a key signed that she had removed when it came: it opens nothing on her page until she says that it is hers."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import manifests
from medrec.core.consent.plain import EVERYTHING, Plain, write
from medrec.core.manifests.consent import (
    FhirConsentManifest,
    RevocationManifest,
    fhir_consent_message,
    revocation_message,
)
from medrec.core.manifests.delegation import Delegation, DelegationManifest, delegation_message
from medrec.core.manifests.dispute import statement_message
from medrec.node.account.accounts import submit_as_account
from medrec.node.agent.gone_keys import Gone, late
from medrec.node.looks import disputing
from medrec.node.refusals import Code, Refusal
from medrec.portal import person, words
from tests.core.authenticator import Authenticator
from tests.node.network import Patient
from tests.node.test_disputes import carry
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import HOUR, Story
from tests.portal.test_contradicted import alarms, hers, known_at, newest
from tests.portal.test_contradicted import write as tell

MONTH = 30 * 24 * HOUR


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    yield from known_at(tmp_path, "north", "south")


def signed(story: Story, place: str, by: Patient | None = None, **changes: Any) -> FhirConsentManifest:
    """A consent at a place, signed with the key that she had first, or by a helper."""
    ada, network = hers(story), story.network
    signer = by or ada
    assurance, acting = ("delegate", by.account) if by is not None else ("self", None)
    made = FhirConsentManifest(
        "consent/2", network.id.hex(), place, ada.account, network.time,
        write(changes.pop("says", EVERYTHING), ada.account, network.time).decode(), assurance, acting, None,
        os.urandom(32).hex(), signer.key.key_id.hex(),
    )  # fmt: skip
    made = msgspec.structs.replace(made, **changes)
    return msgspec.structs.replace(made, signature=signer.sign(fhir_consent_message(made))[1].hex())


def remove_key(story: Story) -> None:
    """Her tablet's key comes, her first one goes, and a month passes."""
    ada, network, tablet = hers(story), story.network, Authenticator("tablet")
    for kind, payload in (("add", {"credential": tablet.credential}), ("remove", {"key": ada.key.key_id})):
        submit_as_account(network.engine, network.id, ada.account, ada.key, f"account/credential-{kind}", payload)
    network.time += MONTH
    story.settle()


def sharing(story: Story) -> str:
    return text_of(read(story.client("guide"), person_page(story) + "/sharing"))


def states(story: Story) -> dict[str, person.Standing]:
    """Each permission on her page by its mark, and how it stands there."""
    return {one.notice.manifest.nullifier: one for one in person.standing(story.network["guide"], hers(story).account)}  # type: ignore[arg-type]


def test_a_permission_that_comes_after_its_key_went_is_shown_apart_and_kept_by_her_alone(story: Story) -> None:
    before = signed(story, "north")
    remove_key(story)
    with pytest.raises(Refusal) as no:
        story.network["north"].consents.give(manifests.encode(before))
    assert no.value.reason is Code.UNKNOWN_CREDENTIAL
    tell(story, "north", before)
    page, client = sharing(story), story.client("guide")
    assert words.SHARING["late"] in page and words.SHARING["late_keep"] in page
    assert "The key that signed it stopped being yours" in page and "which may go by it" in page
    assert page.index(words.SHARING["late"]) < page.index(words.SHARING["active"])
    active = page[page.index(words.SHARING["active"]) :]
    assert "You share everything" not in active
    home = text_of(read(client, person_page(story)))
    assert "A permission came that a key signed after it was gone." in home
    assert alarms(story) == []
    address, mark = person_page(story) + "/sharing", before.nullifier
    assert person.permission(story.network["guide"], hers(story).account, mark) == before  # type: ignore[arg-type]
    assert client.post(address, data={"keep": "permission-" + "00" * 32}).status_code == 404
    assert client.post(address, data={"keep": f"permission-{mark}"}).status_code == 200
    after = sharing(story)
    assert (
        words.SHARING["late"] not in after and "You share everything" in after[after.index(words.SHARING["active"]) :]
    )


def test_one_that_is_dated_after_its_key_went_cannot_be_kept_and_alarms(story: Story) -> None:
    remove_key(story)
    said = signed(story, "north")
    tell(story, "north", said)
    page = sharing(story)
    assert words.SHARING["late"] in page and "is dated after that" in page and words.SHARING["late_keep"] not in page
    assert words.SHARING["stop"] in page[page.index(words.SHARING["late"]) : page.index(words.SHARING["active"])]
    sent = story.client("guide").post(person_page(story) + "/sharing", data={"keep": f"permission-{said.nullifier}"})
    assert sent.status_code == 404
    assert alarms(story) == ["key-was-gone"]


def test_what_stood_on_the_ledger_or_was_told_before_the_key_went_stays(story: Story) -> None:
    stood = signed(story, "north")
    tell(story, "north", stood)
    remove_key(story)
    (one,) = [one for mark, one in states(story).items() if mark == stood.nullifier]
    assert one.gone is None and words.SHARING["late"] not in sharing(story)
    guide: Any = story.network["guide"]
    (line,) = [one for one in guide.agent.notices(hers(story).account) if one.manifest == stood]
    went = late(guide, hers(story).account, [line._replace(height=None, received=line.received + 2 * MONTH)])[0]
    assert went is not None and went.went is not None and not went.contrary
    # Anchored late, but read by her before.
    told = [line._replace(height=None, received=time) for time in (went.went, went.went + 1)]
    assert late(guide, hers(story).account, told) == [None, Gone(went.went, False)]


def test_what_a_gone_key_forbids_or_takes_back_closes_nothing_on_her_page(story: Story) -> None:
    open_ = signed(story, "north")
    tell(story, "north", open_)
    remove_key(story)
    early = msgspec.structs.replace(open_, time=story.network.time - MONTH)
    tell(story, "north", signed(story, "north", says=Plain("withhold"), time=early.time))
    ada, network = hers(story), story.network
    proof = ada.sign(revocation_message(bytes.fromhex(open_.nullifier)))[1].hex()
    head = (network.id.hex(), "north", ada.account, early.time)
    tell(story, "north", RevocationManifest("revocation/1", *head, open_.nullifier, ada.key.key_id.hex(), proof))
    page = sharing(story)
    active = page[page.index(words.SHARING["active"]) :]
    assert "You share everything" in active and words.CONSENTS["closed"] not in page
    assert words.CONSENTS["revoked"] not in page and words.SHARING["late"] in page


def test_a_helper_whose_right_came_after_the_key_went_gives_nothing(story: Story) -> None:
    ada, network = hers(story), story.network
    eve = network.patient("eve")
    remove_key(story)
    right = Delegation(
        network.id.hex(), ada.account, network.time - MONTH - HOUR, eve.account, "Eve", ["look", "consent"], [],
        network.time + MONTH, "consent", None, None, os.urandom(32).hex(), ada.key.key_id.hex(),
    )  # fmt: skip
    right = msgspec.structs.replace(right, signature=ada.sign(delegation_message(right))[1].hex())
    tell(
        story, "north", DelegationManifest("delegation/1", network.id.hex(), "north", ada.account, network.time, right)
    )
    given = signed(story, "north", by=eve)
    tell(story, "north", given)
    one = states(story)[given.nullifier]
    assert one.gone is not None and words.SHARING["late"] in sharing(story)


def test_a_gone_key_settles_no_dispute(story: Story) -> None:
    ada, network, guide = hers(story), story.network, story.network["guide"]
    story.ask(ada, "Dr Brown", "curious")
    story.settle()
    raised = disputing.dispute(guide, ada.account, "south", "north", ada.sign, ada.key.key_id)  # type: ignore[arg-type]
    carry(network)
    story.settle()
    said = newest(story, "north", "dispute/1")
    close = msgspec.structs.replace(said.statement, action="close", obligation=None, words="", signature="")
    remove_key(story)
    close = msgspec.structs.replace(close, signature=ada.sign(statement_message(close))[1].hex())
    forged = msgspec.structs.replace(said, organisation="south", owes=None, due=None, statement=close)
    tell(story, "south", forged)
    assert guide.looks is not None
    guide.looks.catch_up()
    (look,) = guide.looks.page(ada.account)
    page = text_of(read(story.client("guide"), f"{person_page(story)}/looks/{look.pair.hex()}"))
    assert words.MISTAKES["disputed"].format(requester="South") in page
    assert words.MISTAKES["closed_gone"].format(place="South") in page
    assert words.MISTAKES["unheard"].split("{")[0] not in page
    assert words.MISTAKES["settled"].format(requester="South") not in page
    assert [raised.id.hex()] == list(
        disputing.closed_by(guide, ada.account, person.every(guide, ada.account, ("dispute/1",)))[1]
    )  # type: ignore[arg-type]
    assert network["north"].disputes.stops(ada.account, "south")
