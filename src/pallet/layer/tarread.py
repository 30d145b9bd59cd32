"""A streaming tar reader: v7, ustar, GNU and PAX, sparse files included.

It reads what Go's archive/tar reads, and ends where that ends, for docker, containerd and skopeo read with it: a tar
may lack its end-of-archive blocks, anything may follow them, and global PAX headers change nothing. Headers of the
common kind, plain ustar, cost a few slices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pallet.errors import Integrity, PalletError, UnsafeArchive
from pallet.layer import tarformat as tf
from pallet.layer import tarpax
from pallet.layer.compress import Readable

_CHUNK = 1 << 20
_MAX_EXTENSION = 1 << 20  # bytes of long names, PAX records or sparse maps that one entry may bring
_ZEROS = bytes(tf.BLOCK)
_MAX_ID = 0xFFFFFFFF  # as an id it means "leave as it is" to chown, so it is out of range
_META_CACHE = 256
_NO_DATA = (tf.HARD_LINK, tf.SYMLINK, tf.CHAR_DEVICE, tf.BLOCK_DEVICE, tf.DIRECTORY, tf.FIFO)


def docker_text(error: PalletError) -> str:
    """What docker says when a tar cannot be read or unpacked: of a damaged tar, the words of Go's archive/tar."""
    reason = error.message
    if isinstance(error, Integrity) and not isinstance(error, UnsafeArchive):
        if " ends " in reason:
            reason = "unexpected EOF"
        elif " tar " in reason:
            reason = "archive/tar: invalid tar header"
    return f"Error processing tar file(exit status 1): {reason}"


class TarEntry:
    """One member's header. Names are as they stand in the tar: not cleaned, not trusted.

    `type` is one of `tarformat`'s flags; `size` is the file's real size, holes included; `mtime` is in nanoseconds;
    `sparse` is the map of a sparse file, None for any other.
    """

    __slots__ = (
        "device",
        "gid",
        "linkname",
        "mode",
        "mtime",
        "name",
        "size",
        "sparse",
        "type",
        "uid",
        "xattrs",
    )

    def __init__(self, name: bytes, type_flag: int, mode: int, uid: int, gid: int, size: int, mtime: int) -> None:
        self.name = name
        self.type = type_flag
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.mtime = mtime
        self.linkname = b""
        self.device = (0, 0)
        self.xattrs: dict[bytes, bytes] | None = None
        self.sparse: tarpax.SparseMap | None = None


