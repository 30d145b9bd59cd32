"""From a plan to a layer: one tar that is compressed while a confined worker unpacks it, or makes an image around it.

The same entries always give the same tar.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence

from pallet.build.copyplan import Item
from pallet.build.digests import xattrs_of
from pallet.build.layers import Packed
from pallet.build.source import Entry, Tree
from pallet.digest import Digest
from pallet.errors import HostError, Unsupported
from pallet.host.files import unlink_if_there
from pallet.host.idmap import in_user_namespace
from pallet.host.xattrs import read_xattrs
from pallet.layer import tarformat as tf
from pallet.layer.erofs.patch import settle_image
from pallet.layer.settle import copy_directory_metadata, settle
from pallet.layer.snapshots import Staging
from pallet.layer.tarwrite import TarWriter
from pallet.layer.unpacked import Unpacked
from pallet.oci import media
from pallet.oci.descriptor import Descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.engine import Engine
    from pallet.layer.compress import Writable
    from pallet.layer.unpack import Unpacker, UnpackJob
    from pallet.ops.new_layer import LayerWriter
    from pallet.store.blobs import Blobs

_CHUNK = 1 << 20
_MANY = 50  # entries for which an image is worth its mounts
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
    """Takes the tar: the blob's writer and the worker get it."""

    def __init__(self, writer: LayerWriter, job: UnpackJob) -> None:
        self._writer = writer
        self._job = job

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        self._writer.write(data)
        self._job.write(data)


def write_layer(
    engine: Engine,
    unpacker: Callable[[], Unpacker],
    items: Sequence[Item],
    root: int,
    lowers: Sequence[str],
    staging: Staging,
) -> Packed:
    """Make the blob of a layer, and its files in a staging directory, or an image of them.

    Args:
        engine: whose store; says whether images are made.
        unpacker: gives the workers; not asked if all entries are directories.
        items: the entries, parents first.
        root: the root directory of the layers below, open.
        lowers: the directories of these layers, top first; images among them are mounted.
        staging: takes the layer; empty.

    Raises:
        HostError: a file cannot be read, or changed while it was; the disk is full, ...
    """
    blobs = engine.store.blobs
    if all(stat.S_ISDIR(item.mode) for item in items):
        return _write_directories(blobs, items, root, lowers, staging)
    write = _Write(blobs, unpacker(), _Packer(items, root), lowers, staging)
    if len(items) > _MANY and (engine.leaves_tars_apart or engine.makes_images):
        try:
            return write.apart() if engine.leaves_tars_apart else write.compressed(image=True)
        except Unsupported:  # there is something that an image cannot hold
            for path in (staging.image, staging.tar):
                unlink_if_there(path)
    return write.compressed(image=False)


def _write_directories(
    blobs: Blobs, items: Sequence[Item], root: int, lowers: Sequence[str], staging: Staging
) -> Packed:
    """Directories alone take no worker: names in the staging directory are ours, and none is a symlink."""
    from pallet.ops.new_layer import LayerWriter

    with LayerWriter(blobs) as writer:
        _Packer(items, root).pack(writer)
        layer = writer.finish()
    _make_directories(staging.fs, items, root, lowers)
    return Packed(layer.descriptor, layer.diff_id, 0, len(items))


class _Write:
    """The ways to make a layer of files; in each the worker hashes the tar."""

    def __init__(
        self, blobs: Blobs, unpacker: Unpacker, packer: _Packer, lowers: Sequence[str], staging: Staging
    ) -> None:
        self._blobs = blobs
        self._unpacker = unpacker
        self._packer = packer
        self._lowers = lowers
        self._staging = staging

    def apart(self) -> Packed:
        """An image whose tar is the blob: what is written once serves for both."""
        with self._blobs.new() as blob, self._start(image=True, keep=blob.fileno()) as job:
            self._packer.pack(job)
            result = job.finish()
            self._staging.take_tar(blob.path)
            blob.adopt(Digest(result.diff_id), result.tar_size)
        self._settle(result, image=True)
        descriptor = Descriptor(media.DOCKER_LAYER, Digest(result.diff_id), result.tar_size)
        return self._packed(descriptor, result)

    def compressed(self, *, image: bool) -> Packed:
        """A compressed blob; and a tree, or an image that holds the tar once more."""
        from pallet.ops.new_layer import LayerWriter

        with self._start(image=image) as job, LayerWriter(self._blobs, hashed=False) as writer:
            self._packer.pack(_Tee(writer, job))
            blob = writer.finish_blob()
            result = job.finish()
        self._settle(result, image=image)
        return self._packed(blob, result)

    def _start(self, *, image: bool, keep: int = -1) -> UnpackJob:
        return self._unpacker.start(
            self._staging.image if image else self._staging.fs,
            media.DOCKER_LAYER,
            mode="diff" if self._lowers else "base",
            userxattr=in_user_namespace(),
            image=image,
            plain=True,
            apart=keep >= 0,
            keep=keep,
        )

    def _settle(self, result: Unpacked, *, image: bool) -> None:
        if image:
            settled = settle_image(self._staging.image, self._staging.fs, result, self._lowers)
        else:
            private = in_user_namespace()
            settled = not self._lowers or settle(self._staging.fs, result, self._lowers, userxattr=private)
        if not settled:
            raise HostError("a new layer does not fit on the layers below")

    def _packed(self, blob: Descriptor, result: Unpacked) -> Packed:
        image = self._staging.image_info(result.tar_size)
        return Packed(blob, Digest(result.diff_id), result.size, result.files, image)


class _Packer:
    """Makes the tar of a layer's entries.

    Args:
        items: the entries, parents first.
        root: the root directory of the layers below, open.
    """

    def __init__(self, items: Sequence[Item], root: int) -> None:
        self._items = items
        self._root = root
        self._buffer = memoryview(bytearray(_CHUNK))  # always the same memory: new pages take longer than the reading

    def pack(self, out: Writable) -> None:
        """Write the tar. Raises HostError if a file cannot be read, and what `out` raises."""
        self._tar = TarWriter(out)
        self._links: dict[tuple[int, int, int], bytes] = {}
        for item in self._items:
            self._item(item)
        self._tar.close()

    def _item(self, item: Item) -> None:
        kind = stat.S_IFMT(item.mode)
        name = os.fsencode(item.path)
        if item.tree is None or item.entry is None:
            self._add(item, name + b"/", tf.DIRECTORY, self._xattrs(item))
            return
        status = item.entry.status
        if kind != stat.S_IFDIR and status.st_nlink > 1:
            first = self._links.setdefault((item.tree.root, status.st_dev, status.st_ino), name)
            if first != name:
                self._add(item, name, tf.HARD_LINK, None, linkname=first)
                return
        if kind == stat.S_IFREG:
            self._file(item, item.tree, item.entry)
        elif kind == stat.S_IFDIR:
            self._add(item, name + b"/", tf.DIRECTORY, self._xattrs(item))
        elif kind in _TYPES:
            device = (os.major(status.st_rdev), os.minor(status.st_rdev))
            self._add(
                item, name, _TYPES[kind], self._xattrs(item), linkname=os.fsencode(item.entry.link), device=device
            )

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

    def _file(self, item: Item, tree: Tree, entry: Entry) -> None:
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
                xattrs = self._xattrs(item) if os.listxattr(fd) else None
                self._add(item, os.fsencode(item.path), tf.REGULAR, xattrs, size=left)
                while left:
                    count = os.readv(fd, [self._buffer[:left]])
                    if not count:
                        raise HostError(f"{entry.path} changed while it was copied")
                    self._tar.write(self._buffer[:count])
                    left -= count
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
