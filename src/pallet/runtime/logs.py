"""What a container wrote: conmon's log.

Source: conmon's `k8s-file` format (the CRI's): `<RFC 3339 time> <stdout|stderr> <P|F> <text>`; P is a part of a line
that goes on in the next entry of the stream, F is a line's last part. The file of a line that never got its newline
ends in a P entry.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import msgspec

_CHUNK = 1 << 16
_PAUSE = 0.05  # seconds between looks at a log that is followed


class Entry(msgspec.Struct, frozen=True):
    """One piece of output.

    Attributes:
        time: as conmon wrote it, RFC 3339 with nanoseconds.
        stream: `stdout` or `stderr`.
        text: the bytes, with the newline if the line is complete.
        partial: whether the line goes on.
    """

    time: bytes
    stream: str
    text: bytes
    partial: bool

    @property
    def nanoseconds(self) -> int:
        """The time since the epoch."""
        return parse_time(self.time)


def parse_entry(line: bytes) -> Entry | None:
    """Read one line of the log without its newline; None for what is not an entry (a crash may cut one short)."""
    parts = line.split(b" ", 3)
    if len(parts) != 4 or parts[1] not in (b"stdout", b"stderr") or parts[2] not in (b"P", b"F"):
        return None
    partial = parts[2] == b"P"
    return Entry(parts[0], parts[1].decode(), parts[3] if partial else parts[3] + b"\n", partial)


def read_log(path: str, *, tail: int | None = None, ended: Callable[[], bool] | None = None) -> Iterator[Entry]:
    """The entries of a log, oldest first.

    Args:
        path: the log.
        tail: how many lines from the end to begin with; None for all.
        ended: for following: tells whether nothing more will come; None not to follow.
    """
    try:
        file = open(path, "rb", buffering=0)
    except FileNotFoundError:
        return
    with file:
        if tail is not None:
            file.seek(_tail_offset(file.fileno(), tail))
        rest = b""
        while True:
            # Asked before reading: what was written before the end is then still read.
            last = ended is None or ended()
            while chunk := file.read(_CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    entry = parse_entry(line)
                    if entry is not None:
                        yield entry
            if last:
                return
            time.sleep(_PAUSE)


def parse_time(text: bytes) -> int:
    """Nanoseconds since the epoch of `2026-11-24T02:53:30.412844704+00:00`."""
    from datetime import datetime

    word = text.decode()
    seconds, fraction, zone = word[:19], "", word[19:]
    if zone.startswith("."):
        end = 1
        while end < len(zone) and zone[end].isdigit():
            end += 1
        fraction, zone = zone[1:end], zone[end:]
    moment = datetime.fromisoformat(seconds + (zone or "+00:00"))
    return int(moment.timestamp()) * 1_000_000_000 + int(fraction.ljust(9, "0")[:9])


def _tail_offset(fd: int, lines: int) -> int:
    """Where the last so many complete lines of output begin; entries of both streams count together."""
    position = os.fstat(fd).st_size
    if lines <= 0:
        return position
    found, behind = 0, b""
    while position > 0:
        size = min(_CHUNK, position)
        position -= size
        behind = os.pread(fd, size, position) + behind
        # Search whole entries only: the first may be cut by the chunk's edge.
        cut = behind.find(b"\n") if position else -1
        window = behind[cut + 1 :]
        found, offset = _count_back(window, lines)
        if found:
            return position + cut + 1 + offset
    return 0


def _count_back(window: bytes, lines: int) -> tuple[bool, int]:
    """Whether a window of whole entries has more than so many lines, and where the last of them begin."""
    entries = window.split(b"\n")
    end = len(window) + 1
    seen = 0
    begun = set()  # streams of which a later entry was seen
    for number in range(len(entries) - 1, -1, -1):
        line = entries[number]
        end -= len(line) + 1
        if not line:
            continue
        entry = parse_entry(line)
        if entry is None:
            continue
        ends_line = not entry.partial or entry.stream not in begun
        begun.add(entry.stream)
        if ends_line:
            if seen == lines:
                return True, end + len(line) + 1
            seen += 1
    return False, 0
