"""Who is on the network, where, and with which keys: the ledger's organisations, as of its tip.

Nothing is configured twice: a node believes about its peers what the ledger says, and it sees a suspension or a new
key with the block that brings it.
"""

import threading
from contextlib import suppress
from typing import NamedTuple

import msgspec
import sqlalchemy as sql

from medrec.core import codec, state
from medrec.core.state import Called, Organisation
from medrec.engines.engine import Engine
from medrec.node.keeping import store
from medrec.node.keeping.store import Store

FORMER_KEYS_MAX = 8
FHIR = "/fhir"
"""The path of every node's own FHIR server."""
KEYS_SEEN = "keys-seen"
"""The setting that holds each organisation's signing keys as this node has seen them, the present one first."""


class _Seen(NamedTuple):
    height: int
    organisations: dict[str, Organisation]
    former: dict[str, tuple[bytes, ...]]
    servers: dict[str, tuple[str, ...]]
    meant: dict[str, str]


class Directory:
    """The organisations of the ledger, read again when the tip has moved. Raises EngineError when it cannot be read.

    With a store it knows keys that were replaced also after a restart, and those replaced while it was down.
    """

    def __init__(self, engine: Engine, kept: Store | None = None) -> None:
        self._engine = engine
        self._store = kept
        self._lock = threading.Lock()
        self._keys = _keys_seen(kept) if kept is not None else {}
        self._seen = _Seen(-1, {}, {}, {}, {})

    def _at_tip(self) -> _Seen:
        seen = self._seen
        if seen.height == self._engine.tip().height:
            return seen
        with self._lock:
            seen = self._seen
            if seen.height == self._engine.tip().height:
                return seen
            with self._engine.view() as view:
                found = {organisation.id: organisation for organisation in state.organisations(view)}
                height = view.tip.height
                called = {name: state.read(view, state.called_key(name), Called) for name in found}
            keys = _with_present(self._keys, found)
            if keys != self._keys:
                self._remember(keys)
            former = {name: tuple(known[1:]) for name, known in keys.items()}
            meant = {other: name for name, known in called.items() if known is not None for other in known.names}
            self._seen = _Seen(height, found, former, _servers(found, called), meant)
            return self._seen

    def _remember(self, keys: dict[str, list[bytes]]) -> None:
        self._keys = keys
        if self._store is None:
            return
        name, value = store.setting.c.name, codec.encode(keys)

        def write(connection: sql.Connection) -> None:
            connection.execute(sql.delete(store.setting).where(name == KEYS_SEEN))
            connection.execute(sql.insert(store.setting).values(name=KEYS_SEEN, value=value))

        # Nobody waits for it: the directory is also asked inside the store's one writer. Lost, it is seen again.
        self._store.submit(write)

    def organisations(self) -> list[Organisation]:
        """Everybody who ever joined, the suspended included, by id."""
        return [organisation for _, organisation in sorted(self._at_tip().organisations.items())]

    def active(self) -> list[Organisation]:
        """Everybody who is not suspended, by id."""
        return [organisation for organisation in self.organisations() if organisation.active]

    def find(self, organisation: str) -> Organisation | None:
        """An organisation, None if nobody of this id ever joined."""
        return self._at_tip().organisations.get(organisation)

    def servers(self, organisation: str) -> tuple[str, ...]:
        """The base addresses under which an organisation's records name one another, without a slash at the end: its
        FHIR servers as the ledger has them, and this software's own."""
        return self._at_tip().servers.get(organisation, ())

    def meant_by(self, name: str) -> str | None:
        """The organisation that is called by an identifier ("system|value") or by the full address of a record that is
        it; None where the members never said so."""
        return self._at_tip().meant.get(name)

    def former_keys(self, organisation: str) -> tuple[bytes, ...]:
        """Signing keys that were replaced since this node first saw them, newest first.

        The ledger keeps only the ids of older ones; what they sign is refused all the same, as a signature that does
        not verify.
        """
        return self._at_tip().former.get(organisation, ())

    def with_former(self) -> "Directory":
        """The same, where those that left or are suspended still speak: for what signatures alone decide."""
        return _WithFormer(self._engine, self)


class _WithFormer(Directory):
    def __init__(self, engine: Engine, known: Directory) -> None:
        super().__init__(engine)
        self._known = known

    def _at_tip(self) -> _Seen:
        seen = self._known._at_tip()
        found = {name: msgspec.structs.replace(one, active=True) for name, one in seen.organisations.items()}
        return seen._replace(organisations=found)


def _servers(found: dict[str, Organisation], called: dict[str, Called | None]) -> dict[str, tuple[str, ...]]:
    servers = {}
    for name, one in found.items():
        known, own = called[name], [one.endpoint.rstrip("/") + FHIR] if one.endpoint else []
        servers[name] = (*own, *(known.servers if known is not None else ()))
    return servers


def _keys_seen(kept: Store) -> dict[str, list[bytes]]:
    """What was remembered; nothing if it cannot be read: then a replaced key is only refused by another name."""
    with kept.read() as connection:
        value = connection.execute(sql.select(store.setting.c.value).where(store.setting.c.name == KEYS_SEEN)).scalar()
    with suppress(codec.CodecError, AttributeError, TypeError):
        return {str(name): [bytes(key) for key in keys] for name, keys in codec.decode(bytes(value or b"")).items()}
    return {}


def _with_present(before: dict[str, list[bytes]], found: dict[str, Organisation]) -> dict[str, list[bytes]]:
    """The keys of every organisation that was ever seen, the present one first, at most FORMER_KEYS_MAX before it."""
    keys = dict(before)
    for name, organisation in found.items():
        present = organisation.keys.ed25519
        former = [key for key in before.get(name, []) if key != present]
        keys[name] = [present, *former][: FORMER_KEYS_MAX + 1]
    return keys
