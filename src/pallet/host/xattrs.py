"""Extended attributes, read as a set."""

from __future__ import annotations

import errno
import os

_GONE = (errno.ENODATA, errno.ENOTSUP, errno.EACCES, errno.EPERM)


def read_xattrs(target: int | str, *, follow_symlinks: bool = True) -> dict[str, bytes]:
    """All extended attributes of a file, sorted by name; names are decoded as file names are.

    Args:
        target: a descriptor (not one opened with O_PATH), or a path.
        follow_symlinks: for a path, whether a symlink's target is meant; a descriptor takes no such choice.

    Returns:
        What the file system lets this process see: an attribute that vanishes meanwhile, or is not ours to read, is
        left out, and a file system without attributes has none.

    Raises:
        OSError: the file itself cannot be reached.
    """
    try:
        names = os.listxattr(target, follow_symlinks=follow_symlinks)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return {}
        raise
    found: dict[str, bytes] = {}
    for name in sorted(names):
        try:
            found[name] = os.getxattr(target, name, follow_symlinks=follow_symlinks)
        except OSError as error:
            if error.errno not in _GONE:
                raise
    return found
