"""One list of the kinds of looks: each stands in the person's log, the AuditEvents, the index and on her pages."""

from pathlib import Path
from typing import Any, get_type_hints

from medrec.core import manifests
from medrec.core.manifests.access import Disclosed, Request
from medrec.node.fhir import audit
from medrec.node.looks import access_log, look_parts, watching
from medrec.node.looks.kinds import LOG, LOOKS
from medrec.node.looks.looks import Looks
from medrec.node.right_person.finding import Finder
from medrec.portal import looks as pages
from tests.fhir.balp import broken
from tests.node.network import Network
from tests.node.test_emergency import TEXT, declare
from tests.node.test_gate import ASTHMA, BLOOD_PRESSURE

NO_LOOK = {"emergency-declared/1": "the requester's own half, written before it asks; the source tells the person"}
"""Manifests about a request that tell of no look, and why."""


def about_requests(forms: dict[str, Any]) -> set[str]:
    """The kinds that hold a request for records, or name what was disclosed."""
    found = set()
    for kind, form in forms.items():
        hints = get_type_hints(form)
        if hints.get("request") is Request or hints.get("records") == list[Disclosed]:
            found.add(kind)
    return found


def test_every_manifest_about_a_request_is_a_look_or_says_why_not() -> None:
    assert about_requests(manifests.FORMS) == set(LOOKS) | set(NO_LOOK)


def test_a_new_kind_about_a_request_is_found() -> None:
    class Planted(manifests.FORMS["own-look/1"], frozen=True):  # type: ignore[misc]
        pass

    assert about_requests({**manifests.FORMS, "peek/1": Planted}) - set(LOOKS) - set(NO_LOOK) == {"peek/1"}


def test_every_kind_has_each_of_its_faces() -> None:
    forms = {manifests.FORMS[kind] for kind in LOG}
    assert set(audit._EVENTS) == forms
    assert set(look_parts.PARTS) - {"owed-denied/1"} == set(LOOKS) == set(pages._SAYS)
    # An emergency has a board of its own at the privacy officer's, and what others received is no look at this house.
    assert set(watching.KINDS) == set(LOOKS) - {"emergency/1", "disclosure-received/1"}


def test_a_look_inside_and_an_emergency_stand_wherever_looks_stand(tmp_path: Path) -> None:
    network = Network(tmp_path)
    north: Any = network["north"]
    guide: Any = network["guide"]
    north.put("Observation", "bp", BLOOD_PRESSURE)
    north.put("Condition", "asthma", ASTHMA)
    ada = network.patient("ada", "north")
    try:
        Finder(north).look("ada", north.doctor("Dr North"), "TREAT", "her visit this morning")
        declare(network, ada.account)
        network.anchor()
        network.deliver()
        with north.store.read() as connection:
            person = north.journal.person_of_account(connection, ada.account)
            lines = access_log.lines_here(north, connection, person)
        auditor = audit.Auditor(north, ada.account, "ada")
        events = {type(stated).__name__: auditor.events(seq, stated) for seq, stated in lines}
        (inside,), (declared,) = events["OwnLookManifest"], events["EmergencyManifest"]
        assert broken(inside) == [] and inside["meta"]["profile"] == [audit.PROFILE + "PatientRead"]
        assert broken(declared) == [] and declared["subtype"][0]["code"] == "110127"
        assert declared["purposeOfEvent"][0]["text"] == TEXT
        index = Looks(guide)
        index.catch_up()
        found = {look.requester: look for look in index.page(ada.account)}
        assert set(found) == {"north", "south"} and found["south"].emergency
    finally:
        network.close()
