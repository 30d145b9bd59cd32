"""Detach keys, and error texts of the runtimes."""

from __future__ import annotations

import pytest

from pallet.runtime.oci_runtime import failure
from pallet.runtime.terminal import DetachKeys, parse_keys


def _typed(*chunks: bytes) -> tuple[bytes, bool]:
    keys, out = DetachKeys(b"\x10\x11"), b""
    for chunk in chunks:
        passed, detached = keys.feed(chunk)
        out += passed
        if detached:
            return out, True
    return out, False


@pytest.mark.parametrize(
    ("chunks", "passed", "detached"),
    [
        ((b"abc",), b"abc", False),
        ((b"ab\x10\x11cd",), b"ab", True),
        ((b"a\x10", b"\x11"), b"a", True),
        ((b"\x10", b"x"), b"\x10x", False),
        ((b"\x10\x10\x11",), b"\x10", True),
        ((b"\x11\x10",), b"\x11", False),  # the last key waits for the next one
        ((b"\x10", b"\x10", b"y"), b"\x10\x10y", False),
    ],
)
def test_detach_keys(chunks: tuple[bytes, ...], passed: bytes, detached: bool) -> None:
    assert _typed(*chunks) == (passed, detached)


def test_parse_keys() -> None:
    assert parse_keys("ctrl-p,ctrl-q") == b"\x10\x11"
    assert parse_keys("a,ctrl-@,ctrl-[") == b"a\x00\x1b"
    with pytest.raises(ValueError, match="Unknown character: 'foo'"):
        parse_keys("foo")


_RUNC = (
    'time="2026-11-24T03:01:29Z" level=error msg="runc create failed: unable to start container process: exec: %s"\n'
)


@pytest.mark.parametrize(
    ("said", "program", "code", "reason"),
    [
        (
            "executable file `x` not found in $PATH: No such file or directory\n",
            "x",
            127,
            "executable file not found in",
        ),
        ("executable file `/x` not found in $PATH: No such file or directory\n", "/x", 127, "stat /x: no such file or"),
        ("open executable: Operation not permitted\n", "/etc", 126, "permission denied"),
        ("open executable: Permission denied\n", "/etc/passwd", 126, "permission denied"),
        (_RUNC % '\\"x\\": executable file not found in $PATH', "x", 127, "executable file not found in $PATH"),
        (_RUNC % '\\"/etc\\": permission denied', "/etc", 126, "permission denied"),
        ("mount `proc` to `proc`: Operation not permitted\n", "x", 125, "mount `proc`"),
    ],
)
def test_failures_become_dockers(said: str, program: str, code: int, reason: str) -> None:
    error = failure(said, program)
    assert error.exit_code == code
    assert error.message.startswith("failed to create shim task: OCI runtime create failed: ")
    assert reason in error.message
    assert error.message.endswith(": unknown")
