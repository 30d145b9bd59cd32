"""Making layers, or finding them: the build's side of the cache.

A key is a digest over the chain of layers below and all that goes into a step. A layer whose own digest is still being
made has no key yet; nothing can lie on it in the cache then either, for it has just been made.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from pallet.build.layers import Layer, Packed, chain_of
from pallet.content import ImageSource
from pallet.digest import Digest, sha256_hex
from pallet.engine import Engine
from pallet.layer.snapshot_info import SnapshotInfo
from pallet.layer.snapshots import Staging
from pallet.oci.descriptor import Descriptor
from pallet.ops.times import now_ns
from pallet.store.build_cache import CachedLayer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Future

    from pallet.build.fetch import Fetch
    from pallet.layer.unpack import Unpacker

_SIDE_BY_SIDE = 3  # layers fetched at the same time


class Key:
    """What goes into a step, besides the layers below; digested when that is first wanted.

    Args:
        parts: gives it.
        ready: whether it can be given without waiting.
        floating: the layers below do not count: the result is right on any (COPY --link).
    """

    def __init__(
        self, parts: Callable[[], Sequence[bytes]], ready: Callable[[], bool] = lambda: True, *, floating: bool = False
    ) -> None:
        self._parts = parts
        self._ready = ready
        self._digest = b""
        self.floating = floating

    @property
    def ready(self) -> bool:
        """Whether the digest can be had without waiting."""
        return bool(self._digest) or self._ready()

    def on(self, chain: str) -> Digest:
        """The key on top of a chain of layers; waits if it has to."""
        if not self._digest:
            whole = b"".join(b"%d:%b" % (len(part), part) for part in self._parts())
            self._digest = bytes.fromhex(sha256_hex(whole))
        below = "any" if self.floating else chain
        return Digest.of(b"pallet build 1\n" + below.encode() + b"\n" + self._digest)


class Found(msgspec.Struct, frozen=True):
    """A layer that a cache elsewhere has for a key: its blob, where that is, and when it was made (nanoseconds)."""

    blob: Descriptor
    diff_id: Digest
    created: int
    source: ImageSource


Elsewhere: TypeAlias = Callable[[Digest], Found | None]
"""What other caches have for a key."""


class _Made(msgspec.Struct, frozen=True):
    layer: Layer
    staging: Staging
    keys: tuple[Key, ...]
    description: str


class LayerBook:
    """The layers of one build: those found, and those made, which are kept when it ends.

    Args:
        engine: whose store; the caller is inside `store.adding()`.
        unpacker: gives the workers that unpack what other caches have.
    """

    def __init__(self, engine: Engine, unpacker: Callable[[], Unpacker]) -> None:
        self._engine = engine
        self._unpacker = unpacker
        self._lock = threading.Lock()
        self._made: list[_Made] = []
        self._count = 0
        self._staged: list[Staging] = []
        self._used: list[Digest] = []
        self._running: dict[Digest, Future[Layer]] = {}
        self._fetches: list[Fetch] = []
        self._records: dict[Layer, list[Digest]] = {}
        self.elsewhere: Elsewhere = lambda key: None

    @property
    def made(self) -> int:
        """How many layers were made."""
        return self._count

    @property
    def found(self) -> int:
        """How many layers were found."""
        return len(self._used)

    @property
    def used(self) -> list[Digest]:
        """The keys of the layers that were found."""
        return self._used

    @property
    def records(self) -> dict[Layer, list[Digest]]:
        """The layers of the steps, and the keys they are known to be found by."""
        return self._records

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
        known = parent is None or parent.known
        usable = [key for key in keys if known or key.floating] if use_cache else []
        chain = chain_of(parent) if known else ""
        for key in usable:
            if key.ready and (found := self._find(parent, chain, key, keys, description)) is not None:
                return found, True
        if not usable or keys[-1].floating or not known:
            return self._make(parent, keys, description, make), False
        from concurrent.futures import Future

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

    def have(self, top: Layer | None) -> None:
        """Have the files of a layer and of all below. Errors as `Fetch.begin`."""
        away = [layer for layer in top.downwards() if layer.away] if top else []
        if len(away) > 1:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
                list(pool.map(Layer.begin, away))
        for layer in reversed(away):
            layer.fs  # noqa: B018 it is fetched by being asked for

    def keep(self) -> None:
        """Make the layers that are done snapshots, and remember what they are found by; drop the others.

        Raises:
            HostError: the disk is full, ...
        """
        whole: list[tuple[_Made, SnapshotInfo]] = []
        kept: list[CachedLayer] = []
        try:
            for made in self._made:
                layer = made.layer
                if not layer.known or not _succeeded(layer):
                    continue
                packed, chain, parent = layer.packed, layer.chain_id, chain_of(layer.parent)
                info = SnapshotInfo(chain, packed.diff_id, parent, packed.size, packed.files, packed.image)
                whole.append((made, info))
                digests = [key.on(parent) for key in made.keys if key.ready]
                self._records.setdefault(layer, []).extend(digests)
                kept += [
                    CachedLayer(
                        digest,
                        chain,
                        parent,
                        packed.diff_id,
                        packed.blob,
                        packed.size,
                        made.description,
                        layer.created,
                    )
                    for digest in digests
                ]
            for made, _ in whole:
                _empty_beside(made.staging)
            if kept:
                self._engine.store.blobs.sync()
            self._engine.snapshots.commit([(made.staging, info) for made, info in whole])
            for made, info in whole:
                made.layer.settle(self._engine.snapshots.fs(info.chain_id))
            self._engine.store.build_cache.add(kept)
        finally:
            self._made.clear()
            self.close()

    def touch(self) -> None:
        """Note that what was found has been wanted."""
        if self._used:
            self._engine.store.build_cache.touch(self._used)

    def close(self) -> None:
        """Drop what was not kept."""
        fetches, self._fetches = self._fetches, []
        for fetch in fetches:
            fetch.close()
        staged, self._staged = self._staged, []
        for staging in staged:
            staging.discard()

    def _find(self, parent: Layer | None, chain: str, key: Key, keys: Sequence[Key], description: str) -> Layer | None:
        digest = key.on(chain)
        layer = self._here(parent, chain, digest, keys, description, floating=key.floating)
        if layer is None:
            found = self.elsewhere(digest)
            if found is not None:
                layer = self._away(parent, found.blob, found.diff_id, found.created, found.source, keys, description)
        if layer is not None:
            with self._lock:
                self._used.append(digest)
                self._records.setdefault(layer, []).append(digest)
        return layer

    def _here(
        self, parent: Layer | None, chain: str, key: Digest, keys: Sequence[Key], description: str, *, floating: bool
    ) -> Layer | None:
        """What the store has for a key."""
        found = self._engine.store.build_cache.get(key)
        if found is None or not self._engine.store.blobs.has(found.blob.digest):
            return None
        chain_id = found.chain_id
        if floating:
            if parent is not None and not parent.known:
                return self._away(parent, found.blob, found.diff_id, found.created, None, keys, description)
            chain_id = Digest.of(f"{chain} {found.diff_id}".encode()) if chain else found.diff_id
        elif found.parent != chain:
            return None
        if not self._engine.snapshots.has(chain_id):
            if not floating:
                return None
            return self._away(parent, found.blob, found.diff_id, found.created, None, keys, description)
        files = self._engine.snapshots.info(chain_id).files
        packed = Packed(found.blob, found.diff_id, found.size, files)
        return Layer(parent, self._engine.snapshots.fs(chain_id), packed, created=found.created)

    def _away(
        self,
        parent: Layer | None,
        blob: Descriptor,
        diff_id: Digest,
        created: int,
        source: ImageSource | None,
        keys: Sequence[Key],
        description: str,
    ) -> Layer:
        """A layer whose files come when they are wanted, from a blob."""
        from pallet.build.fetch import Fetch

        def done(layer: Layer, staging: Staging) -> None:
            with self._lock:
                self._staged.append(staging)
                self._made.append(_Made(layer, staging, tuple(keys), description))

        bottom = parent is None
        fetch = Fetch(self._engine, self._unpacker, blob, diff_id, bottom=bottom, source=source, done=done)
        with self._lock:
            self._fetches.append(fetch)
        return Layer(parent, "", Packed(blob, diff_id, 0, 0), created=created, fetch=fetch)

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
        layer = Layer(parent, staging.fs, make(staging), created=now_ns())
        with self._lock:
            self._count += 1
            self._made.append(_Made(layer, staging, tuple(keys), description))
        return layer


def _succeeded(layer: Layer) -> bool:
    """Whether it and all below are here, whole."""
    for each in layer.downwards():
        if each.away:
            return False
        if not isinstance(each._packed, Packed) and each._packed.exception() is not None:
            return False
    return True


def _empty_beside(staging: Staging) -> None:
    """Remove what making the layer left beside it."""
    import os

    from pallet.host.erofs import IMAGE_NAME, TAR_NAME
    from pallet.host.files import remove_tree

    for name in os.listdir(staging.path):
        if name not in ("fs", IMAGE_NAME, TAR_NAME):
            remove_tree(f"{staging.path}/{name}")
