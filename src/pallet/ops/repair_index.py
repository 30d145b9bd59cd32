"""Indexes that lack some of what they lead to: completed from a registry, or dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import PalletError
from pallet.oci import media
from pallet.oci.descriptor import Descriptor
from pallet.ops.take_blob import take_blob
from pallet.progress import Event, Progress
from pallet.reference import Reference
from pallet.registry.source import RegistrySource
from pallet.store.indexes import drop_index, index_parts


def restore_indexes(engine: Engine, image: Digest, progress: Progress) -> Iterator[str]:
    """Complete the image's indexes; give what was done, in sentences.

    Raises:
        NoSuchImage: it is not here.
        HostError: there is no room, ...
    """
    for index, members in index_parts(engine.store.db, image):
        with engine.store.adding():
            missing = [blob for blob in (index, *members) if not engine.store.blobs.has(blob.digest)]
            if missing:
                yield _restore(engine, image, index, missing, progress)


def _restore(
    engine: Engine, image: Digest, index: Descriptor, missing: Sequence[Descriptor], progress: Progress
) -> str:
    failures = []
    images = engine.store.images
    repositories = [row.name for row in images.repo_digests_of(image)]
    for name in dict.fromkeys(repositories):
        domain, _, path = name.partition("/")
        reference = Reference(domain, path, None, index.digest)
        progress(Event(f"Restoring index {index.digest}"))
        try:
            _fetch(engine, RegistrySource(engine.registry, reference), missing)
            return f"restored index {index.digest} from {reference.familiar}"
        except PalletError as error:
            failures.append(error.message)
    drop_index(engine.store.db, image, index.digest)
    why = f" ({'; '.join(failures)})" if failures else ""
    return f"dropped index {index.digest}, which cannot be restored{why}: its names stand for image {image} alone"


def _fetch(engine: Engine, source: RegistrySource, missing: Sequence[Descriptor]) -> None:
    blobs = engine.store.blobs
    source.root()  # the registry has to have the index still
    for blob in missing:
        if media.is_manifest(blob.media_type) or media.is_index(blob.media_type):
            blobs.put(source.read_manifest(blob))
        else:
            take_blob(blobs, blob, source, lambda size: None)
    blobs.sync()
