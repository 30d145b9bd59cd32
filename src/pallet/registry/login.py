"""Logging in to a registry, as `docker login` does. Source: docker's token spec, docs/spec/auth."""

from __future__ import annotations

from pallet.errors import Unauthorized, Unavailable
from pallet.registry.auth import basic
from pallet.registry.challenge import parse_challenges
from pallet.registry.credentials import Credentials
from pallet.registry.failure import status_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.registry.client import Registry

SUCCEEDED = "Login Succeeded"


def login(client: Registry, registry: str, username: str, password: str) -> str:
    """Check a user's password with a registry and, if it is right, keep it or the identity token it gets.

    Args:
        client: the connections, and the store the credentials go to.
        registry: `docker.io` or `host[:port]`.
        username, password: who the user says they are.

    Returns:
        `Login Succeeded`.

    Raises:
        Unauthorized: the registry or its token server refuses them.
        Unavailable: one of them does not answer, or the password would go over plain http.
    """
    endpoint = client.endpoint(registry)
    site = client.site(endpoint)
    if not site.confidential:
        raise Unavailable(
            f"refusing to send a password to {site.base}: it is plain http",
            hint=f"set insecure = true for {registry} in registries.toml if that is what you want",
        )
    url = f"{site.base}/v2/"
    given = Credentials(username, password)
    kept = given
    headers: dict[str, str] = {}
    answer = client.transport.send("GET", url, tls=endpoint.tls, shown=url)
    if answer.status == 401:
        challenges = parse_challenges(answer.headers("WWW-Authenticate"))
        answer.discard()
        bearer = next((challenge for challenge in challenges if challenge.scheme == "bearer"), None)
        if bearer is not None:
            try:
                token = client.authenticator.fetch(site, bearer, (), given, offline=True)
            except Unauthorized as error:
                raise Unauthorized(f'Get "{url}": {error.message}', hint=error.hint) from error
            headers["Authorization"] = f"Bearer {token.token or token.access_token}"
            if token.refresh_token:
                kept = Credentials(username, identity_token=token.refresh_token)
        else:
            headers["Authorization"] = basic(given)
        answer = client.transport.send("GET", url, tls=endpoint.tls, headers=headers)
    status = answer.status
    answer.discard()
    if status != 200:
        text = f"login attempt to {url} failed with status: {status_line(status)}"
        raise Unauthorized(text) if status in (401, 403) else Unavailable(text)
    client.credentials.store(registry, kept)
    return SUCCEEDED
