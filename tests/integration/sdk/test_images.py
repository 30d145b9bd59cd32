"""Images from Python: a busybox system imported, tagged, pushed, pulled, saved, loaded, removed."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import assert_type

import pytest
from tests.integration.sdk.conftest import engine_of
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer

import pallet
from pallet.errors import Conflict, InvalidInput, NoSuchImage, NotFound


@pytest.fixture
def box(engine: pallet.Engine, busybox_tar: Path) -> pallet.Image:
    """busybox as `box:1`, in the engine's store."""
    changes = ['CMD ["sh"]', "LABEL stage=test"]
    return engine.images.import_(busybox_tar, "box", tag="1", changes=changes, message="made here")


def test_an_imported_image_tells_about_itself(engine: pallet.Engine, box: pallet.Image) -> None:
    assert box.tags == ["box:1"]
    assert box.labels == {"stage": "test"}
    assert box.short_id == box.id[:19]
    assert repr(box) == "<Image: 'box:1'>"
    assert box.attrs["RepoTags"] == ["box:1"]
    assert box.attrs["Config"]["Cmd"] == ["sh"]
    (step,) = box.history()
    assert (step["Comment"], step["Id"], step["Tags"]) == ("made here", box.id, ["box:1"])
    assert step["Size"] == box.attrs["Size"] > 100_000
    for name in ("box:1", box.id, box.id[7:19]):
        found = engine.images.get(name)
        assert found == box
        assert hash(found) == hash(box)
    with pytest.raises(NoSuchImage, match="No such image: box:latest"):
        engine.images.get("box")


def test_names_come_and_go(engine: pallet.Engine, box: pallet.Image) -> None:
    assert box.tag("other.example/box", tag="2") is True
    box.tag("box:3")
    assert box.tags == box.attrs["RepoTags"] == ["box:1", "box:3", "other.example/box:2"]
    with pytest.raises(Conflict, match="must be forced"):
        box.remove()
    engine.images.remove("box:3")
    engine.images.remove("other.example/box:2")
    assert engine.images.list() == [box]
    engine.images.remove(box)
    assert engine.images.list(all=True) == []
    assert box.tags == []
    assert repr(box) == f"<Image: '{box.short_id}'>"
    with pytest.raises(NoSuchImage):
        box.reload()


def test_lists_are_filtered(engine: pallet.Engine, box: pallet.Image, busybox_tar: Path) -> None:
    bare = engine.images.import_(busybox_tar.read_bytes())
    assert engine.images.list() == [bare, box]
    assert engine.images.list("box") == engine.images.list("b?x:1") == [box]
    assert engine.images.list(filters={"dangling": True}) == [bare]
    assert engine.images.list(filters={"label": ["stage=test"]}) == [box]
    assert engine.images.list(filters={"since": "box:1"}) == [bare]
    assert engine.images.prune(dry_run=True)["ImagesDeleted"] == [{"Deleted": bare.id}]
    pruned = engine.images.prune()
    assert pruned["ImagesDeleted"][0] == {"Deleted": bare.id}
    assert engine.images.list() == [box]
    assert engine.images.prune(all=True, protect=["box"])["ImagesDeleted"] == []


