"""The registry client: addresses, connections and credentials put together.

One `Registry` serves a whole operation: its connections stay open and its tokens stay valid from one request to the
next, for all threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

from pallet.errors import Unauthorized, Unavailable
from pallet.oci.descriptor import Descriptor
from pallet.reference import Reference
from pallet.registry.answer import Answer, origin
from pallet.registry.auth import Authenticator, Site
from pallet.registry.configuration import Configuration, load_configuration
from pallet.registry.credentials import CredentialStore, registry_name
from pallet.registry.endpoint import DOCKER_CERTIFICATES, Endpoint, endpoints, registry_endpoint
from pallet.registry.transport import USUAL, Body, Patience, Transport, elsewhere
from pallet.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.registry.sink import RegistrySink
    from pallet.registry.source import RegistrySource

MountFrom = Callable[[Descriptor], Iterable[Reference | str]]
"""Names of repositories (`host/path`) that probably have a blob already."""


class Registry:
    """All registries, as one client sees them.

    Args:
        settings: where registries.toml and docker's config.json are.
        credentials: instead of those of `settings`.
        configuration: instead of that of `settings`.
        certificates_directory: docker's directory of registries' certificates.
        patience: when to try again, and when to give up.

    Raises:
        InvalidInput: registries.toml is wrong.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        credentials: CredentialStore | None = None,
        configuration: Configuration | None = None,
        certificates_directory: str = DOCKER_CERTIFICATES,
        patience: Patience = USUAL,
    ) -> None:
        self.configuration = configuration or load_configuration(settings.registries_file)
        self.credentials = credentials or CredentialStore(settings.docker_config)
        self.transport = Transport(patience, settings.proxies)
        self.authenticator = Authenticator(self.transport, self.credentials)
        self._certificates = certificates_directory
        self._bases: dict[Endpoint, str] = {}
        self._lock = threading.Lock()

    def source(self, reference: Reference) -> RegistrySource:
        """The image that `reference` names, to be read."""
        from pallet.registry.source import RegistrySource

        return RegistrySource(self, reference)

    def sink(self, reference: Reference, mount_from: MountFrom | None = None) -> RegistrySink:
        """The repository of `reference`, to be written to.

        Args:
            reference: the repository; its tag does not matter here.
            mount_from: who may have a blob already, for cross-repository mounts.
        """
        from pallet.registry.sink import RegistrySink

        return RegistrySink(self, reference, mount_from)

    def tags(self, reference: Reference) -> list[str]:
        """All tags of a repository, as the registry orders them.

        Raises:
            NotFound, Unauthorized, Unavailable: with docker's texts.
        """
        from pallet.registry.tags import list_tags

        return list_tags(self, reference)

    def login(self, registry: str, username: str, password: str) -> str:
        """Check a user's password with a registry and keep it; returns docker's `Login Succeeded`.

        Args:
            registry: `docker.io`, `host[:port]` or a URL; of a URL only the host counts.
            username, password: who the user says they are.

        Raises:
            Unauthorized: the registry refuses it.
            Unavailable: the registry does not answer.
        """
        from pallet.registry.login import login

        return login(self, registry_name(registry), username, password)

    def logout(self, registry: str) -> bool:
        """Forget a registry's credentials; returns whether there were any."""
        return self.credentials.erase(registry_name(registry))

    def endpoints(self, reference: Reference) -> tuple[Endpoint, ...]:
        """Where a repository can be read: mirrors first, the registry last."""
        return endpoints(self.configuration, reference.domain, reference.path, self._certificates)

    def endpoint(self, domain: str, path: str = "") -> Endpoint:
        """The registry itself: where pushes and logins go."""
        return registry_endpoint(self.configuration, domain, path, self._certificates)

    def request(
        self,
        endpoint: Endpoint,
        method: str,
        target: str,
        *,
        scopes: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        body: Body = None,
        attempts: int | None = None,
        reconnect: bool = True,
        first: bool = False,
        refusal: str = "",
    ) -> Answer:
        """Send a request with the credentials it needs; the answer may be any, also no success.

        Args:
            endpoint: the registry.
            method, headers, body: the request. A stream body is not sent a second time: see its answer's status.
            target: a path from `/v2/` on, or a whole URL; at another host than the registry's it gets no credentials.
            scopes: what a token must allow.
            attempts, reconnect: as for `Transport.send`.
            first: whether this is where an unreachable registry shows; then the error names `/v2/`, as docker's does.
            refusal: the method to name, with the URL, when credentials are lacking or refused before the request is
                sent; empty to leave both out.

        Raises:
            Unauthorized: credentials are lacking, or the token server refuses them.
            Unavailable: no connection.
        """
        site = self.site(endpoint)
        url = target if "://" in target else site.base + target
        ours = origin(url) == origin(site.base)
        if url.startswith("http:") and site.base.startswith("https:"):
            raise Unavailable(f'{method.capitalize()} "{url}": refusing to leave https')
        for again in (False, True):
            given = dict(headers or {})
            if ours:
                given |= self._authorization(site, scopes, f'{refusal} "{url}": ' if refusal else "")
            answer = self.transport.send(
                method,
                url,
                tls=endpoint.tls if ours else elsewhere(url),
                headers=given,
                body=body,
                attempts=attempts,
                reconnect=reconnect,
                shown=f"{site.base}/v2/" if first else "",
            )
            if answer.status != 401 or not ours or again or origin(answer.url) != origin(site.base):
                break
            if not self.learn(site, answer):
                break
            self.authenticator.forget(site, scopes)
            if callable(body):
                break
            answer.discard()
        return answer

    def site(self, endpoint: Endpoint) -> Site:
        """Settle an endpoint's scheme, by asking its server if need be.

        On loopback plain http is tried first: nothing leaves the machine, no credentials are sent, and reading the
        certificate authorities is saved. An insecure registry elsewhere is tried by https first.

        Raises:
            Unavailable: it does not answer.
        """
        if endpoint.scheme:
            return Site(f"{endpoint.scheme}://{endpoint.host}", endpoint)
        with self._lock:
            if endpoint not in self._bases:
                self._bases[endpoint] = self._find_base(endpoint)
            return Site(self._bases[endpoint], endpoint)

    def learn(self, site: Site, answer: Answer) -> bool:
        """Take note of the challenges in a 401; returns whether one can be answered."""
        from pallet.registry.challenge import parse_challenges

        return self.authenticator.learn(site, parse_challenges(answer.headers("WWW-Authenticate")))

    def close(self) -> None:
        """End all connections."""
        self.transport.close()

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _authorization(self, site: Site, scopes: tuple[str, ...], refusal: str) -> dict[str, str]:
        try:
            value = self.authenticator.authorization(site, scopes)
        except Unauthorized as error:
            raise Unauthorized(refusal + error.message, hint=error.hint) from error
        return {"Authorization": value} if value else {}

    def _find_base(self, endpoint: Endpoint) -> str:
        failures: dict[str, Unavailable] = {}
        for scheme in ("http", "https") if endpoint.loopback else ("https", "http"):
            base = f"{scheme}://{endpoint.host}"
            try:
                answer = self.transport.send("GET", f"{base}/v2/", tls=endpoint.tls, attempts=1)
            except Unavailable as error:
                failures[scheme] = error
                continue
            if scheme == "http" and answer.status == 400:
                # How a TLS server answers plain http.
                failures[scheme] = Unavailable(f'Get "{base}/v2/": {answer.problem().text}')
                continue
            if answer.status == 401:
                self.learn(Site(base, endpoint), answer)
            answer.discard()
            return base
        # Docker names http's failure. But if something did answer there, it is https that has something to say.
        refused = failures["http"].message.endswith(("refused", "no such host", "i/o timeout"))
        raise failures["http" if refused else "https"]
