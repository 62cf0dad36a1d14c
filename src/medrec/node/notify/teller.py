"""The teller: from what happened to notices on the channels a person chose; durable, repeated, never in the way.

A channel that fails holds up nobody: what waits is kept, tried again ever more slowly for three days, then dropped,
since it stands on her page all the same. A digest goes out at most once a day, and only if there is something.
"""

import threading
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from medrec.core import codec, ladder
from medrec.node.keeping.store import StoreError, metadata, setting
from medrec.node.looks.looks import Look
from medrec.node.notify import former, texts, ways, wishes
from medrec.node.notify.push import Subscription, encode, point_of
from medrec.node.notify.ways import Relay, WayError
from medrec.node.notify.wishes import Wishes

if TYPE_CHECKING:
    from medrec.node.account.recovery import Event
    from medrec.node.node import Node

DAY_MS = 86_400_000
WAIT_MS_FIRST, WAIT_MS_MAX, KEPT_MS = 5_000, 3_600_000, 3 * DAY_MS
ROWS = 50
AT_ONCE = frozenset({"emergency", "first-look", "key-change", "ways-change", "guarded", "helper-unused"})
ABOUT_KEYS = frozenset({"key-change", "ways-change"})
KEY = "notify/key"

waiting = Table(
    "notice_waiting",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", String(80), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("channel", String(10), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False, index=True),
    Column("attempts", Integer, nullable=False, default=0),
    Column("trouble", String(200), nullable=False, default=""),
    Column("sealed", LargeBinary, nullable=False),
)


