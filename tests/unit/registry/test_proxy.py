"""Proxies: which requests go through one, and that they really do."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pallet.errors import InvalidInput
from pallet.registry.proxy import proxy_for, proxy_login
from pallet.registry.transport import Transport

PROXIES = ("http://plain:3128", "http://secure:3128", "")


@pytest.mark.parametrize(
    ("url", "exclusions", "proxy"),
    [
        ("http://registry.lan/v2/", "", "http://plain:3128"),
        ("https://registry.lan/v2/", "", "http://secure:3128"),
        ("http://localhost:5000/v2/", "", ""),
        ("http://127.0.0.1:5000/v2/", "", ""),
        ("https://registry.lan/", "*", ""),
        ("https://registry.lan/", "registry.lan", ""),
        ("https://registry.lan/", "REGISTRY.LAN", ""),
        ("https://registry.lan/", "lan", ""),
        ("https://registry.lan/", ".lan", ""),
        ("https://registry.lan/", "*.lan", ""),
        ("https://lan/", ".lan", "http://secure:3128"),
        ("https://xlan/", "lan", "http://secure:3128"),
        ("https://registry.lan:5000/", "registry.lan:5000", ""),
        ("https://registry.lan/", "registry.lan:5000", "http://secure:3128"),
        ("https://registry.lan/", "registry.lan:443", ""),
        ("https://10.1.2.3/", "10.0.0.0/8", ""),
        ("https://11.1.2.3/", "10.0.0.0/8", "http://secure:3128"),
        ("https://10.1.2.3/", "10.1.2.3", ""),
        ("https://[fd00::1]:5000/", "fd00::/8", ""),
        ("https://registry.lan/", "other, registry.lan", ""),
    ],
)
def test_which_proxy(url: str, exclusions: str, proxy: str) -> None:
    assert proxy_for(url, (PROXIES[0], PROXIES[1], exclusions)) == proxy


def test_a_bare_host_is_an_http_proxy_and_other_kinds_are_refused() -> None:
    assert proxy_for("https://a.lan/", ("", "proxy:3128", "")) == "http://proxy:3128"
    with pytest.raises(InvalidInput, match="only http and https proxies"):
        proxy_for("https://a.lan/", ("", "socks5://proxy:1080", ""))


def test_the_proxys_own_password() -> None:
    assert proxy_login("http://proxy:3128") is None
    assert proxy_login("http://me:pass%20word@proxy:3128") == {"proxy-authorization": "Basic bWU6cGFzcyB3b3Jk"}


def test_a_request_goes_through_the_proxy() -> None:
    asked: list[tuple[str, str | None]] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Proxy-Authorization")))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        transport = Transport(proxies=(f"http://me:pw@127.0.0.1:{server.server_address[1]}", "", ""))
        answer = transport.send("GET", "http://registry.invalid/v2/")
        assert answer.read(10, "the answer") == b"ok"
        transport.close()
        server.shutdown()
    assert asked == [("http://registry.invalid/v2/", "Basic bWU6cHc=")]
