"""`docker image pull`: a registry's image into the store."""

from __future__ import annotations

import msgspec

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.layer.worker_process import WorkerProcess
from pallet.ops.copy import ResolvedImage, Words, copy_blobs, read_config, resolve_image
from pallet.ops.images import known_image
from pallet.ops.record_event import image_event
from pallet.platform import Platform, rank
from pallet.progress import Event, Progress, silent
from pallet.reference import Reference
from pallet.registry.source import RegistrySource

_WORDS = Words("", "Downloading", ("Verifying Checksum", "Download complete"), "Already exists")


class Pulled(msgspec.Struct, frozen=True):
    """What a pull brought.

    Attributes:
        reference: the full reference.
        image: the image's id.
        digest: of the manifest or index in the registry.
        changed: whether the name stands for another image than before.
    """

    reference: Reference
    image: Digest
    digest: Digest
    changed: bool


def pull(
    engine: Engine,
    reference: Reference,
    *,
    platform: Platform | None = None,
    progress: Progress = silent,
    worker: WorkerProcess | None = None,
) -> Pulled:
    """Pull one image.

    Args:
        engine: whose store and registries.
        reference: which image; `latest` without tag and digest.
        platform: which manifest of an index; None for this machine's.
        progress: told of each layer's steps, in docker's words.
        worker: an unpack worker that was started before; it ends with the pull if it is used.

    Raises:
        NotFound, Unauthorized, Unavailable: as the registry answers.
        Integrity: bytes do not match their digests; nothing becomes visible.
    """
    pulled = _pull_one(engine, reference.with_default_tag(), platform, progress, worker)
    progress(Event(_status(_wanted(pulled.reference).familiar, pulled.changed)))
    if platform is not None:
        _warn_of_platform(engine, reference, pulled.image, platform, progress)
    return pulled


def pull_all(
    engine: Engine, reference: Reference, *, platform: Platform | None = None, progress: Progress = silent
) -> list[Pulled]:
    """Pull every tag of a repository; arguments and errors as `pull`."""
    tags = engine.registry.tags(reference)
    pulled = [_pull_one(engine, reference.with_tag(tag), platform, progress) for tag in tags]
    progress(Event(_status(reference.familiar_name, any(each.changed for each in pulled))))
    return pulled


def _pull_one(
    engine: Engine,
    reference: Reference,
    platform: Platform | None,
    progress: Progress,
    worker: WorkerProcess | None = None,
) -> Pulled:
    wanted = _wanted(reference)
    source = RegistrySource(engine.registry, wanted)
    with engine.store.adding():
        source.root()
        progress(Event(f"Pulling from {wanted.path}", wanted.tag or str(wanted)))
        resolved = resolve_image(source, platform)
        image = known_image(engine, resolved.manifest)
        if image is None:
            image = _fetch(engine, source, resolved, progress, worker)
        changed = _name(engine, wanted, resolved, image)
    image_event(engine, image, "pull", asked=wanted.familiar, name=wanted.familiar_name)
    progress(Event(f"Digest: {resolved.root.digest}"))
    return Pulled(reference, image, resolved.root.digest, changed)


def _wanted(reference: Reference) -> Reference:
    """What is asked for: a tag beside a digest does not count."""
    return reference.with_digest(reference.digest) if reference.digest else reference


def _status(name: str, changed: bool) -> str:
    return f"Status: {'Downloaded newer image' if changed else 'Image is up to date'} for {name}"


def _warn_of_platform(
    engine: Engine, reference: Reference, image: Digest, wanted: Platform, progress: Progress
) -> None:
    """An image without an index is for one platform, whatever was asked for: tell if it is another one."""
    from pallet.ops.images import image_by_id

    actual = image_by_id(engine, image).config.platform
    if rank(actual, wanted) is None:
        progress(
            Event(
                f"WARNING: image with reference {reference.familiar_name} was found but does not match the specified "
                f"platform: wanted {wanted}, actual: {actual.normalized()}"
            )
        )


def _fetch(
    engine: Engine, source: RegistrySource, resolved: ResolvedImage, progress: Progress, worker: WorkerProcess | None
) -> Digest:
    from pallet.ops.store_sink import StoreSink  # what is up to date needs neither layers nor workers

    manifest = resolved.manifest
    config = read_config(source, manifest)
    with StoreSink(engine, manifest, config, worker) as sink:
        missing = []
        for layer in {layer.digest: layer for layer in manifest.layers}.values():
            present = sink.has_blob(layer)
            progress(Event(_WORDS.present if present else "Pulling fs layer", layer.digest.short))
            if not present:
                missing.append(layer)
        copy_blobs(source, sink, missing, words=_WORDS, progress=progress, interrupt=source.interrupt)
        return sink.finish(progress, "Pull complete")


def _name(engine: Engine, reference: Reference, resolved: ResolvedImage, image: Digest) -> bool:
    """Name the image, and say whether the name is new or stood for another one."""
    images = engine.store.images
    known = {(row.name, row.digest) for row in images.repo_digests_of(image)}
    if (reference.name, resolved.root.digest) in known:
        named = (reference.name, reference.tag, image, resolved.manifest.digest)
        if reference.digest is not None or any(tuple(row) == named for row in images.tags_of(image)):
            return False  # all is as it should be: no write, which would have to wait for the disk
    with engine.store.db.transaction():
        images.add_repo_digest(reference.with_digest(resolved.root.digest), image)
        if reference.digest is not None:
            return True
        return images.tag(reference, image, resolved.manifest.digest) != image
