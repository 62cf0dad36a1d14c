"""The one thread that writes to a store: closures that wait go together into one transaction, durable at once."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import sqlalchemy as sql

from medrec.node.keeping.connections import Connections, Told, begun, durable, undone
from medrec.node.keeping.hashes import Hashes
from medrec.node.keeping.log import Log
from medrec.node.keeping.turns import Turns

GROUP_MAX = 256

Item = tuple[Callable[[sql.Connection], Any], Future[Any]]
"""A closure and what tells of it."""
Answer = tuple[Future[Any], Any, BaseException | None]
"""What is told: a result, or what the closure raised."""


class Writer:
    """Writes with `connections`, in the turns of its store; `hashes` gives what seals the hashes there, None as long as
    nothing does; who waits is `told` of an error of the driver in the store's own words; `log` hears of every group."""

    def __init__(
        self, connections: Connections, turns: Turns, hashes: Callable[[], Hashes | None], told: Told, log: Log | None
    ) -> None:
        self._connections = connections
        self._turns = turns
        self._hashes = hashes
        self._told = told
        self._log = log
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, closure: Callable[[sql.Connection], Any]) -> Future[Any]:
        """Have a closure run; the future has its result once it is durable."""
        future: Future[Any] = Future()
        self._queue.put((closure, future))
        return future

    def close(self) -> None:
        """Finish what was handed over."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                return
            with self._turns.one():
                group = [item]
                while len(group) < GROUP_MAX and not self._queue.empty():
                    following = self._queue.get()
                    if following is None:
                        self._commit(group)
                        return
                    group.append(following)
                self._commit(group)
            if self._log is not None:
                self._log.written()

    def _commit(self, group: list[Item]) -> None:
        under = self._number()
        try:
            with self._connections.one() as connection:
                begun(connection)
                under = self._follow(connection)
                answers = self._alone(connection, *group[0]) if len(group) == 1 else self._together(connection, group)
        except sql.exc.DBAPIError as error:
            self._hash_under(under)
            if len(group) > 1:
                # One of them may be at fault: each gets its own transaction.
                for item in group:
                    self._commit([item])
                return
            answers = [(group[0][1], None, self._told(error))]
        except Exception as error:
            # Such as a key that is gone. Nothing was kept; who waits hears of it, and the writer goes on.
            answers = [(future, None, error) for _, future in group]
        for future, result, failure in answers:
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)

    def _alone(
        self, connection: sql.Connection, closure: Callable[[sql.Connection], Any], future: Future[Any]
    ) -> list[Answer]:
        """One that is alone needs no savepoint: what it raises undoes the transaction itself."""
        under = self._number()
        try:
            result = closure(connection)
        except sql.exc.DBAPIError:
            raise
        except BaseException as error:
            undone(connection)
            self._hash_under(under)
            return [(future, None, error)]
        self._make_durable(connection)
        return [(future, result, None)]

    def _together(self, connection: sql.Connection, group: list[Item]) -> list[Answer]:
        answers: list[Answer] = []
        if not connection.in_transaction():
            connection.begin()
        for closure, future in group:
            under = self._number()
            try:
                with connection.begin_nested():
                    result = closure(connection)
                answers.append((future, result, None))
            except sql.exc.DBAPIError:
                raise
            except BaseException as error:
                self._hash_under(under)
                answers.append((future, None, error))
        self._make_durable(connection)
        return answers

    def _make_durable(self, connection: sql.Connection) -> None:
        # What is left after it is to tell those who wait: to wait for another turn would take longer.
        self._turns.give()
        durable(connection)

    def _number(self) -> int | None:
        """The number of the secret that hashes are sealed under."""
        hashes = self._hashes()
        return hashes.number if hashes is not None else None

    def _follow(self, connection: sql.Connection) -> int | None:
        """Seal under the secret that the store is under: no other process brings it under another one before the end of
        this transaction."""
        hashes = self._hashes()
        return hashes.follow(connection) if hashes is not None else None

    def _hash_under(self, number: int | None) -> None:
        """What was undone may have brought the hashes under another secret. Raises VaultError."""
        hashes = self._hashes()
        if hashes is not None:
            hashes.use(number)
