"""`docker image tag`: one more name for an image."""

from __future__ import annotations

from pallet.engine import Engine
from pallet.errors import InvalidReference
from pallet.reference import parse


def tag_image(engine: Engine, source: str, target: str) -> None:
    """Give `target` (`latest` if untagged) to the image called `source`; another image that had the name loses it.

    Raises:
        NoSuchImage: there is no such source.
        InvalidReference: the target is no name, or has a digest.
    """
    try:
        reference = parse(target)
    except InvalidReference as error:
        raise InvalidReference(
            f'Error parsing reference: "{target}" is not a valid repository/tag: {error.message}'
        ) from error
    if reference.digest is not None:
        raise InvalidReference("refusing to create a tag with a digest reference")
    match = engine.store.images.resolve(source)
    engine.store.images.tag(reference.with_default_tag(), match.image, match.manifest)
