"""Layer compression: what is it, inflate it, deflate it; all streaming, in bounded memory.

Like docker, pallet trusts the first bytes over the media type: registries hold layers whose media type is wrong. The
formats are those that docker reads: gzip (RFC 1952), zstd (RFC 8878), xz and bzip2; pallet writes gzip and zstd.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

from pallet.errors import Integrity, Unsupported

Compression = Literal["none", "gzip", "zstd", "xz", "bzip2"]

HEAD = 262
"""How many first bytes `detect` wants to see: as far as tar's own magic number goes."""

# igzip's levels on a Debian tree: 1: 0.458 of the size at 330 MB/s, 2: 0.452 at 323 MB/s, 3: 0.444 at 171 MB/s.
GZIP_LEVEL = 2
ZSTD_LEVEL = 3

_MAGIC: tuple[tuple[bytes, Compression], ...] = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
)
_INPUT = 128 * 1024
_MAX_WINDOW = 1 << 27  # what `zstd -d` accepts without --long
_XZ_MEMORY = 256 << 20
_SKIPPABLE = bytes.fromhex("2a4d18")


class Readable(Protocol):
    """Bytes come out: at most `size` a call, fewer at will, b"" at the end only."""

    def read(self, size: int, /) -> bytes: ...


class Writable(Protocol):
    """Bytes go in, and are used before the call returns: the caller may reuse its buffer."""

    def write(self, data: bytes | bytearray | memoryview, /) -> object: ...


def detect(head: bytes) -> Compression:
    """The compression of a stream that begins with `head` (`HEAD` bytes, or all there is)."""
    if head[257:262] == b"ustar":
        return "none"  # a tar whose first file happens to be named like a magic number
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[1:4] == _SKIPPABLE and 0x50 <= head[0] <= 0x5F:
        return "zstd"
    return "none"


def decompressor(source: Readable, media_type: str | None = None) -> Readable:
    """A reader of what `source` holds, inflated; concatenated members and frames are one stream.

    Args:
        source: the stored bytes.
        media_type: the layer's, if it is known. The first bytes decide, as in docker, but encryption only it can tell.

    Raises:
        Unsupported: the layer is encrypted.
        Integrity: from `read`: the bytes are damaged or end too early. A read never gives more than was asked for,
            so a few bytes that inflate to gigabytes take time, not memory.
    """
    if media_type is not None and media_type.endswith("+encrypted"):
        raise Unsupported(f"unsupported layer media type {media_type}: the layer is encrypted")
    head = b""
    while len(head) < HEAD and (more := source.read(_INPUT)):
        head += more
    whole = _Rewound(head, source)
    kind = detect(head)
    if kind == "none":
        return whole
    if kind == "zstd":
        return _Zstd(whole)
    return _Members(whole, kind, _member_factory(kind))


class _Rewound:
    """`source`, with the bytes that `detect` looked at put back in front."""

    def __init__(self, head: bytes, source: Readable) -> None:
        self._head = head
        self._source = source

    def read(self, size: int, /) -> bytes:
        if not self._head:
            return self._source.read(size)
        data, self._head = self._head[:size], self._head[size:]
        return data


