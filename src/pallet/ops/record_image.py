"""Make an image's layers ready to run from its blobs."""

from __future__ import annotations

from collections.abc import Callable

from pallet.engine import Engine
from pallet.oci.config import ImageConfig
from pallet.oci.manifest import Manifest
from pallet.ops.copy import Words, copy_blobs
from pallet.ops.store_sink import StoreSink
from pallet.ops.store_source import StoreSource
from pallet.progress import silent

_WORDS = Words("", "Extracting", (), "")


def record_image(
    engine: Engine,
    manifest: Manifest,
    config: ImageConfig,
    *,
    parent: str = "",
    comment: str = "",
    recorded: Callable[[], None] | None = None,
) -> None:
    """Unpack what is not unpacked yet of an image whose blobs are all here, and record the image.

    Call it inside `store.adding()`.

    Args:
        engine: whose store.
        manifest: the image's manifest.
        config: its config.
        parent: the id of the local image it was made from, if any.
        comment: docker's local comment.
        recorded: called in the transaction that records the image.

    Raises:
        NotFound: a blob is missing.
        Integrity: a layer is not what its digests promise.
    """
    with StoreSink(engine, manifest, config) as sink:
        missing = [layer for layer in manifest.layers if not sink.has_blob(layer)]
        copy_blobs(StoreSource(engine.store.blobs, manifest.descriptor), sink, missing, words=_WORDS, progress=silent)
        sink.finish(parent=parent, comment=comment, recorded=recorded)
