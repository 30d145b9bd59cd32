"""Images of a user without privileges."""

from __future__ import annotations

import io
import json
import stat
import tarfile
from collections.abc import Callable

import pytest
from tests.support import images
from tests.support.registry import RegistryServer
from tests.support.unprivileged import User


def _odd_layers() -> list[bytes]:
    """Owners in the range, a device, whiteouts, an opaque directory."""
    base = [
        images.directory("etc"),
        images.entry("etc/gone", b"x"),
        images.entry("etc/shadow", b"secret", mode=0o640, gid=42),
        images.directory("srv"),
        images.entry("srv/old", b"old"),
        images.directory("home"),
        images.directory("home/app", uid=1000, gid=1000),
        images.entry("home/app/file", b"mine", uid=1000, gid=1000, mode=0o600),
        images.entry("null", type=tarfile.CHRTYPE, device=(1, 3), mode=0o666),
    ]
    top = [
        images.directory("etc"),
        images.entry("etc/.wh.gone"),
        images.directory("srv"),
        images.entry("srv/.wh..wh..opq"),
        images.entry("srv/new", b"new"),
    ]
    return [images.tar(base), images.tar(top)]


def _exported(tar: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return {info.name: info for info in archive}


def test_pull_and_push_and_the_files_of_others(user: User, registry: RegistryServer) -> None:
    images.push(images.image(_odd_layers()), registry.url, "rootless/odd", "1")
    address = registry.url.removeprefix("http://")
    name = f"{address}/rootless/odd:1"
    user.ok("pull", name)
    user.ok("create", "--name", "odd", name, "true")
    tree = _exported(user.pallet("export", "odd").raw)
    assert {"etc/gone", "srv/old"}.isdisjoint(tree)
    assert tree["srv/new"].size == 3
    assert (tree["etc/shadow"].gid, tree["etc/shadow"].mode) == (42, 0o640)
    assert (tree["home/app/file"].uid, tree["home/app/file"].gid) == (1000, 1000)
    assert "null" not in tree  # no device can be made without privileges
    user.ok("rm", "odd")
    again = f"{address}/rootless/odd:2"
    user.ok("tag", name, again)
    user.ok("push", again)
    assert user.ok("system", "check") == ""
    user.ok("rmi", name, again)


def test_save_load_and_import(user: User) -> None:
    saved = user.pallet("save", "box").raw
    config = json.loads(user.ok("image", "inspect", "box"))[0]["Id"]
    user.ok("tag", "box", "kept")
    user.ok("rmi", "box")
    assert user.ok("load", stdin=saved) == "Loaded image: box:latest"
    assert json.loads(user.ok("image", "inspect", "box"))[0]["Id"] == config
    user.ok("rmi", "kept")
    assert "Imported from" in user.ok("history", "box")


def test_files_are_the_subordinate_ids(user: User) -> None:
    snapshots = user.home / ".local/share/pallet/snapshots"
    owners = {path.lstat().st_uid for path in snapshots.glob("*/fs/**/*")}
    assert user.uid in owners
    assert 0 not in owners
    assert stat.S_IMODE(snapshots.stat().st_mode) == 0o700


def test_without_subordinate_ids_all_is_the_users_own(make_user: Callable[..., User]) -> None:
    poor = make_user("poor", ranges=False)
    tar = images.tar([images.directory("d", uid=1000, gid=1000), images.entry("d/f", b"1", uid=7, gid=7)])
    done = poor.pallet("import", "-", "odd", stdin=tar)
    assert done.code == 0, done.stderr
    assert f"{poor.name} has no range of ids in /etc/subuid" in done.stderr
    assert "odd" in poor.ok("image", "ls")
    saved = poor.pallet("save", "odd")
    assert saved.code == 0
    with tarfile.open(fileobj=io.BytesIO(saved.raw)) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        layer = archive.extractfile(json.loads(manifest.read())[0]["Layers"][0])
        assert layer is not None
        assert _exported(layer.read())["d/f"].uid == 7  # what is kept and passed on is the layer as it came


def test_an_owner_beyond_the_range_is_told(user: User) -> None:
    tar = images.tar([images.entry("far", b"", uid=5_000_000)])
    done = user.pallet("import", "-", "far", stdin=tar)
    assert done.code == 1
    assert "the owner 5000000:0 of 'far' is beyond this user's ids in /etc/subuid and /etc/subgid" in done.stderr


@pytest.mark.parametrize("words", [("image", "ls"), ("ps", "-a"), ("version",), ("inspect", "box"), ("info",)])
def test_what_reads_records_needs_no_namespace(user: User, words: tuple[str, ...]) -> None:
    traced = user("sh", "-c", 'exec "$@"', "sh", *(user.argv("x")[:1]), "-X", "importtime", "-m", "pallet", *words)
    assert traced.code == 0, traced.stderr
    assert "pallet.host.userns" not in traced.stderr


def test_info_says_rootless(user: User) -> None:
    assert "name=rootless" in user.ok("info", "--format", "{{.SecurityOptions}}")
