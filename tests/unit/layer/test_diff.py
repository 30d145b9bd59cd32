"""Trees become tars and trees again."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.layer.support import mount_changed, snapshot, unpack

from pallet.errors import HostError
from pallet.host.mounts import MS_BIND, mount, mount_overlay, run_in_mount_namespace
from pallet.layer.diff import write_diff

pytestmark = pytest.mark.root


def _diff(upper: Path, epoch: int | None = None) -> tuple[bytes, int]:
    out = io.BytesIO()
    size = write_diff(str(upper), out, source_date_epoch=epoch)
    return out.getvalue(), size


def _tree(root: Path) -> bytes:
    return _diff(root)[0]


def _members(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.getmembers()


def _names(data: bytes) -> list[str]:
    return [member.name + "/" * member.isdir() for member in _members(data)]


def _rich_tree(root: Path) -> None:
    """One of everything that a layer may hold."""
    (root / "d" / "sub").mkdir(parents=True)
    (root / "d" / "file").write_bytes(b"content")
    (root / "d" / "file").chmod(0o4751)
    os.link(root / "d/file", root / "a-link")
    (root / "d" / "sub" / ("long" * 60)).write_bytes(os.urandom(100_001))
    (root / "big").write_bytes(os.urandom(3 << 20))
    (root / "/".join(["deep" * 20] * 12)).mkdir(parents=True)
    (root / "käse\n").write_bytes(b"")
    os.symlink("/etc/../nowhere " + "x" * 200, root / "symlink")
    os.link(root / "symlink", root / "symlink2", follow_symlinks=False)
    os.mkfifo(root / "fifo", 0o640)
    os.mknod(root / "null", 0o020666, os.makedev(1, 3))
    os.mknod(root / "loop", 0o060660, os.makedev(7, 300))
    with (root / "sparse").open("wb") as sparse:
        sparse.truncate(5 << 20)
        sparse.seek(2 << 20)
        sparse.write(b"island")
    os.setxattr(root / "d", "user.on-dir", b"\0\1\xff")
    os.setxattr(root / "d/file", "user.empty", b"")
    os.setxattr(root / "big", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
    os.setxattr(root / "symlink", "trusted.note", b"on a symlink", follow_symlinks=False)
    os.chown(root / "big", 3_000_000_000, 2_097_152)
    os.chown(root / "symlink", 5, 6, follow_symlinks=False)
    os.utime(root / "big", ns=(1, 1_234_567_890_123_456_789))
    os.utime(root / "d/sub", ns=(1, 999))
    (root / "d").chmod(0o2775)


def test_a_rich_tree_comes_back(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    _rich_tree(source)
    data = _tree(source)
    assert data == _tree(source)
    result = unpack(data, tmp_path / "target", "base")
    assert snapshot(tmp_path / "target") == snapshot(source)
    assert (tmp_path / "target/sparse").stat().st_blocks * 512 < 4 << 20
    layer, size = _diff(source)
    assert layer == data  # without overlay's marks a diff is a tree
    assert size == result.size


def test_gnu_tar_and_the_standard_library_read_it(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "target").mkdir()
    _rich_tree(tmp_path / "source")
    data = _tree(tmp_path / "source")
    options = ["--xattrs", "--xattrs-include=*", "--numeric-owner"]
    subprocess.run(
        [shutil.which("tar") or "tar", "-C", str(tmp_path / "target"), *options, "-xp"],
        input=data,
        check=True,
        capture_output=True,
    )
    assert snapshot(tmp_path / "target") == snapshot(tmp_path / "source")
    assert len(_members(data)) == len(snapshot(tmp_path / "source"))


def test_the_listing_is_dockers(tmp_path: Path) -> None:
    for name in ("b", "a.x", "a/z", "a/B"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert _names(_tree(tmp_path)) == ["a/", "a/B", "a/z", "a.x", "b"]


def test_an_overlays_changes_are_the_layer(tmp_path: Path) -> None:
    for name in ("lower/opaque", "lower/gone-dir", "upper", "work", "merged", "target", "again", "work2", "upper2"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("opaque/old", "gone-dir/f", "gone", "changed", "kept"):
        (tmp_path / "lower" / name).write_text(name)

    merged = tmp_path / "merged"

    def change() -> object:
        mount_changed(tmp_path)
        os.utime(merged, ns=(0, 0))
        return snapshot(merged)

    expected = run_in_mount_namespace(change)
    data, size = _diff(tmp_path / "upper")
    assert _names(data) == ["changed", ".wh.gone", ".wh.gone-dir", "opaque/", "opaque/.wh..wh..opq", "opaque/new"]
    assert size == len("changed!") + len("new")

    unpack(data, tmp_path / "target", "diff")

    def look() -> object:
        mount_overlay([str(tmp_path / "target"), str(tmp_path / "lower")], None, None, str(merged))
        return snapshot(merged)

    assert run_in_mount_namespace(look) == expected

    shutil.copytree(tmp_path / "lower", tmp_path / "again", dirs_exist_ok=True)
    unpack(data, tmp_path / "again", "tree")
    assert sorted(snapshot(tmp_path / "again")) == ["changed", "kept", "opaque", "opaque/new"]


def test_overlays_marks_and_lookalikes_stay_out(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    os.setxattr(tmp_path / "d", "trusted.overlay.origin", b"x")
    os.setxattr(tmp_path / "d", "user.overlay.opaque", b"y")
    (tmp_path / "d/.wh.kept").write_text("a user's own file")
    data, _ = _diff(tmp_path)
    assert _names(data) == ["d/"]
    assert _members(data)[0].pax_headers.keys() <= {"mtime"}


def test_the_epoch_bounds_times(tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    (tmp_path / "new").touch()
    os.utime(tmp_path / "old", (500, 500))
    data, _ = _diff(tmp_path, epoch=1000)
    assert {member.name: member.mtime for member in _members(data)} == {"old": 500, "new": 1000}


def test_sockets_are_left_out(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        (tmp_path / "f").touch()
        assert _names(_tree(tmp_path)) == ["f"]


def test_another_file_system_is_an_empty_directory(tmp_path: Path) -> None:
    (tmp_path / "mount").mkdir()
    (tmp_path / "mount/hidden").touch()

    def look() -> bytes:
        mount("tmpfs", str(tmp_path / "mount"), "tmpfs")
        (tmp_path / "mount/other").touch()
        return _tree(tmp_path)

    assert _names(run_in_mount_namespace(look)) == ["mount/"]


def test_files_in_use_fill_the_size_that_was_promised(tmp_path: Path) -> None:
    """The files change and vanish at the moment when the tar's first bytes are taken, after their listing."""
    for name in ("a", "grows", "shrinks"):
        (tmp_path / name).write_bytes(b"x" * (3 << 20))
    (tmp_path / "vanishes").touch()
    (tmp_path / "zz-becomes-a-link").touch()

    class Meddler(io.BytesIO):
        def write(self, data: object, /) -> int:
            if self.tell() > 4 << 20:  # in the midst of the second file
                with (tmp_path / "grows").open("ab") as file:
                    file.write(b"y" * 10)
                os.truncate(tmp_path / "shrinks", 100)
                (tmp_path / "vanishes").unlink(missing_ok=True)
                (tmp_path / "zz-becomes-a-link").unlink(missing_ok=True)
                (tmp_path / "zz-becomes-a-link").symlink_to("/etc/passwd")
            return super().write(data)  # type: ignore[arg-type]

    out = Meddler()
    write_diff(str(tmp_path), out)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        found = {member.name: member.size for member in tar.getmembers()}
        assert found["grows"] == 3 << 20
        assert "vanishes" not in found and "zz-becomes-a-link" not in found
        shrunk = tar.extractfile("shrinks")
        assert shrunk is not None
        assert len(shrunk.read()) == found["shrinks"]


