"""RPM's packages: databases that are SQLite files. Other kinds (Berkeley DB, ndb) are told of, not read.

Source: rpm's documentation, "RPM v4 header format" and "Database backends".
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator

import msgspec

from pallet.build.attest.packages import Package, Release, package_url, text_of
from pallet.build.attest.tree import names_in, read_whole
from pallet.errors import Unsupported

_DIRECTORIES = ("var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm")
_SQLITE = "rpmdb.sqlite"
_OTHERS = {"Packages": "Berkeley DB", "Packages.db": "ndb"}
_ENTRY = struct.Struct(">IIII")  # tag, type, offset, count
_INT32, _STRING, _I18N = 4, 6, 9
_NAME, _VERSION, _RELEASE, _EPOCH, _SUMMARY = 1000, 1001, 1002, 1003, 1004
_VENDOR, _LICENSE, _URL, _ARCH = 1011, 1014, 1020, 1022
_WANTED = frozenset({_NAME, _VERSION, _RELEASE, _EPOCH, _SUMMARY, _VENDOR, _LICENSE, _URL, _ARCH})


class RpmFound(msgspec.Struct, frozen=True):
    """What the databases of a root hold.

    Attributes:
        packages: those that could be read.
        unread: a sentence for each database that could not.
    """

    packages: tuple[Package, ...]
    unread: tuple[str, ...]


def rpm_packages(root: int, release: Release) -> RpmFound:
    """The installed RPM packages of a root."""
    packages: list[Package] = []
    unread: list[str] = []
    for directory in _DIRECTORIES:
        names = names_in(root, directory)
        path = f"{directory}/{_SQLITE}"
        if _SQLITE in names:
            try:
                packages += _read(read_whole(root, path), release, path)
            except Unsupported as error:
                unread.append(f"the RPM database {path} cannot be read: {error.message}")
            if read_whole(root, path + "-wal"):
                unread.append(f"the RPM database {path} has changes in {path}-wal, which are not read")
            continue
        for name, kind in _OTHERS.items():
            if name in names:
                unread.append(f"the RPM database {directory}/{name} is of the kind {kind}, which cannot be read")
    return RpmFound(tuple(packages), tuple(unread))


def _read(raw: bytes, release: Release, database: str) -> Iterator[Package]:
    """The packages of a database, which is opened in memory: nothing of the root is opened by name."""
    if len(raw) < 100:
        raise Unsupported("it is cut off")
    # A database in memory cannot be in WAL mode; these two bytes say so. Source: SQLite's file format, 1.3.
    raw = raw[:18] + b"\1\1" + raw[20:]
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(raw)
        rows = connection.execute("SELECT blob FROM Packages ORDER BY hnum").fetchall()
    except sqlite3.Error as error:
        raise Unsupported(str(error)) from error
    finally:
        connection.close()
    return (_package(_header(blob), release, database) for (blob,) in rows)


def _header(blob: bytes) -> dict[int, str]:
    """The wanted tags of a header as text; of translated ones the first.

    Raises:
        Unsupported: it is damaged.
    """
    found: dict[int, str] = {}
    try:
        count, size = struct.unpack_from(">II", blob)
        data = blob[8 + count * _ENTRY.size :][:size]
        for place in range(count):
            tag, kind, offset, _ = _ENTRY.unpack_from(blob, 8 + place * _ENTRY.size)
            if tag not in _WANTED:
                continue
            if kind == _INT32:
                found[tag] = str(struct.unpack_from(">I", data, offset)[0])
            elif kind in (_STRING, _I18N):
                found[tag] = text_of(data[offset : data.index(b"\0", offset)])
    except (struct.error, ValueError, TypeError) as error:
        raise Unsupported("a package's header is damaged") from error
    return found


def _package(header: dict[int, str], release: Release, database: str) -> Package:
    name, version = header.get(_NAME, ""), f"{header.get(_VERSION, '')}-{header.get(_RELEASE, '')}"
    qualifiers = {"arch": header.get(_ARCH, ""), "epoch": header.get(_EPOCH, ""), "distro": release.distro}
    epoch = f"{header[_EPOCH]}:" if header.get(_EPOCH) else ""
    licenses = (header[_LICENSE],) if header.get(_LICENSE) else ()
    return Package(
        package_url("rpm", release.id, name, version, qualifiers),
        name,
        epoch + version,
        database,
        licenses,
        header.get(_VENDOR, ""),
        header.get(_URL, ""),
        header.get(_SUMMARY, ""),
    )
