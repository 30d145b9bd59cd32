"""Compressing, before a push, the layers that were kept plain when they were made here.

Like docker, pallet compresses what `commit`, `import`, `load` or COPY made when it leaves the machine, not before. The
image stays the same; its manifest becomes another, which its names then stand for. Manifests and layers that a registry
has are never changed.
"""

from __future__ import annotations

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import Integrity
from pallet.oci import media
from pallet.oci.config import ImageConfig, parse_config
from pallet.oci.descriptor import Descriptor
from pallet.oci.manifest import Manifest, make_manifest
from pallet.progress import Event, Progress


def pack_layers(engine: Engine, image: Digest, manifest: Manifest, progress: Progress) -> Manifest:
    """Give an image a manifest without plain layers, in place of the one it has.

    Args:
        engine: whose store.
        image: its id.
        manifest: one of its manifests.
        progress: told of the bytes that were compressed.

    Returns:
        The new manifest, recorded; or `manifest`, if there is nothing to do.

    Raises:
        NotFound: a layer's blob is missing.
        Integrity: it is damaged.
        HostError: the disk is full, ...
    """
    plain = {layer.digest for layer in manifest.layers if _is_plain(engine, layer)}
    if not plain or _is_known_elsewhere(engine, image, manifest):
        return manifest
    with engine.store.adding():
        config = parse_config(engine.store.blobs.read(manifest.config))
        layers = tuple(
            packed_layer(engine, layer, diff_id, progress) if layer.digest in plain else layer
            for layer, diff_id in zip(manifest.layers, config.diff_ids, strict=True)
        )
        packed = make_manifest(manifest.config, layers, manifest.media_type, manifest.annotations)
        engine.store.blobs.put(packed.raw)
        engine.store.blobs.sync()
        _replace(engine, config, manifest, packed)
    return packed


def _is_plain(engine: Engine, layer: Descriptor) -> bool:
    """Whether a layer is a plain tar, and not because a registry has it so."""
    if media.compression(layer.media_type) != "none":
        return False
    pulled = "SELECT 1 FROM image_blobs b JOIN repo_digests d ON d.digest = b.manifest WHERE b.digest = ?"
    return engine.store.db.row(pulled, (layer.digest,)) is None


def _is_known_elsewhere(engine: Engine, image: Digest, manifest: Manifest) -> bool:
    """Whether a registry, or an index, calls the manifest by its digest."""
    rows = engine.store.db.rows(
        "SELECT 1 FROM repo_digests WHERE digest = ?"
        " UNION SELECT 1 FROM image_blobs WHERE image = ? AND kind = 'index'",
        (manifest.digest, image),
    )
    return bool(rows)


def packed_layer(engine: Engine, layer: Descriptor, diff_id: Digest, progress: Progress) -> Descriptor:
    """A plain layer compressed: as it is here already for another image, or made now.

    Args:
        engine: whose store; the caller is inside `store.adding()`.
        layer: it.
        diff_id: the digest of its tar.
        progress: told of the bytes that were compressed.

    Raises:
        NotFound, Integrity, HostError: as `pack_layers`.
    """
    blobs = engine.store.blobs
    kind = media.DOCKER_LAYER_GZIP if layer.media_type == media.DOCKER_LAYER else media.OCI_LAYER_GZIP
    for digest, size in engine.store.db.rows(
        "SELECT b.digest, b.size FROM layers l JOIN image_blobs b ON b.chain_id = l.chain_id"
        " WHERE l.diff_id = ? AND b.media_type IN (?, ?)",
        (diff_id, media.DOCKER_LAYER_GZIP, media.OCI_LAYER_GZIP),
    ):
        if blobs.has(Digest(digest)):
            return Descriptor(kind, Digest(digest), size)
    from pallet.ops.new_layer import LayerWriter

    with LayerWriter(blobs) as writer:
        done = 0
        for chunk in blobs.chunks(layer.digest):
            writer.write(chunk)
            done += len(chunk)
            progress(Event("Preparing", diff_id.short, done, layer.size))
        made = writer.finish()
    if made.diff_id != diff_id:
        raise Integrity(f"{layer.digest}: the content has the digest {made.diff_id}")
    return Descriptor(kind, made.descriptor.digest, made.descriptor.size)


def _replace(engine: Engine, config: ImageConfig, old: Manifest, new: Manifest) -> None:
    images = engine.store.images
    sizes = tuple(row.size for row in images.layers_of(config.id, old.digest))
    with engine.store.db.transaction():
        images.add(config, new, sizes)
        images.drop_manifest(config.id, old.digest, new.digest)
