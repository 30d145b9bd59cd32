"""The documents of a cache: the container that BuildKit's caches have, so that every registry takes it.

A config lists layers, each with the index of the one below it, and records: a key, and the layer that it leads to. It
is in an image manifest with the same layers, or in an index whose last entry it is; or its records alone are in an
image's config (inline). The keys are pallet's own: neither builder finds anything in the other's caches.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence

import msgspec

from pallet.digest import Digest
from pallet.errors import InvalidInput, Unsupported
from pallet.oci import media
from pallet.oci.codec import decode, encode
from pallet.oci.config import ImageConfig
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import make_index, parse_index
from pallet.oci.manifest import make_manifest, parse_manifest
from pallet.ops.times import parse_rfc3339, rfc3339_nano

CONFIG = "application/vnd.buildkit.cacheconfig.v0"
"""The media type of a cache's config."""
INLINE = "moby.buildkit.cache.v0"
"""The field of an image's config that has an inline cache: base64 of its records."""
_CREATED = "buildkit/createdat"
_DIFF_ID = "containerd.io/uncompressed"


class _Annotations(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    media_type: str = ""
    diff_id: str = msgspec.field(default="", name="diffID")
    size: int = 0
    created_at: str = ""


class _Layer(msgspec.Struct, frozen=True):
    blob: Digest
    parent: int = 0
    annotations: _Annotations = _Annotations()


class _Result(msgspec.Struct, frozen=True, rename="camel"):
    layer: int
    created_at: str = ""


class _Record(msgspec.Struct, frozen=True, omit_defaults=True):
    digest: str = ""
    layers: tuple[_Result, ...] = ()
    inputs: tuple[object, ...] = ()


class _Config(msgspec.Struct, frozen=True):
    layers: tuple[_Layer, ...] = ()
    records: tuple[_Record, ...] = ()


class _WithInline(msgspec.Struct, frozen=True):
    inline: str = msgspec.field(default="", name=INLINE)


class CacheLayer(msgspec.Struct, frozen=True):
    """A layer of a cache.

    Attributes:
        blob: what is stored.
        diff_id: the digest of its tar.
        parent: the index of the layer below, -1 for none.
        created: when it was made, in nanoseconds since 1970.
        keys: what it is found by.
    """

    blob: Descriptor
    diff_id: Digest
    parent: int
    created: int
    keys: tuple[Digest, ...]


def cache_config(layers: Sequence[CacheLayer]) -> bytes:
    """The config of a cache."""
    written = []
    for layer in layers:
        blob, created = layer.blob, rfc3339_nano(layer.created)
        written.append(
            _Layer(blob.digest, layer.parent, _Annotations(blob.media_type, layer.diff_id, blob.size, created))
        )
    return encode(_Config(tuple(written), _records(layers)))


def cache_root(layers: Sequence[CacheLayer], config: Descriptor, *, as_index: bool, oci: bool) -> tuple[str, bytes]:
    """The media type and the bytes of the manifest, or index, over a cache's layers and config."""
    blobs = tuple(
        {
            layer.blob.digest: msgspec.structs.replace(
                layer.blob, annotations={_CREATED: rfc3339_nano(layer.created), _DIFF_ID: layer.diff_id}
            )
            for layer in layers
        }.values()
    )
    if as_index:
        index = make_index((*blobs, config))
        return index.media_type, index.raw
    manifest = make_manifest(config, blobs, media.OCI_MANIFEST if oci else media.DOCKER_MANIFEST)
    return manifest.media_type, manifest.raw


def inline_records(layers: Sequence[CacheLayer]) -> str:
    """What goes into an image's config; the layers are all the image's, bottom first."""
    return base64.b64encode(encode(_records(layers))).decode()


def cache_documents(raw: bytes, media_type: str) -> tuple[Descriptor, Mapping[Digest, Descriptor]] | None:
    """Of a manifest or index that is a cache, the config and the layers by digest; None if it is an image's.

    Raises:
        InvalidInput, Unsupported: it is neither.
    """
    if media.is_index(media_type):
        entries = parse_index(raw, media_type).manifests
        config = next((entry for entry in entries if entry.media_type == CONFIG), None)
        return None if config is None else (config, {entry.digest: entry for entry in entries})
    manifest = parse_manifest(raw, media_type)
    if manifest.config.media_type != CONFIG:
        return None
    return manifest.config, {layer.digest: layer for layer in manifest.layers}


def parse_cache(raw: bytes, blobs: Mapping[Digest, Descriptor]) -> list[CacheLayer]:
    """The layers of a cache's config that are found by a key alone.

    Args:
        raw: the config.
        blobs: the layers of its manifest.

    Raises:
        InvalidInput: it is no such config.
    """
    config = decode(raw, _Config, "the cache config")
    keys = _keys(config.records, len(config.layers))
    found = []
    for index, layer in enumerate(config.layers):
        blob = blobs.get(layer.blob)
        if index not in keys or blob is None or not layer.annotations.diff_id:
            continue
        created, names = keys[index]
        found.append(CacheLayer(blob, Digest.parse(layer.annotations.diff_id), layer.parent, created, names))
    return found


def parse_inline(config: ImageConfig, layers: Sequence[Descriptor]) -> list[CacheLayer] | None:
    """The layers of an image that its inline cache leads to; None if it has no such cache.

    Raises:
        InvalidInput: it is damaged.
        Unsupported: the image's config does not fit its layers.
    """
    text = decode(config.raw, _WithInline, "the image config").inline
    if not text:
        return None
    if len(config.diff_ids) != len(layers):
        raise Unsupported("the image config does not fit its layers")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"the inline cache is not valid: {error}") from error
    keys = _keys(decode(raw, tuple[_Record, ...], "the inline cache"), len(layers))
    return [
        CacheLayer(layers[index], config.diff_ids[index], index - 1, created, names)
        for index, (created, names) in keys.items()
    ]


def _records(layers: Sequence[CacheLayer]) -> tuple[_Record, ...]:
    return tuple(
        _Record(key, (_Result(index, rfc3339_nano(layer.created)),))
        for index, layer in enumerate(layers)
        for key in layer.keys
    )


def _keys(records: Sequence[_Record], count: int) -> dict[int, tuple[int, tuple[Digest, ...]]]:
    """For each layer, when it was made, and the keys that lead to it."""
    found: dict[int, tuple[int, tuple[Digest, ...]]] = {}
    for record in records:
        if record.inputs or not record.layers:
            continue  # BuildKit's own: found through other records
        result = record.layers[0]
        if 0 <= result.layer < count:
            created, keys = found.get(result.layer, (parse_rfc3339(result.created_at), ()))
            found[result.layer] = created, (*keys, Digest.parse(record.digest))
    return found
