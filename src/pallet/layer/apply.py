"""Apply one layer's tar: into an empty directory (modes `base` and `diff`), or onto a tree (mode `tree`).

Source: OCI image spec 1.1, layer.md, "Applying Changesets"; containerd's archive package for what that leaves open.
Whiteouts remove what lies below the layer, never what the layer itself brings, in whatever order its entries come.
"""

from __future__ import annotations

import os
import stat

from pallet.errors import UnsafeArchive
from pallet.layer import whiteout
from pallet.layer.compress import Readable
from pallet.layer.extract import Extractor
from pallet.layer.tarread import TarReader
from pallet.layer.unpacked import UnpackMode


def apply_layer(source: Readable, mode: UnpackMode, *, userxattr: bool = False, squash: bool = False) -> Extractor:
    """Extract the tar `source` into the working directory, which must be the root directory of this process.

    Args:
        source: the layer, uncompressed.
        mode: see `UnpackMode`.
        userxattr: mark opaque directories by user.overlay.opaque, for overlays mounted with `userxattr`.
        squash: owners that this user cannot give become the user itself.

    Raises:
        UnsafeArchive, Integrity: the tar is at fault.
        HostError: the machine is.
    """
    os.umask(0)
    reader = TarReader(source)
    extractor: Extractor
    if mode == "tree":
        extractor = _OntoTree(reader)
    else:
        extractor = _IntoEmpty(reader, base=mode == "base", userxattr=userxattr)
    extractor.squash = squash
    extractor.run()
    return extractor


def _join(parent: bytes, name: bytes) -> bytes:
    return parent + b"/" + name if parent else name


class _IntoEmpty(Extractor):
    """What exists is of this layer; what lies below is unknown, and hidden in overlayfs's own terms."""

    def __init__(self, reader: TarReader, *, base: bool, userxattr: bool) -> None:
        super().__init__(reader, fresh=True)
        self._base = base
        self._opaque_xattr = whiteout.opaque_mark(userxattr)

    def _hide(self, parent: bytes, name: bytes) -> None:
        if self._base:
            return
        path = _join(parent, name)
        try:
            os.mknod(path, stat.S_IFCHR, 0)
            self.whiteouts.append(path)
            return
        except FileExistsError:
            pass
        except (FileNotFoundError, NotADirectoryError):
            self._make_parents(path)
            os.mknod(path, stat.S_IFCHR, 0)
            self.whiteouts.append(path)
            return
        if stat.S_ISDIR(os.lstat(path).st_mode):
            self._set_opaque(path)  # what this layer has in the directory stays

    def _hide_all(self, parent: bytes) -> None:
        if self._base:
            return
        if not parent:
            self.opaque_root = True
            return
        try:
            self._set_opaque(parent)
        except (FileNotFoundError, NotADirectoryError):
            self._make_parents(parent + b"/")
            self._set_opaque(parent)

    def _set_opaque(self, path: bytes) -> None:
        os.setxattr(path, self._opaque_xattr, b"y")

    def _replaced(self, path: bytes) -> None:
        if not self._base:  # a directory below, if there is one, was gone before this one came
            self._set_opaque(path)

    def _yields(self, path: bytes) -> bool:
        if not _is_whiteout(path):
            return False
        os.unlink(path)
        return True

    def _foreign(self, path: bytes, target: bytes) -> None:
        if self._base:
            raise UnsafeArchive(f"the target of hard link {os.fsdecode(path)!r} is missing: {os.fsdecode(target)!r}")
        if os.path.lexists(path):
            self._remove(path)
        self._make_parents(path)
        self.foreign[path] = target


class _OntoTree(Extractor):
    """Lower layers are in the tree already: whiteouts delete, unless this layer put there what they name."""

    def __init__(self, reader: TarReader) -> None:
        super().__init__(reader, fresh=False)
        self._ours: set[bytes] = set()  # real paths of this layer's entries
        self._parents: dict[bytes, bytes] = {}  # real paths of directories, as long as nothing is removed

    def _real(self, path: bytes) -> bytes:
        parent, slash, name = path.rpartition(b"/")
        if not slash:
            return path
        real = self._parents.get(parent)
        if real is None:
            real = super()._real(path).rpartition(b"/")[0]
            if os.path.isdir(parent):
                self._parents[parent] = real
        return _join(real, name)

    def _placed(self, path: bytes) -> None:
        self._ours.add(self._real(path))

    def _counts(self, path: bytes) -> bool:
        return self._real(path) in self._ours

    def _remove(self, path: bytes) -> None:
        super()._remove(path)
        self._parents.clear()

    def _hide(self, parent: bytes, name: bytes) -> None:
        path = self._real(_join(parent, name))
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return
        if stat.S_ISDIR(found.st_mode):
            self._purge(path, itself=True)
        elif path not in self._ours:
            self._unlink(path)
        self._parents.clear()

    def _hide_all(self, parent: bytes) -> None:
        if not parent:
            self._purge(b".", itself=False)
            return
        if not os.path.isdir(parent):
            self._make_parents(parent + b"/")
        self._purge(self._real(parent + b"/").rstrip(b"/"), itself=False)

    def _purge(self, path: bytes, *, itself: bool) -> None:
        """Remove all below the real path `path` that is not of this layer; and `path` too, if asked and then empty."""
        directories = [path]
        for directory in directories:
            with os.scandir(directory) as entries:
                for entry in entries:
                    real = entry.path.removeprefix(b"./")
                    if entry.is_dir(follow_symlinks=False):
                        directories.append(real)
                    elif real not in self._ours:
                        self._unlink(real)
        for directory in reversed(directories if itself else directories[1:]):
            if directory not in self._ours and not os.listdir(directory):
                os.rmdir(directory)
        self._parents.clear()

    def _foreign(self, path: bytes, target: bytes) -> None:
        raise UnsafeArchive(f"the target of hard link {os.fsdecode(path)!r} is missing: {os.fsdecode(target)!r}")


def _is_whiteout(path: bytes) -> bool:
    found = os.lstat(path)
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0
