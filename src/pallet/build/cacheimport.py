"""`--cache-from`: the caches of other builds. Their records are read at once, a layer when a step has found it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from pallet.archive.files import Directory, read_whole
from pallet.archive.oci_reader import INDEX, REF_NAME
from pallet.archive.source import ArchiveSource
from pallet.build.cache import Elsewhere, Found
from pallet.build.cacheformat import CacheLayer, cache_documents, parse_cache, parse_inline
from pallet.build.cachespec import CacheFrom
from pallet.build.events import Journal
from pallet.content import MANIFEST_LIMIT, ImageSource
from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import NoSuchImage, NotFound, PalletError
from pallet.oci import media
from pallet.oci.index import parse_index
from pallet.ops.copy import read_config, resolve_image
from pallet.ops.images import load_image
from pallet.ops.store_source import StoreSource
from pallet.reference import Reference
from pallet.registry.source import RegistrySource

# Layers that a build makes are docker's; so is one that it finds, for the image to be the same.
_DOCKERS = {media.OCI_LAYER: media.DOCKER_LAYER, media.OCI_LAYER_GZIP: media.DOCKER_LAYER_GZIP}


def open_caches(engine: Engine, sources: Sequence[CacheFrom], journal: Journal) -> Elsewhere:
    """Read the records of caches; the first that has a key counts. One that cannot be read is passed over.

    Args:
        engine: whose registries.
        sources: the caches.
        journal: told of each, and of what is wrong with it.

    Returns:
        What finds a key's layer.
    """
    found: dict[Digest, Found] = {}
    for source in sources:
        with journal.step(f"importing cache manifest from {source.name}") as step:
            try:
                layers, place = _local(source) if source.reference is None else _named(engine, source.reference)
            except PalletError as error:
                step.log(f"WARNING: no cache from {source.name}: {error.message}\n")
                continue
            for layer in layers:
                media_type = _DOCKERS.get(layer.blob.media_type, layer.blob.media_type)
                blob = msgspec.structs.replace(layer.blob, media_type=media_type, annotations={})
                for key in layer.keys:
                    found.setdefault(key, Found(blob, layer.diff_id, layer.created, place))
    return found.get


def _named(engine: Engine, reference: Reference) -> tuple[list[CacheLayer], ImageSource]:
    """The cache of a name: an image that is here and has one inline, or what its registry has."""
    try:
        image = load_image(engine, str(reference.with_default_tag()))
    except NoSuchImage:
        pass
    else:
        layers = parse_inline(image.config, image.manifest.layers)
        if layers is not None:
            return layers, StoreSource(engine.store.blobs, image.manifest.descriptor)
    source = RegistrySource(engine.registry, reference)
    return _of(source), source


def _local(source: CacheFrom) -> tuple[list[CacheLayer], ImageSource]:
    """The cache in a directory."""
    files = Directory(Path(source.path))
    entries = parse_index(read_whole(files.find(INDEX), MANIFEST_LIMIT, INDEX)).manifests
    for entry in entries:
        if entry.digest == source.digest if source.digest else entry.annotations.get(REF_NAME) == source.tag:
            place = ArchiveSource(files, entry)
            return _of(place), place
    raise NotFound(f"{source.path} has no cache {source.digest or source.tag}")


def _of(source: ImageSource) -> list[CacheLayer]:
    root = source.root()
    documents = cache_documents(source.read_manifest(root), root.media_type)
    if documents is not None:
        config, blobs = documents
        return parse_cache(source.read_manifest(config), blobs)
    manifest = resolve_image(source).manifest
    return parse_inline(read_config(source, manifest), manifest.layers) or []
