"""Running a short program: posix_spawn(3) without the subprocess module, whose import costs more than the program.

Input and output go through memory files, so that nothing can block, however much there is.
"""

from __future__ import annotations

import os
from _signal import SIGPIPE  # type: ignore[import-not-found]  # what `signal` is made of: that one imports enum

from pallet.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PLACES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


class Finished:
    """What a program said, and its exit code (128 + signal if a signal ended it)."""

    __slots__ = ("code", "stderr", "stdout")

    def __init__(self, code: int, stdout: bytes, stderr: bytes) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr


class Spawned:
    """A program that runs; `wait` must be called once."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        fds: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
        alone: bool = False,
        session: bool = False,
    ) -> None:
        """Start a program.

        Args:
            argv: the program's path and its arguments.
            stdin: what it reads from standard input.
            fds: open files that it inherits under their own numbers.
            env: its environment; this process's if None.
            alone: whether it inherits none of what this process was started with beside the standard streams, because
                it leaves something running.
            session: whether it gets a session of its own: signals for this process's group are not for it.

        Raises:
            HostError: it cannot be started.
        """
        given = os.memfd_create("stdin")
        self._outputs = (os.memfd_create("stdout"), os.memfd_create("stderr"))
        try:
            view = memoryview(stdin)
            while view:
                view = view[os.write(given, view) :]
            os.lseek(given, 0, os.SEEK_SET)
            actions: list[tuple[int, ...]] = [
                (os.POSIX_SPAWN_DUP2, given, 0),
                (os.POSIX_SPAWN_DUP2, self._outputs[0], 1),
                (os.POSIX_SPAWN_DUP2, self._outputs[1], 2),
                *((os.POSIX_SPAWN_DUP2, fd, fd) for fd in fds),
            ]
            if alone:
                actions += [(os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable() if fd not in fds]
            try:
                self._pid = os.posix_spawn(
                    argv[0],
                    list(argv),
                    os.environ if env is None else env,
                    file_actions=actions,
                    setsigdef=(SIGPIPE,),
                    setsid=session,
                )
            except OSError as error:
                self._close()
                raise HostError(f"cannot run {argv[0]}: {error.strerror}") from error
        finally:
            os.close(given)

    def wait(self) -> Finished:
        """Wait for the program's end."""
        try:
            _, status = os.waitpid(self._pid, 0)
            code = os.waitstatus_to_exitcode(status)
            stdout, stderr = (_content(fd) for fd in self._outputs)
        finally:
            self._close()
        return Finished(code if code >= 0 else 128 - code, stdout, stderr)

    def _close(self) -> None:
        for fd in self._outputs:
            os.close(fd)


def _inheritable() -> list[int]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:  # the listing's own
            continue
    return found


def run(argv: Sequence[str], *, stdin: bytes = b"", fds: Sequence[int] = ()) -> Finished:
    """Run a program to its end; arguments and errors as `Spawned`."""
    return Spawned(argv, stdin=stdin, fds=fds).wait()


def find_program(name: str) -> str | None:
    """The path of a program: in PATH, else where systems keep it for root; None if it is nowhere."""
    if "/" in name:
        return name if os.access(name, os.X_OK) else None
    for directory in (*os.environ.get("PATH", "").split(":"), *_PLACES):
        path = f"{directory}/{name}"
        if directory.startswith("/") and os.access(path, os.X_OK):
            return path
    return None


def _content(fd: int) -> bytes:
    size = os.fstat(fd).st_size
    return os.pread(fd, size, 0)
