"""Settings out of the environment and the global flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from pallet.environment import make_settings
from pallet.errors import InvalidInput


def test_root_has_the_system_s_directories() -> None:
    settings = make_settings({"HOME": "/root"}, uid=0)
    assert (settings.root, settings.run_dir) == ("/var/lib/pallet", "/run/pallet")
    assert settings.docker_config == "/root/.docker"
    assert settings.runtime is None
    assert settings.snapshotter == "auto"


def test_users_have_the_xdg_directories() -> None:
    settings = make_settings({"HOME": "/home/u", "XDG_RUNTIME_DIR": "/run/user/5"}, uid=5)
    assert (settings.root, settings.run_dir) == ("/home/u/.local/share/pallet", "/run/user/5/pallet")
    settings = make_settings({"HOME": "/home/u", "XDG_DATA_HOME": "/data"}, uid=5)
    assert (settings.root, settings.run_dir) == ("/data/pallet", "/tmp/pallet-5")
    assert make_settings({"HOME": "/home/u", "XDG_DATA_HOME": "data"}, uid=5).root == "/home/u/.local/share/pallet"


def test_flags_win_over_the_environment() -> None:
    environ = {
        "HOME": "/root",
        "PALLET_ROOT": "/a",
        "PALLET_RUN": "/b",
        "PALLET_RUNTIME": "runc",
        "DOCKER_CONFIG": "/c",
    }
    settings = make_settings(environ, uid=0)
    assert (settings.root, settings.run_dir, settings.runtime, settings.docker_config) == ("/a", "/b", "runc", "/c")
    settings = make_settings(environ, root="/x", runtime="crun", config_dir="/y", uid=0)
    assert (settings.root, settings.run_dir, settings.runtime, settings.docker_config) == ("/x", "/b", "crun", "/y")
    settings = make_settings(environ, run_dir="/z", registries_file="/r.toml", uid=0)
    assert (settings.root, settings.run_dir, settings.registries_file) == ("/a", "/z", "/r.toml")


def test_two_stores_never_share_a_run_directory() -> None:
    first = make_settings({"HOME": "/root"}, root="/srv/one", uid=0).run_dir
    second = make_settings({"HOME": "/root"}, root="/srv/two", uid=0).run_dir
    assert first.startswith("/run/pallet/")
    assert first != second
    assert first == make_settings({"HOME": "/root"}, root="/srv/../srv/one/", uid=0).run_dir


def test_relative_roots_are_made_absolute() -> None:
    assert make_settings({"HOME": "/root"}, root="store", uid=0).root == str(Path.cwd() / "store")


def test_the_registries_file_is_the_user_s_own_or_the_named_one(tmp_path: Path) -> None:
    own = tmp_path / "pallet" / "registries.toml"
    own.parent.mkdir()
    own.write_text("")
    environ = {"HOME": "/nowhere", "XDG_CONFIG_HOME": str(tmp_path)}
    assert make_settings(environ, uid=0).registries_file == str(own)
    assert make_settings({**environ, "PALLET_REGISTRIES": "/r.toml"}, uid=0).registries_file == "/r.toml"


def test_snapshotters() -> None:
    environ = {"HOME": "/root", "PALLET_SNAPSHOTTER": "erofs"}
    assert make_settings(environ, uid=0).snapshotter == "erofs"
    assert make_settings(environ, snapshotter="overlay", uid=0).snapshotter == "overlay"
    with pytest.raises(InvalidInput, match='unknown snapshotter "zfs"'):
        make_settings({**environ, "PALLET_SNAPSHOTTER": "zfs"}, uid=0)
