"""`docker image load`: an archive's images into the store."""

from __future__ import annotations

import os
from typing import BinaryIO

import msgspec

from pallet.archive.detect import open_archive
from pallet.archive.source import ArchiveImage
from pallet.digest import Digest
from pallet.engine import Engine
from pallet.oci.config import ImageConfig
from pallet.oci.manifest import Manifest
from pallet.ops.copy import Words, copy_blobs, read_config, resolve_image
from pallet.ops.images import known_image
from pallet.ops.record_event import image_event
from pallet.platform import Platform
from pallet.progress import Progress, silent
from pallet.reference import Reference

_WORDS = Words("", "Loading layer", (), "")


class Loaded(msgspec.Struct, frozen=True):
    """One image that was loaded.

    Attributes:
        image: its id.
        names: the names it got from the archive.
        replaced: names that stood for another image before, with that image's id.
        only: the platform that was taken of an index whose other manifests are not all in the archive, else empty.
    """

    image: Digest
    names: tuple[Reference, ...]
    replaced: tuple[tuple[Reference, Digest], ...]
    only: str = ""


def load(
    engine: Engine, archive: str | BinaryIO, *, platform: Platform | None = None, progress: Progress = silent
) -> list[Loaded]:
    """Load all images of an archive: docker's or OCI's, a tar (compressed or not) or an OCI layout's directory.

    Of an index the manifest for this machine becomes the image; the index is kept, if all that it leads to is there.

    Args:
        engine: whose store.
        archive: a path, or a stream that need not seek.
        platform: which manifest of an index, and nothing else of it; None for this machine's.
        progress: told of each layer's bytes.

    Raises:
        InvalidInput: not an archive of images.
        Integrity: something is not what its digest says; images before it stay loaded.
    """
    scratch = os.path.join(engine.store.root, "ingest")
    with engine.store.adding():
        os.makedirs(scratch, mode=0o700, exist_ok=True)
        with open_archive(archive, scratch) as opened:
            return [_load(engine, image, platform, progress) for image in opened.images]


def _load(engine: Engine, image: ArchiveImage, platform: Platform | None, progress: Progress) -> Loaded:
    resolved = resolve_image(image.source, platform)
    config = read_config(image.source, resolved.manifest)
    id = known_image(engine, resolved.manifest) or _keep(engine, image, resolved.manifest, config, progress)
    root, whole = resolved.manifest.digest, True
    if resolved.root.digest != root and platform is None:
        from pallet.ops.load_index import load_index

        whole = load_index(engine, image.source, resolved.root, id)
        root = resolved.root.digest if whole else root
    replaced: list[tuple[Reference, Digest]] = []
    with engine.store.db.transaction():
        for name in image.names:
            before = engine.store.images.tag(name.with_default_tag(), id, root)
            image_event(engine, id, "load")
            if before is not None and before != id:
                replaced.append((name, before))
    return Loaded(id, image.names, tuple(replaced), "" if whole else str(config.platform.normalized()))


def _keep(engine: Engine, image: ArchiveImage, manifest: Manifest, config: ImageConfig, progress: Progress) -> Digest:
    """Keep an image of which something is missing here."""
    from pallet.ops.store_sink import StoreSink  # what is here needs neither layers nor workers

    with StoreSink(engine, manifest, config) as sink:
        copy_blobs(image.source, sink, manifest.layers, words=_WORDS, progress=progress)
        return sink.finish()
