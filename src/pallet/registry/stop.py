"""An end to requests that are under way, whatever they wait for: an answer, its next bytes, or the next attempt."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Event, Lock

from pallet.content import Stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection

    from pallet.registry import plain

    Connection = HTTPConnection | plain.Connection


class Stop:
    """Ends the requests made under it. Safe to use from several threads.

    Only what connects still, or looks up a name, goes on until that is done.
    """

    def __init__(self) -> None:
        self._flag = Event()
        self._lock = Lock()
        self._connections: set[Connection] = set()

    def set(self) -> None:
        """End them now; none can be made any more."""
        with self._lock:
            self._flag.set()
            for connection in self._connections:
                _shut(connection)

    def check(self) -> None:
        """Raise Stopped if that is so."""
        if self._flag.is_set():
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Wait. Raises Stopped as soon as that is so."""
        self._flag.wait(seconds)
        self.check()

    def watch(self, connection: Connection) -> None:
        """From now on a request waits for this connection. Raises Stopped if it need not begin."""
        with self._lock:
            self.check()
            self._connections.add(connection)

    def forget(self, connection: Connection) -> None:
        """The connection is about to be closed, or used for other requests."""
        with self._lock:
            self._connections.discard(connection)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Requests that this thread makes meanwhile are under this stop. Raises Stopped if that is so already."""
        self.check()
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)


_CURRENT: ContextVar[Stop | None] = ContextVar("stop", default=None)


def current() -> Stop | None:
    """What may end the requests of this thread."""
    return _CURRENT.get()


def sleep(seconds: float) -> None:
    """Wait, as long as the requests of this thread may go on.

    Raises:
        Stopped: they may not.
    """
    stop = current()
    if stop is None:
        time.sleep(seconds)
    else:
        stop.sleep(seconds)


def _shut(connection: Connection) -> None:
    # By a duplicate: under TLS, shutting the socket object itself would change it under its reader's hands.
    with suppress(OSError, AttributeError), socket.socket(fileno=os.dup(connection.sock.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