class Teller:
    """Tells the people of one agent. `loopback` lets tests send to this machine."""

    def __init__(self, node: "Node", relay: Relay | None = None, *, loopback: bool = False) -> None:
        self._node = node
        self._lock = threading.Lock()
        self.relay = relay
        self.loopback = loopback

    def public_key(self) -> str:
        """The node's key for pushes, as browsers take it (base64url of the point)."""
        return encode(point_of(self._key()))

    def tell_of(self, looks: list[Look]) -> None:
        """Queue what new looks are worth: emergencies and first looks at once, the rest with the day's digest."""
        for look in looks:
            if look.own:
                continue
            kind = "emergency" if look.emergency else "first-look" if look.first and not look.stopped else "look"
            self.tell(look.account, kind)

    def tell_of_account(self, event: "Event") -> None:
        """Queue what happened to an account on the ledger, for its owner and for those she chose as guardians.

        What is older than a notice is kept for is not told: a node that reads the ledger anew would ring everybody. A
        way back that was begun is told as long as it can still be stopped: this agent may have been down meanwhile.
        """
        if event.time > self._node.clock() - KEPT_MS or (event.urgent and self._can_be_stopped(event.about)):
            self.tell(event.account, "key-change" if event.about == event.account else "guarded")

    def _can_be_stopped(self, account: str) -> bool:
        with self._node.engine.view() as view:
            return ladder.recovery_waits(view, account, max(self._node.clock(), view.tip.time))

    def tell(self, account: str, kind: str) -> None:
        """Queue a notice of a kind of `texts.KINDS` on every channel of a person. Raises StoreError."""
        wished, now = wishes.of(self._node, account), self._node.clock()
        at_once = kind in AT_ONCE or wished.pace == "at-once"
        if not at_once and wished.pace == "quiet":
            return
        told, due = (kind, now) if at_once else ("digest", now + DAY_MS)
        rows = [
            {"account": account, "kind": told, "channel": channel, "since": now, "due": due, "attempts": 0,
             "trouble": "", "sealed": self._node.vault.seal(None, codec.encode(target), account.encode())}
            for channel, target in self._where(account, wished, kind)
        ]  # fmt: skip

        def write(connection: sql.Connection) -> None:
            mine = (waiting.c.account == account) & (waiting.c.kind == "digest")
            pending = connection.execute(sql.select(waiting.c.id).where(mine)).first() is not None
            if rows and not (told == "digest" and pending):
                connection.execute(sql.insert(waiting), rows)

        self._node.store.write(write)

    def _where(self, account: str, wished: Wishes, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """Where a notice goes: what may be about keys also to where notices went until a while ago."""
        now_there = channels(wished)
        if kind not in ABOUT_KEYS:
            return now_there
        return now_there + [one for one in former.of(self._node, account) if one not in now_there]

    def tell_of_ways(self, account: str, before: Wishes, after: Wishes) -> None:
        """Tell that notices go elsewhere, to where they went until now: somebody else may have changed it."""
        had, kept = channels(before), channels(after)
        gone = [one for one in had if one not in kept]
        if gone:
            former.keep(self._node, account, gone)
        if had and had != kept:
            self.tell(account, "ways-change")

    def step(self, now: int) -> int:
        """Send what is due; how many went out."""
        with self._lock:
            query = sql.select(waiting).where(waiting.c.due <= now).order_by(waiting.c.due).limit(ROWS)
            with self._node.store.read() as connection:
                rows = connection.execute(query).all()
            return sum(self._try(row, now) for row in rows)

    def _try(self, row: Any, now: int) -> bool:
        where = waiting.c.id == row.id
        error: WayError | None = None
        try:
            self._send(row, now // 1000)
        except WayError as failed:
            error = failed
        except StoreError:
            raise
        except Exception as fault:
            # One notice that nobody can send must not keep everybody else's from going out.
            error = WayError(f"MedRec has a fault here ({type(fault).__name__}); it tries again.")
        if error is not None:
            if not error.gone and now - row.since < KEPT_MS:
                wait = min(WAIT_MS_FIRST << min(row.attempts, 20), WAIT_MS_MAX)
                values = {"due": now + wait, "attempts": row.attempts + 1, "trouble": error.sentence}
                self._node.store.write(lambda c: c.execute(sql.update(waiting).where(where).values(**values)))
                return False
            self._node.store.write(lambda c: c.execute(sql.delete(waiting).where(where)))
            if error.gone and row.channel == "push":
                self._forget(row)
            return False
        self._node.store.write(lambda c: c.execute(sql.delete(waiting).where(where)))
        return True

    def _send(self, row: Any, now_s: int) -> None:
        target = codec.decode(self._node.vault.open(None, bytes(row.sealed), row.account.encode()))
        language = wishes.of(self._node, row.account).language
        if row.channel == "email":
            if self.relay is None:
                raise WayError("This node has no mail server; its operator can set one.", gone=True)
            home = self._node.directory.find(self._node.organisation)
            text = f"{texts.text(row.kind, language)}\n\n{home.endpoint if home is not None else ''}\n"
            ways.send_mail(self.relay, target["to"], texts.text("subject", language), text)
        elif row.channel == "push":
            to = Subscription(target["endpoint"], target["p256dh"], target["auth"])
            message = texts.text(row.kind, language).encode()
            home = self._node.directory.find(self._node.organisation)
            contact = home.endpoint if home is not None else "https://medrec.invalid"
            ways.send_push(to, message, self._key(), contact, now_s, loopback=self.loopback)
        else:
            identifier = f"{row.id}-{row.since}"
            ways.send_webhook(target["to"], target["secret"], identifier, row.kind, now_s, loopback=self.loopback)

    def _forget(self, row: Any) -> None:
        """A browser that takes no more pushes leaves the person's wishes."""
        target = codec.decode(self._node.vault.open(None, bytes(row.sealed), row.account.encode()))
        wished = wishes.of(self._node, row.account)
        left = [browser for browser in wished.browsers if browser.endpoint != target["endpoint"]]
        wishes.keep(self._node, row.account, Wishes(**{**_fields(wished), "browsers": left}))

    def troubles(self, account: str) -> dict[str, str]:
        """What is wrong with a person's channels now: the last trouble of each that has some."""
        query = sql.select(waiting.c.channel, waiting.c.trouble).where(
            waiting.c.account == account, waiting.c.trouble != ""
        )
        with self._node.store.read() as connection:
            return {row.channel: row.trouble for row in connection.execute(query)}

    def _key(self) -> ec.EllipticCurvePrivateKey:
        """The node's key for pushes; made on first use, kept sealed."""
        with self._node.store.read() as connection:
            kept = connection.execute(sql.select(setting.c.value).where(setting.c.name == KEY)).scalar()
        if kept is not None:
            number = int.from_bytes(self._node.vault.open(None, bytes(kept), KEY.encode()), "big")
            return ec.derive_private_key(number, ec.SECP256R1())
        made = ec.generate_private_key(ec.SECP256R1())
        number = made.private_numbers().private_value
        sealed = self._node.vault.seal(None, number.to_bytes(32, "big"), KEY.encode())

        def write(connection: sql.Connection) -> bool:
            if connection.execute(sql.select(setting.c.name).where(setting.c.name == KEY)).first() is not None:
                return False
            connection.execute(sql.insert(setting).values(name=KEY, value=sealed))
            return True

        return made if self._node.store.write(write) else self._key()


def channels(wished: Wishes) -> list[tuple[str, dict[str, Any]]]:
    """The channels outside that a person has switched on; her page itself always tells."""
    found: list[tuple[str, dict[str, Any]]] = []
    if wished.email:
        found.append(("email", {"to": wished.email}))
    if wished.webhook:
        found.append(("webhook", {"to": wished.webhook, "secret": wished.secret}))
    for browser in wished.browsers:
        target = {"endpoint": browser.endpoint, "p256dh": browser.p256dh, "auth": browser.auth}
        found.append(("push", target))
    return found


def _fields(wished: Wishes) -> dict[str, Any]:
    return {name: getattr(wished, name) for name in Wishes.__struct_fields__}
