"""Making a link: the row of a local patient becomes an account's, and what came before is handed over."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.record import LinkManifest
from medrec.core.matching import Demographics
from medrec.node.agent import redelivery
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Journal, Person
from medrec.node.right_person import charts, holding, looking_over
from medrec.node.right_person.waiting_links import Keys


class Made(NamedTuple):
    """What an agent is told of a new link: the key of the lines from before it, and how many there are."""

    relationship: bytes
    lines: int


class Maker:
    """Makes links within one write of the store. `read` gives a record from its source."""

    def __init__(
        self,
        connection: sql.Connection,
        journal: Journal,
        network: bytes,
        read: Callable[[str, str], bytes | None],
    ) -> None:
        self._connection = connection
        self._journal = journal
        self._network = network
        self._read = read

    def make(self, before: Person, account: str, keys: Keys, who: Demographics | None) -> Made:
        """Link a local patient, `before`, to an account that is not linked here; `who` is who she is as was
        confirmed."""
        made = self._make(before, account, keys, who)
        looking_over.all_of(self._connection, self._journal, self._network.hex(), before.id, self._read)
        return made

    def make_further(self, mine: Person, before: Person, keys: Keys, who: Demographics | None) -> Made:
        """Link a further chart, `before`, to the account of a person who is linked here by another one, `mine`."""
        assert mine.account is not None
        connection, journal = self._connection, self._journal
        charts.aside(connection, mine)
        made = self._make(before, mine.account, keys, who, charts.FURTHER)
        charts.join(connection, journal, self._network, mine, journal.person(connection, before.id))
        looking_over.charts(connection, journal, self._network.hex(), mine.id, self._read, before.patient)
        return made

    def _make(
        self, before: Person, account: str, keys: Keys, who: Demographics | None, chart: Any = msgspec.UNSET
    ) -> Made:
        connection, journal, vault = self._connection, self._journal, self._journal.vault
        # The first link is epoch 1 and what came before it 0; what came before the second is -1, and so on.
        before = before._replace(epoch=1 - keys.epoch)
        # What was sealed before stays readable: all her other keys stay.
        hers = msgspec.structs.replace(before.keys, relationship=keys.relationship, seal=keys.seal)
        lines = self._hand_over(before, account, keys.agent)
        former = {"person": before.id, "epoch": before.epoch, "keys": vault.wrap(before.keys)}
        connection.execute(sql.insert(store.former).values(**former))
        connection.execute(
            sql.update(store.person)
            .where(store.person.c.id == before.id)
            .values(account=account, agent=keys.agent, epoch=keys.epoch, counter=0, keys=vault.wrap(hers))
        )
        time = journal.now()
        if who is not None:
            holding.remember(connection, vault, before.id, who, "desk", time)
        manifest = LinkManifest(
            "link/1", self._network.hex(), journal.organisation, account, time, "link", keys.agent, lines, chart
        )
        summary: list[Any] = [2, time, before.keys.relationship, lines]
        journal.append(connection, [Draft("link/1", manifests.encode(manifest), before.id, None, summary)])
        return Made(before.keys.relationship, lines)

    def _hand_over(self, before: Person, account: str, agent: str) -> int:
        """Queue notices of every line from before the link, under the key they were tagged with."""
        told = before._replace(account=account, agent=agent)
        rows = redelivery.lines_of(self._connection, before.id)
        # What was erased keeps its number and has nothing to tell.
        there = [(counter, row) for counter, row in enumerate(rows) if row.sealed]
        redelivery.queue(self._journal, self._connection, before, told, there)
        return len(rows)
