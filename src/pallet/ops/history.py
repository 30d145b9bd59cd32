"""`docker image history`: the steps that made an image."""

from __future__ import annotations

from pallet.digest import Digest
from pallet.oci.quickjson import parse_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.engine import Engine


class HistoryStep:
    """One step, newest first.

    Attributes:
        id: the image's id for its newest step, the parent's for a step that is a local image, else `<missing>`.
        created: RFC 3339, may be empty.
        created_by: the command.
        size: bytes the step added.
        comment: the maker's words.
        tags: familiar names of the step's image.
    """

    __slots__ = ("comment", "created", "created_by", "id", "size", "tags")

    def __init__(self, id: str, created: str, created_by: str, size: int, comment: str, tags: tuple[str, ...]) -> None:
        self.id = id
        self.created = created
        self.created_by = created_by
        self.size = size
        self.comment = comment
        self.tags = tags


def image_history(engine: Engine, name: str) -> list[HistoryStep]:
    """The steps of the image called `name`, newest first.

    Raises:
        NoSuchImage: there is none.
    """
    images = engine.store.images
    match = images.resolve(name)
    config = parse_object(engine.store.blobs.read_whole(match.image), "the image config")
    unpacked = iter([layer.unpacked for layer in images.layers_of(match.image)])
    entries = config.get("history") or ()
    sizes = [0 if entry.get("empty_layer") else next(unpacked, 0) for entry in entries]
    known: Digest | None = match.image
    steps: list[HistoryStep] = []
    for entry, size in zip(reversed(entries), reversed(sizes), strict=True):
        id = known or "<missing>"
        tags: tuple[str, ...] = ()
        if known is not None:
            tags = tuple(sorted(familiar_tags(engine, known)))
            parent = images.get(known).parent
            known = Digest(parent) if parent else None
        created, created_by, comment = (entry.get(key, "") for key in ("created", "created_by", "comment"))
        steps.append(HistoryStep(id, created, created_by, size, comment, tags))
    return steps


def familiar_tags(engine: Engine, image: Digest) -> list[str]:
    """The image's `name:tag`s as docker prints them."""
    from pallet.naming import familiar

    return [f"{familiar(tag.name)}:{tag.tag}" for tag in engine.store.images.tags_of(image)]
