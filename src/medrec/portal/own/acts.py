"""Acts: what a person is about to sign, from the form that began it to the signature that ends it.

An act waits in memory for ten minutes. It is signed on the signing page (signing.py), which shows it in sentences and
in every field that is signed. Nothing is done before the signature is here, and it can be done once; what a place
refused or could not hear is left, and can be signed again.
"""

import html
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from markupsafe import Markup

from medrec.node.account import devices, staff
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Refusal
from medrec.portal import acting, render, sign_in, words
from medrec.portal.own import ground
from medrec.portal.own.ground import Ground
from medrec.portal.own.whose import Whose, whose
from medrec.portal.page import Changed, Go, PageError, Visit
from medrec.portal.room import Room
from medrec.portal.signing import desk_of, piece_of

if TYPE_CHECKING:
    from medrec.node.node import Node

LIFE_MS = 10 * 60_000
ACTS_MAX, ACTS_OF_A_KEY_MAX = 10_000, 20
ID_BYTES = 16
Sign = Callable[[bytes], tuple[bytes, bytes]]


class Part(NamedTuple):
    """One signature: SHA-256(tag || statement) is signed; `finish` does it with the packed proof.

    `statement` is text as it is shown; a `binary` one is shown in hex. `contents` are the texts whose fingerprints
    stand in it, or in a text before them: she reads them before she signs.
    """

    tag: str
    statement: bytes
    message: bytes
    finish: Callable[[bytes], None]
    binary: bool = False
    contents: tuple[str, ...] = ()


class Act(NamedTuple):
    """What waits for a signature: whose, in which sentences, its parts, and where to go on when it is done.

    `changes` are sentences that say what would follow; `key` is the id of the key that has to sign; `ground` is what it
    was worked out from, as it was when it began.
    """

    account: str
    sentences: list[Markup]
    changes: list[Markup]
    parts: tuple[Part, ...]
    key: bytes
    back: str
    done: str
    until: int = 0
    ground: Ground | None = None


class Acts:
    """The acts of one node's people."""

    def __init__(self) -> None:
        self._waiting: Room[Act] = Room(ACTS_OF_A_KEY_MAX, ACTS_MAX)
        self._lent: dict[str, tuple[bytes, Sign]] = {}
        self._lock, self._ending = threading.Lock(), set[str]()

    def begin(self, node: "Node", act: Act) -> str:
        """Keep an act until it is signed, in the room of the key that has to sign; its id."""
        now, identifier = node.clock(), node.vault.random(ID_BYTES).hex()
        self.put_back(identifier, act._replace(until=now + LIFE_MS, ground=ground.ground_of(node, act)), now)
        return identifier

    @contextmanager
    def alone(self, account: str) -> Iterator[None]:
        """While an act with a ground is ended, no other one of the person is: that would change under it. Raises
        PageError."""
        with self._lock:
            if account in self._ending:
                raise PageError(409, "ground-changed")
            self._ending.add(account)
        try:
            yield
        finally:
            with self._lock:
                self._ending.discard(account)

    def find(self, account: str, identifier: str, now: int) -> Act:
        """An act of a person. Raises PageError."""
        act = self._waiting.get(identifier, now)
        if act is None or act.account != account:
            raise PageError(404, "act-over")
        return act

    def take(self, account: str, identifier: str, now: int) -> Act:
        """The same, and it is used up."""
        act = self.find(account, identifier, now)
        if self._waiting.take(identifier, now) is None:
            raise PageError(404, "act-over")
        return act

    def put_back(self, identifier: str, act: Act, now: int) -> None:
        """Keep what is left of an act that was taken."""
        self._waiting.put(identifier, act, act.key.hex(), act.until, now)

    def lend(self, account: str, key: bytes, sign: Sign) -> None:
        """In a demonstration: the key of an invented person lies in this process and signs for her."""
        self._lent[account] = (key, sign)

    def lent(self, account: str) -> tuple[bytes, Sign] | None:
        """The lent key of a person, if there is one."""
        return self._lent.get(account)


_of_node: "WeakKeyDictionary[Any, Acts]" = WeakKeyDictionary()


def acts_of(node: "Node") -> Acts:
    """The acts of a node."""
    return _of_node.setdefault(node, Acts())


def begun(node: "Node", visit: Visit, who: Whose, act: Act) -> Go:
    """Let an act of a person wait for her key: where she signs it. Raises PageError where something that she said came
    in since the visit began, which it may have been worked out without."""
    if ground.has_ground(node, act) and ground.said_since(node, act.account, visit.now):
        raise PageError(409, "ground-changed")
    return Go(visit.link("sign", person=who.handle, act=acts_of(node).begin(node, act)))


class Signer(NamedTuple):
    """Who will sign: the id of the key, and the delegate it belongs to, an account or an organisation (None: the person
    herself)."""

    key: bytes
    acting: str | None = None


def signer(node: "Node", visit: Visit, who: Whose) -> Signer:
    """The key that signed in, or in a demonstration the lent one. Raises PageError where there is none."""
    session = visit.session
    if session is not None and session.key:
        return Signer(session.key, acting.delegate_of(node, session) if session.acting_for else None)
    lent = acts_of(node).lent(who.account) if visit.demonstration else None
    if lent is None:
        raise PageError(403, "needs-key")
    return Signer(lent[0])


