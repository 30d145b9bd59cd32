"""Images made by hand: tar layers and a config become blobs, manifests and indexes, for registries and OCI layouts.

Sources: OCI image specification (manifest, config, index, layout), Docker image manifest v2 schema 2, and the
distribution API for push.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import io
import json
import ssl
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import zstandard

Compression = Literal["plain", "gzip", "zstd"]
Style = Literal["oci", "docker"]

_MEDIA_TYPES: dict[Style, dict[str, str]] = {
    "oci": {
        "manifest": "application/vnd.oci.image.manifest.v1+json",
        "index": "application/vnd.oci.image.index.v1+json",
        "config": "application/vnd.oci.image.config.v1+json",
        "plain": "application/vnd.oci.image.layer.v1.tar",
        "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
        "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
    },
    "docker": {
        "manifest": "application/vnd.docker.distribution.manifest.v2+json",
        "index": "application/vnd.docker.distribution.manifest.list.v2+json",
        "config": "application/vnd.docker.container.image.v1+json",
        "plain": "application/vnd.docker.image.rootfs.diff.tar",
        "gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "zstd": "application/vnd.docker.image.rootfs.diff.tar.zstd",
    },
}


class Blob(msgspec.Struct, frozen=True):
    """Bytes with their media type."""

    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        return "sha256:" + hashlib.sha256(self.data).hexdigest()

    def descriptor(self, **more: Any) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data), **more}


class Image(msgspec.Struct, frozen=True):
    """An image for one platform. `manifest.digest` is its manifest digest, `config.digest` docker's image ID."""

    manifest: Blob
    config: Blob
    layers: tuple[Blob, ...]
    diff_ids: tuple[str, ...]
    platform: dict[str, str]

    @property
    def root(self) -> Blob:
        return self.manifest

    def manifests(self) -> tuple[Blob, ...]:
        return (self.manifest,)

    def blobs(self) -> tuple[Blob, ...]:
        return (self.config, *self.layers)


class Index(msgspec.Struct, frozen=True):
    """An OCI index or docker manifest list over several images."""

    root: Blob
    images: tuple[Image, ...]

    def manifests(self) -> tuple[Blob, ...]:
        return (*(image.manifest for image in self.images), self.root)

    def blobs(self) -> tuple[Blob, ...]:
        return tuple({blob.digest: blob for image in self.images for blob in image.blobs()}.values())


def pack(tar: bytes, compression: Compression) -> bytes:
    """The tar's bytes, compressed; the same bytes every time."""
    if compression == "gzip":
        return gzip.compress(tar, 6, mtime=0)
    if compression == "zstd":
        return zstandard.ZstdCompressor().compress(tar)
    return tar


def image(
    layers: Sequence[bytes],
    *,
    compression: Compression | Sequence[Compression] = "gzip",
    style: Style = "oci",
    config: Mapping[str, Any] | None = None,
    architecture: str = "amd64",
    os: str = "linux",
    variant: str | None = None,
    created: str = "2024-01-02T03:04:05Z",
    annotations: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Image:
    """An image of the given uncompressed tars, lowest first.

    Args:
        config: the execution parameters (Cmd, Env, Labels ...).
        more: other keys of the image config, over what is made here (rootfs, history ...).
    """
    kinds = [compression] * len(layers) if isinstance(compression, str) else list(compression)
    types = _MEDIA_TYPES[style]
    blobs = tuple(Blob(types[kind], pack(tar, kind)) for tar, kind in zip(layers, kinds, strict=True))
    diff_ids = tuple("sha256:" + hashlib.sha256(tar).hexdigest() for tar in layers)
    platform = {"architecture": architecture, "os": os, **({"variant": variant} if variant else {})}
    document: dict[str, Any] = {
        **platform,
        "created": created,
        "config": dict(config or {}),
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        "history": [{"created": created, "created_by": f"layer {number}"} for number in range(len(layers))],
        **(more or {}),
    }
    config_blob = Blob(types["config"], json.dumps(document).encode())
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": types["manifest"],
        "config": config_blob.descriptor(),
        "layers": [blob.descriptor() for blob in blobs],
        **({"annotations": dict(annotations)} if annotations else {}),
    }
    return Image(Blob(types["manifest"], json.dumps(manifest).encode()), config_blob, blobs, diff_ids, platform)


