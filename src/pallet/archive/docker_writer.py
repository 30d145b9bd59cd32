"""Writes docker's archive: an OCI layout and `manifest.json` in one tar, as docker >= 25 does.

docker 20.10, podman and skopeo read `manifest.json`; containerd, and newer ones of these, read the index. Blobs go in
as they are stored: all of them inflate gzip layers. Only zstd layers are written plain, because docker before 23 does
not know zstd; their image then gets a manifest that says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import chain

import msgspec

from pallet.archive.docker_reader import MANIFEST
from pallet.archive.documents import Documents, Placed
from pallet.archive.oci_reader import INDEX
from pallet.archive.oci_writer import advancing, named
from pallet.archive.source import blob_name
from pallet.archive.streams import ChunkReader, Output
from pallet.archive.tar_stream import LayoutTar
from pallet.content import CHUNK_SIZE, Advance, ImageSource, verified
from pallet.digest import Digest
from pallet.layer.compress import HEAD, decompressor, detect
from pallet.oci import media
from pallet.oci.codec import encode
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import make_index
from pallet.oci.manifest import Manifest, make_manifest
from pallet.platform import host, rank
from pallet.reference import Reference


class DockerArchiveSink:
    """docker's archive on a stream that need not seek: an `ImageSink`."""

    parallel = 1

    def __init__(self, stream: Output) -> None:
        """
        Args:
            stream: where the tar goes; it is not closed.
        """
        self._tar = LayoutTar(stream)
        self._plain: dict[Digest, Descriptor] = {}
        self._documents = Documents(self.has_blob, self._in_archive)
        self._named: list[tuple[Reference | None, Descriptor]] = []

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Whether the blob is in the archive already."""
        return self._tar.has(descriptor.digest) or descriptor.digest in self._plain

    def put_blob(self, descriptor: Descriptor, source: ImageSource, advance: Advance) -> None:
        """Copy a blob into the tar. When it turns out damaged, the archive is too: throw it away."""
        if self.has_blob(descriptor):
            return
        head, chunks = _peek(source.blob_chunks(descriptor))
        # The bytes decide, as for docker: a media type may be wrong.
        if media.is_layer(descriptor.media_type) and detect(head) == "zstd":
            self._put_plain(descriptor, verified(chunks, descriptor), source, advance)
        else:
            checked = verified(chunks, descriptor)
            self._tar.add_blob(descriptor.digest, descriptor.size, advancing(checked, advance))

    def put_manifest(self, descriptor: Descriptor, raw: bytes) -> None:
        """Take a manifest or index; it is written by `finish` if something that was named leads to it."""
        self._documents.put(descriptor, raw)

    def name(self, reference: Reference | None, descriptor: Descriptor) -> None:
        """List an image, under a name if it has one."""
        self._named.append((reference, descriptor))

    def finish(self) -> None:
        """Write the manifests, the lists of images and the tar's end.

        Raises:
            NotFound: an image was named whose manifest or layers were not put here.
        """
        entries: list[Descriptor] = []
        items: dict[Digest, _Item] = {}
        for reference, descriptor in self._named:
            tree = self._documents.tree(descriptor)
            for digest, raw in tree.documents:
                if not self._tar.has(digest):
                    self._tar.add_blob(digest, len(raw), iter((raw,)))
            entry = named(tree.root, reference)
            if entry not in entries:
                entries.append(entry)
            chosen = _runnable(tree.images).manifest
            item = items.setdefault(chosen.digest, _Item(chosen, []))
            if reference is not None and reference.tag:
                tag = f"{reference.familiar_name}:{reference.tag}"
                if tag not in item.tags:
                    item.tags.append(tag)
        self._tar.add_file(INDEX, make_index(tuple(entries)).raw)
        self._tar.add_file(MANIFEST, encode([item.document() for item in items.values()]))
        self._tar.finish()

    def _put_plain(
        self, descriptor: Descriptor, stored: Iterator[bytes], source: ImageSource, advance: Advance
    ) -> None:
        # A tar wants the size first: inflate once to measure, once to write.
        hasher, size = sha256(), 0
        for chunk in _inflated(stored):
            hasher.update(chunk)
            size += len(chunk)
        docker = descriptor.media_type.startswith("application/vnd.docker.")
        plain = Descriptor(media.DOCKER_LAYER if docker else media.OCI_LAYER, Digest.from_hex(hasher.hexdigest()), size)
        self._plain[descriptor.digest] = plain
        chunks = _inflated(advancing(source.blob_chunks(descriptor), advance))
        if not self._tar.has(plain.digest):
            self._tar.add_blob(plain.digest, plain.size, verified(chunks, plain))

    def _in_archive(self, manifest: Manifest) -> Manifest:
        """The manifest, over plain layers where they became plain."""
        layers = tuple(self._plain.get(layer.digest, layer) for layer in manifest.layers)
        if layers == manifest.layers:
            return manifest
        return make_manifest(manifest.config, layers, manifest.media_type, manifest.annotations)


class _Item(msgspec.Struct, frozen=True):
    """An entry of `manifest.json`."""

    manifest: Manifest
    tags: list[str]

    def document(self) -> dict[str, object]:
        return {
            "Config": blob_name(self.manifest.config.digest),
            "RepoTags": self.tags or None,
            "Layers": [blob_name(layer.digest) for layer in self.manifest.layers],
        }


def _runnable(images: tuple[Placed, ...]) -> Placed:
    """The image for those who read one platform only: the best for this machine, else the first with a file system."""
    here = host()
    best: tuple[int, Placed] | None = None
    fallback = images[0]
    for image in reversed(images):
        if not all(media.is_layer(layer.media_type) for layer in image.manifest.layers):
            continue
        fallback = image
        platform = image.descriptor.platform
        fit = rank(platform, here) if platform else None
        if fit is not None and (best is None or fit <= best[0]):
            best = (fit, image)
    return best[1] if best else fallback


def _peek(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, for `detect`, and all bytes, these included."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD:
            break
    return head, chain((head,), chunks)


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    reader = decompressor(ChunkReader(chunks))
    while chunk := reader.read(CHUNK_SIZE):
        yield chunk
    for _ in chunks:  # what follows the end, so that the whole blob is verified
        pass
