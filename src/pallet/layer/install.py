"""Installing the layers of one image: unpacked side by side, then settled bottom-up, then visible all at once.

    with Unpacker(workers) as pool, Installer(snapshots, pool, diff_ids, reopen) as installer:
        job = installer.begin(position, media_type)   # for each layer, from any thread, in any order
        job.write(chunk)
        job.finish()
        installer.settle()

Most layers are right when they are unpacked alone, into what becomes an overlay's lower directory; see
`pallet.layer.settle` for what has to wait for the layers below. The rare layer that is not is read again and applied
on top of a mounted overlay of its parents, whose upper directory then is the layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from types import TracebackType

from pallet.digest import Digest
from pallet.errors import Integrity, NotFound
from pallet.layer.settle import settle, settle_again
from pallet.layer.snapshots import SnapshotInfo, Snapshots, Staging
from pallet.layer.stacked import apply_on_top
from pallet.layer.unpack import Unpacker, UnpackJob
from pallet.layer.unpacked import Unpacked, UnpackMode
from pallet.oci.chain import chain_ids


class LayerJob:
    """One layer on its way into a staging directory; written by one thread at a time.

    As a context it aborts itself unless it was finished.
    """

    def __init__(self, installer: Installer, position: int, media_type: str, staging: Staging, job: UnpackJob) -> None:
        self._installer = installer
        self._position = position
        self._media_type = media_type
        self._staging = staging
        self._job = job
        self._ended = False

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes of the layer's blob.

        Raises:
            PalletError: what made the unpacking stop.
        """
        self._job.write(chunk)

    def finish(self) -> None:
        """Say that the blob is complete, wait until it is unpacked, and check its diff ID.

        Raises:
            Integrity: another diff ID than the config's; a tar that is damaged.
            UnsafeArchive: a tar that tries what it may not.
            HostError: the disk is full, ...
        """
        if self._ended:
            return
        try:
            result = self._job.finish()
            self._installer._check(self._position, result)
        except BaseException:
            self.abort()
            raise
        self._ended = True
        self._installer._unpacked(self._position, self._media_type, self._staging, result)

    def abort(self) -> None:
        """Stop, and drop what was unpacked; nothing happens to a finished job: `Installer.close` drops it."""
        if not self._ended:
            self._ended = True
            self._job.abort()
            self._staging.discard()

    def __enter__(self) -> LayerJob:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()


class Installer:
    """The installation of one image's layers.

    Args:
        snapshots: where they go.
        unpacker: unpacks them.
        diff_ids: the config's, bottom first.
        reopen: the bytes of a layer's blob, by its position from the bottom, for the rare layer that is read twice.
        userxattr: opaque directories are marked by user.overlay.opaque (overlays mounted without privileges).
    """

    def __init__(
        self,
        snapshots: Snapshots,
        unpacker: Unpacker,
        diff_ids: Sequence[Digest],
        reopen: Callable[[int], Iterator[bytes]],
        *,
        userxattr: bool = False,
    ) -> None:
        self._snapshots = snapshots
        self._unpacker = unpacker
        self._diff_ids = tuple(diff_ids)
        self._chain = chain_ids(self._diff_ids)
        self._reopen = reopen
        self._userxattr = userxattr
        self._lock = Lock()
        self._ready: dict[int, tuple[str, Staging, Unpacked]] = {}

    def __enter__(self) -> Installer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def has(self, position: int) -> bool:
        """Whether the layer at this position is here already, on the same parents, so that it need not be unpacked."""
        return self._snapshots.has(self._chain[position])

    def begin(self, position: int, media_type: str) -> LayerJob:
        """Begin to unpack the layer at `position` (0 is the bottom); waits while all workers are busy.

        Raises:
            HostError: no room to unpack, or no worker.
        """
        staging = self._snapshots.stage()
        try:
            mode: UnpackMode = "diff" if position else "base"
            job = self._unpacker.start(staging.fs, media_type, mode=mode, userxattr=self._userxattr)
        except BaseException:
            staging.discard()
            raise
        return LayerJob(self, position, media_type, staging, job)

    def settle(self) -> tuple[SnapshotInfo, ...]:
        """Finish what was unpacked and make it visible; gives all layers of the image, bottom first.

        Raises:
            NotFound: a layer was neither unpacked nor is it here.
            Integrity, UnsafeArchive: a layer does not fit on those below.
            HostError: the disk is full, ...
        """
        made: list[tuple[Staging, SnapshotInfo]] = []
        infos: list[SnapshotInfo] = []
        lowers: list[str] = []  # top first
        for position, chain in enumerate(self._chain):
            parent = self._chain[position - 1] if position else ""
            if position in self._ready:
                staging, result = self._settle_one(position, lowers)
                info = SnapshotInfo(chain, self._diff_ids[position], parent, result.size, result.files)
                made.append((staging, info))
                lowers.insert(0, staging.fs)
            elif self._snapshots.has(chain):
                info = self._snapshots.info(chain)
                lowers.insert(0, self._snapshots.fs(chain))
            else:
                raise NotFound(f"layer {self._diff_ids[position]} is missing")
            infos.append(info)
        self._snapshots.commit(made)
        self._ready.clear()
        return tuple(infos)

    def close(self) -> None:
        """Drop what was unpacked and not settled."""
        with self._lock:
            ready, self._ready = self._ready, {}
        for _, staging, _ in ready.values():
            staging.discard()

    def _settle_one(self, position: int, lowers: list[str]) -> tuple[Staging, Unpacked]:
        media_type, alone, result = self._ready[position]
        if settle(alone.fs, result, lowers, userxattr=self._userxattr):
            return alone, result
        stacked = self._snapshots.stage()
        try:
            blob = self._reopen(position)
            again = apply_on_top(self._unpacker, stacked, lowers, blob, media_type, userxattr=self._userxattr)
            self._check(position, again)
            settle_again(stacked.fs, result, lowers, userxattr=self._userxattr)
        except BaseException:
            stacked.discard()
            raise
        self._ready[position] = media_type, stacked, again
        alone.discard()
        return stacked, again

    def _check(self, position: int, result: Unpacked) -> None:
        expected = self._diff_ids[position]
        if result.diff_id != expected:
            raise Integrity(f'invalid diffID for layer {position}: expected "{expected}", got "{result.diff_id}"')

    def _unpacked(self, position: int, media_type: str, staging: Staging, result: Unpacked) -> None:
        with self._lock:
            before = self._ready.pop(position, None)
            self._ready[position] = media_type, staging, result
        if before is not None:
            before[1].discard()
