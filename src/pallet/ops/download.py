"""A file at a URL, as a stream: for `import URL`."""

from __future__ import annotations

from types import TracebackType

from pallet.errors import InvalidInput, Unavailable

_TIMEOUT = 60.0  # seconds without a byte


class Download:
    """An open download. Use it as a context.

    Args:
        url: `http://` or `https://`.

    Raises:
        InvalidInput: another scheme.
        Unavailable: the server does not answer, or answers with an error.
    """

    def __init__(self, url: str) -> None:
        import urllib3

        if not url.startswith(("http://", "https://")):
            raise InvalidInput(f"unsupported URL: {url}")
        self._url = url
        self._errors = urllib3.exceptions.HTTPError
        try:
            self._response = urllib3.PoolManager(
                timeout=_TIMEOUT, retries=urllib3.Retry(connect=0, read=0, redirect=10)
            ).request("GET", url, preload_content=False, decode_content=False)
        except self._errors as error:
            raise self._unreachable(error) from error
        if self._response.status != 200:
            self._response.close()
            raise Unavailable(f'Get "{url}": the server answered {self._response.status} {self._response.reason}')

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; none at the end.

        Raises:
            Unavailable: the connection broke.
        """
        try:
            return self._response.read(size)
        except self._errors as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> Unavailable:
        from urllib3.util import parse_url

        from pallet.registry.failure import unreachable

        parts = parse_url(self._url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return unreachable(error, "GET", self._url, parts.host or "", port)

    def __enter__(self) -> Download:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._response.close()
