"""Linking: an organisation ties its local patient to an account, at the desk, on a one-time code.

The desk makes a code for the patient in front of it; her agent presents the code with her signature and the keys of
the relationship, and the clerk compares the digits on both screens: nothing is linked before (waiting_links.py). From
then on her lines carry tags that only she, her agent and this organisation can compute.
Lines from before the link are handed over: their key goes sealed on the ledger with the link's own line, and
notices of them are queued.

The person states who she is with the code; what contradicts the local patient is refused and waits for a human. A link
is undone by either side (`unlink`): the account keeps its history, the local patient starts anew, and whatever was
signed for her is stated again without the account, so that a later, right link hands over all of it and nothing of
the wrong person's.
"""

import hashlib
import threading
from collections.abc import Callable
from typing import Any

import sqlalchemy as sql

from medrec.core import codec, matching, state
from medrec.core.credential import signed_by
from medrec.core.matching import Demographics
from medrec.core.records.canonical import RecordError, canonical
from medrec.engines.engine import Engine
from medrec.node.account import paper
from medrec.node.agent import own, redelivery
from medrec.node.keeping import charted, store
from medrec.node.keeping.journal import Journal, Person
from medrec.node.right_person import charts, given_codes, holding, looking_over, making, unlinking, waiting_links
from medrec.node.right_person.unlinking import EPOCH_USED
from medrec.node.right_person.waiting_links import Keys, WaitingLink

CODE_BYTES = 8
"""Sixty-four bits: a code is tried at one organisation alone, within fifteen minutes, and one wrong person ends it."""
PLACE_BYTES = 2
CODE_LIFE_MS = 15 * 60_000
UNLINK_LIFE_MS = 10 * 60_000
EPOCH_MAX = 1_000_000
UNLINK_PATH = "/medrec/unlink"
PAYLOAD = "MEDREC-LINK:1"


class LinkError(Exception):
    """A link was refused. `code` is a short name, the text one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def link_message(network: bytes, organisation: str, account: str, code: bytes) -> bytes:
    """What a person signs to be linked (32 bytes)."""
    return hashlib.sha256(b"medrec/link/1" + codec.encode([network, organisation, account, code])).digest()


def unlink_message(network: bytes, organisation: str, account: str, time: int) -> bytes:
    """What a person signs to undo her link (32 bytes); `time` in ms, ten minutes old at most."""
    return hashlib.sha256(b"medrec/unlink/1" + codec.encode([network, organisation, account, time])).digest()


def link_payload(network: bytes, organisation: str, code: bytes) -> str:
    """What the desk's QR code says, in the letters that QR codes hold best; eight digits of it are a check sum."""
    body = f"{PAYLOAD}:{organisation.upper()}:{code.hex().upper()}"
    return f"{body}:{_check(network, body)}"


def read_payload(network: bytes, text: str) -> tuple[str, bytes]:
    """Organisation and code of a payload, as scanned or typed. Raises LinkError."""
    body, _, check = text.strip().upper().rpartition(":")
    if not body.startswith(PAYLOAD + ":") or check != _check(network, body):
        raise LinkError("not-a-code", "This is no code of a desk of this network, or it was misread; scan it again.")
    _, _, organisation, code = body.split(":")
    return organisation.lower(), bytes.fromhex(code)


def link_words(network: bytes, organisation: str, code: bytes) -> str:
    """The code as six words to type (paper.to_words); two of its bytes tell which organisation is meant."""
    return paper.to_words(code + _place(network, organisation))


def read_words(network: bytes, organisations: list[str], text: str) -> tuple[str, bytes]:
    """Organisation and code of typed words, of those organisations that may be meant. Raises LinkError."""
    try:
        typed = paper.from_words(text, CODE_BYTES + PLACE_BYTES)
    except paper.PaperError as error:
        raise LinkError("not-a-code", str(error)) from None
    found = [one for one in organisations if _place(network, one) == typed[CODE_BYTES:]]
    if len(found) != 1:
        raise LinkError("not-a-code", "This is no code of a desk of this network; ask at the desk.")
    return found[0], typed[:CODE_BYTES]


def _place(network: bytes, organisation: str) -> bytes:
    return hashlib.sha256(b"medrec/link-place/1" + network + organisation.encode()).digest()[:PLACE_BYTES]


def _check(network: bytes, body: str) -> str:
    return hashlib.sha256(b"medrec/link-payload/1" + network + body.encode()).hexdigest()[:8].upper()


def no_source(_kind: str, _identifier: str) -> bytes | None:
    """The reading of a node without records."""
    return None


