"""Containers' records in the database: adding, finding, listing, their last run's state.

Whether a container runs is never stored: `pallet.runtime.state` reads it from the exit file and the processes.
The module is on the quick path: the typed values of `container_record` are imported where they are used.
"""

from __future__ import annotations

from pallet.digest import HEX_DIGITS
from pallet.errors import Conflict, NoSuchContainer
from pallet.store import garbage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _sqlite3 import Connection

    from pallet.digest import Digest
    from pallet.store.container_record import ContainerRecord, ContainerState, HostConfig
    from pallet.store.db import Database

_RECORD = "CAST(record AS TEXT)"
_STATE = "CAST(state AS TEXT)"
_BRIEF = (
    f"SELECT id, name, image, created, json_extract({_RECORD}, '$.image_name'), json_extract({_RECORD}, '$.path'),"
    f" (SELECT group_concat(iif(instr(value, ' '), '''' || value || '''', value), ' ')"
    f" FROM json_each({_RECORD}, '$.args')),"
    f" ifnull(json_extract({_RECORD}, '$.host.network_mode'), 'default'),"
    f" ifnull(json_extract({_STATE}, '$.started'), 0), ifnull(json_extract({_STATE}, '$.finished'), 0),"
    f" ifnull(json_extract({_STATE}, '$.exit_code'), 0), ifnull(json_extract({_STATE}, '$.error'), ''),"
    f" ifnull(json_extract({_STATE}, '$.pid'), 0), ifnull(json_extract({_STATE}, '$.pid_start'), 0),"
    f" ifnull(json_extract({_STATE}, '$.conmon'), 0), ifnull(json_extract({_STATE}, '$.conmon_start'), 0),"
    f" ifnull(json_extract({_STATE}, '$.restart_at'), 0), ifnull(json_extract({_STATE}, '$.supervised'), 0),"
    f" ifnull(json_extract({_STATE}, '$.checked'), 0)"
    " FROM containers"
)


class Brief:
    """What listing shows of a container; the fields are those of the record and the state."""

    __slots__ = (
        "args",
        "checked",
        "conmon",
        "conmon_start",
        "created",
        "error",
        "exit_code",
        "finished",
        "id",
        "image",
        "image_name",
        "name",
        "network_mode",
        "path",
        "pid",
        "pid_start",
        "restart_at",
        "started",
        "supervised",
    )

    def __init__(
        self, row: tuple[str, str, str, int, str, str, str, str, int, int, int, str, int, int, int, int, int, int, int]
    ) -> None:
        (self.id, self.name, self.image, self.created, self.image_name, self.path) = row[:6]
        self.args = row[6] or ""
        self.network_mode = row[7]
        (self.started, self.finished, self.exit_code, self.error) = row[8:12]
        (self.pid, self.pid_start, self.conmon, self.conmon_start) = row[12:16]
        (self.restart_at, self.supervised, self.checked) = row[16:]

    @property
    def command(self) -> str:
        """The program and its arguments, joined by spaces."""
        return f"{self.path} {self.args}" if self.args else self.path


