"""The OCI layout, as a directory and as a tar, there and back."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from tests.support.archives import MadeSource, contents, copy, files_tar, tar_files
from tests.support.images import Style, entry, image, index, tar, write_layout

from pallet.archive.detect import open_archive
from pallet.archive.oci_writer import OciArchiveSink, OciLayoutSink
from pallet.errors import Integrity, InvalidInput, NotFound, Unsupported
from pallet.oci.descriptor import Descriptor
from pallet.oci.manifest import parse_manifest

LAYER = tar([entry("etc/file", b"file" * 3000)])
TAG = "example/app:1"
REF_NAME = "org.opencontainers.image.ref.name"


def in_tar(made: MadeSource, *names: str) -> bytes:
    out = io.BytesIO()
    sink = OciArchiveSink(out)
    copy(made, sink, *names)
    sink.finish()
    return out.getvalue()


def test_a_directory_there_and_back(tmp_path: Path) -> None:
    made = image([LAYER], compression="zstd")
    sink = OciLayoutSink(tmp_path / "new" / "layout")
    copy(MadeSource(made), sink, TAG)
    sink.finish()
    with open_archive(tmp_path / "new" / "layout", str(tmp_path)) as opened:
        (found,) = opened.images
        assert [str(name) for name in found.names] == ["docker.io/example/app:1"]
        assert found.labels == ("1",)
        assert contents(found) == {blob.digest: blob.data for blob in (made.manifest, *made.blobs())}
    assert json.loads((tmp_path / "new/layout/oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    hidden = list((tmp_path / "new").rglob(".*"))
    assert hidden == []
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "new").rglob("*") if path.is_file()} == {0o644}


def test_a_tar_there_and_back(tmp_path: Path) -> None:
    made = index([image([LAYER]), image([LAYER], architecture="arm64", variant="v8")])
    with open_archive(io.BytesIO(in_tar(MadeSource(made), TAG, "example/app:2")), str(tmp_path)) as opened:
        (found,) = opened.images
        assert [name.familiar for name in found.names] == [TAG, "example/app:2"]
        root = found.source.root()
        assert (root.media_type, root.digest) == (made.root.media_type, made.root.digest)
        assert found.source.read_manifest(root) == made.root.data


@pytest.mark.parametrize("style", ["oci", "docker"])
def test_manifests_are_of_oci_s_types_and_the_image_id_stays(style: Style, tmp_path: Path) -> None:
    made = index([image([LAYER], style=style, architecture=name) for name in ("amd64", "s390x")], style=style)
    files = tar_files(in_tar(MadeSource(made), TAG))
    types = {
        json.loads(data).get("mediaType")
        for name, data in files.items()
        if name.startswith("blobs/") and data.startswith(b"{") and b'"schemaVersion"' in data
    }
    assert types == {"application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"}
    for each in made.images:
        assert files["blobs/sha256/" + each.config.digest[7:]] == each.config.data
    if style == "oci":
        assert files["blobs/sha256/" + made.root.digest[7:]] == made.root.data


def test_a_layout_gains_images_and_names_move(tmp_path: Path) -> None:
    first, second = image([LAYER]), image([LAYER], config={"Cmd": ["second"]})
    layout = tmp_path / "layout"
    write_layout(layout, first, "kept")
    for made, name in ((first, TAG), (first, "example/app:2"), (second, TAG)):
        sink = OciLayoutSink(layout)
        blobs = parse_manifest(made.manifest.data).blobs
        assert sink.has_blob(blobs[1])
        copy(MadeSource(made), sink, name)
        sink.finish()
    with open_archive(layout, str(tmp_path)) as opened:
        assert opened.select("kept").source.root().digest == first.manifest.digest
        assert opened.select("example/app:2").source.root().digest == first.manifest.digest
        assert opened.select(TAG).source.root().digest == second.manifest.digest
        with pytest.raises(NotFound, match="the archive has no image example/app:3"):
            opened.select("example/app:3")


def test_a_damaged_blob_is_not_kept(tmp_path: Path) -> None:
    made = image([LAYER])
    layer = parse_manifest(made.manifest.data).layers[0]
    sink = OciLayoutSink(tmp_path / "layout")
    with pytest.raises(Integrity):
        sink.put_blob(Descriptor(layer.media_type, layer.digest, layer.size + 1), MadeSource(made), lambda count: None)
    assert [path for path in (tmp_path / "layout").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("annotations", "names"),
    [
        ({REF_NAME: "latest"}, []),
        ({REF_NAME: "ubuntu"}, []),
        ({REF_NAME: "ubuntu:18.04"}, ["docker.io/library/ubuntu:18.04"]),
        ({REF_NAME: "quay.io/a/b"}, ["quay.io/a/b:latest"]),
        ({REF_NAME: "Not/A+Name"}, []),
        ({REF_NAME: "1", "io.containerd.image.name": "quay.io/a/b:1"}, ["quay.io/a/b:1"]),
        ({"io.containerd.image.name": "ubuntu@sha256:" + "a" * 64}, []),
        ({}, []),
    ],
)
def test_names_in_annotations(annotations: dict[str, str], names: list[str], tmp_path: Path) -> None:
    made = image([LAYER])
    write_layout(tmp_path / "layout", made)
    document = {"schemaVersion": 2, "manifests": [made.manifest.descriptor(annotations=annotations)]}
    (tmp_path / "layout/index.json").write_text(json.dumps(document))
    with open_archive(tmp_path / "layout", str(tmp_path)) as opened:
        assert [str(name) for name in opened.images[0].names] == names


def test_unknown_entries_are_passed_over(tmp_path: Path) -> None:
    made = image([LAYER])
    write_layout(tmp_path / "layout", made)
    other = {"mediaType": "application/xml", "digest": "sha256:" + "1" * 64, "size": 1}
    document = {"schemaVersion": 2, "manifests": [other, made.manifest.descriptor()]}
    (tmp_path / "layout/index.json").write_text(json.dumps(document))
    with open_archive(tmp_path / "layout", str(tmp_path)) as opened:
        assert [image.source.root().digest for image in opened.images] == [made.manifest.digest]


def test_another_version_is_refused(tmp_path: Path) -> None:
    write_layout(tmp_path / "layout", image([LAYER]))
    (tmp_path / "layout/oci-layout").write_text('{"imageLayoutVersion":"2.0.0"}')
    with pytest.raises(Unsupported, match=r"version '2\.0\.0'"):
        open_archive(tmp_path / "layout", str(tmp_path))


def test_a_missing_or_changed_blob(tmp_path: Path) -> None:
    made = image([LAYER])
    write_layout(tmp_path / "layout", made)
    manifest = tmp_path / "layout/blobs/sha256" / made.manifest.digest[7:]
    with open_archive(tmp_path / "layout", str(tmp_path)) as opened:
        source = opened.images[0].source
        manifest.write_bytes(made.manifest.data.replace(b"layer", b"LAYER"))
        with pytest.raises(Integrity):
            source.read_manifest(source.root())
        manifest.unlink()
        with pytest.raises(NotFound):
            source.read_manifest(source.root())
        manifest.mkdir()
        with pytest.raises(NotFound, match="not a regular file"):
            source.read_manifest(source.root())


def test_directories_that_are_no_layout(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(InvalidInput, match=r"has no index\.json"):
        open_archive(tmp_path, str(tmp_path))


@pytest.mark.parametrize("document", [b"", b"{}", b"[]", b'{"schemaVersion":1,"manifests":[]}', b"null", b"{" * 9999])
def test_damaged_indexes(document: bytes, tmp_path: Path) -> None:
    with pytest.raises((InvalidInput, Unsupported)):
        open_archive(io.BytesIO(files_tar({"index.json": document})), str(tmp_path))
