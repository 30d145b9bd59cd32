"""What one test run owns: a network namespace of its own, a mark on its processes, a directory.

As root the run moves into a new network namespace with only a loopback: ports, links and firewall rules are the run's
own, so that two runs on a machine do not meet, port 80 is free, and a leaked rule shows. Set PALLET_TEST_HOSTNET=1 to
stay in the machine's own network.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import secrets
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.support import SESSION_MARK

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1

_libc = ctypes.CDLL(None, use_errno=True)


class Session:
    """One test run. It is made once, by tests/conftest.py, before any thread is."""

    def __init__(self) -> None:
        self.mark = secrets.token_hex(3)
        os.environ[SESSION_MARK] = self.mark
        self._host_network: int | None = None
        if os.geteuid() == 0 and not os.environ.get("PALLET_TEST_HOSTNET"):
            self._isolate()

    @property
    def isolated(self) -> bool:
        """Whether the run has a network namespace of its own."""
        return self._host_network is not None

    def _isolate(self) -> None:
        host = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        if _libc.unshare(CLONE_NEWNET) != 0:
            os.close(host)
            return
        self._host_network = host
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))

    def on_host_network(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs argv in the machine's own network (apt's mirror is there)."""
        if self._host_network is None:
            return list(argv)
        return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self._host_network}", "--", *argv]


@contextmanager
def inside_network(path: str) -> Iterator[None]:
    """Sockets that this thread makes meanwhile belong to the network namespace at that path."""
    own = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    other = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(other)
        try:
            yield
        finally:
            _enter(own)
    finally:
        os.close(other)
        os.close(own)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
