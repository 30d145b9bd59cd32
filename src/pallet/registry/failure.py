"""Registries' error answers, and lost connections, as pallet's errors with docker's texts.

Source: OCI distribution spec 1.1, "Error Codes"; docker's texts were read off docker 20.10.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

import msgspec

from pallet.errors import Forbidden, InvalidInput, NotFound, PalletError, Unauthorized, Unavailable, Unsupported
from pallet.oci.codec import decode
from pallet.reference import Reference
from pallet.registry.plain import Garbled, NotConnected

ERROR_LIMIT = 64 * 1024
"""How much of an error's body is read, in bytes."""

UNAUTHORIZED = "UNAUTHORIZED"
DENIED = "DENIED"
_MANIFEST_UNKNOWN = "MANIFEST_UNKNOWN"
_NAME_UNKNOWN = "NAME_UNKNOWN"

_KINDS: dict[str, type[PalletError]] = {
    "BLOB_UNKNOWN": NotFound,
    "BLOB_UPLOAD_UNKNOWN": NotFound,
    DENIED: Forbidden,
    _MANIFEST_UNKNOWN: NotFound,
    "MANIFEST_INVALID": InvalidInput,
    "MANIFEST_BLOB_UNKNOWN": NotFound,
    "DIGEST_INVALID": InvalidInput,
    "SIZE_INVALID": InvalidInput,
    "NAME_INVALID": InvalidInput,
    "TAG_INVALID": InvalidInput,
    _NAME_UNKNOWN: NotFound,
    UNAUTHORIZED: Unauthorized,
    "UNSUPPORTED": Unsupported,
}
_BY_STATUS: dict[int, type[PalletError]] = {
    400: InvalidInput,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: Unsupported,
}
_MESSAGES = {
    UNAUTHORIZED: "authentication required",
    DENIED: "requested access to the resource is denied",
    _MANIFEST_UNKNOWN: "manifest unknown",
    _NAME_UNKNOWN: "repository name not known to registry",
    "TOOMANYREQUESTS": "too many requests",
}


class Problem(msgspec.Struct, frozen=True):
    """What an answer that is no success says.

    Attributes:
        status: the HTTP status.
        code: the distribution spec's error code, or empty.
        text: the whole as docker words it: `manifest unknown: manifest unknown`.
    """

    status: int
    code: str
    text: str

    def error(self) -> PalletError:
        """The error to raise when nothing more is known about what was asked for."""
        kind = _KINDS.get(self.code) or _BY_STATUS.get(self.status) or Unavailable
        return kind(self.text)

    def error_for_pull(self, reference: Reference) -> PalletError:
        """The error to raise when `reference` was to be read."""
        if self.code == DENIED:
            return Unauthorized(
                f"pull access denied for {reference.familiar_name}, repository does not exist or "
                f"may require 'docker login': {self.text}",
                hint=f"pallet login {reference.domain}",
            )
        if self.code == _MANIFEST_UNKNOWN:
            return NotFound(f"manifest for {reference.familiar} not found: {self.text}")
        if self.code == _NAME_UNKNOWN:
            return NotFound(f"repository {reference.familiar_name} not found: {self.text}")
        return self.error()


