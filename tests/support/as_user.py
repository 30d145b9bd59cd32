"""Runs a program as a user without privileges: `as_user.py UID GID HOME PATHS... -- PROGRAM ARGUMENTS...`.

In a mount namespace of its own, the user gets what another machine would give it: leave to go through the directories
to PATHS, which may lie in root's home, and /dev/net/tun and /dev/fuse open for all, as udev makes them.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable

from pallet.host import mounts

_DEVICES = (("/dev/net/tun", 10, 200), ("/dev/fuse", 10, 229))


def main() -> None:
    """Become the program."""
    uid, gid, home = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    words = sys.argv[4:]
    paths, argv = words[: words.index("--")], words[words.index("--") + 1 :]
    mounts.unshare(mounts.CLONE_NEWNS)
    mounts.mount(None, "/", None, mounts.MS_REC | mounts.MS_PRIVATE)
    for closed in sorted({closed for path in paths if (closed := _closed(path))}):
        _open(closed, [path for path in paths if path.startswith(closed + "/")])
    os.umask(0)
    for path, major, minor in _DEVICES:
        if os.path.exists(path):
            scratch = "/proc"  # any directory that is there: the mount does not outlive this
            mounts.mount("tmpfs", scratch + "/fs", "tmpfs")
            node = f"{scratch}/fs/{os.path.basename(path)}"
            os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(major, minor))
            mounts.mount(node, path, None, mounts.MS_BIND)
            mounts.unmount(scratch + "/fs", mounts.MNT_DETACH)
    os.umask(0o022)
    os.setgroups([gid])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    os.chdir(home)
    os.execvpe(argv[0], argv, os.environ)


def _closed(path: str) -> str:
    """The first directory on the way that others may not go through; empty if there is none."""
    way = ""
    for part in path.strip("/").split("/"):
        way += "/" + part
        if not os.stat(way).st_mode & stat.S_IXOTH:
            return way
    return ""


def _open(directory: str, paths: Iterable[str]) -> None:
    """Let a directory hold nothing but what is on the way to the paths."""
    trees = [(path, mounts.open_tree(path, recursive=True)) for path in sorted(paths)]
    mounts.mount("tmpfs", directory, "tmpfs", 0, "mode=755")
    for path, tree in trees:
        os.makedirs(path, 0o755, exist_ok=True)
        mounts.move_mount(tree, path)
        os.close(tree)


if __name__ == "__main__":
    main()
