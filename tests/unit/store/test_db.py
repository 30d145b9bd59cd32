"""The database: made once, by whoever is first; transactions that hold."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pallet.errors import HostError
from pallet.store.db import Database
from pallet.store.schema import MIGRATIONS

WRITER = """
import sys
from pallet.store.db import Database
db = Database(sys.argv[1])
for number in range(10):
    with db.transaction() as connection:
        connection.execute("INSERT INTO garbage VALUES ('blob', ?)", (f"{sys.argv[2]}-{number}",))
"""


def test_processes_that_begin_together(tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "db.sqlite")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, str(number)]) for number in range(5)]
    assert [writer.wait(60) for writer in writers] == [0] * 5
    assert Database(path).row("SELECT count(*) FROM garbage") == (50,)
    assert Database(path).row("PRAGMA journal_mode") == ("wal",)


def test_threads_share_a_connection(tmp_path: Path) -> None:
    db = Database(str(tmp_path / "db.sqlite"))

    def write(number: int) -> None:
        for turn in range(20):
            with db.transaction() as connection:
                connection.execute("INSERT INTO garbage VALUES ('blob', ?)", (f"{number}-{turn}",))
            assert db.row("SELECT 1 FROM garbage WHERE key = ?", (f"{number}-{turn}",))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.row("SELECT count(*) FROM garbage") == (80,)


def test_a_failed_inner_transaction_is_undone_alone(tmp_path: Path) -> None:
    db = Database(str(tmp_path / "db.sqlite"))
    with db.transaction() as connection:
        connection.execute("INSERT INTO garbage VALUES ('blob', 'outer')")
        with pytest.raises(ValueError, match="no"), db.transaction() as inner:
            inner.execute("INSERT INTO garbage VALUES ('blob', 'inner')")
            raise ValueError("no")
        with db.transaction() as inner:
            inner.execute("INSERT INTO garbage VALUES ('blob', 'second')")
    assert db.rows("SELECT key FROM garbage ORDER BY key") == [("outer",), ("second",)]


def test_a_newer_or_damaged_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    newer.close()
    with pytest.raises(HostError, match="newer pallet"):
        Database(str(path)).rows("SELECT * FROM images")
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(HostError):
        Database(str(path)).rows("SELECT * FROM images")


def test_it_can_be_closed_and_used_again(tmp_path: Path) -> None:
    db = Database(str(tmp_path / "db.sqlite"))
    db.close()
    with db.transaction() as connection:
        connection.execute("INSERT INTO garbage VALUES ('blob', 'x')")
    db.close()
    assert db.rows("SELECT key FROM garbage") == [("x",)]
    db.close()
    assert [path.name for path in tmp_path.iterdir()] == ["db.sqlite"]


def test_the_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    """Processes end without closing the database; the log that they leave is read by each that opens it."""
    path = tmp_path / "db.sqlite"
    log = tmp_path / "db.sqlite-wal"
    db = Database(str(path))
    with db.transaction() as connection:
        connection.executemany("INSERT INTO garbage VALUES ('blob', ?)", [(f"{n:04000}",) for n in range(40)])
    before = log.stat().st_size
    assert 200_000 < before < 400_000
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM garbage").fetchone() == (40,)
    for number in range(40, 70):  # nobody is waited for
        with db.transaction() as connection:
            connection.execute("INSERT INTO garbage VALUES ('blob', ?)", (f"{number:04000}",))
    assert log.stat().st_size > before
    reader.execute("COMMIT")
    with db.transaction() as connection:
        connection.execute("INSERT INTO garbage VALUES ('blob', 'last')")
    assert log.stat().st_size == 0
    assert Database(str(path)).row("SELECT count(*) FROM garbage") == (71,)
