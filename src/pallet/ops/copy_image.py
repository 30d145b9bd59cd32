"""`pallet image copy`: an image from one registry, layout or archive to another, past this machine's store.

Nothing is unpacked or kept here: bytes stream from source to sink, each verified on its way, and what the sink has
already is not read at all. The verb is skopeo's.
"""

from __future__ import annotations

from collections.abc import Callable

from pallet.content import ImageSink, ImageSource
from pallet.errors import Unsupported
from pallet.oci import media
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import parse_index
from pallet.oci.manifest import Manifest, parse_manifest
from pallet.ops.copy import Words, copy_blobs, resolve_image
from pallet.ops.images import ImageTree
from pallet.platform import Platform
from pallet.progress import Progress, silent

_WORDS = Words("", "Copying", ("Copied",), "Already there")


def copy_image(
    source: ImageSource,
    sink: ImageSink,
    name: Callable[[ImageTree], None],
    *,
    platform: Platform | None = None,
    every: bool = False,
    progress: Progress = silent,
    interrupt: Callable[[], None] = lambda: None,
) -> Descriptor:
    """Copy an image.

    Args:
        source: the image.
        sink: where it goes.
        name: called when all of the image but its root is there: puts that under its name.
        platform: which image of an index; None for this machine's.
        every: the index itself, with all its images, attestations included.
        progress: told of each blob.
        interrupt: as for `copy_blobs`.

    Returns:
        What was named, as the source has it.

    Raises:
        NotFound: no such image, or none for the platform.
        Unsupported: an index that lists indexes.
        Integrity: bytes do not match their digest.
    """
    tree = read_tree(source) if every else ImageTree((resolve_image(source, platform).manifest,))
    blobs = [blob for manifest in tree.manifests for blob in manifest.blobs]
    copy_blobs(source, sink, blobs, words=_WORDS, progress=progress, interrupt=interrupt)
    if tree.index is not None:
        for manifest in tree.manifests:
            sink.put_manifest(manifest.descriptor, manifest.raw)
    name(tree)
    return tree.root


def read_tree(source: ImageSource) -> ImageTree:
    """All manifests that a source's name leads to.

    Raises:
        As `copy_image`.
    """
    root = source.root()
    if not media.is_index(root.media_type):
        return ImageTree((_manifest(source, root),))
    index = parse_index(source.read_manifest(root), root.media_type)
    return ImageTree(tuple(_manifest(source, each) for each in index.manifests), index)


def _manifest(source: ImageSource, descriptor: Descriptor) -> Manifest:
    if media.is_index(descriptor.media_type):
        raise Unsupported("the image index lists another index")
    return parse_manifest(source.read_manifest(descriptor), descriptor.media_type)
