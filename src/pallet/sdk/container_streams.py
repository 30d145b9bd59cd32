"""A container's processes and files as streams, in docker-py's words."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from pallet.errors import Unsupported
from pallet.sdk.model import Model
from pallet.sdk.stream import CHUNK_SIZE, Pipe, produced

if TYPE_CHECKING:
    from pallet.ops.container_exec import ExecOptions

_CHUNK = 1 << 16


class ExecResult(NamedTuple):
    """How a process in a container went.

    Attributes:
        exit_code: None while it is not known: for a stream, and for one that was left running.
        output: bytes; or an iterator over them; or with `demux` a pair of output and errors, or an iterator over pairs.
    """

    exit_code: int | None
    output: Any


class ContainerStreams(Model):
    """The verbs of `Container` that stream."""

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
            stdin: not supported: it reads nothing.
            tty: with a terminal.
            privileged: with all capabilities.
            user: `name|uid[:group|gid]`.
            detach: leave it running; nothing is passed on.
            stream: pass on piece by piece, while it runs.
            socket: not supported.
            environment: `{"NAME": "value"}` or `["NAME=value"]`.
            workdir: its working directory.
            demux: output and errors apart.

        Raises:
            NoSuchContainer: it is gone.
            Conflict: it does not run, or is paused.
            RuntimeFailed: the process cannot be started.

        Example:
            >>> container.exec_run(["cat", "/etc/hostname"])
            ExecResult(exit_code=0, output=b'apache\\n')
        """
        import shlex

        from pallet.ops.container_exec import ExecOptions, exec_detached

        if socket:
            raise Unsupported("socket is not supported")
        if stdin:
            raise Unsupported("stdin is not supported")
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
        pieces = self._exec(options, stdout, stderr)
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

    def _exec(self, options: ExecOptions, stdout: bool, stderr: bool) -> Generator[tuple[int, bytes], None, int]:
        """Run a process; gives 0 or 1 for output or errors, and a piece of it; returns the exit code."""
        from pallet.ops.container_exec import exec_attached

        def work(out: int, err: int) -> int:
            code = exec_attached(
                self._engine, self._id, options, stdout=out if stdout else None, stderr=err if stderr else None
            )
            return 0 if code is None else code

        return _through_pipes(work)

    def attach(
        self, stdout: bool = True, stderr: bool = True, stream: bool = False, logs: bool = False, demux: bool = False
    ) -> Any:
        """What it writes from now on, until it ends.

        Args:
            stdout: its output.
            stderr: its errors.
            stream: an iterator instead of all at once.
            logs: what it wrote before, first.
            demux: output and errors apart: pairs.

        Raises:
            NoSuchContainer: it is gone.
            Conflict: it does not run, or is paused.
        """
        from pallet.ops.container_attach import attach_container, check_attachable
        from pallet.ops.container_logs import container_logs

        check_attachable(self._engine, self._id)
        wanted = (stdout, stderr)

        def work(out: int, err: int) -> int:
            code = attach_container(self._engine, self._id, stdout=out, stderr=err, forward_signals=False)
            return 0 if code is None else code

        def pieces() -> Iterator[tuple[int, bytes]]:
            if logs:
                for piece in container_logs(self._engine, self._id, joined=True):
                    yield int(piece.stream == "stderr"), piece.data
            yield from _through_pipes(work)

        chosen = (piece for piece in pieces() if wanted[piece[0]])
        if stream:
            return (_pair(piece) for piece in chosen) if demux else (data for _, data in chosen)
        parts = list(chosen)
        if demux:
            return tuple(b"".join(data for which, data in parts if which == number) or None for number in (0, 1))
        return b"".join(data for _, data in parts)

    def get_archive(
        self, path: str, chunk_size: int | None = CHUNK_SIZE, encode_stream: bool = False
    ) -> tuple[Generator[bytes, None, None], dict[str, Any]]:
        """A file, or a directory with all below it, as a tar.

        Args:
            path: in the container, which may be stopped.
            chunk_size: bytes of a piece; None for pieces as they come.
            encode_stream: not supported.

        Returns:
            An iterator over the tar's pieces (`close()` it, or drop it, to stop early), and what the path is.

        Raises:
            NotFound: nothing is there.
        """
        from pallet.ops.container_archive import get_archive, stat_path
        from pallet.ops.times import rfc3339_nano

        if encode_stream:
            raise Unsupported("encode_stream is not supported")
        found = stat_path(self._engine, self._id, path)
        engine, id = self._engine, self._id

        def produce(out: Pipe) -> None:
            archive = get_archive(engine, id, path)
            try:
                while data := archive.read(_CHUNK):
                    out.write(data)
            finally:
                archive.close()

        about = {
            "name": found.name,
            "size": found.size,
            "mode": found.mode,
            "mtime": rfc3339_nano(found.mtime),
            "linkTarget": found.link_target,
        }
        return produced(produce, chunk_size=chunk_size), about

    def put_archive(self, path: str, data: bytes | IO[bytes] | Iterable[bytes]) -> bool:
        """Extract a tar into a directory of it.

        Args:
            path: the directory, in the container, which may be stopped.
            data: the tar: bytes, a file, or pieces.

        Returns:
            True.

        Raises:
            NotFound: there is no such directory.
            InvalidInput: it is read-only, or what is in it forbids the extraction.
        """
        from pallet.ops.container_archive import WholeWriter, put_archive

        def send(fd: int) -> None:
            out = WholeWriter(fd)
            if isinstance(data, bytes):
                out.write(data)
            elif hasattr(data, "read"):
                while piece := data.read(_CHUNK):
                    out.write(piece)
            else:
                for piece in data:
                    out.write(piece)

        put_archive(self._engine, self._id, path, send)
        return True


def _pair(piece: tuple[int, bytes]) -> tuple[bytes | None, bytes | None]:
    number, data = piece
    return (data, None) if number == 0 else (None, data)


def _through_pipes(work: Callable[[int, int], int]) -> Generator[tuple[int, bytes], None, int]:
    """What `work`, in a thread, writes to two files: 0 or 1, and a piece; returns what `work` returns."""
    import select
    import threading

    result: list[int] = []
    errors: list[BaseException] = []
    out, out_end = os.pipe2(os.O_CLOEXEC)
    err, err_end = os.pipe2(os.O_CLOEXEC)

    def run() -> None:
        try:
            result.append(work(out_end, err_end))
        except BaseException as error:
            errors.append(error)
        finally:
            os.close(out_end)
            os.close(err_end)

    thread = threading.Thread(target=run, name="pallet-streams", daemon=True)
    thread.start()
    opened = {out: 0, err: 1}
    try:
        poll = select.poll()
        for fd in opened:
            poll.register(fd, select.POLLIN)
        while opened:
            for fd, _ in poll.poll():
                data = os.read(fd, _CHUNK)
                if data:
                    yield opened[fd], data
                else:
                    poll.unregister(fd)
                    del opened[fd]
        thread.join()
    finally:
        os.close(out)
        os.close(err)
    if errors and not isinstance(errors[0], BrokenPipeError):
        raise errors[0]
    return result[0] if result else 0
