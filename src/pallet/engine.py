"""The composition root: one object that holds the parts which operations work with.

Parts are made when first asked for, so that an operation pays only for what it uses.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.layer.snapshots import Snapshots
    from pallet.registry.client import Registry
    from pallet.settings import Settings
    from pallet.store.store import Store


class Engine:
    """Everything an operation needs.

    Args:
        settings: where things are kept and what they run with.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._store: Store | None = None
        self._snapshots: Snapshots | None = None
        self._registry: Registry | None = None
        self._makes_images: bool | None = None
        self._leaves_tars_apart: bool | None = None

    @property
    def store(self) -> Store:
        """Images, blobs and containers' records."""
        if self._store is None:
            from pallet.store.store import Store

            self._store = Store(self.settings.root, self._remove_snapshot)
        return self._store

    @property
    def snapshots(self) -> Snapshots:
        """Unpacked layers; those that did not reach the disk before the machine went down are made again first.

        Raises:
            HostError: they cannot be.
        """
        if self._snapshots is None:
            from pallet.layer.snapshots import Snapshots

            snapshots = Snapshots(self.settings.root)
            if snapshots.unsynced.of_other_boots():
                from pallet.recovery import recover

                recover(self.store, snapshots, lambda: self.makes_images)
            self._snapshots = snapshots
        return self._snapshots

    @property
    def makes_images(self) -> bool:
        """Whether new layers become EROFS images, by the settings and by what works here; asked only to make layers.

        Raises:
            Unsupported: they should, by the settings, and cannot.
        """
        if self._makes_images is None:
            self._makes_images = self._try_images()
        return self._makes_images

    @property
    def leaves_tars_apart(self) -> bool:
        """Whether an image's tar may be the layer's blob; asked only for layers whose blob is one. Errors as above.

        Asked before `makes_images`, it tries out both.
        """
        if self._leaves_tars_apart is None:
            self._leaves_tars_apart = self._makes_images is not False and self._try_images(apart=True)
            if self._leaves_tars_apart:
                self._makes_images = True
        return self._leaves_tars_apart

    @property
    def registry(self) -> Registry:
        """The client of all registries."""
        if self._registry is None:
            from pallet.registry.client import Registry

            self._registry = Registry(self.settings)
        return self._registry

    def with_registry(self, registry: Registry) -> Engine:
        """An engine on the same store with another client of registries; only the first one is to be closed."""
        made = Engine(self.settings)
        made._store, made._snapshots, made._registry = self.store, self.snapshots, registry
        return made

    def _try_images(self, *, apart: bool = False) -> bool:
        """Whether it is asked for and works: an image is made and mounted, which takes some milliseconds."""
        wanted = self.settings.snapshotter
        if wanted == "overlay":
            return False
        from pallet.layer.erofs.probe import why_no_images

        reason = why_no_images(os.path.join(self.settings.root, "staging"), apart=apart)
        if reason and wanted == "erofs" and not apart:
            from pallet.errors import Unsupported

            raise Unsupported(f"the erofs snapshotter does not work here: {reason}", hint="Use --snapshotter overlay.")
        return not reason

    def _remove_snapshot(self, chain: str) -> None:
        """Called by the collector, under the lock that `recover` waits for: as it is, without looking at others."""
        from pallet.layer.snapshots import Snapshots

        Snapshots(self.settings.root).remove(chain)

    def close(self) -> None:
        """Give back the database connection; the engine can be used again afterwards."""
        if self._store is not None:
            self._store.db.close()
