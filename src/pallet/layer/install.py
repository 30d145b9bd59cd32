"""Installing the layers of one image: unpacked side by side, then settled bottom-up, then visible all at once.

    with Unpacker(workers) as pool, Installer(snapshots, pool, diff_ids, reopen) as installer:
        job = installer.begin(position, media_type)   # for each layer, from any thread, in any order
        job.write(chunk)
        job.finish()
        installer.settle()

Most layers are right when they are unpacked alone, into what becomes an overlay's lower directory; see
`pallet.layer.settle` for what has to wait for the layers below. The rare layer that is not is read again and applied
on top of a mounted overlay of its parents, whose upper directory then is the layer.

Where images are asked for, a layer becomes an EROFS image instead, unless it is too odd for one: then it is unpacked.
A small plain tar needs no worker for that, see `pallet.layer.small`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Lock
from types import TracebackType

from pallet.digest import Digest
from pallet.errors import Integrity, NotFound, Unsupported
from pallet.host.erofs import image_of, mount_images, unmount_images
from pallet.host.mounts import run_in_mount_namespace
from pallet.layer.erofs.patch import settle_image
from pallet.layer.settle import settle, settle_again
from pallet.layer.small import SmallImageJob
from pallet.layer.snapshot_info import SnapshotInfo
from pallet.layer.snapshots import Snapshots, Staging
from pallet.layer.stacked import apply_on_top
from pallet.layer.unpack import Unpacker, UnpackJob
from pallet.layer.unpacked import Unpacked
from pallet.oci.chain import chain_ids


class LayerJob:
    """One layer on its way into a staging directory; written by one thread at a time.

    As a context it aborts itself unless it was finished.
    """

    def __init__(
        self,
        installer: Installer,
        position: int,
        media_type: str,
        staging: Staging,
        job: UnpackJob | SmallImageJob,
        *,
        image: bool,
        apart: bool = False,
    ) -> None:
        self._installer = installer
        self._position = position
        self._media_type = media_type
        self._staging = staging
        self._job = job
        self._image = image
        self._apart = apart
        self._refused = False  # as an image
        self._ended = False

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes of the layer's blob.

        Raises:
            PalletError: what made the unpacking stop.
        """
        if self._refused:
            return
        try:
            self._job.write(chunk)
        except Unsupported:
            if not self._image:
                raise
            self._refused = True

    def finish(self, tar: str = "") -> None:
        """Say that the blob is complete, wait until it is unpacked, and check its diff ID.

        A layer that cannot be an image is read again, by the installer's `reopen`.

        Args:
            tar: the file that keeps the tar, if that is to be apart.

        Raises:
            Integrity: another diff ID than the config's; a tar that is damaged.
            UnsafeArchive: a tar that tries what it may not.
            HostError: the disk is full, ...
        """
        if self._ended:
            return
        try:
            result = self._result(tar)
            self._installer._check(self._position, result)
        except BaseException:
            self.abort()
            raise
        self._ended = True
        self._installer._unpacked(self._position, self._media_type, self._staging, result)

    def finish_new(self, tar: str = "") -> Unpacked:
        """The same for a layer on top whose diff ID nobody knows yet: gives it, as the worker found it."""
        try:
            result = self._result(tar)
            self._installer.append(Digest(result.diff_id))
        except BaseException:
            self.abort()
            raise
        self._ended = True
        self._installer._unpacked(self._position, self._media_type, self._staging, result)
        return result

    def _result(self, tar: str) -> Unpacked:
        if not self._refused:
            try:
                result = self._job.finish()
                if self._apart:
                    self._staging.take_tar(tar)
                return result
            except Unsupported:
                if not self._image:
                    raise
        self._staging.discard()
        self._staging, result = self._installer._unpack_again(self._position, self._media_type)
        return result

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
        reopen: the bytes of a layer's blob, by its position from the bottom, for the rare layer that is read twice;
            called when its job is being finished, or later.
        userxattr: opaque directories are marked by user.overlay.opaque (overlays mounted without privileges).
        images: make EROFS images where that can be done; not together with `userxattr`.
        apart: images may have their tars apart.
    """

    def __init__(
        self,
        snapshots: Snapshots,
        unpacker: Unpacker,
        diff_ids: Sequence[Digest],
        reopen: Callable[[int], Iterator[bytes]],
        *,
        userxattr: bool = False,
        images: bool = False,
        apart: bool = False,
    ) -> None:
        self._snapshots = snapshots
        self._unpacker = unpacker
        self._diff_ids = tuple(diff_ids)
        self._chain = chain_ids(self._diff_ids)
        self._reopen = reopen
        self._userxattr = userxattr
        self._images = images
        self._apart = images and apart
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

    def append(self, diff_id: Digest) -> None:
        """Learn the diff ID of one more layer, on top: of one whose unpacking began before it was known."""
        self._diff_ids = (*self._diff_ids, diff_id)
        self._chain = chain_ids(self._diff_ids)

    def begin(self, position: int, media_type: str, *, keep: int = -1, blob_is_tar: bool = False) -> LayerJob:
        """Begin to unpack the layer at `position` (0 is the bottom); waits while all workers are busy.

        Args:
            position: may be the first one without a diff ID; then `append` comes before the job is finished.
            media_type: of the layer's blob.
            keep: an open file that the tar, which the job is then given as it is, is to be put into; -1 for none.
            blob_is_tar: the blob is the tar itself, and whoever keeps it verifies that its digest is the diff ID.

        Raises:
            HostError: no room to unpack, or no worker.
        """
        plain = keep >= 0 or blob_is_tar
        apart = self._apart and plain
        known = self._diff_ids[position].hex if blob_is_tar else ""
        staging, job = self._start(
            position, media_type, image=self._images, plain=plain, apart=apart, keep=keep, known=known
        )
        return LayerJob(self, position, media_type, staging, job, image=self._images, apart=apart)

    def settle(self) -> tuple[SnapshotInfo, ...]:
        """Finish what was unpacked and make it visible; gives all layers of the image, bottom first.

        Raises:
            NotFound: a layer was neither unpacked nor is it here.
            Integrity, UnsafeArchive: a layer does not fit on those below.
            HostError: the disk is full, ...
        """
        if any(os.path.exists(image_of(directory)) for directory in self._directories()):
            made, infos = run_in_mount_namespace(self._settle_all)
        else:
            made, infos = self._settle_all()
        self._snapshots.commit(made)
        self._ready.clear()
        return tuple(infos)

    def close(self) -> None:
        """Drop what was unpacked and not settled."""
        with self._lock:
            ready, self._ready = self._ready, {}
        for _, staging, _ in ready.values():
            staging.discard()

    def _start(
        self,
        position: int,
        media_type: str,
        *,
        image: bool,
        plain: bool = False,
        apart: bool = False,
        keep: int = -1,
        known: str = "",
    ) -> tuple[Staging, UnpackJob | SmallImageJob]:
        staging = self._snapshots.stage()
        start = partial(
            self._unpacker.start,
            staging.image if image else staging.fs,
            media_type,
            mode="diff" if position else "base",
            userxattr=self._userxattr,
            image=image,
            plain=plain,
            apart=apart,
            keep=keep,
            known=known,
        )
        job: UnpackJob | SmallImageJob
        try:
            if image and plain:
                job = SmallImageJob(staging.image, base=not position, keep=keep, apart=apart, known=known, start=start)
            else:
                job = start()
        except BaseException:
            staging.discard()
            raise
        return staging, job

    def _unpack_again(self, position: int, media_type: str) -> tuple[Staging, Unpacked]:
        """Read a layer again and unpack it into a tree, because it cannot be an image."""
        staging, job = self._start(position, media_type, image=False)
        try:
            with job:
                for chunk in self._reopen(position):
                    job.write(chunk)
                result = job.finish()
            if position < len(self._diff_ids):
                self._check(position, result)
        except BaseException:
            staging.discard()
            raise
        return staging, result

    def _directories(self) -> Iterator[str]:
        """Where the image's layers are seen, those that were just made and those that were here; bottom first."""
        for position, chain in enumerate(self._chain):
            if position in self._ready:
                yield self._ready[position][1].fs
            elif self._snapshots.has(chain):
                yield self._snapshots.fs(chain)
            else:
                raise NotFound(f"layer {self._diff_ids[position]} is missing")

    def _settle_all(self) -> tuple[list[tuple[Staging, SnapshotInfo]], list[SnapshotInfo]]:
        """Settle what was unpacked, bottom-up; if there are images, in a private mount namespace."""
        made: list[tuple[Staging, SnapshotInfo]] = []
        infos: list[SnapshotInfo] = []
        lowers: list[str] = []  # top first
        mounted: list[str] = []
        try:
            for position, directory in enumerate(self._directories()):
                if position not in self._ready:
                    infos.append(self._snapshots.info(self._chain[position]))
                else:
                    result = self._ready[position][2]
                    parents_matter = bool(result.whiteouts) or result.implicit_parents != (b".",)
                    mounted += mount_images(lowers if parents_matter else lowers[:1])
                    staging, result = self._settle_one(position, lowers)
                    directory = staging.fs
                    infos.append(self._describe(position, staging, result))
                    made.append((staging, infos[-1]))
                lowers.insert(0, directory)
        finally:
            unmount_images(mounted)
        return made, infos

    def _describe(self, position: int, staging: Staging, result: Unpacked) -> SnapshotInfo:
        parent = self._chain[position - 1] if position else ""
        image = staging.image_info(result.tar_size)
        return SnapshotInfo(self._chain[position], self._diff_ids[position], parent, result.size, result.files, image)

    def _settle_one(self, position: int, lowers: list[str]) -> tuple[Staging, Unpacked]:
        media_type, alone, result = self._ready[position]
        settled = False
        if os.path.exists(alone.image):
            settled = settle_image(alone.image, alone.fs, result, lowers)
            if not settled and not result.foreign_links and not result.opaque_root:
                tree, result = self._unpack_again(position, media_type)  # which can still be changed
                self._ready[position] = media_type, tree, result
                alone.discard()
                alone = tree
        if not settled and not os.path.exists(alone.image):
            settled = settle(alone.fs, result, lowers, userxattr=self._userxattr)
        if settled:
            return alone, result
        mounted = mount_images(lowers)
        stacked = self._snapshots.stage()
        try:
            blob = self._reopen(position)
            again = apply_on_top(self._unpacker, stacked, lowers, blob, media_type, userxattr=self._userxattr)
            self._check(position, again)
            settle_again(stacked.fs, result, lowers, userxattr=self._userxattr)
        except BaseException:
            stacked.discard()
            raise
        finally:
            unmount_images(mounted)
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
