"""Clients for the tests against real and against misbehaving registries on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.registry.samples import MakeClient

from pallet.registry.client import Registry
from pallet.registry.configuration import Configuration
from pallet.registry.transport import Patience
from pallet.settings import Settings

IMPATIENT = Patience(pause=0.01, longest_pause=0.05, longest_wait=3, connect=5, read=2)


@pytest.fixture
def docker_config(tmp_path: Path) -> Path:
    """docker's config directory, empty."""
    return tmp_path / "docker"


@pytest.fixture
def make_client(tmp_path: Path, docker_config: Path) -> Iterator[MakeClient]:
    """Makes clients with quick back-off; the configuration stands for registries.toml."""
    made = []

    def make(configuration: Configuration | None = None) -> Registry:
        settings = Settings(str(tmp_path / "root"), str(tmp_path / "run"), docker_config=str(docker_config))
        client = Registry(
            settings,
            configuration=configuration,
            certificates_directory=str(tmp_path / "certs.d"),
            patience=IMPATIENT,
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: MakeClient) -> Registry:
    """A client without credentials and configuration."""
    return make_client()
