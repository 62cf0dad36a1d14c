"""Statements that run at every read, made into the database's own text once and for all.

SQLAlchemy makes what it needs for one run anew at each, which costs ten times the run itself. Here the text is made
once for each kind of database; what runs is the driver's own. Nothing is remembered of any answer.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy.ext.compiler import compiles

from medrec.node.keeping.connections import in_words_of_sqlalchemy
from medrec.node.keeping.hashes import Hash, opened_for, sealed_for

ASKED_AT_ONCE = 256
"""So many values stand in one statement at most."""


class hexed(sql.sql.functions.GenericFunction[str]):  # noqa: N801  it is written like the database's own functions
    """Columns of bytes, of all rows, as one hexadecimal text.

    A driver hands rows over one by one, and lets every other thread in between; one text it hands over at once.
    """

    type = sql.String()
    inherit_cache = True


@compiles(hexed)
def _hexed(element: Any, compiler: Any, **rest: Any) -> str:
    return f"group_concat({' || '.join(f'hex({compiler.process(one, **rest)})' for one in element.clauses)}, '')"


@compiles(hexed, "postgresql")
def _hexed_in_postgresql(element: Any, compiler: Any, **rest: Any) -> str:
    parts = (f"encode({compiler.process(one, **rest)}, 'hex')" for one in element.clauses)
    return f"string_agg({' || '.join(parts)}, '')"


class _Made(NamedTuple):
    text: str
    in_order: Callable[[Mapping[str, Any]], Any] | None
    """The parameters in their order; None where the driver takes them by name."""
    fixed: dict[str, Any]
    row: Any
    opens: tuple[int, ...]
    seals: tuple[str, ...]
    """Which columns of the answer, and which parameters, are hashes that lie sealed (hashes.py)."""
    begins: bool
    """Whether a transaction has to be begun, because the driver begins none by itself."""


class Prepared:
    """One statement with parameters. Its values must be those that the driver itself takes and gives: integers, texts
    and bytes (a truth value comes back as 0 or 1 from some). `columns` are those that an INSERT fills; the rows of a
    `plain` query are tuples without names.
    """

    def __init__(self, statement: Any, columns: Sequence[str] | None = None, plain: bool = False) -> None:
        self._statement = statement
        self._plain = plain
        self._columns = list(columns) if columns is not None else None
        self._made: dict[str, _Made] = {}

    def all(self, connection: sql.Connection, values: Mapping[str, Any]) -> list[Any]:
        """The rows of a query, with a name for each column. Raises sqlalchemy.exc.DBAPIError."""
        made = self._for(connection)
        bound = self._bound(connection, made, values)
        driver: Any = _begun(connection, made)
        try:
            found = driver.execute(made.text, bound).fetchall()
        except connection.dialect.loaded_dbapi.Error as error:
            raise in_words_of_sqlalchemy(connection, made.text, error) from error
        if made.opens:
            found = [_opened(connection.dialect, made.opens, row) for row in found]
        return found if self._plain else list(map(made.row, found))

    def first(self, connection: sql.Connection, values: Mapping[str, Any]) -> Any:
        """The first row of a query, None if there is none. Raises sqlalchemy.exc.DBAPIError."""
        rows = self.all(connection, values)
        return rows[0] if rows else None

    def run(self, connection: sql.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a writing statement for each of these. Raises sqlalchemy.exc.DBAPIError."""
        made = self._for(connection)
        bound = [self._bound(connection, made, values) for values in rows]
        driver: Any = _begun(connection, made)
        try:
            if len(bound) == 1:
                driver.execute(made.text, bound[0])
                return
            cursor = driver.cursor()
            try:
                cursor.executemany(made.text, bound)
            finally:
                cursor.close()
        except connection.dialect.loaded_dbapi.Error as error:
            raise in_words_of_sqlalchemy(connection, made.text, error) from error

    @staticmethod
    def _bound(connection: sql.Connection, made: _Made, values: Mapping[str, Any]) -> Any:
        if not made.fixed and not made.seals:
            return values if made.in_order is None else made.in_order(values)
        bound = {**made.fixed, **values}
        for name in made.seals:
            if bound[name] is not None:
                bound[name] = sealed_for(connection.dialect, bound[name])
        return bound if made.in_order is None else made.in_order(bound)

    def _for(self, connection: sql.Connection) -> _Made:
        dialect = connection.dialect
        found = self._made.get(dialect.name)
        if found is None:
            compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)
            in_order = _picking(compiled.positiontup) if compiled.positional else None
            fixed = {name: value for name, value in compiled.params.items() if value is not None}
            row: Any = tuple
            opens: tuple[int, ...] = ()
            if isinstance(self._statement, sql.Select):
                columns = enumerate(self._statement.selected_columns)
                opens = tuple(place for place, column in columns if isinstance(column.type, Hash))
            seals = tuple(name for name, bind in compiled.binds.items() if isinstance(bind.type, Hash))
            if isinstance(self._statement, sql.Select) and not self._plain:
                # The names are the columns' own.
                kind: Any = namedtuple("Row", self._statement.selected_columns.keys())  # type: ignore[misc]
                row = kind._make
            found = self._made[dialect.name] = _Made(
                compiled.string, in_order, fixed, row, opens, seals, dialect.name == "sqlite"
            )
        return found


class Among:
    """Which of some values stand in a column; one statement for each count of them."""

    def __init__(self, column: sql.Column[Any]) -> None:
        self._column = column
        self._made: dict[int, Prepared] = {}

    def found(self, connection: sql.Connection, wanted: Sequence[Any]) -> set[Any]:
        """Those of these values that a row has. Raises sqlalchemy.exc.DBAPIError."""
        found: set[Any] = set()
        for first in range(0, len(wanted), ASKED_AT_ONCE):
            some = wanted[first : first + ASKED_AT_ONCE]
            values = {f"wanted_{place}": one for place, one in enumerate(some)}
            found.update(value for (value,) in self._for(len(some)).all(connection, values))
        return found

    def _for(self, count: int) -> Prepared:
        made = self._made.get(count)
        if made is None:
            wanted: list[sql.BindParameter[Any]] = [sql.bindparam(f"wanted_{place}") for place in range(count)]
            statement = sql.select(self._column).where(self._column.in_(wanted))
            made = self._made[count] = Prepared(statement, plain=True)
        return made


def _picking(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """What takes the values of these names, in this order."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def _opened(dialect: sql.Dialect, places: tuple[int, ...], row: Sequence[Any]) -> tuple[Any, ...]:
    values = list(row)
    for place in places:
        if values[place] is not None:
            values[place] = opened_for(dialect, values[place])
    return tuple(values)


def _begun(connection: sql.Connection, made: _Made) -> Any:
    """The driver's connection, inside a transaction: all that is read with it until its end is of one moment."""
    driver: Any = connection.connection.dbapi_connection
    if made.begins and not driver.in_transaction:
        driver.execute("BEGIN")
    return driver
