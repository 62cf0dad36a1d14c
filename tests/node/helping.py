"""People and those who help them, on a network of real nodes."""

import hashlib
import os
from pathlib import Path
from typing import Any

import msgspec

from medrec.core import commitment
from medrec.core.manifests.delegation import (
    Delegation,
    delegation_end_message,
    delegation_message,
    encode_delegation,
)
from medrec.node.account.accounts import open_account, submit_as_account
from medrec.node.keeping.keys import PersonKey
from tests.node.forks import fork
from tests.node.network import Network, Patient
from tests.portal.story import Story, ToldNetwork

DAY = 86_400_000


def _ada(network: Network) -> Patient:
    return network.patient("ada", "north", "south")


def _bo(network: Network) -> Patient:
    return network.patient("bo")


class Help:
    """A story in which Ada is linked at north and Bo may be named to help her."""

    def __init__(self, folder: Path) -> None:
        self.network, self.ada, self.bo = fork(folder, _ada, _bo, kind=ToldNetwork)
        self.story = Story(folder, lambda _: self.network)
        self.guide: Any = self.network["guide"]
        self.north: Any = self.network["north"]

    def close(self) -> None:
        self.network.close()

    def delegation(self, secret: bytes, **changes: Any) -> Delegation:
        """Ada lets Bo look, add and correct for thirty days, unsigned."""
        fields: dict[str, Any] = {
            "network": self.network.id.hex(),
            "account": self.ada.account,
            "time": self.network.time,
            "delegate": self.bo.account,
            "name": "Bo Berg",
            "rights": ["look", "add", "correct"],
            "types": [],
            "until": self.network.time + 30 * DAY,
            "basis": "consent",
            "attested": None,
            "born": None,
            "nullifier": commitment.nullifier(secret).hex(),
            "key": self.ada.key.key_id.hex(),
        }
        return Delegation(**(fields | changes))

    def signed(self, secret: bytes, by: Patient | None = None, **changes: Any) -> bytes:
        """The same, signed by Ada."""
        unsigned = self.delegation(secret, **changes)
        signature = (by or self.ada).key.sign_transaction_id(delegation_message(unsigned))
        return encode_delegation(msgspec.structs.replace(unsigned, signature=signature.hex()))

    def name_bo(self, **changes: Any) -> bytes:
        """Ada names Bo at her agent; the secret that ends it."""
        secret = os.urandom(32)
        self.guide.delegates.take(self.signed(secret, **changes))
        return secret

    def end(self, secret: bytes, by: Patient | None = None, where: Any = None) -> bool:
        """Somebody ends a delegation."""
        signer = by or self.ada
        signature = signer.key.sign_transaction_id(delegation_end_message(commitment.nullifier(secret)))
        node = where or self.guide
        return bool(node.delegates.end(self.ada.account, secret, signer.key.key_id, signature))

    def told(self, account: str) -> list[Any]:
        """The manifests that reached somebody's agent, oldest first."""
        self.story.settle()
        notices = self.guide.agent.notices(account)
        return [notice.manifest for notice in reversed(notices) if notice.manifest is not None]


def submit(help_: Help, who: Patient, kind: str, payload: dict[str, Any]) -> None:
    """A transaction of a person's account."""
    submit_as_account(help_.network.engine, help_.network.id, who.account, who.key, kind, payload)


def stranger(help_: Help, name: str) -> tuple[str, PersonKey]:
    """Somebody with an account that no agent here serves."""
    key = PersonKey.from_seed(hashlib.sha256(name.encode()).digest())
    return open_account(help_.network.engine, help_.network.id, key, os.urandom), key
