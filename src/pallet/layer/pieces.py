"""gzip by several threads: pieces of a stream are deflated side by side and make one member, in their order.

Each piece of `PIECE` bytes is deflated by itself and ends at a byte's boundary (an empty stored block, as in pigz), so
that pieces are put together by concatenation. Any reader of gzip (RFC 1952) reads the result. Where pieces begin
depends on nothing but the stream, so the same stream gives the same bytes, on however many cores.
"""

from __future__ import annotations

from pallet.layer.compress import GZIP_LEVEL

PIECE = 1 << 20
"""Bytes of each piece but the last: what is lost by starting anew with each one is less than a hundredth."""

HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""What a member begins with: no time, no name, no system."""


def deflate(piece: bytes | memoryview, last: bool) -> bytes:
    """Deflate one piece; the last one, which may be empty, ends the member's data."""
    from isal import isal_zlib

    stream = isal_zlib.compressobj(GZIP_LEVEL, isal_zlib.DEFLATED, -15)
    return stream.compress(piece) + stream.flush(isal_zlib.Z_FINISH if last else isal_zlib.Z_SYNC_FLUSH)


class Trailer:
    """What a member ends with: the checksum and length of all its pieces, in order."""

    def __init__(self) -> None:
        self._crc = 0
        self._size = 0

    def add(self, piece: bytes | memoryview) -> None:
        """Count a piece in."""
        from isal import isal_zlib

        self._crc = isal_zlib.crc32(piece, self._crc)
        self._size += len(piece)

    def bytes(self) -> bytes:
        """The eight bytes."""
        return self._crc.to_bytes(4, "little") + (self._size & 0xFFFFFFFF).to_bytes(4, "little")


class GzipStream:
    """The same member by one thread; called like zlib's compression objects."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head = HEADER
        self._trailer = Trailer()

    def compress(self, data: bytes | bytearray | memoryview, /) -> bytes:
        """Take the next bytes; gives what is ready."""
        self._buffer += data
        done = []
        while len(self._buffer) >= PIECE:
            done.append(self._next(bytes(self._buffer[:PIECE]), last=False))
            del self._buffer[:PIECE]
        return b"".join(done)

    def flush(self) -> bytes:
        """The rest."""
        return self._next(bytes(self._buffer), last=True) + self._trailer.bytes()

    def _next(self, piece: bytes, *, last: bool) -> bytes:
        head, self._head = self._head, b""
        self._trailer.add(piece)
        return head + deflate(piece, last)
