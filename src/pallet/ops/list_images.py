"""`docker image ls`: the images of the store. On the quick path: nothing is parsed unless a filter needs it."""

from __future__ import annotations

from pallet.naming import familiar
from pallet.ops.filters import Filters, labels_match

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pallet.engine import Engine
    from pallet.store.rows import ImageRow

FILTERS = ("dangling", "label", "before", "since", "reference")


class ImageSummary:
    """One image with its names, as docker's API lists it.

    Attributes:
        row: id, times and sizes.
        tags: familiar `name:tag`s, sorted.
        digests: familiar `name@digest`s, sorted.
    """

    __slots__ = ("digests", "row", "tags")

    def __init__(self, row: ImageRow, tags: tuple[str, ...], digests: tuple[str, ...]) -> None:
        self.row = row
        self.tags = tags
        self.digests = digests


def list_images(
    engine: Engine, *, name: str | None = None, all: bool = False, filters: Iterable[tuple[str, str]] = ()
) -> list[ImageSummary]:
    """List images, newest first.

    Args:
        engine: whose store.
        name: only images with this repository, or repository and tag.
        all: also images without a name that others were made from, or that are others' for another platform.
        filters: docker's filters, keys and values.

    Raises:
        InvalidInput: a bad filter.
        NoSuchImage: `before` or `since` names no image.
    """
    images = engine.store.images
    chosen = Filters(filters, FILTERS)
    patterns = chosen.get("reference") + ([name] if name else [])
    dangling = chosen.flag("dangling")
    before = [images.get(images.resolve(text).image).created for text in chosen.get("before")]
    since = [images.get(images.resolve(text).image).created for text in chosen.get("since")]
    rows = images.rows()
    parents = {row[3] for row in rows} - {""}  # by position: the properties cost a call for each row
    tags, digests = _names(engine)
    others: set[str] | None = None
    summaries: list[ImageSummary] = []
    by_date, by_label = bool(before or since), "label" in chosen
    for row in rows:
        if by_date and (any(row[1] >= limit for limit in before) or any(row[1] <= limit for limit in since)):
            continue
        if by_label and not labels_match(_labels(engine, row), chosen.get("label")):
            continue
        id = row[0]
        own_tags, own_digests = tags.get(id, []), digests.get(id, [])
        if patterns:
            own_tags = [tag for tag in own_tags if _matches(tag, patterns)]
            own_digests = [digest for digest in own_digests if _matches(digest, patterns)]
            if not own_tags and not own_digests:
                continue
        if not own_tags and not own_digests:
            if dangling is False or (not all and id in parents):
                continue
            if not all:
                others = images.led_to() if others is None else others
                if id in others:
                    continue
        elif dangling and own_tags:
            continue
        summaries.append(ImageSummary(row, tuple(own_tags), tuple(own_digests)))
    return summaries


def _names(engine: Engine) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    images = engine.store.images
    tags: dict[str, list[str]] = {}
    digests: dict[str, list[str]] = {}
    for name, tag, image, _ in images.tags():
        tags.setdefault(image, []).append(f"{familiar(name)}:{tag}")
    for name, digest, image in images.repo_digests():
        digests.setdefault(image, []).append(f"{familiar(name)}@{digest}")
    for names in (*tags.values(), *digests.values()):
        if len(names) > 1:
            names.sort()
    return tags, digests


def _matches(name: str, patterns: list[str]) -> bool:
    """Docker's rule (distribution/reference FamiliarMatch): a shell pattern on the whole name, or on the repository."""
    from pallet.ops.glob import path_match

    repository = name.partition("@")[0] if "@" in name else name.rpartition(":")[0]
    return any(path_match(pattern, name) or path_match(pattern, repository) for pattern in patterns)


def _labels(engine: Engine, row: ImageRow) -> dict[str, str] | None:
    from pallet.oci.config import parse_config

    descriptor = engine.store.images.config_of(row.id)
    config = parse_config(engine.store.blobs.read(descriptor)).config
    return config.labels if config else None
