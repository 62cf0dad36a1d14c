"""Connections to the node's store: how one is set up, and which are kept for the next reading or writing.

Whatever is read with one connection is of one moment, from its first statement to its end.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import sqlalchemy as sql

from medrec.node.keeping.log import LONG_PAGES_MAX

KEPT_MAX = 16

Told = Callable[[sql.exc.DBAPIError], Exception]
"""What is raised in place of an error of the driver."""


class Connections:
    """Connections that are kept open between two uses: to make one costs more than most readings.

    The engine must not have a pool of its own: one with a bound would let who comes last wait for what is kept here.
    """

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine
        self._kept: list[sql.Connection] = []

    def one(self, told: Told | None = None) -> AbstractContextManager[sql.Connection]:
        """A connection for one use; what it has not committed by then is undone. Raises sqlalchemy.exc.DBAPIError, or
        what is `told` of it."""
        return _Use(self, told)

    def _take(self) -> sql.Connection:
        try:
            return self._kept.pop()
        except IndexError:
            return self._engine.connect()

    def let_go(self) -> None:
        """Close those that nobody uses."""
        kept, self._kept = self._kept, []
        for connection in kept:
            connection.close()

    def _done(self, connection: sql.Connection) -> None:
        """What was done with one is over: it is kept, where there is room. Raises sqlalchemy.exc.DBAPIError."""
        undone(connection)
        if len(self._kept) < KEPT_MAX:
            self._kept.append(connection)
        else:
            connection.close()


class _Use:
    """See Connections.one."""

    def __init__(self, connections: Connections, told: Told | None) -> None:
        self._connections = connections
        self._told = told

    def __enter__(self) -> sql.Connection:
        try:
            self._connection = self._connections._take()
        except sql.exc.DBAPIError as error:
            self._tell(error)
            raise
        return self._connection

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            if error is None:
                self._connections._done(self._connection)
        except sql.exc.DBAPIError as failure:
            error = failure
        if isinstance(error, sql.exc.DBAPIError):
            # Whatever is wrong with this one may be wrong with all of them.
            self._connection.close()
            self._connections.let_go()
            self._tell(error)
            raise error
        if error is not None:
            self._connection.close()

    def _tell(self, error: sql.exc.DBAPIError) -> None:
        if self._told is not None:
            raise self._told(error) from error


def begun(connection: sql.Connection) -> None:
    """Begin a transaction that writes; with SQLite nobody else writes until its end, and SQLAlchemy's own, which costs
    more, goes on with it. Raises sqlalchemy.exc.DBAPIError."""
    if connection.dialect.name == "sqlite":
        # To read first and write then would fail at once where another process writes; this waits for it.
        _driven(connection, "BEGIN IMMEDIATE")
    else:
        connection.begin()


def durable(connection: sql.Connection) -> None:
    """Make durable what was written with a connection, whoever began. Raises sqlalchemy.exc.DBAPIError."""
    if connection.in_transaction():
        connection.commit()
    else:
        _driven(connection, "COMMIT")


def undone(connection: sql.Connection) -> None:
    """Undo what was not made durable."""
    if connection.in_transaction():
        connection.rollback()
        return
    # A prepared statement begins by itself.
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name != "sqlite":
        driver.rollback()
    elif driver.in_transaction:
        # The driver's own function would have this text compiled at every read.
        _driven(connection, "ROLLBACK")


def _driven(connection: sql.Connection, text: str) -> None:
    driver: Any = connection.connection.dbapi_connection
    try:
        driver.execute(text)
    except connection.dialect.loaded_dbapi.Error as error:
        raise in_words_of_sqlalchemy(connection, text, error) from error


def in_words_of_sqlalchemy(connection: sql.Connection, text: str, error: BaseException) -> BaseException:
    """An error of the driver as SQLAlchemy would raise it."""
    dialect = connection.dialect
    return sql.exc.DBAPIError.instance(text, None, error, dialect.loaded_dbapi.Error, dialect=dialect)


def sqlite_settings(engine: sql.Engine) -> None:
    """How connections to a SQLite file behave: a log that readers do not wait for, durable at every commit."""
    sql.event.listen(engine, "connect", _connected)
    sql.event.listen(engine, "begin", _begun)


def _connected(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA wal_autocheckpoint={LONG_PAGES_MAX}")
    cursor.close()


def _begun(connection: sql.Connection) -> None:
    # To the driver itself: this takes no lock that could fail. A prepared statement may have begun already.
    driver: Any = connection.connection.dbapi_connection
    if not driver.in_transaction:
        driver.execute("BEGIN")
