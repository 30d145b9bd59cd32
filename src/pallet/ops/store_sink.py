"""The store as a sink of images: blobs kept and layers unpacked in one pass, the image recorded last."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from types import TracebackType

from pallet.content import Advance, ImageSource
from pallet.digest import Digest
from pallet.engine import Engine
from pallet.host.idmap import in_user_namespace
from pallet.layer.install import Installer, LayerJob
from pallet.layer.unpack import Unpacker
from pallet.layer.worker_process import WorkerProcess
from pallet.oci import media
from pallet.oci.chain import chain_ids
from pallet.oci.config import ImageConfig
from pallet.oci.descriptor import Descriptor
from pallet.oci.manifest import Manifest
from pallet.ops.take_blob import take_blob
from pallet.progress import Event, Progress, silent

_DOWNLOADS = 3  # as docker's max-concurrent-downloads


class StoreSink:
    """Takes one image into the store, as an `ImageSink`. Use it as a context, inside `store.adding()`.

    Args:
        engine: whose store.
        manifest: the image's manifest.
        config: the image's config.
        worker: an unpack worker that was started before, which ends with this if it is used.
    """

    parallel = _DOWNLOADS

    def __init__(
        self, engine: Engine, manifest: Manifest, config: ImageConfig, worker: WorkerProcess | None = None
    ) -> None:
        self._engine = engine
        self._blobs = engine.store.blobs
        self._manifest = manifest
        self._config = config
        self._worker = worker
        self._chain = chain_ids(config.diff_ids)
        self._positions = {layer.digest: position for position, layer in reversed(list(enumerate(manifest.layers)))}
        self._unpacker: Unpacker | None = None
        self._installer: Installer | None = None
        self._taken: set[Digest] = set()

    def __enter__(self) -> StoreSink:
        if not all(self._engine.snapshots.has(chain) for chain in self._chain):
            self._unpacker = Unpacker(max(2, min(_DOWNLOADS, os.cpu_count() or 1)), self._worker)
            self._installer = Installer(
                self._engine.snapshots,
                self._unpacker,
                self._config.diff_ids,
                self._reopen,
                userxattr=in_user_namespace(),
                apart=any(map(self._is_tar, range(len(self._chain)))) and self._engine.leaves_tars_apart,
                images=self._engine.makes_images,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._installer is not None:
            self._installer.close()
        if self._unpacker is not None:
            self._unpacker.__exit__(kind, error, trace)

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Whether the blob is here and, if it is a layer, unpacked."""
        if not self._blobs.has(descriptor.digest):
            return False
        return all(self._engine.snapshots.has(self._chain[position]) for position in self._places(descriptor))

    def put_blob(self, descriptor: Descriptor, source: ImageSource, advance: Advance) -> None:
        """Fetch, verify, keep and unpack one blob; what an interrupted run left is used.

        Raises:
            Integrity: the bytes are not what the descriptor or the config promises.
        """
        self._taken.add(descriptor.digest)
        missing = [place for place in self._places(descriptor) if not self._engine.snapshots.has(self._chain[place])]
        if self._installer is None or not missing:
            self._fetch(descriptor, source, None, advance)
            return
        is_tar = self._is_tar(missing[0])
        with self._installer.begin(missing[0], descriptor.media_type, blob_is_tar=is_tar) as job:
            self._fetch(descriptor, source, job, advance)
            job.finish(self._blobs.path(descriptor.digest))
        # An image may have the same layer twice; each place has its own chain ID.
        for place in missing[1:]:
            with self._installer.begin(place, descriptor.media_type) as job:
                for chunk in self._blobs.chunks(descriptor.digest):
                    job.write(chunk)
                job.finish()

    def put_manifest(self, descriptor: Descriptor, raw: bytes) -> None:
        """Keep a manifest."""
        self._blobs.put(raw)

    def finish(
        self,
        progress: Progress = silent,
        done: str = "",
        *,
        parent: str = "",
        comment: str = "",
        recorded: Callable[[], None] | None = None,
    ) -> Digest:
        """Settle the layers and record the image; return its id.

        Args:
            progress: told `done` for each layer that was not here before, bottom first.
            done: docker's word for a layer that is complete; empty for no report.
            parent: the id of the local image it was made from, if any.
            comment: docker's local comment.
            recorded: called in the transaction that records the image.
        """
        if self._installer is not None:
            self._installer.settle()
        if done:
            for digest in dict.fromkeys(layer.digest for layer in self._manifest.layers):
                if digest in self._taken:
                    progress(Event(done, digest.short))
        self._blobs.put(self._config.raw)
        self._blobs.put(self._manifest.raw)
        self._blobs.sync()
        sizes = tuple(self._engine.snapshots.info(chain).size for chain in self._chain)
        with self._engine.store.db.transaction():
            self._engine.store.images.add(self._config, self._manifest, sizes, parent=parent, comment=comment)
            if recorded is not None:
                recorded()
        return self._config.id

    def _fetch(self, descriptor: Descriptor, source: ImageSource, job: LayerJob | None, advance: Advance) -> None:
        # Another process may be fetching the same blob: while it is awaited, a failed sibling can still stop us.
        take_blob(self._blobs, descriptor, source, advance, None if job is None else job.write)

    def _is_tar(self, position: int) -> bool:
        """Whether a layer's blob is the tar itself."""
        layer = self._manifest.layers[position]
        return layer.digest == self._config.diff_ids[position] and media.compression(layer.media_type) == "none"

    def _places(self, descriptor: Descriptor) -> list[int]:
        if descriptor.digest not in self._positions:
            return []
        return [i for i, layer in enumerate(self._manifest.layers) if layer.digest == descriptor.digest]

    def _reopen(self, position: int) -> Iterator[bytes]:
        return self._blobs.chunks(self._manifest.layers[position].digest)
