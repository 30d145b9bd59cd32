"""From a plan to a layer: one tar that is hashed and compressed while a confined worker unpacks it.

The same entries always give the same tar.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from pallet.build.copyplan import Item
from pallet.build.digests import xattrs_of
from pallet.build.layers import Packed
from pallet.build.source import Entry, Tree
from pallet.errors import HostError, Integrity
from pallet.host.idmap import in_user_namespace
from pallet.host.xattrs import read_xattrs
from pallet.layer import tarformat as tf
from pallet.layer.settle import copy_directory_metadata, settle
from pallet.layer.snapshots import Staging
from pallet.layer.tarwrite import TarWriter
from pallet.layer.unpacked import UnpackMode
from pallet.oci import media
from pallet.store.blobs import Blobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.layer.unpack import Unpacker, UnpackJob
    from pallet.ops.new_layer import LayerWriter

_CHUNK = 1 << 20
_XATTRS = ("user.", "trusted.", "security.capability", "system.posix_acl_")
_TYPES = {
    stat.S_IFREG: tf.REGULAR,
    stat.S_IFLNK: tf.SYMLINK,
    stat.S_IFCHR: tf.CHAR_DEVICE,
    stat.S_IFBLK: tf.BLOCK_DEVICE,
    stat.S_IFDIR: tf.DIRECTORY,
    stat.S_IFIFO: tf.FIFO,
}


class _Tee:
    """Takes the tar: the blob's writer and, if there is one, the worker get it."""

    def __init__(self, writer: LayerWriter, job: UnpackJob | None) -> None:
        self._writer = writer
        self._job = job

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        self._writer.write(data)
        if self._job is not None:
            self._job.write(data)


def write_layer(
    blobs: Blobs, unpacker: Unpacker | None, items: Sequence[Item], root: int, lowers: Sequence[str], staging: Staging
) -> Packed:
    """Make the blob of a layer and unpack it into a staging directory.

    Args:
        blobs: where the blob goes.
        unpacker: unpacks it; may be None if all entries are directories.
        items: the entries, parents first.
        root: the root directory of the layers below, open.
        lowers: the directories of these layers, top first; images among them are mounted.
        staging: takes the layer; empty.

    Raises:
        HostError: a file cannot be read, or changed while it was; the disk is full, ...
    """
    from pallet.ops.new_layer import LayerWriter

    # Directories alone take no worker: names in the staging directory are ours, and none is a symlink.
    alone = all(stat.S_ISDIR(item.mode) for item in items)
    job = (
        None
        if alone or unpacker is None
        else unpacker.start(staging.fs, media.OCI_LAYER, mode=_mode(lowers), userxattr=in_user_namespace())
    )
    try:
        with LayerWriter(blobs) as writer:
            tar = TarWriter(_Tee(writer, job))
            _Packer(tar, root).pack(items)
            layer = writer.finish()
        if job is None:
            _make_directories(staging.fs, items, root, lowers)
            return Packed(layer.descriptor, layer.diff_id, 0, len(items))
        result = job.finish()
    except BaseException:
        if job is not None:
            job.abort()
        raise
    if result.diff_id != layer.diff_id:
        raise Integrity(f"a new layer was unpacked as {result.diff_id} instead of {layer.diff_id}")
    if lowers and not settle(staging.fs, result, lowers, userxattr=in_user_namespace()):
        raise HostError("a new layer does not fit on the layers below")
    return Packed(layer.descriptor, layer.diff_id, result.size, result.files)


def _mode(lowers: Sequence[str]) -> UnpackMode:
    return "diff" if lowers else "base"


