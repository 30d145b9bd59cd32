"""The end of a build: a config and a manifest from a stage, recorded and named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from pallet.build.cache import Key
from pallet.build.layers import Packed, chain_of, directories
from pallet.build.options import BuildOptions
from pallet.build.shared import Shared
from pallet.build.state import State
from pallet.content import CHUNK_SIZE
from pallet.layer.snapshots import Staging
from pallet.oci.codec import encode
from pallet.oci.config import History, ImageConfig, parse_config
from pallet.oci.manifest import Manifest
from pallet.oci.mutate import manifest_for
from pallet.ops.times import rfc3339_nano


def make_image(
    state: State, options: BuildOptions, *, oci: bool = False, cache: str = ""
) -> tuple[ImageConfig, Manifest]:
    """The config and the manifest of a finished stage.

    Args:
        state: the stage.
        options: its labels, its time.
        cache: the inline cache, if it is to have one.
        oci: whether the manifest has to be of OCI's type, as part of an OCI index.
    """
    if options.labels:
        state.change(labels={**(state.config.labels or {}), **options.labels})
    layers = list(state.top.downwards())[::-1] if state.top else []
    platform = state.platform
    fields: dict[str, Any] = {"architecture": platform.architecture}
    if state.author:
        fields["author"] = state.author
    fields |= {
        "config": state.config.to_docker(),
        "created": rfc3339_nano(_time(state, options)),
        "history": state.history,
        "os": platform.os,
    }
    if platform.os_version:
        fields["os.version"] = platform.os_version
    if platform.variant:
        fields["variant"] = platform.variant
    fields["rootfs"] = {"type": "layers", "diff_ids": [layer.packed.diff_id for layer in layers]}
    if cache:
        from pallet.build.cacheformat import INLINE

        fields[INLINE] = cache
    config = parse_config(encode(fields))
    manifest = manifest_for(config, tuple(layer.packed.blob for layer in layers))
    if oci:
        from pallet.archive.documents import to_oci

        manifest = to_oci(manifest)
    return config, manifest


def _time(state: State, options: BuildOptions) -> int:
    return state.time if options.epoch is None else options.epoch * 1_000_000_000


def squashed(shared: Shared, state: State) -> State:
    """The stage with all its new layers as one; the history keeps the steps, and ends with the merge.

    Raises:
        HostError: a layer cannot be applied again, the disk is full, ...
    """
    from pallet.build.upper import pack, tidy
    from pallet.build.view import with_views
    from pallet.layer.stacked import apply_on_top

    layers = list(state.top.downwards())[::-1] if state.top else []
    new = layers[state.base_layers :]
    if len(new) < 2:
        return state
    base = layers[state.base_layers - 1] if state.base_layers else None
    lowers = directories(base)
    chains = [layer.chain_id.encode() for layer in new]

    def make(staging: Staging) -> Packed:
        def merge(roots: list[int]) -> Packed:
            for layer in new:
                blob = layer.packed.blob
                pieces = _pieces(shared.engine.store.blobs.open(blob.digest))
                if lowers:
                    apply_on_top(shared.unpacker, staging, lowers, pieces, blob.media_type)
                else:
                    with shared.unpacker.start(staging.fs, blob.media_type, mode="tree") as job:
                        for piece in pieces:
                            job.write(piece)
                        job.finish()
            clamp = shared.options.clamp
            files = tidy(staging.fs, clamp=clamp)
            return pack(shared.engine.store.blobs, staging.fs, files, clamp=clamp)

        return with_views(staging.path, [lowers], merge)

    made, _ = shared.book.layer(base, [Key(lambda: [b"squash", *chains])], "squash", make)
    merged = state.child()
    merged.top = made
    first = len(state.history) - _steps_since(state)
    merged.history = [
        msgspec.structs.replace(step, empty_layer=True) if index >= first else step
        for index, step in enumerate(state.history)
    ]
    merged.history.append(
        History(created=rfc3339_nano(shared.now()), comment=f"merge {new[-1].chain_id} to {chain_of(base)}")
    )
    return merged


def _steps_since(state: State) -> int:
    """How many entries of the history are the build's own: those behind the ones that made the base's layers."""
    left = state.base_layers
    for index, step in enumerate(state.history):
        if not step.empty_layer:
            if not left:
                return len(state.history) - index
            left -= 1
    return 0


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(CHUNK_SIZE):
            yield piece
