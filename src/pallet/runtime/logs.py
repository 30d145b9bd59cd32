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

from pallet.runtime.log_files import LogFile, older

PART = b"P"
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
    """The entries of a log, oldest first; a log that is rotated goes on in another file.

    Args:
        path: the log.
        tail: how many lines from the end to begin with; None for all.
        ended: for following: tells whether nothing more will come; None not to follow.
    """
    for entries in read_lines(path, tail=tail, ended=ended):
        for line in entries:
            entry = parse_entry(line)
            if entry is not None:
                yield entry


def read_lines(path: str, *, tail: int | None = None, ended: Callable[[], bool] | None = None) -> Iterator[list[bytes]]:
    """The lines of a log as they stand there, without their newlines, many at once; arguments as `read_log`."""
    file = _begin(path, tail)
    if file is None:
        return
    rest = b""
    try:
        while True:
            # Asked before reading: what was written before the end is then still read.
            last = ended is None or ended()
            following = file.after(path)
            # Read after the look: conmon may have written to the old file until it opened the new one.
            while chunk := os.read(file.fd, _CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                yield lines
            if following:
                try:
                    fresh = LogFile(following)
                except FileNotFoundError:  # the new one is about to be there, if conmon lives
                    if last:
                        return
                    time.sleep(_PAUSE / 10)
                    continue
                file.close()
                file, rest = fresh, b""
            elif last:
                return
            else:
                time.sleep(_PAUSE)
    finally:
        file.close()


def read_at_once(lines: list[bytes]) -> Iterator[tuple[bytes, bytes, bytes, list[bytes]]]:
    """Lines of a log, together as conmon read them: what it gets at one time has one time, stream and tag.

    Args:
        lines: as `read_lines` has them; what is no entry is left out.

    Yields:
        The time, the stream, `F`, or `P` for parts of a line, and the texts.
    """
    start = 0
    while start < len(lines):
        first = lines[start]
        words = first.split(b" ", 3)
        end = start + 1
        if len(words) == 4:
            cut = len(first) - len(words[3])
            head = first[:cut]
            while end < len(lines) and lines[end].startswith(head):
                end += 1
            yield words[0], words[1], words[2], [line[cut:] for line in lines[start:end]]
        start = end


def _begin(path: str, tail: int | None) -> LogFile | None:
    """Open the file to begin with, at the place to begin at; None if there is no log."""
    begin: LogFile | None = None
    names = [path, *older(path)]
    for name in names if tail is not None else reversed(names):
        try:
            file = LogFile(name)
        except FileNotFoundError:
            continue
        if begin is not None:
            begin.close()
        begin = file
        if tail is None:
            if not file.is_oldest(path):  # it was rotated meanwhile
                file.close()
                return _begin(path, tail)
            return begin
        offset, found = _tail_offset(file.fd, tail)
        os.lseek(file.fd, offset, os.SEEK_SET)
        tail -= found
        if tail <= 0:
            return begin
    return begin


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


def _tail_offset(fd: int, lines: int) -> tuple[int, int]:
    """Where the last so many complete lines of output begin, and how many there are; both streams count together."""
    position = os.fstat(fd).st_size
    if lines <= 0:
        return position, 0
    seen, behind = 0, b""
    while position > 0:
        size = min(_CHUNK, position)
        position -= size
        behind = os.pread(fd, size, position) + behind
        # Search whole entries only: the first may be cut by the chunk's edge.
        cut = behind.find(b"\n") if position else -1
        window = behind[cut + 1 :]
        seen, offset = _count_back(window, lines)
        if offset >= 0:
            return position + cut + 1 + offset, lines
    return 0, seen


def _count_back(window: bytes, lines: int) -> tuple[int, int]:
    """How many lines a window of whole entries has; and if they are too many, where the last of them begin, else -1."""
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
                return seen, end + len(line) + 1
            seen += 1
    return seen, -1
