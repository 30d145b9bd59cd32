"""`--build-context name=oci-layout://path[:tag][@digest]`: an image in an OCI layout's directory."""

from __future__ import annotations

from pathlib import Path

from pallet.archive.files import Directory, read_whole
from pallet.archive.oci_reader import INDEX, REF_NAME
from pallet.archive.source import ArchiveSource
from pallet.build.bases import PREFIX
from pallet.content import MANIFEST_LIMIT
from pallet.engine import Engine
from pallet.errors import InvalidInput, NotFound
from pallet.oci.index import parse_index
from pallet.ops.copy import Words, copy_blobs, read_config, resolve_image
from pallet.ops.images import StoredImage, image_by_id
from pallet.ops.store_sink import StoreSink
from pallet.platform import Platform
from pallet.progress import Progress

_WORDS = Words("", "Loading layer", (), "")


def layout_image(engine: Engine, where: str, platform: Platform, progress: Progress) -> StoredImage:
    """Take the image into the store, without a name.

    Args:
        engine: whose store; the caller is inside `store.adding()`.
        where: the path; behind it a tag (`latest` if there is neither, or the only image there is), or a digest.
        platform: which manifest of an index.
        progress: told of each layer.

    Raises:
        InvalidInput: no such directory, or it has no such image.
        Integrity: something is not what its digest says.
    """
    source = _find(where.removeprefix(PREFIX))
    resolved = resolve_image(source, platform)
    config = read_config(source, resolved.manifest)
    with StoreSink(engine, resolved.manifest, config) as sink:
        copy_blobs(source, sink, resolved.manifest.layers, words=_WORDS, progress=progress)
        sink.finish(progress, "")
    return image_by_id(engine, config.id, resolved.manifest.digest)


def _find(where: str) -> ArchiveSource:
    path, _, digest = where.partition("@")
    tag = ""
    if ":" in path.rpartition("/")[2]:
        path, _, tag = path.rpartition(":")
    files = Directory(Path(path))
    try:
        entries = parse_index(read_whole(files.find(INDEX), MANIFEST_LIMIT, INDEX)).manifests
    except NotFound as error:
        raise InvalidInput(f"{path} is no OCI layout: it has no {INDEX}") from error
    for entry in entries:
        if entry.digest == digest if digest else entry.annotations.get(REF_NAME) == (tag or "latest"):
            return ArchiveSource(files, entry)
    if not digest and not tag and len(entries) == 1:
        return ArchiveSource(files, entries[0])
    raise InvalidInput(f"the OCI layout {path} has no image {digest or tag or 'latest'}")
