"""`pallet.Engine`: the engine with its images, containers, networks, volumes and events."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

from pallet import engine as core
from pallet.environment import make_settings, note_user, user_id
from pallet.errors import HostError
from pallet.sdk.containers import Containers
from pallet.sdk.images import Images
from pallet.sdk.networks import Networks
from pallet.sdk.stream import CancellableStream
from pallet.sdk.volumes import Volumes
from pallet.settings import Settings

if TYPE_CHECKING:
    from pallet.registry.client import Registry
    from pallet.sdk.arguments import Filters, Moment


class EventWords(TypedDict, total=False):
    """What `Engine.events` may be told besides `decode`."""

    since: Moment | None
    until: Moment | None
    filters: Filters | None


class Engine(core.Engine):
    """Images and containers of one store. There is no daemon: the work is done in this process.

    Several engines, and the `pallet` command, may work on one store at the same time. Threads may share an engine;
    processes made by `os.fork` must each make their own. It is a context manager that closes itself.

    Args:
        root: the store's directory; where it usually is (`/var/lib/pallet` for root, below the home directory for
            others) if not given.
        run_dir: the directory for what a reboot may lose. The `pallet` command finds the same running containers only
            if it is given the same one.
        runtime: the OCI runtime's name or path; the first that works of crun and runc if not given.
        registries_file: the TOML file on mirrors and insecure registries; the user's or the system's if not given.
        docker_config: the directory with docker's `config.json` (credentials); `~/.docker` if not given.

    Nothing of the environment is looked at, proxies included: `pallet.from_env` does that.

    A user without privileges has its first engine move the whole process into the user's namespace, for good: there it
    is root over its own ids (README.md, "Without root"). That has to be before the program starts threads.

    Raises:
        HostError: the process of a user without privileges has threads, or the machine allows no user namespaces.

    Example:
        >>> with pallet.Engine() as engine:
        ...     print(engine.images.list())
        [<Image: 'ubuntu:latest'>]
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        run_dir: str | os.PathLike[str] | None = None,
        runtime: str | None = None,
        registries_file: str | os.PathLike[str] | None = None,
        docker_config: str | os.PathLike[str] | None = None,
        *,
        settings: Settings | None = None,
    ) -> None:
        super().__init__(
            settings
            or make_settings(
                {},
                root=_path(root),
                run_dir=_path(run_dir),
                runtime=runtime or "",
                registries_file=_path(registries_file),
                config_dir=_path(docker_config),
                uid=user_id(os.environ),
            )
        )
        if os.geteuid() != 0:
            _enter(self.settings)
        self._images = Images(self)
        self._containers = Containers(self)
        self._networks = Networks(self)
        self._volumes = Volumes(self)
        # The parts share one connection; two threads must not each make one.
        _ = (self.snapshots, self.store.blobs, self.store.images, self.store.containers)
        _ = (self.store.networks, self.store.volumes, self.store.events)

    @property
    def images(self) -> Images:
        """The images: pull, list, get, load, ..."""
        return self._images

    @property
    def containers(self) -> Containers:
        """The containers: run, list, get, ..."""
        return self._containers

    @property
    def networks(self) -> Networks:
        """The networks: create, list, get, prune."""
        return self._networks

    @property
    def volumes(self) -> Volumes:
        """The volumes: create, list, get, prune."""
        return self._volumes

    @property
    def registry(self) -> Registry:
        """The client of all registries; who has logged in with `login` is known to it."""
        if self._registry is None:
            from pallet.registry.client import Registry
            from pallet.sdk.credentials import SessionCredentials

            self._registry = Registry(self.settings, credentials=SessionCredentials(self.settings.docker_config))
        return self._registry

    def ping(self) -> bool:
        """Whether the store can be read; always True, or an error.

        Raises:
            HostError: it cannot.
        """
        self.store.images.rows()
        return True

    def version(self) -> dict[str, Any]:
        """What pallet is, and what it runs containers with: docker's JSON object, with a component for each program."""
        from pallet.sdk.system import version

        return version(self)

    def info(self) -> dict[str, Any]:
        """What this pallet and this machine are: docker's JSON object, as far as it means something without a daemon.

        Example:
            >>> engine.info()["DefaultRuntime"]
            'crun'
        """
        import msgspec

        from pallet.ops.info import system_info

        found: dict[str, Any] = msgspec.to_builtins(system_info(self))
        return found

    def df(self) -> dict[str, Any]:
        """Where the store's bytes are: docker's `LayersSize`, `Images`, `Containers`, `Volumes` and `BuildCache`."""
        from pallet.sdk.system import disk_usage

        return disk_usage(self)

    def login(
        self, username: str, password: str, email: str | None = None, registry: str | None = None
    ) -> dict[str, str]:
        """Check a user's password with a registry, and use it as long as this engine lives.

        Unlike `pallet login` it writes nothing to docker's config.json.

        Args:
            username: who the user says they are.
            password: their password or token.
            email: taken, as docker-py has it; registries do not ask for it any more.
            registry: its host or URL; Docker Hub if not given.

        Returns:
            `{"Status": "Login Succeeded", "IdentityToken": ""}`.

        Raises:
            Unauthorized: the registry refuses it.
            Unavailable: the registry does not answer.
        """
        from pallet.registry.credentials import DOCKER_HUB_KEY

        return {"Status": self.registry.login(registry or DOCKER_HUB_KEY, username, password), "IdentityToken": ""}

    @overload
    def events(self, *, decode: Literal[True], **words: Unpack[EventWords]) -> CancellableStream[dict[str, Any]]: ...

    @overload
    def events(
        self, *, decode: Literal[False] | None = None, **words: Unpack[EventWords]
    ) -> CancellableStream[bytes]: ...

    def events(
        self,
        since: Moment | None = None,
        until: Moment | None = None,
        filters: Filters | None = None,
        decode: bool | None = None,
    ) -> CancellableStream[dict[str, Any]] | CancellableStream[bytes]:
        """What happens in this store, whichever process does it.

        Args:
            since: begin with what happened then; with what happens from now on if not given.
            until: end then; go on until the iterator is closed, which any thread may do, if not given.
            filters: `container`, `event`, `image`, `label`, `network`, `type`, `volume`; a value, or a list of them.
            decode: give JSON objects, not lines of JSON.

        Raises:
            InvalidInput: `since` is later than `until`.

        Example:
            >>> for event in engine.events(decode=True, filters={"event": "die"}):
            ...     print(event["Actor"]["Attributes"]["exitCode"])
        """
        from pallet.sdk.events import encoded, events

        if decode:
            return CancellableStream(lambda closed: events(self, since, until, filters, closed))
        return CancellableStream(lambda closed: encoded(events(self, since, until, filters, closed)))

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Engine: {self.settings.root!r}>"


