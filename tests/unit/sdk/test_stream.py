"""Bytes that are written in a thread and read as an iterator: order, bounds, errors, and readers who leave."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pallet.errors import NotFound
from pallet.layer.compress import Writable
from pallet.sdk.stream import produced


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def writing(*pieces: bytes) -> Callable[[Writable], None]:
    def produce(out: Writable) -> None:
        for piece in pieces:
            out.write(piece)

    return produce


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 50))
def test_all_bytes_come_in_order_and_in_pieces_of_that_size(pieces: list[bytes], size: int) -> None:
    got = list(produced(writing(*pieces), chunk_size=size))
    assert b"".join(got) == b"".join(pieces)
    assert all(len(piece) == size for piece in got[:-1])
    assert all(0 < len(piece) <= size for piece in got[-1:])


def test_without_a_size_pieces_come_as_they_are_written() -> None:
    assert list(produced(writing(b"a", b"", b"bcd"), chunk_size=None)) == [b"a", b"bcd"]


def test_a_writer_may_use_its_buffer_again() -> None:
    def produce(out: Writable) -> None:
        buffer = bytearray(b"first")
        out.write(memoryview(buffer))
        buffer[:] = b"after"
        out.write(buffer)

    assert list(produced(produce, chunk_size=None)) == [b"first", b"after"]
    assert b"".join(produced(produce, chunk_size=3)) == b"firstafter"


@pytest.mark.parametrize("size", [0, -1])
def test_a_bad_size_is_refused_at_once(size: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        produced(writing(b"x"), chunk_size=size)


def test_an_error_comes_after_what_was_written_before_it() -> None:
    def produce(out: Writable) -> None:
        out.write(b"abc")
        raise NotFound("gone")

    stream = produced(produce, chunk_size=2)
    assert next(stream) == b"ab"
    assert next(stream) == b"c"
    with pytest.raises(NotFound, match="gone"):
        next(stream)
    with pytest.raises(StopIteration):
        next(stream)


def test_nothing_runs_before_the_first_piece_is_asked_for() -> None:
    ran: list[str] = []
    stream = produced(lambda out: ran.append("ran"))
    stream.close()
    assert ran == []


def test_a_writer_waits_for_a_slow_reader() -> None:
    written: list[int] = []

    def produce(out: Writable) -> None:
        for number in range(100):
            out.write(b"x" * 1000)
            written.append(number)

    stream = produced(produce, chunk_size=1000)
    assert len(next(stream)) == 1000
    time.sleep(0.05)
    assert len(written) <= 4
    assert len(b"".join(stream)) == 99_000


def leaving() -> tuple[Callable[[Writable], None], list[str]]:
    """A producer without end, and what it did when it was stopped."""
    told: list[str] = []

    def produce(out: Writable) -> None:
        try:
            while True:
                out.write(b"x" * 1000)
        except BrokenPipeError:
            told.append("stopped")
            raise
        finally:
            told.append("cleaned up")

    return produce, told


def test_a_reader_who_closes_stops_the_writer() -> None:
    produce, told = leaving()
    stream = produced(produce, chunk_size=1000)
    next(stream)
    stream.close()
    assert told == ["stopped", "cleaned up"]


def test_a_reader_who_forgets_stops_the_writer() -> None:
    produce, told = leaving()
    for _ in produced(produce, chunk_size=1000):
        break
    gc.collect()
    assert told == ["stopped", "cleaned up"]


def test_a_program_may_end_with_a_stream_half_read() -> None:
    program = """
from pallet.sdk.stream import produced

def produce(out):
    try:
        while True:
            out.write(b"x" * 1000)
    finally:
        print("cleaned up", flush=True)

kept = produced(produce, chunk_size=1000)
next(kept)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "cleaned up\n", "")
