"""Peak memory of moving a large image, all processes together. Runs with PALLET_LARGE=1 (`make bench`)."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import images
from tests.support.images import Compression
from tests.support.memory import measured
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not os.environ.get("PALLET_LARGE"), reason="moves 500 MB several times: PALLET_LARGE=1"),
]

_LIMIT = 150.0  # megabytes
_COMPRESSIONS: tuple[Compression, ...] = ("gzip", "zstd", "gzip", "zstd", "plain")


def _layer(number: int) -> bytes:
    """A tar of 100 MB: large and small files that hardly compress."""
    noise = random.Random(number)  # noqa: S311
    entries = [images.directory(f"layer{number}")]
    entries += [images.entry(f"layer{number}/large{each}", noise.randbytes(20_000_000)) for each in range(4)]
    entries += [images.entry(f"layer{number}/small{each}", noise.randbytes(10_000)) for each in range(2000)]
    return images.tar(entries)


@pytest.fixture(scope="module")
def name(registry: RegistryServer) -> Iterator[str]:
    """An image of 500 MB in five layers."""
    made = images.image([_layer(number) for number in range(len(_COMPRESSIONS))], compression=_COMPRESSIONS)
    assert sum(len(layer.data) for layer in made.layers) > 500_000_000
    images.push(made, registry.url, "memory/large")
    yield f"{registry.host}/memory/large"


def test_moving_500_megabytes(pallet: PalletCLI, registry: RegistryServer, name: str, tmp_path: Path) -> None:
    archive = str(tmp_path / "large.tar")
    for command in (
        ["pull", name],
        ["save", "-o", archive, name],
        ["tag", name, f"{registry.host}/memory/again"],
        ["push", f"{registry.host}/memory/again"],
        ["rmi", name, f"{registry.host}/memory/again"],
        ["load", "-i", archive],
        ["import", archive, "import"],
    ):
        done, peak = measured(pallet.argv(*command), pallet.env, timeout=300)
        assert done.code == 0, done.stderr
        print(f"{command[0]}: {peak.together:.0f} MB together, at most {peak.at_most:.0f} MB")
        assert peak.together < _LIMIT
    (tmp_path / "large.tar").unlink()
