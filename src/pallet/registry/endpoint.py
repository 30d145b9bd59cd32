"""From a repository's name to the addresses it can be had from."""

from __future__ import annotations

import msgspec

from pallet.naming import DEFAULT_DOMAIN
from pallet.registry.configuration import Certificates, Configuration, Mirror, find_certificates
from pallet.registry.loopback import is_loopback

DOCKER_HUB = "registry-1.docker.io"
"""Where docker.io's API answers."""

DOCKER_CERTIFICATES = "/etc/docker/certs.d"
"""Where docker looks for registries' certificates."""


class Tls(msgspec.Struct, frozen=True):
    """How to check whom we talk to.

    Attributes:
        verify: whether a certificate that does not check out ends the connection.
        certificates: authorities to trust besides the system's, and client certificates.
    """

    verify: bool = True
    certificates: Certificates = Certificates()


class Endpoint(msgspec.Struct, frozen=True):
    """One address of a repository.

    Attributes:
        host: `host[:port]`, as URLs have it.
        repository: the repository's path there.
        account: the name its credentials are kept under: the host, or `docker.io`.
        scheme: `https` or `http`; empty if both are allowed and the server's answer decides.
        tls: how to check the server.
        insecure: whether the user wrote `insecure`.
        mirror: whether this is a mirror: if it fails, the next address is asked.
    """

    host: str
    repository: str
    account: str
    scheme: str = "https"
    tls: Tls = Tls()
    insecure: bool = False
    mirror: bool = False

    @property
    def loopback(self) -> bool:
        """Whether it is on this machine."""
        return is_loopback(self.host)

    @property
    def clear(self) -> bool:
        """Whether credentials may go there over plain http: on loopback, or if the user wrote `insecure`."""
        return self.insecure or self.loopback


def endpoints(
    configuration: Configuration, domain: str, path: str, certificates_directory: str = DOCKER_CERTIFICATES
) -> tuple[Endpoint, ...]:
    """The addresses of a repository: the mirrors in order, then the registry itself.

    Args:
        configuration: registries.toml.
        domain: the registry's name, as in a reference.
        path: the repository, or empty for the registry as a whole.
        certificates_directory: docker's directory of certificates.
    """
    name = f"{domain}/{path}" if path else domain
    rule = configuration.rule(name)
    rest = name[len(rule.prefix) :].lstrip("/") if rule.prefix else path
    found = []
    for mirror in rule.mirrors:
        found.append(_endpoint(configuration, mirror, rest, mirror.host, certificates_directory, mirror=True))
    if rule.location is not None:
        found.append(_endpoint(configuration, rule.location, rest, rule.location.host, certificates_directory, name))
    else:
        host = DOCKER_HUB if domain == DEFAULT_DOMAIN else domain
        found.append(_endpoint(configuration, Mirror(host), path, domain, certificates_directory, name))
    return tuple(found)


def registry_endpoint(
    configuration: Configuration, domain: str, path: str = "", certificates_directory: str = DOCKER_CERTIFICATES
) -> Endpoint:
    """The registry itself, without its mirrors: what pushes and logins go to."""
    return endpoints(configuration, domain, path, certificates_directory)[-1]


def _endpoint(
    configuration: Configuration,
    place: Mirror,
    rest: str,
    account: str,
    directory: str,
    name: str = "",
    *,
    mirror: bool = False,
) -> Endpoint:
    # A mirror's own entry says whether it is insecure; a location has the entry it was written in.
    rule = configuration.rule(name or "/".join(filter(None, (place.host, place.path, rest))))
    certificates = find_certificates(place.host, directory)
    if rule.ca is not None:
        certificates = Certificates((*certificates.authorities, rule.ca), certificates.clients)
    loopback = is_loopback(place.host)
    # Docker does not check loopback's certificates; with an authority given for it there is something to check.
    verify = not rule.insecure and not (loopback and not certificates.authorities)
    return Endpoint(
        host=place.host,
        repository="/".join(filter(None, (place.path, rest))),
        account=account,
        scheme=place.scheme or ("" if loopback or rule.insecure else "https"),
        tls=Tls(verify, certificates),
        insecure=rule.insecure,
        mirror=mirror,
    )
