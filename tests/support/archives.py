"""Images in memory as sources, a plain copy loop, and tars made by hand, for the tests of archives."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from typing import Protocol

from tests.support.images import Image, Index, tar

from pallet.archive.source import ArchiveImage
from pallet.content import ImageSink, ImageSource, verify
from pallet.digest import Digest
from pallet.errors import NotFound
from pallet.oci import media
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import parse_index
from pallet.oci.manifest import parse_manifest
from pallet.reference import Reference, parse


class MadeSource:
    """An image made by `tests.support.images`, as a source."""

    def __init__(self, made: Image | Index) -> None:
        self._blobs = {blob.digest: blob.data for blob in (*made.blobs(), *made.manifests())}
        self._root = Descriptor(made.root.media_type, Digest.parse(made.root.digest), len(made.root.data))

    def root(self) -> Descriptor:
        return self._root

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        if descriptor.digest not in self._blobs:
            raise NotFound(descriptor.digest)
        return verify(self._blobs[descriptor.digest], descriptor)

    def blob_chunks(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        data = self._blobs[descriptor.digest]
        for at in range(offset, len(data), 1000):
            yield data[at : at + 1000]


class NamingSink(ImageSink, Protocol):
    """What the archives' sinks have in common."""

    def name(self, reference: Reference | None, descriptor: Descriptor) -> None: ...

    def finish(self) -> None: ...


def copy(source: ImageSource, sink: NamingSink, *names: str) -> list[int]:
    """Copies an image with all its platforms, and names it; without names it is listed nameless.

    Returns:
        What the sink reported as progress.
    """
    moved: list[int] = []
    root = source.root()
    raw = source.read_manifest(root)
    children = parse_index(raw).manifests if media.is_index(root.media_type) else (root,)
    for child in children:
        document = source.read_manifest(child)
        for blob in parse_manifest(document, child.media_type).blobs:
            if not sink.has_blob(blob):
                sink.put_blob(blob, source, moved.append)
        sink.put_manifest(child, document)
    if media.is_index(root.media_type):
        sink.put_manifest(root, raw)
    for name in names:
        sink.name(parse(name), root)
    if not names:
        sink.name(None, root)
    return moved


def contents(image: ArchiveImage) -> dict[str, bytes]:
    """All that hangs on an image of one platform: manifest, config and layers by digest, each checked."""
    root = image.source.root()
    raw = image.source.read_manifest(root)
    found = {str(root.digest): raw}
    for blob in parse_manifest(raw, root.media_type).blobs:
        found[blob.digest] = verify(b"".join(image.source.blob_chunks(blob)), blob)
    return found


def files_tar(files: dict[str, bytes], *, format: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of regular files."""
    entries = []
    for name, data in files.items():
        info = tarfile.TarInfo(name)
        info.size = len(data)
        entries.append((info, data))
    return tar(entries, format=format)


def tar_files(archive: bytes) -> dict[str, bytes]:
    """The regular files of a tar."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return {member.name: opened.extractfile(member).read() for member in opened if member.isreg()}  # type: ignore[union-attr]


def docker_files(made: Image, tags: Sequence[str], layers: Sequence[tuple[str, bytes]]) -> dict[str, bytes]:
    """The files of docker's archive in its layout before version 25, with these layer files."""
    config = made.config.digest.removeprefix("sha256:") + ".json"
    item = {"Config": config, "RepoTags": list(tags) or None, "Layers": [name for name, _ in layers]}
    return {**dict(layers), config: made.config.data, "manifest.json": json.dumps([item]).encode()}
