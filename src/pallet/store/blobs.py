"""Blobs: files named by the digest of what they hold.

    blobs/sha256/<hex>     whole, verified, never changed
    ingest/<hex>           a blob of known digest that is still arriving; kept when it is interrupted
    ingest/new-<random>    a blob whose digest is known only at its end

A blob appears by a rename after its bytes are verified and on the disk, so a file under `blobs` is always right.
"""

from __future__ import annotations

import os

from pallet.digest import Digest
from pallet.errors import HostError, Integrity, NotFound
from pallet.host.files import sync_directory, unlink_if_there

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from pallet.oci.descriptor import Descriptor
    from pallet.store.ingest import Ingest, NewBlob, Partial


class Blobs:
    """The blobs of one store; used by threads and processes at the same time.

    Args:
        root: the store's directory; what is needed in it is made when first written.
    """

    def __init__(self, root: str) -> None:
        self._directory = os.path.join(root, "blobs", "sha256")
        self._incoming = os.path.join(root, "ingest")

    def path(self, digest: Digest) -> str:
        """Where the blob is, or would be."""
        return f"{self._directory}/{digest.hex}"

    def has(self, digest: Digest) -> bool:
        """Whether the blob is here, whole."""
        return os.path.exists(self.path(digest))

    def size(self, digest: Digest) -> int:
        """The blob's size in bytes.

        Raises:
            NotFound: it is not here.
        """
        try:
            return os.stat(self.path(digest)).st_size
        except FileNotFoundError as error:
            raise NotFound(f"blob {digest} is missing") from error
        except OSError as error:
            raise HostError(f"cannot read blob {digest}: {error.strerror}") from error

    def open(self, digest: Digest) -> BinaryIO:
        """The blob's bytes, as a file opened for reading without a buffer.

        Raises:
            NotFound: it is not here.
        """
        try:
            return open(self.path(digest), "rb", buffering=0)
        except FileNotFoundError as error:
            raise NotFound(f"blob {digest} is missing") from error
        except OSError as error:
            raise HostError(f"cannot read blob {digest}: {error.strerror}") from error

    def chunks(self, digest: Digest, offset: int = 0) -> Iterator[bytes]:
        """The blob's bytes from `offset` on, piece by piece. Errors as `open`."""
        from pallet.content import CHUNK_SIZE

        with self.open(digest) as file:
            file.seek(offset)
            while chunk := file.read(CHUNK_SIZE):
                yield chunk

    def read(self, descriptor: Descriptor) -> bytes:
        """A small blob (manifest, config) as a whole, verified.

        Raises:
            NotFound: it is not here.
            Integrity: the file is not what its descriptor promises.
        """
        from pallet.content import verify

        with self.open(descriptor.digest) as file:
            # One byte more than promised is enough to see that there are too many.
            pieces: list[bytes] = []
            left = descriptor.size + 1
            while left > 0 and (piece := file.read(left)):
                pieces.append(piece)
                left -= len(piece)
        return verify(b"".join(pieces), descriptor)

    def read_whole(self, digest: Digest) -> bytes:
        """A blob that is known to be small, such as a recorded image's config, verified. Errors as `read`."""
        with self.open(digest) as file:
            raw = file.read()
        found = Digest.of(raw)
        if found != digest:
            raise Integrity(f"{digest}: the content has the digest {found}")
        return raw

    def ingest(self, descriptor: Descriptor, waiting: Callable[[], None] | None = None) -> Ingest:
        """Begin, or go on, to take in a blob whose digest is known.

        Only one at a time takes a blob in; others wait here, and find `done` true when it succeeded.

        Args:
            descriptor: digest and size.
            waiting: called about 20 times a second while another process or thread holds the blob; may raise to stop.

        Raises:
            HostError: the file cannot be made.
        """
        from pallet.store.ingest import Ingest

        self._make_directories()
        return Ingest(self, descriptor, os.path.join(self._incoming, descriptor.digest.hex), waiting)

    def new(self) -> NewBlob:
        """Begin to take in a blob whose digest will be known at its end.

        Raises:
            HostError: the file cannot be made.
        """
        from pallet.store.ingest import NewBlob

        self._make_directories()
        return NewBlob(self, os.path.join(self._incoming, f"new-{os.urandom(8).hex()}"))

    def put(self, raw: bytes) -> Digest:
        """Keep these bytes as a blob.

        Raises:
            HostError: the disk is full, ...
        """
        digest = Digest.of(raw)
        if not self.has(digest):
            with self.new() as blob:
                blob.write(raw)
                blob.commit()
        return digest

    def all(self) -> list[Digest]:
        """The digests of all blobs, in order."""
        return [Digest("sha256:" + name) for name in sorted(_names(self._directory)) if len(name) == 64]

    def partials(self) -> list[Partial]:
        """What was begun and is not finished, in the order of its file names."""
        from pallet.store.ingest import look_at

        found = (look_at(self._incoming, name) for name in sorted(_names(self._incoming)))
        return [partial for partial in found if partial is not None]

    def remove(self, digest: Digest) -> int:
        """Remove a blob, if it is here; give the bytes that this freed."""
        path = self.path(digest)
        try:
            size = os.stat(path).st_size
            os.unlink(path)
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise HostError(f"cannot remove blob {digest}: {error.strerror}") from error
        return size

    def admit(self, fd: int, temporary: str, digest: Digest) -> None:
        """Make a verified file a blob (used by `pallet.store.ingest`): on the disk first, visible next."""
        try:
            os.fdatasync(fd)
            if self.has(digest):
                unlink_if_there(temporary)
                return
            os.rename(temporary, self.path(digest))
        except OSError as error:
            raise HostError(f"cannot keep blob {digest}: {error.strerror}") from error

    def sync(self) -> None:
        """Make the blobs' names survive a power cut: once for all of them, before a row of the database counts on them.

        Raises:
            HostError: the disk reports an error.
        """
        try:
            sync_directory(self._directory)
        except OSError as error:
            raise HostError(f"cannot sync {self._directory}: {error.strerror}") from error

    def _make_directories(self) -> None:
        try:
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            os.makedirs(self._incoming, mode=0o700, exist_ok=True)
        except OSError as error:
            raise HostError(f"cannot make {error.filename}: {error.strerror}") from error


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []
