"""`docker image push`: a stored image to its registry."""

from __future__ import annotations

from itertools import takewhile

import msgspec

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import NotFound
from pallet.oci.descriptor import Descriptor
from pallet.ops.copy import Words, copy_blobs
from pallet.ops.images import StoredImage, image_by_id
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
        digest: of the manifest.
        size: of the manifest, in bytes.
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
    image = image_by_id(engine, tag.image, tag.manifest)
    source = StoreSource(engine.store.blobs, image.manifest.descriptor)
    sink = RegistrySink(engine.registry, reference, mount_from=lambda blob: _homes(engine, reference, blob))
    diff_ids = dict(zip((layer.digest for layer in image.manifest.layers), image.config.diff_ids, strict=True))
    copy_blobs(
        source,
        sink,
        reversed(image.manifest.layers),
        words=_WORDS,
        progress=progress,
        name=lambda blob: diff_ids[blob.digest].short,
        outcome=lambda blob: _outcome(sink.mounted_from(blob)),
    )
    _finish(reference, image, source, sink)
    images.add_repo_digest(reference.with_digest(image.manifest.digest), image.id)
    image_event(engine, reference.familiar, "push", reference.familiar_name)
    size = len(image.manifest.raw)
    progress(Event(f"digest: {image.manifest.digest} size: {size}", reference.tag or ""))
    return Pushed(reference, image.manifest.digest, size)


def _finish(reference: Reference, image: StoredImage, source: StoreSource, sink: RegistrySink) -> None:
    """The config, then the manifest under its name: last, so that a name never points at what is not there."""
    config = image.manifest.config
    if not sink.has_blob(config):
        sink.put_blob(config, source, lambda size: None)
    sink.tag(reference, image.manifest.raw, image.manifest.media_type)


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