def from_env(environment: Mapping[str, str] | None = None) -> Engine:
    """An engine with the settings that the `pallet` command would have.

    Args:
        environment: `PALLET_ROOT`, `PALLET_RUN`, `PALLET_RUNTIME`, `PALLET_REGISTRIES`, `DOCKER_CONFIG`, `HOME`, the
            `XDG_` directories and the proxies are read from it; `os.environ` if not given.

    Example:
        >>> engine = pallet.from_env()
        >>> engine = pallet.from_env({"PALLET_ROOT": "/srv/pallet", "HOME": "/root"})
    """
    environment = os.environ if environment is None else environment
    return Engine(settings=make_settings(environment, uid=user_id(os.environ)))


def _enter(settings: Settings) -> None:
    """Move this process into the user's namespace, as the command does."""
    if len(os.listdir("/proc/self/task")) > 1:
        raise HostError(
            "without privileges the first pallet.Engine() needs a process with a single thread: "
            "make it before the program starts threads, or call the pallet command"
        )
    from pallet.host.userns import enter_user_namespace

    note_user(os.environ)
    note = enter_user_namespace(settings.run_dir)
    if note:
        import warnings

        warnings.warn(note, RuntimeWarning, stacklevel=3)


def _path(path: str | os.PathLike[str] | None) -> str:
    return "" if path is None else os.fspath(path)
