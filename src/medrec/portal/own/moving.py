"""A record found again by the words on paper, and places told who serves its person: what she signs for it.

It is done on a new phone at a new agent (coming_back.py), and again by somebody who is served already: her words were
taken down wrong, or the node stopped in the middle, or a place was down until what she had signed was too old.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from medrec.core import codec
from medrec.node.account import aftermath, devices, paper
from medrec.node.agent import bringing, moving
from medrec.node.ledger.rebuild import rebuild
from medrec.portal import render, words
from medrec.portal.own.acts import Part
from medrec.portal.page import PageError

if TYPE_CHECKING:
    from medrec.node.node import Node


class Asked(NamedTuple):
    """What a person is asked to sign: the sentences, and the part."""

    told: list[Markup]
    part: Part


def find(node: "Node", account: str, name: str, typed: str, key: bytes, then: Callable[[], object]) -> Asked:
    """Find the record of these words and serve its person; `then` is called when it is done. Raises PageError."""
    try:
        secret = paper.from_words(typed, paper.VIEW_BYTES, account)
    except paper.PaperError:
        raise PageError(400, "paper-slip") from None
    lines = rebuild(node.engine, secret)
    if not lines:
        raise PageError(404, "record-words-unknown")
    time = node.clock()

    def finish(packed: bytes) -> None:
        _check(node, account, key, time, packed)
        moving.adopt(node, account, name, secret, lambda message: (key, packed), time)
        then()
        # All of them were told with her key of now.
        aftermath.keep(node, account, aftermath.PLACES)

    places = len({line.organisation for line in lines})
    found = render.say(words.BACK["found"], lines=len(lines), places=places)
    return Asked([render.say(words.BACK["sign_move"]), found], _part(node, account, time, finish))


def tell(node: "Node", account: str, places: list[str], key: bytes, then: Callable[[], object] | None = None) -> Asked:
    """Tell these places anew that this agent serves her; `then` is called when they were told."""
    time = node.clock()

    def finish(packed: bytes) -> None:
        _check(node, account, key, time, packed)
        moving.tell(node, account, places, key, packed, time)
        if then is not None:
            then()

    return Asked([render.say(words.BACK["sign_move"])], _part(node, account, time, finish))


def untold(node: "Node", account: str) -> list[str]:
    """The places that were never told that this agent serves a person, and are told again only if she signs anew."""
    return bringing.void(node, account, moving.MOVE_PATH)


def _check(node: "Node", account: str, key: bytes, time: int, packed: bytes) -> None:
    message = moving.move_message(node.network, account, node.organisation, time)
    devices.check_signed(node, account, key, message, packed)


def _part(node: "Node", account: str, time: int, finish: Callable[[bytes], None]) -> Part:
    statement = codec.encode([node.network, account, node.organisation, time])
    message = moving.move_message(node.network, account, node.organisation, time)
    return Part("medrec/move/1", statement, message, finish, binary=True)
