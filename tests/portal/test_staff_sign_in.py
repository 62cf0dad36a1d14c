"""How staff sign in: registered once with a code, seen by their role, out when they are dismissed."""

from typing import Any

import pytest

from medrec.core.consent.emergency import ROLES as EMERGENCY_ROLES
from medrec.node.account import staff
from medrec.node.release.practitioners import PROFESSIONS
from medrec.portal.sign_in import to_text
from tests.core.authenticator import Authenticator
from tests.portal.story import Story
from tests.portal.test_sign_in import STAFF_ID, sign, staff_key, staff_visitor, visitor


def test_staff_register_once_with_their_code_and_see_what_their_role_sees(empty: Story) -> None:
    client = staff_visitor(empty, "clinician")
    assert client.get("/records").status_code == 200 and "Nora Nurse" in client.get("/records").text
    assert client.get("/given").status_code == 403
    again = visitor(empty, "north")
    assert sign(empty, again, staff_key(), STAFF_ID).status_code == 200
    assert again.get("/records").status_code == 200


def test_a_code_serves_once_and_for_a_day(empty: Story) -> None:
    node: Any = empty.network["north"]
    _, code = staff.invite(node, "Nora Nurse", "desk")
    client = visitor(empty, "north")
    body = {
        "code": code.hex(),
        "id": to_text(STAFF_ID),
        "authenticatorData": to_text(staff_key().registration(STAFF_ID)),
    }
    assert client.post("/sign-in/register", json={**body, "code": "00" * 16}).json()["code"] == "code-unknown"
    assert client.post("/sign-in/register", json=body).status_code == 200
    assert client.post("/sign-in/register", json=body).json()["code"] == "code-unknown"
    _, late = staff.invite(node, "Late Nurse", "desk")
    empty.network.time += staff.CODE_LIFE_MS + 1
    data = to_text(staff_key().registration(b"other"))
    other = {**body, "code": late.hex(), "id": to_text(b"other"), "authenticatorData": data}
    assert client.post("/sign-in/register", json=other).json()["code"] == "code-unknown"


def test_staff_who_are_dismissed_are_out_with_the_next_request(empty: Story) -> None:
    client = staff_visitor(empty, "privacy-officer")
    node: Any = empty.network["north"]
    assert client.get("/given").status_code == 200
    staff.dismiss(node, staff.members(node)[0].id)
    assert client.get("/given").status_code == 303
    assert sign(empty, client, staff_key(), STAFF_ID).status_code == 401
    with pytest.raises(staff.StaffError):
        staff.dismiss(node, "nobody")
    with pytest.raises(staff.StaffError):
        staff.invite(node, "X", "king")


def test_a_dismissal_is_whole_or_not_at_all(empty: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that stops in between leaves nobody who may not sign in, and may still ask others."""
    node: Any = empty.network["north"]
    identifier, _ = staff.invite(node, "Kim Young", "clinician")
    shown = staff.present(node, identifier, "")

    class Stopped(Exception):
        pass

    def stops(*_: Any) -> None:
        raise Stopped

    with monkeypatch.context() as broken:
        broken.setattr(type(node.practitioners), "end", stops)
        with pytest.raises(Stopped):
            staff.dismiss(node, identifier)
    node = empty.network.crash("north")
    assert staff.member(node, identifier).active and staff.present(node, identifier, "").key == shown.key
    staff.dismiss(node, identifier)
    node = empty.network.crash("north")
    assert not staff.member(node, identifier).active
    with pytest.raises(LookupError):
        node.practitioners.present(identifier)


def test_nobody_of_the_staff_is_dismissed_of_whom_the_list_says_nothing(empty: Story) -> None:
    node: Any = empty.network["north"]
    node.practitioners.enter("nightly", "Nightly update", PROFESSIONS["other"])
    with pytest.raises(staff.StaffError):
        staff.dismiss(node, "nightly")
    assert node.practitioners.present("nightly")


def test_a_clinician_asks_others_as_what_she_was_entered_as(empty: Story) -> None:
    """The list of the staff and the credentials of practitioners are one: name, profession, and the end of both."""
    node: Any = empty.network["north"]
    roles = {}
    for profession in PROFESSIONS:
        identifier, _ = staff.invite(node, f"Kim {profession.title()}", "clinician", profession)
        shown = staff.present(node, identifier, "whatever the session says")
        assert shown.credential.name == f"Kim {profession.title()}"
        roles[profession] = shown.credential.role
        assert staff.present(node, identifier, "").key == shown.key
        staff.dismiss(node, identifier)
        with pytest.raises(LookupError):
            node.practitioners.present(identifier)
        with pytest.raises(staff.StaffError):
            staff.present(node, identifier, "Kim")
    assert roles == PROFESSIONS and roles["other"] not in EMERGENCY_ROLES
    assert {roles[name] for name in ("physician", "nurse", "paramedic")} <= EMERGENCY_ROLES
    with pytest.raises(staff.StaffError):
        staff.invite(node, "Kim", "clinician", "king")
    # Who was entered before professions were is a physician, as before.
    identifier, _ = staff.invite(node, "Old Hand", "clinician", "nurse")
    sealed = node.vault.seal(None, b"Old Hand", identifier.encode())
    node.store.write(
        lambda connection: connection.execute(
            staff.staff.update().where(staff.staff.c.id == identifier).values(sealed=sealed)
        )
    )
    assert staff.member(node, identifier).profession == "physician"
    # A credential that says another thing than the list is made anew.
    node.practitioners.enter(identifier, "Old Hand", PROFESSIONS["nurse"])
    assert staff.present(node, identifier, "").credential.role == PROFESSIONS["physician"]


def test_a_key_for_another_site_is_not_registered(empty: Story) -> None:
    node: Any = empty.network["north"]
    _, code = staff.invite(node, "Nora", "desk")
    evil = Authenticator("staff", rp="evil.example")
    body = {"code": code.hex(), "id": to_text(STAFF_ID), "authenticatorData": to_text(evil.registration(STAFF_ID))}
    assert visitor(empty, "north").post("/sign-in/register", json=body).json()["code"] == "key-unfit"