def test_an_image_goes_to_a_registry_and_comes_back(
    engine: pallet.Engine, box: pallet.Image, registry: RegistryServer, make_pallet: Callable[..., PalletCLI]
) -> None:
    name = f"{registry.host}/sdk/box"
    box.tag(name, tag="1")
    box.tag(name, tag="2")
    told: list[str] = []
    text = assert_type(engine.images.push(name, tag="1", progress=lambda event: told.append(event.status)), str)
    assert "Pushed" in told
    assert [json.loads(line)["status"] for line in text.splitlines()[:-1]] == told
    digest = json.loads(text.splitlines()[-1])["aux"]["Digest"]
    again = [*engine.images.push(f"{name}:2", stream=True, decode=True)]
    assert again[0] == {"status": f"The push refers to repository [{name}]"}
    assert again[-1]["aux"] == {"Tag": "2", "Digest": digest, "Size": again[-1]["aux"]["Size"]}
    assert all(json.loads(line) for line in engine.images.push(f"{name}:2", stream=True))
    with pytest.raises(NotFound, match="box:3"):
        engine.images.push(name, tag="3")

    with engine_of(make_pallet("second")) as second:
        events: list[pallet.Event] = []
        image = assert_type(second.images.pull(name, tag="1", progress=events.append), pallet.Image)
        assert image == box
        assert {"Pull complete", f"Digest: {digest}"} <= {event.status for event in events}
        assert image.attrs["RepoDigests"] == [f"{name}@{digest}"]
        assert second.images.pull(name, tag=digest) == box
        assert assert_type(second.images.pull(name, all_tags=True), list[pallet.Image]) == [box]
        assert image.tags == [f"{name}:1", f"{name}:2"]
        with pytest.raises(NotFound, match="manifest"):
            second.images.pull(name, tag="4")
        with pytest.raises(NotFound, match="tag does not exist"):
            list(second.images.push(name, tag="3", stream=True))

        data = second.images.get_registry_data(f"{name}:2")
        assert (data.id, data.short_id, data.attrs["Descriptor"]["digest"]) == (digest, digest[:19], digest)
        assert data.has_platform("linux")
        assert data.has_platform({"os": "linux"})
        assert not data.has_platform("linux/s390x")
        second.images.remove(box, force=True)
        assert data.pull() == box
        with pytest.raises(NotFound):
            second.images.get_registry_data(f"{name}:4")


def index_of(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return {member.name: opened.extractfile(member).read() for member in opened if member.isreg()}  # type: ignore[union-attr]


def test_a_saved_image_loads(
    engine: pallet.Engine, box: pallet.Image, make_pallet: Callable[..., PalletCLI], tmp_path: Path
) -> None:
    box.tag("box:2")
    path = tmp_path / "box.tar"
    with path.open("wb") as file:
        for chunk in box.save(chunk_size=65536, named=True):
            assert len(chunk) <= 65536
            file.write(chunk)
    assert json.loads(index_of(path.read_bytes())["manifest.json"])[0]["RepoTags"] == ["box:1"]
    with engine_of(make_pallet("second")) as second:
        assert second.images.load(path) == second.images.load(str(path)) == [box]
        assert second.images.get(box.id).tags == ["box:1"]
        assert second.images.load(box.save(named="box:2")) == [box]
        assert second.images.get(box.id).tags == ["box:1", "box:2"]
        second.images.remove(box, force=True)
        assert second.images.load(b"".join(box.save())) == [box]
        assert second.images.get(box.id).tags == []
        with path.open("rb") as file:
            assert second.images.load(file) == [box]
    layout = index_of(b"".join(box.save(format="oci-archive")))
    assert "oci-layout" in layout
    assert "manifest.json" not in layout
    with pytest.raises(InvalidInput, match="box:3 is not a tag of the image: it has box:1, box:2"):
        box.save(named="box:3")
    with pytest.raises(InvalidInput, match="unknown format"):
        box.save(format="zip")
    engine.images.remove(box, force=True)
    with pytest.raises(NoSuchImage):
        box.save()


def test_a_damaged_blob_is_told_while_saving(engine: pallet.Engine, box: pallet.Image) -> None:
    (layer,) = engine.store.images.layers_of(engine.store.images.resolve(box.id).image)
    blob = Path(engine.settings.root) / "blobs" / "sha256" / layer.digest.hex
    blob.chmod(0o600)
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(data)
    with pytest.raises(pallet.errors.Integrity):
        list(box.save())


def test_a_half_read_archive_leaves_no_thread(box: pallet.Image) -> None:
    before = threading.active_count()
    stream = box.save(chunk_size=1024)
    assert len(next(stream)) == 1024
    assert threading.active_count() == before + 1
    stream.close()
    assert threading.active_count() == before


def test_threads_read_while_another_writes(engine: pallet.Engine, box: pallet.Image) -> None:
    wrong: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                assert engine.images.list("box") == [box]
                assert "box:1" in engine.images.get("box:1").attrs["RepoTags"]
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(20):
        box.tag("box", tag=f"n{number}")
        engine.images.remove(f"box:n{number}")
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