class Linker:
    """The organisation's side of linking. `read` gives the raw bytes of a record where it lives."""

    def __init__(
        self,
        journal: Journal,
        engine: Engine,
        network: bytes,
        clock: Callable[[], int],
        read: Callable[[str, str], bytes | None] = no_source,
    ) -> None:
        self._journal = journal
        self._one = threading.Lock()
        self._read = read
        self._engine = engine
        self._network = network
        self._clock = clock

    def invite(
        self, patient: str, life_ms: int = CODE_LIFE_MS, *, at_desk: bool = False, whose: tuple[str, str] | None = None
    ) -> bytes:
        """A one-time code for a local patient; what becomes of a desk's is kept. `whose`: account and agent that alone
        may present it."""
        code = self._journal.vault.random(CODE_BYTES)
        now = self._clock()
        row = {"code": _digest(code), "patient": patient, "expires": now + life_ms}

        def write(connection: sql.Connection) -> None:
            connection.execute(sql.insert(store.invitation).values(**row))
            if at_desk:
                given_codes.enter(connection, _digest(code), patient, now, now + life_ms)
            if whose is not None:
                given_codes.is_for(connection, _digest(code), *whose, now, now + life_ms)

        self._journal.store.write(write)
        return code

    def accept(self, caller: str, body: bytes) -> bytes:
        """Answer an agent that presents a code: CBOR {account, code, epoch, key, relationship, seal, signature}, and
        where the person states who she is {birth, family, given} under `demographics`.

        Returns CBOR {"relationship": key of the lines before, "lines": how many}, and for a code that the desk gave
        {"waiting": True}: nothing is linked before the clerk has compared (waiting_links.py). Raises LinkError.
        """
        try:
            asked = codec.decode(body)
            account, code, key = asked["account"], asked["code"], asked["key"]
            relationship, seal, signature = asked["relationship"], asked["seal"], asked["signature"]
            epoch = int(asked["epoch"])
            if any(type(part) is not bytes or len(part) != 32 for part in (relationship, seal)):
                raise ValueError
            if (type(account), type(code), type(key), type(signature)) != (str, bytes, bytes, bytes):
                raise ValueError
            if not 1 <= epoch <= EPOCH_MAX:
                raise ValueError
            stated = _stated(asked.get("demographics"))
        except (codec.CodecError, KeyError, TypeError, ValueError):
            raise LinkError("malformed", "The request to link is not readable.") from None
        self._check_signature(account, code, key, signature)
        digest, keys = _digest(code), Keys(caller, epoch, relationship, seal)
        if not given_codes.may_present(self._journal.store, digest, account, caller):
            raise LinkError("another-person", "This code is for somebody else, who asked to be found.")
        desk = given_codes.gave(self._journal.store, digest)
        if desk and (stated is None or not (stated.birth and stated.family and stated.given)):
            raise LinkError("says-nothing", "A code of the desk needs your family name, given name and date of birth.")
        # One after the other: of two guesses at the same moment the second finds the code used up by the first.
        with self._one:
            who = self._confirmed(account, code, stated)
            if desk and self._is_second(account, digest):
                given_codes.second(self._journal.store, digest)
                raise LinkError("already-linked", "This account is already linked here.")
            if desk and who is not None:
                check = given_codes.link_check(self._network, self._journal.organisation, account, code)
                said = stated or who
                return self._journal.store.write(lambda c: self._wait(c, account, digest, keys, said, check))
            return self._journal.store.write(lambda c: self._accept(c, account, digest, keys, who))

    def _confirmed(self, account: str, code: bytes, stated: Demographics | None) -> Demographics | None:
        """Who the local patient of a code is, if the person states nothing else. Raises LinkError, and then the code
        is used up: a second guess needs a second visit to the desk."""
        with self._journal.store.read() as connection:
            patient = connection.execute(
                sql.select(store.invitation.c.patient).where(store.invitation.c.code == _digest(code))
            ).scalar()
        local = self.patient(patient) if patient is not None else None
        if stated is None or local is None:
            return local or stated
        if not matching.contradictions(local, stated):
            return matching.filled(local, stated)
        time = self._clock()
        sentence = (
            f"Somebody with the code for Patient/{patient} states other demographics than this place has; the code was "
            "taken back. Look at her papers, and give a new code if it is she."
        )

        def write(connection: sql.Connection) -> None:
            connection.execute(sql.delete(store.invitation).where(store.invitation.c.code == _digest(code)))
            given_codes.settle(connection, _digest(code), given_codes.CONTRADICTED)
            connection.execute(
                sql.insert(store.alarm).values(
                    time=time, code="link-contradicted", subject=f"Patient/{patient}", sentence=sentence
                )
            )

        self._journal.store.write(write)
        raise LinkError("another-person", "What you state does not fit the patient of this code; ask at the desk.")

    def patient(self, patient: str) -> Demographics | None:
        """The demographics of a local patient as her record has them now; None where there is none."""
        raw = self._read("Patient", patient)
        try:
            return None if raw is None else matching.of_patient(canonical(raw).value)
        except RecordError:
            return None

    def redeliver(self, caller: str, body: bytes) -> bytes:
        """Queue notices again that an agent found anchored but never got: CBOR {account, epoch, counters}.

        Returns CBOR of how many were queued. Only the agent that serves the account is answered.
        """
        try:
            asked = codec.decode(body)
            account, epoch, counters = str(asked["account"]), int(asked["epoch"]), [int(c) for c in asked["counters"]]
        except (codec.CodecError, KeyError, TypeError, ValueError):
            raise LinkError("malformed", "The request for notices is not readable.") from None
        return codec.encode(
            self._journal.store.write(
                lambda connection: self._queue_again(connection, caller, account, epoch, set(counters))
            )
        )

    def queue_all(self, connection: sql.Connection, account: str, agent: str) -> int:
        """Queue every notice of a linked person for the agent that serves her now; how many. Raises LinkError."""
        try:
            return redelivery.queue_all(self._journal, connection, account, agent)
        except redelivery.NotLinkedError:
            raise LinkError(redelivery.NOT_LINKED, "This account is not linked here.") from None

    def _queue_again(
        self, connection: sql.Connection, caller: str, account: str, epoch: int, counters: set[int]
    ) -> int:
        try:
            return redelivery.queue_again(self._journal, connection, caller, account, epoch, counters)
        except redelivery.NotLinkedError:
            raise LinkError(redelivery.NOT_LINKED, "This agent does not serve this account here.") from None

    def _check_signature(self, account: str, code: bytes, key: bytes, signature: bytes) -> None:
        with self._engine.view() as view:
            found = state.account(view, account)
        credential = found.credentials.get(key.hex()) if found is not None else None
        message = link_message(self._network, self._journal.organisation, account, code)
        if credential is None or type(signature) is not bytes or not signed_by(credential, message, signature):
            raise LinkError("not-the-account", "The account's holder did not sign this link.")

    def _wait(
        self, connection: sql.Connection, account: str, digest: bytes, keys: Keys, stated: Demographics, check: str
    ) -> bytes:
        """A code of the desk was presented: nothing is linked and nothing told before the clerk has compared."""
        now, vault = self._clock(), self._journal.vault
        if not waiting_links.again(connection, vault, digest, account, keys, now):
            patient = self._invited(connection, digest)
            self._free(connection, account, patient, keys)
            connection.execute(sql.delete(store.invitation).where(store.invitation.c.code == digest))
            given_codes.settle(connection, digest, given_codes.LINKED, check)
            waiting_links.enter(connection, vault, digest, WaitingLink(account, patient, keys, stated), now)
        return codec.encode({"waiting": True})

    def finish(self, connection: sql.Connection, waiting: WaitingLink) -> None:
        """The clerk has compared the digits of a link that waited: it is made. Inside `Store.write` only.

        Raises LinkError where somebody was linked meanwhile, or the patient's record says somebody else by now.
        """
        who = self.patient(waiting.patient)
        if who is None or matching.contradictions(who, waiting.stated):
            raise LinkError("another-person", "What was stated does not fit the patient of this code any more.")
        who = matching.filled(who, waiting.stated)
        self._link(connection, waiting.account, waiting.patient, waiting.keys, who)

    def _accept(
        self, connection: sql.Connection, account: str, digest: bytes, keys: Keys, who: Demographics | None
    ) -> bytes:
        patient = self._invited(connection, digest)
        answer = self._link(connection, account, patient, keys, who)
        connection.execute(sql.delete(store.invitation).where(store.invitation.c.code == digest))
        return answer

    def _invited(self, connection: sql.Connection, digest: bytes) -> str:
        """The local patient of a code. Raises LinkError."""
        found = connection.execute(sql.select(store.invitation).where(store.invitation.c.code == digest)).one_or_none()
        if found is None or found.expires < self._clock():
            raise LinkError("code-unknown", "The code was used, has run out, or was never given; ask at the desk.")
        return str(found.patient)

    def _free(self, connection: sql.Connection, account: str, patient: str, keys: Keys) -> Person:
        """The person of a local patient, whom this account may be linked to. Raises LinkError."""
        mine = self._journal.person_of_account(connection, account)
        if mine is not None and not self._may_join(connection, mine, patient):
            raise LinkError("already-linked", "This account is already linked here.")
        before = self._journal.person(connection, self._journal.person_of_patient(connection, patient))
        if before.account is not None:
            raise LinkError("already-linked", "This patient is already linked to an account.")
        served = unlinking.served(connection, self._journal.vault, keys.epoch, keys.relationship)
        if served or (mine is not None and mine.epoch == keys.epoch):
            raise LinkError(EPOCH_USED, "These keys served a link that was undone since; link with the next ones.")
        return before

    def _is_second(self, account: str, digest: bytes) -> bool:
        """Whether whoever presents a code is linked to a chart here that is not of the same person as the code's."""
        with self._journal.store.read() as connection:
            mine = self._journal.person_of_account(connection, account)
            chosen = sql.select(store.invitation.c.patient).where(store.invitation.c.code == digest)
            patient = connection.execute(chosen).scalar()
            if mine is None or patient is None or patient in charted.numbers(connection, mine.id):
                return False
            return not self._may_join(connection, mine, patient)

    def _may_join(self, connection: sql.Connection, mine: Person, patient: str) -> bool:
        """Whether a local patient may be a further chart of a person who is linked here: nothing of hers contradicts
        who that is. What an agent keeps of those whom it serves is no chart, and nothing is filed beside it."""
        who, local = holding.known(connection, self._journal.vault, mine.id), self.patient(patient)
        if mine.patient == own.handle(mine.account or ""):
            return False
        return who is None or local is None or not matching.contradictions(who, local)

    def _link(
        self, connection: sql.Connection, account: str, patient: str, keys: Keys, who: Demographics | None
    ) -> bytes:
        before = self._free(connection, account, patient, keys)
        mine = self._journal.person_of_account(connection, account)
        maker = making.Maker(connection, self._journal, self._network, self._read)
        if mine is None:
            made = maker.make(before, account, keys, who)
            return codec.encode({"relationship": made.relationship, "lines": made.lines})
        made = maker.make_further(mine, before, keys, who)
        return codec.encode({"relationship": made.relationship, "lines": made.lines, "chart": charts.FURTHER})

    def unlink(self, patient: str) -> bool:
        """Undo the link of a local patient, as the desk or the privacy officer decides; False if there is none. Of two
        charts of one person the link of this one ends, and the other one's stands."""
        return self._journal.store.write(lambda connection: self.undo(connection, patient))

    def undo(self, connection: sql.Connection, patient: str) -> bool:
        """The same, inside `Store.write` only."""
        journal, network = self._journal, self._network
        identifier = connection.execute(sql.select(store.person.c.id).where(charted.under(patient))).scalar()
        done = unlinking.undo_chart(connection, journal, network, patient, self._read)
        if done and identifier is not None and charted.numbers(connection, identifier):
            # What her other chart says of the one that is gone is a doubt again.
            looking_over.charts(connection, journal, network.hex(), int(identifier), self._read)
            looking_over.blood(connection, journal, network.hex(), int(identifier), self._read)
        return done

    def unlink_asked(self, caller: str, body: bytes) -> bytes:
        """Undo a link because the person wants it: CBOR {account, key, signature, time}. Raises LinkError."""
        try:
            asked = codec.decode(body)
            account, key, signature, time = str(asked["account"]), asked["key"], asked["signature"], int(asked["time"])
            message = unlink_message(self._network, self._journal.organisation, account, time)
        except (codec.CodecError, KeyError, TypeError, ValueError):
            raise LinkError("malformed", "The request to undo a link is not readable.") from None
        if abs(self._clock() - time) > UNLINK_LIFE_MS:
            raise LinkError("stale", "The request to undo a link is too old; sign it again.")
        with self._engine.view() as view:
            found = state.account(view, account)
        credential = found.credentials.get(key.hex()) if found is not None and type(key) is bytes else None
        if credential is None or type(signature) is not bytes or not signed_by(credential, message, signature):
            raise LinkError("not-the-account", "The account's holder did not sign this.")
        where, journal = store.person.c.account == account, self._journal

        def write(connection: sql.Connection) -> bool:
            # Sent once more by whoever kept it, it would undo the link that she has made since.
            fresh = unlinking.use(connection, message, self._clock(), 2 * UNLINK_LIFE_MS)
            if fresh:
                waiting_links.forget(connection, account)
            return fresh and unlinking.undo(connection, journal, self._network, where)

        return codec.encode(journal.store.write(write))


def _stated(value: Any) -> Demographics | None:
    """Who a person says that she is. Raises ValueError."""
    if value is None:
        return None
    if not isinstance(value, dict) or any(type(part) is not str or len(part) > 200 for part in value.values()):
        raise ValueError
    return Demographics(value.get("family", ""), value.get("given", ""), value.get("birth", ""))


def _digest(code: bytes) -> bytes:
    return hashlib.sha256(b"medrec/invitation/1" + code).digest()
