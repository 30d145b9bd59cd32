"""urllib3's connection pools, with connections that a stop can end while they wait for an answer."""

from __future__ import annotations

from collections.abc import Callable

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from pallet.registry.stop import current


class _Http(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 itself has it
        return _watched(self, super().getresponse)


class _Https(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 itself has it
        return _watched(self, super().getresponse)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


def stoppable(manager: PoolManager) -> PoolManager:
    """Give a manager connections that are watched by the current stop, from the request on; whoever reads the answer
    has it forgotten."""
    manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return manager


def _watched(connection: HTTPConnection, ask: Callable[[], HTTPResponse]) -> HTTPResponse:
    stop = current()
    if stop is None:
        return ask()
    stop.watch(connection)
    try:
        return ask()
    except BaseException:
        stop.forget(connection)
        raise
