"""The directories of `RUN --mount=type=cache`: kept in the store between builds, locked while a RUN uses one.

    build/mounts/<digest of the id>/<n>/      lock, data, id; making and data.new while data is made

`shared` and `locked` use the first; `private` the first that nobody uses.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator

import msgspec

from pallet.errors import HostError
from pallet.host.files import remove_tree, tree_size
from pallet.host.locks import try_flock

_POLL = 0.1  # seconds between looks at a directory that another RUN has locked


class CacheMount(msgspec.Struct, frozen=True):
    """A directory that is kept: its id, where it is, when it was last used (nanoseconds), and its bytes."""

    id: str
    path: str
    used: int
    size: int


class HeldMount:
    """A directory in use; `close` lets go of it."""

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self._fd = fd

    def close(self) -> None:
        """Let go."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def take(root: str, id: str, sharing: str, fill: Callable[[str], None], waiting: Callable[[], None]) -> HeldMount:
    """Use a directory.

    Args:
        root: the store's directory.
        id: which.
        sharing: `shared`, `locked` or `private`.
        fill: gets a new directory, empty, before anybody uses it.
        waiting: called while it is locked; may raise to stop.

    Raises:
        HostError: it cannot be made.
    """
    pool = f"{_all(root)}/{hashlib.sha256(id.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}"
    number = 0
    while True:
        place = f"{pool}/{number}"
        try:
            os.makedirs(place, 0o700, exist_ok=True)
            fd = os.open(f"{place}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HostError(f"cannot make {place}: {error.strerror}") from error
        if try_flock(fd, shared=sharing == "shared") and _same(fd, place):
            try:
                return _begin(place, fd, id, fill)
            except BaseException:
                os.close(fd)
                raise
        os.close(fd)
        if sharing == "private":
            number += 1
            continue
        waiting()
        time.sleep(_POLL)


def all_mounts(root: str) -> Iterator[CacheMount]:
    """All directories that are kept."""
    for place in _places(root):
        try:
            with open(f"{place}/id", encoding="utf-8", errors="surrogateescape") as file:
                id = file.read()
            used = os.stat(f"{place}/lock").st_mtime_ns
        except FileNotFoundError:
            continue
        yield CacheMount(id, place, used, tree_size(f"{place}/data"))


def remove(mount: CacheMount) -> bool:
    """Remove a directory, unless it is in use; tell whether it is gone."""
    fd = os.open(f"{mount.path}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not try_flock(fd):
            return False
        remove_tree(mount.path)
        return True
    finally:
        os.close(fd)


def _begin(place: str, fd: int, id: str, fill: Callable[[str], None]) -> HeldMount:
    os.utime(f"{place}/lock")
    data, begun = f"{place}/data", f"{place}/data.new"
    if not os.path.isdir(data):
        making = os.open(f"{place}/making", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(making, fcntl.LOCK_EX)  # whoever shares it may be here, too
            if not os.path.isdir(data):
                remove_tree(begun)  # of one that was killed
                with open(f"{place}/id", "w", encoding="utf-8", errors="surrogateescape") as file:
                    file.write(id)
                os.mkdir(begun, 0o755)
                fill(begun)
                os.rename(begun, data)
        finally:
            os.close(making)
    return HeldMount(data, fd)


def _same(fd: int, place: str) -> bool:
    """Whether the lock is still the one of that name: whoever pruned may have removed it."""
    try:
        named = os.stat(f"{place}/lock")
    except FileNotFoundError:
        fcntl.flock(fd, fcntl.LOCK_UN)
        return False
    mine = os.fstat(fd)
    return (named.st_dev, named.st_ino) == (mine.st_dev, mine.st_ino)


def _all(root: str) -> str:
    return os.path.join(root, "build", "mounts")


def _places(root: str) -> Iterator[str]:
    try:
        pools = sorted(os.listdir(_all(root)))
    except FileNotFoundError:
        return
    for pool in pools:
        for number in sorted(os.listdir(f"{_all(root)}/{pool}")):
            yield f"{_all(root)}/{pool}/{number}"
