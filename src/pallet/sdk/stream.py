"""Iterators over what operations give piece by piece: those that can be ended, and those over what others write."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Generic, TypeVar

Piece = TypeVar("Piece")

CHUNK_SIZE = 2 * 1024 * 1024
"""Bytes a piece has unless the caller says otherwise: docker-py's."""

_WAITING = 2  # pieces that may wait for the reader
_LOOK = 0.5  # seconds between two looks at whether the program ends


class CancellableStream(Iterator[Piece], Generic[Piece]):
    """An iterator that any thread may end, also while another waits for its next piece. The name is docker-py's.

    Args:
        make: begins; it is given a function that tells whether the stream was closed, to be asked while it waits.
    """

    def __init__(self, make: Callable[[Callable[[], bool]], Iterator[Piece]]) -> None:
        self._closed = threading.Event()
        made = make(self._closed.is_set)
        self._pieces = (piece for piece in made)

    def __next__(self) -> Piece:
        if self._closed.is_set():
            raise StopIteration
        piece = next(self._pieces)
        if self._closed.is_set():
            raise StopIteration
        return piece

    def close(self) -> None:
        """End it: whoever waits for a piece gets none, within a moment."""
        self._closed.set()
        try:
            self._pieces.close()
        except ValueError:  # another thread is waiting in it, and will see that it is closed
            return


def produced(produce: Callable[[Pipe], None], *, chunk_size: int | None = CHUNK_SIZE) -> Generator[bytes, None, None]:
    """The bytes that `produce` writes, while it writes them.

    `produce` runs in a thread, begins with the first piece asked for, and waits while the reader is some pieces behind.
    When the reader stops early (`close`, or the iterator is dropped), its next write fails, and it is waited for.

    Args:
        produce: is given a writable; it is done when it returns.
        chunk_size: bytes of each piece but the last; None for the pieces as they are written.

    Raises:
        ValueError: at once: `chunk_size` is not positive.
        Exception: what `produce` raises, after the bytes that it wrote before.
    """
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"chunk_size must be positive, not {chunk_size}")
    return _pieces(produce, chunk_size)


def _pieces(produce: Callable[[Pipe], None], chunk_size: int | None) -> Generator[bytes, None, None]:
    pipe = Pipe(chunk_size)

    def run() -> None:
        try:
            produce(pipe)
        except BaseException as error:
            pipe.finish(error)
        else:
            pipe.finish(None)

    thread = threading.Thread(target=run, name="pallet-stream")
    thread.start()
    try:
        while (piece := pipe.take()) is not None:
            yield piece
    finally:
        pipe.close()
        # The garbage collector may drop a forgotten iterator in any thread, this one too.
        if thread is not threading.current_thread():
            thread.join()


class Pipe:
    """What the operation writes to: a bounded queue of pieces with an end, and a reader who may go away."""

    def __init__(self, chunk_size: int | None) -> None:
        self._chunk_size = chunk_size
        self._buffer = bytearray()  # the writer's own
        self._pieces: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._finished = False
        self._error: BaseException | None = None

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Take bytes; wait while the reader is behind.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        if self._chunk_size is None:
            if len(data):
                self._put(bytes(data))
            return len(data)
        size = self._chunk_size
        self._buffer += data
        if len(self._buffer) >= size:
            end = len(self._buffer) - len(self._buffer) % size
            with memoryview(self._buffer) as view:
                pieces = [bytes(view[start : start + size]) for start in range(0, end, size)]
            del self._buffer[:end]
            for piece in pieces:
                self._put(piece)
        return len(data)

    def finish(self, error: BaseException | None) -> None:
        """The writer has ended, by this error or well."""
        if self._buffer:
            try:
                self._put(bytes(self._buffer))
            except BrokenPipeError:
                return
        with self._changed:
            self._error = error
            self._finished = True
            self._changed.notify_all()

    def take(self) -> bytes | None:
        """The next piece; None at the end.

        Raises:
            BaseException: what the writer ended with.
        """
        with self._changed:
            while not self._pieces and not self._finished:
                self._changed.wait()
            if self._pieces:
                self._changed.notify_all()
                return self._pieces.popleft()
        if self._error is not None:
            raise self._error
        return None

    def close(self) -> None:
        """Nobody reads any more."""
        with self._changed:
            self._closed = True
            self._pieces.clear()
            self._changed.notify_all()

    def _put(self, piece: bytes) -> None:
        with self._changed:
            while len(self._pieces) >= _WAITING and not self._closed:
                # A program that ends with an iterator half read waits for its threads: this one must not wait for it.
                if threading.main_thread().is_alive():
                    self._changed.wait(_LOOK)
                else:
                    self._closed = True
            if self._closed:
                raise BrokenPipeError("the reader has closed the stream")
            self._pieces.append(piece)
            self._changed.notify_all()
