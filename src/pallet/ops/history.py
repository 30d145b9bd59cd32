"""`docker image history`: the steps that made an image."""

from __future__ import annotations

import msgspec

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.oci.config import parse_config


class HistoryStep(msgspec.Struct, frozen=True):
    """One step, newest first.

    Attributes:
        id: the image's id for its newest step, the parent's for a step that is a local image, else `<missing>`.
        created: RFC 3339, may be empty.
        created_by: the command.
        size: bytes the step added.
        comment: the maker's words.
        tags: familiar names of the step's image.
    """

    id: str
    created: str
    created_by: str
    size: int
    comment: str
    tags: tuple[str, ...]


def image_history(engine: Engine, name: str) -> list[HistoryStep]:
    """The steps of the image called `name`, newest first.

    Raises:
        NoSuchImage: there is none.
    """
    images = engine.store.images
    match = images.resolve(name)
    config = parse_config(engine.store.blobs.read(images.config_of(match.image)))
    sizes = [layer.unpacked for layer in images.layers_of(match.image)]
    steps: list[HistoryStep] = []
    for entry in config.history:
        size = sizes.pop(0) if not entry.empty_layer and sizes else 0
        steps.append(HistoryStep("<missing>", entry.created, entry.created_by, size, entry.comment, ()))
    steps.reverse()
    known = match.image
    for position, step in enumerate(steps):
        names = tuple(sorted(familiar_tags(engine, known)))
        steps[position] = msgspec.structs.replace(step, id=known, tags=names)
        parent = images.get(known).parent
        if not parent:
            break
        known = Digest(parent)
    return steps


def familiar_tags(engine: Engine, image: Digest) -> list[str]:
    """The image's `name:tag`s as docker prints them."""
    from pallet.naming import familiar

    return [f"{familiar(tag.name)}:{tag.tag}" for tag in engine.store.images.tags_of(image)]
