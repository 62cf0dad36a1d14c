"""A patient of this house on a page of the staff: nothing of her is shown before the look is written down."""

from typing import TYPE_CHECKING

from medrec.node.account.staff import StaffError, present
from medrec.node.refusals import Refusal
from medrec.node.release.practitioners import Practitioner
from medrec.node.right_person.finding import PURPOSES
from medrec.portal import words
from medrec.portal.page import PageError, Visit
from medrec.portal.session import Who, require

if TYPE_CHECKING:
    from medrec.node.node import Node


def practitioner(node: "Node", staff: str, name: str) -> Practitioner:
    """Who signs requests for a member of the staff; entered when she asks for the first time. Raises PageError."""
    try:
        return present(node, staff, name)
    except StaffError as error:
        raise PageError(403, error.code, error.sentence) from None


def purposes() -> list[tuple[str, str]]:
    """What a look may be for, with its words."""
    return [(purpose, words.OWN_PURPOSES[purpose]) for purpose in PURPOSES]


def look(node: "Node", visit: Visit, patient: str) -> None:
    """Write down a look with the form fields `purpose` and `reason`; an act in a form, and a further
    part of what she was shown, go on under the look before.

    In a demonstration, too, one patient's page opens only for who has signed in. Raises PageError.
    """
    session = require(visit, Who.CLINICIAN, Who.PRIVACY_OFFICER)
    if ("act" in visit.form or "part" in visit.form) and node.finder.has_looked(session.staff, patient):
        return
    who = practitioner(node, session.staff, session.name)
    purpose, reason = (visit.form.get(name, "").strip() for name in ("purpose", "reason"))
    try:
        node.finder.look(patient, who, purpose, reason)
    except Refusal as refusal:
        raise PageError(400, refusal.code, refusal.sentence) from None


def check_looked(node: "Node", visit: Visit, patient: str | None) -> None:
    """What an address alone opens is shown under a look that was written down before. Raises PageError."""
    session = visit.session
    if session is not None and patient and not node.finder.has_looked(session.staff, patient):
        raise PageError(403, "look-first")
