"""Joining: a person who never held a key makes a passkey, opens her account with it, and is served by this agent.

POST /join  {name, label, id, authenticatorData} -> {to}: the signing page, where the new key signs its first act
"""

from typing import TYPE_CHECKING, Any

import msgspec

from medrec.core import codec, state
from medrec.core.address import address_of
from medrec.core.credential import NewCredential, unpack_proof
from medrec.core.crypto import key_id
from medrec.core.outcome import Code
from medrec.core.types import encode_transaction
from medrec.engines.engine import TransactionRefused
from medrec.node.account import devices, returning
from medrec.node.account.accounts import next_body
from medrec.node.keeping.vault import VaultError
from medrec.portal import language, words
from medrec.portal.page import PageError, Visit
from medrec.portal.security import Limiter, check_rate
from medrec.portal.session import Session, Who
from medrec.portal.sign_in import from_text, new_passkey, read_json, to_text
from medrec.portal.signing import LIFE_MS, Piece, Ticket, desk_of

if TYPE_CHECKING:
    from medrec.node.node import Node

NAME_LENGTH_MAX = 120
TICKET_BYTES_MAX = 6_000
SEALED = b"medrec/joining/1"


class Joining:
    """Joining at one site. Who begins to join is a stranger, and nothing is kept of her before she signs: what she is
    to sign lies sealed in her ticket."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        # A ward, or all who queue at a desk, come from one address: what is counted by the hour is new accounts.
        self._opened = Limiter(100, 3_600_000)
        desk_of(node).unseal = self.unsealed

    def prepare(self, address: str, body: bytes) -> str:
        """The ticket under which the first act of a new key waits to be signed. Raises PageError."""
        node = self._node
        home = devices.home_of(node)
        if node.agent is None or home is None:
            raise PageError(503, "no-home")
        asked = read_json(body)
        name = " ".join(str(asked.get("name", "")).split())
        if not 0 < len(name) <= NAME_LENGTH_MAX or not name.isprintable():
            raise PageError(400, "form-unreadable")
        made, credential_id = new_passkey(home, asked)
        salt = node.vault.random(32)
        account, key = address_of(made.key, salt), key_id(made.key)
        payload = {"credential": msgspec.to_builtins(made, builtin_types=(bytes,)), "salt": salt}
        opening = next_body(node.engine, node.network, account, key, "account/create", payload)
        label = str(asked.get("label", ""))[: devices.LABEL_LENGTH_MAX]
        stated = [name, label, credential_id, opening, address, node.clock() + LIFE_MS]
        return to_text(node.vault.seal(None, codec.encode(stated), SEALED))

    def unsealed(self, ticket: str) -> Ticket | None:
        """What was sealed in a ticket; None for any other text, and for an account that stands."""
        node = self._node
        try:
            stated = codec.decode(node.vault.open(None, from_text(ticket, TICKET_BYTES_MAX), SEALED))
        except (PageError, VaultError):
            return None
        name, label, credential_id, opening, address, until = stated
        transaction = codec.decode(opening)
        account, made = transaction["author"], returning.credential_in(transaction["payload"]["credential"])
        with node.engine.view() as view:
            if state.account(view, account) is not None:
                return None

        def finish(proofs: list[bytes]) -> Session:
            check_rate(self._opened, address, node.clock())
            return self._finish(opening, proofs[0], account, made, credential_id, name, label)

        piece = Piece("transaction", transaction)
        sentences = (words.SIGN["join"].format(name=f"\u2068{language.bare(name)}\u2069"), words.SIGN["join_once"])
        return Ticket((piece,), sentences, (), "", made, credential_id, until, finish, sealed=True)

    def _finish(
        self,
        opening: bytes,
        packed: bytes,
        account: str,
        made: NewCredential,
        credential_id: bytes,
        name: str,
        label: str,
    ) -> Session:
        node = self._node
        # Kept first: if the node stops once the account stands, the key's next visit goes on from here.
        case = returning.begin(node, made, credential_id, label, account, name)
        try:
            submit(node, opening, packed)
        except PageError:
            returning.forget(node, case)
            raise
        returning.settle(node, case)
        return Session(Who.PATIENT, name, account=account, key=case.key)


def submit(node: "Node", body: bytes, packed: bytes) -> None:
    """Put what a key signed on the ledger. Raises PageError with the ledger's sentence."""
    try:
        position = node.engine.submit([encode_transaction(body, unpack_proof(packed))])[0]
        outcome = node.engine.blocks(position.height - 1)[0].outcomes[position.index]
    except TransactionRefused as refused:
        outcome = refused.outcome
    if outcome.code != Code.OK:
        raise PageError(409, outcome.code.name.lower().replace("_", "-"), outcome.sentence)


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of join.html."""
    return {"has_home": devices.home_of(node) is not None}
