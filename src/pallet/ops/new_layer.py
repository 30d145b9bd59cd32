"""A new layer blob from an uncompressed tar, in one pass: hashed, compressed, hashed again, kept."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from queue import Queue
from threading import Thread
from types import TracebackType

import msgspec

from pallet.digest import Digest
from pallet.layer.compress import Compressor
from pallet.oci import media
from pallet.oci.descriptor import Descriptor
from pallet.store.blobs import Blobs

_PIECE = 1 << 20  # bytes handed to the compressing thread at a time
_PIECES = 8  # how many of them may wait


class NewLayer(msgspec.Struct, frozen=True):
    """A layer that was just made: its blob, and the digest of its uncompressed tar."""

    descriptor: Descriptor
    diff_id: Digest


class LayerWriter:
    """Takes a layer's tar as it is made. Use it as a context; leaving it without `finish` drops everything.

    The tar is hashed by the writing thread and compressed by another: both release the GIL while they work.

    Args:
        blobs: where the blob goes.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blob = blobs.new()
        self._hash = sha256()
        self._buffer = bytearray()
        self._queue: Queue[bytes | None] = Queue(_PIECES)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._compress, name="compress", daemon=True)
        self._joined = False

    def __enter__(self) -> LayerWriter:
        self._blob.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._join()
        self._blob.__exit__(kind, error, trace)

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take the next bytes of the tar.

        Raises:
            HostError, OSError: the blob cannot be written.
        """
        self._hash.update(data)
        self._buffer += data
        if len(self._buffer) >= _PIECE:
            self._hand_over()

    def finish(self) -> NewLayer:
        """End the layer and keep its blob.

        Raises:
            HostError, OSError: the blob cannot be written.
        """
        self._hand_over()
        self._join()
        if self._error is not None:
            raise self._error
        digest, size = self._blob.commit()
        return NewLayer(Descriptor(media.DOCKER_LAYER_GZIP, digest, size), Digest.from_hex(self._hash.hexdigest()))

    def _hand_over(self) -> None:
        if self._error is not None:
            raise self._error
        self._queue.put(bytes(self._buffer))
        self._buffer.clear()

    def _join(self) -> None:
        if not self._joined:
            self._joined = True
            self._queue.put(None)
            self._thread.join()

    def _compress(self) -> None:
        compressor = Compressor("gzip", self._blob)
        while (piece := self._queue.get()) is not None:
            self._guarded(compressor.write, piece)
        self._guarded(compressor.close)

    def _guarded(self, step: Callable[..., None], *arguments: bytes) -> None:
        """Run one step unless an earlier one failed; a failure is kept for the writing thread."""
        if self._error is None:
            try:
                step(*arguments)
            except BaseException as error:
                self._error = error
