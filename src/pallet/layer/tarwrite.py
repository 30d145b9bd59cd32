"""A streaming, deterministic tar writer: ustar where that holds all there is to say, PAX records for the rest.

The choice is made entry by entry, as Go's archive/tar makes it, so docker, containerd, skopeo and umoci read the result
back as it was meant. PAX records go where ustar cannot: names that do not fit or are not ASCII, numbers beyond the
octal fields, fractions of seconds, xattrs. The same entries always give the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from zlib import adler32

from pallet.layer import tarformat as tf
from pallet.layer.compress import Writable

_BUFFER = 1 << 20
_ZEROS = bytes(65536)
_MAX_SIZE = 0o77777777777
_MAX_ID = 0o7777777
_MAGIC = b"ustar\00000".ljust(72, b"\0")  # and no user's or group's name
_NO_LINK = bytes(100)
_NO_DEVICE = b"0000000\0" * 2
_NO_PREFIX = bytes(167)
_META_CACHE = 256
_SECOND = 1_000_000_000


class TarWriter:
    """Writes entries to `out`, in the order in which they are given.

    For a file: `add` with its size, then `write`, `copy` or `fill` until that size is reached. `close` ends the
    archive, not `out`.
    """

    def __init__(self, out: Writable) -> None:
        self._out = out
        self._buffer = bytearray(_BUFFER)  # one for all the time: new memory costs more than what is put into it
        self._view = memoryview(self._buffer)
        self._used = 0
        self._left = 0
        self._padding = 0
        self._meta: dict[tuple[int, int, int], bytes] = {}

    def add(
        self,
        name: bytes,
        type_flag: int,
        *,
        mode: int,
        uid: int = 0,
        gid: int = 0,
        size: int = 0,
        mtime: int = 0,
        linkname: bytes = b"",
        device: tuple[int, int] = (0, 0),
        xattrs: Mapping[str, bytes] | None = None,
    ) -> None:
        """Begin an entry.

        Args:
            name: as it stands in the tar; a directory's ends with a slash.
            type_flag: one of `tarformat`'s.
            mode: the permission bits, setuid, setgid and sticky included.
            size: of a regular file, in bytes; so many must be written next.
            mtime: in nanoseconds since 1970.
            linkname: a symlink's text or a hard link's target, relative to the root of the tar.
            device: major and minor number.
            xattrs: names are decoded as file names are.
        """
        assert not self._left, "the entry before lacks data"
        seconds, fraction = divmod(mtime, _SECOND)
        fits = uid <= _MAX_ID and gid <= _MAX_ID and size <= _MAX_SIZE and 0 <= seconds <= _MAX_SIZE
        prefix = b""
        if not fits or fraction or xattrs or len(name) > 100 or len(linkname) > 100 or not (name + linkname).isascii():
            records = _records(name, linkname, uid, gid, size, mtime, xattrs)
            if list(records) == [b"path"] and (split := _split(name)):
                prefix, name = split
            elif records:
                self._add_records(name, records)
                uid, gid = uid if uid <= _MAX_ID else 0, gid if gid <= _MAX_ID else 0
                seconds = seconds if 0 <= seconds <= _MAX_SIZE else 0
                name, linkname = _short(name), _short(linkname)
        stored = size if size <= _MAX_SIZE else 0
        self._header(name, type_flag, (mode, uid, gid), stored, seconds, linkname, device, prefix)
        self._left = size
        self._padding = -size % tf.BLOCK

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """The next bytes of the file that was added last; the caller may reuse `data`."""
        size = len(data)
        assert size <= self._left, "more data than the entry's size"
        if size < 65536:
            self._put(data)
        else:
            self._flush()
            self._out.write(data)
        self._wrote(size)

    def copy(self, fd: int, size: int, offset: int = 0) -> None:
        """The next bytes of the file that was added last: so many of an open file, from `offset` on.

        One that turns out to be shorter is filled up with zeros.

        Raises:
            OSError: it cannot be read.
        """
        assert size <= self._left, "more data than the entry's size"
        end = offset + size
        while offset < end:
            if self._used == _BUFFER:
                self._flush()
            count = os.preadv(fd, [self._view[self._used : self._used + end - offset]], offset)
            if not count:
                break
            self._used += count
            offset += count
        self._zeros(end - offset)
        self._wrote(size)

    def fill(self, size: int) -> None:
        """The next bytes of the file that was added last: so many zeros."""
        assert size <= self._left, "more data than the entry's size"
        self._zeros(size)
        self._wrote(size)

    def close(self) -> None:
        """Write the end-of-archive blocks."""
        assert not self._left, "an entry lacks data"
        self._zeros(2 * tf.BLOCK)
        self._flush()

    def _wrote(self, size: int) -> None:
        self._left -= size
        if not self._left and self._padding:
            self._put(_ZEROS[: self._padding])
            self._padding = 0

    def _zeros(self, size: int) -> None:
        while size > 0:
            self._put(_ZEROS[:size])
            size -= len(_ZEROS)

    def _put(self, data: bytes | bytearray | memoryview) -> None:
        end = self._used + len(data)
        if end > _BUFFER:
            self._flush()
            end = len(data)
            if end > _BUFFER:
                self._out.write(data)
                return
        self._buffer[self._used : end] = data
        self._used = end

    def _flush(self) -> None:
        if self._used:
            self._out.write(self._view[: self._used])
            self._used = 0

    def _add_records(self, name: bytes, records: Mapping[bytes, bytes]) -> None:
        """The extended header of the entry `name`."""
        data = b"".join(_record(key, records[key]) for key in sorted(records))
        parent, slash, base = name.rstrip(b"/").rpartition(b"/")
        pax_name = _short(parent + slash + b"PaxHeaders.0/" + base)
        self._header(pax_name, tf.PAX, (0, 0, 0), len(data), 0, b"", (0, 0), b"")
        self._put(data + bytes(-len(data) % tf.BLOCK))

    def _header(
        self,
        name: bytes,
        type_flag: int,
        owner: tuple[int, int, int],
        size: int,
        seconds: int,
        linkname: bytes,
        device: tuple[int, int],
        prefix: bytes,
    ) -> None:
        meta = self._meta.get(owner)
        if meta is None:
            if len(self._meta) >= _META_CACHE:
                self._meta.clear()
            meta = self._meta[owner] = b"%07o\0%07o\0%07o\0" % owner
        has_device = type_flag in (tf.CHAR_DEVICE, tf.BLOCK_DEVICE)
        header = b"%b%b%011o\0%011o\0        %c%b%b%b%b" % (
            name.ljust(100, b"\0"),
            meta,
            size,
            seconds,
            type_flag,
            linkname.ljust(100, b"\0") if linkname else _NO_LINK,
            _MAGIC,
            b"%07o\0%07o\0" % device if has_device else _NO_DEVICE,
            prefix.ljust(167, b"\0") if prefix else _NO_PREFIX,
        )
        checksum = b"%06o\0 " % ((adler32(header) & 0xFFFF) - 1)  # all ASCII, so the sum is exact
        self._put(b"%b%b%b" % (header[:148], checksum, header[156:]))


def _records(
    name: bytes, linkname: bytes, uid: int, gid: int, size: int, mtime: int, xattrs: Mapping[str, bytes] | None
) -> dict[bytes, bytes]:
    """The PAX records that an entry needs."""
    records: dict[bytes, bytes] = {}
    if len(name) > 100 or not name.isascii():
        records[b"path"] = name
    if len(linkname) > 100 or not linkname.isascii():
        records[b"linkpath"] = linkname
    if uid > _MAX_ID:
        records[b"uid"] = b"%d" % uid
    if gid > _MAX_ID:
        records[b"gid"] = b"%d" % gid
    if size > _MAX_SIZE:
        records[b"size"] = b"%d" % size
    seconds, fraction = divmod(abs(mtime), _SECOND)
    if fraction or mtime < 0 or seconds > _MAX_SIZE:
        decimals = (b".%09d" % fraction).rstrip(b"0").rstrip(b".")
        records[b"mtime"] = (b"-" if mtime < 0 else b"") + b"%d" % seconds + decimals
    for key, value in (xattrs or {}).items():
        if "=" not in key:  # such a name has no PAX form that other readers know
            records[tf.XATTR_PREFIX + os.fsencode(key)] = value
    return records


def _record(key: bytes, value: bytes) -> bytes:
    """`length key=value`, the length's own digits counted in."""
    rest = len(key) + len(value) + 3  # space, equals sign, newline
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """A name as ustar's prefix and name, if there is a slash at the right place."""
    if not name.isascii():
        return None
    slash = name.rfind(b"/", 0, min(156, len(name) - name.endswith(b"/")))
    rest = name[slash + 1 :]
    return (name[:slash], rest) if slash > 0 and 0 < len(rest) <= 100 else None


def _short(name: bytes) -> bytes:
    """What of a name fits a header: old readers see it, others the record."""
    return name.decode("ascii", "ignore").encode()[:100]
