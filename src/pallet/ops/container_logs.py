"""`docker container logs`: what a container wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from pallet.engine import Engine
from pallet.errors import Conflict, NoSuchContainer
from pallet.host.locks import lock
from pallet.ops.container_state import current
from pallet.runtime.log_bounds import LogBounds
from pallet.runtime.logs import PART, Entry, read_at_once, read_lines, read_log
from pallet.runtime.paths import ContainerPaths


class LogPiece(msgspec.Struct, frozen=True):
    """A piece of output, in the order it was written.

    Attributes:
        stream: `stdout` or `stderr`.
        data: the bytes.
    """

    stream: str
    data: bytes


def container_logs(
    engine: Engine,
    name: str,
    *,
    follow: bool = False,
    tail: int | None = None,
    since: int | None = None,
    until: int | None = None,
    timestamps: bool = False,
    details: bool = False,
    joined: bool = False,
    closed: Callable[[], bool] | None = None,
) -> Iterator[LogPiece]:
    """What a container wrote.

    Args:
        engine: whose store.
        name: its name, id or id prefix.
        follow: go on until it ends.
        tail: how many lines from the end; None for all.
        since: leave out what is older; nanoseconds since the epoch.
        until: leave out what is newer.
        timestamps: put the time before each line.
        details: put the container's attributes before each line: the labels and variables that its log options name.
        joined: many lines may come as one piece, which is quicker.
        closed: tells whether nobody wants to follow any more; asked between two looks.

    Raises:
        NoSuchContainer: there is none; raised at once.
        Conflict: its output is kept nowhere, or not where it can be read.
    """
    id = engine.store.containers.find_id(name)
    driver = engine.store.containers.log_driver(id)
    if driver == "none":
        raise Conflict("configured logging driver does not support reading")

    paths = ContainerPaths(engine.settings, id)

    def ended() -> bool:
        if closed is not None and closed():
            return True
        try:
            if _goes_on(engine, id):
                return False
            # Whoever restarts it has the lock between its end and its start.
            with lock(paths.lock):
                return not _goes_on(engine, id)
        except NoSuchContainer:
            return True

    prefix = _attributes(engine, id) if details else b""

    if driver == "journald":
        from pallet.runtime.journal import read_journal

        return _pieces(read_journal(id, tail=tail, ended=ended if follow else None), since, until, timestamps, prefix)
    if joined:
        bounds = LogBounds(since, until) if since is not None or until is not None else None
        batches = read_lines(paths.log, tail=tail, ended=ended if follow else None)
        return _joined(batches, bounds, timestamps, prefix)
    entries = read_log(paths.log, tail=tail, ended=ended if follow else None)
    return _pieces(entries, since, until, timestamps, prefix)


def _goes_on(engine: Engine, id: str) -> bool:
    """Whether more may be written: it runs, or is about to be started again."""
    now = current(engine, id)[1]
    return now.running or now.name == "restarting"


def _attributes(engine: Engine, id: str) -> bytes:
    """What `--details` puts before each line. Source: docker 20.10, daemon/logger/loginfo.go, ExtraAttributes."""
    from urllib.parse import quote_plus

    from pallet.ops.log_attributes import log_attributes

    found = log_attributes(engine.store.containers.find(id))
    return ",".join(f"{quote_plus(key)}={quote_plus(found[key])}" for key in sorted(found)).encode() + b" "


def _joined(
    batches: Iterator[list[bytes]], bounds: LogBounds | None, timestamps: bool, prefix: bytes
) -> Iterator[LogPiece]:
    """The output, one piece for as much as is of one stream; lines stay as they are, for a log may have millions."""
    marked = timestamps or bool(prefix)
    inside: set[bytes] = set()  # streams in the middle of a line
    for lines in batches:
        out: list[bytes] = []
        stream = b""
        where = 0
        for moment, whose, kind, texts in read_at_once(lines):
            if bounds is not None:
                where = bounds.where(moment)
                if where < 0:
                    continue
                if where > 0:
                    break
            if whose != stream:
                if out:
                    yield LogPiece(stream.decode(), b"".join(out))
                out, stream = [], whose
            if marked:
                mark = _stamp(moment) + prefix if timestamps else prefix
                # A line's later parts have no mark of their own.
                first = texts[0] if whose in inside else mark + texts[0]
                texts = [first, *(texts[1:] if kind == PART else [mark + text for text in texts[1:]])]
                if kind == PART:
                    inside.add(whose)
                else:
                    inside.discard(whose)
            ending = b"" if kind == PART else b"\n"
            out.append(ending.join(texts) + ending)
        if out:
            yield LogPiece(stream.decode(), b"".join(out))
        if where > 0:
            return


def _stamp(moment: bytes) -> bytes:
    return moment.replace(b"+00:00", b"Z") + b" "


def _pieces(
    entries: Iterator[Entry], since: int | None, until: int | None, timestamps: bool, prefix: bytes
) -> Iterator[LogPiece]:
    inside: dict[str, bool] = {}  # streams in the middle of a line
    for entry in entries:
        if since is not None and entry.nanoseconds < since:
            continue
        if until is not None and entry.nanoseconds > until:
            return
        data = entry.text
        if prefix and not inside.get(entry.stream):
            data = prefix + data
        if timestamps and not inside.get(entry.stream):
            data = _stamp(entry.time) + data
        inside[entry.stream] = entry.partial
        yield LogPiece(entry.stream, data)
