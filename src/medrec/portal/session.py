"""Sessions: who has signed in, as whom, for how long; and the one question every page asks, `require`.

A session is a random token in a cookie; here only its SHA-256 is kept, in the process's memory, so neither a disk nor a
log holds one, and a restarted node asks everybody to sign in again. It ends when nobody asked for anything for fifteen
minutes (what a page asks by itself does not count), and at the latest after a working day. It gets a new token
whenever its rights change. A session never signs anything: what is to last is signed with the key, each time.
"""

import hashlib
import hmac
import threading
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from medrec.portal.page import PageError
from medrec.portal.room import Room

if TYPE_CHECKING:
    from medrec.portal.page import Visit

TOKEN_BYTES = 32
BY_ITSELF = "medrec-by-itself"
"""The header by which a script of ours says that it asks by itself, while nobody touches anything; in an address, the
parameter by which a page without a script says so."""
IDLE_MS = 15 * 60_000
WHOLE_MS = 8 * 3_600_000
SESSIONS_MAX, SESSIONS_OF_ONE_MAX = 100_000, 1_000


class Who(Enum):
    """As whom somebody has signed in. A person who acts for another is a DELEGATE as long as she does. Who is RETURNING
    has a new key that opens nothing yet; who is FROZEN a key of an account that stands still."""

    PATIENT = "patient"
    DELEGATE = "delegate"
    CLINICIAN = "clinician"
    DESK = "desk"
    PRIVACY_OFFICER = "privacy-officer"
    OPERATOR = "operator"
    HELPER = "helper"
    RETURNING = "returning"
    FROZEN = "frozen"


PEOPLE = (Who.PATIENT, Who.DELEGATE)
STAFF = (Who.CLINICIAN, Who.DESK, Who.PRIVACY_OFFICER, Who.OPERATOR)


class Session(NamedTuple):
    """One signing in. `account` is the person's own ("" for staff), `staff` the id of a member of the staff ("" for
    people), `acting_for` the account of the person somebody acts for ("" for nobody), `delegation` the SHA-256 of the
    statement that lets her, `kinds` the FHIR types it is limited to (none: all). `key` is the id of the key that signed
    in, `credential` the id by which browsers know it; `case` the new key that waits for its account (returning.py);
    `read` the pages that a helper has read since she took up to act; `csrf` goes into every form."""

    who: Who
    name: str
    account: str = ""
    staff: str = ""
    acting_for: str = ""
    acting_for_name: str = ""
    delegation: bytes = b""
    kinds: tuple[str, ...] = ()
    key: bytes = b""
    credential: bytes = b""
    case: bytes = b""
    read: tuple[str, ...] = ()
    csrf: str = ""
    began: int = 0
    seen: int = 0

    @property
    def subject(self) -> str:
        """The account whose record this session is about: the one acted for, else one's own, "" for staff."""
        return self.acting_for or self.account

    @property
    def owner(self) -> str:
        """Who has signed in, under one name for people, staff and new keys that wait."""
        if self.case:
            return f"case {self.case.hex()}"
        return f"staff {self.staff}" if self.staff else self.account

    @property
    def over(self) -> int:
        """When the session ends if nothing more is asked for."""
        return min(self.seen + IDLE_MS, self.began + WHOLE_MS) + 1

    @property
    def practitioner(self) -> str:
        """The name as it stands in a log line, both names where somebody acts for another."""
        return f"{self.name} for {self.acting_for_name}" if self.acting_for else self.name


class Sessions:
    """The sessions of one site; safe to use from several threads."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._lock = threading.Lock()
        self._open: Room[Session] = Room(SESSIONS_OF_ONE_MAX, SESSIONS_MAX)

    def open(self, session: Session, now: int, site: str = "") -> str:
        """Begin a session; the token for the cookie. `site` is where a new key comes from that is nobody's yet."""
        token, csrf = self._fresh(), self._fresh()
        begun = session._replace(csrf=csrf, began=now, seen=now)
        self._open.put(_digest(token), begun, begun.owner, begun.over, now, site)
        return token

    def find(self, token: str, now: int, *, touched: bool = True) -> Session | None:
        """The session of a token, which lives on where a person touched something; None if there is none or it has
        ended."""
        with self._lock:
            session = self._open.get(_digest(token), now)
            if session is None or not touched:
                return session
            session = session._replace(seen=now)
            self._open.renew(_digest(token), session, session.over)
            return session

    def change(self, token: str, session: Session, now: int) -> str:
        """The session goes on with other rights, under a new token; its end stays."""
        before = self._open.take(_digest(token), now)
        if before is None:
            raise PageError(401, "sign-in")
        fresh = self._fresh()
        changed = session._replace(csrf=self._fresh(), began=before.began, seen=now)
        self._open.put(_digest(fresh), changed, changed.owner, changed.over, now)
        return fresh

    def lessen(self, token: str, session: Session, now: int) -> None:
        """The session goes on with fewer rights, under the same token."""
        with self._lock:
            before = self._open.get(_digest(token), now)
            if before is not None:
                less = session._replace(csrf=before.csrf, began=before.began, seen=before.seen)
                self._open.renew(_digest(token), less, less.over)

    def close(self, token: str, now: int) -> None:
        """End a session."""
        self._open.take(_digest(token), now)

    def _fresh(self) -> str:
        return self._random(TOKEN_BYTES).hex()


def require(visit: "Visit", *roles: Who) -> Session:
    """The session of a visit, if it is in one of these roles (none named: any). Raises PageError 401 or 403."""
    if visit.session is None:
        raise PageError(401, "sign-in")
    if roles and visit.session.who not in roles:
        raise PageError(403, "not-your-page")
    return visit.session


def require_subject(visit: "Visit", account: str, *, heeds_kinds: bool = False) -> Session | None:
    """The session of a visit that is about this account's record; None in a demonstration that nobody signed in to.

    A helper who is limited to some kinds of records reads only pages that heed `session.kinds` and say so. Raises
    PageError: for anybody else the person is as unknown as one who does not exist.
    """
    if visit.session is None:
        if visit.demonstration:
            return None
        raise PageError(401, "sign-in")
    if visit.session.who not in PEOPLE or visit.session.subject != account:
        raise PageError(404, "unknown-person")
    if visit.session.kinds and not heeds_kinds:
        raise PageError(403, "limited-helper")
    return visit.session


def check_csrf(session: Session | None, given: str) -> None:
    """A form or call that changes something has to bring the session's own token. Raises PageError."""
    if session is not None and not hmac.compare_digest(session.csrf.encode(), given.encode()):
        raise PageError(403, "form-stale")


def _digest(token: str) -> str:
    return hashlib.sha256(b"medrec/session/1" + token.encode("utf-8", "replace")).hexdigest()
