"""`docker image pull`: a registry's image into the store."""

from __future__ import annotations

import msgspec

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.ops.copy import ResolvedImage, Words, copy_blobs, read_config, resolve_image
from pallet.ops.store_sink import StoreSink
from pallet.platform import Platform
from pallet.progress import Event, Progress, silent
from pallet.reference import Reference
from pallet.registry.source import RegistrySource

_WORDS = Words("Pulling fs layer", "Downloading", ("Verifying Checksum", "Download complete"), "Already exists")


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
    engine: Engine, reference: Reference, *, platform: Platform | None = None, progress: Progress = silent
) -> Pulled:
    """Pull one image.

    Args:
        engine: whose store and registries.
        reference: which image; `latest` without tag and digest.
        platform: which manifest of an index; None for this machine's.
        progress: told of each layer's steps, in docker's words.

    Raises:
        NotFound, Unauthorized, Unavailable: as the registry answers.
        Integrity: bytes do not match their digests; nothing becomes visible.
    """
    reference = reference.with_default_tag()
    source = RegistrySource(engine.registry, reference)
    shown = reference.tag or str(reference)
    with engine.store.adding():
        resolved = resolve_image(source, platform)
        progress(Event(f"Pulling from {reference.path}", shown))
        image = _known(engine, resolved)
        if image is None:
            image = _fetch(engine, source, resolved, progress)
        changed = _name(engine, reference, resolved, image)
    progress(Event(f"Digest: {resolved.root.digest}"))
    status = "Downloaded newer image for" if changed else "Image is up to date for"
    progress(Event(f"Status: {status} {reference.familiar}"))
    return Pulled(reference, image, resolved.root.digest, changed)


def pull_all(
    engine: Engine, reference: Reference, *, platform: Platform | None = None, progress: Progress = silent
) -> list[Pulled]:
    """Pull every tag of a repository; arguments and errors as `pull`."""
    tags = engine.registry.tags(reference)
    return [pull(engine, reference.with_tag(tag), platform=platform, progress=progress) for tag in tags]


def _known(engine: Engine, resolved: ResolvedImage) -> Digest | None:
    """The image, if it came here before by this very manifest and nothing of it is missing."""
    images, image = engine.store.images, resolved.manifest.config.digest
    if not images.has(image):
        return None
    if resolved.manifest.digest not in {manifest.digest for manifest in images.manifests_of(image)}:
        return None
    layers = images.layers_of(image, resolved.manifest.digest)
    whole = all(engine.store.blobs.has(blob.digest) for blob in resolved.manifest.blobs) and all(
        engine.snapshots.has(layer.chain_id) for layer in layers
    )
    return image if whole else None


def _fetch(engine: Engine, source: RegistrySource, resolved: ResolvedImage, progress: Progress) -> Digest:
    manifest = resolved.manifest
    config = read_config(source, manifest)
    with StoreSink(engine, manifest, config) as sink:
        copy_blobs(source, sink, manifest.layers, words=_WORDS, progress=progress)
        return sink.finish(progress, "Pull complete")


def _name(engine: Engine, reference: Reference, resolved: ResolvedImage, image: Digest) -> bool:
    images = engine.store.images
    with engine.store.db.transaction():
        images.add_repo_digest(reference.with_digest(resolved.root.digest), image)
        if reference.tag is None or reference.digest is not None:
            return True
        return images.tag(reference, image, resolved.manifest.digest) != image
