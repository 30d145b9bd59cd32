"""Writes an OCI layout's tar to a stream, front to back: equal contents give equal bytes.

Times are the epoch and owners are root, so that only the images decide what the archive looks like.
"""

from __future__ import annotations

from collections.abc import Iterator

from pallet.archive.oci_reader import LAYOUT, LAYOUT_VERSION
from pallet.archive.source import blob_name
from pallet.archive.streams import Output, write_all
from pallet.digest import Digest
from pallet.errors import HostError
from pallet.layer import tarformat as tf
from pallet.layer.tarwrite import TarWriter
from pallet.oci.codec import encode

LAYOUT_DOCUMENT = encode({"imageLayoutVersion": LAYOUT_VERSION})


class LayoutTar:
    """A tar that holds `oci-layout`, blobs and small files; each blob once."""

    def __init__(self, stream: Output) -> None:
        """
        Args:
            stream: where the tar goes; it is neither sought nor closed.
        """
        self._tar = TarWriter(_Out(stream))
        self._blobs: set[Digest] = set()

    def has(self, digest: Digest) -> bool:
        """Whether this blob has been written."""
        return digest in self._blobs

    def add_blob(self, digest: Digest, size: int, chunks: Iterator[bytes]) -> None:
        """Write a blob of `size` bytes; `chunks` must raise unless it gives exactly these."""
        if not self._blobs:
            self._tar.add(b"blobs/", tf.DIRECTORY, mode=0o755)
            self._tar.add(b"blobs/sha256/", tf.DIRECTORY, mode=0o755)
        self._blobs.add(digest)
        self._add(blob_name(digest), size)
        for chunk in chunks:
            self._tar.write(chunk)

    def add_file(self, name: str, data: bytes) -> None:
        """Write a small file."""
        self._add(name, len(data))
        self._tar.write(data)

    def finish(self) -> None:
        """Write `oci-layout` and the tar's end."""
        self.add_file(LAYOUT, LAYOUT_DOCUMENT)
        self._tar.close()

    def _add(self, name: str, size: int) -> None:
        self._tar.add(name.encode(), tf.REGULAR, mode=0o644, size=size)


class _Out:
    """The stream, as `TarWriter` writes to it."""

    def __init__(self, stream: Output) -> None:
        self._stream = stream

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        try:
            write_all(self._stream, data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise HostError(f"cannot write the archive: {error.strerror or error}") from error
