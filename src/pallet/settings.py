"""Where pallet keeps things and what it runs with: one immutable value.

`pallet.environment` makes one of these; everything else is handed the value.
"""

from __future__ import annotations


class Settings:
    """All settings.

    Args:
        root: the directory of the store: images, layers, containers' files.
        run_dir: the directory for what a reboot may lose: sockets, pid files, locks of running containers.
        runtime: the OCI runtime's name or path; None to take the first that works of crun and runc.
        docker_config: the directory with docker's `config.json` (credentials).
        registries_file: the TOML file on mirrors and insecure registries; None if there is none.
    """

    __slots__ = ("docker_config", "registries_file", "root", "run_dir", "runtime")

    root: str
    run_dir: str
    runtime: str | None
    docker_config: str
    registries_file: str | None

    def __init__(
        self,
        root: str,
        run_dir: str,
        *,
        docker_config: str,
        runtime: str | None = None,
        registries_file: str | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "root", root)
        put(self, "run_dir", run_dir)
        put(self, "runtime", runtime)
        put(self, "docker_config", docker_config)
        put(self, "registries_file", registries_file)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings are immutable: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"settings are immutable: {name}")
