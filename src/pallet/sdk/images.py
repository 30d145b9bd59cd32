"""`engine.images`, as docker-py knows it."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Any

from pallet.sdk.arguments import Filters, filter_pairs
from pallet.sdk.build import ImageBuilds
from pallet.sdk.image import Image, image_id
from pallet.sdk.transfers import ImageTransfers


class Images(ImageTransfers, ImageBuilds):
    """The images of an engine's store."""

    def get(self, name: str) -> Image:
        """The image with a name, an id, or the beginning of an id.

        Raises:
            NoSuchImage: there is none.

        Example:
            >>> engine.images.get("ubuntu:18.04").id
            'sha256:0ac33e5f5afa79e084075e8698a22d574816eea8d7b7d480586835657c3e1c8b'
        """
        return Image(self._engine, self._engine.store.images.resolve(name).image)

    def list(self, name: str | None = None, all: bool = False, filters: Filters | None = None) -> builtins.list[Image]:
        """The images, newest first.

        Args:
            name: only those of this repository, or with this repository and tag; shell patterns are fine.
            all: also those without a name that others were made from.
            filters: `dangling` (bool), `label`, `before`, `since`, `reference`; a value, or a list of them.

        Raises:
            InvalidInput: a bad filter.
            NoSuchImage: `before` or `since` names no image.

        Example:
            >>> engine.images.list(filters={"label": ["stage=test"]})
            [<Image: 'app:test'>]
        """
        from pallet.ops.list_images import list_images

        found = list_images(self._engine, name=name, all=all, filters=filter_pairs(filters))
        return [Image(self._engine, each.row.id) for each in found]

    def remove(self, image: str | Image, force: bool = False, noprune: bool = False) -> None:
        """Remove a name, and the image with its last one.

        Args:
            image: a name, an id, the beginning of an id, or an image (which is its id).
            force: remove what several names or stopped containers still use.
            noprune: leave untagged parents alone.

        Raises:
            NoSuchImage: there is none.
            Conflict: it is in use.

        Example:
            >>> engine.images.remove("ubuntu:18.04")
        """
        from pallet.ops.remove_image import remove_image

        remove_image(self._engine, image_id(image), force=force, prune_parents=not noprune)

    def prune(
        self, filters: Filters | None = None, *, all: bool = False, protect: Iterable[str] = (), dry_run: bool = False
    ) -> dict[str, Any]:
        """Remove images without a name that nothing uses.

        Args:
            filters: `dangling` (False for all that no container uses), `until`, `label`, `label!`, and `unused-for`, a
                duration like `240h` since a container was last made.
            all: the same as `dangling` False.
            protect: names that must stay, as shell patterns.
            dry_run: only tell what would go.

        Returns:
            `ImagesDeleted`, a list of `{"Untagged": name}` and `{"Deleted": id}`, and `SpaceReclaimed`, bytes.

        Raises:
            InvalidInput: a bad filter or pattern.

        Example:
            >>> engine.images.prune({"unused-for": "240h"}, all=True, protect=["base/*"])["SpaceReclaimed"]
            73400320
        """
        from pallet.ops.prune_images import prune_images

        pruned = prune_images(
            self._engine, all=all, filters=filter_pairs(filters), protect=tuple(protect), dry_run=dry_run
        )
        gone = [{"Deleted": each.deleted} if each.deleted else {"Untagged": each.untagged} for each in pruned.removed]
        return {"ImagesDeleted": gone, "SpaceReclaimed": pruned.reclaimed}
