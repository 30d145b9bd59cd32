"""A layer's blob in another compression: the same tar, another digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator

import msgspec

from pallet.build.cacheformat import CacheLayer
from pallet.build.cachespec import Squeeze
from pallet.content import CHUNK_SIZE, ImageSource, verified
from pallet.digest import Digest
from pallet.errors import HostError, Integrity
from pallet.layer.compress import Compressor, decompressor
from pallet.oci import media
from pallet.oci.descriptor import Descriptor

_TYPES = {
    True: {"uncompressed": media.OCI_LAYER, "gzip": media.OCI_LAYER_GZIP, "zstd": media.OCI_LAYER_ZSTD},
    False: {"uncompressed": media.DOCKER_LAYER, "gzip": media.DOCKER_LAYER_GZIP, "zstd": media.DOCKER_LAYER_ZSTD},
}
_NAMES = {"none": "uncompressed"}


def recompressed(
    layer: CacheLayer, wanted: Squeeze, source: ImageSource, files: dict[Digest, str], place: str
) -> CacheLayer:
    """The layer with its blob compressed as wanted; the same layer if it is so already.

    Args:
        layer: it.
        wanted: the compression.
        source: has the blob.
        files: told of the new blob's file.
        place: a directory for it.

    Raises:
        Integrity: the blob is damaged.
        HostError: the disk is full, ...
    """
    blob = layer.blob
    now = media.compression(blob.media_type)
    if now is not None and _NAMES.get(now, now) == wanted:
        return layer
    path = os.path.join(place, f"{blob.digest.hex}.{wanted}")
    pieces = verified(source.blob_chunks(blob), blob)
    stream = decompressor(_Pieces(pieces), blob.media_type)
    try:
        with open(path, "wb") as file:
            out = _Counted(file.write)
            target = out if wanted == "uncompressed" else Compressor("zstd" if wanted == "zstd" else "gzip", out)
            tar = hashlib.sha256()
            while piece := stream.read(CHUNK_SIZE):
                tar.update(piece)
                target.write(piece)
            if isinstance(target, Compressor):
                target.close()
    except OSError as error:
        raise HostError(f"cannot write {path}: {error.strerror}") from error
    if tar.hexdigest() != layer.diff_id.hex:
        raise Integrity(f"layer {blob.digest} is sha256:{tar.hexdigest()} instead of {layer.diff_id}")
    digest = Digest.from_hex(out.hash.hexdigest())
    files[digest] = path
    media_type = _TYPES["vnd.oci." in blob.media_type][wanted]
    return msgspec.structs.replace(layer, blob=Descriptor(media_type, digest, out.size))


class _Pieces:
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        piece = self._rest or next(self._pieces, b"")
        self._rest = piece[size:]
        return piece[:size]


class _Counted:
    def __init__(self, write: Callable[[bytes | bytearray | memoryview], object]) -> None:
        self._write = write
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | bytearray | memoryview, /) -> object:
        self.hash.update(data)
        self.size += len(data)
        return self._write(data)
