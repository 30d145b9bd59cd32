"""A new layer blob from an uncompressed tar, in one pass: hashed, compressed on all cores, hashed again, kept."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from queue import Queue, SimpleQueue
from threading import Thread
from types import TracebackType

import msgspec

from pallet.digest import Digest
from pallet.layer.pieces import HEADER, PIECE, Trailer, deflate
from pallet.oci import media
from pallet.oci.descriptor import Descriptor
from pallet.store.blobs import Blobs

_MOST_THREADS = 4  # that compress; the tar's making and hashing keep no more of them busy
_WAITING = 8  # pieces that may be on their way


class NewLayer(msgspec.Struct, frozen=True):
    """A layer that was just made: its blob, and the digest of its uncompressed tar."""

    descriptor: Descriptor
    diff_id: Digest


class LayerWriter:
    """Takes a layer's tar as it is made. Use it as a context; leaving it without `finish` drops everything.

    The tar is hashed by the thread that writes it, deflated in pieces by as many threads as there are cores, and hashed
    and kept by one more, in order: all of that releases the GIL.

    Args:
        blobs: where the blob goes.
        hashed: whether to hash the tar: whoever has it hashed elsewhere ends with `finish_blob`.
    """

    def __init__(self, blobs: Blobs, *, hashed: bool = True) -> None:
        self._blob = blobs.new()
        self._hash = sha256() if hashed else None
        self._free: SimpleQueue[bytearray] = SimpleQueue()  # new memory would cost more than what is put into it
        self._piece = bytearray(PIECE)
        self._used = 0
        self._trailer = Trailer()
        self._pool = ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1), "deflate")
        self._pieces: Queue[Future[bytes] | None] = Queue(_WAITING)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._keep, name="keep", daemon=True)
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
        if self._hash is not None:
            self._hash.update(data)
        view = memoryview(data)
        while view:
            part = view[: PIECE - self._used]
            self._piece[self._used : self._used + len(part)] = part
            self._used += len(part)
            view = view[len(part) :]
            if self._used == PIECE:
                self._hand_over(last=False)

    def finish(self) -> NewLayer:
        """End the layer and keep its blob; errors as `finish_blob`."""
        assert self._hash is not None, "whoever does not want the tar hashed knows its digest"
        return NewLayer(self.finish_blob(), Digest.from_hex(self._hash.hexdigest()))

    def finish_blob(self) -> Descriptor:
        """End the layer and keep its blob.

        Raises:
            HostError, OSError: the blob cannot be written.
        """
        self._hand_over(last=True)
        self._join()
        if self._error is not None:
            raise self._error
        self._blob.write(self._trailer.bytes())
        digest, size = self._blob.commit()
        return Descriptor(media.DOCKER_LAYER_GZIP, digest, size)

    def _hand_over(self, *, last: bool) -> None:
        if self._error is not None:
            raise self._error
        piece, used = self._piece, self._used
        self._trailer.add(memoryview(piece)[:used])
        self._pieces.put(self._pool.submit(self._deflate, piece, used, last))
        self._used = 0
        self._piece = bytearray(PIECE) if self._free.empty() else self._free.get()

    def _deflate(self, piece: bytearray, used: int, last: bool) -> bytes:
        done = deflate(memoryview(piece)[:used], last)
        self._free.put(piece)
        return done

    def _join(self) -> None:
        if not self._joined:
            self._joined = True
            self._pieces.put(None)
            self._thread.join()
            self._pool.shutdown()

    def _keep(self) -> None:
        """Write the deflated pieces in order; a failure is kept for the thread that writes the tar."""
        try:
            self._blob.write(HEADER)
        except BaseException as error:
            self._error = error
        while (piece := self._pieces.get()) is not None:
            if self._error is None:
                try:
                    self._blob.write(piece.result())
                except BaseException as error:
                    self._error = error
