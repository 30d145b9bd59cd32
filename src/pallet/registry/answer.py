"""An HTTP answer whose body is still to be read, never decoded and never without a limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import cast
from urllib.parse import urlsplit

from pallet.content import CHUNK_SIZE
from pallet.errors import Integrity, Unavailable
from pallet.registry.failure import ERROR_LIMIT, Problem, read_problem, unreachable
from pallet.registry.stop import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from pallet.registry import plain
    from pallet.registry.stop import Connection

PORTS = {"http": 80, "https": 443}


class Answer:
    """A response whose body is still to be read. Close it; it closes itself once read to the end.

    Args:
        response: the response.
        url: where it came from in the end.
        method: of the request.
        errors: what reading raises when the connection is lost.

    Attributes:
        status: the HTTP status.
        url: where it came from in the end.
    """

    def __init__(
        self, response: BaseHTTPResponse | plain.Response, url: str, method: str, errors: tuple[type[Exception], ...]
    ) -> None:
        self._response = response
        self._errors = errors
        self._connection = cast("Connection | None", response.connection)
        self._stop = current()
        self._method = method
        self.status = response.status
        self.url = url

    def header(self, name: str) -> str:
        """A header's value, empty if it is not there."""
        return self._response.headers.get(name) or ""

    def headers(self, name: str) -> list[str]:
        """All values of a header that comes more than once."""
        return self._response.headers.getlist(name)

    def chunks(self) -> Iterator[bytes]:
        """The body.

        Raises:
            Unavailable: the connection is lost before the end.
        """
        try:
            while chunk := self._response.read(CHUNK_SIZE):
                yield chunk
        except self._errors as error:
            raise lost_error(error, self._method, self.url) from error

    def read(self, limit: int, what: str) -> bytes:
        """The whole body.

        Args:
            limit: how many bytes it may have.
            what: its name, for the error text.

        Raises:
            Integrity: it has more.
            Unavailable: the connection is lost before the end.
        """
        body = self._up_to(limit + 1)
        if len(body) > limit:
            raise Integrity(f"{what} is larger than the {limit} bytes allowed")
        return body

    def problem(self, insufficient_scope: bool = False) -> Problem:
        """What this answer, which is no success, says; reads and closes it."""
        try:
            body = self._up_to(ERROR_LIMIT)
        except Unavailable:
            body = b""
        return read_problem(self.status, body, insufficient_scope)

    def discard(self) -> None:
        """Read what little there is, so that the connection can be used again, and close."""
        with suppress(Unavailable):
            self._up_to(ERROR_LIMIT)

    def _up_to(self, limit: int) -> bytes:
        body = bytearray()
        try:
            for chunk in self.chunks():
                body += chunk
                if len(body) >= limit:
                    break
        finally:
            self.close()
        return bytes(body[:limit])

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else end it."""
        response = self._response
        if self._stop is not None and self._connection is not None:
            self._stop.forget(self._connection)
        if response.length_remaining == 0:
            response.release_conn()
        response.close()

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL.

    Raises:
        Unavailable: it has no valid host or port.
    """
    try:
        parts = urlsplit(url)
        return parts.scheme, (parts.hostname or "").lower(), parts.port or PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise Unavailable(f"not a valid address: {url!r}") from error


def lost_error(error: Exception, method: str, shown: str, url: str = "") -> Unavailable:
    """The error for a connection to `url` that broke or was never made, naming the address `shown`."""
    _, host, port = origin(url or shown)
    return unreachable(error, method, shown, host, port)
