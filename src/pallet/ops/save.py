"""`docker image save`: stored images into an archive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from pallet.content import ImageSink
from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import InvalidReference, NoSuchImage, NotFound
from pallet.oci.descriptor import Descriptor
from pallet.ops.copy import Words, copy_blobs
from pallet.ops.images import ImageTree, image_tree
from pallet.ops.record_event import image_event
from pallet.ops.store_source import StoreSource
from pallet.progress import Progress, silent
from pallet.reference import Reference, parse

_WORDS = Words("", "Saving", (), "")


class ArchiveSink(ImageSink, Protocol):
    """A sink that holds several images under their names."""

    def name(self, reference: Reference | None, descriptor: Descriptor) -> None:
        """List an image, under a name if it has one."""

    def finish(self) -> None:
        """Write what comes last."""


class _Chosen(msgspec.Struct, frozen=True):
    image: Digest
    manifest: Digest
    reference: Reference | None


def save(engine: Engine, names: Iterable[str], sink: ArchiveSink, *, progress: Progress = silent) -> None:
    """Write images into an archive; shared layers go in once.

    Args:
        engine: whose store.
        names: references (a bare repository stands for all its tags) and ids, as docker takes them.
        sink: the archive; it is finished, not closed.
        progress: told of the bytes that went by.

    Raises:
        NoSuchImage: one of them does not exist; nothing has been written then.
    """
    chosen = [each for name in names for each in _choose(engine, name)]
    for each in chosen:
        tree = image_tree(engine, each.image, each.manifest)
        _copy(engine, tree, sink, progress)
        sink.name(each.reference, tree.root)
    sink.finish()
    for id in dict.fromkeys(each.image for each in chosen):
        image_event(engine, id, "save")


def save_tree(
    engine: Engine,
    tree: ImageTree,
    names: Sequence[Reference | None],
    sink: ArchiveSink,
    *,
    root: Descriptor | None = None,
    progress: Progress = silent,
) -> None:
    """Write one image, whose blobs are all here though it may have no record.

    Args:
        engine: whose store.
        tree: the image.
        names: what it is called; None for no name.
        sink: the archive; it is finished, not closed.
        root: the tree's root with annotations that the archive's list is to have.
        progress: told of the bytes that went by.
    """
    _copy(engine, tree, sink, progress)
    for name in names:
        sink.name(name, root or tree.root)
    sink.finish()


def _copy(engine: Engine, tree: ImageTree, sink: ArchiveSink, progress: Progress) -> None:
    source = StoreSource(engine.store.blobs, tree.root)
    for manifest in tree.manifests:
        copy_blobs(source, sink, manifest.blobs, words=_WORDS, progress=progress)
        sink.put_manifest(manifest.descriptor, manifest.raw)
    if tree.index is not None:
        sink.put_manifest(tree.root, tree.raw)


def _choose(engine: Engine, name: str) -> list[_Chosen]:
    images = engine.store.images
    whole = _bare_repository(name)
    if whole is not None:
        rows = [row for row in images.tags() if row.name == whole.name]
        if rows:
            return [_Chosen(row.image, row.manifest, whole.with_tag(row.tag)) for row in rows]
    try:
        match = images.resolve(name)
    except NoSuchImage as error:
        if ":" in name.rpartition("/")[2] and not name.startswith("sha256:"):
            raise NotFound("reference does not exist") from error
        raise NoSuchImage(name) from error
    reference = None
    if match.tag is not None:
        domain, _, path = match.tag.name.partition("/")
        reference = Reference(domain, path, match.tag.tag)
    return [_Chosen(match.image, match.manifest, reference)]


def _bare_repository(name: str) -> Reference | None:
    try:
        reference = parse(name)
    except InvalidReference:
        return None
    return None if reference.tag or reference.digest else reference
