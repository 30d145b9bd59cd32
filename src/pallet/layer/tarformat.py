"""What the tar reader and the tar writer share: type flags, sizes, checksums.

Source: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

from zlib import adler32

BLOCK = 512

REGULAR = ord("0")
HARD_LINK = ord("1")
SYMLINK = ord("2")
CHAR_DEVICE = ord("3")
BLOCK_DEVICE = ord("4")
DIRECTORY = ord("5")
FIFO = ord("6")
CONTIGUOUS = ord("7")
PAX = ord("x")
PAX_GLOBAL = ord("g")
GNU_LONG_NAME = ord("L")
GNU_LONG_LINK = ord("K")
GNU_SPARSE = ord("S")

MAX_PATH = 4096
"""Longest name or link target, in bytes: Linux's PATH_MAX, its final NUL included."""

XATTR_PREFIX = b"SCHILY.xattr."

_ADLER = 65521
_SPACES = 8 * 0x20


def checksum(header: bytes) -> int:
    """The sum of a header's bytes, its checksum field counted as spaces, modulo 65521.

    adler32's low half is one plus just that sum, and a hundred times faster than `sum`. A real sum reaches 65521 only
    in a header that is mostly non-ASCII.
    """
    return ((adler32(header[156:], adler32(header[:148])) & 0xFFFF) - 1 + _SPACES) % _ADLER


def full_checksums(header: bytes) -> tuple[int, int]:
    """The exact sum with bytes taken as unsigned, and as signed: some old tars wrote the latter."""
    rest = header[:148] + header[156:]
    unsigned = sum(rest) + _SPACES
    return unsigned, unsigned - 256 * sum(byte >> 7 for byte in rest)
