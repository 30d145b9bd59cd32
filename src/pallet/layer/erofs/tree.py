"""A layer's tree in memory, made from its tar's headers alone.

What comes out is what `apply` makes of the same tar in an empty directory, in modes `base` and `diff`. What depends on
more than this tar, or is too odd to be worth a second implementation (a name below a symlink, an ACL, whatever is to be
refused), is `Unsupported`: such a layer is unpacked instead, and unpacking says what is wrong with it, if anything is.
"""

from __future__ import annotations

import stat

from pallet.errors import Unsupported
from pallet.layer import tarformat as tf
from pallet.layer import whiteout
from pallet.layer.erofs import ondisk
from pallet.layer.extract import clean
from pallet.layer.tarpax import SparseMap
from pallet.layer.tarread import TarEntry, TarReader

_MAX_TIME = 1 << 63  # nanoseconds
_ROOM = 100 << 20  # bytes of memory for one tree, by rough count: some 250,000 files
_NODE_SIZE = 400  # with its place in a directory
_SEGMENT_SIZE = 150
_MAX_LINKS = 60_000  # some file systems end at 65,000
_MAX_XATTRS = 60_000  # bytes of one file's
_TYPE = 0o170000
_OPAQUE = b"trusted." + whiteout.OVERLAY_OPAQUE.encode()
_KINDS = {tf.CHAR_DEVICE: stat.S_IFCHR, tf.BLOCK_DEVICE: stat.S_IFBLK, tf.FIFO: stat.S_IFIFO}
_CAPABILITY = b"security.capability"
_CAPABILITY_SIZES = {0x02000000: 20, 0x03000000: 24}  # by the version in its first word
_WHITEOUT = stat.S_IFCHR


class Node:
    """An inode.

    `mode` has the type bits; `mtime` is in nanoseconds. `data` is a regular file's place in the tar, a symlink's
    target, or a device's number; `sparse` is the map of a sparse file. `children` are a directory's entries. `links`
    counts names. `nid` is for whoever writes the image.
    """

    __slots__ = ("children", "data", "gid", "links", "mode", "mtime", "nid", "size", "sparse", "uid", "xattrs")

    data: int | bytes
    children: dict[bytes, Node] | None
    xattrs: dict[bytes, bytes] | None
    sparse: SparseMap | None

    def __init__(self, mode: int, uid: int, gid: int, mtime: int, size: int = 0, data: int | bytes = 0) -> None:
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.mtime = mtime
        self.size = size
        self.data = data
        self.links = 1
        self.nid = 0
        self.children = None
        self.xattrs = None
        self.sparse = None


def _new_directory(mode: int = 0o755, uid: int = 0, gid: int = 0, mtime: int = 0) -> Node:
    node = Node(stat.S_IFDIR | mode, uid, gid, mtime)
    node.children = {}
    return node


