"""A new layer on top of layers that are here: its tar is compressed into a blob and unpacked side by side."""

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
from pallet.ops.new_layer import LayerWriter, NewLayer

EMPTY_TAR = Digest.of(bytes(1024))
"""The diff ID of a layer that changes nothing: it is no layer."""


class LayerMaker:
    """Takes a layer's tar as it is made. Use it as a context, inside `store.adding()`.

    Leaving it without `finish` drops everything.

    Args:
        engine: whose store.
        parents: the diff IDs of the layers below, bottom first; they are unpacked.
    """

    def __init__(self, engine: Engine, parents: Sequence[Digest]) -> None:
        self._blobs = engine.store.blobs
        self._engine = engine
        self._parents = parents
        self._blob: Descriptor | None = None
        self._stack = ExitStack()

    def __enter__(self) -> LayerMaker:
        engine = self._engine
        with self._stack as stack:
            unpacker = stack.enter_context(Unpacker(workers=1))
            images = engine.makes_images
            installer = Installer(
                engine.snapshots, unpacker, self._parents, self._reopen, userxattr=in_user_namespace(), images=images
            )
            self._installer = stack.enter_context(installer)
            self._job = stack.enter_context(installer.begin(len(self._parents), media.DOCKER_LAYER, plain=True))
            self._writer = stack.enter_context(LayerWriter(self._blobs, hashed=False))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take the next bytes of the tar.

        Raises:
            Integrity, UnsafeArchive: it is no tar, or a hostile one.
            HostError, OSError: the blob cannot be written.
        """
        self._writer.write(data)
        self._job.write(data)

    def finish(self) -> NewLayer:
        """End the layer, keep its blob, and make what was unpacked visible (of a tar that is not `EMPTY_TAR`).

        Raises:
            Integrity, UnsafeArchive: as `write`.
            HostError, OSError: the disk is full, ...
        """
        self._blob = self._writer.finish_blob()
        diff_id = Digest(self._job.finish_new().diff_id)
        if diff_id != EMPTY_TAR:
            self._installer.settle()
        return NewLayer(self._blob, diff_id)

    def _reopen(self, position: int) -> Iterator[bytes]:
        assert self._blob is not None, "only a finished layer is read again"
        with self._blobs.open(self._blob.digest) as file:
            while chunk := file.read(CHUNK_SIZE):
                yield chunk
