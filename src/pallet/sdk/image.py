"""One image, as docker-py knows it."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from pallet.digest import Digest
from pallet.errors import InvalidInput, PalletError
from pallet.sdk.arguments import json_object
from pallet.sdk.model import Model
from pallet.sdk.stream import CHUNK_SIZE, Pipe, produced

if TYPE_CHECKING:
    from pallet.sdk.engine import Engine


class Image(Model):
    """One image of the store. `engine.images` makes these. Two are equal if they have the same id.

    Args:
        engine: whose store.
        id: the image's id.
    """

    def __init__(self, engine: Engine, id: Digest) -> None:
        super().__init__(engine, id)
        self._id: Digest = id

    @property
    def tags(self) -> list[str]:
        """Its names right now, as docker prints them: `["ubuntu:18.04"]`."""
        from pallet.ops.history import familiar_tags

        return sorted(familiar_tags(self._engine, self._id))

    @property
    def labels(self) -> dict[str, str]:
        """Its labels.

        Raises:
            NoSuchImage: the image is gone.
        """
        config = self.attrs["Config"] or {}
        return dict(config.get("Labels") or {})

    def tag(self, repository: str, tag: str | None = None, force: bool = False) -> bool:
        """Give the image one more name.

        Args:
            repository: the name, which may have a tag.
            tag: the tag; `latest` if there is none at all.
            force: changes nothing: a name that another image has is taken from it.

        Returns:
            True.

        Raises:
            InvalidReference: not a name.
            NoSuchImage: the image is gone.

        Example:
            >>> image.tag("registry.example.com/me/app", tag="1.0")
            True
        """
        from pallet.ops.tag_image import tag_image

        tag_image(self._engine, self._id, f"{repository}:{tag}" if tag else repository)
        self._attrs = None
        return True

    def history(self) -> list[dict[str, Any]]:
        """The steps that made the image, newest first.

        Returns:
            Dictionaries with docker's keys: Comment, Created (seconds since the epoch), CreatedBy, Id, Size (bytes) and
            Tags (None without any).

        Raises:
            NoSuchImage: the image is gone.

        Example:
            >>> image.history()[0]["CreatedBy"]
            'CMD ["bash"]'
        """
        from pallet.ops.history import image_history
        from pallet.ops.times import parse_rfc3339

        return [
            {
                "Comment": step.comment,
                "Created": parse_rfc3339(step.created) // 1_000_000_000,
                "CreatedBy": step.created_by,
                "Id": str(step.id),
                "Size": step.size,
                "Tags": list(step.tags) or None,
            }
            for step in image_history(self._engine, self._id)
        ]

    def save(
        self, chunk_size: int | None = CHUNK_SIZE, named: bool | str = False, *, format: str = "docker-archive"
    ) -> Generator[bytes, None, None]:
        """The image as an archive, piece by piece; never more than a few pieces are in memory.

        Args:
            chunk_size: bytes of a piece; None for pieces as they come.
            named: one of `tags` for the image to have that name in the archive, True for the first of them.
            format: `docker-archive`, or `oci-archive` for an OCI image layout in a tar.

        Returns:
            An iterator. Stopping early is fine; `close()` it, or drop it.

        Raises:
            NoSuchImage: at once: the image is gone.
            InvalidInput: at once: a name that the image does not have, or another format.
            Integrity: while reading: something in the store is damaged.

        Example:
            >>> with open("ubuntu.tar", "wb") as file:
            ...     for chunk in image.save(named=True):
            ...         file.write(chunk)
        """
        from pallet.archive.docker_writer import DockerArchiveSink
        from pallet.archive.oci_writer import OciArchiveSink
        from pallet.ops.save import save

        if format not in ("docker-archive", "oci-archive"):
            raise InvalidInput(f'unknown format "{format}": use docker-archive, oci-archive')
        engine = self._engine
        engine.store.images.get(self._id)
        name = self._name(named)

        def produce(out: Pipe) -> None:
            sink = DockerArchiveSink(out) if format == "docker-archive" else OciArchiveSink(out)
            save(engine, [name], sink)

        return produced(produce, chunk_size=chunk_size)

    def remove(self, force: bool = False, noprune: bool = False) -> None:
        """Remove the image, as `pallet image rm ID`.

        Args:
            force: remove it although it has several names, or stopped containers.
            noprune: leave untagged parents alone.

        Raises:
            NoSuchImage: it is gone already.
            Conflict: it is in use.
        """
        from pallet.ops.remove_image import remove_image

        remove_image(self._engine, self._id, force=force, prune_parents=not noprune)
        self._attrs = None

    def _name(self, named: bool | str) -> str:
        """What to call the image in an archive: a tag, or the id for no name."""
        if named is False:
            return self._id
        tags = self.tags
        if named is True:
            return tags[0] if tags else self._id
        if named not in tags:
            raise InvalidInput(f"{named} is not a tag of the image: it has {', '.join(tags) or 'none'}")
        return named

    def _inspect(self) -> dict[str, Any]:
        from pallet.ops.inspect_image import inspect_image

        return json_object(inspect_image(self._engine, self._id))

    def __repr__(self) -> str:
        try:
            names = self.tags
        except PalletError:  # the store cannot be read; a repr still must be
            names = []
        return f"<Image: {', '.join(map(repr, names)) or repr(self.short_id)}>"


def image_id(image: str | Image) -> str:
    """What the operations call an image: a user's word as it is, an `Image` by its id."""
    return image.id if isinstance(image, Image) else image