def test_a_mount_point_on_the_same_file_system_is_part_of_the_tree(tmp_path: Path) -> None:
    (tmp_path / "tree/mount").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/f").touch()

    def look() -> bytes:
        mount(str(tmp_path / "other"), str(tmp_path / "tree/mount"), None, MS_BIND)
        return _tree(tmp_path / "tree")

    assert _names(run_in_mount_namespace(look)) == ["mount/", "mount/f"]


def test_a_missing_directory_is_a_host_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"failed to read .*none: No such file"):
        write_diff(str(tmp_path / "none"), io.BytesIO())


_COMPONENT = st.one_of(
    st.sampled_from(["a", "b", "ä", "x" * 99, "y" * 255, " ", "\n", "-", "\udcff", ".hidden", "..."]),
)
_PATHS = st.lists(_COMPONENT, min_size=1, max_size=4).map("/".join)
_KINDS = st.sampled_from(["file", "file", "dir", "symlink", "link", "fifo", "null"])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(_PATHS, _KINDS, st.integers(0, 0o7777), st.binary(max_size=600), st.integers(0, 2**62)), max_size=12
    )
)
def test_generated_trees_come_back(steps: list[tuple[str, str, int, bytes, int]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        source, target = Path(directory, "source"), Path(directory, "target")
        source.mkdir()
        made: list[Path] = []
        for name, kind, mode, content, mtime in steps:
            path = source / name
            if os.path.lexists(path):
                continue
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                if kind == "file":
                    path.write_bytes(content)
                elif kind == "dir":
                    path.mkdir()
                elif kind == "symlink":
                    os.symlink(b"no/such/" + content.replace(b"\0", b""), os.fsencode(path))
                elif kind == "link" and made:
                    os.link(made[0], path, follow_symlinks=False)
                elif kind == "fifo":
                    os.mkfifo(path)
                else:
                    os.mknod(path, 0o020600, os.makedev(1, 3))
                if kind == "file":
                    made.append(path)
                    os.setxattr(path, "user.x", content[:9])
                if kind != "symlink":
                    os.chown(path, mode, mtime % 70_000)
                    path.chmod(mode)
                os.utime(path, ns=(0, mtime), follow_symlinks=False)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                continue
        data = _tree(source)
        unpack(data, target, "base")
        assert snapshot(target) == snapshot(source)
        assert _tree(target) == data
