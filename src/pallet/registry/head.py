"""The digest that a registry on this machine has under a name, by one request. On the quick path.

It understands one answer; whatever else comes (a challenge, a redirect, TLS, an error, nothing) is for the full client
to ask about again.
"""

from __future__ import annotations

from pallet.digest import Digest
from pallet.errors import InvalidDigest
from pallet.oci.media import ACCEPT
from pallet.registry.loopback import is_loopback
from pallet.registry.plain import Connection
from pallet.version import __version__

_TIMEOUT = 5.0  # seconds; the full client is more patient


class Question:
    """What was asked, while the registry looks for its answer.

    Args:
        connection: where the answer comes; None if nothing could be asked.
    """

    def __init__(self, connection: Connection | None) -> None:
        self._connection = connection

    def digest(self) -> Digest | None:
        """Wait for the answer: the digest, or None if it was not learned here."""
        connection, self._connection = self._connection, None
        if connection is None:
            return None
        try:
            answer = connection.answer("HEAD")
        except OSError:
            return None
        finally:
            connection.close()
        if answer.status != 200:
            return None
        try:
            return Digest.parse(answer.headers.get("Docker-Content-Digest") or "")
        except InvalidDigest:
            return None


def ask_on_loopback(host: str, repository: str, target: str) -> Question:
    """Ask for the digest of a manifest or index; does not wait for it.

    Args:
        host: the registry, `host[:port]`; only one on loopback is asked.
        repository: the repository's path.
        target: a tag or digest.
    """
    if not is_loopback(host):
        return Question(None)
    fields = {"User-Agent": f"pallet/{__version__}", "Accept": ", ".join(ACCEPT), "Connection": "close"}
    try:
        connection = Connection(host, connect=_TIMEOUT, read=_TIMEOUT)
        connection.send("HEAD", f"/v2/{repository}/manifests/{target}", fields)
    except OSError:
        return Question(None)
    return Question(connection)
