"""`pallet system check`: whether the store is what it says it is.

docker and podman have nothing like it for a daemon's store; the idea is that of `git fsck`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import Integrity
from pallet.layer.reinstall import PackedLayer
from pallet.layer.verify import verify_layers
from pallet.progress import Event, Progress, silent
from pallet.store.check import Finding, blob_bytes
from pallet.store.check import check as check_store
from pallet.store.rows import LayerRow


class Checked(msgspec.Struct, frozen=True):
    """What a check found.

    Attributes:
        findings: what was wrong.
        repairs: what was done about it, in sentences.
        left: what is still wrong.
    """

    findings: tuple[Finding, ...]
    repairs: tuple[str, ...] = ()
    left: tuple[Finding, ...] = ()


def check(engine: Engine, *, repair: bool = False, quick: bool = False, progress: Progress = silent) -> Checked:
    """Recompute every digest, follow every reference, and compare every unpacked layer with its blob.

    Args:
        engine: whose store.
        repair: fetch again, unpack again, or drop what is damaged; see `pallet.ops.repair`.
        quick: only see that unpacked layers are there, not what is in them.
        progress: told of the bytes and layers that were read.

    Raises:
        HostError: the store cannot be read at all, or there is no room to unpack a layer.
    """
    engine.snapshots.unsynced.make_good()
    findings = _find(engine, quick, progress)
    if not findings or not repair:
        return Checked(findings, left=findings)
    from pallet.ops.repair import repair as mend

    repairs = mend(engine, findings, progress)
    return Checked(findings, tuple(repairs), _find(engine, quick, progress))


def _find(engine: Engine, quick: bool, progress: Progress) -> tuple[Finding, ...]:
    with engine.store.adding():
        findings = check_store(engine.store, engine.snapshots.has, advance=_counter(engine, progress))
        if not quick:
            findings += _layers(engine, {finding.key for finding in findings}, progress)
        findings += _containers(engine)
    return tuple(findings)


def _counter(engine: Engine, progress: Progress) -> _Counter:
    return _Counter(progress, blob_bytes(engine.store))


class _Counter:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._count = 0

    def __call__(self, size: int) -> None:
        self._count += size
        self._progress(Event("Reading", "blobs", self._count, self._total))


def _layers(engine: Engine, damaged: set[str], progress: Progress) -> Iterator[Finding]:
    """Unpacked layers that are not what their blobs say; those of images with damaged blobs cannot be judged."""
    images = engine.store.images
    right: set[str] = set()
    wrong: set[str] = set()
    for row in images.rows():
        for manifest in images.manifests_of(row.id):
            layers = images.layers_of(row.id, manifest.digest)
            if manifest.digest in damaged or any(layer.digest in damaged for layer in layers):
                continue
            packed = [PackedLayer(layer.chain_id, layer.diff_id, layer.media_type) for layer in layers]
            reopen = partial(_chunks, engine, layers)
            try:
                for chain, differences in verify_layers(engine.snapshots, packed, reopen, known=right):
                    progress(Event("Verified", chain.short))
                    if not differences:
                        right.add(chain)
                    elif chain not in wrong:
                        wrong.add(chain)
                        yield _damaged(engine, chain, differences)
            except Integrity as error:  # not a HostError: without room to unpack, nothing is known
                detail = f"the layers of image {row.id} do not unpack: {error.message}"
                yield Finding("manifest-wrong", manifest.digest, detail, (row.id,))


def _chunks(engine: Engine, layers: Sequence[LayerRow], position: int) -> Iterator[bytes]:
    return engine.store.blobs.chunks(layers[position].digest)


def _damaged(engine: Engine, chain: Digest, differences: list[str]) -> Finding:
    rows = engine.store.db.rows("SELECT DISTINCT image FROM image_blobs WHERE chain_id = ? ORDER BY image", (chain,))
    detail = f"unpacked layer {chain} is not what its blob says: {'; '.join(differences)}"
    return Finding("snapshot-damaged", chain, detail, tuple(Digest(image) for (image,) in rows))


def _containers(engine: Engine) -> Iterator[Finding]:
    for (id,) in engine.store.db.rows("SELECT id FROM containers ORDER BY id"):
        if not os.path.isdir(engine.store.container_dir(id)):
            yield Finding("container-missing", id, f"the files of container {id} are missing", containers=(id,))
