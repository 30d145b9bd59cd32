"""Reads docker's archive: `manifest.json` names configs and layers, which may lie anywhere in the tar.

Source: moby, image/spec/v1.2.md, "Combined Image JSON + Filesystem Changeset Format"; the texts are docker load's.
"""

from __future__ import annotations

import os
import re
from hashlib import sha256

import msgspec

from pallet.archive.files import Extent, Files, Memory, Piece, read_whole
from pallet.archive.source import ArchiveImage, ArchiveSource
from pallet.archive.spool import spool
from pallet.archive.streams import ChunkReader
from pallet.content import CONFIG_LIMIT, MANIFEST_LIMIT
from pallet.digest import Digest
from pallet.errors import InvalidInput
from pallet.layer.compress import HEAD, decompressor, detect
from pallet.oci import media
from pallet.oci.codec import decode
from pallet.oci.config import parse_config
from pallet.oci.descriptor import Descriptor
from pallet.oci.mutate import manifest_for
from pallet.reference import Reference, parse

MANIFEST = "manifest.json"
_BLOB = re.compile(r"(?:\./)?blobs/sha256/([0-9a-f]{64})\Z")
_TYPES = {"gzip": media.DOCKER_LAYER_GZIP, "zstd": media.DOCKER_LAYER_ZSTD}


class _Item(msgspec.Struct, frozen=True, rename="pascal"):
    config: str
    repo_tags: tuple[str, ...] | None = None
    layers: tuple[str, ...] | None = None


class _Layer(msgspec.Struct, frozen=True):
    descriptor: Descriptor
    piece: Piece


class DockerReader:
    """Makes images of what `manifest.json` lists. Holds the layers it had to inflate until `close`."""

    def __init__(self, files: Files, spool_dir: str) -> None:
        """
        Args:
            files: the archive.
            spool_dir: where layers go that must be inflated first (xz and bzip2 have no media type).
        """
        self._files = files
        self._spool_dir = spool_dir
        self._inflated: list[int] = []
        self._layers: dict[tuple[str, Digest], _Layer] = {}

    def images(self) -> tuple[ArchiveImage, ...]:
        """The images, in order.

        Raises:
            NotFound: `manifest.json` or a file it names is missing.
            InvalidInput: it, a config or a name is not valid.
        """
        raw = read_whole(self._files.find(MANIFEST), MANIFEST_LIMIT, MANIFEST)
        if raw.strip() == b"null":  # Go's empty list
            return ()
        return tuple(self._image(item) for item in decode(raw, tuple[_Item, ...], MANIFEST))

    def close(self) -> None:
        """Drop the inflated layers."""
        while self._inflated:
            os.close(self._inflated.pop())

    def _image(self, item: _Item) -> ArchiveImage:
        piece = self._files.find(item.config)
        config = parse_config(read_whole(piece, CONFIG_LIMIT, item.config))
        paths = item.layers or ()
        if len(paths) != len(config.diff_ids):
            raise InvalidInput(
                f"invalid manifest, layers length mismatch: expected {len(paths)}, got {len(config.diff_ids)}"
            )
        layers = [self._layer(path, diff_id) for path, diff_id in zip(paths, config.diff_ids, strict=True)]
        manifest = manifest_for(config, tuple(layer.descriptor for layer in layers))
        pieces: dict[Digest, Piece] = {layer.descriptor.digest: layer.piece for layer in layers}
        pieces[config.id] = piece
        pieces[manifest.digest] = Memory(manifest.raw)
        names = dict.fromkeys(_tagged(text) for text in item.repo_tags or ())
        return ArchiveImage(tuple(names), (), ArchiveSource(self._files, manifest.descriptor, pieces))

    def _layer(self, path: str, diff_id: Digest) -> _Layer:
        if (known := self._layers.get((path, diff_id))) is not None:
            return known
        piece = self._files.find(path)
        kind = detect(next(piece.chunks(), b"")[:HEAD])
        if kind == "none":
            # What a plain layer's digest must be, the config says already; whoever keeps the bytes verifies them.
            layer = _Layer(Descriptor(media.DOCKER_LAYER, diff_id, piece.size), piece)
        elif kind in _TYPES:
            blob = _BLOB.match(path)
            digest = Digest.from_hex(blob[1]) if blob else _hash(piece)
            layer = _Layer(Descriptor(_TYPES[kind], digest, piece.size), piece)
        else:
            plain = self._inflate(piece)
            layer = _Layer(Descriptor(media.DOCKER_LAYER, diff_id, plain.size), plain)
        self._layers[path, diff_id] = layer
        return layer

    def _inflate(self, piece: Piece) -> Extent:
        fd, size = spool(decompressor(ChunkReader(piece.chunks())), self._spool_dir)
        self._inflated.append(fd)
        return Extent(fd, 0, size)


def _tagged(text: str) -> Reference:
    name = parse(text)
    if not name.tag:
        raise InvalidInput(f'invalid tag "{text}"')
    return Reference(name.domain, name.path, name.tag)


def _hash(piece: Piece) -> Digest:
    hasher = sha256()
    for chunk in piece.chunks():
        hasher.update(chunk)
    return Digest.from_hex(hasher.hexdigest())
