"""conmon's answers."""

from __future__ import annotations

import os

import pytest

from pallet.errors import HostError
from pallet.runtime.conmon import read_answer


def _answer(said: bytes) -> tuple[int, str]:
    reading, writing = os.pipe()
    try:
        os.write(writing, said)
        os.close(writing)
        return read_answer(reading, lambda: "what it printed\n")
    finally:
        os.close(reading)


def test_what_conmon_says() -> None:
    assert _answer(b'{"data": 17}\n') == (17, "")
    assert _answer(b'{"data": -1, "message": "no such thing\\n"}\n') == (-1, "no such thing\n")


def test_an_exit_code_that_follows_at_once() -> None:
    assert _answer(b'{"data": 17}\n{"data": 0}\n') == (17, "")


def test_nothing_said() -> None:
    with pytest.raises(HostError, match=r"^conmon failed: what it printed$"):
        _answer(b"")
