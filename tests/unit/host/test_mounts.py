"""Mounts: overlays of few and many layers, and namespaces that leave nothing behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pallet.errors import HostError, InvalidInput
from pallet.host.mounts import mount_overlay, run_in_mount_namespace, unmount

pytestmark = pytest.mark.root


def _layers(tmp_path: Path, names: list[str]) -> list[str]:
    paths = []
    for number, name in enumerate(names):
        layer = tmp_path / name
        layer.mkdir()
        (layer / f"file{number}").write_text(str(number))
        (layer / "shared").write_text(str(number))
        paths.append(str(layer))
    return paths


def _mounted(path: Path) -> bool:
    return f" {path} " in Path("/proc/self/mountinfo").read_text()


def test_overlay_shows_the_top_layer_and_takes_changes(tmp_path: Path) -> None:
    layers = _layers(tmp_path, ["a", "b"])
    for name in ("upper", "work", "target"):
        (tmp_path / name).mkdir()

    def use() -> tuple[str, list[str]]:
        mount_overlay(layers, str(tmp_path / "upper"), str(tmp_path / "work"), str(tmp_path / "target"))
        (tmp_path / "target" / "new").write_text("n")
        (tmp_path / "target" / "file1").unlink()
        return (tmp_path / "target" / "shared").read_text(), sorted(os.listdir(tmp_path / "target"))

    assert run_in_mount_namespace(use) == ("0", ["file0", "new", "shared"])
    assert not _mounted(tmp_path / "target")
    assert sorted(os.listdir(tmp_path / "upper")) == ["file1", "new"]
    assert os.listdir(tmp_path / "target") == []


@pytest.mark.parametrize("count", [1, 2, 120])
def test_read_only_view_of_any_number_of_layers(tmp_path: Path, count: int) -> None:
    layers = _layers(tmp_path, [f"{number:03}-{'x' * 60}" for number in range(count)])
    (tmp_path / "target").mkdir()

    def use() -> list[str]:
        mount_overlay(layers, None, None, str(tmp_path / "target"))
        with pytest.raises(OSError, match="Read-only"):
            (tmp_path / "target" / "new").touch()
        return os.listdir(tmp_path / "target")

    assert len(run_in_mount_namespace(use)) == count + 1


def test_paths_may_hold_the_characters_that_separate_options(tmp_path: Path) -> None:
    layers = _layers(tmp_path, ["a:b", "c,d", "e\\f"])
    for name in ("up:per", "wo,rk", "target"):
        (tmp_path / name).mkdir()

    def use() -> int:
        mount_overlay(layers, str(tmp_path / "up:per"), str(tmp_path / "wo,rk"), str(tmp_path / "target"))
        return len(os.listdir(tmp_path / "target"))

    assert run_in_mount_namespace(use) == 4


def test_a_missing_layer_is_a_host_error_that_names_the_target(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()

    def use() -> None:
        mount_overlay([str(tmp_path / "no"), str(tmp_path / "nor")], None, None, str(tmp_path / "target"))

    with pytest.raises(HostError, match=r"failed to mount overlay at .*target"):
        run_in_mount_namespace(use)


def test_errors_come_through(tmp_path: Path) -> None:
    def fail() -> None:
        raise InvalidInput("as it is")

    with pytest.raises(InvalidInput, match="as it is"):
        run_in_mount_namespace(fail)


def test_the_working_directory_of_others_stays(tmp_path: Path) -> None:
    before = os.getcwd()
    run_in_mount_namespace(lambda: os.chdir(tmp_path))
    assert os.getcwd() == before


def test_unmount_says_what_is_no_mount(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=str(tmp_path)):
        unmount(str(tmp_path))
