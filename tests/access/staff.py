"""What of somebody's the staff of a place may see, page by page: all else is asked of them as of everybody."""

from medrec.portal.session import STAFF, Session, Who

MARKS = (b"Zebulon", b"zebulon", b"QUIVERING", b"rec-of-z")
"""What must never be seen by anybody else: his name, his patient id, a word of his record, the id of his record."""
MAY_SEE = {
    # Why somebody of the place looked is told to its own officer, in whatever words it was said.
    ("north", Who.PRIVACY_OFFICER, "office"): (b"QUIVERING",),
    ("north", Who.PRIVACY_OFFICER, "looks_export"): (b"QUIVERING",),
    # Whom the agent serves, by the name that he gave.
    ("guide", Who.PRIVACY_OFFICER, "people"): (b"Zebulon",),
}
"""(organisation, role, page) -> the marks that may stand there. A desk sees no word of a record, and the staff of an
agent, which has no records of its own, nothing of his."""


def may_see(organisation: str, session: Session | None, page: str) -> tuple[bytes, ...]:
    """The marks that whoever has signed in may see on a page of this name."""
    staff = session is not None and session.who in STAFF
    return MAY_SEE.get((organisation, session.who, page), ()) if staff and session is not None else ()


def clean(answer: bytes, allowed: tuple[bytes, ...] = ()) -> bool:
    """Whether none of his marks stands in an answer, but for those that are `allowed`."""
    return not any(mark in answer for mark in MARKS if mark not in allowed)
