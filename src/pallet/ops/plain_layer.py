"""A new layer on top of layers that are here whose tar is its blob, as it is.

`pack_layers` compresses it if it leaves this machine. Where images can be mounted with their tar apart, the blob is at
the same time what the layer's files are read from: its bytes are written once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType

from pallet.content import CHUNK_SIZE
from pallet.digest import Digest
from pallet.engine import Engine
from pallet.host.idmap import in_user_namespace
from pallet.layer.install import Installer
from pallet.layer.unpack import Unpacker
from pallet.oci import media
from pallet.oci.descriptor import Descriptor

EMPTY_TAR = Digest.of(bytes(1024))
"""The diff ID of a layer that changes nothing: it is no layer."""


class PlainLayerMaker:
    """Takes a layer's tar. Use it as a context, inside `store.adding()`; leaving it without `finish` drops everything.

    The worker that unpacks the layer also hashes and keeps it.

    Args:
        engine: whose store.
        parents: the diff IDs of the layers below, bottom first; they are unpacked.
    """

    def __init__(self, engine: Engine, parents: Sequence[Digest]) -> None:
        self._engine = engine
        self._parents = parents
        self._stack = ExitStack()

    def __enter__(self) -> PlainLayerMaker:
        engine = self._engine
        with self._stack as stack:
            self._blob = stack.enter_context(engine.store.blobs.new())
            unpacker = stack.enter_context(Unpacker(workers=1))
            installer = Installer(
                engine.snapshots,
                unpacker,
                self._parents,
                self._reopen,
                userxattr=in_user_namespace(),
                apart=engine.leaves_tars_apart,
                images=engine.makes_images,
            )
            self._installer = stack.enter_context(installer)
            job = installer.begin(len(self._parents), media.DOCKER_LAYER, keep=self._blob.fileno())
            self._job = stack.enter_context(job)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take the next bytes of the tar; errors as `finish`."""
        self._job.write(data)

    def finish(self) -> Descriptor:
        """End the layer, keep its blob, and make what was unpacked visible (of a tar that is not `EMPTY_TAR`).

        Returns:
            The blob; its digest is the layer's diff ID, too.

        Raises:
            Integrity, UnsafeArchive: it is no tar, or a hostile one.
            HostError: the disk is full, ...
        """
        made = self._job.finish_new(self._blob.path)
        diff_id = Digest(made.diff_id)
        self._blob.adopt(diff_id, made.tar_size)
        if diff_id != EMPTY_TAR:
            self._installer.settle()
        return Descriptor(media.DOCKER_LAYER, diff_id, made.tar_size)

    def _reopen(self, position: int) -> Iterator[bytes]:
        with open(self._blob.path, "rb", buffering=0) as file:
            while chunk := file.read(CHUNK_SIZE):
                yield chunk
