"""The agent: the role of a node that serves people. It can see, it cannot sign.

It keeps each person's view secret, from which the keys of all her relationships follow; takes notices; walks the
tags of each relationship over the ledger, so that a line that was anchored but never delivered is found; and can
rebuild the whole index from the ledger and the view secret alone.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import sqlalchemy as sql

from medrec.core import codec, manifests, state
from medrec.core.commitment import commitment, tag
from medrec.core.kinds.anchor import decode_entries
from medrec.core.outcome import Code
from medrec.core.types import decode_transaction
from medrec.engines.engine import CommittedBlock, Engine
from medrec.node import store
from medrec.node.link import link_message
from medrec.node.vault import Vault, VaultError, derive, open_field

FOLLOWED = "followed"
MISSING_AFTER_MS = 10_000
Sign = Callable[[bytes], tuple[bytes, bytes]]
"""Signs 32 bytes with a person's credential: (key id, signature)."""


class Notice(NamedTuple):
    """One line of somebody's journal that speaks of the person.

    `height` is None until the line is on the ledger; `manifest` is None if it was anchored but not delivered.
    """

    account: str
    organisation: str
    epoch: int
    counter: int
    kind: str
    time: int
    received: int | None
    height: int | None
    manifest: Any
    salt: bytes
    entry: bytes


class Rebuilt(NamedTuple):
    """What the ledger alone tells a person who holds her view secret: where, when, and the sealed summary."""

    organisation: str
    epoch: int
    counter: int
    height: int
    summary: list[Any] | None


