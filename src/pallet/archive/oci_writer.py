"""Writes the OCI image layout, as a directory or a tar. Source: OCI image spec 1.1, image-layout.md.

docker's manifests become OCI's: skopeo and podman look only among OCI manifests for a name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec

from pallet.archive.documents import Documents, to_oci
from pallet.archive.files import Directory, read_whole
from pallet.archive.oci_reader import CONTAINERD_NAME, INDEX, LAYOUT, REF_NAME
from pallet.archive.source import blob_name
from pallet.archive.streams import Output, write_all
from pallet.archive.tar_stream import LAYOUT_DOCUMENT, LayoutTar
from pallet.content import MANIFEST_LIMIT, Advance, ImageSource, verified
from pallet.errors import HostError, NotFound
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import make_index, parse_index
from pallet.reference import Reference


def named(descriptor: Descriptor, reference: Reference | None) -> Descriptor:
    """The entry of `index.json` for an image under a name: with containerd's annotation and the spec's.

    A digest is no name. Annotations that the descriptor has stay.
    """
    annotations = dict(descriptor.annotations)
    if reference is not None and reference.tag:
        annotations |= {CONTAINERD_NAME: f"{reference.name}:{reference.tag}", REF_NAME: reference.tag}
    return Descriptor(
        descriptor.media_type, descriptor.digest, descriptor.size, annotations=annotations, platform=descriptor.platform
    )


class OciArchiveSink:
    """An OCI layout in one tar, on a stream that need not seek: an `ImageSink`."""

    parallel = 1

    def __init__(self, stream: Output) -> None:
        self._tar = LayoutTar(stream)
        self._documents = Documents(self.has_blob, to_oci)
        self._named: list[tuple[Reference | None, Descriptor]] = []

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Whether the blob is in the archive already."""
        return self._tar.has(descriptor.digest)

    def put_blob(self, descriptor: Descriptor, source: ImageSource, advance: Advance) -> None:
        """Copy a blob into the tar. When it turns out damaged, the archive is too: throw it away."""
        if not self._tar.has(descriptor.digest):
            chunks = advancing(verified(source.blob_chunks(descriptor), descriptor), advance)
            self._tar.add_blob(descriptor.digest, descriptor.size, chunks)

    def put_manifest(self, descriptor: Descriptor, raw: bytes) -> None:
        """Take a manifest or index; it is written by `finish` if something that was named leads to it."""
        self._documents.put(descriptor, raw)

    def name(self, reference: Reference | None, descriptor: Descriptor) -> None:
        """List an image in the index, under a name if it has one."""
        self._named.append((reference, descriptor))

    def finish(self) -> None:
        """Write the manifests, the index and the tar's end.

        Raises:
            NotFound: an image was named whose manifest or blobs were not put here.
        """
        entries: list[Descriptor] = []
        for reference, descriptor in self._named:
            tree = self._documents.tree(descriptor)
            for digest, raw in tree.documents:
                if not self._tar.has(digest):
                    self._tar.add_blob(digest, len(raw), iter((raw,)))
            root = msgspec.structs.replace(tree.root, annotations=descriptor.annotations)
            _list(entries, named(root, reference))
        self._tar.add_file(INDEX, make_index(tuple(entries)).raw)
        self._tar.finish()


class OciLayoutSink:
    """An OCI layout in a directory, which may have images already: an `ImageSink`."""

    parallel = 4

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        """
        Args:
            directory: made if it is not there.
        """
        self._directory = os.fspath(directory)
        self._files = Directory(self._directory)
        self._documents = Documents(self.has_blob, to_oci)
        self._named: list[tuple[Reference | None, Descriptor]] = []
        try:
            os.makedirs(os.path.join(self._directory, "blobs", "sha256"), exist_ok=True)
        except OSError as error:
            raise HostError(f"mkdir {directory}: {error.strerror}") from error

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Whether the layout has the blob already."""
        try:
            return self._files.find(blob_name(descriptor.digest)).size == descriptor.size
        except NotFound:
            return False

    def put_blob(self, descriptor: Descriptor, source: ImageSource, advance: Advance) -> None:
        """Copy a blob; its name appears when it is whole and right."""
        chunks = advancing(verified(source.blob_chunks(descriptor), descriptor), advance)
        self._write(blob_name(descriptor.digest), chunks)

    def put_manifest(self, descriptor: Descriptor, raw: bytes) -> None:
        """Take a manifest or index; it is written by `finish` if something that was named leads to it."""
        self._documents.put(descriptor, raw)

    def name(self, reference: Reference | None, descriptor: Descriptor) -> None:
        """List an image in the index, under a name if it has one; it takes the place of an image of that name."""
        self._named.append((reference, descriptor))

    def finish(self) -> None:
        """Write the manifests and `oci-layout`, and add what was named to `index.json`.

        Raises:
            NotFound: an image was named whose manifest or blobs are not here.
        """
        entries = self._listed()
        for reference, descriptor in self._named:
            tree = self._documents.tree(descriptor)
            for digest, raw in tree.documents:
                self._write(blob_name(digest), iter((raw,)))
            root = msgspec.structs.replace(tree.root, annotations=descriptor.annotations)
            _list(entries, named(root, reference))
        self._write(LAYOUT, iter((LAYOUT_DOCUMENT,)))
        self._write(INDEX, iter((make_index(tuple(entries)).raw,)))

    def _listed(self) -> list[Descriptor]:
        try:
            raw = read_whole(self._files.find(INDEX), MANIFEST_LIMIT, INDEX)
        except NotFound:
            return []
        return list(parse_index(raw).manifests)

    def _write(self, name: str, chunks: Iterator[bytes]) -> None:
        target = os.path.join(self._directory, name)
        temporary = os.path.join(os.path.dirname(target), "." + os.urandom(8).hex())
        try:
            with open(temporary, "xb", buffering=0) as file:
                try:
                    for chunk in chunks:
                        write_all(file, chunk)
                    os.fchmod(file.fileno(), 0o644)
                    os.rename(temporary, target)
                except BaseException:
                    os.unlink(temporary)
                    raise
        except OSError as error:
            raise HostError(f"cannot write {target}: {error.strerror or error}") from error


def _list(entries: list[Descriptor], new: Descriptor) -> None:
    """Add an entry to an index, in place of one with its name."""
    entries[:] = [old for old in entries if not _replaces(new, old)]
    entries.append(new)


def _replaces(new: Descriptor, old: Descriptor) -> bool:
    name = new.annotations.get(CONTAINERD_NAME)
    if name is None:  # an image without a name: only itself
        return new == old
    if CONTAINERD_NAME in old.annotations:
        return old.annotations[CONTAINERD_NAME] == name
    return old.annotations.get(REF_NAME) == new.annotations[REF_NAME]


def advancing(chunks: Iterator[bytes], advance: Advance) -> Iterator[bytes]:
    """Pass `chunks` on and report how many bytes went by."""
    for chunk in chunks:
        yield chunk
        advance(len(chunk))
