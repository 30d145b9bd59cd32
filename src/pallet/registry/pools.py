"""urllib3's connection pools, with connections that a stop can end while they wait for an answer."""

from __future__ import annotations

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from pallet.registry.stop import current


class _Http(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 itself has it
        _watch(self)
        try:
            return super().getresponse()
        except BaseException:
            _forget(self)
            raise


class _Https(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 itself has it
        _watch(self)
        try:
            return super().getresponse()
        except BaseException:
            _forget(self)
            raise


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


def stoppable(manager: PoolManager) -> PoolManager:
    """Give a manager connections that are watched by the current stop, from the request on; whoever reads the answer
    has it forgotten."""
    manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return manager


def _watch(connection: HTTPConnection) -> None:
    if stop := current():
        stop.watch(connection)


def _forget(connection: HTTPConnection) -> None:
    if stop := current():
        stop.forget(connection)
