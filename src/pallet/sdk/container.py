"""One container, as docker-py knows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pallet.errors import Conflict, Unsupported
from pallet.sdk.arguments import json_object, lines, optional_reference
from pallet.sdk.container_files import ContainerFiles
from pallet.sdk.container_streams import ContainerStreams
from pallet.sdk.container_verbs import ContainerVerbs
from pallet.sdk.image import Image

if TYPE_CHECKING:
    from pallet.sdk.engine import Engine


class Container(ContainerVerbs, ContainerStreams, ContainerFiles):
    """One container. `engine.containers` makes these. Two are equal if they have the same id.

    Args:
        engine: whose store.
        id: its full id.
        name: its name.
    """

    def __init__(self, engine: Engine, id: str, name: str) -> None:
        super().__init__(engine, id)
        self._name = name

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def status(self) -> str:
        """What it is doing right now: `created`, `running`, `paused`, `restarting` or `exited`.

        Raises:
            NoSuchContainer: it is gone.
        """
        from pallet.ops.container_state import current

        return current(self._engine, self._id)[1].name

    @property
    def health(self) -> str:
        """How its health check goes right now: `starting`, `healthy` or `unhealthy`; `unknown` if it has none.

        Raises:
            NoSuchContainer: it is gone.
        """
        found: str = self._inspect()["State"].get("Health", {}).get("Status", "unknown")
        return found

    @property
    def image(self) -> Image:
        """The image that it was made from.

        Raises:
            NoSuchContainer: it is gone.
        """
        return Image(self._engine, self._engine.store.containers.find(self._id).image)

    @property
    def labels(self) -> dict[str, str]:
        """Its labels.

        Raises:
            NoSuchContainer: it is gone.
        """
        return dict(self._engine.store.containers.find(self._id).config.labels or {})

    @property
    def ports(self) -> dict[str, list[dict[str, str]] | None]:
        """Its ports and where each is published right now: `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}`.

        Raises:
            NoSuchContainer: it is gone.
        """
        found: dict[str, list[dict[str, str]] | None] = self._inspect()["NetworkSettings"]["Ports"]
        return found

    def start(self) -> None:
        """Start it; nothing happens if it runs.

        Raises:
            NoSuchContainer: it is gone.
            RuntimeFailed: its command cannot be started.
            HostError: something that it needs is missing, such as a free port.
        """
        from pallet.ops.container_run import run_detached

        run_detached(self._engine, self._engine.store.containers.find(self._id))
        self._attrs = None

    def stop(self, timeout: int | None = None) -> None:
        """Ask it to end, then make it; nothing happens if it does not run.

        Args:
            timeout: seconds from asking to killing; the container's own, else 10, if not given.

        Raises:
            NoSuchContainer: it is gone.
        """
        from pallet.ops.container_signal import stop_container

        stop_container(self._engine, self._id, timeout=timeout)
        self._attrs = None

    def kill(self, signal: str | int | None = None) -> None:
        """Send a signal to its first process.

        Args:
            signal: a name or number; `KILL` if not given.

        Raises:
            InvalidInput: no such signal.
            NotFound: it is gone.
            Conflict: it does not run.

        Example:
            >>> container.kill("HUP")
        """
        from pallet.ops.container_signal import kill_container

        # An int may be a `signal.Signals`, whose text is its name in some versions of Python.
        word = str(int(signal)) if isinstance(signal, int) else signal or "KILL"
        kill_container(self._engine, self._id, word)
        self._attrs = None

    def wait(self, timeout: float | None = None, condition: str | None = None) -> dict[str, Any]:
        """Wait until it does not run.

        Args:
            timeout: seconds to wait at the most; for ever if not given.
            condition: `not-running`; `next-exit` to wait for a run to end that may not have begun yet; `removed`.

        Returns:
            `{"StatusCode": code}`: how its last run ended.

        Raises:
            NoSuchContainer: it is gone.
            InvalidInput: another condition.
            TimeoutError: it has not come to that.
        """
        from pallet.sdk.waiting import wait_until

        code = wait_until(self._engine, self._id, condition or "not-running", timeout)
        self._attrs = None
        return {"StatusCode": code}

    def commit(
        self,
        repository: str | None = None,
        tag: str | None = None,
        message: str | None = None,
        author: str | None = None,
        pause: bool = True,
        changes: str | Iterable[str] | None = None,
        conf: Mapping[str, Any] | None = None,
    ) -> Image:
        """Make an image from it, running or stopped: its changes become a new layer.

        Args:
            repository: the image's name; none if not given.
            tag: its tag; `latest` if there is none at all.
            message: for the history.
            author: who made it.
            pause: hold its processes still meanwhile.
            changes: Dockerfile instructions for the config, as lines of one text or one by one.
            conf: not supported: say it with `changes`.

        Raises:
            NoSuchContainer: it is gone.
            InvalidInput: a bad name or change.
            Unsupported: `conf` is given.

        Example:
            >>> container.commit("apache", tag="2", changes=["EXPOSE 80"])
            <Image: 'apache:2'>
        """
        from pallet.ops.commit import commit

        if conf:
            raise Unsupported("conf is not supported", hint="say it with changes")
        id = commit(
            self._engine,
            self._id,
            optional_reference(repository, tag, "commit to"),
            author=author or "",
            message=message or "",
            changes=lines(changes),
            pause=pause,
        )
        return Image(self._engine, id)

    def remove(self, v: bool = False, link: bool = False, force: bool = False) -> None:
        """Remove it.

        Args:
            v: remove its anonymous volumes too.
            link: refused, as docker does: what it would remove is a link, `web/db`, which no container is called.
            force: kill it if it runs.

        Raises:
            NoSuchContainer: it is gone already.
            Conflict: it runs.
        """
        from pallet.ops.container_remove import remove_container

        if link:
            raise Conflict("Conflict, cannot remove the default link name of the container")
        remove_container(self._engine, self._id, force=force, volumes=v)
        self._attrs = None

    def _inspect(self) -> dict[str, Any]:
        from pallet.ops.container_inspect import inspect_container

        return json_object(inspect_container(self._engine, self._id))
