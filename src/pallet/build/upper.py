"""An overlay's upper directory becomes a layer: as it stands, without a copy."""

from __future__ import annotations

import os
import stat

from pallet.build.layers import Packed
from pallet.errors import HostError
from pallet.host.idmap import in_user_namespace
from pallet.layer import whiteout
from pallet.layer.diff import write_diff
from pallet.store.blobs import Blobs

_NANOSECONDS = 1_000_000_000


def tidy(upper: str, *, clamp: int | None = None) -> int:
    """Drop what the kernel noted on copied files for its own use in one mount; opaque directories stay marked.

    Args:
        clamp: no file's time is later than this, in seconds since 1970.

    Returns:
        How many files there are, as unpacking the layer will count them.

    Raises:
        HostError: it cannot be read, or changed.
    """
    latest = None if clamp is None else clamp * _NANOSECONDS
    count = 0
    top = os.fsencode(upper)
    waiting = [top]
    try:
        while waiting:
            directory = waiting.pop()
            with os.scandir(directory) as entries:
                listed = list(entries)
            for entry in listed:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(entry.path)
                elif stat.S_ISSOCK(status.st_mode):
                    os.unlink(entry.path)  # a layer has no place for it
                    continue
                count += not (stat.S_ISCHR(status.st_mode) and status.st_rdev == 0)  # a whiteout is no file
                _drop_notes(entry.path)
                if latest is not None and status.st_mtime_ns > latest:
                    os.utime(entry.path, ns=(latest, latest), follow_symlinks=False)
        _drop_notes(top)
    except OSError as error:
        raise HostError(f"cannot finish {os.fsdecode(error.filename or upper)}: {error.strerror}") from error
    return count


def pack(blobs: Blobs, upper: str, files: int, *, clamp: int | None = None) -> Packed:
    """Make the blob of an upper directory. Errors as `write_diff` and `LayerWriter`."""
    from pallet.ops.new_layer import LayerWriter

    with LayerWriter(blobs) as writer:
        size = write_diff(upper, writer, source_date_epoch=clamp, userxattr=in_user_namespace())
        layer = writer.finish()
    return Packed(layer.descriptor, layer.diff_id, size, files)


def _drop_notes(path: bytes) -> None:
    for name in map(os.fsencode, os.listxattr(path, follow_symlinks=False)):
        if name.startswith(whiteout.OVERLAY_XATTRS) and not name.endswith(whiteout.OVERLAY_OPAQUE.encode()):
            os.removexattr(path, name, follow_symlinks=False)
