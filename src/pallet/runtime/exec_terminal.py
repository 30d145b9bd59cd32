"""A process with a terminal of its own in a container, and the user's terminal before it."""

from __future__ import annotations

import array
import errno
import fcntl
import os
import select
import signal
import socket
import termios
from collections.abc import Callable

from pallet.errors import HostError
from pallet.host.spawn import find_program
from pallet.runtime.exec_process import ExecProcess
from pallet.runtime.terminal import DetachKeys, RawTerminal, terminal_size

_CHUNK = 1 << 16


class Console:
    """The socket through which the runtime hands over a terminal; a context.

    Args:
        directory: an open directory in which the socket may be for a moment.

    Attributes:
        path: its path, for the runtime: short, however long the directory's is.
        master: our end of the terminal, once it was received; -1 before.
    """

    def __init__(self, directory: int) -> None:
        self._directory = directory
        self._name = f"console-{os.urandom(8).hex()}"
        self.path = f"/proc/{os.getpid()}/fd/{directory}/{self._name}"
        self.master = -1
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(f"/proc/self/fd/{directory}/{self._name}")
        self._socket.listen(1)

    def receive(self, process: ExecProcess) -> bool:
        """Wait for the terminal; False if the runtime ended without one.

        Raises:
            HostError: what came is no terminal.
        """
        ready, _, _ = select.select([self._socket.fileno(), process.pidfd], [], [])
        if self._socket.fileno() not in ready:
            return False
        connection, _ = self._socket.accept()
        with connection:
            room = socket.CMSG_LEN(array.array("i").itemsize)
            _, ancillary, _, _ = connection.recvmsg(4096, room)
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self.master = array.array("i", data[:4])[0]
                os.set_inheritable(self.master, False)
                return True
        raise HostError("the OCI runtime sent no terminal")

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()
        os.unlink(self._name, dir_fd=self._directory)
        if self.master >= 0:
            os.close(self.master)


class OwnTerminal:
    """A terminal between the user and a runtime that passes everything on itself (runc); a context.

    Attributes:
        master: our end.
        slave: the runtime's; to be closed when it has it.
    """

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()

    def release(self) -> None:
        """Close the runtime's end here."""
        if self.slave >= 0:
            os.close(self.slave)
            self.slave = -1

    def __enter__(self) -> OwnTerminal:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()
        os.close(self.master)


def set_size(master: int, rows: int, columns: int) -> None:
    """Give a terminal a size."""
    fcntl.ioctl(master, termios.TIOCSWINSZ, array.array("H", (rows, columns, 0, 0)))


def keep_open(master: int) -> None:
    """Leave a terminal to a small program that reads it till its end: without a reader its processes would hang."""
    cat = find_program("cat")
    if cat is None:
        return
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate((master, nowhere, nowhere))]
        os.posix_spawn(cat, [cat], {}, file_actions=actions, setsid=True)
    finally:
        os.close(nowhere)


def converse(
    master: int, stdin: int, stdout: int | None, keys: bytes, resized: Callable[[], None] | None = None
) -> bool:
    """Pass keys and output on until the terminal's last process has gone.

    Args:
        master: the container's terminal.
        stdin: the user's; -1 for none. A terminal is raw meanwhile.
        stdout: where output goes; None for nowhere.
        keys: what detaches when typed; empty for nothing.
        resized: called when the terminal has got another size.

    Returns:
        Whether it ended; False if the user detached.
    """
    window = _Window(master, [fd for fd in (stdout, stdin) if fd is not None and fd >= 0], resized)
    with window:
        if stdin >= 0 and os.isatty(stdin):
            with RawTerminal(stdin):
                return _loop(master, stdin, stdout, DetachKeys(keys), window)
        return _loop(master, stdin, stdout, DetachKeys(keys), window)


class _Window:
    """Follows the size of the user's terminal; only the main thread is told of changes."""

    def __init__(self, master: int, terminals: list[int], resized: Callable[[], None] | None) -> None:
        self._master = master
        self._resized = resized
        self._terminals = terminals
        self.wake = -1

    def fit(self) -> None:
        for fd in self._terminals:
            rows, columns = terminal_size(fd)
            if rows:
                set_size(self._master, rows, columns)
                if self._resized is not None:
                    self._resized()
                return

    def __enter__(self) -> None:
        self.fit()
        try:
            self._before = signal.signal(signal.SIGWINCH, lambda number, frame: None)
        except ValueError:  # not the main thread
            return
        self.wake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._old_wake = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def __exit__(self, *error: object) -> None:
        if self.wake >= 0:
            signal.signal(signal.SIGWINCH, self._before)
            os.close(signal.set_wakeup_fd(self._old_wake))
            os.close(self.wake)


def _loop(master: int, stdin: int, stdout: int | None, keys: DetachKeys, window: _Window) -> bool:
    pending = b""
    detached = False
    while True:
        poll = select.poll()
        poll.register(master, select.POLLIN | (select.POLLOUT if pending else 0))
        if window.wake >= 0:
            poll.register(window.wake, select.POLLIN)
        if stdin >= 0 and not pending:
            poll.register(stdin, select.POLLIN)
        ready = dict(poll.poll())
        if window.wake in ready:
            os.read(window.wake, 512)
            window.fit()
        if ready.get(master, 0) & ~select.POLLOUT and not _show(master, stdout):
            return True
        if pending and ready.get(master, 0) & select.POLLOUT:
            pending = pending[os.write(master, pending) :]
        if stdin >= 0 and stdin in ready and not pending:
            typed = _read(stdin)
            if typed:
                pending, detached = keys.feed(typed)
            else:
                stdin, pending = -1, b"\x04"  # what a terminal's end of file is
        if detached and not pending:
            return False


def _show(master: int, stdout: int | None) -> bool:
    data = _read(master)
    view = memoryview(data)
    while view and stdout is not None:
        try:
            view = view[os.write(stdout, view) :]
        except BlockingIOError:
            select.select([], [stdout], [])
    return bool(data)


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, _CHUNK)
    except OSError as error:
        if error.errno != errno.EIO:  # a terminal without processes
            raise
        return b""
