"""The standard streams of a process without a terminal, between its pipes and the user's files.

The process never gets the user's files themselves: through /proc it could open them again, and write where it should
only read. Quick path: imports nothing but os, errno and select.
"""

from __future__ import annotations

import errno
import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.runtime.exec_process import ExecProcess

_CHUNK = 1 << 16
_PATIENCE = 2.0  # seconds, docker's, that output of what a process left running is still passed on


class ExecPipes:
    """The pipes of one process; a context that closes what is still open.

    Args:
        stdin: whether it gets a standard input; it reads nothing otherwise.

    Attributes:
        given: standard input, output and errors for the process; to be closed when it has them.
    """

    def __init__(self, *, stdin: bool) -> None:
        out, out_end = os.pipe2(os.O_CLOEXEC)
        err, err_end = os.pipe2(os.O_CLOEXEC)
        if stdin:
            in_end, self.stdin = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(self.stdin, False)
        else:
            in_end, self.stdin = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), -1
        self.stdout = out
        self.stderr = err
        self.given: tuple[int, int, int] | None = (in_end, out_end, err_end)

    def release(self) -> None:
        """Close the process's ends here."""
        if self.given is not None:
            for fd in self.given:
                os.close(fd)
            self.given = None

    def __enter__(self) -> ExecPipes:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()
        for name in ("stdin", "stdout", "stderr"):
            self.close(name)

    def close(self, name: str) -> None:
        """Close one of `stdin`, `stdout`, `stderr`."""
        fd = getattr(self, name)
        setattr(self, name, -1)
        if fd >= 0:
            os.close(fd)


def pass_on(process: ExecProcess, pipes: ExecPipes, stdin: int, stdout: int | None, stderr: int | None) -> None:
    """Pass everything on until the process has ended.

    Args:
        process: the process.
        pipes: its pipes.
        stdin: the user's standard input; -1 for none.
        stdout: where standard output goes; None for nowhere.
        stderr: where standard error goes.

    Raises:
        BrokenPipeError: nobody reads the user's side any more.
    """
    if not process.begins():
        return
    pending = b""
    deadline = 0.0
    poll = select.poll()
    poll.register(process.pidfd, select.POLLIN)
    poll.register(pipes.stdout, select.POLLIN)
    poll.register(pipes.stderr, select.POLLIN)
    if stdin >= 0:
        poll.register(stdin, select.POLLIN)
    while True:
        timeout = max(0.0, deadline - time.monotonic()) * 1000 if deadline else None
        ready = dict(poll.poll(timeout))
        if process.pidfd in ready:
            poll.unregister(process.pidfd)
            deadline = time.monotonic() + _PATIENCE
            if stdin >= 0:
                stdin = _end_input(poll, pipes, stdin)
        for name, target in (("stdout", stdout), ("stderr", stderr)):
            source = getattr(pipes, name)
            if source >= 0 and source in ready and not _move(source, target):
                poll.unregister(source)
                pipes.close(name)
        if stdin >= 0 and stdin in ready:
            pending = _read(stdin)
            poll.unregister(stdin)
            if pending:
                poll.register(pipes.stdin, select.POLLOUT)
            else:
                pipes.close("stdin")
                stdin = -1
        elif pending and pipes.stdin in ready:
            pending = _feed(poll, pipes, pending)
            if pipes.stdin < 0:  # the process reads no more
                stdin = -1
            elif not pending:
                poll.unregister(pipes.stdin)
                poll.register(stdin, select.POLLIN)
        if deadline and ((pipes.stdout < 0 and pipes.stderr < 0) or time.monotonic() >= deadline):
            return


def _end_input(poll: select.poll, pipes: ExecPipes, stdin: int) -> int:
    for fd in (stdin, pipes.stdin):
        try:
            poll.unregister(fd)
        except KeyError:
            continue
    pipes.close("stdin")
    return -1


def _feed(poll: select.poll, pipes: ExecPipes, pending: bytes) -> bytes:
    try:
        return pending[os.write(pipes.stdin, pending) :]
    except BlockingIOError:
        return pending
    except BrokenPipeError:
        poll.unregister(pipes.stdin)
        pipes.close("stdin")
        return b""


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, _CHUNK)
    except OSError as error:
        if error.errno != errno.EIO:  # a terminal that hung up
            raise
        return b""


def _move(source: int, target: int | None) -> bool:
    """Move what a pipe holds to a file; False at the pipe's end."""
    if target is not None:
        try:
            # The kernel moves pages between pipes without copying them.
            return os.splice(source, target, 1 << 20) > 0
        except BlockingIOError:
            select.select([], [target], [])
            return True
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EBADF):  # a terminal, a file that is appended to
                raise
    data = os.read(source, _CHUNK)
    view = memoryview(data)
    while view and target is not None:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            select.select([], [target], [])
    return bool(data)
