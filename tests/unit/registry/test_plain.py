"""Plain HTTP on this machine: a server that sends what it is told, byte by byte or all at once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from pallet.registry.loopback import is_loopback
from pallet.registry.plain import Connection, Garbled, NotConnected, Pool, Response

_OK = b"HTTP/1.1 200 OK\r\n"


class Server:
    """Answers one request after the other on each connection with the next of its answers.

    An answer that begins with `!` is followed by the connection's end.
    """

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self.bytewise = False
        self.ended = threading.Event()  # a connection
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._serve(connection)
            self.ended.set()

    def _serve(self, connection: socket.socket) -> None:
        while request := _read_request(connection):
            self.requests.append(request)
            answer = self.answers.pop(0)
            whole = answer.removeprefix(b"!")
            for piece in [whole[i : i + 1] for i in range(len(whole))] if self.bytewise else [whole]:
                connection.sendall(piece)
            if whole != answer:
                return


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(connect=5, read=5)
    yield pool
    pool.close()


def _ask(pool: Pool, server: Server, answer: bytes, method: str = "GET") -> Response:
    server.answers.append(answer)
    connection = pool.connection(server.host)
    connection.send(method, "/v2/", {})
    return connection.answer(method)


def _body(response: Response) -> bytes:
    try:
        return b"".join(iter(lambda: response.read(7), b""))
    finally:
        response.release_conn()
        response.close()


@pytest.mark.parametrize("bytewise", [False, True], ids=["at once", "bytewise"])
@pytest.mark.parametrize(
    ("answer", "body", "again"),
    [
        (_OK + b"Content-Length: 10\r\n\r\n0123456789", b"0123456789", True),
        (_OK + b"Content-Length: 0\r\n\r\n", b"", True),
        (_OK + b"content-length:10 \r\nContent-Length: 10\r\n\r\n0123456789", b"0123456789", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + _OK + b"Content-Length: 2\r\n\r\nok", b"ok", True),
        (
            _OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
            b"abc0123456789",
            True,
        ),
        (_OK + b"Transfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n00\r\nTrailer: a\r\n\r\n", b"x", True),
        # Not to be trusted with another request:
        (_OK + b"Connection: Close\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
        (_OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"", False),
        (b"!" + _OK + b"\r\nup to the end", b"up to the end", False),
    ],
)
def test_bodies(pool: Pool, server: Server, answer: bytes, body: bytes, again: bool, bytewise: bool) -> None:
    server.bytewise = bytewise
    assert _body(_ask(pool, server, answer)) == body
    assert _body(_ask(pool, server, _OK + b"Content-Length: 5\r\n\r\nagain")) == b"again"
    assert server.connections == (1 if again else 2)


def test_an_answer_to_head_has_no_body(pool: Pool, server: Server) -> None:
    assert _body(_ask(pool, server, _OK + b"Content-Length: 1000\r\n\r\n", "HEAD")) == b""
    assert _body(_ask(pool, server, _OK + b"Content-Length: 2\r\n\r\nok")) == b"ok"
    assert server.connections == 1


def test_a_body_that_was_not_read_ends_its_connection(pool: Pool, server: Server) -> None:
    response = _ask(pool, server, _OK + b"Content-Length: 10\r\n\r\n0123456789")
    assert (response.read(4), response.length_remaining) == (b"0123", 6)
    response.release_conn()
    response.close()
    assert _body(_ask(pool, server, _OK + b"Content-Length: 2\r\n\r\nok")) == b"ok"
    assert server.connections == 2


def test_a_connection_that_the_server_has_ended_is_not_used(pool: Pool, server: Server) -> None:
    assert _body(_ask(pool, server, b"!" + _OK + b"Content-Length: 2\r\n\r\nok")) == b"ok"
    assert server.ended.wait(5)
    assert _body(_ask(pool, server, _OK + b"Content-Length: 3\r\n\r\nyes")) == b"yes"
    assert server.connections == 2


def test_fields(pool: Pool, server: Server) -> None:
    response = _ask(pool, server, _OK + b"WWW-Authenticate: a\r\nwww-authenticate:\tb\r\nContent-Length: 0\r\n\r\n")
    assert response.headers.getlist("Www-Authenticate") == ["a", "b"]
    assert response.headers.get("www-authenticate") == "a, b"
    assert response.headers.get("Location") is None
    _body(response)


@pytest.mark.parametrize(
    "answer",
    [
        b"!",
        b"!HTTP/1.1 200",
        b"!\x15\x03\x01\x00\x02\x02\x16\r\n\r\n",
        b"!HTTP/2 200 OK\r\n\r\n",
        b"!HTTP/1.1 2000 OK\r\n\r\n",
        b"!HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n",
        b"!" + _OK + b"no field\r\n\r\n",
        b"!" + _OK + b"Name : value\r\n\r\n",
        b"!" + _OK + b"A: b\r\n folded\r\n\r\n",
        b"!" + _OK + b"Content-Length: -1\r\n\r\n",
        b"!" + _OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"!" + _OK + b"Content-Length: 3\r\n\r\nab",
        b"!" + _OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        b"!" + _OK + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        b"!" + _OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n",
        b"!" + _OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"!" + _OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"!" + _OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
        b"!" + _OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 1000 + b"\r\n",
        b"!" + _OK + b"A: " + b"b" * 140_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_answer(pool: Pool, server: Server, answer: bytes) -> None:
    with pytest.raises(Garbled):
        _body(_ask(pool, server, answer))


def test_what_is_sent(pool: Pool, server: Server) -> None:
    server.answers = [b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"] * 4
    for method, body in (("GET", None), ("POST", None), ("PUT", b"whole"), ("PATCH", iter((b"in ", b"pieces")))):
        connection = pool.connection(server.host)
        length = {"Content-Length": "9"} if method == "PATCH" else {}
        connection.send(method, "/a b?c=\u00e4%20", {"User-Agent": "me", **length}, body)
        _body(connection.answer(method))
    head = f"/a%20b?c=%C3%A4%20 HTTP/1.1\r\nHost: {server.host}\r\nAccept-Encoding: identity\r\n"
    assert server.requests == [
        f"GET {head}User-Agent: me\r\n\r\n".encode(),
        f"POST {head}Content-Length: 0\r\nUser-Agent: me\r\n\r\n".encode(),
        f"PUT {head}Content-Length: 5\r\nUser-Agent: me\r\n\r\nwhole".encode(),
        f"PATCH {head}User-Agent: me\r\nContent-Length: 9\r\n\r\nin pieces".encode(),
    ]


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\nb", "a\0", "\u00e4"])
def test_nothing_gets_into_the_head(pool: Pool, server: Server, value: str) -> None:
    connection = pool.connection(server.host)
    with pytest.raises(Garbled):
        connection.send("GET", "/", {"Authorization": value})
    server.answers.append(_OK + b"Content-Length: 0\r\n\r\n")
    connection.send("GET", "/\r\nX:", {})
    _body(connection.answer("GET"))
    assert server.requests[0].startswith(b"GET /%0D%0AX: HTTP/1.1\r\n")


def test_an_answer_before_the_whole_request() -> None:
    """A registry that refuses an upload may say so, and end its side, while it is still being sent."""
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        accepted, _ = listener.accept()
        with accepted:
            accepted.recv(1000)
            accepted.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            accepted.shutdown(socket.SHUT_WR)
            while accepted.recv(1 << 20):
                pass

    thread = threading.Thread(target=refuse)
    thread.start()
    connection = Connection(f"127.0.0.1:{listener.getsockname()[1]}", connect=5, read=5)
    connection.send("PUT", "/", {"Content-Length": str(5 << 20)}, (bytes(1 << 20) for _ in range(5)))
    assert connection.answer("PUT").status == 413
    connection.close()
    thread.join()
    listener.close()


def test_nobody_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(NotConnected) as refused:
            Connection(f"127.0.0.1:{unused.getsockname()[1]}", connect=5, read=5)
        assert isinstance(refused.value.__cause__, ConnectionRefusedError)
    for host in ("127.0.0.1:no-port", "127.0.0.1:99999999"):
        with pytest.raises(NotConnected):
            Connection(host, connect=5, read=5)


def test_silence_has_an_end(server: Server) -> None:
    connection = Connection(server.host, connect=5, read=0.1)
    with pytest.raises(TimeoutError):
        connection.answer("GET")
    connection.close()


def test_users_in_addresses_are_no_loopback() -> None:
    assert is_loopback("localhost:5000")
    assert not is_loopback("localhost:5000@elsewhere.example")
    assert not is_loopback("[::1]@elsewhere.example")
