"""One blob as one continuous stream, however often its connection breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pallet.errors import Integrity, PalletError, Unavailable
from pallet.oci.descriptor import Descriptor
from pallet.registry.answer import Answer
from pallet.registry.auth import problem_of
from pallet.registry.stop import Stop
from pallet.registry.transport import Patience

_ENOUGH = 1024 * 1024  # bytes after which a broken connection no longer counts as the same failure again

Ask = Callable[[int], Answer]
"""Asks for a blob from an offset on."""


class Download:
    """A blob's bytes from `position` on.

    Args:
        descriptor: the blob; never more than its size is handed over.
        position: where to begin.
        patience: how often to go on after a broken connection.
        stop: ends it.
    """

    def __init__(self, descriptor: Descriptor, position: int, patience: Patience, stop: Stop) -> None:
        self.position = position
        self._descriptor = descriptor
        self._patience = patience
        self._stop = stop

    def chunks(self, ask: Ask) -> Iterator[bytes]:
        """The bytes that are still to come, in order, none twice.

        A broken connection is followed by a request for the rest; a server that then sends the whole blob again has
        its beginning skipped. May be called again with another server to ask, after an error.

        Raises:
            NotFound, Unauthorized, ...: what the server answers.
            Integrity: it sends more than the descriptor promises.
            Unavailable: it breaks off too often.
            Stopped: it was stopped.
        """
        failures = 0
        while self.position < self._descriptor.size:
            start = self.position
            try:
                with ask(self.position) as answer:
                    if answer.status not in (200, 206):
                        raise _Refused(problem_of(answer).error())
                    for chunk in self._rest(answer):
                        self.position += len(chunk)
                        yield chunk
                if self.position >= self._descriptor.size:
                    return
                raise Unavailable(f'Get "{answer.url}": unexpected EOF')
            except _Refused as refused:
                raise refused.error from None
            except Unavailable:
                self._stop.check()
                failures = 1 if self.position - start >= _ENOUGH else failures + 1
                if failures >= self._patience.attempts:
                    raise
            with self._stop.applied():
                self._patience.sleep(failures)

    def _rest(self, answer: Answer) -> Iterator[bytes]:
        skip = self.position - _start(answer)
        if skip < 0:
            raise Unavailable(f'Get "{answer.url}": the server sends another range than it was asked for')
        left = self._descriptor.size - self.position
        for chunk in answer.chunks():
            if skip:
                dropped = min(skip, len(chunk))
                skip -= dropped
                chunk = chunk[dropped:]
                if not chunk:
                    continue
            if len(chunk) > left:
                raise Integrity(f"{self._descriptor.digest}: more than the promised {self._descriptor.size} bytes")
            left -= len(chunk)
            yield chunk


class _Refused(Exception):
    def __init__(self, error: PalletError) -> None:
        super().__init__(error.message)
        self.error = error


def _start(answer: Answer) -> int:
    """Where an answer's body begins in the blob. Source: RFC 9110, section 14.4."""
    if answer.status == 200:
        return 0
    unit, _, rest = answer.header("Content-Range").partition(" ")
    first = rest.partition("-")[0]
    if unit.lower() != "bytes" or not first.isascii() or not first.isdigit():
        raise Unavailable(f'Get "{answer.url}": a partial answer without a valid Content-Range')
    return int(first)
