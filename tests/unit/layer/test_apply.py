"""Layers are applied as containerd applies them, in all three modes."""

from __future__ import annotations

import os
import stat
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest
from tests.unit.layer.support import Tar, unpack

from pallet.errors import Integrity, UnsafeArchive
from pallet.layer.unpacked import ForeignLink, UnpackMode

pytestmark = pytest.mark.root


def _opaque(path: Path) -> bool:
    try:
        return os.getxattr(path, "trusted.overlay.opaque") == b"y"
    except OSError:
        return False


def _whiteout(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def test_result_describes_the_layer(tmp_path: Path) -> None:
    data = Tar().file("a", b"12345").link("b", "a").symlink("s", "a").directory("d").file("d/f", b"1").bytes()
    result = unpack(data, tmp_path / "t")
    assert result.diff_id == f"sha256:{sha256(data).hexdigest()}"
    assert result.tar_size == len(data)
    assert result.size == 5 + 1 + 1
    assert result.files == 5
    assert result.implicit_parents == (b".",)
    assert result.settled


def test_metadata_is_the_tars(tmp_path: Path) -> None:
    data = (
        Tar()
        .directory("./", mode=0o711, mtime=5)
        .directory("sticky", mode=0o1777, uid=7, gid=8, mtime=9)
        .directory("setgid", mode=0o2775, gid=50, mtime=1.5)
        .file("setgid/inherits", mode=0o640, mtime=2)
        .directory("setgid/below", mode=0o700, mtime=3)
        .file("suid", mode=0o4755, uid=3, gid=4, mtime=1234567890.5)
        .add("fifo", tarfile.FIFOTYPE, mode=0o600)
        .add("null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
        .add("loop", tarfile.BLKTYPE, devmajor=7, devminor=0)
        .file("capable", pax_headers={"SCHILY.xattr.user.note": "hello"})
        .bytes()
    )
    target = tmp_path / "t"
    assert unpack(data, target).implicit_parents == ()

    def shape(name: str) -> tuple[int, int, int, int]:
        status = (target / name).lstat()
        return status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns

    assert shape(".") == (stat.S_IFDIR | 0o711, 0, 0, 5_000_000_000)
    assert shape("sticky") == (stat.S_IFDIR | 0o1777, 7, 8, 9_000_000_000)
    assert shape("setgid") == (stat.S_IFDIR | 0o2775, 0, 50, 1_500_000_000)
    assert shape("setgid/inherits") == (stat.S_IFREG | 0o640, 0, 0, 2_000_000_000)
    assert shape("setgid/below") == (stat.S_IFDIR | 0o700, 0, 0, 3_000_000_000)
    assert shape("suid") == (stat.S_IFREG | 0o4755, 3, 4, 1_234_567_890_500_000_000)
    assert shape("fifo")[0] == stat.S_IFIFO | 0o600
    assert shape("null")[0] == stat.S_IFCHR | 0o666
    assert (target / "null").lstat().st_rdev == os.makedev(1, 3)
    assert stat.S_ISBLK(shape("loop")[0])
    assert os.getxattr(target / "capable", "user.note") == b"hello"


def test_last_duplicate_wins_and_types_change(tmp_path: Path) -> None:
    data = (
        Tar()
        .file("twice", b"first")
        .file("twice", b"second")
        .file("becomes-dir", b"xx")
        .directory("becomes-dir")
        .file("becomes-dir/f", b"1")
        .directory("becomes-file")
        .file("becomes-file/gone", b"gone")
        .directory("becomes-file/sub")
        .file("becomes-file", b"22")
        .directory("twice-dir", mode=0o755)
        .file("twice-dir/kept", b"k")
        .directory("twice-dir", mode=0o700, uid=5)
        .symlink("link", "twice-dir")
        .directory("link")
        .bytes()
    )
    target = tmp_path / "t"
    result = unpack(data, target, "base")
    assert (target / "twice").read_bytes() == b"second"
    assert (target / "becomes-dir/f").read_bytes() == b"1"
    assert (target / "becomes-file").read_bytes() == b"22"
    assert (target / "twice-dir/kept").read_bytes() == b"k"
    assert stat.S_IMODE((target / "twice-dir").stat().st_mode) == 0o700
    assert (target / "twice-dir").stat().st_uid == 5
    assert (target / "link").is_dir() and not (target / "link").is_symlink()
    assert result.size == len(b"second") + 1 + 2 + 1


def test_symlinked_parents_are_followed_inside_the_root(tmp_path: Path) -> None:
    data = (
        Tar()
        .directory("usr/lib")
        .symlink("lib", "usr/lib")
        .file("lib/a", b"a")
        .symlink("abs", "/usr")
        .file("abs/lib/b", b"b")
        .symlink("dangling", "usr/share/doc")
        .file("dangling/c", b"c")
        .bytes()
    )
    target = tmp_path / "t"
    result = unpack(data, target)
    assert sorted(os.listdir(target / "usr/lib")) == ["a", "b"]
    assert (target / "usr/share/doc/c").read_bytes() == b"c"
    assert result.implicit_parents == (b".", b"usr", b"usr/share", b"usr/share/doc")


def test_implicit_parents_until_an_entry_describes_them(tmp_path: Path) -> None:
    result = unpack(Tar().file("a/b/c/f").directory("a/b", mode=0o700).bytes(), tmp_path / "t")
    assert result.implicit_parents == (b".", b"a", b"a/b/c")
    assert stat.S_IMODE((tmp_path / "t/a/b").stat().st_mode) == 0o700
    assert (tmp_path / "t/a").stat().st_mtime_ns == 0
    assert not result.settled


def test_diff_whiteouts_become_what_overlay_knows(tmp_path: Path) -> None:
    data = (
        Tar()
        .directory("d")
        .file("d/.wh.gone")
        .file("d/here", b"1")
        .file("d/.wh.here")
        .directory("d/replaced")
        .file("d/replaced/new")
        .file("d/.wh.replaced")
        .file("d/.wh.then-dir")
        .directory("d/then-dir")
        .file("d/.wh.then-implicit")
        .file("d/then-implicit/f")
        .file("d/.wh.then-file")
        .file("d/then-file")
        .file("opaque/.wh..wh..opq")
        .file("opaque/f")
        .file("late/f")
        .file("late/.wh..wh..opq")
        .file("d/.wh..wh.plnk/12.34")
        .file("d/.wh..wh.aufs")
        .bytes()
    )
    target = tmp_path / "t"
    result = unpack(data, target)
    assert _whiteout(target / "d/gone")
    assert (target / "d/here").read_bytes() == b"1"
    assert _opaque(target / "d/replaced") and (target / "d/replaced/new").exists()
    assert _opaque(target / "d/then-dir")
    assert _opaque(target / "d/then-implicit") and (target / "d/then-implicit/f").exists()
    assert (target / "d/then-file").is_file()
    assert _opaque(target / "opaque") and (target / "opaque/f").exists()
    assert _opaque(target / "late") and (target / "late/f").exists()
    assert sorted(os.listdir(target / "d")) == ["gone", "here", "replaced", "then-dir", "then-file", "then-implicit"]
    assert not _opaque(target / "d")
    assert not result.opaque_root


def test_a_directory_that_takes_a_files_place_hides_what_lies_below(tmp_path: Path) -> None:
    unpack(Tar().file("d").directory("d").file("d/f").bytes(), tmp_path / "t")
    assert _opaque(tmp_path / "t/d")


def test_an_opaque_root_is_reported(tmp_path: Path) -> None:
    assert unpack(Tar().file(".wh..wh..opq").bytes(), tmp_path / "t").opaque_root


def test_base_whiteouts_leave_no_trace(tmp_path: Path) -> None:
    data = Tar().directory("d").file("d/f").file("d/.wh.f").file("d/.wh.x").file("d/.wh..wh..opq").bytes()
    unpack(data, tmp_path / "t", "base")
    assert os.listdir(tmp_path / "t/d") == ["f"]
    assert not _opaque(tmp_path / "t/d")


def test_tree_whiteouts_delete_what_lies_below_only(tmp_path: Path) -> None:
    target = tmp_path / "t"
    for name in ("gone/deep/er", "kept", "opaque/old", "opaque/mixed", "late"):
        (target / name).mkdir(parents=True)
        (target / name / "old").write_text("old")
    (target / "file").write_text("old")
    (target / "link").symlink_to("late")
    data = (
        Tar()
        .file(".wh.gone")
        .file(".wh.file")
        .file("opaque/mixed/new")
        .file("opaque/.wh..wh..opq")
        .file("late/new")
        .file("link/.wh.old")
        .file("link/.wh.new")
        .bytes()
    )
    unpack(data, target, "tree")
    assert sorted(os.listdir(target)) == ["kept", "late", "link", "opaque"]
    assert (target / "kept/old").exists()
    assert os.listdir(target / "opaque") == ["mixed"]
    assert os.listdir(target / "opaque/mixed") == ["new"]
    assert os.listdir(target / "late") == ["new"]


def test_tree_replaces_and_links(tmp_path: Path) -> None:
    target = tmp_path / "t"
    (target / "dir").mkdir(parents=True, mode=0o700)
    (target / "dir/old").write_text("old")
    (target / "was-file").write_text("x")
    data = Tar().file("dir/new").link("dir/linked", "dir/old").directory("was-file").file("was-file/f").bytes()
    result = unpack(data, target, "tree")
    assert (target / "dir/linked").read_text() == "old"
    assert stat.S_IMODE((target / "dir").stat().st_mode) == 0o700
    assert (target / "was-file/f").is_file()
    assert result.implicit_parents == ()
    assert result.size == 8


def test_links_into_lower_layers_are_reported(tmp_path: Path) -> None:
    data = Tar().link("usr/bin/a", "usr/bin/b").link("x", "./y").file("x", b"now a file").bytes()
    result = unpack(data, tmp_path / "t")
    assert result.foreign_links == (ForeignLink(b"usr/bin/a", b"usr/bin/b"),)
    assert result.implicit_parents == (b".", b"usr", b"usr/bin")
    assert (tmp_path / "t/x").read_bytes() == b"now a file"


@pytest.mark.parametrize("mode", ["base", "tree"])
def test_links_to_nowhere_are_refused_where_nothing_lies_below(tmp_path: Path, mode: UnpackMode) -> None:
    with pytest.raises(UnsafeArchive, match="hard link 'a' is missing: 'b'"):
        unpack(Tar().link("a", "b").bytes(), tmp_path / "t", mode)


def test_odd_links(tmp_path: Path) -> None:
    data = Tar().file("a").link("a", "a").link("b", "a").link("b", "/./a").symlink("s", "x//../ y").link("s2", "s")
    unpack(data.bytes(), tmp_path / "t")
    assert (tmp_path / "t/a").stat().st_nlink == 2
    assert os.readlink(tmp_path / "t/s2") == "x//../ y"


def test_overlay_marks_are_not_taken_from_a_tar(tmp_path: Path) -> None:
    marks = {"SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.user.overlay.opaque": "y"}
    unpack(Tar().directory("d", pax_headers=marks).bytes(), tmp_path / "t")
    assert os.listxattr(tmp_path / "t/d") == []


def test_zero_runs_become_holes(tmp_path: Path) -> None:
    data = b"x" * 4096 + bytes(8 << 20) + b"y"
    unpack(Tar().file("big", data).file("all", bytes(4 << 20)).bytes(), tmp_path / "t")
    assert (tmp_path / "t/big").read_bytes() == data
    assert (tmp_path / "t/big").stat().st_blocks * 512 < 4 << 20
    assert (tmp_path / "t/all").read_bytes() == bytes(4 << 20)


def test_unknown_types_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Integrity, match="unhandled tar header type 86"):
        unpack(Tar().add("label", b"V").bytes(), tmp_path / "t")