class Agent:
    """Serves the people enrolled with this node."""

    def __init__(
        self,
        kept: store.Store,
        vault: Vault,
        engine: Engine,
        organisation: str,
        network: bytes,
        call: Callable[[str, str, bytes], bytes],
        clock: Callable[[], int],
    ) -> None:
        self._store = kept
        self._vault = vault
        self._engine = engine
        self._organisation = organisation
        self._network = network
        self._call = call
        self._clock = clock

    def enroll(self, account: str, name: str, view_secret: bytes) -> None:
        """Serve a person; her name and view secret lie sealed under this node's master key."""
        sealed = self._vault.seal(None, codec.encode({"name": name, "view": view_secret}), account.encode())
        self._store.write(
            lambda connection: connection.execute(
                sql.insert(store.client).values(account=account, name="", sealed=sealed)
            )
        )

    def clients(self) -> list[tuple[str, str]]:
        """Account and name of everybody served here."""
        with self._store.read() as connection:
            rows = connection.execute(sql.select(store.client)).all()
        opened = [(row.account, self._open_client(row.account, bytes(row.sealed))["name"]) for row in rows]
        return sorted(opened, key=lambda item: item[1])

    def _open_client(self, account: str, sealed: bytes) -> Any:
        return codec.decode(self._vault.open(None, sealed, account.encode()))

    def view_secret(self, account: str) -> bytes:
        """The person's view secret. Raises LookupError if she is not served here."""
        with self._store.read() as connection:
            row = connection.execute(sql.select(store.client).where(store.client.c.account == account)).one_or_none()
        if row is None:
            raise LookupError("This account is not served by this agent.")
        return bytes(self._open_client(account, bytes(row.sealed))["view"])

    def link(self, account: str, organisation: str, code: bytes, sign: Sign) -> int:
        """Present a desk's code to an organisation; the number of lines it already had about the person."""
        epoch = 1
        secret = self.view_secret(account)
        relationship = relationship_key(secret, organisation, epoch)
        key, signature = sign(link_message(self._network, organisation, account, code))
        asked = {
            "account": account,
            "code": code,
            "epoch": epoch,
            "key": key,
            "relationship": relationship,
            "seal": seal_key(secret, organisation, epoch),
            "signature": signature,
        }
        # Known before the call: notices may arrive before its answer does.
        self._store.write(lambda connection: self._relate(connection, account, organisation, epoch, relationship, None))
        answer = codec.decode(self._call(organisation, "/medrec/link", codec.encode(asked)))
        old, lines = answer["relationship"], int(answer["lines"])
        self._store.write(lambda connection: self._relate(connection, account, organisation, 0, old, lines))
        return lines

    def _relate(
        self, connection: sql.Connection, account: str, organisation: str, epoch: int, key: bytes, end: int | None
    ) -> None:
        where = store.relationship.c
        known = (where.account == account) & (where.organisation == organisation) & (where.epoch == epoch)
        connection.execute(sql.delete(store.relationship).where(known))
        sealed = self._vault.seal(None, key, f"{account} {organisation} {epoch}".encode())
        connection.execute(
            sql.insert(store.relationship).values(
                account=account, organisation=organisation, epoch=epoch, next=0, end=end, key=sealed
            )
        )

    def _relationship_key(self, connection: sql.Connection, account: str, organisation: str, epoch: int) -> bytes:
        where = store.relationship.c
        sealed = connection.execute(
            sql.select(where.key).where(
                where.account == account, where.organisation == organisation, where.epoch == epoch
            )
        ).scalar()
        if sealed is None:
            raise LookupError("no such relationship")
        return self._vault.open(None, bytes(sealed), f"{account} {organisation} {epoch}".encode())

    def take_notices(self, caller: str, payloads: list[bytes]) -> list[bool]:
        """Keep notices of an organisation; True for each that is safely here (new or known before)."""
        return self._store.write(lambda connection: [self._take(connection, caller, item) for item in payloads])

    def _take(self, connection: sql.Connection, caller: str, payload: bytes) -> bool:
        try:
            account, epoch, counter, sealed = codec.decode(payload)
            key = self._relationship_key(connection, account, caller, epoch)
            opened = self._vault.open(derive(key, "notice"), sealed, caller.encode())
            manifest, salt, entry, time = codec.decode(opened)
            mark = tag(key, counter)
            stated = codec.decode(entry)
            # The line must be the one that this counter's tag will show on the ledger.
            if stated[1] != mark or stated[0] != commitment(manifest, salt):
                return False
            kind = manifests.decode(manifest).manifest  # type: ignore[attr-defined]
        except (codec.CodecError, VaultError, LookupError, ValueError, TypeError, IndexError):
            return False
        kept = self._vault.seal(None, opened, mark)
        values = {"kind": kind, "time": time, "received": self._clock(), "sealed": kept}
        return self._keep(connection, account, caller, epoch, counter, mark, values)

    def _keep(
        self,
        connection: sql.Connection,
        account: str,
        organisation: str,
        epoch: int,
        counter: int,
        mark: bytes,
        values: dict[str, Any],
    ) -> bool:
        where = store.notice.c
        this = (
            (where.account == account)
            & (where.organisation == organisation)
            & (where.epoch == epoch)
            & (where.counter == counter)
        )
        known = connection.execute(sql.select(where.received, where.height).where(this)).one_or_none()
        if known is None:
            height = connection.execute(
                sql.select(store.entry_index.c.height).where(store.entry_index.c.tag == mark)
            ).scalar()
            row = {"account": account, "organisation": organisation, "epoch": epoch, "counter": counter, "tag": mark}
            connection.execute(sql.insert(store.notice).values(**{**row, "height": height, **values}))
        elif known.received is None and values.get("received") is not None:
            connection.execute(sql.update(store.notice).where(this).values(**values))
        elif known.height is None and values.get("height") is not None:
            connection.execute(sql.update(store.notice).where(this).values(height=values["height"]))
        return True

    def follow(self, wait_s: float = 0.0) -> int:
        """Index the tags of new blocks and walk the relationships; the number of blocks taken."""
        with self._store.read() as connection:
            after = _setting(connection, FOLLOWED)
        blocks = self._engine.blocks(after, wait_s)
        if blocks:
            self._store.write(lambda connection: self._index(connection, blocks))
        return len(blocks)

    def behind(self) -> int:
        """How many blocks of the ledger were not followed yet."""
        with self._store.read() as connection:
            return self._engine.tip().height - _setting(connection, FOLLOWED)

    def _index(self, connection: sql.Connection, blocks: list[CommittedBlock]) -> None:
        rows: dict[bytes, dict[str, Any]] = {}
        for block in blocks:
            for place, position, entry in entries_of(block):
                row = {"tag": entry[1], "height": block.block.height, "place": place, "position": position}
                rows.setdefault(entry[1], row)
        marks = sorted(rows)
        known: set[bytes] = set()
        for start in range(0, len(marks), 500):
            part = marks[start : start + 500]
            found = connection.execute(sql.select(store.entry_index.c.tag).where(store.entry_index.c.tag.in_(part)))
            known.update(bytes(mark) for (mark,) in found)
        fresh = [rows[mark] for mark in marks if mark not in known]
        if fresh:
            connection.execute(sql.insert(store.entry_index), fresh)
        self._walk(connection)
        connection.execute(sql.delete(store.setting).where(store.setting.c.name == FOLLOWED))
        height = blocks[-1].block.height
        connection.execute(sql.insert(store.setting).values(name=FOLLOWED, value=codec.encode(height)))

    def _walk(self, connection: sql.Connection) -> None:
        """From where each relationship was left, look for the next tags; what has no notice yet is entered."""
        for row in connection.execute(sql.select(store.relationship)).all():
            key = self._relationship_key(connection, row.account, row.organisation, row.epoch)
            counter = row.next
            while True:
                mark = tag(key, counter)
                found = connection.execute(
                    sql.select(store.entry_index.c.height).where(store.entry_index.c.tag == mark)
                ).scalar()
                if found is None:
                    break
                values = {"kind": "", "time": self._clock(), "received": None, "height": found}
                self._keep(connection, row.account, row.organisation, row.epoch, counter, mark, values)
                counter += 1
            if counter != row.next:
                where = store.relationship.c
                this = (
                    (where.account == row.account)
                    & (where.organisation == row.organisation)
                    & (where.epoch == row.epoch)
                )
                connection.execute(sql.update(store.relationship).where(this).values(next=counter))

    def missing(self, grace_ms: int = MISSING_AFTER_MS) -> list[Notice]:
        """Lines that stand on the ledger, by their tags, and were never delivered within the grace time."""
        with self._store.read() as connection:
            rows = connection.execute(
                sql.select(store.notice).where(
                    store.notice.c.received.is_(None), store.notice.c.time <= self._clock() - grace_ms
                )
            ).all()
        return [self._notice(row) for row in rows]

    def notices(self, account: str, limit: int = 1000) -> list[Notice]:
        """A person's lines from everywhere, newest first."""
        with self._store.read() as connection:
            rows = connection.execute(
                sql.select(store.notice)
                .where(store.notice.c.account == account)
                .order_by(store.notice.c.time.desc(), store.notice.c.counter.desc())
                .limit(limit)
            ).all()
        return [self._notice(row) for row in rows]

    def _notice(self, row: Any) -> Notice:
        manifest, salt, entry = None, b"", b""
        if row.sealed is not None:
            data, salt, entry, _ = codec.decode(self._vault.open(None, bytes(row.sealed), bytes(row.tag)))
            manifest = manifests.decode(data)
        return Notice(
            row.account, row.organisation, row.epoch, row.counter, row.kind, row.time, row.received, row.height,
            manifest, salt, entry,
        )  # fmt: skip


