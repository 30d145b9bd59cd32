"""HTTP/1.1 over plain TCP, for registries on this machine. On the quick path: no `http`, no `ssl`, no urllib3.

urllib3 takes longer to import (50 ms, most of it regular expressions for addresses) than such a registry to answer.
What leaves the machine or is encrypted is urllib3's all the same. Source: RFC 9112.
"""

from __future__ import annotations

from _socket import AF_UNSPEC, IPPROTO_TCP, MSG_PEEK, SOCK_STREAM, TCP_NODELAY, getaddrinfo, socket
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_LONGEST_HEAD = 64 * 1024
_PIECE = 128 * 1024
_HEX = frozenset(b"0123456789abcdefABCDEF")
_MOST_TRAILERS = 100
_NO_BODY = (204, 304)


class NotConnected(OSError):
    """No connection was made; its cause says why."""


class Garbled(OSError):
    """What came is no HTTP, or ends too early."""


class Headers:
    """An answer's header fields; the case of names does not matter."""

    def __init__(self, lines: list[str]) -> None:
        self._fields: list[tuple[str, str]] = []
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise Garbled("malformed HTTP response")
            self._fields.append((name.lower(), value.strip()))

    def get(self, name: str) -> str | None:
        """A field's value; those of one that comes more than once with commas between them."""
        return ", ".join(self.getlist(name)) or None

    def getlist(self, name: str) -> list[str]:
        """All values of a field."""
        return [value for each, value in self._fields if each == name.lower()]


class Connection:
    """One connection, for one request after the other.

    Attributes:
        host: `host[:port]`, as in the URL.
        sock: its socket.
        released: it is idle, and its pool's.
    """

    def __init__(
        self, host: str, *, connect: float, read: float, released_to: Callable[[Connection], None] | None = None
    ) -> None:
        """
        Args:
            host: where to.
            connect, read: how long to wait for the connection, and for the next bytes on it, in seconds.
            released_to: takes it when it is idle.

        Raises:
            NotConnected: it cannot be made.
        """
        self.host = host
        self.released = False
        self._released_to = released_to
        self._timeout = read
        self._received = b""
        self.sock = _connected(host, connect)
        self.sock.settimeout(read)
        self.sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)

    def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | Iterable[bytes] | None = None
    ) -> None:
        """Send a request.

        Args:
            method: its method.
            target: path and query.
            headers: more fields; of a body in pieces, also its Content-Length.
            body: what follows.

        Raises:
            OSError: the connection is lost, or a field cannot be sent.
        """
        fields = {"Host": self.host, "Accept-Encoding": "identity"}
        if isinstance(body, bytes) or (body is None and method in ("POST", "PUT", "PATCH")):
            fields["Content-Length"] = str(len(body or b""))
        fields |= headers
        lines = [f"{method} {_encoded(target)} HTTP/1.1", *(f"{name}: {text}" for name, text in fields.items())]
        if not all(line.isprintable() and line.isascii() for line in lines):
            raise Garbled("invalid header field value")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
        try:
            self.sock.sendall(head + body if isinstance(body, bytes) else head)
            for piece in () if isinstance(body, bytes) else body or ():
                self.sock.sendall(piece)
        except BrokenPipeError:
            pass  # the server may have answered before it had all of it

    def answer(self, method: str) -> Response:
        """The answer to the request that was sent, without its body.

        Raises:
            OSError: the connection is lost, or what comes is no answer.
        """
        while True:
            version, status, headers = self._head()
            if status >= 200:
                return Response(self, method, version, status, headers)

    def receive(self, size: int) -> bytes:
        """The next bytes, up to so many; empty at the end."""
        if self._received:
            piece, self._received = self._received[:size], self._received[size:]
            return piece
        return self.sock.recv(size)

    def line(self) -> bytes:
        """The next line, without its end."""
        return self._until(b"\r\n")

    def release(self) -> None:
        """Nobody needs it right now."""
        if self._released_to is not None and not self._received:
            self.released = True
            self._released_to(self)

    def reuse(self) -> bool:
        """Take it out of its rest, and tell whether it can be used: the server has not ended it meanwhile."""
        self.released = False
        self.sock.settimeout(0)
        try:
            self.sock.recv(1, MSG_PEEK)
            return False  # an end, or what nobody asked for
        except BlockingIOError:
            self.sock.settimeout(self._timeout)
            return True
        except OSError:
            return False

    def close(self) -> None:
        """End it."""
        self.sock.close()

    def _head(self) -> tuple[str, int, Headers]:
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, *_ = [*first.split(" ", 2), ""]
        if version not in ("HTTP/1.1", "HTTP/1.0") or len(status) != 3 or not (status.isascii() and status.isdigit()):
            raise Garbled("malformed HTTP response")
        return version, int(status), Headers(lines)

    def _until(self, end: bytes) -> bytes:
        while end not in self._received:
            more = self.sock.recv(_LONGEST_HEAD) if len(self._received) < _LONGEST_HEAD else b""
            if not more:
                raise Garbled("EOF")
            self._received += more
        found, _, self._received = self._received.partition(end)
        return found


