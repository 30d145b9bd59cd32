"""Small real images for the store's tests."""

from __future__ import annotations

from pallet.digest import Digest
from pallet.oci.config import History, ImageConfig
from pallet.oci.descriptor import describe
from pallet.oci.manifest import Manifest
from pallet.oci.media import OCI_LAYER
from pallet.oci.mutate import Step, append_layer, empty_config
from pallet.platform import Platform
from pallet.store.store import Store


def make_image(*layers: bytes, created: str = "2024-01-01T00:00:00Z") -> tuple[Manifest, ImageConfig]:
    """A manifest and config over layers with these contents, bottom first."""
    config = empty_config(Platform("amd64", "linux"))
    manifest, config = append_layer(config, (), None, None, Step(History(created=created)))
    for layer in layers:
        step = Step(History(created=created))
        manifest, config = append_layer(config, manifest.layers, describe(layer, OCI_LAYER), Digest.of(layer), step)
    return manifest, config


def add_image(store: Store, *layers: bytes, created: str = "2024-01-01T00:00:00Z") -> tuple[Manifest, ImageConfig]:
    """Put such an image with all its blobs into the store."""
    manifest, config = make_image(*layers, created=created)
    with store.adding():
        for raw in (*layers, config.raw, manifest.raw):
            store.blobs.put(raw)
        store.images.add(config, manifest, tuple(len(layer) for layer in layers))
    return manifest, config
