"""A container's standard streams through conmon's socket.

Source: conmon, src/conn_sock.c: a SOCK_SEQPACKET socket; each packet to us begins with a byte that tells the stream,
each packet from us is standard input as it is, and shutting down our side ends it.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import threading
from _socket import (  # what `socket` is made of: that one imports selectors, enum and more
    AF_UNIX,
    MSG_DONTWAIT,
    SHUT_WR,
    SOCK_SEQPACKET,
    socket,
)
from collections.abc import Callable

import msgspec

from pallet.errors import HostError
from pallet.runtime.conmon import resize
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.terminal import CTRL_P_CTRL_Q, DetachKeys, terminal_size

_STDOUT = 2
_STDERR = 3
_PACKET = 8192  # conmon's buffer, without the leading byte
_AT_ONCE = 32  # packets
_FORWARDED = tuple(
    number
    for number in signal.valid_signals()
    # docker forwards all but these: about the children and the terminal, and what cannot be caught.
    if number
    not in (
        signal.SIGCHLD,
        signal.SIGPIPE,
        signal.SIGURG,
        signal.SIGWINCH,
        signal.SIGKILL,
        signal.SIGSTOP,
        signal.SIGTSTP,
        signal.SIGTTIN,
        signal.SIGTTOU,
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGILL,
        signal.SIGFPE,
        signal.SIGTRAP,
    )
    and number < 32
)


class Streams(msgspec.Struct, frozen=True):
    """The user's side.

    Attributes:
        stdin: where standard input comes from; None for none.
        stdout: where standard output goes; None for nowhere.
        stderr: where standard error goes.
        tty: whether the container has a terminal.
        detach_keys: what ends the attachment when typed; empty for nothing.
        forward: sends a signal on to the container; None to leave signals alone.
    """

    stdin: int | None
    stdout: int | None
    stderr: int | None
    tty: bool = False
    detach_keys: bytes = CTRL_P_CTRL_Q
    forward: Callable[[int], None] | None = None


def connect(paths: ContainerPaths) -> socket:
    """Connect to a created or running container.

    Raises:
        HostError: nothing listens.
    """
    connection = socket(AF_UNIX, SOCK_SEQPACKET)
    directory = -1
    try:
        # A socket's path has room for 108 bytes only; this one is always short.
        directory = os.open(paths.run, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        connection.connect(f"/proc/self/fd/{directory}/attach")
    except OSError as error:
        connection.close()
        raise HostError(f"cannot attach to container {paths.id}: {error.strerror}") from error
    finally:
        if directory >= 0:
            os.close(directory)
    return connection


class _Input:
    """Standard input on its way to the container."""

    def __init__(self, fd: int, keys: DetachKeys) -> None:
        self.fd = fd  # -1 when nothing more is read
        self.pending = b""
        self.ending = False  # the end was read, and conmon does not know yet
        self.detached = False
        self._keys = keys

    def read(self) -> None:
        try:
            typed = os.read(self.fd, _PACKET)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:  # a terminal that hung up
                raise
            typed = b""
        if typed:
            self.pending, self.detached = self._keys.feed(typed)
        else:
            self.ending = True
        if self.detached or self.ending:
            self.fd = -1

    def send(self, connection: socket) -> None:
        try:
            while self.pending:
                self.pending = self.pending[connection.send(self.pending, MSG_DONTWAIT) :]
            if self.ending:
                self.ending = False
                connection.shutdown(SHUT_WR)
        except BlockingIOError:
            return
        except OSError:  # the container has ended
            self.fd, self.pending, self.ending = -1, b"", False


class Session:
    """Streams going to and fro, and signals with them. Signals are the main thread's: others get none.

    Args:
        connection: the socket; closed in the end.
        paths: the container's paths.
        streams: the user's side.
    """

    def __init__(self, connection: socket, paths: ContainerPaths, streams: Streams) -> None:
        self._connection = connection
        self._paths = paths
        self._streams = streams
        keys = DetachKeys(streams.detach_keys if streams.tty else b"")
        self._input = _Input(-1 if streams.stdin is None else streams.stdin, keys)
        self._wake = -1
        self._handlers: dict[int, object] = {}
        self._outputs = {_STDOUT: streams.stdout, _STDERR: streams.stderr}

    def __enter__(self) -> Session:
        """Catch signals from here on, so that none is lost while the container starts."""
        caught: list[int] = list(_FORWARDED) if self._streams.forward is not None else []
        if self._streams.tty:
            caught.append(signal.SIGWINCH)
        if caught and threading.current_thread() is threading.main_thread():
            self._wake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            self._old_wake = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
            for number in caught:
                self._handlers[number] = signal.signal(number, _noted)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if self._wake >= 0:
            os.close(signal.set_wakeup_fd(self._old_wake))
            os.close(self._wake)
        self._connection.close()

    def fit(self) -> None:
        """Give the container's terminal the size of the user's."""
        for fd in (self._streams.stdout, self._streams.stdin):
            if fd is not None:
                rows, columns = terminal_size(fd)
                if rows:
                    resize(self._paths, rows, columns)
                    return

    def run(self) -> bool:
        """Pass everything on until the container's output ends.

        Returns:
            Whether it ended; False if the user detached.

        Raises:
            BrokenPipeError: nobody reads the output any more; the container goes on.
        """
        source, connection = self._input, self._connection.fileno()
        while True:
            # Input is read only when conmon has taken what was read before: it may be waiting for us to take output.
            events = _poll(
                (connection, select.POLLIN | (select.POLLOUT if source.pending else 0)),
                (self._wake, select.POLLIN),
                (source.fd if not source.pending else -1, select.POLLIN),
            )
            if self._wake in events:
                self._signals(os.read(self._wake, 512))
            if events.get(connection, 0) & ~select.POLLOUT and not self._receive():
                return True
            if source.fd in events and not source.pending:
                source.read()
            if source.pending or source.ending:
                source.send(self._connection)
            if source.detached and not source.pending:
                return False

    def _receive(self) -> bool:
        """Pass on what is there, much of it at once: False if the end has come."""
        packets: list[memoryview] = []
        stream = 0
        going_on = True
        while len(packets) < _AT_ONCE:
            try:
                packet = self._connection.recv(_PACKET + 1, MSG_DONTWAIT)
            except BlockingIOError:
                break
            except ConnectionResetError:
                packet = b""
            if not packet:
                going_on = False
                break
            if packet[0] != stream:
                self._put(stream, packets)
                stream, packets = packet[0], []
            packets.append(memoryview(packet)[1:])
        self._put(stream, packets)
        return going_on

    def _put(self, stream: int, packets: list[memoryview]) -> None:
        target = self._outputs.get(stream)
        if target is not None and packets:
            _write(target, packets)

    def _signals(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGWINCH:
                self.fit()
            elif self._streams.forward is not None:
                self._streams.forward(number)


def _poll(*wanted: tuple[int, int]) -> dict[int, int]:
    poll = select.poll()
    for fd, events in wanted:
        if fd >= 0:
            poll.register(fd, events)
    return dict(poll.poll())


def _noted(number: int, frame: object) -> None:
    """A handler that leaves the work to the wake-up pipe."""


def _write(fd: int, pieces: list[memoryview]) -> None:
    """Write all to an open file, which may have been made non-blocking by whoever shares it."""
    while pieces:
        try:
            written = os.writev(fd, pieces)
        except BlockingIOError:
            select.select([], [fd], [])
            continue
        while pieces and written >= len(pieces[0]):
            written -= len(pieces.pop(0))
        if written:
            pieces[0] = pieces[0][written:]
