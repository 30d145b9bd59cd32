"""The SQLite database: opening, migrating, transactions.

Write-ahead logging lets readers go on while one process writes; `synchronous=FULL` makes a committed name survive a
power cut. The module is on the quick path: it imports nothing but sqlite3's C core.
"""

from __future__ import annotations

import os
from _sqlite3 import Connection, Error, complete_statement, connect  # `sqlite3` would import datetime and more
from _thread import RLock  # `threading` costs as much as the whole query

from pallet.errors import HostError, NotFound
from pallet.store.schema import MIGRATIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Any

_BUSY_TIMEOUT = 60.0  # seconds to wait for another process's write
_LONG_LOG = 400 * 1024  # bytes


class Database:
    """One connection, opened when first used, shared by the threads of this process behind a lock.

    Args:
        path: the database file; made with its schema on the first write.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = RLock()
        self._connection: Connection | None = None
        self._depth = 0

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """All rows of a query, as tuples. An absent database has no rows.

        Raises:
            HostError: the database cannot be read.
        """
        with self._lock:
            connection = self._open(create=False)
            if connection is None:
                return []
            try:
                return connection.execute(sql, values).fetchall()
            except Error as error:
                raise HostError(f"cannot read {self._path}: {error}") from error

    def row(self, sql: str, values: Sequence[object] = ()) -> Any:
        """The first row of a query, or None.

        Raises:
            HostError: the database cannot be read.
        """
        rows = self.rows(sql, values)
        return rows[0] if rows else None

    def transaction(self, *, lasting: bool = True) -> Transaction:
        """A context that commits at its end and rolls back on an error; nested ones join the outermost.

        Args:
            lasting: whether it has to survive a power cut; a process that is killed never undoes what was committed.
        """
        return Transaction(self, lasting)

    def close(self) -> None:
        """Close the connection, if it was opened."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _begin(self, lasting: bool) -> Connection:
        self._lock.acquire()
        try:
            connection = self._open(create=True)
            if connection is None:
                raise NotFound(f"no database at {self._path}")
            if not lasting and not self._depth:
                connection.execute("PRAGMA synchronous=NORMAL")
            # A savepoint lets the outer transaction go on after a failed inner one has been undone.
            connection.execute(f"SAVEPOINT inner{self._depth}" if self._depth else "BEGIN IMMEDIATE")
            self._depth += 1
            return connection
        except Error as error:
            self._lock.release()
            raise HostError(f"cannot write {self._path}: {error}") from error
        except BaseException:
            self._lock.release()
            raise

    def _end(self, commit: bool, lasting: bool) -> None:
        connection = self._connection
        try:
            self._depth -= 1
            if connection is None:
                return
            if self._depth:
                if not commit:
                    connection.execute(f"ROLLBACK TO inner{self._depth}")
                connection.execute(f"RELEASE inner{self._depth}")
            elif commit:
                connection.execute("COMMIT")
                self._empty_long_log(connection)
            elif connection.in_transaction:  # SQLite ends it by itself when the disk is full
                connection.execute("ROLLBACK")
        except Error as error:
            if self._depth == 0 and connection is not None and connection.in_transaction:
                connection.execute("ROLLBACK")
            raise HostError(f"cannot write {self._path}: {error}") from error
        finally:
            if not lasting and not self._depth and connection is not None:
                connection.execute("PRAGMA synchronous=FULL")
            self._lock.release()

    def _empty_long_log(self, connection: Connection) -> None:
        """Bring what the log holds into the database, if it is much.

        SQLite does that by itself, but the log then is only marked as free in memory shared by those who have the
        database open: it is lost with the last of them, as a rule this process. Without this the log would grow for
        ever, and each process that opens the database reads all of it.
        """
        try:
            if os.stat(self._path + "-wal").st_size < _LONG_LOG:
                return
            connection.execute("PRAGMA busy_timeout=0")  # somebody reads: then the next one does it
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.execute(f"PRAGMA busy_timeout={int(_BUSY_TIMEOUT * 1000)}")
        except (OSError, Error):
            pass  # what was to be committed is

    def _open(self, create: bool) -> Connection | None:
        if self._connection is not None:
            return self._connection
        try:
            os.stat(self._path)
        except FileNotFoundError:
            if not create:
                return None
            self._make_directory()
        except OSError as error:
            raise HostError(f"cannot open {self._path}: {error.strerror}") from error
        try:
            connection = connect(self._path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA synchronous=FULL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != len(MIGRATIONS):
                _migrate(connection, self._path)
        except Error as error:
            raise HostError(f"cannot open {self._path}: {error}") from error
        self._connection = connection
        return connection

    def _make_directory(self) -> None:
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        except OSError as error:
            raise HostError(f"cannot make {error.filename}: {error.strerror}") from error


class Transaction:
    """See `Database.transaction`; entering gives the sqlite3 connection."""

    def __init__(self, database: Database, lasting: bool = True) -> None:
        self._database = database
        self._lasting = lasting

    def __enter__(self) -> Connection:
        return self._database._begin(self._lasting)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database._end(kind is None, self._lasting)
        if isinstance(error, Error):
            raise HostError(f"cannot write the database: {error}") from error


def _migrate(connection: Connection, path: str) -> None:
    from fcntl import LOCK_EX, flock

    # SQLite does not wait for others while it switches to WAL, so that has a lock of its own: the directory's.
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flock(directory, LOCK_EX)
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
    finally:
        os.close(directory)


def _statements(script: str) -> list[str]:
    """Split a migration into statements: executescript would commit in between."""
    statements: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if complete_statement(pending):
            statements.append(pending)
            pending = ""
    return statements
