"""SQL statements, compiled once for all stores of a process.

A node has one store and compiles each statement once; the tests of a worker open thousands of stores, and compiled
some 165 statements for each: a quarter of their time. What a store's secrets touch (how its values are bound and read)
hangs on its dialect and is worked out when a statement is first used; so what is shared is a statement as it was
compiled, before any use, and each store uses its own copy of it, with its own dialect.
"""

import copy
from typing import Any

import sqlalchemy as sql
from sqlalchemy.sql.compiler import Compiled

OF_A_DIALECT = (
    "_bind_processors",
    "_cached_metadata",
    "_get_set_input_sizes_lookup",
    "_inserted_primary_key_from_lastrowid_getter",
    "_inserted_primary_key_from_returning_getter",
)
"""What a compiled statement keeps of the dialect that it was first used with."""

_unused: dict[Any, Compiled] = {}
"""Statements as they were compiled, by what SQLAlchemy knows them by, the class of the dialect in place of itself."""


class Statements(dict[Any, Compiled]):
    """The compiled statements of one store (SQLAlchemy's `compiled_cache`)."""

    def get(self, key: Any, default: Any = None) -> Any:
        """The statement that this store uses; a copy of another store's where it has none yet."""
        found = super().get(key)
        if found is None and (unused := _unused.get(_shared(key))) is not None:
            found = copy.copy(unused)
            found.dialect, found.preparer = key[0], key[0].identifier_preparer
            super().__setitem__(key, found)
        return default if found is None else found

    def __setitem__(self, key: Any, compiled: Compiled) -> None:
        super().__setitem__(key, compiled)
        used = [name for name in OF_A_DIALECT if vars(compiled).get(name) is not None]
        assert not used, f"a statement came with what a store worked out for it: {used}"
        _unused[_shared(key)] = copy.copy(compiled)


def create_engine(*args: Any, **rest: Any) -> sql.Engine:
    """As SQLAlchemy's, with statements that are shared."""
    return _create_engine(*args, execution_options={"compiled_cache": Statements()}, **rest)


_create_engine = sql.create_engine


def _shared(key: Any) -> Any:
    return type(key[0]), *key[1:]
