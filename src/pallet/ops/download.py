"""A file at a URL, as a stream: for `import URL` and builds, with the proxies and retries that registries get."""

from __future__ import annotations

from http import HTTPStatus
from types import TracebackType

from pallet.errors import InvalidInput, Unavailable
from pallet.registry.transport import Transport


class Download:
    """An open download. Use it as a context.

    Args:
        url: `http://` or `https://`.
        proxies: as in `Settings`.

    Raises:
        InvalidInput: another scheme.
        Unavailable: the server does not answer, or answers with an error.
    """

    def __init__(self, url: str, proxies: tuple[str, str, str] = ("", "", "")) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidInput(f"unsupported URL: {url}")
        self._transport = Transport(proxies=proxies)
        try:
            self._answer = self._transport.send("GET", url)
            if self._answer.status != HTTPStatus.OK:
                status = self._answer.status
                self._answer.close()
                raise Unavailable(f'Get "{url}": the server answered {_words(status)}')
        except BaseException:
            self._transport.close()
            raise
        self._chunks = self._answer.chunks()
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; none at the end.

        Raises:
            Unavailable: the connection broke.
        """
        data = self._rest or next(self._chunks, b"")
        self._rest = data[size:]
        return data[:size]

    def __enter__(self) -> Download:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answer.close()
        self._transport.close()


def _words(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