class _Inflate(Protocol):
    """What igzip's, lzma's and bz2's decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _member_factory(kind: Compression) -> Callable[[], _Inflate]:
    if kind == "gzip":
        from isal import igzip_lib

        return lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    if kind == "xz":
        from lzma import FORMAT_XZ, LZMADecompressor

        return lambda: LZMADecompressor(FORMAT_XZ, memlimit=_XZ_MEMORY)
    from bz2 import BZ2Decompressor

    return BZ2Decompressor


class _Members:
    """gzip, xz and bzip2: one or more members, then perhaps zero padding."""

    def __init__(self, source: Readable, kind: Compression, new: Callable[[], _Inflate]) -> None:
        self._source = source
        self._kind = kind
        self._new = new
        self._member = new()
        self._failures = _failures(kind)

    def read(self, size: int, /) -> bytes:
        while True:
            data = b""
            if self._member.eof:
                data = self._next_member()
                if not data:
                    return b""
                self._member = self._new()
            elif self._member.needs_input:
                data = self._source.read(_INPUT)
                if not data:
                    raise Integrity(f"the {self._kind} data ends too early")
            try:
                out = self._member.decompress(data, size)
            except self._failures as error:
                raise Integrity(f"the {self._kind} data is damaged: {error}") from error
            if out:
                return out

    def _next_member(self) -> bytes:
        """The first bytes of the next member; b"" if none follows."""
        data = self._member.unused_data or self._source.read(_INPUT)
        while data and not (rest := data.lstrip(b"\0")):
            data = self._source.read(_INPUT)
        return rest if data else b""


def _failures(kind: Compression) -> tuple[type[Exception], ...]:
    """What the library raises for damaged bytes."""
    if kind == "gzip":
        from isal import igzip_lib

        error: Any = igzip_lib.error  # its stub takes the class for an instance
        return (error, ValueError, EOFError)
    if kind == "xz":
        from lzma import LZMAError

        return (LZMAError, EOFError)
    return (OSError, ValueError, EOFError)


class _Zstd:
    """zstd frames. The library does not tell a truncated frame from a whole one, so the frames are followed here."""

    def __init__(self, source: Readable) -> None:
        import zstandard

        self._frames = _Frames()
        self._error = zstandard.ZstdError
        library = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
        watched: Any = _Watched(source, self._frames)  # the stub wants a whole IO[bytes]; the library calls read only
        self._reader = library.stream_reader(watched, read_size=_INPUT, read_across_frames=True)

    def read(self, size: int, /) -> bytes:
        try:
            data: bytes = self._reader.read(size)
        except self._error as error:
            raise Integrity(f"the zstd data is damaged: {error}") from error
        if not data and not self._frames.complete:
            raise Integrity("the zstd data ends too early")
        return data


class _Watched:
    """`source`, with every byte shown to `frames` as it passes."""

    def __init__(self, source: Readable, frames: _Frames) -> None:
        self._source = source
        self._frames = frames

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self._frames.feed(data)
        return data


class _Frames:
    """Follows zstd's framing (RFC 8878, section 3.1): at the end of the input, was it the end of a frame?"""

    def __init__(self) -> None:
        self._skip = 0  # bytes of content to pass over
        self._head = b""  # bytes collected of the field that is being read
        self._want = 4
        self._field = self._magic
        self._checksum = 0

    @property
    def complete(self) -> bool:
        """Whether all frames so far are whole."""
        return not self._skip and not self._head and self._field == self._magic

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            part = data[at : at + self._want - len(self._head)]
            at += len(part)
            self._head += part
            if len(self._head) == self._want:
                field, self._head = self._head, b""
                self._field(field)

    def _magic(self, field: bytes) -> None:
        if field[1:4] == _SKIPPABLE and 0x50 <= field[0] <= 0x5F:
            self._field, self._want = self._skippable, 4
        else:  # the library refuses any other magic number
            self._field, self._want = self._descriptor, 1

    def _skippable(self, field: bytes) -> None:
        self._skip = int.from_bytes(field, "little")
        self._field, self._want = self._magic, 4

    def _descriptor(self, field: bytes) -> None:
        single_segment = field[0] >> 5 & 1
        self._checksum = 4 if field[0] & 4 else 0
        content_size = (single_segment, 2, 4, 8)[field[0] >> 6]
        self._skip = (1 - single_segment) + (0, 1, 2, 4)[field[0] & 3] + content_size
        self._field, self._want = self._block, 3

    def _block(self, field: bytes) -> None:
        header = int.from_bytes(field, "little")
        run_length = header >> 1 & 3 == 1
        self._skip = 1 if run_length else header >> 3
        if header & 1:  # the last block
            self._skip += self._checksum
            self._field, self._want = self._magic, 4


class Compressor:
    """A writer that passes what is written, compressed, to another writer; `close` ends the stream, not the writer."""

    def __init__(self, kind: Literal["gzip", "zstd"], out: Writable) -> None:
        """
        Args:
            kind: the format. The output depends on the input alone: no time or name is stored in it.
            out: takes the compressed bytes.
        """
        self._out = out
        self._stream: Any
        if kind == "gzip":
            from pallet.layer.pieces import GzipStream

            self._stream = GzipStream()
        else:
            import zstandard

            self._stream = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).compressobj()

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        """Compress `data`."""
        if done := self._stream.compress(data):
            self._out.write(done)

    def close(self) -> None:
        """Write what is still held back, and the trailer."""
        self._out.write(self._stream.flush())