def show(node: "Node", visit: Visit) -> Any:
    """The signing page with a ticket of this act; in a demonstration, for a lent key, the values of own/sign.html."""
    # A helper for some kinds signs what she began, which asked for the kind; no other act waits for a key of hers.
    who = whose(node, visit, heeds_kinds=True)
    identifier = visit.path["act"]
    act = acts_of(node).find(who.account, identifier, node.clock())
    check_ground(node, visit, act, identifier)
    owner = visit.session.account if visit.session is not None and visit.session.account else who.account
    if visit.session is not None and visit.session.staff and act.key == visit.session.key:
        to = visit.link(act.back, person=who.handle)
        return at_the_desk(node, visit, identifier, act, visit.session.credential, to)
    mine = [device for device in devices.of_account(node, owner) if device.key == act.key]
    to = visit.link(act.back, person=who.handle)
    if mine:
        return at_the_desk(node, visit, identifier, act, mine[0].credential_id, to)
    if not visit.demonstration or acts_of(node).lent(who.account) is None:
        raise PageError(403, "needs-key")
    return {
        "handle": who.handle,
        "act": act,
        "parts_to_sign": [
            {
                "tag": part.tag,
                "text": part.statement.hex() if part.binary else part.statement.decode(),
                "contents": part.contents,
            }
            for part in act.parts
        ],
        "submit": visit.link("signed", person=who.handle, act=identifier),
        "cancel": to,
    }


def at_the_desk(node: "Node", visit: Visit, identifier: str, act: Act, credential_id: bytes, to: str) -> Go:
    """Where an act is signed with a passkey: the signing page, with a ticket behind the #. `to` is where it leads."""
    held = devices.find(node, credential_id) if node.agent is not None else None
    member = staff.find(node, credential_id) if held is None else None

    def finished(proofs: list[bytes]) -> str:
        if visit.session is not None:
            if not sign_in.is_current(node, visit.session):
                # Dismissed, or the key is gone, since the page to sign was opened.
                raise PageError(401, "sign-in")
            acting.check_form(node, visit.session, "signed")
        check_ground(node, visit, act, identifier)
        finish(node, act, identifier, proofs)
        acting.written_down(node, visit.session, "signed", Go(to, act.done, act.back))
        return to + (f"?done={act.done}" if act.done else "")

    ticket = desk_of(node).wait(
        tuple(piece_of(part.tag, part.statement, part.contents) for part in act.parts),
        held[1] if held is not None else member[1] if member is not None else None,
        credential_id,
        finished,
        [_text(sentence) for sentence in act.sentences],
        [_text(change) for change in act.changes],
        to,
        identifier,
    )
    return Go(visit.link("signing") + "#" + ticket)


def _text(sentence: Markup) -> str:
    """A sentence without markup; what was isolated stays isolated (U+2068, U+2069)."""
    marked = str(sentence).replace("<bdi", "\u2068<bdi").replace("</bdi>", "</bdi>\u2069")
    return html.unescape(re.sub(r"<[^>]+>", "", marked))


def signed(node: "Node", visit: Visit) -> Go:
    """In a demonstration a lent key signs here."""
    who = whose(node, visit)
    acts, identifier = acts_of(node), visit.path["act"]
    act = acts.find(who.account, identifier, node.clock())
    lent = acts.lent(who.account) if visit.demonstration else None
    if lent is None or lent[0] != act.key:
        raise PageError(400, "form-unreadable")
    check_ground(node, visit, act, identifier)
    finish(node, act, identifier, [lent[1](part.message)[1] for part in act.parts])
    return Go(visit.link(act.back, person=who.handle), act.done, act.back)


def check_ground(node: "Node", visit: Visit, act: Act, identifier: str) -> None:
    """Raises Changed where what an act was worked out from is not as it was."""
    changes = ground.changed(node, act)
    if changes is not None:
        handle = visit.path["person"]
        here = visit.link("sign", person=handle, act=identifier)
        raise Changed(here, ground.told(node, visit, changes), visit.link(act.back, person=handle))


def finish(node: "Node", act: Act, identifier: str, proofs: list[bytes]) -> None:
    """End an act with the packed proofs of its parts. Raises PageError.

    Nothing of it is done where its ground has changed. A place that refuses, or is away, keeps no other place from
    hearing the same; what follows of another kind waits. What is left can be signed again under the same address.
    """
    if act.ground is None:
        _finish(node, act, identifier, proofs)
        return
    with acts_of(node).alone(act.account):
        if ground.changed(node, act) is not None:
            raise PageError(409, "ground-changed")
        _finish(node, act, identifier, proofs)


def _finish(node: "Node", act: Act, identifier: str, proofs: list[bytes]) -> None:
    acts = acts_of(node)
    acts.take(act.account, identifier, node.clock())
    left: list[Part] = []
    trouble: Refusal | PeerError | None = None
    for part, proof in zip(act.parts, proofs, strict=True):
        if left and part.tag != left[0].tag:
            left.append(part)
            continue
        try:
            part.finish(proof)
        except (Refusal, PeerError) as error:
            left.append(part)
            trouble = trouble or error
    if trouble is None:
        return
    rest = _rest_of(act, left)
    # What of it is done is no change to the rest.
    acts.put_back(identifier, rest._replace(ground=ground.ground_of(node, rest)), node.clock())
    if isinstance(trouble, Refusal):
        raise PageError(trouble.status, trouble.code, trouble.sentence) from None
    raise PageError(503, trouble.code or "unreachable", trouble.sentence) from None


def _rest_of(act: Act, left: list[Part]) -> Act:
    """What is left of an act; where a part of it is done, it says so."""
    if len(left) == len(act.parts):
        return act
    said = render.say(words.SIGN["left"])
    return act._replace(parts=tuple(left), sentences=[said, *(one for one in act.sentences if one != said)])
