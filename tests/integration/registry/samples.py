"""Configurations and images for the tests of the registry client."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

from tests.support import images

from pallet.registry.client import Registry
from pallet.registry.configuration import Configuration, Mirror, Rule

MakeClient = Callable[..., Registry]


def mirrors(prefix: str, *urls: str) -> Configuration:
    """The configuration of a registry with mirrors."""
    found = []
    for url in urls:
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        found.append(Mirror(host, path, scheme))
    return Configuration((Rule(prefix, tuple(found)),))


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that do not compress, the same every time."""
    return random.Random(seed).randbytes(size)  # noqa: S311


def sample(size: int = 1_500_000, seed: int = 1) -> images.Image:
    """An image with a plain layer of about `size` bytes and a small one."""
    layers = [
        images.tar([images.entry("big", noise(size, seed))]),
        images.tar([images.entry("etc/name", b"sample\n")]),
    ]
    return images.image(layers, compression="plain", config={"Cmd": ["/big"]})


def docker_auth(folder: Path, host: str, auth: str) -> None:
    """Writes docker's config.json with one base64 entry."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
