"""docker's archive: what was written comes back, in every layout docker has had."""

from __future__ import annotations

import bz2
import io
import json
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.archives import MadeSource, contents, copy, docker_files, files_tar, tar_files
from tests.support.images import Compression, Image, Style, directory, entry, image, index, symlink, tar

from pallet.archive.detect import Archive, open_archive
from pallet.archive.docker_writer import DockerArchiveSink
from pallet.errors import Integrity, InvalidInput, InvalidReference, NotFound
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import parse_index
from pallet.oci.manifest import parse_manifest

LOWER = tar([directory("etc/"), entry("etc/lower", b"lower" * 3000)])
UPPER = tar([entry("etc/upper", b"upper" * 2000)])
TAG = "example/app:1"


def save(*images: tuple[MadeSource, list[str]]) -> bytes:
    out = io.BytesIO()
    sink = DockerArchiveSink(out)
    for source, names in images:
        copy(source, sink, *names)
    sink.finish()
    return out.getvalue()


def load(archive: bytes, tmp_path: Path) -> Archive:
    return open_archive(io.BytesIO(archive), str(tmp_path))


def old_archive(made: Image, layers: list[tuple[str, bytes]], tags: list[str] | None = None) -> bytes:
    return files_tar(docker_files(made, tags or [], layers))


@pytest.mark.parametrize("style", ["oci", "docker"])
@pytest.mark.parametrize("compression", ["plain", "gzip"])
def test_stored_blobs_go_in_and_come_out_as_they_are(style: Style, compression: Compression, tmp_path: Path) -> None:
    made = image([LOWER, UPPER], style=style, compression=compression)
    archive = save((MadeSource(made), [TAG]))
    files = tar_files(archive)
    for blob in (made.manifest, *made.blobs()):
        assert files["blobs/sha256/" + blob.digest[7:]] == blob.data
    with load(archive, tmp_path) as opened:
        (found,) = opened.images
        assert [name.familiar for name in found.names] == [TAG]
        expected = {blob.digest: blob.data for blob in (made.manifest, *made.blobs())}
        assert contents(found) == expected


def test_the_archive_depends_on_the_images_alone() -> None:
    made = image([LOWER, UPPER])
    assert save((MadeSource(made), [TAG])) == save((MadeSource(made), [TAG]))
    with tarfile.open(fileobj=io.BytesIO(save((MadeSource(made), [TAG])))) as opened:
        members = opened.getmembers()
    assert {member.mtime for member in members} == {0}
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}


def test_zstd_layers_become_plain_and_the_manifest_says_so(tmp_path: Path) -> None:
    made = image([LOWER, UPPER], compression=["gzip", "zstd"])
    archive = save((MadeSource(made), [TAG]))
    (item,) = json.loads(tar_files(archive)["manifest.json"])
    assert item["Layers"] == ["blobs/sha256/" + made.layers[0].digest[7:], "blobs/sha256/" + made.diff_ids[1][7:]]
    with load(archive, tmp_path) as opened:
        (found,) = opened.images
        root = found.source.root()
        manifest = parse_manifest(found.source.read_manifest(root))
        assert manifest.config.digest == made.config.digest
        assert [layer.media_type.rpartition(".")[2] for layer in manifest.layers] == ["tar+gzip", "tar"]
        assert manifest.layers[1].digest == made.diff_ids[1]
        assert contents(found)[made.diff_ids[1]] == UPPER