class _Packer:
    def __init__(self, tar: TarWriter, root: int) -> None:
        self._tar = tar
        self._root = root
        self._links: dict[tuple[int, int, int], bytes] = {}

    def pack(self, items: Sequence[Item]) -> None:
        for item in items:
            self._item(item)
        self._tar.close()

    def _item(self, item: Item) -> None:
        kind = stat.S_IFMT(item.mode)
        name = os.fsencode(item.path)
        xattrs = self._xattrs(item)
        if item.tree is None or item.entry is None:
            self._add(item, name + b"/", tf.DIRECTORY, xattrs)
            return
        status = item.entry.status
        if kind != stat.S_IFDIR and status.st_nlink > 1:
            first = self._links.setdefault((item.tree.root, status.st_dev, status.st_ino), name)
            if first != name:
                self._add(item, name, tf.HARD_LINK, None, linkname=first)
                return
        if kind == stat.S_IFREG:
            self._file(item, item.tree, item.entry, xattrs)
        elif kind == stat.S_IFDIR:
            self._add(item, name + b"/", tf.DIRECTORY, xattrs)
        elif kind in _TYPES:
            device = (os.major(status.st_rdev), os.minor(status.st_rdev))
            self._add(item, name, _TYPES[kind], xattrs, linkname=os.fsencode(item.entry.link), device=device)

    def _add(
        self,
        item: Item,
        name: bytes,
        kind: int,
        xattrs: dict[str, bytes] | None,
        *,
        size: int = 0,
        linkname: bytes = b"",
        device: tuple[int, int] = (0, 0),
    ) -> None:
        self._tar.add(
            name,
            kind,
            mode=stat.S_IMODE(item.mode),
            uid=item.uid,
            gid=item.gid,
            size=size,
            mtime=item.mtime,
            linkname=linkname,
            device=device if kind in (tf.CHAR_DEVICE, tf.BLOCK_DEVICE) else (0, 0),
            xattrs=xattrs,
        )

    def _file(self, item: Item, tree: Tree, entry: Entry, xattrs: dict[str, bytes] | None) -> None:
        try:
            fd = tree.open(entry.path)
            try:
                found = os.fstat(fd)
                before = entry.status
                if (found.st_ino, found.st_size, found.st_mtime_ns) != (
                    before.st_ino,
                    before.st_size,
                    before.st_mtime_ns,
                ):
                    raise HostError(f"{entry.path} changed while it was copied")
                left = found.st_size
                self._add(item, os.fsencode(item.path), tf.REGULAR, xattrs, size=left)
                while left:
                    data = os.read(fd, min(left, _CHUNK))
                    if not data:
                        raise HostError(f"{entry.path} changed while it was copied")
                    self._tar.write(data)
                    left -= len(data)
            finally:
                os.close(fd)
        except OSError as error:
            raise HostError(f"cannot read {entry.path}: {error.strerror}") from error

    def _xattrs(self, item: Item) -> dict[str, bytes] | None:
        if item.tree is not None and item.entry is not None:
            return xattrs_of(item.tree, item.entry) or None
        return _directory_xattrs(self._root, item) if item.existing else None


def _directory_xattrs(root: int, item: Item) -> dict[str, bytes] | None:
    try:
        found = read_xattrs(f"/proc/self/fd/{root}/{item.path}", follow_symlinks=False)
    except OSError:
        return None
    kept = {name: value for name, value in found.items() if name.startswith(_XATTRS) and "overlay." not in name}
    return kept or None


def _make_directories(fs: str, items: Sequence[Item], root: int, lowers: Sequence[str]) -> None:
    try:
        for item in items:
            path = f"{fs}/{item.path}"
            os.mkdir(path, 0o700)
            os.chown(path, item.uid, item.gid)
            os.chmod(path, stat.S_IMODE(item.mode))
            if item.tree is not None and item.entry is not None:
                xattrs = xattrs_of(item.tree, item.entry)
            else:
                xattrs = (_directory_xattrs(root, item) if item.existing else None) or {}
            for name, value in xattrs.items():
                os.setxattr(path, name, value)
        for item in reversed(items):
            os.utime(f"{fs}/{item.path}", ns=(item.mtime, item.mtime))
        if lowers:
            copy_directory_metadata(os.fsencode(lowers[0]), os.fsencode(fs))
    except OSError as error:
        raise HostError(f"cannot make {error.filename}: {error.strerror}") from error
