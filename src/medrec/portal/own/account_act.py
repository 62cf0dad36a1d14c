"""A transaction of a person's own account, from the page that begins it to the ledger.

Keys, guardians and freezes are her own: no helper begins one, whatever she may do otherwise.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from medrec.core.types import transaction_id
from medrec.node.account.accounts import next_body
from medrec.portal.join import submit
from medrec.portal.own.acts import Act, Part, acts_of, begun, signer
from medrec.portal.own.whose import Whose
from medrec.portal.page import Go, PageError, Visit
from medrec.portal.session import Who

if TYPE_CHECKING:
    from medrec.node.node import Node

TRANSACTION = "medrec/transaction/1"


def says_herself(visit: Visit) -> None:
    """Raises PageError for anybody but the person herself."""
    if visit.session is not None and visit.session.who is not Who.PATIENT:
        raise PageError(403, "not-your-page")


def ask_key(node: "Node", visit: Visit, who: Whose) -> bool:
    """Whether the visitor is the person herself and has a key that can be asked."""
    session = visit.session
    if session is not None and session.who is not Who.PATIENT:
        return False
    lent = visit.demonstration and acts_of(node).lent(who.account) is not None
    return lent or (session is not None and bool(session.key))


def propose(
    node: "Node", visit: Visit, who: Whose, kind: str, payload: Any, sentences: Sequence[Markup], back: str, done: str,
    after: Callable[[], object] | None = None, changes: Sequence[Markup] = (),
    before: Callable[[], object] | None = None,
) -> Go:  # fmt: skip
    """Begin a transaction of the person's account; `before` is called when she has signed it, `after` when it stands on
    the ledger. Raises PageError."""
    says_herself(visit)
    signs = signer(node, visit, who)
    part = transaction_part(node, who.account, signs.key, kind, payload, after, before)
    act = Act(who.account, list(sentences), list(changes), (part,), signs.key, back, done)
    return begun(node, visit, who, act)


def transaction_part(
    node: "Node", author: str, key: bytes, kind: str, payload: Any, after: Callable[[], object] | None = None,
    before: Callable[[], object] | None = None,
) -> Part:  # fmt: skip
    """The signature of one transaction: what is shown is its very bytes."""
    body = next_body(node.engine, node.network, author, key, kind, payload)

    def finish(packed: bytes) -> None:
        if before is not None:
            before()
        submit(node, body, packed)
        if after is not None:
            after()
        if node.account_watch is not None:
            # Whoever is concerned is told now; the node's own round would do it a moment later.
            node.account_watch.step()

    return Part(TRANSACTION, body, transaction_id(body), finish, binary=True)
