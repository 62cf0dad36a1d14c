"""One of a helping organisation's staff does for a person what she let the organisation do, with her own key."""

from typing import Any

import pytest

from medrec.core import codec
from medrec.core.manifests.delegation import ActingManifest
from medrec.node.account import recovery, staff
from medrec.node.refusals import Code, Refusal
from medrec.portal.sign_in import to_text
from tests.node.helping import Help
from tests.portal.rescue import Holder, authenticator
from tests.portal.test_acting import help_ as help_
from tests.portal.test_acting import page, with_records
from tests.portal.test_sign_in import csrf_of

RIGHTS = ["look", "add", "correct", "consent"]


def one_of_the_staff(help_: Help, name: str, **changes: Any) -> Holder:
    """Somebody of guide's staff, her key on the ledger, who has taken up to act for Ada."""
    guide = help_.guide
    holder = Holder(help_.story, authenticator(f"key of {name}"), f"id of {name}".encode())
    _, code = staff.invite(guide, name, "helper")
    key = to_text(holder.key.registration(holder.id))
    body = {"code": code.hex(), "id": to_text(holder.id), "authenticatorData": key}
    assert holder.client.post("/sign-in/register", json=body).status_code == 200
    recovery.name_staff(guide, staff.credentials(guide, ("helper",)))
    if not guide.delegates.of(help_.ada.account):
        help_.name_bo(delegate="guide", name="Helping Hands", **{"rights": RIGHTS, **changes})
    (held,) = guide.delegates.of(help_.ada.account)
    form = {"delegation": held.hash.hex(), "csrf": csrf_of(holder.get("/cases").text)}
    assert holder.client.post("/acting", data=form).headers["location"] == page(help_.ada)
    return holder


def acts(help_: Help) -> list[tuple[str, str]]:
    """Who did what for Ada, oldest first."""
    help_.story.settle()
    told = [line for line in help_.told(help_.ada.account) if isinstance(line, ActingManifest)]
    return [(line.name, line.subject) for line in told if line.subject.partition(":")[0] != "read"]


BOTH_NAMES = "Nora Nurse (Helping Hands) for Ada"


def test_she_writes_asks_for_corrections_and_consents_under_both_names(help_: Help) -> None:
    with_records(help_)
    nora, own = one_of_the_staff(help_, "Nora Nurse"), page(help_.ada)
    day = "2025-06-15"
    nora.does(own + "/writing", what="symptom", text="Ada feels dizzy", day=day)
    (entry,) = help_.guide.entries.lines(help_.ada.account)
    assert entry.author == "guide" and b"dizzy" in entry.content
    notices = [notice for notice in help_.guide.agent.notices(help_.ada.account) if notice.kind == "record/1"]
    tag = next(codec.decode(one.entry)[1].hex() for one in notices if one.manifest.record.type == "Observation")
    nora.does(own + "/corrections", line=tag, words="It was 110/80")
    (asked,) = help_.guide.corrections.asked(help_.ada.account)
    help_.story.settle()
    assert asked.words == "It was 110/80"
    nora.does(own + "/allow", effect="withhold", to="south", until="", **{"kind-medicines": "1", "place-north": "1"})
    given = [kept.consent for kept in help_.north.consents.of(help_.ada.account)]
    assert {one.acting for one in given if getattr(one, "assurance", "") == "delegate"} == {"guide"}
    done = acts(help_)
    assert {name for name, _ in done} == {BOTH_NAMES}
    assert {subject.partition(":")[0] for _, subject in done} >= {"", "done"}
    assert len([1 for _, subject in done if subject.startswith("Observation/")]) == 1
    # She closes what a person's own key opened by a no.
    page_text = nora.get(own + "/sharing").text
    assert "/sharing/stop/" in page_text


def test_who_has_left_or_may_only_look_signs_nothing(help_: Help) -> None:
    nora, own = one_of_the_staff(help_, "Nora Nurse", rights=["look", "add"]), page(help_.ada)
    waits = nora.send(own + "/writing", what="symptom", text="Ada feels dizzy", day="2025-06-15")
    assert nora.send(own + "/allow", effect="share", to="*").status_code == 403
    ticket = nora.get(waits.headers["location"]).headers["location"].split("#")[1]
    # Another one's key does not sign what she began, and hers does not once she has left.
    other = one_of_the_staff(help_, "Otto Other")
    assert other.get(waits.headers["location"]).status_code == 403
    (member,) = [one for one in staff.members(help_.guide) if one.name == "Nora Nurse"]
    staff.dismiss(help_.guide, member.id)
    assert nora.signs(ticket).status_code in (401, 403, 404)
    assert help_.guide.entries.lines(help_.ada.account) == []


def test_a_place_takes_nothing_that_the_staff_of_nobody_signed(help_: Help) -> None:
    one_of_the_staff(help_, "Nora Nurse")
    stranger = authenticator("a key that is nobody's")
    with pytest.raises(Refusal) as no:
        help_.north.consents.check_signature(
            "guide", stranger.key_id.hex(), b"\0" * 32, stranger.sign(b"\0" * 32).hex()
        )
    assert no.value.reason is Code.UNKNOWN_CREDENTIAL
    # The organisation's own key is no one of its staff either.
    with pytest.raises(Refusal):
        help_.north.consents.check_signature("guide", help_.guide.keys.key_id.hex(), b"\0" * 32, "00" * 64)
