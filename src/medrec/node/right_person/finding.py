"""Finding a patient of one's own house: by local number, by account, or by name and birth date.

Opening the screen of somebody who has been found is a look, and stands in the journal with its reason before anything
is shown.
"""

import threading
import unicodedata
from collections.abc import Set
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.access import Request
from medrec.core.manifests.inside import OwnLookManifest
from medrec.node.keeping import charted, store
from medrec.node.keeping.journal import Draft
from medrec.node.refusals import Code, Refusal
from medrec.node.release.practitioners import Practitioner

if TYPE_CHECKING:
    from medrec.node.node import Node

FOUND_MAX = 20
WORDS_LENGTH_MIN = 2
LOOK_LIFE_MS = 3_600_000
"""So long goes on what a look began: one who acts on a list, or opens a version from it, does not look anew."""
REASON_LENGTH_MIN = 10
PURPOSES = ("TREAT", "CAREMGT", "HPAYMT", "HOPERAT")


class Found(NamedTuple):
    """A patient of this house; `account` is None for one who is not linked. Birth date and gender as recorded."""

    patient: str
    name: str
    birth: str
    gender: str
    account: str | None


class Finder:
    """The patients of one organisation by what people know of them; what was read is remembered by its version."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._lock = threading.Lock()
        self._read: dict[str, tuple[bytes, Found, frozenset[str]]] = {}
        # Of whom, and when: (who looks, local number) -> (the row that the number was of, ms).
        self._looks: dict[tuple[str, str], tuple[int, int]] = {}

    def find(self, text: str, birth: str = "") -> list[Found]:
        """Everybody who fits, by name, at most FOUND_MAX. All words of `text` must fit; `birth` is YYYY-MM-DD or "".

        Raises Refusal (search-too-short), StoreError.
        """
        wanted = _folded(text).split()
        if sum(len(word) for word in wanted) < WORDS_LENGTH_MIN:
            raise Refusal(Code.SEARCH_TOO_SHORT)
        with self._lock:
            found = [found for _, found, words in self._known() if _fits(wanted, found, words, text.strip())]
        chosen = [one for one in found if not birth or one.birth == birth]
        return sorted(chosen, key=lambda one: (_folded(one.name), one.patient))[:FOUND_MAX]

    def patient(self, identifier: str) -> Found | None:
        """A patient by local number."""
        with self._lock:
            return next((found for _, found, _ in self._known() if found.patient == identifier), None)

    def linked(self, accounts: Set[str]) -> dict[str, str]:
        """The local numbers of the patients who have these accounts, by account."""
        if not accounts:
            return {}
        with self._lock:
            known = {found.patient for _, found, _ in self._known() if found.account in accounts}
        with self._node.store.read() as connection:
            numbers = {
                account: charted.numbers(connection, person)
                for account, person in connection.execute(
                    sql.select(store.person.c.account, store.person.c.id).where(store.person.c.account.in_(accounts))
                ).all()
            }
        # Of several charts the one that was linked first.
        found = {account: next((one for one in hers if one in known), None) for account, hers in numbers.items()}
        return {account: patient for account, patient in found.items() if patient is not None}

    def open(self, patient: str, who: Practitioner, purpose: str, reason: str) -> Found:
        """Write down that somebody opens a patient's screen, and why; then who the patient is.

        Raises Refusal (unknown-person, reason-missing), StoreError.
        """
        found = self.patient(patient)
        if found is None:
            # Why comes first: without a reason nobody learns who is here.
            _said(purpose, reason)
            raise Refusal(Code.UNKNOWN_PERSON)
        self.look(patient, who, purpose, reason)
        return found

    def look(self, patient: str, who: Practitioner, purpose: str, reason: str) -> None:
        """Write down that somebody looks at what is here of a patient, and why. Her Patient record need not be here.

        Raises Refusal (unknown-person, reason-missing), StoreError.
        """
        reason, node, now = _said(purpose, reason), self._node, self._node.clock()
        request: Request = who.request(node.vault.random(16), purpose, reason, door="view")

        def write(connection: sql.Connection) -> tuple[int, list[str]]:
            column = store.person.c
            hers = sql.select(column.id, column.account).where(charted.under(patient))
            person = connection.execute(hers).first()
            if person is None:
                raise Refusal(Code.UNKNOWN_PERSON)
            manifest = OwnLookManifest(
                "own-look/1", node.network.hex(), node.organisation, person.account or "", now, request
            )
            summary = [71, now, request.purpose]
            node.journal.append(connection, [Draft("own-look/1", manifests.encode(manifest), person.id, None, summary)])
            return int(person.id), charted.numbers(connection, person.id)

        # Whoever looks under one number of hers looks at her.
        row, hers_too = node.store.write(write)
        with self._lock:
            self._looks = {key: (of, at) for key, (of, at) in self._looks.items() if now < at + LOOK_LIFE_MS}
            for one in (patient, *hers_too):
                self._looks[who.credential.id, one] = row, now

    def has_looked(self, staff: str, patient: str) -> bool:
        """Whether a member of the staff wrote down a look at this patient that still goes on."""
        with self._lock:
            row, at = self._looks.get((staff, patient), (0, 0))
        if not row or self._node.clock() >= at + LOOK_LIFE_MS:
            return False
        # A chart that was found to be somebody else's is of another row, and its person is not who was looked at.
        with self._node.store.read() as connection:
            return bool(connection.execute(sql.select(store.person.c.id).where(charted.under(patient))).scalar() == row)

    def _known(self) -> list[tuple[bytes, Found, frozenset[str]]]:
        column = store.record.c
        number = sql.func.coalesce(charted.chart.c.patient, store.person.c.patient).label("patient")
        with self._node.store.read() as connection:
            rows = connection.execute(
                sql.select(column.id, column.manifest, number, store.person.c.account)
                .join_from(store.record, store.person, column.person == store.person.c.id)
                .outerjoin(charted.chart, charted.chart.c.patient == column.id)
                .where(column.type == "Patient", column.action != "delete", store.person.c.patient.is_not(None))
            ).all()
        kept: dict[str, tuple[bytes, Found, frozenset[str]]] = {}
        for row in rows:
            before = self._read.get(row.id)
            if before is None or before[0] != bytes(row.manifest):
                before = (bytes(row.manifest), *self._describe(row))
            kept[row.id] = (before[0], before[1]._replace(account=row.account), before[2])
        self._read = kept
        return list(kept.values())

    def _describe(self, row: Any) -> tuple[Found, frozenset[str]]:
        try:
            raw = self._node.source.read("Patient", row.id)
            value = msgspec.json.decode(raw) if raw is not None else {}
        except (OSError, Refusal, msgspec.DecodeError):
            value = {}
        value = value if isinstance(value, dict) else {}
        names = [_name(entry) for entry in value.get("name") or () if isinstance(entry, dict)]
        identifiers = [
            str(entry.get("value", "")) for entry in value.get("identifier") or () if isinstance(entry, dict)
        ]
        words = frozenset(word for text in (*names, *identifiers) for word in _folded(text).split())
        found = Found(
            row.patient, names[0] if names else "", str(value.get("birthDate", "")), str(value.get("gender", "")), None
        )
        return found, words


def _said(purpose: str, reason: str) -> str:
    """The reason of a look as it is written down. Raises Refusal (reason-missing)."""
    reason = " ".join(reason.split())
    if purpose not in PURPOSES or len(reason) < REASON_LENGTH_MIN:
        raise Refusal(Code.REASON_MISSING)
    return reason[:500]


def _fits(wanted: list[str], found: Found, words: frozenset[str], text: str) -> bool:
    if text in (found.patient, found.account):
        return True
    return all(any(word.startswith(part) for word in words) for part in wanted)


def _name(entry: dict[str, Any]) -> str:
    given = entry.get("given")
    parts = [str(part) for part in given] if isinstance(given, list) else []
    whole = " ".join([*parts, str(entry.get("family", ""))]).strip()
    return whole or str(entry.get("text", ""))


def _folded(text: str) -> str:
    """Small letters without accents and signs, so that Özil-Brown is found by "ozil brown"."""
    letters = [sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign)]
    return "".join(sign if sign.isalnum() else " " for sign in letters)
