"""Volumes in the database. Their files are in root/volumes/NAME/_data and outlive all containers."""

from __future__ import annotations

from pallet.errors import Conflict, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.store.db import Database

_MOUNTED = (
    "SELECT DISTINCT json_extract(each.value, '$.name'), containers.id"
    " FROM containers, json_each(CAST(record AS TEXT), '$.host.mounts') AS each"
    " WHERE json_extract(each.value, '$.type') = 'volume'"
)


class Volume:
    """One volume.

    Attributes:
        name: its name.
        created: nanoseconds since the epoch.
        labels: its labels; None for one that came with a container.
        options: of docker's local driver: `type`, `device`, `o`; None likewise.
    """

    __slots__ = ("created", "labels", "name", "options")

    def __init__(self, name: str, created: int, labels: dict[str, str] | None, options: dict[str, str] | None) -> None:
        self.name = name
        self.created = created
        self.labels = labels
        self.options = options


class Volumes:
    """The volumes of one store."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, volume: Volume) -> bool:
        """Record a volume; tells whether it is new: one that is there already stays as it is."""
        from pallet.oci.quickjson import write

        row = (volume.name, volume.created, write(volume.labels), write(volume.options))
        with self._db.transaction() as connection:
            query = "INSERT OR IGNORE INTO volumes (name, created, labels, options) VALUES (?, ?, ?, ?)"
            return connection.execute(query, row).rowcount == 1

    def all(self) -> list[Volume]:
        """All volumes, by name."""
        return [
            _volume(row) for row in self._db.rows("SELECT name, created, labels, options FROM volumes ORDER BY name")
        ]

    def get(self, name: str) -> Volume:
        """The volume with this name.

        Raises:
            NotFound: there is none.
        """
        row = self._db.row("SELECT name, created, labels, options FROM volumes WHERE name = ?", (name,))
        if row is None:
            raise NotFound(f"No such volume: {name}")
        return _volume(row)

    def users(self) -> dict[str, list[str]]:
        """The ids of the containers that mount each volume, running or not; volumes without any are left out."""
        found: dict[str, list[str]] = {}
        for name, container in self._db.rows(_MOUNTED):
            found.setdefault(name, []).append(container)
        return found

    def remove(self, name: str) -> None:
        """Forget a volume; its files are the caller's business.

        Raises:
            NotFound: there is none.
            Conflict: a container uses it, with docker's text.
        """
        with self._db.transaction() as connection:
            if connection.execute("DELETE FROM volumes WHERE name = ?", (name,)).rowcount == 0:
                raise NotFound(f"No such volume: {name}")
            users = self.users().get(name)
            if users:
                raise Conflict(f"remove {name}: volume is in use - [{', '.join(users)}]")


def _volume(row: tuple[str, int, str, str]) -> Volume:
    from pallet.oci.quickjson import parse_object

    values = [None if text == "null" else parse_object(text.encode(), "a volume's record") for text in row[2:]]
    return Volume(row[0], row[1], values[0], values[1])
