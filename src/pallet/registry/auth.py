"""Who asks: tokens and passwords for registries.

Source: docker's token and oauth2 specs (distribution, docs/spec/auth/token.md and oauth.md).

What goes where: a registry's credentials go to that registry, and to the token server its challenge names, as docker
does. Over plain http they go to nobody but a registry on loopback or one that the user called insecure, and a token
server must speak https unless both are on loopback or the registry is called insecure.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from urllib.parse import urlencode, urlsplit

import msgspec

from pallet.errors import Unauthorized, Unavailable
from pallet.oci.codec import decode
from pallet.registry.answer import Answer
from pallet.registry.credentials import ANONYMOUS, Credentials, CredentialStore
from pallet.registry.endpoint import Endpoint
from pallet.registry.failure import Problem
from pallet.registry.loopback import is_loopback
from pallet.registry.transport import Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.registry.challenge import Challenge

TOKEN_LIMIT = 1024 * 1024
"""The longest answer of a token server that is read, in bytes."""

_CLIENT = "pallet"
_SHORTEST_LIFE = 60  # seconds; what a token without a lifetime has, and the least docker believes
_EARLY = 5  # seconds before its end that a token is no longer used


class Site(msgspec.Struct, frozen=True):
    """An endpoint with its scheme settled.

    Attributes:
        base: `https://host[:port]`, where `/v2/` begins.
        endpoint: the rest about it.
    """

    base: str
    endpoint: Endpoint

    @property
    def confidential(self) -> bool:
        """Whether credentials may be sent there."""
        return self.base.startswith("https:") or self.endpoint.clear


class TokenAnswer(msgspec.Struct, frozen=True):
    """What a token server answers."""

    token: str = ""
    access_token: str = ""
    refresh_token: str = ""
    expires_in: int | float | None = None


class _Token(msgspec.Struct, frozen=True):
    value: str
    until: float


class Authenticator:
    """Answers registries' challenges. Safe to use from several threads.

    Args:
        transport: how to reach token servers.
        store: where credentials are.
    """

    def __init__(self, transport: Transport, store: CredentialStore) -> None:
        self._transport = transport
        self._store = store
        self._challenges: dict[str, Challenge] = {}
        self._credentials: dict[str, Credentials] = {}
        self._tokens: dict[tuple[str, tuple[str, ...]], _Token] = {}
        self._lock = threading.RLock()

    def learn(self, site: Site, challenges: Iterable[Challenge]) -> bool:
        """Take note of a registry's challenges.

        Returns:
            Whether one of them can be answered.
        """
        usable = [challenge for challenge in challenges if challenge.scheme in ("bearer", "basic")]
        if not usable:
            return False
        with self._lock:
            self._challenges[site.base] = min(usable, key=lambda challenge: challenge.scheme != "bearer")
        return True

    def forget(self, site: Site, scopes: tuple[str, ...]) -> None:
        """Drop a token that was refused."""
        with self._lock:
            self._tokens.pop((site.base, scopes), None)

    def authorization(self, site: Site, scopes: tuple[str, ...]) -> str:
        """The Authorization header for a request; empty as long as the registry has not asked for one.

        Args:
            site: the registry.
            scopes: what the request needs: `repository:library/ubuntu:pull`.

        Raises:
            Unauthorized: there are no credentials where some are needed, or the token server refuses them.
            Unavailable: the token server does not answer, or must not be asked.
        """
        with self._lock:
            challenge = self._challenges.get(site.base)
            if challenge is None:
                return ""
            credentials = self.credentials(site)
            if credentials.registry_token:
                return f"Bearer {credentials.registry_token}"
            if challenge.scheme == "basic":
                if not credentials.username:
                    raise Unauthorized("no basic auth credentials", hint=f"pallet login {site.endpoint.account}")
                return basic(credentials)
            # Asked for under the lock: of several threads that need the same token, one fetches it.
            token = self._tokens.get((site.base, scopes))
            if token is None or token.until < time.monotonic():
                answer = self.fetch(site, challenge, scopes, credentials)
                life = max(answer.expires_in or 0, _SHORTEST_LIFE)
                token = _Token(answer.token or answer.access_token, time.monotonic() + life - _EARLY)
                self._tokens[site.base, scopes] = token
            return f"Bearer {token.value}"

    def credentials(self, site: Site) -> Credentials:
        """The credentials for a registry, ANONYMOUS if there are none or they may not be sent there."""
        if not site.confidential:
            return ANONYMOUS
        account = site.endpoint.account
        with self._lock:
            if account not in self._credentials:
                self._credentials[account] = self._store.get(account)
            return self._credentials[account]

    def fetch(
        self,
        site: Site,
        challenge: Challenge,
        scopes: tuple[str, ...],
        credentials: Credentials,
        *,
        offline: bool = False,
    ) -> TokenAnswer:
        """Ask a token server for a token.

        Args:
            site: the registry that wants one.
            challenge: its bearer challenge.
            scopes: what for.
            credentials: who asks.
            offline: whether to ask for an identity token too, as a login does.

        Raises:
            Unauthorized: it refuses.
            Unavailable: it does not answer, answers nonsense, or must not be asked.
        """
        realm = challenge.parameters.get("realm", "")
        _check_realm(site, realm)
        service = challenge.parameters.get("service", "")
        fields = [("service", service)] if service else []
        headers = {"Accept": "application/json"}
        if credentials.identity_token:
            fields += [("scope", " ".join(scopes))] if scopes else []
            fields += [("grant_type", "refresh_token"), ("client_id", _CLIENT)]
            fields += [("refresh_token", credentials.identity_token)]
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(fields).encode()
            answer = self._transport.send("POST", realm, tls=site.endpoint.tls, headers=headers, body=body)
        else:
            fields += [("scope", scope) for scope in scopes]
            if credentials.username:
                fields.append(("account", credentials.username))
                headers["Authorization"] = basic(credentials)
            if offline:
                fields += [("offline_token", "true"), ("client_id", _CLIENT)]
            url = realm + ("&" if "?" in realm else "?") + urlencode(fields) if fields else realm
            answer = self._transport.send("GET", url, tls=site.endpoint.tls, headers=headers)
        if not 200 <= answer.status < 300:
            raise answer.problem().error()
        found = decode(answer.read(TOKEN_LIMIT, "the token server's answer"), TokenAnswer, "the token server's answer")
        value = found.token or found.access_token
        if not value or not value.isascii() or not value.isprintable():
            raise Unavailable("authorization server did not include a token in the response")
        return found


def problem_of(answer: Answer) -> Problem:
    """What a registry's refusal says, by its challenge or by its body; reads and closes it."""
    from pallet.registry.challenge import parse_challenges

    scope = answer.status == 401 and any(
        challenge.scheme == "bearer" and challenge.parameters.get("error") == "insufficient_scope"
        for challenge in parse_challenges(answer.headers("WWW-Authenticate"))
    )
    return answer.problem(insufficient_scope=scope)


def basic(credentials: Credentials) -> str:
    """The Authorization header with a user's name and password. Source: RFC 7617."""
    import base64

    return "Basic " + base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()


def _check_realm(site: Site, realm: str) -> None:
    try:
        parts = urlsplit(realm)
        host = parts.hostname
    except ValueError as error:
        raise Unavailable(f"the registry names a bad token server: {realm!r}") from error
    if not host or parts.scheme not in ("http", "https") or parts.username is not None:
        raise Unavailable(f"the registry names a bad token server: {realm!r}")
    local = site.endpoint.loopback and is_loopback(parts.netloc)
    if parts.scheme == "http" and not (local or site.endpoint.insecure):
        raise Unavailable(
            f"refusing the token server {realm!r}: it would get credentials over plain http",
            hint=f"set insecure = true for {site.endpoint.account} in registries.toml if that is what you want",
        )
