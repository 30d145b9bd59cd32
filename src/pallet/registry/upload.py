"""Upload sessions: one blob into a repository. Source: OCI distribution spec 1.1, "Pushing blobs".

After a broken connection the registry is asked how far it got. Docker's registry before version 3 gives a session up
when its last request broke off; then the blob is sent again in a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from urllib.parse import urljoin

from pallet.content import Advance, ImageSource
from pallet.errors import HostError, Integrity, PalletError, Unavailable
from pallet.oci.descriptor import Descriptor
from pallet.registry.answer import Answer
from pallet.registry.auth import problem_of
from pallet.registry.endpoint import Endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.registry.client import Registry

PIECE = 64 * 1024 * 1024
"""How many bytes go in one request: registries behind proxies limit a request's size and time."""

AT_ONCE = 1024 * 1024
"""Blobs up to this many bytes go with the request that ends the session, which saves one."""

_RETRIED = (401, 408, 416, 429, 500, 502, 503, 504)


class Upload:
    """Sends one blob.

    Args:
        client: the connections.
        endpoint: the registry and repository.
        scopes: what the token must allow.
        descriptor: the blob.
        start: opens a session and returns its address.
        location: the address of a session that is open already, or empty.
        source: where the bytes come from.
        advance: told of bytes that went out, each once.
    """

    def __init__(
        self,
        client: Registry,
        endpoint: Endpoint,
        scopes: tuple[str, ...],
        descriptor: Descriptor,
        start: Callable[[], str],
        location: str,
        source: ImageSource,
        advance: Advance,
    ) -> None:
        self._client = client
        self._endpoint = endpoint
        self._scopes = scopes
        self._descriptor = descriptor
        self._start = start
        self._location = location
        self._source = source
        self._advance = advance
        self._hasher = sha256()
        self._hashed = 0
        self._at = 0

    def run(self) -> None:
        """Send the blob and have the registry keep it.

        Raises:
            Integrity: the source's bytes are not what the descriptor promises; the session is cancelled.
            Unauthorized, Forbidden, Unavailable, ...: the registry's answer.
        """
        patience = self._client.transport.patience
        restarts = 0
        try:
            while True:
                try:
                    self._send()
                    return
                except _SessionLost as lost:
                    restarts += 1
                    if restarts >= patience.attempts:
                        raise lost.failure from lost
                    patience.sleep(restarts)
                    self._location, self._at = "", 0
        except BaseException:
            self._cancel()
            raise

    def _send(self) -> None:
        self._location = self._location or self._start()
        if self._descriptor.size <= AT_ONCE:
            self._commit(b"".join(self._bytes(self._descriptor.size)))
        else:
            self._send_pieces()
            self._commit(b"")

    def _send_pieces(self) -> None:
        size = self._descriptor.size
        patience = self._client.transport.patience
        failures = 0
        while self._at < size:
            start = self._at
            length = min(PIECE, size - start)
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
            if length < size:
                # One request for the whole needs no range, and some registries do not know it.
                headers["Content-Range"] = f"{start}-{start + length - 1}"
            failure: PalletError
            try:
                answer = self._request("PATCH", headers, length)
                if answer.status in (201, 202, 204):
                    self._moved(answer)
                    self._at = start + length
                    answer.discard()
                    failures = 0
                    continue
                status, failure = answer.status, problem_of(answer).error()
                if status not in _RETRIED:
                    raise failure
            except Unavailable as error:
                failure = error
            failures += 1
            if failures >= patience.attempts:
                raise failure
            patience.sleep(failures)
            self._at = self._ask_offset(failure)
            if self._at > start:
                failures = 0

    def _request(self, method: str, headers: dict[str, str], length: int) -> Answer:
        return self._client.request(
            self._endpoint,
            method,
            self._location,
            scopes=self._scopes,
            headers=headers,
            body=lambda: self._bytes(length),
        )

    def _bytes(self, length: int) -> Iterator[bytes]:
        """The next `length` bytes of the source; those not seen before are hashed and reported."""
        left = length
        position = self._at
        for chunk in _from_here(self._source.blob_chunks(self._descriptor, position)):
            more = len(chunk) > left
            if more:
                if position + left >= self._descriptor.size:
                    raise Integrity(f"{self._descriptor.digest}: more than the promised {self._descriptor.size} bytes")
                chunk = chunk[:left]
            new = chunk[max(0, self._hashed - position) :]
            position += len(chunk)
            left -= len(chunk)
            self._hasher.update(new)
            self._hashed += len(new)
            if new:
                self._advance(len(new))
            yield chunk  # last: after a broken connection nothing below it runs
            if more or (not left and position < self._descriptor.size):
                break
        if left:
            raise Integrity(f"{self._descriptor.digest}: got {position} bytes instead of {self._descriptor.size}")

    def _ask_offset(self, failure: PalletError) -> int:
        """How many bytes the registry has. Source: OCI distribution spec 1.1, "Pushing a blob in chunks".

        Raises:
            _SessionLost: it does not know the session any more, or makes no sense.
        """
        answer = self._client.request(self._endpoint, "GET", self._location, scopes=self._scopes)
        status, have = answer.status, answer.header("Range").removeprefix("bytes=")
        self._moved(answer)
        answer.discard()
        first, dash, last = have.partition("-")
        if status != 204 or (dash and not (first == "0" and last.isascii() and last.isdigit())):
            raise _SessionLost(failure)
        # `0-0` is what registries say of one byte and of none: the last byte's place is 0, or there is none.
        offset = int(last) + 1 if dash and int(last) else 0
        if offset > self._hashed:
            raise _SessionLost(failure)
        return offset

    def _commit(self, rest: bytes) -> None:
        digest = self._descriptor.digest
        if self._hasher.hexdigest() != digest.hex:
            raise Integrity(f"{digest}: the content has the digest sha256:{self._hasher.hexdigest()}")
        target = f"{self._location}{'&' if '?' in self._location else '?'}digest={digest}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(rest))}
        failure: PalletError
        try:
            answer = self._client.request(
                self._endpoint, "PUT", target, scopes=self._scopes, headers=headers, body=rest, reconnect=False
            )
            if answer.status in (201, 202, 204):
                answer.discard()
                return
            status, failure = answer.status, problem_of(answer).error()
            if status not in (404, 416):
                raise failure
        except Unavailable as error:
            failure = error
        # The answer may be lost, and not the blob.
        path = f"/v2/{self._endpoint.repository}/blobs/{digest}"
        answer = self._client.request(self._endpoint, "HEAD", path, scopes=self._scopes)
        answer.discard()
        if answer.status != 200:
            raise _SessionLost(failure)

    def _moved(self, answer: Answer) -> None:
        target = answer.header("Location")
        if target:
            self._location = urljoin(answer.url, target)

    def _cancel(self) -> None:
        # The registry forgets abandoned sessions by itself, in time.
        with suppress(PalletError):
            self._client.request(
                self._endpoint, "DELETE", self._location, scopes=self._scopes, attempts=1, reconnect=False
            ).discard()


def _from_here(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The source's chunks; its disk's errors must not look like the connection's."""
    try:
        yield from chunks
    except OSError as error:
        raise HostError(f"cannot read the blob: {error.strerror or error}") from error


class _SessionLost(Exception):
    def __init__(self, failure: PalletError) -> None:
        super().__init__(failure.message)
        self.failure = failure
