"""Files at URLs, for `import URL` and builds: retries, redirects, proxies and refusals."""

from __future__ import annotations

import pytest
from tests.support import images, refusing_port
from tests.support.faulty import Fault, FaultyRegistry

from pallet.errors import InvalidInput, Unavailable
from pallet.ops.download import Download

MADE = images.image([images.tar([images.entry("file", b"content")])])
PATH = "/v2/s/manifests/1"


def _all(download: Download, size: int) -> bytes:
    with download:
        pieces = list(iter(lambda: download.read(size), b""))
        assert all(len(piece) <= size for piece in pieces)
        return b"".join(pieces)


@pytest.mark.parametrize("fault", [Fault(), Fault(status=503), Fault(redirect="elsewhere")], ids=repr)
def test_the_bytes_arrive(fault: Fault) -> None:
    with FaultyRegistry() as registry, FaultyRegistry() as elsewhere:
        for each in (registry, elsewhere):
            each.add("s", MADE, "1")
        registry.fault(PATH, Fault(redirect=elsewhere.url) if fault.redirect else fault)
        assert _all(Download(registry.url + PATH), 100) == MADE.manifest.data
        assert bool(elsewhere.asked()) == bool(fault.redirect)


def test_other_machines_are_asked_through_the_proxy() -> None:
    with FaultyRegistry() as proxy, pytest.raises(Unavailable) as caught:
        Download("http://files.invalid/x.tar", (proxy.url, "", ""))
    assert caught.value.message == 'Get "http://files.invalid/x.tar": the server answered 404 Not Found'


def test_refusals() -> None:
    with FaultyRegistry() as registry, pytest.raises(Unavailable) as caught:
        Download(registry.url + "/nothing")
    assert caught.value.message == f'Get "{registry.url}/nothing": the server answered 404 Not Found'
    with refusing_port() as port, pytest.raises(Unavailable, match="connection refused"):
        Download(f"http://127.0.0.1:{port}/x")
    with pytest.raises(InvalidInput, match="unsupported URL"):
        Download("ftp://somewhere/x")
