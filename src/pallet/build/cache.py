"""Making layers, or finding them: the build's side of the cache.

A key is a digest over the chain of layers below and all that goes into a step. A layer whose own digest is still being
made has no key yet; nothing can lie on it in the cache then either, for it has just been made.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import msgspec

from pallet.build.layers import Layer, Packed, chain_of
from pallet.digest import Digest
from pallet.engine import Engine
from pallet.layer.snapshots import SnapshotInfo, Staging
from pallet.ops.times import now_ns
from pallet.store.build_cache import CachedLayer


class Key:
    """What goes into a step, besides the layers below; digested when that is first wanted.

    Args:
        parts: gives it.
        ready: whether it can be given without waiting.
    """

    def __init__(self, parts: Callable[[], Sequence[bytes]], ready: Callable[[], bool] = lambda: True) -> None:
        self._parts = parts
        self._ready = ready
        self._digest = b""

    @property
    def ready(self) -> bool:
        """Whether the digest can be had without waiting."""
        return bool(self._digest) or self._ready()

    def on(self, chain: str) -> Digest:
        """The key on top of a chain of layers; waits if it has to."""
        if not self._digest:
            whole = hashlib.sha256()
            for part in self._parts():
                whole.update(b"%d:" % len(part))
                whole.update(part)
            self._digest = whole.digest()
        return Digest.of(b"pallet build 1\n" + chain.encode() + b"\n" + self._digest)


class _Made(msgspec.Struct, frozen=True):
    layer: Layer
    keys: tuple[Key, ...]
    description: str


class LayerBook:
    """The layers of one build: those found, and those made, which are kept when it ends.

    Args:
        engine: whose store; the caller is inside `store.adding()`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._made: list[_Made] = []
        self._staged: list[Staging] = []
        self._used: list[Digest] = []
        self._running: dict[Digest, Future[Layer]] = {}

    @property
    def made(self) -> int:
        """How many layers were made."""
        return len(self._made)

    @property
    def found(self) -> int:
        """How many layers were found."""
        return len(self._used)

    def base(self, chain: Sequence[Digest], packed: Sequence[Packed]) -> Layer | None:
        """The layers of an image, bottom first."""
        top: Layer | None = None
        for chain_id, each in zip(chain, packed, strict=True):
            top = Layer(top, self._engine.snapshots.fs(chain_id), each)
        return top

    def layer(
        self,
        parent: Layer | None,
        keys: Sequence[Key],
        description: str,
        make: Callable[[Staging], Packed | Future[Packed]],
        *,
        use_cache: bool = True,
    ) -> tuple[Layer, bool]:
        """The layer of one step, from the cache or made.

        Args:
            parent: what it lies on.
            keys: what it may be found by, the cheapest first.
            description: the step, for people.
            make: makes it in a staging directory.
            use_cache: whether it may be found.

        Returns:
            The layer, and whether it was found.
        """
        if not use_cache or (parent is not None and not parent.known):
            return self._make(parent, keys, description, make), False
        chain = chain_of(parent)
        for key in keys:
            if key.ready and (found := self._find(parent, chain, key.on(chain))) is not None:
                return found, True
        # Another stage may be at the very same step.
        last = keys[-1].on(chain)
        with self._lock:
            running = self._running.get(last)
            if running is None:
                mine = self._running[last] = Future()
        if running is not None:
            same = running.result()
            return Layer(parent, same.fs, same._packed, created=same.created), True
        try:
            layer = self._make(parent, keys, description, make)
        except BaseException as error:
            mine.set_exception(error)
            with self._lock:
                del self._running[last]
            raise
        mine.set_result(layer)
        return layer, False

    def keep(self) -> None:
        """Make the layers that are done snapshots, and remember what they are found by; drop the others.

        Raises:
            HostError: the disk is full, ...
        """
        whole: list[tuple[_Made, Staging, SnapshotInfo]] = []
        kept: list[CachedLayer] = []
        try:
            for made in self._made:
                layer = made.layer
                if layer.staging is None or not layer.known or not _succeeded(layer):
                    continue
                packed, chain, parent = layer.packed, layer.chain_id, chain_of(layer.parent)
                info = SnapshotInfo(chain, packed.diff_id, parent, packed.size, packed.files)
                whole.append((made, layer.staging, info))
                for key in made.keys:
                    if key.ready:
                        kept.append(
                            CachedLayer(
                                key.on(parent),
                                chain,
                                parent,
                                packed.diff_id,
                                packed.blob,
                                packed.size,
                                made.description,
                                layer.created,
                            )
                        )
            for _, staging, _ in whole:
                _empty_beside(staging)
            self._engine.snapshots.commit([(staging, info) for _, staging, info in whole])
            for made, _, info in whole:
                made.layer.fs = self._engine.snapshots.fs(info.chain_id)
            self._engine.store.build_cache.add(kept)
        finally:
            self.close()

    def touch(self) -> None:
        """Note that what was found has been wanted."""
        if self._used:
            self._engine.store.build_cache.touch(self._used)

    def close(self) -> None:
        """Drop what was not kept."""
        staged, self._staged = self._staged, []
        for staging in staged:
            staging.discard()

    def _find(self, parent: Layer | None, chain: str, key: Digest) -> Layer | None:
        found = self._engine.store.build_cache.get(key)
        if found is None or found.parent != chain:
            return None
        if not self._engine.snapshots.has(found.chain_id) or not self._engine.store.blobs.has(found.blob.digest):
            return None
        files = self._engine.snapshots.info(found.chain_id).files
        with self._lock:
            self._used.append(key)
        return Layer(
            parent,
            self._engine.snapshots.fs(found.chain_id),
            Packed(found.blob, found.diff_id, found.size, files),
            created=found.created,
        )

    def _make(
        self,
        parent: Layer | None,
        keys: Sequence[Key],
        description: str,
        make: Callable[[Staging], Packed | Future[Packed]],
    ) -> Layer:
        staging = self._engine.snapshots.stage()
        with self._lock:
            self._staged.append(staging)
        layer = Layer(parent, staging.fs, make(staging), staging, created=now_ns())
        with self._lock:
            self._made.append(_Made(layer, tuple(keys), description))
        return layer


def _succeeded(layer: Layer) -> bool:
    for each in layer.downwards():
        if isinstance(each._packed, Future) and each._packed.exception() is not None:
            return False
    return True


def _empty_beside(staging: Staging) -> None:
    """Remove what making the layer left beside it."""
    import os

    from pallet.host.files import remove_tree

    for name in os.listdir(staging.path):
        if name != "fs":
            remove_tree(f"{staging.path}/{name}")
