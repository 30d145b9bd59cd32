"""PAX extended header records, and the sparse maps of GNU tar.

Source: POSIX.1-2017 pax, "pax Extended Header"; GNU tar manual, "Storing Sparse Files". Where the two leave room, Go's
archive/tar decides, for docker, containerd and skopeo read with it.
"""

from __future__ import annotations

from base64 import b64decode

from pallet.errors import Integrity, UnsafeArchive
from pallet.layer.tarformat import XATTR_PREFIX

LIBARCHIVE_PREFIX = b"LIBARCHIVE.xattr."

SparseMap = list[tuple[int, int]]
"""(offset in the file, length) of each stretch of data, in the order in which they are stored."""

Records = dict[bytes, bytes]

_SPARSE_OFFSET = b"GNU.sparse.offset"
_SPARSE_LENGTH = b"GNU.sparse.numbytes"
_SPARSE_MAP = b"GNU.sparse.map"
_LIMIT = 1 << 63


def parse_records(data: bytes) -> Records:
    """The records of an extended header; of several with one key the last counts.

    GNU's sparse format 0.0 repeats two keys, in pairs; they come out as one `GNU.sparse.map`, as format 0.1 has it.

    Raises:
        Integrity: the records are malformed.
    """
    records: Records = {}
    pairs: list[bytes] = []
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 20)
        digits = data[at:space] if space > 0 else b""
        if not digits.isdigit():
            raise Integrity("a PAX header in the tar is malformed: a record does not begin with its length")
        end = at + int(digits)
        equals = data.find(b"=", space, end)
        if equals <= space + 1 or end > len(data) or data[end - 1] != 0x0A:
            raise Integrity("a PAX header in the tar is malformed: a record is not `length key=value`")
        key, value = data[space + 1 : equals], data[equals + 1 : end - 1]
        if key in (_SPARSE_OFFSET, _SPARSE_LENGTH):
            pairs.append(value)
        else:
            records[key] = value
        at = end
    if pairs:
        records[_SPARSE_MAP] = b",".join(pairs)
    return records


def number(text: bytes, key: str) -> int:
    """A record's decimal number.

    Raises:
        Integrity: it is none, or beyond 63 bits.
    """
    if not text.isdigit() or len(text) > 19 or (value := int(text)) >= _LIMIT:
        raise Integrity(f"a PAX header in the tar is malformed: {key} is no number")
    return value


def nanoseconds(text: bytes) -> int:
    """A record's time, decimal seconds with any number of decimals, in nanoseconds.

    Raises:
        Integrity: it is no time.
    """
    negative = text.startswith(b"-")
    seconds, _, fraction = text.removeprefix(b"-").partition(b".")
    if not seconds.isdigit() or len(seconds) > 19 or not (fraction.isdigit() or not fraction):
        raise Integrity("a PAX header in the tar is malformed: mtime is no time")
    value = int(seconds) * 1_000_000_000 + int(fraction[:9].ljust(9, b"0"))
    return -value if negative else value


def xattrs(records: Records) -> dict[bytes, bytes] | None:
    """The extended attributes among the records: star's `SCHILY.xattr.` and libarchive's base64 form.

    Raises:
        Integrity: a value is not base64.
    """
    found: dict[bytes, bytes] = {}
    for key, value in records.items():
        if key.startswith(XATTR_PREFIX):
            found[key[len(XATTR_PREFIX) :]] = value
        elif key.startswith(LIBARCHIVE_PREFIX):
            from urllib.parse import unquote_to_bytes

            name = unquote_to_bytes(key[len(LIBARCHIVE_PREFIX) :])
            try:  # libarchive leaves the padding out; the padding of a `SCHILY` twin need not match, so that one wins
                found.setdefault(name, b64decode(value + b"=" * (-len(value) % 4), validate=True))
            except ValueError as error:
                raise Integrity("a PAX header in the tar is malformed: an xattr is not base64") from error
    return found or None


def sparse_version(records: Records) -> str | None:
    """Which of GNU tar's sparse formats the records announce: "0", "1", or none."""
    major, minor = records.get(b"GNU.sparse.major"), records.get(b"GNU.sparse.minor")
    if major == b"1" and minor == b"0":
        return "1"
    if _SPARSE_MAP in records and major in (None, b"0"):
        return "0"
    return None


def sparse_map(records: Records) -> SparseMap:
    """The map that formats 0.0 and 0.1 keep in the records."""
    fields = records[_SPARSE_MAP].split(b",") if records[_SPARSE_MAP] else []
    return _pairs([number(field, "GNU.sparse.map") for field in fields])


def stored_map_lines(block: bytes) -> int:
    """How many lines the map of format 1.0 takes that begins with `block`: its first line says how many pairs follow.

    Raises:
        Integrity: `block` begins with no number.
    """
    return 2 * number(block.partition(b"\n")[0], "a sparse map") + 1


def parse_stored_map(text: bytes, lines: int) -> SparseMap:
    """The map that format 1.0 stores before the data, in `lines` decimal lines at the start of `text`.

    Raises:
        Integrity: a line holds no number.
    """
    return _pairs([number(line, "a sparse map") for line in text.split(b"\n")[1:lines]])


def _pairs(numbers: list[int]) -> SparseMap:
    if len(numbers) % 2:
        raise Integrity("a sparse map in the tar is malformed: a length is missing")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def check_sparse(segments: SparseMap, size: int, stored: int) -> None:
    """Refuse a map that does not fit a file of `size` bytes of which `stored` are in the tar.

    Raises:
        UnsafeArchive: stretches overlap, leave the file, or are not what is stored.
    """
    end = total = 0
    for offset, length in segments:
        if offset < end or offset + length > size:
            raise UnsafeArchive("a sparse map in the tar is malformed: its stretches overlap or leave the file")
        end = offset + length
        total += length
    if total != stored:
        raise UnsafeArchive("a sparse map in the tar is malformed: it does not match the stored data")
