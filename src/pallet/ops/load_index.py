"""What else an archive's index leads to, kept beside the image of it that runs here."""

from __future__ import annotations

from pallet.content import MANIFEST_LIMIT, ImageSource
from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import NotFound
from pallet.oci import media
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import Index, parse_index
from pallet.oci.manifest import Manifest, parse_manifest
from pallet.ops.take_blob import take_blob


def load_index(engine: Engine, source: ImageSource, root: Descriptor, image: Digest) -> bool:
    """Take an index and all its manifests, unless the archive has not all of them: then there is nothing to keep.

    Args:
        engine: whose store; the caller is inside `store.adding()`.
        source: the archive.
        root: the index.
        image: the image of it that is recorded.

    Returns:
        Whether the index is here now.

    Raises:
        Integrity: something is not what its digest says.
    """
    index = parse_index(source.read_manifest(root), root.media_type)
    manifests = _manifests(source, index)
    if manifests is None:
        return False
    blobs = engine.store.blobs
    members = {blob.digest: blob for manifest in manifests for blob in manifest.blobs}
    for blob in members.values():
        take_blob(blobs, blob, source, lambda size: None)
    for manifest in manifests:
        blobs.put(manifest.raw)
    blobs.put(index.raw)
    blobs.sync()
    engine.store.images.add_index(image, index, (*(manifest.descriptor for manifest in manifests), *members.values()))
    return True


def _manifests(source: ImageSource, index: Index) -> list[Manifest] | None:
    """All manifests of an index; None if one is missing, or a blob of one, or one is an index itself."""
    found = []
    try:
        for each in index.manifests:
            if media.is_index(each.media_type) or each.size > MANIFEST_LIMIT:
                return None
            found.append(parse_manifest(source.read_manifest(each), each.media_type))
        for manifest in found:
            for blob in manifest.blobs:
                source.blob_chunks(blob)
    except NotFound:
        return None
    return found
