"""Credentials that a program gives, besides those in docker's config.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pallet import engine as core
from pallet.errors import InvalidInput
from pallet.registry.client import Registry
from pallet.registry.credentials import Credentials, CredentialStore, registry_name

if TYPE_CHECKING:
    from pallet.sdk.engine import Engine

_KEYS = {"username", "password", "identitytoken", "registrytoken", "email", "serveraddress"}


class SessionCredentials(CredentialStore):
    """Credentials that are kept in memory, before those of a docker config directory.

    Args:
        directory: the directory of `config.json`, which is only read.
    """

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self._given: dict[str, Credentials] = {}

    def get(self, registry: str) -> Credentials:
        """The credentials for a registry, those given first; errors as `CredentialStore.get`."""
        return self._given.get(registry_name(registry)) or super().get(registry)

    def store(self, registry: str, credentials: Credentials) -> str:
        """Keep credentials for a registry in memory; returns an empty text: no file has them."""
        self._given[registry_name(registry)] = credentials
        return ""


def with_credentials(engine: Engine, domain: str, auth_config: Mapping[str, str] | None) -> core.Engine:
    """The engine as it is, or one on the same store that tells one registry other credentials.

    Args:
        engine: the engine.
        domain: the registry, as image names have it.
        auth_config: `{"username": ..., "password": ...}`; None for those that the engine has.

    Raises:
        InvalidInput: other keys.
    """
    if auth_config is None:
        return engine
    unknown = set(auth_config) - _KEYS
    if unknown:
        raise InvalidInput(f"unknown in auth_config: {', '.join(sorted(unknown))}")
    credentials = SessionCredentials(engine.settings.docker_config)
    credentials.store(
        domain,
        Credentials(
            auth_config.get("username") or "",
            auth_config.get("password") or "",
            auth_config.get("identitytoken") or "",
            auth_config.get("registrytoken") or "",
        ),
    )
    return engine.with_registry(Registry(engine.settings, credentials=credentials))
