"""Writing by another thread."""

from __future__ import annotations

import errno
import io
import os
import threading

import pytest

from pallet.errors import HostError
from pallet.layer.ahead import WriteAhead


def test_everything_is_written_in_order_though_the_file_takes_less_at_a_time() -> None:
    class Short(io.BytesIO):
        def write(self, data: memoryview, /) -> int:  # type: ignore[override]
            return super().write(data[:300_000])

    out = Short()
    expected = b"".join(os.urandom(size) for size in (0, 1, 5_000_000, 70_000))
    reused = bytearray(70_000)
    with WriteAhead(out) as ahead:
        for start in range(0, len(expected), len(reused)):
            part = expected[start : start + len(reused)]
            reused[: len(part)] = part
            ahead.write(memoryview(reused)[: len(part)])
        ahead.write(b"")
    assert out.getvalue() == expected


class _Full(io.BytesIO):
    """Takes two pieces, and then has an error."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error
        self.pieces = 0

    def write(self, data: memoryview, /) -> int:  # type: ignore[override]
        self.pieces += 1
        if self.pieces > 2:
            raise self._error
        return len(data)


@pytest.mark.parametrize("count", [3, 50])
def test_a_full_disk_is_an_error_however_late_it_shows(count: int) -> None:
    out = _Full(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    with pytest.raises(HostError, match="cannot write: no space left on device"), WriteAhead(out) as ahead:
        for _ in range(count):
            ahead.write(bytes(1 << 20))
    assert out.pieces == 3


def test_a_reader_that_is_gone_is_what_it_is_even_if_that_became_another_error() -> None:
    def write(ahead: WriteAhead) -> None:
        try:
            while True:
                ahead.write(bytes(1 << 20))
        except OSError as error:
            raise HostError("failed to read") from error

    with pytest.raises(BrokenPipeError), WriteAhead(_Full(BrokenPipeError(errno.EPIPE, "gone"))) as ahead:
        write(ahead)


def test_after_an_interrupt_it_neither_waits_for_a_reader_nor_writes_any_more() -> None:
    blocked = threading.Event()
    written: list[int] = []

    class Stuck(io.BytesIO):
        def write(self, data: memoryview, /) -> int:  # type: ignore[override]
            written.append(len(data))
            blocked.wait()
            return 1

    with pytest.raises(KeyboardInterrupt), WriteAhead(Stuck()) as ahead:
        ahead.write(bytes(100))
        ahead.write(bytes(100))
        raise KeyboardInterrupt
    blocked.set()
    for thread in threading.enumerate():
        if thread.name == "write":
            thread.join()
    assert len(written) <= 1