class Response:
    """An answer whose body is still to be read.

    Attributes:
        connection: where it comes from.
        status: the HTTP status.
        headers: its header fields.
    """

    def __init__(self, connection: Connection, method: str, version: str, status: int, headers: Headers) -> None:
        self.connection = connection
        self.status = status
        self.headers = headers
        self._lasts = version == "HTTP/1.1" and "close" not in (headers.get("Connection") or "").lower()
        self._chunks = 0  # of a body in chunks: how many have begun
        self._chunked = False
        self._left = self._length(method)  # of the body or chunk; None for all that comes
        self._ended = self._left == 0 and not self._chunked

    @property
    def length_remaining(self) -> int | None:
        """0 once all of the body was read; before that its bytes, if they are known."""
        return 0 if self._ended else None if self._chunked else self._left

    def read(self, size: int) -> bytes:
        """The next bytes of the body, up to so many; empty at its end.

        Raises:
            OSError: the connection is lost before.
        """
        if self._chunked and not self._left and not self._ended:
            self._begin_chunk()
        if self._ended:
            return b""
        piece = self.connection.receive(min(size, _PIECE, size if self._left is None else self._left))
        if self._left is None:
            self._ended = not piece
        elif not piece:
            raise Garbled("EOF")
        else:
            self._left -= len(piece)
            self._ended = not self._left and not self._chunked
        return piece

    def release_conn(self) -> None:
        """Let the connection be used again, if all of the body was read and the server wants it."""
        if self._ended and self._lasts:
            self._lasts = False
            self.connection.release()

    def close(self) -> None:
        """End the connection, unless it can be used again."""
        if not self.connection.released:
            self.connection.close()

    def _length(self, method: str) -> int | None:
        """How long the body is, or its first chunk. Source: RFC 9112, section 6.3."""
        coding, lengths = self.headers.get("Transfer-Encoding"), set(self.headers.getlist("Content-Length"))
        if method == "HEAD" or self.status in _NO_BODY:
            return 0
        if coding is not None:
            if coding.lower() != "chunked":
                raise Garbled("unsupported transfer encoding")
            self._chunked = True
            self._lasts = self._lasts and not lengths  # who sends both may mean something else
            return 0
        if not lengths:
            self._lasts = False  # the end of the connection is that of the body
            return None
        length = lengths.pop()
        if lengths or not (length.isascii() and length.isdigit()):
            raise Garbled("bad Content-Length")
        return int(length)

    def _begin_chunk(self) -> None:
        if self._chunks and self.connection.line():
            raise Garbled("malformed chunked encoding")
        self._chunks += 1
        size = self.connection.line().partition(b";")[0].strip()
        if not 0 < len(size) < 16 or not _HEX.issuperset(size):
            raise Garbled("malformed chunked encoding")
        self._left = int(size, 16)
        if not self._left:
            for _ in range(_MOST_TRAILERS):  # what they say is not wanted here
                if not self.connection.line():
                    self._ended = True
                    return
            raise Garbled("malformed chunked encoding")


class Pool:
    """Connections that can be used again. Safe to use from several threads.

    Args:
        connect, read: as for `Connection`.
    """

    def __init__(self, *, connect: float, read: float) -> None:
        self._connect = connect
        self._read = read
        self._idle: dict[str, list[Connection]] = {}
        self._lock = allocate_lock()

    def connection(self, host: str) -> Connection:
        """One to `host[:port]`: an idle one, or a new one.

        Raises:
            NotConnected: there is none.
        """
        while True:
            with self._lock:
                idle = self._idle.get(host)
                found = idle.pop() if idle else None
            if found is None:
                return Connection(host, connect=self._connect, read=self._read, released_to=self._take_back)
            if found.reuse():
                return found
            found.close()

    def close(self) -> None:
        """End all that are idle."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def _take_back(self, connection: Connection) -> None:
        with self._lock:
            self._idle.setdefault(connection.host, []).append(connection)


def _connected(host: str, seconds: float) -> socket:
    name, port = host, "80"
    if not host.endswith("]") and ":" in host:
        name, _, port = host.rpartition(":")
    failure: OSError | None = None
    try:
        # As bytes: looking up a `str` would load the encoding for international names.
        places = getaddrinfo(name.strip("[]").encode("ascii"), port.encode("ascii"), AF_UNSPEC, SOCK_STREAM)
    except OSError as error:
        raise NotConnected(str(error)) from error
    for family, kind, protocol, _, address in places:
        sock = socket(family, kind, protocol)
        try:
            sock.settimeout(seconds)
            sock.connect(address)
            return sock
        except BaseException as error:
            sock.close()
            if not isinstance(error, OSError):
                raise
            failure = error
    raise NotConnected(str(failure)) from failure


def _encoded(target: str) -> str:
    """Path and query as they can be sent."""
    return "".join(
        char if "!" <= char <= "~" else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))
        for char in target
    )
