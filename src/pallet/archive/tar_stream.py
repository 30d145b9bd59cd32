"""Writes an OCI layout's tar to a stream, front to back: equal contents give equal bytes.

Times are the epoch and owners are root, so that only the images decide what the archive looks like.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

from pallet.archive.oci_reader import LAYOUT, LAYOUT_VERSION
from pallet.archive.source import blob_name
from pallet.archive.streams import Output, write_all
from pallet.digest import Digest
from pallet.errors import HostError
from pallet.oci.codec import encode

LAYOUT_DOCUMENT = encode({"imageLayoutVersion": LAYOUT_VERSION})


class LayoutTar:
    """A tar that holds `oci-layout`, blobs and small files; each blob once."""

    def __init__(self, stream: Output) -> None:
        """
        Args:
            stream: where the tar goes; it is neither sought nor closed.
        """
        self._stream = stream
        self._blobs: set[Digest] = set()

    def has(self, digest: Digest) -> bool:
        """Whether this blob has been written."""
        return digest in self._blobs

    def add_blob(self, digest: Digest, size: int, chunks: Iterator[bytes]) -> None:
        """Write a blob of `size` bytes; `chunks` must raise unless it gives exactly these."""
        if not self._blobs:
            self._header("blobs", 0, tarfile.DIRTYPE)
            self._header("blobs/sha256", 0, tarfile.DIRTYPE)
        self._blobs.add(digest)
        self._header(blob_name(digest), size, tarfile.REGTYPE)
        for chunk in chunks:
            self._write(chunk)
        self._pad(size)

    def add_file(self, name: str, data: bytes) -> None:
        """Write a small file."""
        self._header(name, len(data), tarfile.REGTYPE)
        self._write(data)
        self._pad(len(data))

    def finish(self) -> None:
        """Write `oci-layout` and the tar's end."""
        self.add_file(LAYOUT, LAYOUT_DOCUMENT)
        self._write(bytes(2 * tarfile.BLOCKSIZE))

    def _header(self, name: str, size: int, kind: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.type = kind
        entry.size = size
        entry.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
        self._write(entry.tobuf(tarfile.PAX_FORMAT))

    def _pad(self, size: int) -> None:
        self._write(bytes(-size % tarfile.BLOCKSIZE))

    def _write(self, data: bytes) -> None:
        try:
            write_all(self._stream, data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise HostError(f"cannot write the archive: {error.strerror or error}") from error
