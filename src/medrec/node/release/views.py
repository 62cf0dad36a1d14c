"""The door that shows: a clinician of another organisation looks at a page of the source, and nothing is copied.

    view_at(node, source, ...)   her organisation asks, signed like any request; the answer is where to look, once
    Views.open(ticket)           her browser is there: now the gate decides, writes it down, and reads

Her organisation's half says "viewed" as soon as the disclosure stands on the ledger, and keeps nothing.
"""

import hashlib
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql

from medrec.core import codec
from medrec.core.manifests.access import Request
from medrec.core.records.canonical import canonical
from medrec.node.peers.peers import PeerError, address
from medrec.node.refusals import Code, Refusal
from medrec.node.release import access, receive
from medrec.node.release.access import Ask
from medrec.node.release.deciding import Permitted
from medrec.node.release.gate import Chosen, Released, read_ask
from medrec.node.release.practitioners import Practitioner

if TYPE_CHECKING:
    from medrec.node.node import Node

VIEW_PATH = "/medrec/view"
PAGE_PATH = "/view/"
TICKET_BYTES = 32
TICKETS_MAX = 500
"""How many tickets one organisation may hold at a time."""
SHOWN_MAX = 500


class Shown(NamedTuple):
    """What a view may show: who looks and why, the records (type, id, tree) in order, and whether there are more.

    `attach` are the codes of notices that have to stand on the page; `line` is the number of the line about it.
    """

    request: Request
    records: tuple[tuple[str, str, dict[str, Any]], ...]
    more: bool
    attach: tuple[str, ...]
    line: int


class Views:
    """The tickets of one source, and the door they open. Tickets are in memory, and are used up by looking."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._lock = threading.Lock()
        self._tickets: dict[bytes, tuple[str, Ask]] = {}

    def admit(self, caller: str, ask: Ask) -> str:
        """A ticket for a request to look; whether anything will be shown is decided when it is used. Raises Refusal.

        It lasts as long as the request does, ten minutes at most.
        """
        node = self._node
        if ask.request.door != "view" or ask.request.query:
            raise node.gate.refuse(caller, ask, Refusal(Code.MALFORMED))
        node.gate.greet(caller, ask)
        ticket = node.vault.random(TICKET_BYTES)
        now = node.clock()
        with self._lock:
            self._tickets = {name: kept for name, kept in self._tickets.items() if kept[1].expires >= now}
            full = sum(holder == caller for holder, _ in self._tickets.values()) >= TICKETS_MAX
            if not full:
                self._tickets[_digest(ticket.hex())] = (caller, ask)
        if full:
            raise node.gate.refuse(caller, ask, Refusal(Code.TOO_MANY_VIEWS))
        return ticket.hex()

    def open(self, ticket: str) -> Shown:
        """What the page shows, once. Raises Refusal."""
        with self._lock:
            found = self._tickets.pop(_digest(ticket), None)
        if found is None:
            raise Refusal(Code.TICKET_UNKNOWN)
        return self._node.gate.release(*found, _Window())


class _Window:
    """Chooses what fits on a page; nothing of it leaves but as a page."""

    def choose(self, ask: Ask, permitted: Permitted) -> Chosen:
        """See gate.Door."""
        request = ask.request
        found = permitted.in_parts().records(request.types, request.ids, request.after)
        page = [allowed for allowed, _ in zip(found, range(SHOWN_MAX), strict=False)]
        return Chosen(page, page[-1].name if len(page) == SHOWN_MAX and next(found, None) is not None else "")

    def give(self, ask: Ask, released: Released) -> Shown:
        """See gate.Door."""
        records = tuple(
            (allowed.row.type, allowed.row.id, canonical(content).value)
            for allowed, content in zip(released.chosen.records, released.contents, strict=True)
        )
        records += tuple((row.type, row.id, canonical(content).value) for row, content in released.beside.values())
        return Shown(ask.request, records, bool(released.chosen.more), released.attach, released.line.seq)


def view_at(
    node: "Node",
    source: str,
    account: str,
    *,
    practitioner: Practitioner,
    reason: str,
    purpose: str = "TREAT",
    types: tuple[str, ...] = (),
) -> str:
    """The address, good once and for two minutes, at which a practitioner may look at a person's records at a source.

    Raises PeerError, StoreError.
    """
    asking = receive.begin(node, source, account, practitioner, purpose, reason, door="view", types=list(types))
    assert asking.signed is not None
    try:
        answer = codec.decode(node.peers.call(source, VIEW_PATH, access.encode(asking.signed)))
        ticket = answer["ticket"]
        if type(ticket) is not str or len(ticket) != 2 * TICKET_BYTES or not ticket.isalnum():
            raise KeyError
    except PeerError:
        receive.give_up(node, asking)
        raise
    except (codec.CodecError, KeyError, TypeError):
        receive.give_up(node, asking)
        raise PeerError("garbage", f"{source} answered in a form that is not readable.") from None
    where = access.asking.c.obligation == asking.obligation
    node.store.write(
        lambda connection: connection.execute(sql.update(access.asking).where(where).values(status="viewing"))
    )
    organisation = node.directory.find(source)
    return address(organisation.endpoint if organisation is not None else "", PAGE_PATH + ticket)


def answer_view(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/view: CBOR of an Ask -> CBOR {"ticket"}."""
    return codec.encode({"ticket": node.views.admit(caller, read_ask(body))})


def _digest(ticket: str) -> bytes:
    return hashlib.sha256(b"medrec/view/1" + ticket.encode("utf-8", "replace")).digest()
