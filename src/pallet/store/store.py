"""The store: one directory with everything pallet keeps.

    db.sqlite      names, images, layers, containers
    blobs/ ingest/ see `pallet.store.blobs`
    snapshots/ staging/  unpacked layers, see `pallet.layer.snapshots`
    unsynced/            which of them may not be on the disk yet, see `pallet.layer.unsynced`
    containers/<id>/     a container's files
    volumes/<name>/_data a volume's files
    lock           shared by those who add, exclusive for those who collect

Nothing is opened or made before it is needed.
"""

from __future__ import annotations

import os

from pallet.errors import PalletError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from pallet.host.locks import FileLock
    from pallet.store.blobs import Blobs
    from pallet.store.build_cache import BuildCache
    from pallet.store.containers import Containers
    from pallet.store.db import Database
    from pallet.store.events import Events
    from pallet.store.gc import Collected
    from pallet.store.images import Images
    from pallet.store.last_builds import LastBuilds
    from pallet.store.networks import Networks
    from pallet.store.volumes import Volumes


class Store:
    """One store.

    Args:
        root: its directory.
        remove_snapshot: removes the unpacked layer of a chain ID, if there is one (`Snapshots.remove`). Without it,
            `adding` and `collect` leave the garbage among the snapshots to others.
    """

    def __init__(self, root: str, remove_snapshot: Callable[[str], None] | None = None) -> None:
        self.root = root
        self._remove_snapshot = remove_snapshot
        self._db: Database | None = None
        self._blobs: Blobs | None = None
        self._images: Images | None = None
        self._containers: Containers | None = None
        self._build_cache: BuildCache | None = None
        self._last_builds: LastBuilds | None = None
        self._volumes: Volumes | None = None
        self._networks: Networks | None = None
        self._events: Events | None = None

    @property
    def db(self) -> Database:
        """The database."""
        if self._db is None:
            from pallet.store.db import Database

            self._db = Database(os.path.join(self.root, "db.sqlite"))
        return self._db

    @property
    def blobs(self) -> Blobs:
        """The blobs."""
        if self._blobs is None:
            from pallet.store.blobs import Blobs

            self._blobs = Blobs(self.root)
        return self._blobs

    @property
    def images(self) -> Images:
        """The images."""
        if self._images is None:
            from pallet.store.images import Images

            self._images = Images(self.db)
        return self._images

    @property
    def containers(self) -> Containers:
        """The containers' records."""
        if self._containers is None:
            from pallet.store.containers import Containers

            self._containers = Containers(self.db)
        return self._containers

    @property
    def build_cache(self) -> BuildCache:
        """What build steps made."""
        if self._build_cache is None:
            from pallet.store.build_cache import BuildCache

            self._build_cache = BuildCache(self.db)
        return self._build_cache

    @property
    def last_builds(self) -> LastBuilds:
        """What was built last, and where."""
        if self._last_builds is None:
            from pallet.store.last_builds import LastBuilds

            self._last_builds = LastBuilds(self.db)
        return self._last_builds

    @property
    def volumes(self) -> Volumes:
        """The volumes."""
        if self._volumes is None:
            from pallet.store.volumes import Volumes

            self._volumes = Volumes(self.db)
        return self._volumes

    @property
    def networks(self) -> Networks:
        """The networks, and the containers' parts in them."""
        if self._networks is None:
            from pallet.store.networks import Networks

            self._networks = Networks(self.db)
        return self._networks

    @property
    def events(self) -> Events:
        """What happened."""
        if self._events is None:
            from pallet.store.events import Events

            self._events = Events(self.db)
        return self._events

    def volume_dir(self, name: str) -> str:
        """Where a volume is kept; its files are in `_data` below."""
        return os.path.join(self.root, "volumes", name)

    @property
    def lock_path(self) -> str:
        """The lock that keeps collecting apart from adding."""
        return os.path.join(self.root, "lock")

    def container_dir(self, id: str) -> str:
        """Where a container's files are, or will be."""
        return os.path.join(self.root, "containers", id)

    def adding(self) -> Adding:
        """A context for everything that adds to the store or relies on what is in it without a row of its own yet.

        Within it nothing is collected, by whichever process. It nests. On leaving, what waits to be collected is, if
        nobody else is adding right then; else the last one to leave does it.

        Raises:
            HostError: from entering: the store cannot be written.
        """
        return Adding(self)

    def collect(
        self, remove_snapshot: Callable[[str], None] | None = None, *, blocking: bool = True
    ) -> Collected | None:
        """Remove what nothing uses any more and was noted as garbage.

        Args:
            remove_snapshot: as for the class, which it stands in for.
            blocking: wait until nobody adds; else give up at once when somebody does (they collect when they leave).

        Returns:
            What was removed; None if it gave up.
        """
        from pallet.store.gc import collect

        return collect(self, remove_snapshot or self._remove_snapshot, blocking=blocking)

    def close(self) -> None:
        """Close the database."""
        if self._db is not None:
            self._db.close()


class Adding:
    """See `Store.adding`."""

    __slots__ = ("_lock", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock: FileLock | None = None

    def __enter__(self) -> Adding:
        from pallet.host.locks import lock

        self._lock = lock(self._store.lock_path, shared=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.release()
        try:
            if self._store.db.row("SELECT 1 FROM garbage LIMIT 1") is not None:
                self._store.collect(blocking=False)
        except (PalletError, OSError):
            if error is None:  # else what went wrong first is what the user should hear of
                raise
