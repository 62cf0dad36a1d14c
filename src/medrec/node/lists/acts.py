"""Acts of people on a list: taken, checked, written down, handed on to whom the patient allows, kept for the list.

A patient's act goes from her agent to the organisations that she names in it, each of which writes it down; a
clinician's is written down where she works, told to the patient as every line is, and handed on to those who received
the patient's records from there, and to those whom it speaks against, if they may receive medicines from there: at
once, or when the patient lets them later (acts_later.py), by her agent where that alone knows who may hear it.
What it speaks against becomes requests to the sources (objecting.py).
"""

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sql
from msgspec import UNSET

from medrec.core import codec, manifests
from medrec.core.manifests.access import ReceivedManifest
from medrec.core.manifests.act_parts import Against, parted
from medrec.core.manifests.acts import (
    Act,
    ActKind,
    ActManifest,
    Subject,
    act_message,
    against_of,
    may_be_bare,
    misfit,
    narrowed,
    recipients_of,
    wordless,
)
from medrec.node.agent.own import is_served_by, person_here
from medrec.node.agent.standing_links import undone
from medrec.node.consent.consents import AHEAD_MS_MAX
from medrec.node.corrections.corrections_closed import supersede
from medrec.node.corrections.objecting import ask, gave, of_person
from medrec.node.keeping import outgoing, store
from medrec.node.keeping.journal import Draft, Person
from medrec.node.keeping.vault import Vault, VaultError
from medrec.node.lists import acts_former, acts_heard, acts_stood, acts_told, acts_whole, reviews
from medrec.node.lists.acts_kept import ACTS_PATH, KeptAct, hand_on, is_ended, list_act, list_act_brought, of_one
from medrec.node.lists.acts_whole import Whole
from medrec.node.lists.marks import marks, packed, unpacked
from medrec.node.looks.disputing import organisations
from medrec.node.refusals import Code, Refusal
from medrec.node.release.practitioners import Practitioner

if TYPE_CHECKING:
    from medrec.node.node import Node

SUMMARY = 35
_NOBODY: Mapping[str, Act] = MappingProxyType({})


class _Part(NamedTuple):
    """An act that is to be written down, with what stood here: whom it goes to (of a clinician's here), the copies that
    are to be brought, the marks of what it was of, and the matter of a notice."""

    whole: Whole
    hearers: Mapping[str, Act] = _NOBODY
    to: Mapping[str, Act] = _NOBODY
    seen: Sequence[bytes] = ()
    about: str = ""

    @property
    def act(self) -> Act:
        return self.whole.act


