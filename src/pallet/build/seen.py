"""What a build saw of its context: stat(2)'s answers. While they stay the same, the build would see the same files.

Whoever changes a file, its mode, owner or extended attributes changes its ctime; a name that comes or goes changes its
directory's. The module is on the way of a build that finds nothing changed: it imports next to nothing.
"""

from __future__ import annotations

import os

from pallet.digest import sha256_hex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_SETTLED = 1_000_000_000  # nanoseconds: what changed later than that before a build may change again unseen


class Seen:
    """The files and directories that a build looked at; filled by its threads."""

    def __init__(self) -> None:
        self._files: dict[str, os.stat_result] = {}
        self._sure = True

    def note(self, path: str, status: os.stat_result) -> None:
        """A file was looked at, or a directory is about to be listed.

        Args:
            path: relative to the context, "" for itself; no symlink is on the way.
            status: what lstat(2) said.
        """
        before = self._files.setdefault(path, status)
        if before is not status and _line(path, before) != _line(path, status):
            self._sure = False

    def doubt(self) -> None:
        """The build depends on something that cannot be noted."""
        self._sure = False

    @property
    def paths(self) -> list[str]:
        """What was looked at."""
        return list(self._files)

    def state(self, since: int) -> str:
        """The digest to compare with `state_of` later.

        Args:
            since: when the build began, in nanoseconds since 1970.

        Returns:
            "" if it would tell nothing: something changed meanwhile, or so late that it may change again unseen.
        """
        limit = since - _SETTLED
        if not self._sure or any(max(file.st_mtime_ns, file.st_ctime_ns) >= limit for file in self._files.values()):
            return ""
        return _digest(_line(path, status) for path, status in self._files.items())


def state_of(root: str, paths: Iterable[str]) -> str:
    """The digest of what lstat(2) says now of these paths below a directory; "" if one of them is not there."""
    try:
        return _digest(_line(path, os.lstat(f"{root}/{path}")) for path in paths)
    except OSError:
        return ""


def _line(path: str, s: os.stat_result) -> str:
    return f"{path}\0{s.st_dev} {s.st_ino} {s.st_mode} {s.st_size} {s.st_mtime_ns} {s.st_ctime_ns}\n"


def _digest(lines: Iterable[str]) -> str:
    return sha256_hex("".join(lines).encode("utf-8", "surrogateescape"))