def index(images: Sequence[Image], *, style: Style = "oci") -> Index:
    """An index of images, each under its own platform."""
    types = _MEDIA_TYPES[style]
    entries = [each.manifest.descriptor(platform=each.platform) for each in images]
    document = {"schemaVersion": 2, "mediaType": types["index"], "manifests": entries}
    return Index(Blob(types["index"], json.dumps(document).encode()), tuple(images))


def entry(
    name: str,
    data: bytes = b"",
    *,
    type: bytes = tarfile.REGTYPE,
    mode: int = 0o644,
    uid: int = 0,
    gid: int = 0,
    mtime: float = 1_700_000_000,
    link: str = "",
    device: tuple[int, int] = (0, 0),
    xattrs: Mapping[str, bytes] | None = None,
) -> tuple[tarfile.TarInfo, bytes]:
    """One tar entry and its bytes, for `tar`."""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid, info.mtime, info.linkname = type, mode, uid, gid, mtime, link
    info.devmajor, info.devminor = device
    info.size = len(data)
    found = {"SCHILY.xattr." + key: value.decode("utf-8", "surrogateescape") for key, value in (xattrs or {}).items()}
    info.pax_headers = found
    return info, data


def directory(name: str, mode: int = 0o755, **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.DIRTYPE, mode=mode, **more)


def symlink(name: str, target: str, **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.SYMTYPE, mode=0o777, link=target, **more)


def hardlink(name: str, target: str, **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.LNKTYPE, link=target, **more)


def tar(entries: Iterable[tuple[tarfile.TarInfo, bytes]], *, format: int = tarfile.PAX_FORMAT) -> bytes:
    """The uncompressed tar of the entries, in their order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format, errors="surrogateescape") as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def write_layout(target: Path, made: Image | Index, name: str = "latest") -> None:
    """Writes an OCI image layout, which `skopeo copy oci:DIR:NAME` and others read."""
    folder = target / "blobs/sha256"
    folder.mkdir(parents=True)
    for blob in (*made.blobs(), *made.manifests()):
        (folder / blob.digest.removeprefix("sha256:")).write_bytes(blob.data)
    (target / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    root = made.root.descriptor(annotations={"org.opencontainers.image.ref.name": name})
    document = {"schemaVersion": 2, "manifests": [root]}
    (target / "index.json").write_text(json.dumps(document))


def push(made: Image | Index, url: str, name: str, *tags: str, user: tuple[str, str] | None = None) -> None:
    """Pushes to a registry by its API: blobs, then manifests, then the tags ("latest" when none is given).

    Raises:
        RuntimeError: the registry refuses; the text is its answer.
    """
    scheme, _, host = url.partition("://")
    connection: http.client.HTTPConnection
    if scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, context=context, timeout=30)
    else:
        connection = http.client.HTTPConnection(host, timeout=30)
    basic = base64.b64encode(":".join(user).encode()).decode() if user else ""
    headers = {"Authorization": f"Basic {basic}"} if user else {}

    def ask(method: str, path: str, body: bytes = b"", media_type: str = "application/octet-stream") -> str:
        connection.request(method, path, body, {**headers, "Content-Type": media_type})
        response = connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {answer.decode(errors='replace')}")
        return response.headers.get("Location", "")

    try:
        for blob in made.blobs():
            location = ask("POST", f"/v2/{name}/blobs/uploads/")
            location = location.removeprefix(url)
            ask("PUT", f"{location}{'&' if '?' in location else '?'}digest={blob.digest}", blob.data)
        for manifest in made.manifests():
            ask("PUT", f"/v2/{name}/manifests/{manifest.digest}", manifest.data, manifest.media_type)
        for tag in tags or ("latest",):
            ask("PUT", f"/v2/{name}/manifests/{tag}", made.root.data, made.root.media_type)
    finally:
        connection.close()
