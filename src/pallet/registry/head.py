"""The digest that a registry on this machine has under a name, by one request. On the quick path: no `http`, no `ssl`.

A client for all of HTTP takes longer to import than a registry on loopback to answer. This one asks one question over
plain HTTP/1.1 (RFC 9112), with HEAD, whose answers have no body, on a connection of its own. It understands one answer;
whatever else comes (a challenge, a redirect, TLS, an error, nothing) is for the full client to ask about again.
"""

from __future__ import annotations

from _socket import AF_UNSPEC, SOCK_STREAM, getaddrinfo, socket

from pallet.digest import Digest
from pallet.errors import InvalidDigest
from pallet.oci.media import ACCEPT
from pallet.registry.loopback import is_loopback
from pallet.version import __version__

_TIMEOUT = 5.0  # seconds; the full client is more patient
_LONGEST_HEAD = 64 * 1024


def digest_on_loopback(host: str, repository: str, target: str) -> Digest | None:
    """Ask for the digest of a manifest or index.

    Args:
        host: the registry, `host[:port]`; only one on loopback is asked.
        repository: the repository's path.
        target: a tag or digest.

    Returns:
        None if that could not be learned here.
    """
    if not is_loopback(host):
        return None
    request = (
        f"HEAD /v2/{repository}/manifests/{target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: pallet/{__version__}\r\n"
        f"Accept: {', '.join(ACCEPT)}\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
    )
    try:
        head = _exchange(host, request.encode("ascii"))
        status, *lines = head.decode("ascii").split("\r\n")
    except (OSError, UnicodeError):
        return None
    if status.split(" ")[:2] != ["HTTP/1.1", "200"]:
        return None
    named = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("docker-content-digest:")]
    try:
        return Digest.parse(named[0]) if len(named) == 1 else None
    except InvalidDigest:
        return None


def _exchange(host: str, request: bytes) -> bytes:
    """Send the request; the answer's head, or what came of it.

    Raises:
        OSError: no connection, or none that lasts.
    """
    name, port = host, "80"
    if not host.endswith("]") and ":" in host:
        name, _, port = host.rpartition(":")
    family, kind, protocol, _, address = getaddrinfo(name.strip("[]").encode("ascii"), port, AF_UNSPEC, SOCK_STREAM)[0]
    connection = socket(family, kind, protocol)
    try:
        connection.settimeout(_TIMEOUT)
        connection.connect(address)
        connection.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer and len(answer) < _LONGEST_HEAD and (more := connection.recv(4096)):
            answer += more
        return answer.partition(b"\r\n\r\n")[0]
    finally:
        connection.close()
