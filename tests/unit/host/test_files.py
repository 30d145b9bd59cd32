"""Files that are whole or absent, and trees that go away completely."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pallet.errors import HostError
from pallet.host.files import remove_tree, sync_filesystem, tree_size, write_atomic


def test_write_atomic(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(str(path), b"one")
    write_atomic(str(path), b"two", 0o640)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["file"]
    with pytest.raises(HostError):
        write_atomic(str(tmp_path / "absent" / "file"), b"")
    (tmp_path / "directory").mkdir()
    with pytest.raises(HostError):
        write_atomic(str(tmp_path / "directory"), b"")
    assert sorted(os.listdir(tmp_path)) == ["directory", "file"]


def test_sync_filesystem(tmp_path: Path) -> None:
    sync_filesystem(str(tmp_path))


def test_remove_tree_never_follows_symlinks(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("stays")
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "link").symlink_to(outside)
    (tree / "a" / "up").symlink_to("..")
    (tree / "a" / "b" / "file").write_text("goes")
    os.mkfifo(tree / "fifo")
    os.link(outside / "file", tree / "hard")
    remove_tree(str(tree))
    assert not tree.exists()
    assert (outside / "file").read_text() == "stays"
    (tmp_path / "link").symlink_to(outside)
    remove_tree(str(tmp_path / "link"))
    assert os.listdir(tmp_path) == ["outside"]
    remove_tree(str(tmp_path / "link"))
    remove_tree(str(tmp_path / "no" / "such" / "directory"))


def test_remove_tree_of_any_depth_and_any_name(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    fd = os.open(tree, os.O_RDONLY)
    for level in range(3000):
        os.mkdir("d", dir_fd=fd)
        if level % 500 == 0:
            os.mkdir("side", dir_fd=fd)
            os.mknod("file", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    os.mknod(os.fsencode(tree) + b"/\xff\n ")
    remove_tree(str(tree))
    assert os.listdir(tmp_path) == []


def test_remove_tree_of_forbidding_directories(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "file").write_text("x")
    (tree / "a" / "b").chmod(0)
    (tree / "a").chmod(0o500)
    tree.chmod(0o500)
    remove_tree(str(tree))
    assert not tree.exists()


@pytest.mark.root
def test_remove_tree_lifts_the_immutable_flag(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "a").mkdir(parents=True)
    (tree / "a" / "file").write_text("x")
    done = subprocess.run(["chattr", "+i", tree / "a" / "file", tree / "a", tree], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this file system has no immutable flag")
    remove_tree(str(tree))
    assert not tree.exists()


@pytest.mark.root
def test_remove_tree_leaves_what_is_mounted_alone(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "precious").write_text("x")
    target = tmp_path / "tree" / "a b"
    target.mkdir(parents=True)
    subprocess.run(["mount", "--bind", source, target], check=True)
    try:
        with pytest.raises(HostError, match="is mounted"):
            remove_tree(str(tmp_path / "tree"))
        assert (source / "precious").exists()
    finally:
        subprocess.run(["umount", target], check=True)
    remove_tree(str(tmp_path / "tree"))
    assert (source / "precious").exists()
    assert not (tmp_path / "tree").exists()


def test_tree_size_counts_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"1234")
    os.link(tmp_path / "a" / "one", tmp_path / "two")
    (tmp_path / "link").symlink_to("12345")
    assert tree_size(str(tmp_path)) == 9
    assert tree_size(str(tmp_path / "absent")) == 0
