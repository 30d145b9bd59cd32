"""A canonical listing of a directory tree or a tar, to compare what two programs made of the same layers."""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from pathlib import Path
from typing import IO

import msgspec

_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


class Node(msgspec.Struct, frozen=True):
    """All there is to say of one name; mtime in whole seconds, `links` all names of the same inode."""

    kind: str
    mode: int
    uid: int
    gid: int
    mtime: int
    size: int = 0
    sha256: str = ""
    target: str = ""
    rdev: tuple[int, int] = (0, 0)
    xattrs: tuple[tuple[str, bytes], ...] = ()
    links: tuple[str, ...] = ()


def list_tree(root: Path) -> dict[str, Node]:
    """Every name below the directory, relative to it; the directory itself is "."."""
    start = os.fspath(root)
    names = ["."]
    for folder, directories, files in os.walk(start):
        at = os.path.relpath(folder, start)
        names += [os.path.normpath(f"{at}/{name}") for name in (*directories, *files)]
    nodes: dict[str, Node] = {}
    inodes: dict[tuple[int, int], list[str]] = {}
    for name in sorted(names):
        path = f"{start}/{name}"
        status = os.lstat(path)
        kind = _KINDS[stat.S_IFMT(status.st_mode)]
        nodes[name] = Node(
            kind=kind,
            mode=stat.S_IMODE(status.st_mode),
            uid=status.st_uid,
            gid=status.st_gid,
            mtime=status.st_mtime_ns // 1_000_000_000,
            size=status.st_size if kind == "file" else 0,
            sha256=_sha256(open(path, "rb")) if kind == "file" else "",
            target=os.readlink(path) if kind == "symlink" else "",
            rdev=(os.major(status.st_rdev), os.minor(status.st_rdev)) if kind in ("char", "block") else (0, 0),
            xattrs=tuple((key, os.getxattr(path, key, follow_symlinks=False)) for key in _xattr_names(path)),
        )
        if kind != "dir" and status.st_nlink > 1:
            inodes.setdefault((status.st_dev, status.st_ino), []).append(name)
    return _with_links(nodes, [names for names in inodes.values() if len(names) > 1])


def list_tar(source: Path | IO[bytes]) -> dict[str, Node]:
    """Every name in the tar (compressed or not), as it would be after unpacking: the last entry of a name counts."""
    nodes: dict[str, Node] = {}
    group_of: dict[str, str] = {}
    opened = tarfile.open(source) if isinstance(source, Path) else tarfile.open(fileobj=source, mode="r|*")
    with opened as archive:
        for info in archive:
            name = os.path.normpath(info.name).lstrip("/") or "."
            if info.islnk():
                first = os.path.normpath(info.linkname).lstrip("/")
                group_of[name] = group_of.setdefault(first, first)
                nodes[name] = nodes[first]
            else:
                group_of.pop(name, None)
                nodes[name] = _tar_node(archive, info)
    groups: dict[str, list[str]] = {}
    for name, first in group_of.items():
        groups.setdefault(first, []).append(name)
    return _with_links(dict(sorted(nodes.items())), [names for names in groups.values() if len(names) > 1])


def difference(left: dict[str, Node], right: dict[str, Node], *, ignore: tuple[str, ...] = ()) -> list[str]:
    """What differs, one line a name and field; `ignore` names fields, or names like "./run"."""
    lines = []
    for name in sorted(left.keys() | right.keys()):
        if f"./{name}" in ignore:
            continue
        one, two = left.get(name), right.get(name)
        if one is None or two is None:
            lines.append(f"{name}: only on the {'right' if one is None else 'left'}")
            continue
        for field in Node.__struct_fields__:
            if field not in ignore and getattr(one, field) != getattr(two, field):
                lines.append(f"{name}: {field} {getattr(one, field)!r} != {getattr(two, field)!r}")
    return lines


def _tar_node(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Node:
    content = archive.extractfile(info) if info.isreg() else None
    kinds = {tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "symlink", tarfile.FIFOTYPE: "fifo"}
    kinds |= {tarfile.CHRTYPE: "char", tarfile.BLKTYPE: "block"}
    prefix = "SCHILY.xattr."
    found = {
        key.removeprefix(prefix): value.encode("utf-8", "surrogateescape")
        for key, value in info.pax_headers.items()
        if key.startswith(prefix)
    }
    return Node(
        kind="file" if content is not None else kinds[info.type],
        mode=info.mode & 0o7777 if not info.issym() else 0o777,
        uid=info.uid,
        gid=info.gid,
        mtime=int(info.mtime // 1),
        size=info.size if content is not None else 0,
        sha256=_sha256(content) if content is not None else "",
        target=info.linkname if info.issym() else "",
        rdev=(info.devmajor, info.devminor) if info.isdev() and not info.isfifo() else (0, 0),
        xattrs=tuple(sorted(found.items())),
    )


def _with_links(nodes: dict[str, Node], groups: list[list[str]]) -> dict[str, Node]:
    for names in groups:
        for name in names:
            nodes[name] = msgspec.structs.replace(nodes[name], links=tuple(sorted(names)))
    return nodes


def _xattr_names(path: str) -> list[str]:
    try:
        return sorted(os.listxattr(path, follow_symlinks=False))
    except OSError:
        return []


def _sha256(content: IO[bytes]) -> str:
    with content:
        digest = hashlib.sha256()
        while block := content.read(1 << 20):
            digest.update(block)
        return digest.hexdigest()