class Containers:
    """The containers of one store."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, record: ContainerRecord) -> None:
        """Record a new container.

        Raises:
            Conflict: the name is taken, with docker's text.
        """
        from pallet.oci.codec import encode

        with self._db.transaction() as connection:
            _check_free(connection, record.name)
            connection.execute(
                "INSERT INTO containers (id, name, image, chain_id, created, record) VALUES (?, ?, ?, ?, ?, ?)",
                (record.id, record.name, record.image, record.chain_id, record.created, encode(record)),
            )

    def all(self) -> list[ContainerRecord]:
        """All containers, newest first."""
        rows = self._db.rows("SELECT record FROM containers ORDER BY created DESC, id")
        return [_record(row[0]) for row in rows]

    def briefs(self) -> list[Brief]:
        """All containers as listing shows them, newest first; parses no JSON in Python."""
        return [Brief(row) for row in self._db.rows(_BRIEF + " ORDER BY created DESC, id")]

    def brief(self, id: str) -> Brief:
        """One container, by its full id, as listing shows it.

        Raises:
            NoSuchContainer: it is gone.
        """
        row = self._db.row(_BRIEF + " WHERE id = ?", (id,))
        if row is None:
            raise NoSuchContainer(id)
        return Brief(row)

    def labels(self) -> dict[str, dict[str, str]]:
        """The labels of all containers, by container id."""
        found: dict[str, dict[str, str]] = {}
        query = (
            "SELECT containers.id, each.key, each.value"
            f" FROM containers, json_each({_RECORD}, '$.config.Labels') AS each"
            " WHERE each.key IS NOT NULL"  # null in the JSON is one row without a key
        )
        for id, key, value in self._db.rows(query):
            found.setdefault(id, {})[key] = value
        return found

    def linked_to(self, name: str) -> list[tuple[str, str, str]]:
        """The containers that have a docker link to the one of this name: id, name, and how they call it."""
        query = (
            f"SELECT containers.id, name, each.value FROM containers, json_each({_RECORD}, '$.host.links') AS each"
            " WHERE each.value = ?1 OR substr(each.value, 1, length(?1) + 1) = ?1 || ':'"
        )
        return [(id, own, word.partition(":")[2] or name) for id, own, word in self._db.rows(query, (name,))]

    def published(self, id: str) -> list[tuple[str, str, str]]:
        """Container port (`80/tcp`), host address and host port of what a container's last run published."""
        query = (
            "SELECT json_extract(each.value, '$.container'), ifnull(json_extract(each.value, '$.host_ip'), ''),"
            " ifnull(json_extract(each.value, '$.host_port'), '')"
            f" FROM containers, json_each({_STATE}, '$.network.ports') AS each WHERE containers.id = ?"
        )
        return self._db.rows(query, (id,))

    def exposed(self, id: str) -> list[str]:
        """The ports that a container exposes (`80/tcp`), published or not."""
        query = (
            f"SELECT each.key FROM containers, json_each({_RECORD}, '$.config.ExposedPorts') AS each"
            " WHERE containers.id = ? AND each.key IS NOT NULL"
        )
        return [row[0] for row in self._db.rows(query, (id,))]

    def variables(self, id: str) -> list[str]:
        """The environment variables (`NAME=value`) of a container's config: the image's and the user's."""
        query = (
            f"SELECT each.value FROM containers, json_each({_RECORD}, '$.config.Env') AS each"
            " WHERE containers.id = ? AND each.value IS NOT NULL"
        )
        return [row[0] for row in self._db.rows(query, (id,))]

    def last_runtime(self, id: str) -> str | None:
        """The path of the OCI runtime of a container's last run, or None."""
        row = self._db.row(f"SELECT json_extract({_STATE}, '$.runtime') FROM containers WHERE id = ?", (id,))
        return (row and row[0]) or None

    def log_driver(self, id: str) -> str:
        """Where a container's output goes: `json-file`, `local`, `journald` or `none`."""
        row = self._db.row(f"SELECT json_extract({_RECORD}, '$.host.log_driver') FROM containers WHERE id = ?", (id,))
        return (row and row[0]) or "json-file"

    def is_temporary(self, id: str) -> bool:
        """Whether a container is removed when it ends."""
        query = f"SELECT ifnull(json_extract({_RECORD}, '$.host.auto_remove'), 0) FROM containers WHERE id = ?"
        row = self._db.row(query, (id,))
        return bool(row and row[0])

    def mounted(self, id: str) -> list[tuple[str, str, str]]:
        """Volume name (or ''), source and destination of a container's mounts."""
        query = (
            "SELECT ifnull(json_extract(each.value, '$.name'), ''), json_extract(each.value, '$.source'),"
            " json_extract(each.value, '$.destination')"
            f" FROM containers, json_each({_RECORD}, '$.host.mounts') AS each WHERE containers.id = ?"
        )
        return self._db.rows(query, (id,))

    def find(self, name: str) -> ContainerRecord:
        """The container with this full id, name, or unique id prefix, in that order, as docker looks them up.

        Raises:
            NoSuchContainer: there is none.
            Conflict: several ids begin with this prefix.
        """
        row = self._db.row("SELECT record FROM containers WHERE id = ?", (self.find_id(name),))
        if row is None:
            raise NoSuchContainer(name)
        return _record(row[0])

    def find_id(self, name: str) -> str:
        """The full id of the container that `find` finds; raises as `find`."""
        plain = name.removeprefix("/")
        for column, value in (("id", name), ("name", plain)):
            row = self._db.row(f"SELECT id FROM containers WHERE {column} = ?", (value,))
            if row:
                return str(row[0])
        if plain and HEX_DIGITS.issuperset(plain):
            rows = self._db.rows("SELECT id FROM containers WHERE id GLOB ? LIMIT 2", (plain + "*",))
            if len(rows) > 1:
                raise Conflict(f"Multiple IDs found with provided prefix: {name}")
            if rows:
                return str(rows[0][0])
        raise NoSuchContainer(name)

    def has(self, id: str) -> bool:
        """Whether a container with this full id is recorded."""
        return self._db.row("SELECT 1 FROM containers WHERE id = ?", (id,)) is not None

    def state(self, id: str) -> ContainerState:
        """How the last run of this container went.

        Raises:
            NoSuchContainer: it is gone.
        """
        from pallet.oci.codec import decode
        from pallet.store.container_record import ContainerState

        row = self._db.row("SELECT state FROM containers WHERE id = ?", (id,))
        if row is None:
            raise NoSuchContainer(id)
        return decode(row[0], ContainerState, "the container's state")

    def set_state(self, id: str, state: ContainerState) -> None:
        """Record how a run went; a container that is gone meanwhile is passed over."""
        from pallet.oci.codec import encode

        with self._db.transaction() as connection:
            connection.execute("UPDATE containers SET state = ? WHERE id = ?", (encode(state), id))

    def rename(self, id: str, name: str) -> None:
        """Give a container another name.

        Raises:
            NoSuchContainer: it is gone.
            Conflict: the name is taken, with docker's text.
        """
        from pallet.oci.codec import encode

        with self._db.transaction() as connection:
            row = connection.execute("SELECT record FROM containers WHERE id = ?", (id,)).fetchone()
            if row is None:
                raise NoSuchContainer(id)
            _check_free(connection, name)
            import msgspec

            record = encode(msgspec.structs.replace(_record(row[0]), name=name))
            connection.execute("UPDATE containers SET name = ?, record = ? WHERE id = ?", (name, record, id))

    def set_host(self, id: str, host: HostConfig) -> None:
        """Change how a container meets its host; one that is gone meanwhile is passed over."""
        from pallet.oci.codec import encode

        with self._db.transaction() as connection:
            row = connection.execute("SELECT record FROM containers WHERE id = ?", (id,)).fetchone()
            if row is not None:
                import msgspec

                record = encode(msgspec.structs.replace(_record(row[0]), host=host))
                connection.execute("UPDATE containers SET record = ? WHERE id = ?", (record, id))

    def mark_stopped(self, id: str) -> None:
        """Record that the user has a container stopped: it is not started again by itself."""
        with self._db.transaction() as connection:
            marked = f"CAST(json_set({_STATE}, '$.stopped', json('true'), '$.restart_at', 0) AS BLOB)"
            connection.execute(f"UPDATE containers SET state = {marked} WHERE id = ?", (id,))

    def remove(self, id: str) -> None:
        """Forget a container; its files are the caller's business. Layers it was the last to use become garbage."""
        with self._db.transaction() as connection:
            row = connection.execute("SELECT chain_id FROM containers WHERE id = ?", (id,)).fetchone()
            connection.execute("DELETE FROM containers WHERE id = ?", (id,))
            if row and row[0]:
                garbage.note_chain(connection, row[0])
                garbage.strike_out_used(connection)

    def using_image(self, image: Digest) -> list[ContainerRecord]:
        """The containers made from this image, newest first."""
        rows = self._db.rows("SELECT record FROM containers WHERE image = ? ORDER BY created DESC", (image,))
        return [_record(row[0]) for row in rows]


def _check_free(connection: Connection, name: str) -> None:
    taken = connection.execute("SELECT id FROM containers WHERE name = ?", (name,)).fetchone()
    if taken:
        raise Conflict(
            f'Conflict. The container name "/{name}" is already in use by container "{taken[0]}". '
            "You have to remove (or rename) that container to be able to reuse that name."
        )


def _record(raw: bytes) -> ContainerRecord:
    from pallet.oci.codec import decode
    from pallet.store.container_record import ContainerRecord

    return decode(raw, ContainerRecord, "the container's record")
