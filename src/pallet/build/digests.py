"""Digests of what a step copies: contents, types, modes and, where they mean something, owners; never times.

A file whose device, inode, size and times are those of an earlier build is not read again; neither is a directory of
which that is so for all that is in it.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Sequence

from pallet.build.source import Entry, Tree
from pallet.digest import sha256_hex
from pallet.errors import HostError
from pallet.host.xattrs import read_xattrs
from pallet.store.build_cache import BuildCache, FileIdentity

_CHUNK = 1 << 20
_SETTLED = 1_000_000_000  # nanoseconds: a file that changed later than that before now may change again unseen
_MANY = 64  # files for which threads are worth their start
_XATTRS = ("user.", "security.capability", "system.posix_acl_")


def piece_digest(tree: Tree, base: str, itself: Entry, entries: Sequence[Entry], cache: BuildCache) -> bytes:
    """One digest of a file, or of all that is in a directory, contents and all; see `tree_digest`.

    Args:
        itself: the file or directory.
        entries: it, or what is in it.

    Raises:
        HostError: something cannot be read.
    """
    seen = _seen(tree, base, itself, entries) if tree.stable and len(entries) > _MANY else None
    if seen is not None:
        known = cache.file_digests([seen])
        if seen in known:
            return known[seen]
    digest = tree_digest(tree, base, entries, content_digests(tree, entries, cache))
    if seen is not None:
        cache.keep_file_digests({seen: digest})
    return digest


def content_digests(tree: Tree, entries: Iterable[Entry], cache: BuildCache) -> dict[str, bytes]:
    """The SHA-256 digests of the regular files among the entries, by path.

    Raises:
        HostError: one cannot be read.
    """
    files = [entry for entry in entries if entry.is_file]
    known = cache.file_digests([_identity(entry) for entry in files]) if tree.stable else {}
    digests: dict[str, bytes] = {}
    unknown: list[Entry] = []
    for entry in files:
        found = known.get(_identity(entry)) if known else None
        if found is None:
            unknown.append(entry)
        else:
            digests[entry.path] = found
    if not unknown:
        return digests
    limit = time.time_ns() - _SETTLED
    if len(unknown) < _MANY and sum(entry.status.st_size for entry in unknown) < _CHUNK:
        hashed = [_hash(tree, entry) for entry in unknown]
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
            hashed = list(pool.map(lambda entry: _hash(tree, entry), unknown))
    fresh: dict[FileIdentity, bytes] = {}
    for entry, (digest, identity) in zip(unknown, hashed, strict=True):
        digests[entry.path] = digest
        if identity == _identity(entry) and max(identity[3], identity[4]) < limit:
            fresh[identity] = digest
    if tree.stable:
        cache.keep_file_digests(fresh)
    return digests


def tree_digest(tree: Tree, base: str, entries: Sequence[Entry], digests: dict[str, bytes]) -> bytes:
    """One digest of entries with their paths relative to `base`.

    Raises:
        HostError: an extended attribute cannot be read.
    """
    from hashlib import sha256

    whole = sha256()
    links: dict[tuple[int, int], int] = {}
    skip = len(base) + 1 if base else 0
    for number, entry in enumerate(entries):
        status = entry.status
        owner = f"{status.st_uid}:{status.st_gid}" if tree.keeps_owners else ""
        fields = [os.fsencode(entry.path[skip:]), b"%o" % status.st_mode, owner.encode()]
        if entry.is_file:
            fields.append(digests[entry.path])
        elif entry.link:
            fields.append(os.fsencode(entry.link))
        elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            fields.append(b"%d" % status.st_rdev)
        if status.st_nlink > 1 and not entry.is_directory:
            first = links.setdefault((status.st_dev, status.st_ino), number)
            fields.append(b"%d" % (first - number))
        for name, value in xattrs_of(tree, entry).items():
            fields += [os.fsencode(name), value]
        for field in fields:
            whole.update(b"%d:" % len(field))
            whole.update(field)
        whole.update(b"\n")
    return whole.digest()


def xattrs_of(tree: Tree, entry: Entry) -> dict[str, bytes]:
    """The extended attributes of an entry that go into a layer.

    Raises:
        HostError: they cannot be read.
    """
    if entry.link:
        return {}
    try:
        path = f"/proc/self/fd/{tree.root}/{entry.path or '.'}"
        if not os.listxattr(path, follow_symlinks=False):
            return {}
        found = read_xattrs(path, follow_symlinks=False)
    except OSError:  # it has just gone, or its file system has none
        return {}
    return {name: value for name, value in found.items() if name.startswith(_XATTRS)}


def _identity(entry: Entry) -> FileIdentity:
    return _identified(entry.status)


def _identified(status: os.stat_result) -> FileIdentity:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _seen(tree: Tree, base: str, itself: Entry, entries: Sequence[Entry]) -> FileIdentity | None:
    """What stat(2) says of all that is in a directory, folded into what it says of one file.

    Whoever changes a file, its mode, owner or extended attributes changes its ctime.

    Returns:
        None if something changed so late that it may change again unseen.
    """
    limit = tree.since - _SETTLED
    lines = [f"{base}\0{tree.keeps_owners}\n"]
    for entry in entries:
        status = entry.status
        changed = status.st_ctime_ns
        if changed >= limit or status.st_mtime_ns >= limit:
            return None
        numbers = f"{status.st_dev} {status.st_ino} {status.st_mode} {status.st_size} {status.st_mtime_ns} {changed}"
        lines.append(f"{entry.path}\0{numbers}\n")
    whole = bytes.fromhex(sha256_hex("".join(lines).encode("utf-8", "surrogateescape")))
    folded = [int.from_bytes(whole[start : start + 8], "big") >> 1 for start in (0, 8, 16)]
    return itself.status.st_dev, itself.status.st_ino, folded[0], folded[1], folded[2]


def _hash(tree: Tree, entry: Entry) -> tuple[bytes, FileIdentity]:
    """A file's digest, and what stat(2) said before it was read."""
    from hashlib import sha256

    try:
        fd = tree.open(entry.path)
        try:
            identity = _identified(os.fstat(fd))
            hasher = sha256()
            while chunk := os.read(fd, _CHUNK):
                hasher.update(chunk)
        finally:
            os.close(fd)
    except OSError as error:
        raise HostError(f"cannot read {entry.path}: {error.strerror}") from error
    return hasher.digest(), identity
