"""A container's processes and files as streams, in docker-py's words."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict, Unpack, overload

from pallet.errors import InvalidInput, RuntimeFailed, Unsupported
from pallet.sdk.arguments import Moment, log_tail, nanoseconds
from pallet.sdk.model import Model
from pallet.sdk.pipes import through_pipes
from pallet.sdk.stream import CancellableStream

if TYPE_CHECKING:
    import socket as sockets

    from pallet.ops.container_exec import ExecOptions
    from pallet.sdk.sockets import Work


class ExecResult(NamedTuple):
    """How a process in a container went.

    Attributes:
        exit_code: None while it is not known: for a stream, and for one that was left running.
        output: bytes; or an iterator over them; or with `demux` a pair of output and errors, or an iterator over pairs.
    """

    exit_code: int | None
    output: Any


class LogWords(TypedDict, total=False):
    """What `Container.logs` may be told besides `stream`."""

    stdout: bool
    stderr: bool
    timestamps: bool
    tail: int | Literal["all"]
    since: Moment | None
    follow: bool | None
    until: Moment | None


class ContainerStreams(Model):
    """The verbs of `Container` that stream."""

    @overload
    def logs(self, *, stream: Literal[False] = False, **words: Unpack[LogWords]) -> bytes: ...

    @overload
    def logs(self, *, stream: Literal[True], **words: Unpack[LogWords]) -> CancellableStream[bytes]: ...

    @overload
    def logs(self, *, stream: bool = False, **words: Unpack[LogWords]) -> bytes | CancellableStream[bytes]: ...

    def logs(
        self,
        stdout: bool = True,
        stderr: bool = True,
        stream: bool = False,
        timestamps: bool = False,
        tail: int | Literal["all"] = "all",
        since: Moment | None = None,
        follow: bool | None = None,
        until: Moment | None = None,
    ) -> bytes | CancellableStream[bytes]:
        """What it wrote.

        Args:
            stdout: its output.
            stderr: its errors.
            stream: an iterator over pieces, each a line or a part of a long one, instead of all at once; its `close`
                ends it, from any thread.
            timestamps: the time before each line.
            tail: how many lines from the end.
            since: nothing older.
            follow: go on until it ends; as `stream` if not given.
            until: nothing newer.

        Raises:
            NoSuchContainer: it is gone.
            InvalidInput: neither stream is wanted, or a bad `tail`.
            Conflict: its output is kept nowhere.

        Example:
            >>> for line in container.logs(stream=True):
            ...     print(line.decode(), end="")
        """
        from pallet.ops.container_logs import container_logs

        if not stdout and not stderr:
            raise InvalidInput("Bad parameters: you must choose at least one stream")
        wanted = {"stdout": stdout, "stderr": stderr}

        def begin(closed: Callable[[], bool]) -> Iterator[bytes]:
            pieces = container_logs(
                self._engine,
                self._id,
                follow=stream if follow is None else follow,
                tail=log_tail(tail),
                since=nanoseconds(since),
                until=nanoseconds(until),
                timestamps=timestamps,
                closed=closed,
            )
            return (piece.data for piece in pieces if wanted[piece.stream])

        found = CancellableStream(begin)
        return found if stream else b"".join(found)

    def exec_run(
        self,
        cmd: str | Iterable[str],
        stdout: bool = True,
        stderr: bool = True,
        stdin: bool = False,
        tty: bool = False,
        privileged: bool = False,
        user: str = "",
        detach: bool = False,
        stream: bool = False,
        socket: bool = False,
        environment: Mapping[str, str] | Iterable[str] | None = None,
        workdir: str | None = None,
        demux: bool = False,
    ) -> ExecResult:
        """Run one more process in it.

        Args:
            cmd: the program and its arguments, one by one or as the shell would take them apart.
            stdout: pass on its output.
            stderr: pass on its errors.
            stdin: with a standard input: what is written to the socket; without `socket` it is empty.
            tty: with a terminal.
            privileged: with all capabilities.
            user: `name|uid[:group|gid]`.
            detach: leave it running; nothing is passed on.
            stream: pass on piece by piece, while it runs.
            socket: give a socket to read from and write to: see `attach_socket`.
            environment: `{"NAME": "value"}` or `["NAME=value"]`.
            workdir: its working directory.
            demux: output and errors apart.

        Raises:
            NoSuchContainer: it is gone.
            Conflict: it does not run, or is paused.

        A process that cannot be started is no error: it has the exit code 126 or 127, and its output says why.

        Example:
            >>> container.exec_run(["cat", "/etc/hostname"])
            ExecResult(exit_code=0, output=b'apache\\n')
        """
        import shlex

        from pallet.ops.container_exec import ExecOptions, exec_detached

        pairs = environment.items() if isinstance(environment, Mapping) else None
        options = ExecOptions(
            tuple(shlex.split(cmd)) if isinstance(cmd, str) else tuple(cmd),
            env=tuple(f"{name}={value}" for name, value in pairs) if pairs is not None else tuple(environment or ()),
            user=user,
            working_dir=workdir or "",
            privileged=privileged,
            tty=tty,
        )
        if detach:
            exec_detached(self._engine, self._id, options)
            return ExecResult(None, b"")
        work = self._exec(options, stdout, stderr)
        if socket:
            return ExecResult(None, self._socket(work, stdin=stdin, tty=tty))
        pieces = through_pipes(lambda out, err: work(None, out, err))
        if stream:
            return ExecResult(None, (_pair(piece) for piece in pieces) if demux else (data for _, data in pieces))
        parts: tuple[list[bytes], list[bytes]] = ([], [])
        whole = []
        code = 0
        try:
            while True:
                number, data = next(pieces)
                parts[number].append(data)
                whole.append(data)
        except StopIteration as end:
            code = end.value
        if demux:
            return ExecResult(code, tuple(b"".join(part) or None for part in parts))
        return ExecResult(code, b"".join(whole))

    def _exec(self, options: ExecOptions, stdout: bool, stderr: bool) -> Work:
        from pallet.ops.container_exec import exec_attached

        def work(stdin: int | None, out: int, err: int) -> int:
            try:
                code = exec_attached(
                    self._engine,
                    self._id,
                    options,
                    stdin=stdin,
                    stdout=out if stdout else None,
                    stderr=err if stderr else None,
                )
            except RuntimeFailed as error:  # with docker, too, that is what is read
                os.write(out, error.message.encode() + b"\r\n")
                return error.exit_code
            return 0 if code is None else code

        return work

    def attach(
        self, stdout: bool = True, stderr: bool = True, stream: bool = False, logs: bool = False, demux: bool = False
    ) -> Any:
        """What it writes from now on, until it ends.

        Args:
            stdout: its output.
            stderr: its errors.
            stream: an iterator instead of all at once; its `close` ends it, from any thread.
            logs: what it wrote before, first.
            demux: output and errors apart: pairs.

        Raises:
            NoSuchContainer: it is gone.
            Conflict: it does not run, or is paused.
        """
        from pallet.ops.container_attach import check_attachable
        from pallet.ops.container_logs import container_logs

        check_attachable(self._engine, self._id)
        wanted = (stdout, stderr)

        def begin(closed: Callable[[], bool]) -> Iterator[tuple[int, bytes]]:
            if logs:
                for piece in container_logs(self._engine, self._id, joined=True):
                    yield int(piece.stream == "stderr"), piece.data
            yield from through_pipes(lambda out, err: self._attach(None, out, err), closed if stream else None)

        def make(closed: Callable[[], bool]) -> Iterator[Any]:
            chosen = (piece for piece in begin(closed) if wanted[piece[0]])
            return (_pair(piece) for piece in chosen) if demux else (data for _, data in chosen)

        found: CancellableStream[Any] = CancellableStream(make)
        if stream:
            return found
        if demux:
            return tuple(b"".join(filter(None, part)) or None for part in zip(*found, strict=True)) or (None, None)
        return b"".join(found)

    def attach_socket(self, params: Mapping[str, Any] | None = None, ws: bool = False) -> sockets.SocketIO:
        """A socket to its standard streams.

        What is written to it is its standard input. What is read from it is its output: with a terminal as it is,
        else in frames with a header of eight bytes each, as docker has it: 1 for output or 2 for errors, three zeros,
        the number of bytes that follow (big-endian). The `socket.socket` itself is its `_sock`.

        Args:
            params: which of `stdin`, `stdout` and `stderr`, `{"stdin": True}`; its output and errors if not given.
            ws: not supported.

        Raises:
            NoSuchContainer: it is gone.
            Conflict: it does not run, or is paused.

        Example:
            >>> socket = container.attach_socket({"stdin": 1, "stream": 1})
            >>> socket.write(b"hello\\n")
            6
        """
        from pallet.ops.container_attach import check_attachable

        if ws:
            raise Unsupported("ws is not supported: there is no HTTP")
        check_attachable(self._engine, self._id)
        chosen = {"stdout": True, "stderr": True} if params is None else params

        def work(stdin: int | None, out: int, err: int) -> int:
            return self._attach(stdin, out if chosen.get("stdout") else None, err if chosen.get("stderr") else None)

        tty = self._engine.store.containers.find(self._id).config.tty
        return self._socket(work, stdin=bool(chosen.get("stdin")), tty=tty)

    def _attach(self, stdin: int | None, stdout: int | None, stderr: int | None) -> int:
        from pallet.ops.container_attach import attach_container

        code = attach_container(
            self._engine, self._id, stdin=stdin, stdout=stdout, stderr=stderr, forward_signals=False
        )
        return 0 if code is None else code

    def _socket(self, work: Work, *, stdin: bool, tty: bool) -> sockets.SocketIO:
        from pallet.sdk.sockets import as_socket

        return as_socket(work, stdin=stdin, tty=tty)


def _pair(piece: tuple[int, bytes]) -> tuple[bytes | None, bytes | None]:
    number, data = piece
    return (data, None) if number == 0 else (None, data)
