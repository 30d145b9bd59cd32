"""What happened in this store, as docker's events: recorded by whoever does it, read by whoever follows.

No daemon is there to pass events on, so they are rows. Their numbers grow by one in the order of committing, which is
why a follower who remembers the last number misses nothing and sees nothing twice.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pallet.store.db import Database

KEPT = 10_000
"""So many of the newest events are kept."""

_TIDY_EVERY = 256
_RECORD = "CAST(record AS TEXT)"


class Event:
    """One event.

    Attributes:
        number: grows with each event.
        time: nanoseconds since the epoch.
        type: `container`, `image`, `network`, `volume`, `builder`.
        action: docker's word: `create`, `die`, ...
        actor: id or name of what it happened to.
        attributes: docker's attributes.
    """

    __slots__ = ("action", "actor", "attributes", "number", "time", "type")

    def __init__(self, number: int, time: int, type: str, action: str, actor: str, attributes: dict[str, str]) -> None:
        self.number = number
        self.time = time
        self.type = type
        self.action = action
        self.actor = actor
        self.attributes = attributes


def _object(attributes: Mapping[str, str]) -> str:
    """SQL for a JSON object with these names; the values, and the names, are given as `_flat` has them."""
    return f"json_object({', '.join('?' * (2 * len(attributes)))})"


def _flat(attributes: Mapping[str, str]) -> list[str]:
    return [text for pair in attributes.items() for text in pair]


class Events:
    """The events of one store."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, type: str, action: str, actor: str, attributes: Mapping[str, str], *, moment: int = 0) -> None:
        """Record an event: in the transaction around, so that it is there if and only if what it tells of is.

        Args:
            type: what it happened to, as in `Event`.
            action: docker's word.
            actor: id or name.
            attributes: docker's attributes.
            moment: when, in nanoseconds since the epoch; now if 0.
        """
        query = f"INSERT INTO events (time, type, action, actor, attributes) VALUES (?, ?, ?, ?, {_object(attributes)})"
        self._insert(query, (moment or time.time_ns(), type, action, actor, *_flat(attributes)))

    def add_of_container(
        self, container: str, action: str, attributes: Mapping[str, str] | None = None, *, moment: int = 0
    ) -> None:
        """Record an event of a container, with its labels, image and name; one that is gone has no events any more.

        The database makes the JSON: a module for it would take longer to import than the container to start.

        Args:
            container: its full id.
            action: docker's word.
            attributes: more attributes.
            moment: as in `add`.
        """
        more = attributes or {}
        query = (
            "INSERT INTO events (time, type, action, actor, attributes)"
            f" SELECT ?, 'container', ?, id, json_patch(json_patch(ifnull(json_extract({_RECORD}, '$.config.Labels'),"
            f" '{{}}'), json_object('image', json_extract({_RECORD}, '$.image_name'), 'name', name)), {_object(more)})"
            " FROM containers WHERE id = ?"
        )
        self._insert(query, (moment or time.time_ns(), action, *_flat(more), container))

    def add_of_image(self, action: str, actor: str, config: str, name: str) -> None:
        """Record an event of an image, with its labels and a name.

        Args:
            action: docker's word.
            actor: the image's id, or the name that was asked for.
            config: the image's config, JSON; an empty object for an image that is gone. Of one that SQLite cannot read
                (it nests too deep) no labels are told.
            name: the attribute `name`.
        """
        query = (
            "INSERT INTO events (time, type, action, actor, attributes) VALUES (?1, 'image', ?2, ?3, json_patch("
            "ifnull(json_extract(iif(json_valid(?4), ?4, '{}'), '$.config.Labels'), '{}'), json_object('name', ?5)))"
        )
        self._insert(query, (time.time_ns(), action, actor, config, name))

    def _insert(self, query: str, values: tuple[object, ...]) -> None:
        with self._db.transaction(lasting=False) as connection:
            number = connection.execute(query, values).lastrowid or 0
            if number % _TIDY_EVERY == 0:
                connection.execute("DELETE FROM events WHERE id <= ?", (number - KEPT,))

    def after(self, number: int, *, limit: int = 1000) -> list[Event]:
        """The events with greater numbers, in order, at most so many."""
        from pallet.oci.codec import decode

        rows = self._db.rows(
            "SELECT id, time, type, action, actor, attributes FROM events WHERE id > ? ORDER BY id LIMIT ?",
            (number, limit),
        )
        return [
            Event(number, time, type, action, actor, decode(text, dict[str, str], "an event"))
            for number, time, type, action, actor, text in rows
        ]

    def before(self, moment: int) -> int:
        """The number behind which all events are that happened at a moment or later (nanoseconds since the epoch)."""
        row = self._db.row("SELECT min(id) FROM events WHERE time >= ?", (moment,))
        return int(row[0]) - 1 if row and row[0] else self.last()

    def last(self) -> int:
        """The number of the newest event; 0 if there was none."""
        row = self._db.row("SELECT max(id) FROM events")
        return int(row[0] or 0) if row else 0
