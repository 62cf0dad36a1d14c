"""What stands of a person when somebody asks: her consents, in the form in which they are asked of the ledger at every
read, and what follows from them."""

from collections.abc import Iterable
from typing import NamedTuple

from medrec.core import manifests
from medrec.core.consent.access import looked_up
from medrec.core.consent.compiling import Rules
from medrec.core.consent.meant import NOBODY, Meant, written
from medrec.core.manifests import Written
from medrec.core.manifests.access import Basis
from medrec.node.keeping.journal import Person

BASES_MAX = 5_000


class Given(NamedTuple):
    """Consents, by their SHA-256, and what is asked of them at every read: their names and their nullifiers."""

    consents: tuple[tuple[str, bytes], ...]
    names: tuple[str, ...]
    nullifiers: tuple[bytes, ...]

    @classmethod
    def read(cls, text: str) -> "Given":
        """From hash and nullifier of each, in any order, all in hex."""
        data = bytes.fromhex(text)
        return cls.of((data[at : at + 32], data[at + 32 : at + 64]) for at in range(0, len(data), 64))

    @classmethod
    def of(cls, rows: Iterable[tuple[bytes, bytes]]) -> "Given":
        """From hash and nullifier of each, in any order."""
        consents = tuple(sorted((digest.hex(), nullifier) for digest, nullifier in rows))
        return cls(consents, tuple(name for name, _ in consents), tuple(nullifier for _, nullifier in consents))


NOTHING_GIVEN = Given((), (), ())
"""No consent at all."""


class Standing(NamedTuple):
    """The person of an account, if she is known here, the consents that stand (hash and nullifier), and the rules
    that follow from them and from the law."""

    person: Person | None
    given: Given
    rules: Rules
    meant: Meant = NOBODY
    """Which of the people, teams and groups that the rules name mean the one who asks."""
    doubted: tuple[str, ...] = ()
    """The consents that are passed over in an emergency, for a doubt alone: then nothing but the summary opens."""
    law: tuple[str, ...] = ()
    """The law that binds, by her age."""
    why: str = ""
    """What nobody knows of the consents that are doubted: a reason of the decision."""

    @property
    def actors(self) -> str:
        """What was found of those whom the rules name, for a manifest."""
        return written(looked_up(self.rules), self.rules.unheld, self.meant)

    @property
    def consents(self) -> tuple[tuple[str, bytes], ...]:
        """SHA-256 in hex and nullifier of each, by the former."""
        return self.given.consents


class Bases:
    """What decisions rest on, in the form in which a manifest has it: written once for all that rest on the same."""

    def __init__(self) -> None:
        self._written: dict[tuple[object, ...], Written] = {}

    def of(self, standing: Standing, labels: str) -> Written:
        """Of what stands, under the rules for labels of this version. Raises UnwritableError."""
        name = (standing.given.names, standing.law, labels, standing.actors, standing.doubted)
        found = self._written.get(name)
        if found is None:
            consents, law, rules, actors, doubted = name
            if len(self._written) >= BASES_MAX:
                self._written = {}
            found = manifests.written(Basis(list(consents), list(law), rules, actors, list(doubted)))
            self._written[name] = found
        return found
