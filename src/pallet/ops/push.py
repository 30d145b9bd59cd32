"""`docker image push`: a stored image to its registry."""

from __future__ import annotations

from itertools import takewhile

import msgspec

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import NotFound
from pallet.oci.config import parse_config
from pallet.oci.descriptor import Descriptor
from pallet.ops.copy import Words, copy_blobs
from pallet.ops.images import ImageTree, image_tree
from pallet.ops.pack_layers import pack_layers
from pallet.ops.record_event import image_event
from pallet.ops.store_source import StoreSource
from pallet.progress import Event, Progress, silent
from pallet.reference import Reference
from pallet.registry.sink import RegistrySink
from pallet.store.rows import TagRow

_WORDS = Words("Preparing", "Pushing", (), "Layer already exists")


class Pushed(msgspec.Struct, frozen=True):
    """What a push left in the registry.

    Attributes:
        reference: the name.
        digest: of the manifest or index.
        size: of that document, in bytes.
    """

    reference: Reference
    digest: Digest
    size: int


def push(engine: Engine, reference: Reference, *, progress: Progress = silent) -> Pushed:
    """Push the image that a local name stands for; only what the registry lacks is sent.

    Args:
        engine: whose store and registries.
        reference: the local name, `latest` if untagged.
        progress: told of each layer's steps, in docker's words.

    Raises:
        NotFound: there is no such local name.
        Unauthorized, Forbidden, Unavailable: as the registry answers.
    """
    reference = reference.with_default_tag()
    tags = _tags(engine, reference, progress)
    tag = next((row for row in tags if row.tag == reference.tag), None)
    if tag is None:
        raise NotFound(f"tag does not exist: {reference.familiar}")
    return _push_one(engine, reference, tag, progress)


def push_all(engine: Engine, reference: Reference, *, progress: Progress = silent) -> list[Pushed]:
    """Push every local tag of a repository; arguments and errors as `push`."""
    tags = _tags(engine, reference, progress)
    return [_push_one(engine, reference.with_tag(row.tag), row, progress) for row in tags]


def _tags(engine: Engine, reference: Reference, progress: Progress) -> list[TagRow]:
    """The local tags of a repository, by name, once its registry answers."""
    progress(Event(f"The push refers to repository [{reference.name}]"))
    tags = [row for row in engine.store.images.tags() if row.name == reference.name]
    if not tags:
        raise NotFound(f"An image does not exist locally with the tag: {reference.familiar_name}")
    engine.registry.site(engine.registry.endpoint(reference.domain, reference.path))
    return sorted(tags, key=lambda row: row.tag)


def _push_one(engine: Engine, reference: Reference, tag: TagRow, progress: Progress) -> Pushed:
    images = engine.store.images
    tree = image_tree(engine, tag.image, tag.manifest)
    if tree.index is None:
        tree = ImageTree((pack_layers(engine, tag.image, tree.manifests[0], progress),))
    root = tree.root
    source = StoreSource(engine.store.blobs, root)
    sink = RegistrySink(engine.registry, reference, mount_from=lambda blob: _homes(engine, reference, blob))
    layers, names = _layers(engine, tree)
    copy_blobs(
        source,
        sink,
        layers,
        words=_WORDS,
        progress=progress,
        name=lambda blob: names[blob.digest],
        outcome=lambda blob: _outcome(sink.mounted_from(blob)),
    )
    _finish(reference, tree, source, sink)
    images.add_repo_digest(reference.with_digest(root.digest), tag.image)
    image_event(engine, tag.image, "push", asked=reference.familiar, name=reference.familiar_name)
    progress(Event(f"digest: {root.digest} size: {root.size}", reference.tag or ""))
    return Pushed(reference, root.digest, root.size)


def _layers(engine: Engine, tree: ImageTree) -> tuple[list[Descriptor], dict[Digest, str]]:
    """The layers of all manifests, top first, and what docker calls each: the beginning of its diff ID."""
    layers: list[Descriptor] = []
    names: dict[Digest, str] = {}
    for manifest in tree.manifests:
        diff_ids = parse_config(engine.store.blobs.read(manifest.config)).diff_ids
        for layer, diff_id in zip(manifest.layers, diff_ids, strict=True):
            names.setdefault(layer.digest, diff_id.short)
        layers += reversed(manifest.layers)
    return layers, names


def _finish(reference: Reference, tree: ImageTree, source: StoreSource, sink: RegistrySink) -> None:
    """Configs, then manifests, children first; a name comes last, so that it never points at what is not there."""
    for manifest in tree.manifests:
        if not sink.has_blob(manifest.config):
            sink.put_blob(manifest.config, source, lambda size: None)
        if tree.index is not None:
            sink.put_manifest(manifest.descriptor, manifest.raw)
    sink.tag(reference, tree.raw, tree.root.media_type)


def _outcome(home: str) -> str:
    return f"Mounted from {home}" if home else "Pushed"


def _homes(engine: Engine, reference: Reference, blob: Descriptor) -> list[str]:
    """Other repositories of the same registry that should have the blob, to mount it from."""
    rows = engine.store.db.rows(
        "SELECT DISTINCT d.name FROM repo_digests d JOIN image_blobs b ON b.image = d.image WHERE b.digest = ?",
        (blob.digest,),
    )
    prefix = reference.domain + "/"
    names = [name for (name,) in rows if name.startswith(prefix) and name != reference.name]
    # As docker: who may push here may well read a repository that is a near relation.
    return sorted(names, key=lambda name: (-_shared_components(name, reference.name), name))


def _shared_components(one: str, other: str) -> int:
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
