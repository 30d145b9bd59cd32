"""What the tests of the Python face share: an engine on a store of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.support.pallet import PalletCLI

import pallet


def engine_of(cli: PalletCLI) -> pallet.Engine:
    """An engine on the store of a `pallet` command."""
    return pallet.Engine(cli.root, cli.run_dir, registries_file=cli.registries, docker_config=cli.home)


@pytest.fixture
def cli(make_pallet: Callable[..., PalletCLI]) -> PalletCLI:
    """The `pallet` command on the engine's store."""
    return make_pallet()


@pytest.fixture
def engine(cli: PalletCLI) -> Iterator[pallet.Engine]:
    """An engine on an empty store; no container outlives it."""
    with engine_of(cli) as made:
        yield made
        for container in made.containers.list(all=True):
            container.remove(v=True, force=True)
