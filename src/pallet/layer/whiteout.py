"""How a layer's tar says that something of a lower layer is gone.

Source: OCI image spec 1.1, layer.md, "Representing Changes"; the names come from aufs.
"""

from __future__ import annotations

import os
import stat

from pallet.errors import UnsafeArchive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pallet.layer.erofs.ondisk import ReadInode

PREFIX = b".wh."
META_PREFIX = b".wh..wh."
"""Names with this prefix are aufs's own book-keeping. All but `OPAQUE` are ignored, as docker does."""
OPAQUE = b".wh..wh..opq"
"""In a directory: nothing of the lower layers shows in it."""

OVERLAY_OPAQUE = "overlay.opaque"
"""The xattr, after `trusted.` or `user.`, by which overlayfs knows an opaque directory; its value is `y`."""
OVERLAY_XATTRS = (b"trusted.overlay.", b"user.overlay.")
"""Xattrs that steer overlayfs. Never taken from a tar, for a tar could then redirect a directory; never put in one."""


def opaque_mark(userxattr: bool) -> str:
    """The xattr, with its prefix, that marks opaque directories of an overlay mounted with `userxattr` or without."""
    return ("user." if userxattr else "trusted.") + OVERLAY_OPAQUE


def is_whiteout(found: os.stat_result | ReadInode) -> bool:
    """Whether this is overlayfs's mark for something of a lower layer that is gone."""
    return found.st_rdev == 0 and stat.S_ISCHR(found.st_mode)


def see_to(path: bytes, hide: Callable[[bytes, bytes], None], hide_all: Callable[[bytes], None]) -> bool:
    """Deal with a tar's entry if its name is a whiteout's, or aufs's own; tell whether it was.

    Args:
        path: its cleaned path.
        hide: called with a directory and a name in it that is gone.
        hide_all: called with a directory in which nothing of the lower layers shows.

    Raises:
        UnsafeArchive: a whiteout of a directory's own, or its parent's, self.
    """
    if _is_bookkeeping(path):
        return True
    parent, _, name = path.rpartition(b"/")
    if name == OPAQUE:
        hide_all(parent)
    elif name.startswith(PREFIX):
        hide(parent, _hidden_name(name))
    else:
        return False
    return True


def _is_bookkeeping(path: bytes) -> bool:
    """Whether a component of a cleaned path is aufs's own, an opaque marker at its end apart."""
    if META_PREFIX not in path:
        return False
    parts = path.split(b"/")
    if parts[-1] == OPAQUE:
        parts.pop()
    return any(part.startswith(META_PREFIX) for part in parts)


def _hidden_name(name: bytes) -> bytes:
    """The name that the whiteout `name` removes; `.wh.`, `.wh..` and `.wh...` are none."""
    hidden = name[len(PREFIX) :]
    if hidden in (b"", b".", b".."):
        raise UnsafeArchive(f"invalid whiteout name: {name.decode()}")
    return hidden
