"""The SQLite database: opening, migrating, transactions.

Write-ahead logging lets readers go on while one process writes; `synchronous=FULL` makes a committed name survive a
power cut. The module is on the quick path: it imports nothing but sqlite3's C core.
"""

from __future__ import annotations

import os
import sqlite3
from threading import RLock

from pallet.errors import HostError, NotFound
from pallet.store.schema import MIGRATIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Any

_BUSY_TIMEOUT = 60.0  # seconds to wait for another process's write


class Database:
    """One connection, opened when first used, shared by the threads of this process behind a lock.

    Args:
        path: the database file; made with its schema on the first write.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._depth = 0

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """All rows of a query, as tuples. An absent database has no rows."""
        with self._lock:
            connection = self._open(create=False)
            return connection.execute(sql, values).fetchall() if connection else []

    def row(self, sql: str, values: Sequence[object] = ()) -> Any:
        """The first row of a query, or None."""
        with self._lock:
            connection = self._open(create=False)
            return connection.execute(sql, values).fetchone() if connection else None

    def transaction(self) -> Transaction:
        """A context that commits at its end and rolls back on an error; nested ones join the outermost."""
        return Transaction(self)

    def close(self) -> None:
        """Close the connection, if it was opened."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _begin(self) -> sqlite3.Connection:
        self._lock.acquire()
        try:
            connection = self._open(create=True)
            if connection is None:
                raise NotFound(f"no database at {self._path}")
            if self._depth == 0:
                connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            return connection
        except BaseException:
            self._lock.release()
            raise

    def _end(self, commit: bool) -> None:
        try:
            self._depth -= 1
            if self._depth == 0 and self._connection is not None:
                self._connection.execute("COMMIT" if commit else "ROLLBACK")
        finally:
            self._lock.release()

    def _open(self, create: bool) -> sqlite3.Connection | None:
        if self._connection is not None:
            return self._connection
        if not os.path.exists(self._path):
            if not create:
                return None
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        try:
            connection = sqlite3.connect(
                self._path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA foreign_keys=ON")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != len(MIGRATIONS):
                _migrate(connection, self._path)
        except sqlite3.Error as error:
            raise HostError(f"cannot open {self._path}: {error}") from error
        self._connection = connection
        return connection


class Transaction:
    """See `Database.transaction`; entering gives the sqlite3 connection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> sqlite3.Connection:
        return self._database._begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database._end(commit=kind is None)


def _migrate(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have migrated it while this one waited.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise HostError(f"{path} was written by a newer pallet", hint="update pallet")
        for migration in MIGRATIONS[version:]:
            for statement in _statements(migration):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """Split a migration into statements: executescript would commit in between."""
    statements: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    return statements
