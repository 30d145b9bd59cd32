"""Reads an OCI image layout. Source: OCI image spec 1.1, image-layout.md."""

from __future__ import annotations

import msgspec

from pallet.archive.files import Files, read_whole
from pallet.archive.source import ArchiveImage, ArchiveSource
from pallet.content import MANIFEST_LIMIT
from pallet.digest import Digest
from pallet.errors import InvalidReference, NotFound, Unsupported
from pallet.oci import media
from pallet.oci.codec import decode
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import parse_index
from pallet.reference import Reference, parse

INDEX = "index.json"
LAYOUT = "oci-layout"
LAYOUT_VERSION = "1.0.0"
REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
_LAYOUT_LIMIT = 64 * 1024


class _Layout(msgspec.Struct, frozen=True, rename="camel"):
    image_layout_version: str


def layout_images(files: Files) -> tuple[ArchiveImage, ...]:
    """The images of an OCI layout, in the order of its index; each once, with all its names.

    Raises:
        NotFound: there is no `index.json`.
        InvalidInput: `index.json` or `oci-layout` is damaged.
        Unsupported: a layout of another version.
    """
    _check_version(files)
    index = parse_index(read_whole(files.find(INDEX), MANIFEST_LIMIT, INDEX))
    roots: dict[Digest, Descriptor] = {}
    names: dict[Digest, dict[Reference, None]] = {}
    labels: dict[Digest, dict[str, None]] = {}
    for entry in index.manifests:
        # The spec: what is of an unknown type must be ignored.
        if not media.is_manifest(entry.media_type) and not media.is_index(entry.media_type):
            continue
        roots.setdefault(entry.digest, Descriptor(entry.media_type, entry.digest, entry.size))
        name = _name(entry)
        if name is not None:
            names.setdefault(entry.digest, {})[name] = None
        if label := entry.annotations.get(REF_NAME):
            labels.setdefault(entry.digest, {})[label] = None
    return tuple(
        ArchiveImage(tuple(names.get(digest, ())), tuple(labels.get(digest, ())), ArchiveSource(files, root))
        for digest, root in roots.items()
    )


def _check_version(files: Files) -> None:
    try:
        raw = read_whole(files.find(LAYOUT), _LAYOUT_LIMIT, LAYOUT)
    except NotFound:
        return  # the index alone says enough
    version = decode(raw, _Layout, LAYOUT).image_layout_version
    if version != LAYOUT_VERSION:
        raise Unsupported(f"unsupported OCI image layout version {version!r}")


def _name(entry: Descriptor) -> Reference | None:
    """The entry's name: containerd's and docker's full one, or a ref.name that is more than a bare tag.

    A bare word could be a tag as well as a repository, so it names nothing. Nor does a digest: it is the content's.
    """
    text = entry.annotations.get(CONTAINERD_NAME) or entry.annotations.get(REF_NAME, "")
    if "/" not in text and ":" not in text:
        return None
    try:
        found = parse(text).with_default_tag()
    except InvalidReference:
        return None  # the spec's grammar for ref.name is wider than that of image names
    return Reference(found.domain, found.path, found.tag) if found.tag else None
