"""Writing images to real registries: what arrives is what skopeo and the registry's own files say."""

from __future__ import annotations

import errno
import itertools
import json
import os
import subprocess
from collections.abc import Iterator

import pytest
from tests.integration.registry.cutting import CuttingProxy
from tests.integration.registry.samples import noise, sample
from tests.integration.registry.uploads import UploadServer
from tests.support import images, need
from tests.support.images import Image
from tests.support.registry import RegistryServer

from pallet.digest import Digest
from pallet.errors import HostError, Integrity, InvalidInput, NotFound, PalletError, Unavailable, Unsupported
from pallet.oci.descriptor import Descriptor
from pallet.oci.manifest import Manifest, parse_manifest
from pallet.reference import Reference, parse
from pallet.registry import upload
from pallet.registry.client import Registry
from pallet.registry.sink import RegistrySink


class Memory:
    """An image source that hands a hand-made image out in chunks of odd sizes."""

    def __init__(self, made: Image, chunk: int = 100_003) -> None:
        self.made = made
        self.chunk = chunk
        self.opened: list[tuple[str, int]] = []
        self._data = {blob.digest: blob.data for blob in made.blobs()}

    def root(self) -> Descriptor:
        manifest = self.made.manifest
        return Descriptor(manifest.media_type, Digest(manifest.digest), len(manifest.data))

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        return self.made.manifest.data

    def blob_chunks(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        self.opened.append((descriptor.digest, offset))
        data = self._data[descriptor.digest]
        for start in range(offset, len(data), self.chunk):
            yield data[start : start + self.chunk]


def parsed(made: Image) -> Manifest:
    return parse_manifest(made.manifest.data)


def push(sink: RegistrySink, made: Image, source: Memory | None = None) -> list[int]:
    """Pushes as the copy does; returns the bytes that were reported."""
    moved: list[int] = []
    manifest = parsed(made)
    for blob in manifest.blobs:
        if not sink.has_blob(blob):
            sink.put_blob(blob, source or Memory(made), moved.append)
    sink.put_manifest(manifest.descriptor, manifest.raw)
    assert sink.tag(sink.reference.with_tag("1"), manifest.raw, manifest.media_type) == manifest.digest
    return moved


def skopeo(host: str, name: str) -> dict[str, object]:
    command = [need("skopeo"), "inspect", "--tls-verify=false", f"docker://{host}/{name}"]
    found: dict[str, object] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


@pytest.mark.parametrize("style", ["oci", "docker"])
def test_skopeo_sees_what_was_pushed(client: Registry, style: images.Style) -> None:
    made = images.image([images.tar([images.entry("a", noise(2_000_000))]), images.tar([])], style=style)
    with RegistryServer() as registry:
        sink = client.sink(parse(f"{registry.host}/team/pushed"))
        moved = push(sink, made)
        assert sum(moved) == sum(len(blob.data) for blob in made.blobs())
        seen = skopeo(registry.host, "team/pushed:1")
        assert seen["Digest"] == made.manifest.digest
        assert seen["Layers"] == [layer.digest for layer in made.layers]
        for blob in made.blobs():
            assert registry.blob_path(blob.digest).read_bytes() == blob.data
        assert push(sink, made) == []


def test_large_blobs_go_in_pieces(client: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "PIECE", 1_000_000)
    made = sample(3_400_000)
    with RegistryServer() as registry:
        push(client.sink(parse(f"{registry.host}/s")), made)
        assert registry.log().count('"PATCH /v2/s/blobs/uploads/') == 4
        assert registry.blob_path(made.layers[0].digest).read_bytes() == made.layers[0].data


def test_sizes_around_the_limit(client: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "AT_ONCE", 10_000)
    monkeypatch.setattr(upload, "PIECE", 20_000)
    for number, size in enumerate((9_999, 10_000, 10_001, 20_000, 20_001, 40_000)):
        blob = images.Blob("application/octet-stream", noise(size, number))
        made = images.Image(blob, blob, (), (), {})
        with RegistryServer() as registry:
            sink = client.sink(parse(f"{registry.host}/s"))
            descriptor = Descriptor(blob.media_type, Digest(blob.digest), size)
            moved: list[int] = []
            sink.put_blob(descriptor, Memory(made, 1_000), moved.append)
            assert registry.blob_path(blob.digest).read_bytes() == blob.data
            assert sum(moved) == size


@pytest.mark.parametrize("cuts", [[1_500_000], [2_000_000, 600_000, 10], [3_000_000, 0, 0]])
def test_broken_uploads_go_on(client: Registry, cuts: list[int]) -> None:
    """This registry (2.8) drops what a broken request brought: the blob is sent again, the progress is not."""
    made = sample(4_000_000)
    with RegistryServer() as registry, CuttingProxy(registry.host, []) as proxy:
        sink = client.sink(parse(f"{proxy.host}/s"))
        blob = parsed(made).layers[0]
        assert not sink.has_blob(blob)
        proxy.cuts[:] = cuts
        moved: list[int] = []
        sink.put_blob(blob, Memory(made), moved.append)
        assert registry.blob_path(blob.digest).read_bytes() == made.layers[0].data
        assert sum(moved) == blob.size
        assert proxy.cuts == []


@pytest.mark.parametrize("cuts", [[1_500_000], [2_000_000, 600_000, 500_000], [70_000, 0, 0]])
def test_broken_uploads_are_resumed(client: Registry, monkeypatch: pytest.MonkeyPatch, cuts: list[int]) -> None:
    """A registry that follows the specification keeps what a broken request brought."""
    monkeypatch.setattr(upload, "PIECE", 3_000_000)
    made = sample(4_000_000)
    source = Memory(made)
    with UploadServer() as registry, CuttingProxy(registry.host, []) as proxy:
        sink = client.sink(parse(f"{proxy.host}/s"))
        blob = parsed(made).layers[0]
        assert not sink.has_blob(blob)
        proxy.cuts[:] = cuts
        moved: list[int] = []
        sink.put_blob(blob, source, moved.append)
        assert registry.blobs[blob.digest] == made.layers[0].data
        assert sum(moved) == blob.size
        assert proxy.cuts == []
        assert registry.sessions_opened == 1
    offsets = [offset for _, offset in source.opened]
    assert offsets == sorted(offsets)
    assert offsets[1] > 0


def test_small_blobs_survive_too(client: Registry) -> None:
    made = sample(300_000)
    with RegistryServer() as registry, CuttingProxy(registry.host, []) as proxy:
        sink = client.sink(parse(f"{proxy.host}/s"))
        blob = parsed(made).layers[0]
        assert not sink.has_blob(blob)
        proxy.cuts[:] = [100_000, 10]
        moved: list[int] = []
        sink.put_blob(blob, Memory(made), moved.append)
        assert registry.blob_path(blob.digest).read_bytes() == made.layers[0].data
        assert sum(moved) == blob.size


def test_a_line_that_is_too_bad(client: Registry) -> None:
    made = sample(2_000_000)
    with RegistryServer() as registry, CuttingProxy(registry.host, []) as proxy:
        sink = client.sink(parse(f"{proxy.host}/s"))
        blob = parsed(made).layers[0]
        assert not sink.has_blob(blob)
        proxy.cuts[:] = [1_000_000] * 50
        with pytest.raises(Unavailable):
            sink.put_blob(blob, Memory(made), lambda _: None)
        assert len(proxy.cuts) > 30


def test_mounts(client: Registry) -> None:
    made = sample()
    with RegistryServer() as registry:
        push(client.sink(parse(f"{registry.host}/first")), made)
        names: list[Reference | str] = [
            f"{registry.host}/none",
            "elsewhere.example/first",
            parse(f"{registry.host}/first"),
        ]
        sink = client.sink(parse(f"{registry.host}/second"), mount_from=lambda _: names)
        assert push(sink, made) == []
        assert {sink.mounted_from(blob) for blob in parsed(made).blobs} == {"first"}
        assert skopeo(registry.host, "second:1")["Digest"] == made.manifest.digest


def test_a_mount_that_fails_is_an_upload(client: Registry) -> None:
    made = sample()
    with RegistryServer() as registry:
        sink = client.sink(
            parse(f"{registry.host}/s"), mount_from=lambda _: [f"{registry.host}/none", f"{registry.host}/none2"]
        )
        assert sum(push(sink, made)) == sum(len(blob.data) for blob in made.blobs())
        assert sink.mounted_from(parsed(made).config) == ""
        assert not list(registry.storage.rglob("_uploads/*/startedat")), "no session is left open"


class Lying(Memory):
    """Hands out other bytes than it says."""

    def __init__(self, made: Image, change: int) -> None:
        super().__init__(made)
        self._change = change

    def blob_chunks(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        data = b"".join(super().blob_chunks(descriptor))
        data = data[:-1] if self._change < 0 else data + b"x" if self._change > 0 else b"\0" * len(data)
        yield data[offset:]


class OnABadDisk(Memory):
    """Cannot be read to its end."""

    def blob_chunks(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        yield from itertools.islice(super().blob_chunks(descriptor, offset), 2)
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_bad_disk_is_not_a_bad_line(client: Registry) -> None:
    made = sample(2_000_000)
    source = OnABadDisk(made)
    with RegistryServer() as registry, pytest.raises(HostError, match="Input/output error"):
        client.sink(parse(f"{registry.host}/s")).put_blob(parsed(made).layers[0], source, lambda _: None)
    assert len(source.opened) == 1


@pytest.mark.parametrize("size", [1_000, 2_500_000])
@pytest.mark.parametrize("change", [-1, 0, 1])
def test_wrong_bytes_are_not_kept(client: Registry, size: int, change: int) -> None:
    made = images.image([images.tar([images.entry("a", noise(size))])], compression="plain")
    blob = parsed(made).layers[0]
    with RegistryServer() as registry:
        sink = client.sink(parse(f"{registry.host}/s"))
        with pytest.raises(Integrity):
            sink.put_blob(blob, Lying(made, change), lambda _: None)
        assert not sink.has_blob(blob)
        assert "DELETE /v2/s/blobs/uploads/" in registry.log(), "the session is cancelled"


def test_manifests_without_their_blobs(client: Registry) -> None:
    made = sample(10)
    with RegistryServer() as registry:
        sink = client.sink(parse(f"{registry.host}/s"))
        with pytest.raises(NotFound, match="manifest blob unknown: "):
            sink.put_manifest(parsed(made).descriptor, made.manifest.data)


def test_read_only_registries(client: Registry) -> None:
    made = sample(10)
    with RegistryServer(readonly=True) as registry:
        sink = client.sink(parse(f"{registry.host}/s"))
        with pytest.raises(Unsupported):
            sink.put_blob(parsed(made).config, Memory(made), lambda _: None)


def test_tags_of_other_repositories(client: Registry) -> None:
    with RegistryServer() as registry:
        sink = client.sink(parse(f"{registry.host}/s"))
        with pytest.raises(InvalidInput):
            sink.tag(parse(f"{registry.host}/t:1"), b"{}", "application/json")


def test_layers_that_may_not_be_distributed_count_as_there(client: Registry) -> None:
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    with RegistryServer() as registry:
        sink = client.sink(parse(f"{registry.host}/s"))
        assert sink.has_blob(Descriptor(foreign, Digest.of(b"x"), 1))
        assert not sink.has_blob(Descriptor("application/octet-stream", Digest.of(b"x"), 1))


def test_pulled_and_pushed_at_once(client: Registry) -> None:
    """From registry to registry, over two bad lines."""
    made = sample(4_000_000)
    with RegistryServer() as first, RegistryServer() as second, CuttingProxy(second.host, [2_000_000]) as proxy:
        images.push(made, first.url, "s", "1")
        source = client.source(parse(f"{first.host}/s:1"))
        sink = client.sink(parse(f"{proxy.host}/copy"))
        manifest = parse_manifest(source.read_manifest(source.root()))
        for blob in manifest.blobs:
            sink.put_blob(blob, source, lambda _: None)
        sink.tag(sink.reference.with_tag("1"), manifest.raw, manifest.media_type)
        assert skopeo(second.host, "copy:1")["Digest"] == made.manifest.digest


def test_nothing_there_to_push_to(client: Registry) -> None:
    made = sample(10)
    sink = client.sink(parse("127.0.0.1:1/deb:1"))
    with pytest.raises(PalletError) as caught:
        sink.put_blob(parsed(made).config, Memory(made), lambda _: None)
    assert caught.value.message == 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'