class _OneError(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


class _Errors(msgspec.Struct, frozen=True):
    errors: tuple[_OneError, ...] | None = None
    details: Any = None


def read_problem(status: int, body: bytes, insufficient_scope: bool = False) -> Problem:
    """Understand an error answer.

    Args:
        status: the HTTP status.
        body: its body, at most ERROR_LIMIT bytes of it.
        insufficient_scope: the answer's bearer challenge says that the token does not reach so far.
    """
    if insufficient_scope:
        return _problem(status, DENIED, "")
    try:
        document = decode(body, _Errors, "the error")
    except InvalidInput:
        document = _Errors()
    if document.errors:
        first = document.errors[0]
        return _problem(status, first.code or "UNKNOWN", first.message)
    code = {401: UNAUTHORIZED, 403: DENIED, 429: "TOOMANYREQUESTS"}.get(status)
    if code is not None:
        return _problem(status, code, document.details if isinstance(document.details, str) else "")
    return Problem(status, "", f"received unexpected HTTP status: {status_line(status)}")


def _problem(status: int, code: str, message: str) -> Problem:
    words = code.replace("_", " ").lower()
    return Problem(status, code, f"{words}: {_printable(message) or _MESSAGES.get(code, words)}")


def _printable(text: str) -> str:
    """Without control characters: a registry must not drive the user's terminal."""
    return "".join(char if char.isprintable() else " " for char in text).strip()


def status_line(status: int) -> str:
    """`404 Not Found`."""
    from http import HTTPStatus

    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def unreachable(error: BaseException, method: str, url: str, host: str, port: int) -> Unavailable:
    """The error for a connection that could not be made or was lost, in docker's words.

    Args:
        error: what urllib3 or `plain` raised.
        method: the HTTP method.
        url: the address docker would name.
        host: the server's host name or address.
        port: its port.
    """
    return Unavailable(f'{method.capitalize()} "{url}": {_reason(error, host, port)}')


def _reason(error: BaseException, host: str, port: int) -> str:
    import ssl

    from urllib3 import exceptions

    if isinstance(error, Garbled):
        return str(error)
    dialled = isinstance(error, NotConnected)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate_reason(cause, host)
        if isinstance(cause, ssl.SSLError):
            if cause.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"):
                return "http: server gave HTTP response to HTTPS client"
            return f"tls: {cause.reason or cause}".lower().replace("_", " ")
        if isinstance(cause, socket.gaierror):
            words = "no such host" if cause.errno == socket.EAI_NONAME else cause.strerror
            return f"dial tcp: lookup {host}{_name_server()}: {words}"
        if isinstance(cause, exceptions.ConnectTimeoutError) or (dialled and isinstance(cause, TimeoutError)):
            return f"dial tcp {_address(host, port)}: i/o timeout"
        if isinstance(cause, exceptions.ReadTimeoutError | TimeoutError):
            return "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"
        if isinstance(cause, OSError) and cause.errno is not None:
            words = os_words(cause.errno)
            dialled = dialled or any(isinstance(each, exceptions.NewConnectionError) for each in _causes(error))
            return f"dial tcp {_address(host, port)}: connect: {words}" if dialled else f"read tcp: {words}"
    if isinstance(error, exceptions.ProtocolError):
        return "EOF"
    return str(error)


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and each not in found:
            found.append(each)
            waiting += [each.__cause__, getattr(each, "reason", None), *each.args]
    # The most telling last: what the operating system or TLS said, then urllib3's wrappings.
    return sorted(found, key=lambda each: not isinstance(each, OSError))


def os_words(number: int) -> str:
    """An errno in Go's words."""
    import os

    return "connection refused" if number == errno.ECONNREFUSED else os.strerror(number).lower()


def _certificate_reason(error: Any, host: str) -> str:
    if error.verify_code in (18, 19, 20, 21):
        return "x509: certificate signed by unknown authority"
    if error.verify_code in (9, 10):
        return "x509: certificate has expired or is not yet valid"
    if error.verify_code in (62, 64):
        return f"x509: certificate is not valid for {host}"
    return f"x509: {error.verify_message}"


def _address(host: str, port: int) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        host = str(found[-1][4][0])
    except OSError:
        pass
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _name_server() -> str:
    """` on 10.0.0.1:53`, as Go's resolver adds it."""
    try:
        with open("/etc/resolv.conf", encoding="utf-8", errors="replace") as file:
            for line in file:
                words = line.split()
                if len(words) > 1 and words[0] == "nameserver":
                    return f" on [{words[1]}]:53" if ":" in words[1] else f" on {words[1]}:53"
    except OSError:
        pass
    return ""
