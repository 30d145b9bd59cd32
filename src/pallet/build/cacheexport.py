"""`--cache-to`: a build's results for other builds, in a registry, a directory, or in the image itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from pallet.archive.files import Directory, read_whole
from pallet.archive.oci_reader import INDEX, LAYOUT, REF_NAME
from pallet.archive.oci_writer import OciLayoutSink
from pallet.archive.tar_stream import LAYOUT_DOCUMENT
from pallet.build.cacheformat import CONFIG, CacheLayer, cache_config, cache_root, inline_records
from pallet.build.cachespec import CacheTo
from pallet.build.layers import Layer
from pallet.build.recompress import recompressed
from pallet.build.shared import Shared
from pallet.content import CHUNK_SIZE, MANIFEST_LIMIT, ImageSink, ImageSource
from pallet.digest import Digest
from pallet.errors import NotFound, PalletError
from pallet.host.files import write_atomic
from pallet.oci import media
from pallet.oci.descriptor import Descriptor, describe
from pallet.oci.index import make_index, parse_index
from pallet.ops.copy import Words, copy_blobs
from pallet.ops.store_source import StoreSource
from pallet.registry.sink import RegistrySink

_WORDS = Words("", "Pushing", (), "")


def export_caches(shared: Shared, tops: Sequence[Layer | None]) -> None:
    """Write all caches that were asked for but the inline one; call it when the build's layers have been kept.

    Args:
        shared: the build's parts.
        tops: the uppermost layer of each result.

    Raises:
        Unauthorized, Forbidden, Unavailable: as a registry answers.
        HostError: a directory cannot be written.
    """
    for target in shared.options.cache_to:
        if target.type == "inline":
            continue
        with shared.journal.step(f"exporting cache to {target.name}") as step:
            try:
                _export(shared, tops, target)
            except PalletError as error:
                if not target.ignore_error:
                    raise
                step.log(f"WARNING: no cache to {target.name}: {error.message}\n")


def inline_cache(shared: Shared, top: Layer | None) -> str:
    """What an image's config has to hold for others to find its layers; "" if nobody asked for it."""
    wanted = shared.options.build_args.get("BUILDKIT_INLINE_CACHE", "") in ("1", "true")
    if top is None or not (wanted or any(target.type == "inline" for target in shared.options.cache_to)):
        return ""
    return inline_records(_described(shared, _upwards(top)))


def _export(shared: Shared, tops: Sequence[Layer | None], target: CacheTo) -> None:
    layers = _wanted(shared, tops, everything=target.everything)
    source = _Blobs(shared, layers)
    described = [_typed(layer, oci=target.oci) for layer in _described(shared, layers)]
    if target.compression:
        place = shared.staging().path
        described = [recompressed(layer, target.compression, source, source.files, place) for layer in described]
    raw = cache_config(described)
    config = describe(raw, CONFIG)
    source.raw[config.digest] = raw
    media_type, root = cache_root(described, config, as_index=target.as_index, oci=target.oci)
    blobs = [*(layer.blob for layer in described), config]
    if target.reference is None:
        _to_directory(target, source, blobs, describe(root, media_type), root)
        return
    reference = target.reference.with_default_tag()
    sink = RegistrySink(shared.engine.registry, reference)
    _copy(source, sink, blobs)
    sink.tag(reference, root, media_type)


def _to_directory(target: CacheTo, source: _Blobs, blobs: list[Descriptor], entry: Descriptor, root: bytes) -> None:
    sink = OciLayoutSink(target.path)
    source.raw[entry.digest] = root
    _copy(source, sink, [*blobs, entry])
    try:
        raw = read_whole(Directory(Path(target.path)).find(INDEX), MANIFEST_LIMIT, INDEX)
        others = [each for each in parse_index(raw).manifests if each.annotations.get(REF_NAME) != target.tag]
    except NotFound:
        others = []
    named = msgspec.structs.replace(entry, annotations={REF_NAME: target.tag})
    write_atomic(os.path.join(target.path, LAYOUT), LAYOUT_DOCUMENT, 0o644)
    write_atomic(os.path.join(target.path, INDEX), make_index((*others, named)).raw, 0o644)


def _copy(source: ImageSource, sink: ImageSink, blobs: Iterable[Descriptor]) -> None:
    copy_blobs(source, sink, blobs, words=_WORDS, progress=lambda event: None)


def _wanted(shared: Shared, tops: Sequence[Layer | None], *, everything: bool) -> list[Layer]:
    """The layers that go into the cache, parents first; those of other stages in an order that does not change."""
    found: dict[Digest, Layer] = {}
    heads = [top for top in tops if top is not None]
    if everything:
        heads += sorted(shared.book.records, key=lambda layer: layer.chain_id)
    for head in heads:
        for layer in _upwards(head):
            found.setdefault(layer.chain_id, layer)
    return list(found.values())


def _upwards(top: Layer) -> list[Layer]:
    return list(top.downwards())[::-1]


def _described(shared: Shared, layers: Sequence[Layer]) -> list[CacheLayer]:
    known: dict[Digest, set[Digest]] = {}
    for layer, keys in shared.book.records.items():
        known.setdefault(layer.chain_id, set()).update(keys)
    positions = {layer.chain_id: index for index, layer in enumerate(layers)}
    described = []
    for layer in layers:
        packed, chain = layer.packed, layer.chain_id
        found = known.get(chain, set())
        if found:
            found |= set(shared.engine.store.build_cache.keys_of(chain, packed.blob.digest))
        parent = -1 if layer.parent is None else positions[layer.parent.chain_id]
        described.append(CacheLayer(packed.blob, packed.diff_id, parent, layer.created, tuple(sorted(found))))
    return described


def _typed(layer: CacheLayer, *, oci: bool) -> CacheLayer:
    if not oci:
        return layer
    blob = layer.blob
    plain = Descriptor(media.oci_type(blob.media_type), blob.digest, blob.size)
    return msgspec.structs.replace(layer, blob=plain)


class _Blobs:
    """Where the blobs of an export are: in the store, in another cache, in a file, or in memory: an `ImageSource`."""

    def __init__(self, shared: Shared, layers: Sequence[Layer]) -> None:
        self._store = StoreSource(shared.engine.store.blobs, describe(b"", CONFIG))
        self._has = shared.engine.store.blobs.has
        self._away: Mapping[Digest, ImageSource] = {
            layer.packed.blob.digest: layer.source for layer in layers if layer.source is not None
        }
        self.files: dict[Digest, str] = {}
        self.raw: dict[Digest, bytes] = {}

    def root(self) -> Descriptor:
        """Nothing has a name here."""
        return self._store.root()

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        """A small blob."""
        return b"".join(self.blob_chunks(descriptor))

    def blob_chunks(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """The bytes of a blob."""
        digest = descriptor.digest
        if digest in self.raw:
            yield self.raw[digest][offset:]
        elif digest in self.files:
            with open(self.files[digest], "rb", buffering=0) as file:
                file.seek(offset)
                while piece := file.read(CHUNK_SIZE):
                    yield piece
        else:
            away = None if self._has(digest) else self._away.get(digest)
            yield from (self._store if away is None else away).blob_chunks(descriptor, offset)
