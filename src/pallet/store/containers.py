"""Containers' records: what a container is, and how its last run went.

Whether a container runs is never stored: `pallet.runtime` reads it from the exit file and the runtime.
"""

from __future__ import annotations

import msgspec

from pallet.digest import Digest
from pallet.errors import Conflict, NoSuchContainer
from pallet.oci.codec import decode, encode
from pallet.oci.config import ContainerConfig
from pallet.store.db import Database


class PortBinding(msgspec.Struct, frozen=True):
    """One published port: container port and protocol (`80/tcp`) to an address and port of the host."""

    container: str
    host_ip: str = ""
    host_port: str = ""


class HostConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the container meets its host; grows with docker's HostConfig."""

    network_mode: str = "default"
    ports: tuple[PortBinding, ...] = ()
    binds: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    auto_remove: bool = False
    runtime: str = ""


class ContainerRecord(msgspec.Struct, frozen=True):
    """What a container is; fixed when it is created.

    Attributes:
        id: 64 hex digits.
        name: without docker's leading slash.
        image: the image's id.
        image_name: what the user called the image.
        chain_id: the chain ID of the image's top layer; empty for an image without layers.
        created: nanoseconds since the epoch.
        path: the program that runs.
        args: its arguments.
        config: the image's config with the user's changes.
        host: how it meets the host.
    """

    id: str
    name: str
    image: Digest
    image_name: str
    chain_id: str
    created: int
    path: str
    args: tuple[str, ...]
    config: ContainerConfig
    host: HostConfig


class ContainerState(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the last run went. Times in nanoseconds since the epoch, 0 for never.

    Attributes:
        started: when it was last started.
        finished: when its end was recorded; below `started` while nobody has recorded it.
        exit_code: of the last run that ended.
        error: why it could not be started, or empty.
        network: netavark's answer for the running container, as JSON text, or empty.
    """

    started: int = 0
    finished: int = 0
    exit_code: int = 0
    error: str = ""
    network: str = ""


class Containers:
    """The containers of one store."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, record: ContainerRecord) -> None:
        """Record a new container.

        Raises:
            Conflict: the name is taken, with docker's text.
        """
        with self._db.transaction() as connection:
            taken = connection.execute("SELECT id FROM containers WHERE name = ?", (record.name,)).fetchone()
            if taken:
                raise Conflict(
                    f'Conflict. The container name "/{record.name}" is already in use by container "{taken[0]}". '
                    "You have to remove (or rename) that container to be able to reuse that name."
                )
            connection.execute(
                "INSERT INTO containers (id, name, image, chain_id, created, record) VALUES (?, ?, ?, ?, ?, ?)",
                (record.id, record.name, record.image, record.chain_id, record.created, encode(record)),
            )

    def all(self) -> list[ContainerRecord]:
        """All containers, newest first."""
        rows = self._db.rows("SELECT record FROM containers ORDER BY created DESC")
        return [_record(row[0]) for row in rows]

    def find(self, name: str) -> ContainerRecord:
        """The container with this full id, name, or unique id prefix, in that order, as docker looks them up.

        Raises:
            NoSuchContainer: there is none.
            Conflict: several ids begin with this prefix.
        """
        plain = name.removeprefix("/")
        for column, value in (("id", name), ("name", plain)):
            row = self._db.row(f"SELECT record FROM containers WHERE {column} = ?", (value,))
            if row:
                return _record(row[0])
        if plain and set(plain) <= set("0123456789abcdef"):
            rows = self._db.rows("SELECT record FROM containers WHERE id GLOB ? LIMIT 2", (plain + "*",))
            if len(rows) > 1:
                raise Conflict(f"Multiple IDs found with provided prefix: {name}")
            if rows:
                return _record(rows[0][0])
        raise NoSuchContainer(name)

    def state(self, id: str) -> ContainerState:
        """How the last run of this container went.

        Raises:
            NoSuchContainer: it is gone.
        """
        row = self._db.row("SELECT state FROM containers WHERE id = ?", (id,))
        if row is None:
            raise NoSuchContainer(id)
        return decode(row[0], ContainerState, "the container's state")

    def set_state(self, id: str, state: ContainerState) -> None:
        """Record how a run went; a container that is gone meanwhile is passed over."""
        with self._db.transaction() as connection:
            connection.execute("UPDATE containers SET state = ? WHERE id = ?", (encode(state), id))

    def remove(self, id: str) -> None:
        """Forget a container; its files are the caller's business."""
        with self._db.transaction() as connection:
            connection.execute("DELETE FROM containers WHERE id = ?", (id,))

    def using_image(self, image: Digest) -> list[ContainerRecord]:
        """The containers made from this image, newest first."""
        rows = self._db.rows("SELECT record FROM containers WHERE image = ? ORDER BY created DESC", (image,))
        return [_record(row[0]) for row in rows]


def _record(raw: bytes) -> ContainerRecord:
    return decode(raw, ContainerRecord, "the container's record")
