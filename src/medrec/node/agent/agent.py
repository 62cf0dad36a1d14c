"""The agent: the role of a node that serves people. It can see, it cannot sign.

It keeps each person's view secret, from which the keys of all her relationships follow; takes notices; walks the
tags of each relationship over the ledger, so that a line that was anchored but never delivered is found.
"""

import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sql

from medrec.core import codec, manifests
from medrec.core.commitment import commitment, tag
from medrec.engines.engine import CommittedBlock, Engine
from medrec.node.agent import gone_keys, leaving, not_taken, redelivery
from medrec.node.agent.entering import enter
from medrec.node.agent.known import PART, Known, Line, Shown, height_of, heights, rights_of, time_of
from medrec.node.agent.not_taken import Unfit
from medrec.node.keeping import client_keys, store
from medrec.node.keeping.vault import Vault, VaultError, derive
from medrec.node.ledger.rebuild import entries_of, relationship_key
from medrec.node.looks import handed_on
from medrec.node.right_person import linking
from medrec.node.right_person.handover import handed_over, learn, notice_key

FOLLOWED = "followed"
MISSING_AFTER_MS = 10_000
NUMBER_MAX = (1 << 53) - 1
STRETCH = 8
FOREIGN = (codec.CodecError, VaultError, LookupError, ValueError, TypeError, IndexError, OverflowError)
"""What reading bytes of another place may come to: no line of hers."""
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
        self._keys: dict[tuple[str, str, int], bytes] = {}
        leaving.at_opening(kept, vault, clock())
        self.permitted: Callable[[str], None] = lambda account: None
        """Called with a person's account when a place told of a permission of hers: there may be more to read."""

    def enroll(self, account: str, name: str, view_secret: bytes) -> None:
        """Serve a person, new here or back again; her name and view secret lie sealed under a key of hers."""
        said = codec.encode({"name": name, "view": view_secret})

        def write(connection: sql.Connection) -> None:
            number = client_keys.begin(connection, self._vault, account)
            sealed = self._vault.seal_kept(number, said, account.encode())
            connection.execute(sql.delete(store.client).where(store.client.c.account == account))
            connection.execute(sql.insert(store.client).values(account=account, name="", sealed=sealed))

        self._store.write(write)

    def clients(self) -> list[tuple[str, str]]:
        """Account and name of everybody served here."""
        with self._store.read() as connection:
            rows = connection.execute(sql.select(store.client)).all()
        opened = ((row.account, self._open_client(row.account, bytes(row.sealed))["name"]) for row in rows)
        return sorted(opened, key=lambda item: item[1])

    def name_of(self, account: str) -> str | None:
        """The name of one person, None if she is not served here."""
        return self.names_of([account]).get(account)

    def names_of(self, accounts: Iterable[str]) -> dict[str, str]:
        """The names of those of some accounts that are served here; only theirs are opened."""
        wanted = sorted(set(accounts))
        rows: list[Any] = []
        with self._store.read() as connection:
            for start in range(0, len(wanted), PART):
                these = store.client.c.account.in_(wanted[start : start + PART])
                rows += connection.execute(sql.select(store.client).where(these)).all()
        return {row.account: self._open_client(row.account, bytes(row.sealed))["name"] for row in rows}

    def _open_client(self, account: str, sealed: bytes) -> Any:
        return codec.decode(self._vault.open_kept(sealed, account.encode()))

    def view_secret(self, account: str) -> bytes:
        """The person's view secret. Raises LookupError if she is not served here."""
        with self._store.read() as connection:
            row = connection.execute(sql.select(store.client).where(store.client.c.account == account)).one_or_none()
        if row is None:
            raise LookupError("This account is not served by this agent.")
        return bytes(self._open_client(account, bytes(row.sealed))["view"])

    def link(
        self, account: str, organisation: str, code: bytes, sign: Sign, stated: dict[str, str] | None = None
    ) -> int:
        """Present a desk's code to an organisation; the number of lines it already had about the person,
        0 while the desk has not compared.

        `stated` is who she says that she is: birth, family, given.
        """
        secret = self.view_secret(account)

        def present(epoch: int) -> int:
            own = relationship_key(secret, organisation, epoch)
            asked = linking.request(self._network, secret, account, organisation, epoch, code, sign, stated)
            # Known before the call: notices may arrive before its answer does.
            self._store.write(lambda connection: self.relate(connection, account, organisation, epoch, own, None))
            with linking.refused(self._store, account, organisation, epoch):
                answer = codec.decode(self._call(organisation, "/medrec/link", asked))
            if "relationship" not in answer:
                # The desk compares first. All keys come with the link's own line.
                linking.forget_relationship(self._store, account, organisation, epoch)
                return 0
            self._store.write(partial(linking.made, self.relate, account, organisation, epoch, answer))
            return int(answer["lines"])

        # A link that was undone and made again has keys of its own.
        return linking.past_used(present, linking.next_epoch(self._store, account, organisation))

    def unlink(self, account: str, organisation: str, sign: Sign) -> bool:
        """Undo the person's link to an organisation; False if there was none. Her copies from there are forgotten."""
        return linking.leave(self._store, self._call, self._network, self._clock(), account, organisation, sign)

    def forget(self, account: str) -> None:
        """Hold no key of a person in memory any more, who was erased here (leaving.py)."""
        self._keys = {name: key for name, key in self._keys.items() if name[0] != account}

    def relate(
        self, connection: sql.Connection, account: str, organisation: str, epoch: int, key: bytes, end: int | None
    ) -> None:
        """Know the key of a relationship from now on; `end` is how many lines it has, None for no end."""
        where = store.relationship.c
        known = (where.account == account) & (where.organisation == organisation) & (where.epoch == epoch)
        connection.execute(sql.delete(store.relationship).where(known))
        redelivery.linked_again(connection, account, organisation)
        self._keys.pop((account, organisation, epoch), None)
        sealed = client_keys.seal_for(
            connection, self._vault, account, key, f"{account} {organisation} {epoch}".encode()
        )
        connection.execute(
            sql.insert(store.relationship).values(
                account=account, organisation=organisation, epoch=epoch, next=0, end=end, key=sealed
            )
        )

    def _relationship_key(self, connection: sql.Connection, account: str, organisation: str, epoch: int) -> bytes:
        """The key of a relationship. Raises LookupError if there is none."""
        name = (account, organisation, epoch)
        if name not in self._keys:
            where = store.relationship.c
            known = (where.account == account) & (where.organisation == organisation) & (where.epoch == epoch)
            sealed = connection.execute(sql.select(where.key).where(known)).scalar()
            if sealed is None:
                raise LookupError("no such relationship")
            self._keys[name] = self._vault.open_kept(bytes(sealed), f"{account} {organisation} {epoch}".encode())
        return self._keys[name]

    def take_notices(self, caller: str, payloads: list[bytes]) -> list[bool]:
        """Keep notices of an organisation; True for each that is safely here (new or known before)."""
        taken = self._take(caller, payloads)
        if not any(taken) or all(taken):
            return taken
        # A right that came now lets in what was said by it.
        late = iter(self._take(caller, [one for one, here in zip(payloads, taken, strict=True) if not here]))
        return [here or next(late) for here in taken]

    def _take(self, caller: str, payloads: list[bytes]) -> list[bool]:
        unfit: list[Unfit] = []
        with self._store.read() as connection:
            opened = self._opened(connection, caller, payloads, unfit)
        told = handed_over(self._vault, self.view_secret, [row for row in opened if row is not None])
        if told:
            # A link that the desk confirmed: the lines that it hands over are read with the key that stands in it.
            self._store.write(lambda connection: learn(connection, told, self._relationship_key, self.relate))
            with self._store.read() as connection:
                shut = [payload for row, payload in zip(opened, payloads, strict=True) if row is None]
                late = iter(self._opened(connection, caller, shut, unfit))
                opened = [next(late) if row is None else row for row in opened]
        if unfit:
            self._store.write(lambda connection: not_taken.keep(connection, unfit))
        found, taken = [row for row in opened if row is not None], frozenset[bytes]()
        if found:

            def keep(connection: sql.Connection) -> list[dict[str, Any]]:
                rows = client_keys.standing(connection, self._vault, found)
                enter(connection, rows, self._clock(), self._vault)
                linking.follow(connection, self._vault, rows)
                handed_on.hold(connection, self._vault, rows, self._clock())
                gone_keys.hold(connection, self._engine, self._vault, rows, self._clock())
                return rows

            rows = self._store.write(keep)
            taken = frozenset(row["tag"] for row in rows)
            for account in linking.to_read(self._vault, rows):
                self.permitted(account)
        return [row is not None and row["tag"] in taken for row in opened]

    def _opened(
        self, connection: sql.Connection, caller: str, payloads: list[bytes], unfit: list[Unfit]
    ) -> list[dict[str, Any] | None]:
        """The row of each notice that fits its relationship, None for anything else."""
        lines = [self._unsealed(connection, caller, payload) for payload in payloads]
        shown = heights(connection, [line.mark for line in lines if line is not None])
        return [None if line is None else self._row(connection, caller, line, shown, unfit) for line in lines]

    def _unsealed(self, connection: sql.Connection, caller: str, payload: bytes) -> Line | None:
        """A notice that was sealed for its relationship, and is the line that its counter's tag shows on the ledger."""
        try:
            account, epoch, counter, sealed = codec.decode(payload)
            key = notice_key(self._relationship_key, self.view_secret, connection, account, caller, epoch)
            opened = self._vault.open(derive(key, "notice"), sealed, caller.encode())
            manifest, salt, entry, time = codec.decode(opened)
            mark = tag(key, counter)
            stated = codec.decode(entry)
            kept = client_keys.seal_for(connection, self._vault, account, opened, mark)
            if not all(type(number) is int and 0 <= number <= NUMBER_MAX for number in (counter, time)):
                return None
            if stated[1] != mark or stated[0] != commitment(manifest, salt):
                return None
        except FOREIGN:
            return None
        return Line(account, epoch, counter, mark, manifest, entry, time, kept)

    def _row(
        self, connection: sql.Connection, caller: str, line: Line, shown: Shown, unfit: list[Unfit]
    ) -> dict[str, Any] | None:
        """The row of a line, by what the ledger has `shown`; one that is not taken is added to `unfit`."""
        try:
            known = self._known(connection, line.account, caller, height_of(shown.get(line.mark), line.entry))
            with self._engine.view() as view:
                statement, why = not_taken.read(view, known, self._network.hex(), line.account, line.manifest)
        except FOREIGN:
            return None
        if why is not None:
            unfit.append((line.account, line.mark, not_taken.NotTaken(why, statement.manifest if statement else "")))
            return None
        whose = {"account": line.account, "organisation": caller, "epoch": line.epoch, "counter": line.counter}
        return whose | {
            "tag": line.mark,
            "kind": statement.manifest,
            # Nothing that has arrived is yet to come: a clock ahead of ours must not stand on top for ever.
            **{"time": min(line.time, self._clock()), "received": self._clock(), "height": None, "sealed": line.sealed},
            "digest": hashlib.sha256(line.entry).digest(),
        }

    def _known(self, connection: sql.Connection, account: str, teller: str, height: int | None) -> Known:
        """What is known here of a line that came."""
        now = self._clock()
        time, rights = partial(time_of, self._engine, height, now), partial(rights_of, connection, self._vault, account)
        return Known(self._organisation, teller, height, time, rights)

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
            for place, position, data, entry in entries_of(block):
                row = {"tag": entry[1], "height": block.block.height, "place": place, "position": position}
                rows.setdefault(entry[1], row | {"digest": hashlib.sha256(data).digest()})
        known = heights(connection, list(rows))
        fresh = [row for mark, row in rows.items() if mark not in known]
        if fresh:
            connection.execute(sql.insert(store.entry_index), fresh)
        self.walk(connection)
        connection.execute(sql.delete(store.setting).where(store.setting.c.name == FOLLOWED))
        height = blocks[-1].block.height
        connection.execute(sql.insert(store.setting).values(name=FOLLOWED, value=codec.encode(height)))

    def walk(self, connection: sql.Connection) -> None:
        """From where each relationship was left, look for the next tags; what has no notice yet is entered."""
        relationship = store.relationship.c
        columns = (relationship.account, relationship.organisation, relationship.epoch, relationship.next)
        ahead = [tuple(row) for row in connection.execute(sql.select(*columns))]
        found: list[dict[str, Any]] = []
        while ahead:
            # All relationships go on together, a stretch of tags each, until each meets a tag that is not there yet.
            stretches = {row: self._stretch(connection, *row) for row in ahead}
            shown = heights(connection, [mark for marks in stretches.values() for mark in marks])
            further = []
            for row, marks in stretches.items():
                account, organisation, epoch, counter = row
                for mark in marks:
                    if mark not in shown:
                        break
                    found.append(self._found(account, organisation, epoch, counter, mark, shown[mark]))
                    counter += 1
                else:
                    further.append((account, organisation, epoch, counter))
                if counter != row[3]:
                    this = (
                        (relationship.account == account)
                        & (relationship.organisation == organisation)
                        & (relationship.epoch == epoch)
                    )
                    connection.execute(sql.update(store.relationship).where(this).values(next=counter))
            ahead = further
        enter(connection, found, self._clock(), self._vault)

    def _stretch(
        self, connection: sql.Connection, account: str, organisation: str, epoch: int, counter: int
    ) -> list[bytes]:
        key = self._relationship_key(connection, account, organisation, epoch)
        return [tag(key, counter + step) for step in range(STRETCH)]

    def _found(
        self, account: str, organisation: str, epoch: int, counter: int, mark: bytes, hit: tuple[int, bytes]
    ) -> dict[str, Any]:
        """The row of a line that was met on the ledger."""
        return {
            "account": account, "organisation": organisation, "epoch": epoch, "counter": counter, "tag": mark,
            "kind": "", "time": self._clock(), "received": None, "height": hit[0], "sealed": None, "digest": hit[1],
        }  # fmt: skip

    def missing(self, grace_ms: int = MISSING_AFTER_MS) -> list[Notice]:
        """Lines on the ledger, by their tags, that were never delivered within the grace time; not those that a link
        that is undone explains."""
        with self._store.read() as connection:
            rows = connection.execute(
                sql.select(store.notice)
                .where(store.notice.c.received.is_(None), store.notice.c.time <= self._clock() - grace_ms)
                .where(~redelivery.is_explained(self._clock()))
            ).all()
        return [self._notice(row) for row in rows]

    def counts(self, account: str) -> dict[str, tuple[int, int]]:
        """How many lines of each kind are here for a person, and how many of them are on the ledger as well."""
        row = store.notice.c
        here = (row.account == account) & row.received.is_not(None)
        chosen = sql.select(row.kind, sql.func.count(), sql.func.count(row.height)).where(here)
        with self._store.read() as connection:
            return {kind: (here, anchored) for kind, here, anchored in connection.execute(chosen.group_by(row.kind))}

    def notices(self, account: str, limit: int = 1000) -> list[Notice]:
        """A person's lines from everywhere, newest first."""
        row = store.notice.c
        chosen = sql.select(store.notice).where(row.account == account).order_by(row.time.desc(), row.counter.desc())
        with self._store.read() as connection:
            rows = connection.execute(chosen.limit(limit)).all()
        return [self._notice(row) for row in rows]

    def _notice(self, row: Any) -> Notice:
        manifest, salt, entry = None, b"", b""
        if row.sealed is not None:
            data, salt, entry, _ = codec.decode(self._vault.open_kept(bytes(row.sealed), bytes(row.tag)))
            manifest = manifests.decode(data)
        return Notice(
            row.account, row.organisation, row.epoch, row.counter, row.kind, row.time, row.received, row.height,
            manifest, salt, entry,
        )  # fmt: skip


def _setting(connection: sql.Connection, name: str) -> int:
    value = connection.execute(sql.select(store.setting.c.value).where(store.setting.c.name == name)).scalar()
    return 0 if value is None else int(codec.decode(bytes(value)))