class TarReader:
    """Iterates over a tar's entries; `read_some` gives the data of the entry that came last.

    Args:
        source: the tar.
        jump: passes over so many of the source's next bytes without reading them; it may raise what is raised here.

    Raises (while iterating and reading):
        Integrity: the tar is damaged or ends too early.
        UnsafeArchive: a header is larger or longer than any honest one.
    """

    def __init__(self, source: Readable, jump: Callable[[int], None] | None = None) -> None:
        self._source = source
        self._jump = jump
        self._buffer = b""
        self._view = memoryview(b"")
        self._at = 0
        self._passed = 0  # bytes of the tar before the buffer
        self._left = 0  # bytes of the entry's data that are still to come
        self._padding = 0
        self._meta: dict[bytes, tuple[int, int, int]] = {}

    def __iter__(self) -> Iterator[TarEntry]:
        while (header := self._next_header()) is not None:
            type_flag = header[156]
            if type_flag in (tf.PAX, tf.GNU_LONG_NAME, tf.GNU_LONG_LINK):
                entry = self._extended(header)
                if entry is None:
                    return
                yield entry
            elif type_flag == tf.PAX_GLOBAL:
                self._begin_data(self._number(header[124:136]))
            else:
                entry = self._entry(header)
                self._begin_data(entry.size)
                if type_flag == tf.GNU_SPARSE:
                    self._old_sparse(entry, header)
                yield entry

    @property
    def offset(self) -> int:
        """Where in the tar the data of the entry that came last begins, as long as none of it was read."""
        return self._passed + self._at

    def read_some(self) -> memoryview:
        """The next bytes of the entry's data, as many as are at hand; empty at its end. Valid until the next call."""
        left = self._left
        if not left:
            return self._view[:0]
        at = self._at
        if at == len(self._buffer) and not self._fill(1):
            raise Integrity(f"the tar ends {left} bytes before the end of a file's data")
        at = self._at
        piece = self._view[at : at + left]
        size = len(piece)
        self._at = at + size
        self._left = left - size
        return piece

    # headers

    def _next_header(self) -> bytes | None:
        """The next header block, its checksum verified; None at the end of the archive."""
        if self._left:
            self._skip(self._left)
            self._left = 0
        padding = self._padding
        if padding:
            if len(self._buffer) - self._at < padding and not self._fill(padding):
                return None
            self._at += padding
            self._padding = 0
        header = self._block()
        if header is None:
            return None
        if header == _ZEROS:
            second = self._block()
            if second is None or second == _ZEROS:
                return None
            raise Integrity(f"the tar is damaged: a lone zero block {self._where()}")
        field = header[148:156]
        try:
            stored = int(field[:6], 8)
        except ValueError:
            stored = self._number(field)
        if tf.checksum(header) != stored % 65521 and stored not in tf.full_checksums(header):
            raise Integrity(f"the tar is damaged: a header with a wrong checksum {self._where()}")
        return header

    def _entry(self, header: bytes) -> TarEntry:
        """What the header alone says."""
        owner = header[100:124]
        meta = self._meta.get(owner)
        if meta is None:
            meta = self._owner(owner)
        name = header[:100].partition(b"\0")[0]
        if header[345] and header[257:263] == b"ustar\0":
            end = 476 if header[508:512] == b"tar\0" else 500  # star's archives keep times at the prefix's end
            name = header[345:end].partition(b"\0")[0] + b"/" + name
        number = self._number
        size, mtime = header[124:136].rstrip(b" \0"), header[136:148].rstrip(b" \0")
        try:  # octal digits and an end mark, as nearly always
            entry = TarEntry(
                name,
                header[156],
                *meta,
                int(size, 8) if size.isdigit() else number(header[124:136]),
                (int(mtime, 8) if mtime.isdigit() else number(header[136:148])) * 1_000_000_000,
            )
        except ValueError as error:
            raise Integrity(f"the tar is damaged: a header field that is no number {self._where()}") from error
        if entry.size < 0:
            raise Integrity(f"the tar is damaged: a negative size {self._where()}")
        if header[157]:
            entry.linkname = header[157:257].partition(b"\0")[0]
        type_flag = entry.type
        if type_flag == 0:
            entry.type = tf.DIRECTORY if name.endswith(b"/") else tf.REGULAR
        elif type_flag == tf.CONTIGUOUS:
            entry.type = tf.REGULAR
        elif type_flag in (tf.CHAR_DEVICE, tf.BLOCK_DEVICE) and header[257:262] == b"ustar":
            entry.device = (number(header[329:337]), number(header[337:345]))
        if entry.type in _NO_DATA:
            entry.size = 0
        return entry

    def _owner(self, owner: bytes) -> tuple[int, int, int]:
        """Mode, uid and gid; an image has few different ones, so they are kept."""
        mode, uid, gid = self._number(owner[:8]), self._number(owner[8:16]), self._number(owner[16:24])
        self._check_ids(uid, gid)
        if len(self._meta) >= _META_CACHE:
            self._meta.clear()
        self._meta[owner] = meta = (mode & 0o7777, uid, gid)
        return meta

    def _extended(self, header: bytes) -> TarEntry | None:
        """The entry that `header`, an extension of some kind, belongs to; None if the tar ends instead."""
        records: tarpax.Records = {}
        long_name = long_link = None
        while (type_flag := header[156]) in (tf.PAX, tf.GNU_LONG_NAME, tf.GNU_LONG_LINK, tf.PAX_GLOBAL):
            self._begin_data(self._number(header[124:136]))
            if type_flag != tf.PAX_GLOBAL:
                data = self._read_extension()
                if type_flag == tf.PAX:
                    records = tarpax.parse_records(data)
                elif type_flag == tf.GNU_LONG_NAME:
                    long_name = data.partition(b"\0")[0]
                else:
                    long_link = data.partition(b"\0")[0]
            following = self._next_header()
            if following is None:
                raise Integrity("the tar ends after an extended header")
            header = following
        entry = self._entry(header)
        stored = self._merge(entry, records) if records else entry.size
        if long_name is not None:
            entry.name = long_name
        if long_link is not None:
            entry.linkname = long_link
        if header[156] == 0 and entry.name.endswith(b"/"):
            entry.type = tf.DIRECTORY
        if len(entry.name) >= tf.MAX_PATH or len(entry.linkname) >= tf.MAX_PATH:
            raise UnsafeArchive(f"a name in the tar is longer than {tf.MAX_PATH - 1} bytes")
        if entry.type in _NO_DATA:
            entry.size = stored = 0
        self._begin_data(stored)
        if header[156] == tf.GNU_SPARSE:
            self._old_sparse(entry, header)
        elif records and (version := tarpax.sparse_version(records)) and entry.type == tf.REGULAR:
            self._pax_sparse(entry, records, version)
        return entry

    def _merge(self, entry: TarEntry, records: tarpax.Records) -> int:
        """Let PAX records overrule the header. Returns the size of the stored data."""
        for key, value in records.items():
            if not value:
                continue  # by POSIX: as if the record were not there
            if key == b"path":
                entry.name = value
            elif key == b"linkpath":
                entry.linkname = value
            elif key == b"mtime":
                entry.mtime = tarpax.nanoseconds(value)
            elif key == b"size":
                entry.size = tarpax.number(value, "size")
            elif key == b"uid":
                entry.uid = tarpax.number(value, "uid")
            elif key == b"gid":
                entry.gid = tarpax.number(value, "gid")
        if b"\0" in entry.name or b"\0" in entry.linkname:
            raise UnsafeArchive("a name in the tar holds a NUL byte")
        self._check_ids(entry.uid, entry.gid)
        entry.xattrs = tarpax.xattrs(records)
        return entry.size

    # sparse files

    def _old_sparse(self, entry: TarEntry, header: bytes) -> None:
        """GNU tar's own format: the map is in the header and in blocks that follow it."""
        stored = entry.size
        segments: tarpax.SparseMap = []
        fields, more = header[386:482], header[482]
        while True:
            for at in range(0, len(fields) - 23, 24):
                if not fields[at]:
                    break
                segments.append((self._number(fields[at : at + 12]), self._number(fields[at + 12 : at + 24])))
            if not more:
                break
            block = self._block()
            if block is None or len(segments) * 24 > _MAX_EXTENSION:
                raise Integrity("the tar ends in a sparse map, or the map does not end")
            fields, more = block[:504], block[504]
        entry.size = self._number(header[483:495])
        entry.sparse = segments
        entry.type = tf.REGULAR
        tarpax.check_sparse(segments, entry.size, stored)

    def _pax_sparse(self, entry: TarEntry, records: tarpax.Records, version: str) -> None:
        """GNU tar's PAX formats: the map is among the records, or begins the data."""
        stored = self._left
        if version == "1":
            block = self._data_block()
            lines = tarpax.stored_map_lines(block)
            blocks, found = [block], block.count(b"\n")
            while found < lines:
                blocks.append(self._data_block())
                found += blocks[-1].count(b"\n")
                if len(blocks) * tf.BLOCK > _MAX_EXTENSION:
                    raise UnsafeArchive(f"a sparse map in the tar is larger than {_MAX_EXTENSION} bytes")
            entry.sparse = tarpax.parse_stored_map(b"".join(blocks), lines)
            stored = self._left
        else:
            entry.sparse = tarpax.sparse_map(records)
        size = records.get(b"GNU.sparse.realsize") or records.get(b"GNU.sparse.size")
        if size:
            entry.size = tarpax.number(size, "GNU.sparse.realsize")
        entry.name = records.get(b"GNU.sparse.name") or entry.name
        if b"\0" in entry.name or len(entry.name) >= tf.MAX_PATH:
            raise UnsafeArchive("the name of a sparse file in the tar is too long or holds a NUL byte")
        tarpax.check_sparse(entry.sparse, entry.size, stored)

    # bytes

    def _begin_data(self, size: int) -> None:
        if size < 0:
            raise Integrity(f"the tar is damaged: a negative size {self._where()}")
        self._left = size
        self._padding = -size % tf.BLOCK

    def _read_extension(self) -> bytes:
        if self._left > _MAX_EXTENSION:
            raise UnsafeArchive(f"an extended header in the tar is larger than {_MAX_EXTENSION} bytes")
        parts: list[memoryview] = []
        while piece := self.read_some():
            parts.append(piece)
        return b"".join(parts)

    def _data_block(self) -> bytes:
        block = self._block() if self._left >= tf.BLOCK else None
        if block is None:
            raise Integrity("the tar ends in a sparse map, or the map does not end")
        self._left -= tf.BLOCK
        return block

    def _block(self) -> bytes | None:
        """The next 512 bytes; None if not one byte is left."""
        at = self._at
        block = self._buffer[at : at + tf.BLOCK]
        if len(block) < tf.BLOCK:
            if not self._fill(tf.BLOCK):
                if len(self._buffer) == self._at:
                    return None
                raise Integrity("the tar ends within a header")
            at = self._at
            block = self._buffer[at : at + tf.BLOCK]
        self._at = at + tf.BLOCK
        return block

    def _fill(self, need: int) -> bool:
        """Have `need` bytes in the buffer from `_at` on, if the source has them."""
        rest = self._buffer[self._at :]
        self._passed += self._at
        while len(rest) < need and (more := self._source.read(_CHUNK)):
            rest = rest + more if rest else more
        self._buffer, self._at = rest, 0
        self._view = memoryview(rest)
        return len(rest) >= need

    def _skip(self, size: int) -> None:
        beyond = size - (len(self._buffer) - self._at)
        if self._jump is not None and beyond > 0:
            self._jump(beyond)
            self._passed += len(self._buffer) + beyond
            self._buffer, self._at = b"", 0
            self._view = memoryview(b"")
            return
        while size > (have := len(self._buffer) - self._at):
            self._at += have
            size -= have
            if not self._fill(1):
                raise Integrity(f"the tar ends {size} bytes before the end of a file's data")
        self._at += size

    def _where(self) -> str:
        return f"at byte {self._passed + self._at - tf.BLOCK}"

    def _number(self, field: bytes) -> int:
        """A numeric field: octal digits, or GNU's base-256 for what octal cannot hold."""
        if field[0] & 0x80:
            value = int.from_bytes(field, "big", signed=False) & ((1 << (8 * len(field) - 1)) - 1)
            if field[0] & 0x40:
                value -= 1 << (8 * len(field) - 1)
            if not -(1 << 63) <= value < 1 << 63:
                raise Integrity(f"the tar is damaged: a number beyond 63 bits {self._where()}")
            return value
        digits = field.strip(b" \0").partition(b"\0")[0]
        if not digits:
            return 0
        try:
            if digits.isdigit():
                return int(digits, 8)
        except ValueError:
            pass
        raise Integrity(f"the tar is damaged: a header field that is no number {self._where()}")

    def _check_ids(self, uid: int, gid: int) -> None:
        if not (0 <= uid < _MAX_ID and 0 <= gid < _MAX_ID):
            raise UnsafeArchive(f"an owner in the tar is out of range: {uid}:{gid}")
