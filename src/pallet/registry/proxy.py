"""Which proxy a request goes through. Source: Go's golang.org/x/net/http/httpproxy, which docker follows."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from pallet.errors import InvalidInput
from pallet.registry.loopback import is_loopback

_PORTS = {"http": 80, "https": 443}


def proxy_for(url: str, proxies: tuple[str, str, str]) -> str:
    """The URL of the proxy for `url`, or empty to connect directly: always so to this machine.

    Args:
        url: an `http:` or `https:` URL.
        proxies: as in `Settings`: for http, for https, and where none is to be used.

    Raises:
        InvalidInput: the proxy is no http or https URL.
    """
    parts = urlsplit(url)
    http, https, exclusions = proxies
    proxy = https if parts.scheme == "https" else http
    if not proxy or is_loopback(parts.netloc) or _excluded(parts.hostname or "", _port(url), exclusions):
        return ""
    if "://" not in proxy:
        proxy = "http://" + proxy
    if not proxy.startswith(("http://", "https://")):
        raise InvalidInput(f"unsupported proxy {proxy}: only http and https proxies are supported")
    return proxy


def proxy_login(proxy: str) -> dict[str, str] | None:
    """The header that tells a proxy who asks, from the user and password in its URL."""
    parts = urlsplit(proxy)
    if not parts.username:
        return None
    from urllib.parse import unquote

    from urllib3.util import make_headers

    return dict(make_headers(proxy_basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}"))


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or _PORTS[parts.scheme]


def _excluded(host: str, port: int, exclusions: str) -> bool:
    host = host.lower().rstrip(".")
    for entry in exclusions.replace(",", " ").lower().split():
        if entry == "*":
            return True
        name, colon, number = entry.rpartition(":")
        if colon and number.isdecimal() and not name.endswith(":"):
            if int(number) != port:
                continue
            entry = name
        if _matches(host, entry.strip("[]")):
            return True
    return False


def _matches(host: str, entry: str) -> bool:
    try:
        if "/" in entry:
            return ip_address(host) in ip_network(entry, strict=False)
        return ip_address(host) == ip_address(entry)
    except ValueError:
        pass
    name = entry.removeprefix("*")
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith("." + name)
