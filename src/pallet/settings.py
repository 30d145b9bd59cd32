"""Where pallet keeps things and what it runs with: one immutable value.

`pallet.environment` makes one of these; everything else is handed the value.
"""

from __future__ import annotations

SNAPSHOTTERS = ("auto", "overlay", "erofs")


class Settings:
    """All settings.

    Args:
        root: the directory of the store: images, layers, containers' files.
        run_dir: the directory for what a reboot may lose: sockets, pid files, locks of running containers.
        runtime: the OCI runtime's name or path; None to take the first that works of crun and runc.
        docker_config: the directory with docker's `config.json` (credentials).
        snapshotter: how layers are kept: `overlay`, unpacked; `erofs`, as images that the kernel mounts; `auto`, the
            better one of those that work here.
        registries_file: the TOML file on mirrors and insecure registries; None if there is none.
        proxies: the values of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, for registries; each may be empty.
    """

    __slots__ = ("docker_config", "proxies", "registries_file", "root", "run_dir", "runtime", "snapshotter")

    root: str
    run_dir: str
    runtime: str | None
    snapshotter: str
    docker_config: str
    registries_file: str | None
    proxies: tuple[str, str, str]

    def __init__(
        self,
        root: str,
        run_dir: str,
        *,
        docker_config: str,
        runtime: str | None = None,
        snapshotter: str = "auto",
        registries_file: str | None = None,
        proxies: tuple[str, str, str] = ("", "", ""),
    ) -> None:
        put = object.__setattr__
        put(self, "root", root)
        put(self, "run_dir", run_dir)
        put(self, "runtime", runtime)
        put(self, "snapshotter", snapshotter)
        put(self, "docker_config", docker_config)
        put(self, "registries_file", registries_file)
        put(self, "proxies", proxies)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings are immutable: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"settings are immutable: {name}")
