"""HTTP: connection pools, retries with back-off, redirects that take no credentials elsewhere.

urllib3 speaks it, but for plain HTTP on this machine: that is `plain`, for the sake of its start.

Bodies are never decoded (blobs are what their digest says, gzip included) and never read without a limit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec

from pallet.errors import InvalidInput, Unavailable
from pallet.registry.answer import PORTS, Answer, lost_error, origin
from pallet.registry.endpoint import Tls
from pallet.registry.failure import os_words
from pallet.registry.loopback import is_loopback
from pallet.registry.plain import NotConnected, Pool, Response
from pallet.registry.proxy import proxy_for, proxy_login
from pallet.registry.stop import current, sleep
from pallet.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from urllib3 import PoolManager

Body = bytes | Callable[[], Iterator[bytes]] | None
"""What to send: bytes, or a function that starts a stream (then a Content-Length header is needed)."""

_AGENT = f"pallet/{__version__}"
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 10
_WORTH_A_RETRY = (429, 500, 502, 503, 504)
_USUAL_TLS = Tls()


class Patience(msgspec.Struct, frozen=True):
    """How long to go on with a server that does not answer well; times in seconds.

    Attributes:
        attempts: how often to ask in all.
        pause: before the second attempt; it doubles for each further one, up to `longest_pause`, with jitter.
        longest_wait: the longest Retry-After that is waited for; a longer one is an error at once.
        connect, read: how long to wait for a connection, and for the next bytes on it.
    """

    attempts: int = 5
    pause: float = 0.25
    longest_pause: float = 10.0
    longest_wait: float = 60.0
    connect: float = 15.0
    read: float = 60.0

    def sleep(self, failures: int) -> None:
        """Back off after the `failures`-th failure in a row. Raises Stopped as `stop.sleep`."""
        import random

        pause = min(self.longest_pause, self.pause * 2 ** (failures - 1))
        sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 jitter


USUAL = Patience()
"""The patience of a user at a terminal."""


class Transport:
    """Sends requests. Safe to use from several threads."""

    def __init__(self, patience: Patience = USUAL, proxies: tuple[str, str, str] = ("", "", "")) -> None:
        """
        Args:
            patience: when to try again, and when to give up.
            proxies: as in `Settings`.
        """
        self.patience = patience
        self._proxies = proxies
        self._plain = Pool(connect=patience.connect, read=patience.read)
        self._pools: dict[tuple[Tls, str], PoolManager] = {}
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        url: str,
        *,
        tls: Tls = _USUAL_TLS,
        headers: Mapping[str, str] | None = None,
        body: Body = None,
        attempts: int | None = None,
        reconnect: bool = True,
        shown: str = "",
    ) -> Answer:
        """Send a request, follow its redirects, and try again when that may help.

        A stream body is sent once. Connections that are refused, and names that do not exist, are not tried again.

        Args:
            method, url, headers, body: the request; credentials are in the Authorization header.
            tls: how to check the server of `url`; a server it redirects to is checked as any other.
            attempts: how often to try; by default what `patience` says.
            reconnect: whether a lost connection may be tried again.
            shown: the address to name in errors instead of `url`.

        Raises:
            Unavailable: no connection, or a redirect that may not be followed.
            Stopped: the stop applied to this thread's requests says so.
        """
        attempts = attempts or self.patience.attempts
        failures = 0
        while True:
            failures += 1
            last = failures >= attempts or callable(body)
            try:
                answer = self._follow(method, url, tls, dict(headers or {}), body)
            except _Lost as broken:
                if last or not reconnect or broken.hopeless:
                    where = shown or broken.url
                    verb = "Get" if shown else method
                    raise lost_error(broken.reason, verb, where, broken.url) from broken.reason
                self.patience.sleep(failures)
                continue
            if last or answer.status not in _WORTH_A_RETRY:
                return answer
            wait = _retry_after(answer.header("Retry-After"))
            if wait is not None and wait > self.patience.longest_wait:
                return answer
            answer.discard()
            if wait is None:
                self.patience.sleep(failures)
            else:
                sleep(wait)

    def close(self) -> None:
        """End all idle connections."""
        self._plain.close()
        with self._lock:
            for pool in self._pools.values():
                pool.clear()
            self._pools.clear()

    def _follow(self, method: str, url: str, tls: Tls, headers: dict[str, str], body: Body) -> Answer:
        start = origin(url)
        for _ in range(_MOST_REDIRECTS + 1):
            here = headers
            same = origin(url) == start
            if not same:
                here = {key: value for key, value in headers.items() if key.lower() != "authorization"}
            answer = self._once(method, url, tls if same else elsewhere(url), here, body)
            target = answer.header("Location")
            followed = method in ("GET", "HEAD") or (answer.status in (307, 308) and not callable(body))
            if answer.status not in _REDIRECTS or not target or not followed:
                return answer
            answer.close()
            target = urljoin(url, target)
            parts = urlsplit(target)
            if parts.scheme not in PORTS or not parts.hostname:
                raise Unavailable(f'{method.capitalize()} "{url}": unsupported redirect to {target!r}')
            if url.startswith("https:") and parts.scheme == "http":
                raise Unavailable(f'{method.capitalize()} "{url}": refusing the redirect from https to {target!r}')
            url = target
        raise Unavailable(f'{method.capitalize()} "{url}": stopped after {_MOST_REDIRECTS} redirects')

    def _once(self, method: str, url: str, tls: Tls, headers: dict[str, str], body: Body) -> Answer:
        headers = {"User-Agent": _AGENT, **headers}
        if url.startswith("http:") and is_loopback(urlsplit(url).netloc):
            try:
                return Answer(self._ask_plainly(method, url, headers, body), url, method, (OSError,))
            except OSError as error:
                raise _Lost(error, url) from error
        from urllib3.exceptions import HTTPError

        pool = self._pool(tls, proxy_for(url, self._proxies))
        try:
            response = pool.urlopen(
                method,
                url,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                headers=headers,
                body=body() if callable(body) else body,
            )
        except (HTTPError, OSError) as error:
            raise _Lost(error, url) from error
        return Answer(response, url, method, (HTTPError, OSError))

    def _ask_plainly(self, method: str, url: str, headers: dict[str, str], body: Body) -> Response:
        parts = urlsplit(url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        stop = current()
        connection = self._plain.connection(parts.netloc)
        try:
            if stop is not None:
                stop.watch(connection)
            connection.send(method, target, headers, body() if callable(body) else body)
            return connection.answer(method)
        except BaseException:
            if stop is not None:
                stop.forget(connection)
            connection.close()
            raise

    def _pool(self, tls: Tls, proxy: str) -> PoolManager:
        with self._lock:
            found = self._pools.get((tls, proxy))
            if found is None:
                from urllib3 import PoolManager, ProxyManager, Timeout, disable_warnings
                from urllib3.exceptions import InsecureRequestWarning

                from pallet.registry.pools import stoppable

                timeout = Timeout(connect=self.patience.connect, read=self.patience.read)
                options = _tls_options(tls)
                if not tls.verify:
                    # The user said so, or it is this machine: a warning on each request would tell nothing new.
                    disable_warnings(InsecureRequestWarning)
                options |= {"num_pools": 32, "maxsize": 8, "timeout": timeout}
                found = stoppable(
                    ProxyManager(proxy, proxy_headers=proxy_login(proxy), **options)
                    if proxy
                    else PoolManager(**options)
                )
                self._pools[tls, proxy] = found
            return found


class _Lost(Exception):
    def __init__(self, reason: Exception, url: str) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.url = url

    @property
    def hopeless(self) -> bool:
        """Whether another attempt in a moment would end the same way."""
        if isinstance(self.reason, OSError):
            return isinstance(self.reason, NotConnected)
        from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, SSLError

        return isinstance(self.reason, NewConnectionError | ConnectTimeoutError | SSLError)


def elsewhere(url: str) -> Tls:
    """How to check a server that is not the registry one asked: as usual, and not at all on loopback."""
    return Tls(verify=not is_loopback(urlsplit(url).netloc))


def _tls_options(tls: Tls) -> dict[str, Any]:
    import ssl

    # Deferred: for plain http the authorities, some hundreds of files, need not be read.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if tls.verify:
            context.load_default_certs()
            for path in tls.certificates.authorities:
                context.load_verify_locations(cafile=path)
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        for certificate, key in tls.certificates.clients:
            context.load_cert_chain(certificate, key)
    except OSError as error:  # SSLError is one
        files = [*tls.certificates.authorities, *(name for pair in tls.certificates.clients for name in pair)]
        reason = os_words(error.errno) if error.errno and not isinstance(error, ssl.SSLError) else str(error)
        raise InvalidInput(f"cannot use the certificates {', '.join(files)}: {reason}") from error
    options: dict[str, Any] = {"ssl_context": context}
    if not tls.verify:
        options |= {"cert_reqs": ssl.CERT_NONE, "assert_hostname": False}
    return options


def _retry_after(value: str) -> float | None:
    """Seconds to wait, from a Retry-After header in either of its two forms."""
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
