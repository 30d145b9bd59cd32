"""Writing by a thread of its own, so that whoever makes the bytes goes on meanwhile."""

from __future__ import annotations

import os
from queue import SimpleQueue
from threading import Thread
from types import TracebackType

from pallet.errors import HostError
from pallet.layer.compress import Writable

_BUFFER = 1 << 20
_BUFFERS = 3
_PATIENCE = 1.0


class WriteAhead:
    """Passes what is written on to `out`. Use it as a context: all of it was written when that ends without an error.

    Args:
        out: takes the bytes; after an error it gets no more.

    Raises:
        BrokenPipeError: when the context ends: nobody reads what is written.
        HostError: when the context ends: `out` cannot be written; it comes in place of whatever else went wrong.
    """

    def __init__(self, out: Writable) -> None:
        self._out = out
        self._free: SimpleQueue[bytearray] = SimpleQueue()
        self._full: SimpleQueue[tuple[bytearray, int] | None] = SimpleQueue()
        self._error: OSError | None = None
        self._stopped = False
        self._thread = Thread(target=self._run, name="write", daemon=True)
        for _ in range(_BUFFERS):
            self._free.put(bytearray(_BUFFER))

    def __enter__(self) -> WriteAhead:
        self._thread.start()
        return self

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take the next bytes.

        Raises:
            OSError: earlier ones could not be written.
        """
        view = memoryview(data)
        while view:
            buffer = self._free.get()
            if self._error is not None:
                raise self._error
            count = min(len(view), _BUFFER)
            buffer[:count] = view[:count]
            self._full.put((buffer, count))
            view = view[count:]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = error is not None
        self._full.put(None)
        # After Ctrl-C nobody may be reading; then at least nothing more is written.
        self._thread.join(_PATIENCE if self._stopped else None)
        if isinstance(self._error, BrokenPipeError):
            raise self._error
        if self._error is not None and (error is None or isinstance(error, Exception)):
            raise HostError(f"cannot write: {os.strerror(self._error.errno or 0).lower()}") from self._error

    def _run(self) -> None:
        while (taken := self._full.get()) is not None:
            buffer, count = taken
            view = memoryview(buffer)[:count]
            try:
                while view and not self._stopped and self._error is None:
                    written = self._out.write(view)
                    view = view[written if isinstance(written, int) else len(view) :]
            except OSError as error:
                self._error = error
            self._free.put(buffer)
