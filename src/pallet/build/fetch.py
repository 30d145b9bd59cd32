"""The files of a layer whose blob is known: fetched and unpacked when somebody wants to see them.

So a result of a cache elsewhere costs nothing until it goes into an image, or something runs on it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from pallet.build.layers import CacheLost, Layer, Packed, directories
from pallet.build.view import with_views
from pallet.content import ImageSource
from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import Integrity, NotFound, Unauthorized, Unavailable
from pallet.host.idmap import in_user_namespace
from pallet.layer.settle import settle, settle_again
from pallet.layer.snapshots import Staging
from pallet.layer.stacked import apply_on_top
from pallet.layer.unpack import Unpacker
from pallet.layer.unpacked import Unpacked, UnpackMode
from pallet.oci.descriptor import Descriptor
from pallet.ops.take_blob import take_blob


class Fetch:
    """Gets the files of one layer; what `Layer` is given as its `fetch`.

    Args:
        engine: whose store; the caller is inside `store.adding()`.
        unpacker: gives the workers.
        blob: the layer's blob.
        diff_id: what its tar has to be.
        bottom: whether no layer lies below it.
        source: has the blob; None if it is here.
        done: told of the layer when its files are here.
    """

    def __init__(
        self,
        engine: Engine,
        unpacker: Callable[[], Unpacker],
        blob: Descriptor,
        diff_id: Digest,
        *,
        bottom: bool,
        source: ImageSource | None,
        done: Callable[[Layer, Staging], None],
    ) -> None:
        self._engine = engine
        self._unpacker = unpacker
        self._blob = blob
        self._diff_id = diff_id
        self._bottom = bottom
        self.source = source
        self._done = done
        self._lock = threading.Lock()
        self._alone: tuple[Staging, Unpacked] | None = None

    def begin(self) -> None:
        """Fetch and unpack it, as far as that goes without the layers below; a second call does nothing.

        Raises:
            CacheLost: its source does not have it any more.
            Integrity, UnsafeArchive: it is not what was promised.
            HostError: the disk is full, ...
        """
        with self._lock:
            if self._alone is None:
                self._alone = self._unpacked_alone()

    def __call__(self, layer: Layer) -> tuple[Staging, Packed]:
        """Have its files on top of the layers below. Errors as `begin`."""
        self.begin()
        assert self._alone is not None
        staging, result = self._alone
        lowers = directories(layer.parent)
        alone = staging.fs
        private = in_user_namespace()
        if lowers and not with_views(
            staging.path, [lowers], lambda _: settle(alone, result, lowers, userxattr=private)
        ):
            staging, result = self._on_top(result, lowers)
            self.close()
        self._alone = None
        self._done(layer, staging)
        return staging, Packed(self._blob, self._diff_id, result.size, result.files)

    def close(self) -> None:
        """Drop what was unpacked and not wanted in the end."""
        if self._alone is not None:
            self._alone[0].discard()

    def _unpacked_alone(self) -> tuple[Staging, Unpacked]:
        staging = self._engine.snapshots.stage()
        try:
            mode: UnpackMode = "base" if self._bottom else "diff"
            with self._unpacker().start(
                staging.fs, self._blob.media_type, mode=mode, userxattr=in_user_namespace()
            ) as job:
                if self.source is not None:
                    self._take(self.source, job.write)
                else:
                    for piece in self._pieces():
                        job.write(piece)
                result = job.finish()
            self._check(result)
        except BaseException:
            staging.discard()
            raise
        return staging, result

    def _take(self, source: ImageSource, write: Callable[[bytes], object] | None) -> None:
        try:
            take_blob(self._engine.store.blobs, self._blob, source, lambda count: None, write)
        except (NotFound, Unavailable, Unauthorized) as error:
            raise CacheLost(f"layer {self._blob.digest} of the cache: {error.message}") from error

    def _on_top(self, result: Unpacked, lowers: list[str]) -> tuple[Staging, Unpacked]:
        """The rare layer that is not right alone, applied on top of those below it."""
        staging = self._engine.snapshots.stage()

        def work(_: list[int]) -> Unpacked:
            private, media_type = in_user_namespace(), self._blob.media_type
            again = apply_on_top(self._unpacker(), staging, lowers, self._pieces(), media_type, userxattr=private)
            self._check(again)
            settle_again(staging.fs, result, lowers, userxattr=private)
            return again

        try:
            return staging, with_views(staging.path, [lowers], work)
        except BaseException:
            staging.discard()
            raise

    def _check(self, result: Unpacked) -> None:
        if result.diff_id != self._diff_id:
            raise Integrity(f"layer {self._blob.digest} of the cache is {result.diff_id} instead of {self._diff_id}")

    def _pieces(self) -> Iterator[bytes]:
        return self._engine.store.blobs.chunks(self._blob.digest)
