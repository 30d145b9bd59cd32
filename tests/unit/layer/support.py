"""Trees on disk and tars in memory, for the layer tests."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
from pathlib import Path
from typing import Any

from pallet.host.mounts import mount_overlay
from pallet.layer.unpack import Unpacker
from pallet.layer.unpacked import Unpacked, UnpackMode


def mount_changed(root: Path) -> Path:
    """Mounts an overlay of `root`'s lower, upper and work, to be called in a private mount namespace, and changes it.

    An opaque directory, removed ones and files, a changed file: what is to be so is there in `lower`. Gives where.
    """
    merged = root / "merged"
    mount_overlay([str(root / "lower")], str(root / "upper"), str(root / "work"), str(merged))
    shutil.rmtree(merged / "opaque")
    (merged / "opaque").mkdir()
    (merged / "opaque/new").write_text("new")
    shutil.rmtree(merged / "gone-dir")
    (merged / "gone").unlink()
    (merged / "changed").write_text("changed!")
    return merged


Snapshot = dict[str, tuple[object, ...]]


def snapshot(root: Path, *, times: bool = True) -> Snapshot:
    """Everything that can be told about the tree below `root`, links between its names included."""
    found: Snapshot = {}
    first: dict[int, str] = {}
    for directory, names, files in os.walk(root):
        names.sort()  # so that the first name of a file is the same whatever order the file system lists them in
        for name in sorted([*names, *files]):
            path = Path(directory) / name
            status = path.lstat()
            key = str(path.relative_to(root))
            kind = stat.S_IFMT(status.st_mode)
            content: object = None
            if kind == stat.S_IFREG:
                content = path.read_bytes()
            elif kind == stat.S_IFLNK:
                content = os.readlink(path)
            elif kind in (stat.S_IFCHR, stat.S_IFBLK):
                content = status.st_rdev
            xattrs = {
                attribute: os.getxattr(path, attribute, follow_symlinks=False)
                for attribute in os.listxattr(path, follow_symlinks=False)
            }
            same = key if kind == stat.S_IFDIR else first.setdefault(status.st_ino, key)
            links = 0 if kind == stat.S_IFDIR else status.st_nlink
            mtime = status.st_mtime_ns if times else 0
            mode = stat.S_IMODE(status.st_mode)
            found[key] = (kind, mode, status.st_uid, status.st_gid, mtime, links, same, content, xattrs)
    return found


class Tar:
    """Builds a tar by the standard library's writer, which is not ours."""

    def __init__(self, tar_format: int = tarfile.PAX_FORMAT) -> None:
        self._bytes = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._bytes, mode="w", format=tar_format)

    def add(self, name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", **fields: Any) -> Tar:
        info = tarfile.TarInfo(name)
        info.type = kind
        info.size = len(data)
        info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
        for field, value in fields.items():
            setattr(info, field, value)
        self._tar.addfile(info, io.BytesIO(data))
        return self

    def file(self, name: str, data: bytes = b"data", **fields: Any) -> Tar:
        return self.add(name, data=data, **fields)

    def directory(self, name: str, **fields: Any) -> Tar:
        return self.add(name, tarfile.DIRTYPE, **fields)

    def symlink(self, name: str, target: str) -> Tar:
        return self.add(name, tarfile.SYMTYPE, linkname=target)

    def link(self, name: str, target: str) -> Tar:
        return self.add(name, tarfile.LNKTYPE, linkname=target)

    def bytes(self) -> bytes:
        self._tar.close()
        return self._bytes.getvalue()


def unpack(data: bytes, target: Path, mode: UnpackMode = "diff", media_type: str | None = None) -> Unpacked:
    """Unpack `data` into `target`, which is made if it is missing, by a pool of one worker."""
    target.mkdir(exist_ok=True)
    with Unpacker(1) as pool, pool.start(str(target), media_type, mode=mode) as job:
        job.write(data)
        return job.finish()