def relationship_key(view_secret: bytes, organisation: str, epoch: int) -> bytes:
    """The key of a relationship, from the view secret; epochs count how often the person was linked there."""
    return derive(view_secret, "relationship", f"{organisation} {epoch}")


def seal_key(view_secret: bytes, organisation: str, epoch: int) -> bytes:
    """The key under which an organisation seals summaries to the person on the ledger."""
    return derive(view_secret, "seal", f"{organisation} {epoch}")


def entries_of(block: CommittedBlock) -> Iterator[tuple[int, int, list[Any]]]:
    """Place, position and decoded entry of every entry that a block anchored for the first time."""
    for place, data in enumerate(block.block.transactions):
        outcome = block.outcomes[place]
        if outcome.code != Code.OK or outcome.detail:
            continue
        transaction = decode_transaction(data)
        if transaction.body.kind != "anchor":
            continue
        for position, entry in enumerate(decode_entries(transaction.attachment)[0]):
            yield place, position, codec.decode(entry)


def rebuild(engine: Engine, view_secret: bytes) -> list[Rebuilt]:
    """The index of a person's whole record, from the ledger and her view secret alone (no agent needed)."""
    by_tag: dict[bytes, tuple[int, dict[str, Any]]] = {}
    after = 0
    while blocks := engine.blocks(after):
        for block in blocks:
            for _, _, entry in entries_of(block):
                by_tag.setdefault(entry[1], (block.block.height, entry[2]))
        after = blocks[-1].block.height
    with engine.view() as view:
        names = [organisation.id for organisation in state.organisations(view)]
    found: list[Rebuilt] = []
    for name in names:
        epoch = 1
        while epoch_lines := _rebuild_epoch(by_tag, view_secret, name, epoch):
            found.extend(epoch_lines)
            first = epoch_lines[0].summary
            if first is not None and first[0] == 2 and len(first) >= 4:
                found.extend(_handed_over(by_tag, name, bytes(first[2]), int(first[3])))
            epoch += 1
    return found


def _rebuild_epoch(
    by_tag: dict[bytes, tuple[int, dict[str, Any]]], view_secret: bytes, organisation: str, epoch: int
) -> list[Rebuilt]:
    key, seal = relationship_key(view_secret, organisation, epoch), seal_key(view_secret, organisation, epoch)
    lines: list[Rebuilt] = []
    while (hit := by_tag.get(tag(key, len(lines)))) is not None:
        sealed = hit[1].get("sealed")
        summary = codec.decode(open_field(seal, len(lines), sealed)) if sealed is not None else None
        lines.append(Rebuilt(organisation, epoch, len(lines), hit[0], summary))
    return lines


def _handed_over(
    by_tag: dict[bytes, tuple[int, dict[str, Any]]], organisation: str, key: bytes, count: int
) -> Iterator[Rebuilt]:
    for counter in range(count):
        hit = by_tag.get(tag(key, counter))
        if hit is not None:
            yield Rebuilt(organisation, 0, counter, hit[0], None)


def _setting(connection: sql.Connection, name: str) -> int:
    value = connection.execute(sql.select(store.setting.c.value).where(store.setting.c.name == name)).scalar()
    return 0 if value is None else int(codec.decode(bytes(value)))


__all__ = ["Agent", "Notice", "Rebuilt", "entries_of", "rebuild", "relationship_key", "seal_key"]
