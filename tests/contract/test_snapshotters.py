"""Both kinds of snapshots, trees and EROFS images: what a whole image looks like through a mounted overlay.

Odd layers are included. What is right is what containerd's archive package leaves when it applies the layers one on top
of the other.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pallet.digest import Digest
from pallet.errors import Integrity, NotFound, UnsafeArchive
from pallet.host.erofs import mounted_images
from pallet.host.mounts import mount_overlay, run_in_mount_namespace
from pallet.layer.erofs.probe import why_no_images
from pallet.layer.install import Installer
from pallet.layer.merged import write_layers
from pallet.layer.snapshots import Snapshots
from pallet.layer.unpack import Unpacker
from pallet.oci.chain import chain_ids
from pallet.oci.media import OCI_LAYER

pytestmark = pytest.mark.root

TIME = 1_500_000_000


@pytest.fixture(params=["trees", "images"])
def images(request: pytest.FixtureRequest, tmp_path: Path) -> bool:
    """Whether layers become EROFS images."""
    if request.param == "images" and (reason := why_no_images(str(tmp_path))):
        pytest.skip(reason)
    return bool(request.param == "images")


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(str(tmp_path / "root"))


@pytest.fixture(scope="module")
def unpacker() -> Iterator[Unpacker]:
    with Unpacker(workers=2) as pool:
        yield pool


def entry(name: str, content: bytes | None = None, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A file with `content`, or whatever `fields` say; a directory if the name ends in a slash."""
    info = tarfile.TarInfo(name.rstrip("/"))
    info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
    info.mode = 0o755 if name.endswith("/") else 0o644
    info.mtime = TIME
    info.size = len(content or b"")
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content or b""


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.SYMTYPE, linkname=target)


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.LNKTYPE, linkname=target)