def test_the_bytes_tell_zstd_when_the_media_type_is_wrong() -> None:
    true = image([LOWER], compression="zstd")
    wrong = json.loads(true.manifest.data)
    wrong["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip"
    blob = true.manifest.__class__(true.manifest.media_type, json.dumps(wrong).encode())
    made = Image(blob, true.config, true.layers, true.diff_ids, true.platform)
    assert "blobs/sha256/" + made.diff_ids[0][7:] in tar_files(save((MadeSource(made), [TAG])))


def test_progress_counts_the_stored_bytes() -> None:
    made = image([LOWER, UPPER], compression=["gzip", "zstd"])
    moved = copy(MadeSource(made), DockerArchiveSink(io.BytesIO()), TAG)
    assert sum(moved) == sum(len(blob.data) for blob in made.blobs())


def test_several_images_and_names_share_blobs(tmp_path: Path) -> None:
    both, one = image([LOWER, UPPER]), image([LOWER], config={"Cmd": ["/bin/one"]})
    archive = save((MadeSource(both), [TAG, "example/app:2"]), (MadeSource(one), ["localhost:5000/one:latest"]))
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened_tar:
        names = opened_tar.getnames()
    assert len(names) == len(set(names))
    items = json.loads(tar_files(archive)["manifest.json"])
    assert [item["RepoTags"] for item in items] == [[TAG, "example/app:2"], ["localhost:5000/one:latest"]]
    with load(archive, tmp_path) as opened:
        assert [[str(name) for name in found.names] for found in opened.images] == [
            ["docker.io/example/app:1", "docker.io/example/app:2"],
            ["localhost:5000/one:latest"],
        ]
        assert opened.select("example/app:2").source.root().digest == both.manifest.digest
        assert opened.select("localhost:5000/one:latest").source.root().digest == one.manifest.digest
        with pytest.raises(NotFound, match="2 images: one must be named"):
            opened.select("")


def test_an_image_without_a_name(tmp_path: Path) -> None:
    made = image([LOWER])
    archive = save((MadeSource(made), []))
    assert json.loads(tar_files(archive)["manifest.json"])[0]["RepoTags"] is None
    with load(archive, tmp_path) as opened:
        assert opened.images[0].names == ()
        assert opened.select("").source.root().digest == made.manifest.digest


def test_a_digest_is_no_name() -> None:
    made = image([LOWER])
    archive = tar_files(save((MadeSource(made), [f"example/app@{made.manifest.digest}"])))
    assert json.loads(archive["manifest.json"])[0]["RepoTags"] is None
    assert "annotations" not in json.loads(archive["index.json"])["manifests"][0]


def test_a_whole_index_stays_and_docker_gets_the_platform_of_this_machine(tmp_path: Path) -> None:
    from pallet.platform import host

    here = host().architecture
    other = "s390x" if here != "s390x" else "amd64"
    mine = image([LOWER], architecture=here)
    made = index([image([UPPER], architecture=other), mine])
    archive = save((MadeSource(made), [TAG]))
    (item,) = json.loads(tar_files(archive)["manifest.json"])
    assert item["Config"] == "blobs/sha256/" + mine.config.digest[7:]
    with load(archive, tmp_path) as opened:
        source = opened.images[0].source
        assert source.root().digest == made.root.digest
        assert source.read_manifest(source.root()) == made.root.data


def test_an_index_of_which_only_one_image_is_here_gives_that_image(tmp_path: Path) -> None:
    kept = image([LOWER], architecture="amd64")
    made = index([image([UPPER], architecture="s390x"), kept])
    out = io.BytesIO()
    sink = DockerArchiveSink(out)
    source = MadeSource(made)
    copy(MadeSource(kept), sink, TAG)
    sink.put_manifest(source.root(), made.root.data)
    sink.name(None, source.root())
    sink.finish()
    with load(out.getvalue(), tmp_path) as opened:
        (found,) = opened.images
        assert found.source.root().digest == kept.manifest.digest


def test_an_index_with_a_zstd_image_is_written_anew(tmp_path: Path) -> None:
    made = index([image([UPPER], architecture="s390x"), image([LOWER], architecture="amd64", compression="zstd")])
    with load(save((MadeSource(made), [TAG])), tmp_path) as opened:
        source = opened.images[0].source
        found = parse_index(source.read_manifest(source.root()))
        assert [child.platform and child.platform.architecture for child in found.manifests] == ["s390x", "amd64"]
        for child in found.manifests:
            source.read_manifest(child)


def test_naming_what_is_not_there_fails() -> None:
    made = MadeSource(image([LOWER]))
    sink = DockerArchiveSink(io.BytesIO())
    sink.name(None, made.root())
    with pytest.raises(NotFound, match="the manifest is missing"):
        sink.finish()
    sink.put_manifest(made.root(), made.read_manifest(made.root()))
    with pytest.raises(NotFound, match=r"its blob sha256:[0-9a-f]{64} is missing"):
        sink.finish()


def test_damaged_blobs_are_noticed() -> None:
    made = image([LOWER])
    source = MadeSource(made)
    layer = parse_manifest(made.manifest.data).layers[0]
    lying = Descriptor(layer.media_type, layer.digest, layer.size - 1)
    with pytest.raises(Integrity):
        DockerArchiveSink(io.BytesIO()).put_blob(lying, source, lambda count: None)


def test_a_raw_stream_that_takes_a_little_at_a_time() -> None:
    class Trickle(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def write(self, data: bytes | memoryview, /) -> int:  # type: ignore[override]
            taken = bytes(data[:700])
            self.data += taken
            return len(taken)

    made, out = image([LOWER, UPPER]), Trickle()
    sink = DockerArchiveSink(out)
    copy(MadeSource(made), sink, TAG)
    sink.finish()
    assert out.data == save((MadeSource(made), [TAG]))


# The layouts of docker before 25, of podman and of skopeo: layers anywhere.


def test_the_old_layout_with_linked_layers(tmp_path: Path) -> None:
    made = image([LOWER, UPPER, LOWER], compression="plain", style="docker")
    files = docker_files(made, [TAG], [("a/layer.tar", LOWER), ("b/layer.tar", UPPER), ("c/layer.tar", b"")])
    del files["c/layer.tar"]
    entries = [entry(name, data) for name, data in files.items()]
    archive = tar([*entries, directory("c/"), symlink("c/layer.tar", "../a/layer.tar")])
    with load(archive, tmp_path) as opened:
        (found,) = opened.images
        assert [name.familiar for name in found.names] == [TAG]
        root = found.source.root()
        manifest = parse_manifest(found.source.read_manifest(root), root.media_type)
        assert manifest.config.digest == made.config.digest
        assert [layer.digest for layer in manifest.layers] == list(made.diff_ids)
        assert {layer.media_type for layer in manifest.layers} == {made.layers[0].media_type}
        assert contents(found)[made.diff_ids[1]] == UPPER


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_compressed_layers_keep_their_bytes(compression: Compression, tmp_path: Path) -> None:
    made = image([LOWER], compression=compression, style="docker")
    with load(old_archive(made, [("x.tar", made.layers[0].data)]), tmp_path) as opened:
        (found,) = opened.images
        root = found.source.root()
        manifest = parse_manifest(found.source.read_manifest(root), root.media_type)
        assert manifest.layers[0].media_type == made.layers[0].media_type
        assert contents(found)[made.layers[0].digest] == made.layers[0].data


@pytest.mark.parametrize("pack", [lzma.compress, bz2.compress])
def test_layers_without_a_media_type_are_inflated(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    made = image([LOWER], style="docker")
    with load(old_archive(made, [("x.tar", pack(LOWER))]), tmp_path) as opened:
        assert contents(opened.images[0])[made.diff_ids[0]] == LOWER
    assert list(tmp_path.iterdir()) == []


def test_a_layer_that_is_not_what_the_config_says_fails_when_it_is_checked(tmp_path: Path) -> None:
    made = image([LOWER], style="docker", compression="plain")
    with load(old_archive(made, [("x.tar", UPPER)]), tmp_path) as opened, pytest.raises(Integrity):
        contents(opened.images[0])


def test_wrong_number_of_layers(tmp_path: Path) -> None:
    made = image([LOWER, UPPER])
    with pytest.raises(InvalidInput, match=r"^invalid manifest, layers length mismatch: expected 1, got 2$"):
        load(old_archive(made, [("x.tar", LOWER)]), tmp_path)


def test_a_missing_layer(tmp_path: Path) -> None:
    made = image([LOWER])
    files = docker_files(made, [], [("x/layer.tar", LOWER)])
    del files["x/layer.tar"]
    with pytest.raises(NotFound, match=r"open x/layer\.tar: no such file or directory"):
        load(files_tar(files), tmp_path)


@pytest.mark.parametrize(
    ("tag", "error"), [("up/Case:1", InvalidReference), ("a:b:c", InvalidReference), ("untagged", InvalidInput)]
)
def test_bad_names_are_refused(tag: str, error: type[Exception], tmp_path: Path) -> None:
    made = image([LOWER], compression="plain")
    with pytest.raises(error):
        load(old_archive(made, [("x.tar", LOWER)], [tag]), tmp_path)
