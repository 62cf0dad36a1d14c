"""The door of a node that asks in its own form: pages of records with all that proves them."""

from itertools import islice
from typing import TYPE_CHECKING, Any

from medrec.core.commitment import SALT_BYTES
from medrec.node.refusals import Code, Refusal
from medrec.node.release import access
from medrec.node.release import parts as parts_of
from medrec.node.release.access import Ask, Release, SentRecord
from medrec.node.release.deciding import Permitted
from medrec.node.release.gate import Chosen, Released, read_ask

if TYPE_CHECKING:
    from medrec.node.node import Node


class Pages:
    """Chooses whole pages, and seals them into a signed release."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    def choose(self, ask: Ask, permitted: Permitted) -> Chosen:
        """See gate.Door: a page, and whether another permitted record follows it."""
        request = ask.request
        found = permitted.in_parts().records(request.types, request.ids, request.after)
        page = list(islice(found, access.PAGE_RECORDS))
        more = page[-1].name if page and next(found, None) is not None else ""
        # Said once, at the end, and never of one page: which one it would be on tells what it is.
        return Chosen(page, more, not more and permitted.incomplete())

    def give(self, ask: Ask, released: Released) -> bytes:
        """See gate.Door: the bytes of a signed release."""
        node = self._node
        records: list[SentRecord] = []
        parts: list[bytes] = []
        going = zip(released.chosen.records, released.contents, released.opened, strict=True)
        for allowed, content, opened in going:
            if allowed.sent is not None:
                # Neither manifest nor salt goes with it: what was taken out could be guessed at by them.
                parts.append(content)
            else:
                records.append(SentRecord(content, allowed.row.entry, opened.manifest, opened.salt))
        beside = [self._beside(released, row, content) for row, content in released.beside.values()]
        sent = parts_of.half_of(released)
        request = bytes.fromhex(ask.request.id)
        attach = [*released.attach, access.NOT_ALL] if released.chosen.rest else list(released.attach)
        body = access.encode(Release(sent, released.chosen.more, records, request, attach, parts, beside))
        return access.seal_release(body, node.keys.sign_request(access.signed_message(body)))

    def _beside(self, released: Released, row: Any, content: bytes) -> SentRecord:
        opened = parts_of.opened(self._node.journal, released.person, row)
        return SentRecord(content, row.entry, opened[SALT_BYTES:], opened[:SALT_BYTES])


def answer_release(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/release: CBOR of an Ask -> a signed release."""
    with node.store.turns.one():
        ask = read_ask(body)
        if ask.request.door != "pull" or ask.request.query:
            raise Refusal(Code.MALFORMED)
        return node.gate.release(caller, ask, Pages(node))
