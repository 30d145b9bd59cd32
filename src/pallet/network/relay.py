"""The process that passes connections to a container's published ports on, where no firewall rule of the kernel can.

A rule rewrites addresses within IPv4 or within IPv6, and never those of the host's own `::1`. So what arrives at the
host's IPv6 addresses goes through a process, as with docker's proxy: one for each container that publishes ports. It
inherits the listening sockets and ends with the container's first process. It is started by its path, without pallet
and the site packages: it stays as long as the container, and has to be small.

Usage: relay.py PID ADDRESS DESCRIPTOR:PORT:tcp|udp...
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import socket
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BLOCK = 1 << 16
_TURN = 16  # blocks that one connection moves before it is the others' turn
_BACKLOG = 128
_IDLE = 90.0  # seconds that a UDP client is remembered
_SWEEP = 30.0  # seconds


class Stream:
    """One direction of a TCP connection: what was read from `source` and not yet written to `target`."""

    __slots__ = ("ended", "left", "ready", "source", "target")

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.left = b""
        self.ended = False
        self.ready = False  # whether there may be more to move at once

    def move(self) -> None:
        """Move what can be moved; the source is not read before the target has taken everything.

        Raises:
            OSError: the connection is broken.
        """
        self.ready = False
        try:
            for _ in range(_TURN):
                if self.ended:
                    return
                if not self.left:
                    self.left = self.source.recv(_BLOCK)
                    if not self.left:
                        self.ended = True
                        self.target.shutdown(socket.SHUT_WR)
                        return
                self.left = self.left[self.target.send(self.left) :]
            self.ready = True
        except BlockingIOError:
            return


class Connection:
    """A client and the container, both ways."""

    __slots__ = ("connected", "far", "near", "streams")

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.near = near
        self.far = far
        self.connected = False
        self.streams = (Stream(near, far), Stream(far, near))

    def move(self) -> bool:
        """Go on; whether there is more to come."""
        try:
            if not self.connected:
                error = self.far.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error:
                    raise OSError(error, os.strerror(error))
                self.far.getpeername()
                self.connected = True
            for stream in self.streams:
                stream.move()
        except OSError:
            return not self.connected and self._waits()
        return not all(stream.ended for stream in self.streams)

    @property
    def ready(self) -> bool:
        """Whether there may be more to move at once."""
        return any(stream.ready for stream in self.streams)

    def _waits(self) -> bool:
        """Whether the container has not answered yet."""
        ready, failed = select.POLLOUT, select.POLLERR | select.POLLHUP
        poll = select.poll()
        poll.register(self.far, ready | failed)
        return not poll.poll(0)

    def close(self) -> None:
        """Hang up on both."""
        self.near.close()
        self.far.close()


class Relay:
    """Listeners and what came through them.

    Args:
        address: the container's.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._epoll = select.epoll()
        self._listeners: dict[int, tuple[socket.socket, int]] = {}
        self._connections: dict[int, Connection] = {}
        self._clients: dict[tuple[int, Any], tuple[socket.socket, float]] = {}
        self._answers: dict[int, tuple[socket.socket, tuple[int, Any]]] = {}
        self._ready: set[int] = set()

    def add(self, fd: int, port: int, kind: str) -> None:
        """Pass on what comes to a socket, to a port of the container's."""
        listener = socket.socket(fileno=fd)
        listener.setblocking(False)
        if kind == "tcp":
            listener.listen(_BACKLOG)
        self._listeners[fd] = (listener, port)
        self._epoll.register(fd, select.EPOLLIN)

    def run(self, process: int) -> None:
        """Work till a process ends, whose descriptor (pidfd_open(2)) this is."""
        self._epoll.register(process, select.EPOLLIN)
        while True:
            ready, self._ready = self._ready, set()
            patience = 0 if ready else _SWEEP if self._clients else None
            for fd in ready.union(fd for fd, _ in self._epoll.poll(patience)):
                if fd == process:
                    return
                with contextlib.suppress(OSError):  # of one client: the others go on
                    self._handle(fd)
            self._forget_idle()

    def _handle(self, fd: int) -> None:
        if fd in self._listeners:
            listener, port = self._listeners[fd]
            if listener.type == socket.SOCK_STREAM:
                self._accept(listener, port)
            else:
                self._receive(listener, port)
        elif fd in self._connections:
            connection = self._connections[fd]
            if not connection.move():
                del self._connections[connection.near.fileno()], self._connections[connection.far.fileno()]
                connection.close()
            elif connection.ready:
                self._ready.add(fd)
        elif fd in self._answers:
            far, client = self._answers[fd]
            data = far.recv(_BLOCK)
            self._listeners[client[0]][0].sendto(data, client[1])
            self._clients[client] = (far, time.monotonic())

    def _accept(self, listener: socket.socket, port: int) -> None:
        near, _ = listener.accept()
        try:
            far = socket.socket(self._family, socket.SOCK_STREAM)
        except OSError:
            near.close()
            raise
        connection = Connection(near, far)
        for each in (near, far):
            each.setblocking(False)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        far.connect_ex((self._address, port))
        for each in (near, far):
            self._connections[each.fileno()] = connection
            self._epoll.register(each, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET | select.EPOLLRDHUP)

    def _receive(self, listener: socket.socket, port: int) -> None:
        data, address = listener.recvfrom(_BLOCK)
        client = (listener.fileno(), address)
        if client in self._clients:
            far = self._clients[client][0]
        else:
            far = socket.socket(self._family, socket.SOCK_DGRAM)
            far.setblocking(False)
            far.connect((self._address, port))
            self._answers[far.fileno()] = (far, client)
            self._epoll.register(far, select.EPOLLIN)
        self._clients[client] = (far, time.monotonic())
        far.send(data)

    def _forget_idle(self) -> None:
        if not self._clients:
            return
        oldest = time.monotonic() - _IDLE
        for client, (far, seen) in list(self._clients.items()):
            if seen < oldest:
                del self._clients[client], self._answers[far.fileno()]
                far.close()


def main(argv: list[str]) -> None:
    """Read the arguments and work."""
    os.setsid()
    os.chdir("/")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        process = os.pidfd_open(int(argv[1]))
    except ProcessLookupError:
        return
    relay = Relay(argv[2])
    for word in argv[3:]:
        fd, port, kind = word.split(":")
        relay.add(int(fd), int(port), kind)
    relay.run(process)


if __name__ == "__main__":
    main(sys.argv)
