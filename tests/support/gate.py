"""A TCP relay in front of a server that can be slowed down, cut off and shut: what downloads meet on real lines."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Self

_PIECE = 16 * 1024


class Gate:
    """Relays loopback connections to `target` (host:port), as a context manager.

    Its port stays the same when it is shut and opened again, as a server's does that is started again.

    Attributes:
        host: its own address, host:port.
        speed: bytes a second that each connection may receive; None for no limit.
    """

    def __init__(self, target: str, speed: int | None = None) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self.speed = speed
        self._lock = threading.Lock()
        self._passed = 0
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def passed(self) -> int:
        """How many bytes the clients have got so far."""
        with self._lock:
            return self._passed

    def __enter__(self) -> Self:
        assert self._listener is not None
        self._start(self._accept, self._listener)
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()
        for thread in self._threads:
            thread.join()

    def open(self) -> None:
        """Listen again, after `shut`."""
        host, _, port = self.host.rpartition(":")
        self._listener = socket.create_server((host, int(port)))
        self._start(self._accept, self._listener)

    def shut(self) -> None:
        """Cut all connections, and refuse new ones."""
        if self._listener is not None:
            end(self._listener)
            self._listener = None
        self.cut()

    def cut(self) -> None:
        """Cut all connections."""
        with self._lock:
            sockets, self._sockets = self._sockets, []
        for each in sockets:
            end(each)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            with self._lock:
                self._sockets += [client, server]
            self._start(self._relay, client, server, False)
            self._start(self._relay, server, client, True)

    def _relay(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_PIECE):
                if counted and self.speed is not None:
                    time.sleep(len(data) / self.speed)
                target.sendall(data)
                if counted:
                    with self._lock:
                        self._passed += len(data)
        end(source)
        end(target)


def end(each: socket.socket) -> None:
    """Ends a connection or a listener, also for who waits for it in another thread."""
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