def make_tar(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def install(snapshots: Snapshots, unpacker: Unpacker, layers: Sequence[bytes], images: bool) -> Digest:
    """Install these layers, the top one first to show that order does not matter; give the top chain ID."""
    diff_ids = [Digest.of(layer) for layer in layers]
    with Installer(
        snapshots, unpacker, diff_ids, lambda position: iter([layers[position]]), images=images
    ) as installer:
        for position in reversed(range(len(layers))):
            if not installer.has(position):
                with installer.begin(position, OCI_LAYER) as job:
                    job.write(layers[position])
                    job.finish()
        infos = installer.settle()
    chain = chain_ids(diff_ids)
    assert [info.chain_id for info in infos] == list(chain)
    assert [info.diff_id for info in infos] == diff_ids
    return chain[-1]


LOOK = """
import json, os, stat, subprocess, sys, tempfile
from pallet.host.erofs import mount_images
lowers = sys.argv[1:]
mount_images(lowers)
top = tempfile.mkdtemp()
try:
    options = "lowerdir=" + ":".join([*lowers, top] if len(lowers) == 1 else lowers)
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, top], check=True)
    seen = {}
    for directory, names, files in os.walk(top):
        for path in [directory] if directory == top else []:
            names = [""] + names
        for name in names + files:
            path = os.path.join(directory, name) if name else top
            s = os.lstat(path)
            seen[os.path.relpath(path, top)] = {
                "kind": stat.filemode(s.st_mode)[0], "mode": stat.S_IMODE(s.st_mode), "uid": s.st_uid, "gid": s.st_gid,
                "mtime": s.st_mtime_ns // 10**9, "nlink": s.st_nlink,
                "content": open(path).read() if stat.S_ISREG(s.st_mode) else
                           os.readlink(path) if stat.S_ISLNK(s.st_mode) else None,
                "xattrs": {x: os.getxattr(path, x, follow_symlinks=False).decode("latin-1")
                           for x in os.listxattr(path, follow_symlinks=False)},
            }
    json.dump(seen, sys.stdout)
    subprocess.run(["umount", top], check=True)
finally:
    os.rmdir(top)
"""


def look(snapshots: Snapshots, chain: Digest) -> dict[str, dict[str, Any]]:
    """What a container on this chain would see, in a mount namespace of its own."""
    command = ["unshare", "--mount", sys.executable, "-c", LOOK, *snapshots.lower_dirs(chain)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    seen: dict[str, dict[str, Any]] = json.loads(done.stdout)
    look_without_mounting(snapshots.lower_dirs(chain))
    return seen


def look_without_mounting(lowers: Sequence[str]) -> None:
    """Layers that are read as they lie give the same tar as through the kernel."""
    read, mounted = io.BytesIO(), io.BytesIO()
    write_layers(lowers, read)
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as point:

        def look() -> None:
            with mounted_images(lowers):
                mount_overlay([*lowers, empty], None, None, point, readonly=True)
            write_layers([point], mounted)

        run_in_mount_namespace(look)
    assert read.getvalue() == mounted.getvalue()


Seen = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture
def seen(snapshots: Snapshots, unpacker: Unpacker, tmp_path: Path, images: bool) -> Iterator[Seen]:
    def see(*layers: bytes) -> dict[str, dict[str, Any]]:
        return look(snapshots, install(snapshots, unpacker, layers, images))

    yield see
    assert os.listdir(tmp_path / "root" / "staging") == []
    mounts = Path("/proc/self/mountinfo").read_text()
    assert str(tmp_path) not in mounts


BASE = make_tar(
    entry("./", mode=0o711, mtime=TIME - 9),
    entry("etc/", mode=0o750, uid=7, gid=8, mtime=TIME - 5, pax_headers={"SCHILY.xattr.user.mine": "yes"}),
    entry("etc/deep/", mode=0o1777, uid=9, mtime=TIME - 6),
    entry("etc/deep/old", b"old"),
    entry("etc/passwd", b"root", mode=0o4600, uid=3),
    entry("usr/"),
    entry("usr/lib/", mode=0o700, mtime=TIME - 7),
    entry("usr/lib/libc", b"libc"),
    symlink("lib", "usr/lib"),
    symlink("absolute", "/usr/lib"),
)


def test_which_layers_are_images(snapshots: Snapshots, unpacker: Unpacker, images: bool) -> None:
    layers = [
        BASE,
        make_tar(entry("etc/deep/new", b"new"), entry("usr/.wh.lib")),
        make_tar(hard_link("etc/shadow", "etc/passwd")),
        make_tar(symlink("a", "etc"), entry("a/below-a-symlink", b"")),
        make_tar(entry("etc/other/new", b"new")),
    ]
    install(snapshots, unpacker, layers, images)
    chain = chain_ids([Digest.of(layer) for layer in layers])
    made = [snapshots.info(one).image is not None for one in chain]
    assert made == [images and position not in (2, 3) for position in range(5)]
    assert [os.path.exists(snapshots.image(one)) for one in chain] == made


def test_plain_layers(seen: Seen) -> None:
    tree = seen(BASE, make_tar(entry("etc/", mode=0o700), entry("etc/new", b"new"), entry("etc/.wh.passwd")))
    assert tree["etc"]["mode"] == 0o700
    assert tree["etc/new"]["content"] == "new"
    assert tree["etc/deep/old"]["content"] == "old"
    assert "etc/passwd" not in tree
    assert "etc/.wh.passwd" not in tree


def test_parents_that_the_tar_lacks_keep_what_they_are(seen: Seen) -> None:
    tree = seen(BASE, make_tar(entry("etc/deep/new", b"new")), make_tar(entry("etc/deep/newer", b"newer")))
    etc, deep, root = tree["etc"], tree["etc/deep"], tree["."]
    assert (etc["mode"], etc["uid"], etc["gid"], etc["mtime"]) == (0o750, 7, 8, TIME - 5)
    assert etc["xattrs"] == {"user.mine": "yes"}
    assert (deep["mode"], deep["uid"], deep["mtime"], deep["xattrs"]) == (0o1777, 9, TIME - 6, {})
    assert (root["mode"], root["mtime"]) == (0o711, TIME - 9)
    assert {name for name in tree if name.startswith("etc/deep/")} == {
        "etc/deep/old",
        "etc/deep/new",
        "etc/deep/newer",
    }


def test_parents_that_nobody_has_are_plain(seen: Seen) -> None:
    tree = seen(BASE, make_tar(entry("etc/a/b/c", b"c", uid=5)))
    for name in ("etc/a", "etc/a/b"):
        assert (tree[name]["kind"], tree[name]["mode"], tree[name]["uid"]) == ("d", 0o755, 0)
    assert tree["etc"]["uid"] == 7


def test_a_root_that_a_tar_describes_is_its_own(seen: Seen) -> None:
    tree = seen(BASE, make_tar(entry("./", mode=0o700), entry("file", b"")))
    assert tree["."]["mode"] == 0o700
    tree = seen(make_tar(entry("file", b"")))
    assert (tree["."]["mode"], tree["."]["uid"]) == (0o755, 0)


@pytest.mark.parametrize("name", ["lib", "absolute"])
def test_a_parent_that_is_a_symlink_below_is_followed(seen: Seen, name: str) -> None:
    tree = seen(BASE, make_tar(entry(f"{name}/new", b"new"), entry(f"{name}/.wh.libc")))
    assert tree["lib"]["content"] == "usr/lib"
    assert tree["usr/lib/new"]["content"] == "new"
    assert "usr/lib/libc" not in tree
    assert tree["usr/lib"]["mode"] == 0o700


def test_a_directory_entry_replaces_a_symlink_below(seen: Seen) -> None:
    tree = seen(BASE, make_tar(entry("lib/"), entry("lib/new", b"new")))
    assert tree["lib"]["kind"] == "d"
    assert tree["usr/lib/libc"]["content"] == "libc"
    assert "usr/lib/new" not in tree


def test_hard_links_into_a_layer_below(seen: Seen, snapshots: Snapshots, unpacker: Unpacker) -> None:
    upper = make_tar(hard_link("etc/shadow", "etc/passwd"), entry("etc/other", b"other"))
    tree = seen(BASE, upper)
    for name in ("etc/passwd", "etc/shadow"):
        link = tree[name]
        assert (link["content"], link["mode"], link["uid"], link["nlink"]) == ("root", 0o4600, 3, 2)
    assert tree["etc/other"]["content"] == "other"
    # what the tar lacks keeps its time, and the kernel's own notes are gone
    assert (tree["etc"]["mtime"], tree["."]["mtime"]) == (TIME - 5, TIME - 9)
    chain = chain_ids([Digest.of(BASE), Digest.of(upper)])[-1]
    for directory, _, names in os.walk(snapshots.fs(chain)):
        for path in (directory, *(os.path.join(directory, name) for name in names)):
            assert not any("overlay" in name for name in os.listxattr(path, follow_symlinks=False))


def test_a_hard_link_to_nothing_is_refused(seen: Seen) -> None:
    with pytest.raises(UnsafeArchive, match="nowhere"):
        seen(BASE, make_tar(hard_link("link", "nowhere")))
    with pytest.raises(UnsafeArchive, match="nowhere"):
        seen(make_tar(hard_link("link", "nowhere")))


def test_a_link_can_name_a_file_of_an_odd_layer(seen: Seen) -> None:
    tree = seen(
        BASE,
        make_tar(hard_link("etc/shadow", "etc/passwd")),
        make_tar(hard_link("third", "etc/shadow"), entry("lib/x", b"x")),
        make_tar(entry("etc/deep/last", b"last")),
    )
    assert tree["third"]["content"] == "root"
    assert tree["usr/lib/x"]["content"] == "x"
    assert (tree["etc/deep"]["mode"], tree["etc/deep"]["mtime"]) == (0o1777, TIME - 6)


def test_opaque_directories(seen: Seen) -> None:
    for entries in (
        (entry("etc/.wh..wh..opq"), entry("etc/new", b"new")),
        (entry("etc/new", b"new"), entry("etc/.wh..wh..opq")),
    ):
        tree = seen(BASE, make_tar(*entries))
        assert {name for name in tree if name.startswith("etc")} == {"etc", "etc/new"}
        assert (tree["etc"]["mode"], tree["etc"]["uid"]) == (0o750, 7), "emptied, not replaced"
        tree = seen(BASE, make_tar(entry("etc/", mode=0o701), *entries))
        assert {name for name in tree if name.startswith("etc")} == {"etc", "etc/new"}
        assert tree["etc"]["mode"] == 0o701


def test_below_an_opaque_directory_nothing_is_taken_over(seen: Seen) -> None:
    upper = make_tar(entry("etc/"), entry("etc/.wh..wh..opq"), entry("etc/deep/new", b"new"))
    tree = seen(BASE, upper)
    assert (tree["etc/deep"]["mode"], tree["etc/deep"]["uid"]) == (0o755, 0)
    assert {name for name in tree if name.startswith("etc/")} == {"etc/deep", "etc/deep/new"}


def test_a_removed_parent_that_comes_back_is_new(seen: Seen) -> None:
    tree = seen(BASE, make_tar(entry(".wh.etc"), entry("etc/deep/new", b"new")))
    assert (tree["etc"]["mode"], tree["etc"]["uid"], tree["etc/deep"]["mode"]) == (0o755, 0, 0o755)
    assert {name for name in tree if name.startswith("etc/")} == {"etc/deep", "etc/deep/new"}


def test_whiteouts_that_hide_nothing_do_not_show(seen: Seen) -> None:
    tree = seen(BASE, make_tar(entry("new/", mtime=TIME - 3), entry("new/.wh.gone"), entry("usr/lib/.wh.not-there")))
    assert {name for name in tree if name.startswith(("new", "usr/"))} == {"new", "usr/lib", "usr/lib/libc"}
    assert tree["new"]["mtime"] == TIME - 3
    tree = seen(
        BASE, make_tar(entry("etc/"), entry("etc/.wh..wh..opq"), entry("etc/.wh.passwd"), entry("etc/new", b""))
    )
    assert {name for name in tree if name.startswith("etc/")} == {"etc/new"}


def test_a_whiteout_behind_a_symlink_touches_nothing_outside(seen: Seen, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    os.mknod(outside / "device", 0o600 | 0o020000, 0)  # what a whiteout looks like to overlayfs
    tree = seen(BASE, make_tar(symlink("way", str(outside)), entry("way/.wh.device"), entry("lib/.wh.libc")))
    assert (outside / "device").is_char_device()
    assert tree["way"]["kind"] == "l"
    assert "usr/lib/libc" not in tree


def test_an_opaque_root_hides_everything(seen: Seen) -> None:
    tree = seen(BASE, make_tar(entry(".wh..wh..opq"), entry("new", b"new")))
    assert set(tree) == {".", "new"}
    tree = seen(BASE, make_tar(entry("etc/new", b"new"), entry(".wh..wh..opq")))
    assert set(tree) == {".", "etc", "etc/new"}


def test_types_that_change(seen: Seen) -> None:
    tree = seen(
        BASE,
        make_tar(entry("etc", b"a file now"), symlink("usr", "etc")),
        make_tar(entry("etc/"), entry("etc/back", b"back")),
    )
    assert {name for name in tree if name.startswith("etc")} == {"etc", "etc/back"}
    assert tree["usr"]["content"] == "etc"


def test_an_image_that_is_here_is_not_unpacked_again(snapshots: Snapshots, unpacker: Unpacker, images: bool) -> None:
    layers = [BASE, make_tar(entry("etc/new", b"new"))]
    install(snapshots, unpacker, layers, images)
    diff_ids = [Digest.of(layer) for layer in layers]

    def reopen(position: int) -> Iterator[bytes]:
        raise AssertionError("nothing to read")

    with Installer(snapshots, unpacker, diff_ids, reopen, images=images) as installer:
        assert installer.has(0)
        assert installer.has(1)
        sizes = [info.size for info in installer.settle()]
    assert sizes == [len(b"old" + b"root" + b"libc") + len("usr/lib") + len("/usr/lib"), 3]
    # one more layer on top of those
    install(snapshots, unpacker, [*layers, make_tar(hard_link("x", "etc/new"))], images)


def test_a_wrong_diff_id_is_refused(snapshots: Snapshots, unpacker: Unpacker, tmp_path: Path, images: bool) -> None:
    wanted = Digest.of(b"something else")
    with Installer(snapshots, unpacker, [wanted], lambda position: iter(()), images=images) as installer:
        job = installer.begin(0, OCI_LAYER)
        job.write(BASE)
        with pytest.raises(Integrity) as caught:
            job.finish()
        assert str(caught.value) == f'invalid diffID for layer 0: expected "{wanted}", got "{Digest.of(BASE)}"'
        with pytest.raises(NotFound):
            installer.settle()
    assert os.listdir(tmp_path / "root" / "staging") == []


def test_nothing_is_kept_without_settling(
    snapshots: Snapshots, unpacker: Unpacker, tmp_path: Path, images: bool
) -> None:
    diff_ids = [Digest.of(BASE), Digest.of(b"")]
    with Installer(snapshots, unpacker, diff_ids, lambda position: iter(()), images=images) as installer:
        job = installer.begin(0, OCI_LAYER)
        job.write(BASE)
        job.finish()
        job.abort()
        half = installer.begin(1, OCI_LAYER)
        half.write(BASE[:1000])
        half.abort()
        half.abort()
    assert snapshots.all() == []
    assert os.listdir(tmp_path / "root" / "staging") == []
