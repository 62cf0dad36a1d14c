"""Looks at one patient of the house: who is signed in says why, and it stands in the journal before anything shows."""

from typing import TYPE_CHECKING

from medrec.node.refusals import Code, Refusal
from medrec.node.staff import StaffError, present
from medrec.portal.page import PageError, Visit
from medrec.portal.session import Who

if TYPE_CHECKING:
    from medrec.node.node import Node


def look(node: "Node", visit: Visit, patient: str) -> None:
    """Write down that a clinician looks at this patient, with the form fields `purpose` and `reason`. Raises PageError.

    Somebody who is not on record is shown nothing, and no look is written.
    """
    session = visit.session
    if session is None or session.who is not Who.CLINICIAN:
        return
    try:
        who = present(node, session.staff, session.name)
        node.finder.open(patient, who, visit.form.get("purpose", "TREAT"), visit.form.get("reason", ""))
    except StaffError as error:
        raise PageError(403, error.code, error.sentence) from None
    except Refusal as refusal:
        if refusal.reason is not Code.UNKNOWN_PERSON:
            raise PageError(400, refusal.code, refusal.sentence) from None