class Acts:
    """The acts that one organisation has written down."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        acts_former.name_all(node)

    def take(self, caller: str, act: Act, to: Sequence[str] = ()) -> bool:
        """Write down an act that was handed over, and in the same write what `to` is still to hear; False if it stands
        here already. Raises Refusal, StoreError."""
        node = self._node
        if act.network != node.network.hex():
            raise Refusal(Code.WRONG_NETWORK)
        if act.time > node.clock() + AHEAD_MS_MAX:
            raise Refusal(Code.FROM_THE_FUTURE)
        if misfit(act):
            raise Refusal(Code.MALFORMED, misfit(act))
        if act.author == "patient":
            if not {"*", node.organisation} & recipients_of(act) and node.agent is None:
                raise Refusal(Code.WRONG_ORGANISATION)
            node.consents.check_signature(act.account, act.key, act_message(act), act.signature)
            return self._keep([_Part(Whole(act), to=dict.fromkeys(to, act))])
        brought = act.organisation not in (caller, node.organisation) and is_served_by(node, act.account, caller)
        if act.organisation != caller and not brought:
            raise Refusal(Code.CREDENTIAL_FOREIGN)
        if not acts_told.genuine(node, act, caller):
            raise Refusal(Code.CREDENTIAL_BAD)
        if act.kind == "dismissed" or not (brought or self._listens_to(caller, act)):
            # A notice that somebody put away elsewhere is nobody's business here.
            raise Refusal(Code.NOT_PERMITTED)
        return self._keep([_Part(Whole(act), to=dict.fromkeys(to, act))], brought)

    def _listens_to(self, caller: str, act: Act) -> bool:
        """Whether this node had records of this person from the caller, or gave it the very record that the act speaks
        against: nobody else has a word in her list here, and none is told who is known here."""
        node, account = self._node, act.account
        if node.agent is not None and caller in organisations(node, account):
            return True
        with node.store.read() as connection:
            person = node.journal.person_of_account(connection, account)
            if person is None:
                return False
            for manifest in of_person(node, connection, person, "disclosure-received/1"):
                if isinstance(manifest, ReceivedManifest) and manifest.source == caller and manifest.records:
                    return True
            against = [one.manifest for one in against_of(act) if one.source == node.organisation]
            return any(gave(node, connection, person, caller, version) for version in against)

    def enter(
        self,
        account: str,
        practitioner: Practitioner,
        kind: ActKind,
        subjects: Sequence[Subject],
        words: str = "",
        notice: str | None = None,
        against: Sequence[Against] = (),
        seen: Sequence[bytes] | None = None,
        about: str = "",
    ) -> Act:
        """Write down what a clinician of this organisation says, and hand it on. Raises Refusal, StoreError.

        A review is an act of each medicine by itself, beside one that names none, which says that she was there and of
        what: this is returned. A copy of one tells nothing of the others, so each goes to whom it may go.

        `seen`: the marks (marks.mark) of the lines that the list held which she went through, or of those behind the
        notice that she puts away, which is `about` a matter; None: as the list of what is here has it.
        """
        subjects = [acts_stood.said_of(kind, one) for one in subjects]
        apart = [[], *([one] for one in subjects)] if kind == "reviewed" and subjects else [list(subjects)]
        if kind in ("changed", "stopped") and not acts_stood.is_there(self._node, account, subjects, against):
            raise Refusal(Code.NOT_ON_LIST)
        now = self._node.clock()
        acts = [
            # What she was there for names nothing.
            sign_as(
                self._node, account, practitioner, kind, of, words if of or len(apart) < 2 else "", notice, against, now
            )
            for of in apart
        ]
        for act in acts:
            if misfit(act):
                raise Refusal(Code.MALFORMED, misfit(act))
        if seen is None:
            about, seen = self._seen_here(acts[0])
        wholes = [Whole(act, found) for act, found in zip(acts, acts_stood.stood(self._node, acts), strict=True)]
        # A notice follows from what is seen here; that it was put away is no business of others, and she is told.
        handed = acts_heard.hearers(self._node, wholes) if kind != "dismissed" else [_NOBODY]
        parts = [_Part(whole, to, to) for whole, to in zip(wholes, handed, strict=True)]
        self._keep([parts[0]._replace(seen=seen, about=about), *parts[1:]])
        return acts[0]

    def _seen_here(self, act: Act) -> tuple[str, Sequence[bytes]]:
        """What a clinician has before her who sees nothing of others: the matter of a notice, and the marks."""
        if act.kind not in ("reviewed", "dismissed"):
            return "", ()
        shown = self._node.lists.of(act.account)
        rows = shown.read.rows
        if act.kind == "reviewed":
            return "", marks(rows)
        found = next((one for one in shown.notices if one.id == act.notice), None)
        return (found.about, reviews.behind(found, rows)) if found is not None else ("", ())

    def _keep(self, parts: Sequence[_Part], brought: bool = False) -> bool:
        """Write down what was said of one person's list at one instant; False if all of it stands here already, or was
        taken back."""
        node = self._node
        try:
            person = person_here(node, parts[0].act.account)
        except LookupError:
            raise Refusal(Code.NOT_LINKED) from None
        now = node.clock()
        # Receipts tell the places of lines: what most may hear stands first, so that little stands between it.
        drawn = sorted(parts, key=lambda part: (-len(part.hearers), not part.act.subjects, part.act.id))
        manifest = {part.act.id: self._manifest(part, now) for part in drawn}

        def write(connection: sql.Connection) -> bool:
            fresh = [part for part in drawn if not self._is_here(connection, part.act)]
            if not fresh:
                return False
            drafts = []
            for act in (part.act for part in fresh):
                summary = [SUMMARY, now, act.kind, bytes.fromhex(act.id)]
                drafts.append(Draft("list-act/1", manifest[act.id], person.id, None, summary))
            node.journal.append(connection, drafts)
            # Nor does the order in which they go out say whom else they go to.
            for part in sorted(fresh, key=lambda part: part.act.id):
                self._write(connection, person, part, manifest[part.act.id], now, brought)
            return True

        return node.store.write(write)

    def _manifest(self, part: _Part, now: int) -> bytes:
        act, node = part.act, self._node
        # What it says against records elsewhere is asked there; who reads it here, or its receipt, learns of none.
        here = act if node.agent is not None else narrowed(act, node.organisation)
        gone_through = act.kind == "reviewed" and act.organisation == node.organisation
        told = packed(part.seen) if gone_through else UNSET
        return manifests.encode(
            ActManifest("list-act/1", node.network.hex(), node.organisation, act.account, now, here, told)
        )

    def _is_here(self, connection: sql.Connection, act: Act) -> bool:
        """Whether an act stands here, or its organisation has taken it back meanwhile."""
        identifier = bytes.fromhex(act.id)
        of_this = of_one(identifier, act.organisation, act.account)
        stands = connection.execute(sql.select(list_act.c.id).where(of_this)).first() is not None
        return stands or is_ended(connection, identifier, act.organisation)

    def _write(
        self, connection: sql.Connection, person: Person, part: _Part, manifest: bytes, now: int, brought: bool
    ) -> None:
        node, act, seen = self._node, part.act, part.seen
        identifier, own = bytes.fromhex(act.id), act.organisation == node.organisation
        row = {"id": identifier, "organisation": act.organisation, "account": act.account}
        digest, sealed = hashlib.sha256(manifest).digest(), node.vault.seal(person.keys.data, manifest, identifier)
        connection.execute(sql.insert(list_act).values(**row, manifest=digest, time=now, sealed=sealed))
        if brought:
            connection.execute(sql.insert(list_act_brought).values(**row))
        if act.kind == "reviewed" and own and not act.subjects:
            reviews.keep(node, connection, person, identifier, seen)
        if part.about:
            reviews.keep_away(node, connection, person, identifier, bytes.fromhex(part.about), seen)
        self._ask_to_look(connection, act, now)
        ask(node, connection, act, part.hearers)
        supersede(node.journal, node.network.hex(), connection, act)
        hand_on(connection, identifier, act.account, list(part.hearers))
        if own:
            acts_whole.keep(node, connection, person, part.whole)
        if part.to:
            outgoing.queue(connection, node.vault, act.account, copies(part.to, now))

    def _ask_to_look(self, connection: sql.Connection, act: Act, now: int) -> None:
        """What the act says against a record of this organisation stands where its staff see what is to be done."""
        for one in against_of(act):
            if one.source == self._node.organisation:
                who = "The patient" if act.author == "patient" else "A clinician elsewhere"
                sentence = f"{who} says otherwise than {one.type}/{one.id}; look at it and correct it if she is right."
                row = {"time": now, "code": "list-contradicted", "subject": f"{one.type}/{one.id}"}
                connection.execute(sql.insert(store.alarm).values(**row, sentence=sentence))

    def of(self, account: str) -> list[KeptAct]:
        """Every act on a person's lists that is known here, oldest first, each once.

        At her agent this includes what organisations told of. What does not bear its author's signature is left out,
        and so is what came through a clinician's link that is undone, whatever time the act bears.
        """
        node = self._node
        found: dict[tuple[str, str], KeptAct] = {}
        with node.store.read() as connection:
            person = node.journal.person_of_account(connection, account)
            rows = connection.execute(sql.select(list_act).where(list_act.c.account == account)).all()
        ends = undone(node, account)
        for row in rows if person is not None else ():
            assert person is not None
            try:
                opened = manifests.decode(node.vault.open(person.keys.data, bytes(row.sealed), bytes(row.id)))
            except VaultError:
                # It was said under a link that is over, and its keys went with that.
                continue
            if isinstance(opened, ActManifest) and acts_told.is_after(ends, opened.act, row.time):
                seen = unpacked(opened.seen) if opened.seen is not UNSET else None
                kept = KeptAct(opened.act, bytes(row.manifest), row.time, seen)
                found[kept.name] = kept
        for kept in acts_told.told_of(node, account, ends):
            # A copy may have come without the words that another place told of it.
            if kept.name not in found or (kept.act.words and not found[kept.name].act.words):
                found[kept.name] = kept
            elif kept.seen is not None:
                # What was seen is told to her agent, and not in what is handed on.
                found[kept.name] = found[kept.name]._replace(seen=kept.seen)
        return sorted(found.values(), key=lambda kept: (kept.act.time, kept.act.id, kept.act.organisation))


def copies(told: Mapping[str, Act], now: int) -> list[dict[str, Any]]:
    """The rows of the outbox by which an act goes to places, to each its own copy of what it is told."""
    return [
        {"organisation": name, "path": ACTS_PATH, "payload": payload_for(act, name), "due": now}
        for name, act in told.items()
    ]


def payload_for(act: Act, place: str) -> bytes:
    """The copy of an act for a place, as it travels: canonical JSON."""
    return codec.encode_json(msgspec.to_builtins(narrowed(act, place)))


def heard(connection: sql.Connection, vault: Vault, organisations: Sequence[str], act: Act) -> None:
    """These have heard an act, or have said no: nothing of it waits for them. Inside `Store.write` only."""
    copies = {name: payload_for(act, name) for name in organisations}
    outgoing.heard(connection, vault, ACTS_PATH, act.account, copies)


def sign_as(
    node: "Node",
    account: str,
    practitioner: Practitioner,
    kind: ActKind,
    subjects: Sequence[Subject],
    words: str = "",
    notice: str | None = None,
    against: Sequence[Against] = (),
    now: int | None = None,
) -> Act:
    """What a clinician of this organisation says (at `now`), signed with her key. Raises Refusal for more than fits."""
    credential = practitioner.credential
    try:
        parts = parted(against, (), node.vault.random(32))
    except ValueError:
        raise Refusal(Code.TOO_LARGE) from None
    opened = msgspec.to_builtins(parts.opened)
    unsigned = manifests.made(
        {
            "network": node.network.hex(),
            "account": account,
            "id": node.vault.random(16).hex(),
            "kind": kind,
            "author": "clinician",
            "organisation": node.organisation,
            "name": credential.name,
            "time": node.clock() if now is None else now,
            "subjects": [msgspec.to_builtins(subject) for subject in subjects],
            "words": words,
            "notice": notice,
            "credential": msgspec.to_builtins(credential),
            # A review contradicts nobody, and has no marks to hide whom.
            **({} if kind == "reviewed" else {"marks": parts.marks, "to": [], "opened": opened}),
        },
        Act,
    )
    signature = practitioner.key.sign(act_message(unsigned)).signature
    act = msgspec.structs.replace(unsigned, signature=signature.hex())
    if may_be_bare(act):
        bare = practitioner.key.sign(act_message(wordless(act))).signature
        act = msgspec.structs.replace(act, bare=bare.hex())
    return act


def answer_acts(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/list-acts: CBOR array of acts (canonical JSON) -> CBOR array, true for each that stands.

    Each is judged by itself: one that is refused is false, and keeps no other back. Alone it is answered with why.
    """
    payloads = codec.decode(body)
    if type(payloads) is not list or any(type(payload) is not bytes for payload in payloads):
        raise Refusal(Code.MALFORMED)
    answers = []
    for payload in payloads:
        try:
            _take_one(node, caller, payload)
        except Refusal:
            if len(payloads) == 1:
                raise
            answers.append(False)
        else:
            answers.append(True)
    return codec.encode(answers)


def _take_one(node: "Node", caller: str, payload: bytes) -> None:
    try:
        act = msgspec.convert(codec.decode_json(payload), Act)
    except (codec.CodecError, msgspec.ValidationError, RecursionError):
        raise Refusal(Code.MALFORMED) from None
    node.acts.take(caller, act)
