"""`engine.volumes`, as docker-py knows it."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pallet.sdk.arguments import Filters, filter_pairs
from pallet.sdk.model import Collection, Model

if TYPE_CHECKING:
    pass


class Volume(Model):
    """One volume. `engine.volumes` makes these. Two are equal if they have the same name.

    Args:
        engine: whose store.
        id: the volume's name.
    """

    @property
    def name(self) -> str:
        """Its name."""
        return self._id

    def remove(self, force: bool = False) -> None:
        """Remove it with its files.

        Args:
            force: one that is gone is fine.

        Raises:
            NotFound: it is gone.
            Conflict: a container has it.
        """
        from pallet.ops.volume_remove import remove_volume

        remove_volume(self._engine, self._id, force=force)

    def _inspect(self) -> dict[str, Any]:
        from pallet.ops.volume_list import inspect_volume

        return inspect_volume(self._engine, self._id)


class Volumes(Collection):
    """The volumes of an engine's store."""

    def create(
        self,
        name: str | None = None,
        driver: str | None = None,
        driver_opts: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Volume:
        """Make a volume; one with this name that is there already is given back as it is.

        Args:
            name: its name; one is made up if not given.
            driver: only `local`.
            driver_opts: `type`, `device` and `o`, as for mount(8).
            labels: labels.

        Raises:
            InvalidInput: a bad name or option.
            NotFound: another driver.

        Example:
            >>> engine.volumes.create("data", labels={"app": "web"})
            <Volume: data>
        """
        from pallet.ops.volume_create import create_volume

        made = create_volume(self._engine, name or "", driver=driver or "local", labels=labels, options=driver_opts)
        return Volume(self._engine, made.name)

    def get(self, volume_id: str) -> Volume:
        """The volume with a name.

        Raises:
            NotFound: there is none.
        """
        return Volume(self._engine, self._engine.store.volumes.get(volume_id).name)

    def list(self, filters: Filters | None = None) -> builtins.list[Volume]:
        """The volumes, by name.

        Args:
            filters: `dangling`, `driver`, `label`, `name`; a value, or a list of them.

        Raises:
            InvalidInput: a bad filter.
        """
        from pallet.ops.volume_list import list_volumes

        found = list_volumes(self._engine, filters=filter_pairs(filters))
        return [Volume(self._engine, volume.name) for volume in found]

    def prune(self, filters: Filters | None = None, *, dry_run: bool = False) -> dict[str, Any]:
        """Remove the volumes that no container has.

        Args:
            filters: `label`, `label!`.
            dry_run: only tell what would go.

        Returns:
            `VolumesDeleted`, a list of names, and `SpaceReclaimed`, bytes.

        Raises:
            InvalidInput: a bad filter.
        """
        from pallet.ops.volume_remove import prune_volumes

        pruned = prune_volumes(self._engine, filters=filter_pairs(filters), dry_run=dry_run)
        return {"VolumesDeleted": [*pruned.removed], "SpaceReclaimed": pruned.reclaimed}
