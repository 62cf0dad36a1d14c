"""The agent's side of links: the requests that the person signs, and what leaves her record when a link is undone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sql
from msgspec import UNSET

from medrec.core import codec, manifests
from medrec.core.manifests.record import LinkManifest
from medrec.node.agent import redelivery, standing_links
from medrec.node.agent.copies import record_copy
from medrec.node.keeping import store
from medrec.node.keeping.vault import Vault
from medrec.node.ledger.rebuild import relationship_key, seal_key
from medrec.node.peers.peers import PeerError
from medrec.node.right_person.link import UNLINK_PATH, link_message, unlink_message
from medrec.node.right_person.unlinking import EPOCH_USED

USED_MAX = 8
"""How many epochs an agent tries in one go of which the organisation says that they were used."""

Relate = Callable[[sql.Connection, str, str, int, bytes, int | None], None]
"""Keeps the key of a relationship (Agent.relate)."""


def request(
    network: bytes,
    secret: bytes,
    account: str,
    organisation: str,
    epoch: int,
    code: bytes,
    sign: Callable[[bytes], tuple[bytes, bytes]],
    stated: dict[str, str] | None,
) -> bytes:
    """What an agent presents with a desk's code; the keys of the relationship follow from the view secret."""
    key, signature = sign(link_message(network, organisation, account, code))
    asked = {
        "account": account,
        "code": code,
        "epoch": epoch,
        "key": key,
        "relationship": relationship_key(secret, organisation, epoch),
        "seal": seal_key(secret, organisation, epoch),
        "signature": signature,
    }
    return codec.encode(asked if stated is None else asked | {"demographics": stated})


@contextmanager
def refused(kept: store.Store, account: str, organisation: str, epoch: int) -> Iterator[None]:
    """Forget a relationship that an organisation refused in so many words: epochs count without a gap.

    Not one whose keys served a link before: its lines are on the ledger, or will be, and are hers.
    """
    try:
        yield
    except PeerError as error:
        if error.answered and error.code != EPOCH_USED:
            forget_relationship(kept, account, organisation, epoch)
        raise


def forget_relationship(kept: store.Store, account: str, organisation: str, epoch: int) -> None:
    """Forget the keys of a relationship that is not made (yet): where it is made after all, they come with the notice
    of its link (handover.py)."""
    known = store.relationship.c
    where = (known.account == account) & (known.organisation == organisation) & (known.epoch == epoch)
    kept.write(lambda connection: connection.execute(sql.delete(store.relationship).where(where)))


def made(
    relate: Relate, account: str, organisation: str, epoch: int, answer: dict[str, Any], connection: sql.Connection
) -> None:
    """A link was made at once: the key of the lines from before it is kept, and whether it is that of a further chart.
    Inside `Store.write` only."""
    relate(connection, account, organisation, 1 - epoch, answer["relationship"], int(answer["lines"]))
    if "chart" in answer:
        standing_links.note_chart(connection, account, organisation, epoch)


def past_used(present: Callable[[int], int], epoch: int) -> int:
    """Link with the first keys from an epoch on that the organisation has not seen; what `present` returns.

    A link can be made and undone before the agent hears of it. Raises PeerError.
    """
    for further in range(USED_MAX - 1):
        try:
            return present(epoch + further)
        except PeerError as error:
            if not error.answered or error.code != EPOCH_USED:
                raise
    return present(epoch + USED_MAX - 1)


def leave(
    kept: store.Store,
    call: Callable[[str, str, bytes], bytes],
    network: bytes,
    time: int,
    account: str,
    organisation: str,
    sign: Callable[[bytes], tuple[bytes, bytes]],
) -> bool:
    """Ask an organisation to undo a link, as the person signs; False if there was none. Raises PeerError."""
    key, signature = sign(unlink_message(network, organisation, account, time))
    asked = {"account": account, "key": key, "signature": signature, "time": time}
    kept.write(lambda connection: standing_links.leave(connection, account, organisation))
    done = bool(codec.decode(call(organisation, UNLINK_PATH, codec.encode(asked))))
    kept.write(lambda connection: forget_copies(connection, account, organisation))
    return done


def next_epoch(kept: store.Store, account: str, organisation: str) -> int:
    """The epoch of the next link: one more than the last that was answered or that a line came of.

    A call that was never answered may not have arrived: its epoch is taken again, for whoever finds her record from the
    ledger alone counts epochs until one has no line. If it did arrive, the organisation refuses the second, also when
    that link was undone in the meantime.
    """
    known, told = store.relationship.c, store.notice.c
    mine = (known.account == account) & (known.organisation == organisation)
    with kept.read() as connection:
        last = int(connection.execute(sql.select(sql.func.max(known.epoch)).where(mine)).scalar() or 0)
        walked = connection.execute(sql.select(known.next).where(mine, known.epoch == last)).scalar()
        heard = sql.select(told.tag).where(
            told.account == account, told.organisation == organisation, told.epoch == last
        )
        answered = connection.execute(sql.select(known.epoch).where(mine, known.epoch == 1 - last)).first() is not None
        used = answered or bool(walked) or connection.execute(heard.limit(1)).first() is not None
    return last if last > 0 and not used else last + 1


def follow(connection: sql.Connection, vault: Vault, rows: list[dict[str, Any]]) -> None:
    """What follows from links and their ends among the rows of notices that were kept: copies that came through a link
    that is undone are forgotten, and what is missing from a place that knows her again can come."""
    for row in rows:
        statement = _link_of(vault, row)
        if statement is None:
            continue
        account, organisation = row["account"], row["organisation"]
        if statement.action == "unlink":
            # Of several charts nobody says which copy came through which: what is still hers there is read again.
            forget_copies(connection, account, organisation)
            continue
        redelivery.linked_again(connection, account, organisation)
        if statement.chart is not UNSET:
            standing_links.note_chart(connection, account, organisation, row["epoch"])


def to_read(vault: Vault, rows: list[dict[str, Any]]) -> list[str]:
    """Whose records may be read otherwise by what these notices say: a consent came, or a link of one of several
    charts or its end."""
    found = {row["account"] for row in rows if row["kind"] in ("consent/1", "consent/2")}
    for row in rows:
        statement = _link_of(vault, row)
        if statement is not None and statement.chart is not UNSET:
            found.add(row["account"])
    return sorted(found)


def _link_of(vault: Vault, row: dict[str, Any]) -> LinkManifest | None:
    if row["kind"] != "link/1":
        return None
    statement = manifests.decode(codec.decode(vault.open_kept(row["sealed"], row["tag"]))[0])
    return statement if isinstance(statement, LinkManifest) else None


def forget_copies(connection: sql.Connection, account: str, organisation: str) -> None:
    """What came through a link that is undone leaves the person's record: her lists are made from the copies."""
    copy = record_copy.c
    connection.execute(sql.delete(record_copy).where(copy.account == account, copy.organisation == organisation))
