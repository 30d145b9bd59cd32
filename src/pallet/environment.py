"""From the environment and what the user says to settings. Nothing else in pallet looks into the environment.

Those through whom pallet is started hand it over: the command line, and `pallet.from_env()`.
"""

from __future__ import annotations

import os

from pallet.errors import HostError, InvalidInput
from pallet.settings import SNAPSHOTTERS, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

# Whose directories are meant where a user is root: set in programs that have moved into the user's namespace.
_OUTSIDE = "PALLET_UID"
_SYSTEM_ROOT = "/var/lib/pallet"
_SYSTEM_RUN = "/run/pallet"
_SYSTEM_REGISTRIES = "/etc/pallet/registries.toml"


def default_config_dir(environ: Mapping[str, str]) -> str:
    """Where docker's `config.json` is: `DOCKER_CONFIG`, or `.docker` in the home directory."""
    return environ.get("DOCKER_CONFIG") or f"{_home(environ)}/.docker"


def user_id(environ: Mapping[str, str]) -> int:
    """Whose store and run directory are meant: this process's user's, or who that was outside its user namespace."""
    uid, outside = os.geteuid(), environ.get(_OUTSIDE, "")
    return int(outside) if uid == 0 and outside.isdigit() else uid


def note_user(environ: MutableMapping[str, str]) -> None:
    """Note who the user is, before it becomes root in its user namespace; programs that it starts there see it, too."""
    environ[_OUTSIDE] = str(os.geteuid())


def make_settings(
    environ: Mapping[str, str],
    *,
    root: str = "",
    run_dir: str = "",
    runtime: str = "",
    snapshotter: str = "",
    registries_file: str = "",
    config_dir: str = "",
    uid: int | None = None,
) -> Settings:
    """Make the settings.

    Read are `PALLET_ROOT`, `PALLET_RUN`, `PALLET_RUNTIME`, `PALLET_SNAPSHOTTER`, `PALLET_REGISTRIES`, `DOCKER_CONFIG`,
    `HOME`, `XDG_DATA_HOME`, `XDG_RUNTIME_DIR`, `XDG_CONFIG_HOME`, and the proxy variables in small and capital letters.

    Args:
        environ: the environment.
        root: the store's directory (the global flag `--root`), which wins over the environment; empty if not given.
        run_dir: the run directory, likewise.
        runtime: the OCI runtime (`--runtime`), likewise.
        snapshotter: `overlay`, `erofs` or `auto` (`--snapshotter`), likewise.
        registries_file: the file on registries, likewise.
        config_dir: the directory with docker's `config.json` (`--config`), likewise.
        uid: who asks, if not the process's own user.

    Raises:
        InvalidInput: there is no such snapshotter.
        HostError: the run directory is another user's.
    """
    uid = user_id(environ) if uid is None else uid
    snapshotter = snapshotter or environ.get("PALLET_SNAPSHOTTER", "") or "auto"
    if snapshotter not in SNAPSHOTTERS:
        raise InvalidInput(f'unknown snapshotter "{snapshotter}"', hint=f"There are {', '.join(SNAPSHOTTERS)}.")
    chosen = root or environ.get("PALLET_ROOT", "")
    default = _SYSTEM_ROOT if uid == 0 else f"{_xdg(environ, 'XDG_DATA_HOME', '.local/share')}/pallet"
    store = os.path.abspath(chosen) if chosen else default  # noqa: PTH100 - pathlib is too slow to import here
    run_dir = run_dir or environ.get("PALLET_RUN", "")
    if not run_dir:
        run_dir = _run_base(environ, uid)
        if store != default:
            run_dir += "/" + _store_key(store)
    return Settings(
        store,
        os.path.abspath(run_dir),  # noqa: PTH100 - likewise
        docker_config=config_dir or default_config_dir(environ),
        runtime=runtime or environ.get("PALLET_RUNTIME") or None,
        snapshotter=snapshotter,
        registries_file=registries_file or _registries_file(environ),
        proxies=_proxies(environ),
    )


def _proxies(environ: Mapping[str, str]) -> tuple[str, str, str]:
    """The proxy variables in either spelling, the small one first, as curl and Go read them."""
    http, https, none = (
        environ.get(name) or environ.get(name.upper()) or "" for name in ("http_proxy", "https_proxy", "no_proxy")
    )
    return http, https, none


def _home(environ: Mapping[str, str]) -> str:
    return environ.get("HOME") or os.path.expanduser("~")


def _xdg(environ: Mapping[str, str], name: str, below_home: str) -> str:
    path = environ.get(name, "")
    # The XDG specification has relative paths ignored.
    return path if path.startswith("/") else f"{_home(environ)}/{below_home}"


def _run_base(environ: Mapping[str, str], uid: int) -> str:
    if uid == 0:
        return _SYSTEM_RUN
    runtime_dir = environ.get("XDG_RUNTIME_DIR", "")
    if runtime_dir.startswith("/"):
        return f"{runtime_dir}/pallet"
    # Where a login session has it: who comes without that variable (cron, a library) must find the same containers.
    usual = f"/run/user/{uid}"
    if os.path.isdir(usual):
        return f"{usual}/pallet"
    shared = f"/tmp/pallet-{uid}"
    try:
        owner = os.lstat(shared).st_uid
    except FileNotFoundError:
        return shared
    if owner != uid:
        raise HostError(f"{shared} is another user's", hint="Set XDG_RUNTIME_DIR to a directory of your own.")
    return shared


def _store_key(store: str) -> str:
    """A short name for a store, so that two stores never share a run directory (and socket paths stay short)."""
    from pallet.digest import sha256_hex

    return sha256_hex(os.fsencode(os.path.realpath(store)))[:12]


def _registries_file(environ: Mapping[str, str]) -> str | None:
    named = environ.get("PALLET_REGISTRIES", "")
    if named:
        return named
    for path in (f"{_xdg(environ, 'XDG_CONFIG_HOME', '.config')}/pallet/registries.toml", _SYSTEM_REGISTRIES):
        if os.path.exists(path):
            return path
    return None
