"""A TCP relay that cuts connections after so many bytes from the client: what uploads meet on bad lines."""

from __future__ import annotations

import contextlib
import socket

from tests.support.gate import Gate, end


class CuttingProxy(Gate):
    """Relays loopback connections to `host:port`, as a context manager.

    Args:
        target: where to.
        cuts: for one connection after the other that sends more than that many bytes: how many go through.
    """

    def __init__(self, target: str, cuts: list[int]) -> None:
        super().__init__(target)
        self.cuts = cuts

    def _relay(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        from_client = not counted
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    if from_client and self.cuts and passed + len(data) > self.cuts[0]:
                        target.sendall(data[: self.cuts.pop(0) - passed])
                        break
                target.sendall(data)
                passed += len(data)
        end(source)
        end(target)
