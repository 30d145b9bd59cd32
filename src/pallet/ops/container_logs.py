"""`docker container logs`: what a container wrote."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pallet.engine import Engine
from pallet.errors import Conflict, NoSuchContainer
from pallet.ops.container_state import current
from pallet.runtime.logs import Entry, read_log
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

    Raises:
        NoSuchContainer: there is none; raised at once.
        Conflict: its output is kept nowhere, or not where it can be read.
    """
    id = engine.store.containers.find_id(name)
    driver = engine.store.containers.log_driver(id)
    if driver == "none":
        raise Conflict("configured logging driver does not support reading")

    def ended() -> bool:
        try:
            return not current(engine, id)[1].running
        except NoSuchContainer:
            return True

    if driver == "journald":
        from pallet.runtime.journal import read_journal

        return _pieces(read_journal(id, tail=tail, ended=ended if follow else None), since, until, timestamps)
    entries = read_log(ContainerPaths(engine.settings, id).log, tail=tail, ended=ended if follow else None)
    return _pieces(entries, since, until, timestamps)


def _pieces(entries: Iterator[Entry], since: int | None, until: int | None, timestamps: bool) -> Iterator[LogPiece]:
    inside: dict[str, bool] = {}  # streams in the middle of a line
    for entry in entries:
        if since is not None and entry.nanoseconds < since:
            continue
        if until is not None and entry.nanoseconds > until:
            return
        data = entry.text
        if timestamps and not inside.get(entry.stream):
            data = entry.time.replace(b"+00:00", b"Z") + b" " + data
        inside[entry.stream] = entry.partial
        yield LogPiece(entry.stream, data)
