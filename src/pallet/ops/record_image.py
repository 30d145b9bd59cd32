"""Make an image's layers ready to run from its blobs."""

from __future__ import annotations

from pallet.engine import Engine
from pallet.oci.config import ImageConfig
from pallet.oci.manifest import Manifest
from pallet.ops.copy import Words, copy_blobs
from pallet.ops.store_sink import StoreSink
from pallet.ops.store_source import StoreSource
from pallet.progress import Progress, silent

_WORDS = Words("", "Extracting", (), "Already exists")


def record_image(
    engine: Engine,
    manifest: Manifest,
    config: ImageConfig,
    *,
    parent: str = "",
    comment: str = "",
    progress: Progress = silent,
) -> None:
    """Unpack what is not unpacked yet of an image whose blobs are all here, and record the image.

    Call it inside `store.adding()`.

    Raises:
        NotFound: a blob is missing.
        Integrity: a layer is not what its digests promise.
    """
    with StoreSink(engine, manifest, config) as sink:
        source = StoreSource(engine.store.blobs, manifest.descriptor)
        copy_blobs(source, sink, manifest.layers, words=_WORDS, progress=progress)
        sink.finish(progress, "Pull complete", parent=parent, comment=comment)
