"""Joining: a person who never held a key makes a passkey, opens her account with it, and is served by this agent.

POST /join  {name, label, id, authenticatorData} -> {to}: the signing page, where the new key signs its first act
"""

from typing import TYPE_CHECKING, Any

import msgspec

from medrec.core import codec
from medrec.core.address import address_of
from medrec.core.credential import unpack_proof
from medrec.core.crypto import key_id
from medrec.core.outcome import Code
from medrec.core.types import encode_transaction
from medrec.core.webauthn import NewPasskey
from medrec.engines.engine import TransactionRefused
from medrec.node.account import devices, returning
from medrec.node.account.accounts import next_body
from medrec.portal.page import PageError, Visit
from medrec.portal.security import Limiter, check_rate
from medrec.portal.session import Session, Who
from medrec.portal.sign_in import new_passkey, read_json
from medrec.portal.signing import desk_of

if TYPE_CHECKING:
    from medrec.node.node import Node

NAME_LENGTH_MAX = 120


class Joining:
    """Joining at one site."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        # A ward, or all who queue at a desk, come from one address: what is counted by the hour is new accounts.
        self._tries, self._opened = Limiter(30, 60_000), Limiter(100, 3_600_000)

    def prepare(self, address: str, body: bytes) -> str:
        """The ticket under which the first act of a new key waits to be signed. Raises PageError."""
        node = self._node
        check_rate(self._tries, address, node.clock())
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
        label = str(asked.get("label", ""))

        def finish(packed: bytes) -> Session:
            check_rate(self._opened, address, node.clock())
            return self._finish(opening, packed, account, made, credential_id, name, label)

        return desk_of(node).prepare("transaction", codec.decode(opening), made, credential_id, finish)

    def _finish(
        self,
        opening: bytes,
        packed: bytes,
        account: str,
        made: NewPasskey,
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
