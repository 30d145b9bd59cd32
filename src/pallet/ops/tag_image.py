"""`docker image tag`: one more name for an image."""

from __future__ import annotations

from pallet.digest import HEX_DIGITS, Digest
from pallet.engine import Engine
from pallet.errors import InvalidReference
from pallet.ops.record_event import image_event
from pallet.reference import Reference, parse


def tag_image(engine: Engine, source: str, target: str) -> None:
    """Give `target` (`latest` if untagged) to the image called `source`; another image that had the name loses it.

    Raises:
        NoSuchImage: there is no such source.
        InvalidReference: source or target is no name, or the target has a digest.
    """
    digits = source.removeprefix("sha256:")
    if len(digits) != 64 or not HEX_DIGITS.issuperset(digits):  # no id
        _parse(source)
    reference = _parse(target)
    if reference.digest is not None:
        raise InvalidReference("refusing to create a tag with a digest reference")
    match = engine.store.images.resolve(source)
    name_image(engine, reference, match.image, match.manifest)


def name_image(engine: Engine, reference: Reference, image: Digest, manifest: Digest) -> Digest | None:
    """Give a name to an image, `latest` if untagged; returns the image that had it before, if any."""
    whole = reference.with_default_tag()
    with engine.store.db.transaction():
        before = engine.store.images.tag(whole, image, manifest)
        image_event(engine, image, "tag", name=whole.familiar)
    return before


def _parse(text: str) -> Reference:
    try:
        return parse(text)
    except InvalidReference as error:
        raise InvalidReference(
            f'Error parsing reference: "{text}" is not a valid repository/tag: {error.message}'
        ) from error
