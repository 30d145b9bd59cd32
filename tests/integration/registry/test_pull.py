"""Reading images from registries that work, and from one that does not."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.integration.registry.samples import MakeClient, mirrors, noise, sample
from tests.support import images, refusing_port
from tests.support.faulty import Fault, FaultyRegistry
from tests.support.images import Blob
from tests.support.registry import RegistryServer

from pallet.content import verified
from pallet.digest import Digest
from pallet.errors import Integrity, InvalidInput, NotFound, Unavailable
from pallet.oci.config import parse_config
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import parse_index
from pallet.oci.manifest import Manifest, parse_manifest
from pallet.reference import parse
from pallet.registry.client import Registry
from pallet.registry.source import RegistrySource

MANIFEST = images.image([]).manifest.media_type


def read(source: RegistrySource, descriptor: Descriptor, offset: int = 0) -> bytes:
    return b"".join(source.blob_chunks(descriptor, offset))


def manifest_of(source: RegistrySource) -> Manifest:
    return parse_manifest(source.read_manifest(source.root()))


def test_a_whole_image_from_a_real_registry(client: Registry) -> None:
    made = sample()
    with RegistryServer() as registry:
        images.push(made, registry.url, "team/sample", "1")
        source = client.source(parse(f"{registry.host}/team/sample:1"))
        root = source.root()
        assert (root.digest, root.size, root.media_type) == (made.manifest.digest, len(made.manifest.data), MANIFEST)
        manifest = manifest_of(source)
        assert source.read_manifest(manifest.config) == made.config.data
        assert parse_config(made.config.data).diff_ids == made.diff_ids
        for layer, blob in zip(manifest.layers, made.layers, strict=True):
            assert b"".join(verified(source.blob_chunks(layer), layer)) == blob.data
        assert read(source, manifest.layers[0], 1_000_000) == made.layers[0].data[1_000_000:]
        assert registry.log().count("GET /v2/team/sample/manifests/1 ") == 1


def test_by_digest(client: Registry) -> None:
    made = sample(10)
    with RegistryServer() as registry:
        images.push(made, registry.url, "s", "1")
        source = client.source(parse(f"{registry.host}/s:nosuchtag@{made.manifest.digest}"))
        assert source.root().digest == made.manifest.digest


def test_an_index(client: Registry) -> None:
    made = images.index([sample(10), sample(10, seed=2)])
    with RegistryServer() as registry:
        images.push(made, registry.url, "s")
        source = client.source(parse(f"{registry.host}/s"))
        index = parse_index(source.read_manifest(source.root()))
        for entry, image in zip(index.manifests, made.images, strict=True):
            assert source.read_manifest(entry) == image.manifest.data


def test_tags_of_a_real_registry(client: Registry) -> None:
    with RegistryServer() as registry:
        images.push(sample(10), registry.url, "s", "b", "a", "c")
        assert sorted(client.tags(parse(f"{registry.host}/s"))) == ["a", "b", "c"]
        with pytest.raises(NotFound) as caught:
            client.tags(parse(f"{registry.host}/none"))
    assert caught.value.message == (
        f"repository {registry.host}/none not found: name unknown: repository name not known to registry"
    )


def test_texts_of_docker(client: Registry) -> None:
    with RegistryServer() as registry:
        host = registry.host
        for name in (f"{host}/foo:latest", f"{host}/foo@sha256:{1:064}"):
            with pytest.raises(NotFound) as caught:
                client.source(parse(name)).root()
            assert caught.value.message == f"manifest for {name} not found: manifest unknown: manifest unknown"
        absent = Descriptor(MANIFEST, Digest.of(b"x"), 1)
        with pytest.raises(NotFound) as caught:
            read(client.source(parse(f"{host}/foo")), absent)
        assert caught.value.message == "blob unknown: blob unknown to registry"


def test_nobody_listens(client: Registry) -> None:
    with refusing_port() as port, pytest.raises(Unavailable) as caught:
        client.source(parse(f"127.0.0.1:{port}/foo")).root()
    assert caught.value.message == (
        f'Get "http://127.0.0.1:{port}/v2/": dial tcp 127.0.0.1:{port}: connect: connection refused'
    )


class Setting:
    """A misbehaving registry with one image, and a source for it."""

    def __init__(self, registry: FaultyRegistry, client: Registry) -> None:
        self.made = sample(3_000_000)
        registry.add("s", self.made)
        self.registry = registry
        self.source = client.source(parse(f"{registry.host}/s"))
        self.layer = manifest_of(self.source).layers[0]
        self.data = self.made.layers[0].data

    def ranges(self) -> list[str]:
        return [each.headers.get("range", "") for each in self.registry.asked("/blobs/")]


@pytest.fixture
def setting(client: Registry) -> Iterator[Setting]:
    with FaultyRegistry() as registry:
        yield Setting(registry, client)


@pytest.mark.parametrize("reset", [False, True])
def test_broken_connections_are_resumed(setting: Setting, reset: bool) -> None:
    for size in (1_000_000, 700_000, 0):
        setting.registry.fault("/blobs/", Fault(drop_after=size, reset=reset))
    assert read(setting.source, setting.layer) == setting.data
    first, *others = setting.ranges()
    assert first == ""
    starts = [int(value.removeprefix("bytes=").removesuffix("-")) for value in others if value]
    assert starts == sorted(starts)
    assert len(setting.ranges()) == 4
    if not reset:  # after a reset, what the kernel had not handed over yet is lost
        assert starts == [1_000_000, 1_700_000, 1_700_000]


@pytest.mark.parametrize("fault", [Fault(no_range=True), Fault(wrong_range=True)])
def test_servers_that_start_again(setting: Setting, fault: Fault) -> None:
    setting.registry.fault("/blobs/", Fault(drop_after=1_000_001))
    setting.registry.fault("/blobs/", fault)
    assert read(setting.source, setting.layer) == setting.data


def test_a_stalled_connection_is_resumed(setting: Setting) -> None:
    setting.registry.fault("/blobs/", Fault(drop_after=500_000, stall=4))
    assert read(setting.source, setting.layer) == setting.data


def test_patience_ends(setting: Setting) -> None:
    setting.registry.fault("/blobs/", Fault(drop_after=0), times=None)
    with pytest.raises(Unavailable):
        read(setting.source, setting.layer)
    assert len(setting.ranges()) == 5


def test_an_end_without_length(setting: Setting) -> None:
    setting.registry.fault("/blobs/", Fault(no_length=True, drop_after=1_234_567))
    assert read(setting.source, setting.layer) == setting.data


def test_too_many_bytes(setting: Setting) -> None:
    setting.registry.fault("/blobs/", Fault(pad=1))
    with pytest.raises(Integrity, match="more than the promised"):
        read(setting.source, setting.layer)


def test_wrong_bytes_are_found_by_who_keeps_them(setting: Setting) -> None:
    setting.registry.fault("/blobs/", Fault(corrupt=True))
    with pytest.raises(Integrity, match="the content has the digest"):
        b"".join(verified(setting.source.blob_chunks(setting.layer), setting.layer))


def test_blobs_are_never_decoded(client: Registry) -> None:
    """A gzip layer that a server also declares as gzip-encoded must arrive as it is."""
    data = gzip.compress(noise(300_000))
    blob = Blob("application/vnd.oci.image.layer.v1.tar+gzip", data)

    class Encoding(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if self.path.startswith("/v2/s/blobs/"):
                self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            else:
                self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Encoding)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        source = client.source(parse(f"127.0.0.1:{server.server_address[1]}/s"))
        assert read(source, Descriptor(blob.media_type, Digest(blob.digest), len(data))) == data
    finally:
        server.shutdown()
        server.server_close()


def test_endless_bodies_are_cut(client: Registry) -> None:
    """Neither manifests, tokens, errors nor blobs are read for ever."""
    sent: list[int] = []

    class Endless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/v2/":
                self.send_response(200)
                self.end_headers()
                return
            self.send_response(404 if "nosuch" in self.path else 200)
            self.end_headers()
            count = 0
            try:
                while count < 200_000_000:
                    count += self.wfile.write(b"{" * 65536)
            except OSError:
                pass
            sent.append(count)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    host = f"127.0.0.1:{server.server_address[1]}"
    try:
        with pytest.raises(Integrity, match="larger than the 4194304 bytes allowed"):
            client.source(parse(f"{host}/s")).root()
        with pytest.raises(NotFound, match="404 Not Found"):
            client.source(parse(f"{host}/nosuch")).root()
        with pytest.raises(Integrity, match="more than the promised 1000 bytes"):
            read(client.source(parse(f"{host}/s")), Descriptor("x", Digest.of(b""), 1000))
        with pytest.raises(Integrity, match="larger than"):
            client.tags(parse(f"{host}/s"))
    finally:
        server.shutdown()
        server.server_close()
    assert len(sent) == 4
    assert max(sent) < 20_000_000


def test_manifests_are_verified(client: Registry) -> None:
    made = sample(10)
    other = Digest.of(b"other")
    with FaultyRegistry() as registry:
        registry.add("s", made)
        registry.add_manifest("s", other, made.manifest)
        registry.add_manifest("s", "large", Blob(MANIFEST, made.manifest.data + b" " * 5_000_000))
        registry.add_manifest("s", "both", Blob(MANIFEST, b'{"schemaVersion":2,"layers":[],"manifests":[]}'))
        registry.add_manifest("s", "junk", Blob(MANIFEST, b"<html>"))
        registry.fault("/manifests/lying", Fault(digest_header=str(other)))
        registry.add_manifest("s", "lying", made.manifest)
        for name, kind in (
            (f"@{other}", Integrity),
            (":large", Integrity),
            (":both", Integrity),
            (":junk", InvalidInput),
            (":lying", Integrity),
        ):
            with pytest.raises(kind):
                client.source(parse(f"{registry.host}/s{name}")).root()


@pytest.mark.parametrize("said", ["application/octet-stream", "text/plain; charset=utf-8", MANIFEST + "; x=y", ""])
def test_the_document_says_what_it_is(client: Registry, said: str) -> None:
    with FaultyRegistry() as registry:
        registry.add("s", sample(10))
        registry.fault("/manifests/", Fault(media_type=said))
        assert client.source(parse(f"{registry.host}/s")).root().media_type == MANIFEST


def test_broken_manifests_are_asked_for_again(client: Registry) -> None:
    with FaultyRegistry() as registry:
        registry.add("s", sample(10))
        for _ in range(2):
            registry.fault("/manifests/", Fault(drop_after=100))
        assert client.source(parse(f"{registry.host}/s")).root()
        registry.fault("/manifests/", Fault(drop_after=100), times=None)
        with pytest.raises(Unavailable):
            client.source(parse(f"{registry.host}/s")).root()
        assert len(registry.asked("/manifests/")) == 3 + 5


def test_a_busy_registry_is_asked_again(client: Registry) -> None:
    with FaultyRegistry() as registry:
        registry.add("s", sample(10))
        registry.fault("/manifests/", Fault(status=429, retry_after="1"))
        registry.fault("/manifests/", Fault(status=503))
        assert client.source(parse(f"{registry.host}/s")).root()
        assert len(registry.asked("/manifests/")) == 3


def test_a_registry_that_is_busy_for_long_is_not_waited_for(client: Registry) -> None:
    with FaultyRegistry() as registry:
        registry.add("s", sample(10))
        registry.fault("/manifests/", Fault(status=429, retry_after="3600"))
        with pytest.raises(Unavailable) as caught:
            client.source(parse(f"{registry.host}/s")).root()
        assert caught.value.message == "unknown: as the test wants it"
        assert len(registry.asked("/manifests/")) == 1


def test_several_threads(setting: Setting) -> None:
    for _ in range(4):
        setting.registry.fault("/blobs/", Fault(drop_after=900_000))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: read(setting.source, setting.layer), range(4)))
    assert found == [setting.data] * 4


class TestMirrors:
    def test_the_first_that_has_it(self, make_client: MakeClient) -> None:
        made = sample(10)
        with FaultyRegistry() as empty, FaultyRegistry() as full, FaultyRegistry() as origin, refusing_port() as port:
            full.add("path/library/s", made)
            origin.add("library/s", sample(10, seed=2))
            dead = f"http://127.0.0.1:{port}"
            client = make_client(configuration=mirrors("docker.io", dead, empty.url, full.url + "/path", origin.url))
            source = client.source(parse("s"))
            manifest = manifest_of(source)
            assert manifest.digest == made.manifest.digest
            assert read(source, manifest.layers[0]) == made.layers[0].data
            assert not origin.requests
            assert len(empty.asked("/manifests/")) == 1
            assert not empty.asked("/blobs/")

    def test_a_mirror_without_the_blob_or_that_breaks_off(self, make_client: MakeClient) -> None:
        made = sample()
        with FaultyRegistry() as mirror, FaultyRegistry() as other:
            mirror.add("library/s", made)
            other.add("library/s", made)
            client = make_client(configuration=mirrors("docker.io", mirror.url, other.url))
            source = client.source(parse("s"))
            layers = manifest_of(source).layers
            mirror.fault("/blobs/", Fault(drop_after=400_000), times=1)
            mirror.fault("/blobs/", Fault(status=404), times=1)
            assert read(source, layers[0]) == made.layers[0].data
            assert [each.headers.get("range") for each in other.asked("/blobs/")] == ["bytes=400000-"]

    def test_a_mirror_that_lies(self, make_client: MakeClient) -> None:
        made = sample(10)
        with FaultyRegistry() as mirror, FaultyRegistry() as other:
            mirror.add_manifest("library/s", made.manifest.digest, Blob(MANIFEST, b'{"schemaVersion":2}'))
            other.add("library/s", made)
            client = make_client(configuration=mirrors("docker.io", mirror.url, other.url))
            source = client.source(parse(f"s@{made.manifest.digest}"))
            assert manifest_of(source).digest == made.manifest.digest

    def test_tags(self, make_client: MakeClient) -> None:
        with FaultyRegistry() as mirror, refusing_port() as port:
            mirror.add("library/s", sample(10), "1", "2")
            dead = f"http://127.0.0.1:{port}"
            client = make_client(configuration=mirrors("docker.io", dead, mirror.url))
            assert client.tags(parse("s")) == ["1", "2"]


class TestForeignLayers:
    TYPE = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

    def layer(self, registry: FaultyRegistry, made: images.Image, media_type: str) -> Descriptor:
        blob = made.layers[0]
        # Nothing listens on port 1, and no test can get it.
        urls = ("http://127.0.0.1:1/dead", f"{registry.url}/v2/s/blobs/{blob.digest}")
        return Descriptor(media_type, Digest(blob.digest), len(blob.data), urls)

    def test_are_read_from_their_urls_without_credentials(self, client: Registry) -> None:
        made = sample()
        with FaultyRegistry() as registry, FaultyRegistry() as elsewhere:
            registry.add("s", images.image([]))
            elsewhere.add("s", made)
            elsewhere.fault("/blobs/", Fault(drop_after=500_000))
            source = client.source(parse(f"{registry.host}/s"))
            assert read(source, self.layer(elsewhere, made, self.TYPE)) == made.layers[0].data
            assert [each.authorization for each in elsewhere.requests] == [None, None]

    def test_no_other_layer_is(self, client: Registry) -> None:
        made = sample(10)
        with FaultyRegistry() as registry, FaultyRegistry() as elsewhere:
            registry.add("s", images.image([]))
            elsewhere.add("s", made)
            with pytest.raises(NotFound):
                read(client.source(parse(f"{registry.host}/s")), self.layer(elsewhere, made, made.layers[0].media_type))
            assert not elsewhere.requests
