"""Layers read as one tree, against what the kernel's overlay shows of them; images: test_erofs and tests/contract."""

from __future__ import annotations

import io
import os
import resource
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.layer.support import mount_changed

from pallet.errors import HostError
from pallet.host.mounts import mount_overlay, run_in_mount_namespace
from pallet.layer.merged import write_layers

pytestmark = pytest.mark.root


def merged(layers: Sequence[Path], *, userxattr: bool = False) -> bytes:
    out = io.BytesIO()
    write_layers([str(layer) for layer in layers], out, userxattr=userxattr)
    return out.getvalue()


def mounted(layers: Sequence[Path], directory: Path, *, userxattr: bool = False) -> bytes:
    """The tar of the mounted overlay."""
    point, empty = directory / "point", directory / "empty"
    point.mkdir(exist_ok=True)
    empty.mkdir(exist_ok=True)
    out = io.BytesIO()

    def look() -> None:
        mount_overlay([*map(str, layers), str(empty)], None, None, str(point), readonly=True, userxattr=userxattr)
        write_layers([str(point)], out)

    run_in_mount_namespace(look)
    return out.getvalue()


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.getnames()


_NAMES = st.lists(st.sampled_from(["a", "b", "c", "ä\udcff"]), min_size=1, max_size=3).map("/".join)
_KINDS = st.sampled_from(["file", "file", "dir", "opaque", "whiteout", "symlink", "link", "fifo"])
_LAYERS = st.lists(st.lists(st.tuples(_NAMES, _KINDS), max_size=8), min_size=1, max_size=4)


def make_layer(root: Path, steps: Sequence[tuple[str, str]], *, prefix: str) -> None:
    root.mkdir()
    root.chmod(0o755)
    for number, (name, kind) in enumerate(steps):
        path = root / name
        if os.path.lexists(path):
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "file":
                path.write_bytes(os.urandom(number * 700))
            elif kind in ("dir", "opaque"):
                path.mkdir(mode=0o700 + number)
                os.setxattr(path, "user.layer", root.name.encode())
                if kind == "opaque":
                    os.setxattr(path, prefix + "overlay.opaque", b"y")
            elif kind == "whiteout":
                os.mknod(path, 0o020000, 0)
            elif kind == "symlink":
                path.symlink_to(f"to-{number}")
            elif kind == "fifo":
                os.mkfifo(path)
            elif files := [each for each in sorted(root.rglob("*")) if each.is_file() and not each.is_symlink()]:
                os.link(files[0], path)
        except (FileExistsError, NotADirectoryError):
            continue


@settings(max_examples=40, deadline=None)
@given(_LAYERS, st.booleans())
def test_the_same_bytes_as_through_a_mounted_overlay(stack: list[list[tuple[str, str]]], userxattr: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        layers = [Path(directory, str(number)) for number in range(len(stack))]
        for layer, steps in zip(layers, stack, strict=True):
            make_layer(layer, steps, prefix="user." if userxattr else "trusted.")
        assert merged(layers, userxattr=userxattr) == mounted(layers, Path(directory), userxattr=userxattr)


def test_what_overlay_itself_writes(tmp_path: Path) -> None:
    for name in ("lower/opaque", "lower/gone-dir", "lower/both", "upper", "work", "merged"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("opaque/old", "gone-dir/f", "gone", "changed", "both/lower"):
        (tmp_path / "lower" / name).write_text(name)

    def change() -> bytes:
        point = mount_changed(tmp_path)
        (point / "both/upper").write_text("upper")
        (point / "both").chmod(0o711)
        out = io.BytesIO()
        write_layers([str(point)], out)
        return out.getvalue()

    layers = [tmp_path / "upper", tmp_path / "lower"]
    through_the_mount = run_in_mount_namespace(change)
    assert merged(layers) == through_the_mount
    assert names(through_the_mount) == ["both", "both/lower", "both/upper", "changed", "opaque", "opaque/new"]


def test_what_vanishes_meanwhile_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "upper/d").mkdir(parents=True)
    (tmp_path / "lower/d/below").mkdir(parents=True)
    for name in ("upper/a", "upper/b"):
        (tmp_path / name).write_bytes(bytes(3 << 20))
    (tmp_path / "lower/d/kept").touch()

    class Meddler(io.BytesIO):
        def write(self, data: object, /) -> int:
            (tmp_path / "upper/b").unlink(missing_ok=True)
            shutil.rmtree(tmp_path / "upper/d", ignore_errors=True)
            return super().write(data)  # type: ignore[arg-type]

    out = Meddler()
    write_layers([str(tmp_path / "upper"), str(tmp_path / "lower")], out)
    assert names(out.getvalue()) == ["a"]


def test_trees_deeper_than_the_stack(tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    layer.mkdir()
    fd = os.open(layer, os.O_RDONLY)
    for _ in range(400):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    open_before = len(os.listdir("/proc/self/fd"))
    assert len(names(merged([layer]))) == 400
    assert len(os.listdir("/proc/self/fd")) == open_before


def test_many_layers_of_deep_trees_need_few_open_files(tmp_path: Path) -> None:
    layers = [tmp_path / str(number) for number in range(60)]
    for layer in layers:
        layer.mkdir(mode=0o755)
        for depth in range(1, 26):
            directory = layer / "/".join("d" * depth)
            directory.mkdir()
            (directory / "a").touch()
            (directory / f"z{layer.name}").write_text(f"{layer.name} {depth}")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_before = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_before + 700, hard))
    try:
        data = merged(layers)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(os.listdir("/proc/self/fd")) == open_before
    assert data == mounted(layers, tmp_path)
    assert len(names(data)) == 25 * 62


def test_a_missing_layer_is_a_host_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"failed to read .*none: No such file"):
        merged([tmp_path / "none"])