class LayerTree:
    """Takes a tar's entries, in order.

    After `read`: `root`; `files`, how many entries there were; `implicit`, `foreign` and `opaque_root` as in
    `layer.unpacked.Unpacked`.
    """

    def __init__(self, *, base: bool) -> None:
        """
        Args:
            base: this is an image's first layer, so that whiteouts leave no trace.
        """
        self.root = _new_directory()
        self.files = 0
        self.implicit: dict[bytes, None] = {b".": None}
        self.foreign: dict[bytes, bytes] = {}
        self.opaque_root = False
        self.whiteouts: list[bytes] = []
        self._base = base
        self._directories: dict[bytes, Node] = {}  # by path, reached without a symlink
        self._room = _ROOM

    def read(self, reader: TarReader) -> None:
        """Take all entries.

        Raises:
            Unsupported: the layer has to be unpacked.
            UnsafeArchive, Integrity: the tar is at fault.
        """
        prefix = whiteout.PREFIX
        directories = self._directories
        for entry in reader:
            path = clean(entry.name)
            self._room -= _NODE_SIZE
            if self._room < 0:
                raise Unsupported("a layer of too many files")
            if prefix in path and self._is_whiteout(path):
                continue
            if not -_MAX_TIME < entry.mtime < _MAX_TIME:
                raise Unsupported("a time that is out of range")
            if entry.type == tf.REGULAR:
                mode = entry.mode | stat.S_IFREG
                node = Node(mode, entry.uid, entry.gid, entry.mtime, entry.size, reader.offset)
                if entry.sparse is not None:
                    node.sparse = entry.sparse
                    self._room -= _SEGMENT_SIZE * len(entry.sparse)
                if entry.xattrs:
                    self._set_xattrs(entry, node)
                parent, _, name = path.rpartition(b"/")
                folder = directories.get(parent)
                children = folder.children if folder is not None else None
                if children is None or name in children or not 0 < len(name) <= ondisk.MAX_NAME:
                    self._put(path, node)
                else:
                    children[name] = node
                if self.foreign:
                    self.foreign.pop(path, None)
            else:
                self._other(entry, path)
            self.files += 1

    # entries

    def _other(self, entry: TarEntry, path: bytes) -> None:
        kind, mtime = entry.type, entry.mtime
        if kind == tf.DIRECTORY:
            self._directory(entry, path, mtime)
        elif kind == tf.HARD_LINK:
            self._link(path, clean(entry.linkname))
            return
        elif kind == tf.SYMLINK:
            if not entry.linkname:
                raise Unsupported("an empty symlink")
            self._room -= len(entry.linkname)
            node = Node(stat.S_IFLNK | 0o777, entry.uid, entry.gid, mtime, len(entry.linkname), entry.linkname)
            self._set_xattrs(entry, node)
            self._put(path, node)
        elif kind in _KINDS:
            node = Node(_KINDS[kind] | entry.mode, entry.uid, entry.gid, mtime)
            if kind != tf.FIFO:
                node.data = _device(*entry.device)
            self._set_xattrs(entry, node)
            self._put(path, node)
        else:
            raise Unsupported(f"tar header type {kind}")
        self.foreign.pop(path, None)

    def _directory(self, entry: TarEntry, path: bytes, mtime: int) -> None:
        node = self.root
        if path:
            folder, name = self._folder(path)
            found = folder.get(name)
            if found is None or found.children is None:
                node = _new_directory()
                if found is not None:
                    self._remove(path, found)
                    self._replaced(node)
                folder[name] = node
            else:
                node = found
                self.implicit.pop(path, None)
        else:
            self.implicit.pop(b".", None)
        self._directories[path] = node
        self._room -= len(path)
        node.mode = stat.S_IFDIR | entry.mode
        node.uid = entry.uid
        node.gid = entry.gid
        node.mtime = mtime
        self._set_xattrs(entry, node)

    def _link(self, path: bytes, target: bytes) -> None:
        if not path or not target:
            raise Unsupported("a hard link to the root, or in its place")
        node = self._find(target)
        if node is None:
            self._foreign(path, target)
            return
        if path == target:
            return
        if node.children is not None or _is_hiding(node) or node.links >= _MAX_LINKS:
            raise Unsupported("a hard link to a directory, or one of too many")
        folder, name = self._folder(path)
        found = folder.get(name)
        if found is node:
            return
        if found is not None:
            if found.children is not None:
                raise Unsupported("a hard link in place of a directory")
            self._remove(path, found)
        node.links += 1
        folder[name] = node

    def _foreign(self, path: bytes, target: bytes) -> None:
        if self._base:
            raise Unsupported("a hard link without a target")
        folder, name = self._folder(path)
        found = folder.pop(name, None)
        if found is not None:
            self._remove(path, found)
        self.foreign[path] = target
        self._room -= len(path) + len(target)

    # whiteouts

    def _is_whiteout(self, path: bytes) -> bool:
        return whiteout.see_to(path, self._hide, self._hide_all)

    def _hide(self, parent: bytes, name: bytes) -> None:
        if self._base:
            return
        path = parent + b"/" + name if parent else name
        node = self._find(path)
        if node is None:
            self._put(path, Node(_WHITEOUT, 0, 0, 0))
            self.whiteouts.append(path)
        elif node.children is not None:
            _set_opaque(node)

    def _hide_all(self, parent: bytes) -> None:
        if self._base:
            return
        if not parent:
            self.opaque_root = True
            return
        node = self._find(parent)
        if node is None:
            self._folder(parent + b"/")
            node = self._find(parent)
        if node is None or node.children is None:
            raise Unsupported("an opaque marker in what is no directory")
        _set_opaque(node)

    def _replaced(self, node: Node) -> None:
        if not self._base:  # a directory below, if there is one, was gone before this one came
            _set_opaque(node)

    # places

    def _put(self, path: bytes, node: Node) -> None:
        """Give `node` this name; what had it is gone."""
        if not path:
            raise Unsupported("something in place of the root directory")
        folder, name = self._folder(path)
        found = folder.get(name)
        if found is not None:
            self._remove(path, found)
        folder[name] = node

    def _folder(self, path: bytes) -> tuple[dict[bytes, Node], bytes]:
        """The directory that `path` is in, made with its parents if it is missing; and the last name of `path`."""
        parent, _, name = path.rpartition(b"/")
        if len(name) > ondisk.MAX_NAME:
            raise Unsupported("a name that is too long")
        known = self._directories.get(parent)
        if known is None:
            known = self._make(parent)
        assert known.children is not None
        return known.children, name

    def _make(self, path: bytes) -> Node:
        node = self.root
        done = b""
        for part in path.split(b"/") if path else ():
            done = done + b"/" + part if done else part
            if len(part) > ondisk.MAX_NAME or node.children is None:
                raise Unsupported("a name that is too long, or below a file")
            found = node.children.get(part)
            if found is None or (_is_hiding(found) and not self._base):
                below = _new_directory()
                self._room -= _NODE_SIZE + len(done)
                if found is not None:
                    self._replaced(below)
                node.children[part] = below
                self.implicit[done] = None
                found = below
            elif found.children is None:
                raise Unsupported("a name below a symlink or a file")
            node = found
        self._directories[path] = node
        return node

    def _find(self, path: bytes) -> Node | None:
        """What is at `path`, if anything is."""
        parent, _, name = path.rpartition(b"/")
        node = self._directories.get(parent)
        if node is None:
            node = self.root
            for part in parent.split(b"/") if parent else ():
                below = node.children.get(part) if node.children is not None else None
                if below is None:
                    return None
                if stat.S_ISLNK(below.mode):
                    raise Unsupported("a name below a symlink")
                node = below
        return node.children.get(name) if node.children is not None else None

    def _remove(self, path: bytes, node: Node) -> None:
        """Forget what is at `path`, with all below it."""
        if node.children is None:
            node.links -= 1
            return
        waiting = [node]
        while waiting:
            for below in (waiting.pop().children or {}).values():
                if below.children is None:
                    below.links -= 1
                else:
                    waiting.append(below)
        self._directories.clear()
        within = path + b"/"
        for names in (self.implicit, self.foreign):
            for name in [name for name in names if name == path or name.startswith(within)]:
                del names[name]

    # metadata

    def _set_xattrs(self, entry: TarEntry, node: Node) -> None:
        if not entry.xattrs:
            return
        found = node.xattrs or {}
        owns_user = entry.type in (tf.REGULAR, tf.DIRECTORY)  # only these can have attributes of users
        for name, value in entry.xattrs.items():
            if name.startswith(whiteout.OVERLAY_XATTRS):
                continue
            if name == _CAPABILITY:
                version = int.from_bytes(value[:4], "little") & 0xFF000000
                if entry.type != tf.REGULAR or _CAPABILITY_SIZES.get(version) != len(value):
                    raise Unsupported("file capabilities that may be refused")
            elif name.startswith((b"security.", b"system.")):
                raise Unsupported("extended attributes that mean something to the kernel")
            elif not name.startswith((b"trusted.", b"user.") if owns_user else b"trusted."):
                continue  # file systems refuse it
            if len(name) > ondisk.MAX_NAME or name in (b"trusted.", b"user."):
                raise Unsupported("the name of an extended attribute that will be refused")
            found[name] = value
        size = sum(len(name) + len(value) + 8 for name, value in found.items())
        self._room -= size + _NODE_SIZE
        if size > _MAX_XATTRS:
            raise Unsupported("extended attributes of more than 60 kB")
        node.xattrs = found or None


def _set_opaque(node: Node) -> None:
    if node.xattrs is None:
        node.xattrs = {}
    node.xattrs[_OPAQUE] = b"y"


def _is_hiding(node: Node) -> bool:
    """Whether a node is a whiteout to overlayfs."""
    return node.mode & _TYPE == stat.S_IFCHR and node.data == 0


def _device(major: int, minor: int) -> int:
    if not (0 <= major < 1 << 12 and 0 <= minor < 1 << 20):
        raise Unsupported("a device number that is out of range")
    return ondisk.device_number(major, minor)
