"""One container, as docker-py knows it."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, overload

from pallet.errors import InvalidInput, Unsupported
from pallet.sdk.arguments import Moment, json_object, lines, log_tail, nanoseconds, optional_reference
from pallet.sdk.container_streams import ContainerStreams
from pallet.sdk.container_verbs import ContainerVerbs
from pallet.sdk.image import Image
from pallet.sdk.stream import CHUNK_SIZE, Pipe, produced

if TYPE_CHECKING:
    from pallet.sdk.engine import Engine

_PAUSE = 0.05  # seconds between looks at a container that is waited for with a time limit


class Container(ContainerVerbs, ContainerStreams):
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
    def short_id(self) -> str:
        """The first 12 hex digits."""
        return self._id[:12]

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def status(self) -> str:
        """What it is doing right now: `created`, `running`, `paused` or `exited`.

        Raises:
            NoSuchContainer: it is gone.
        """
        from pallet.ops.container_state import current

        return current(self._engine, self._id)[1].name

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

    def wait(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait until it does not run.

        Args:
            timeout: seconds to wait at the most; for ever if not given.

        Returns:
            `{"StatusCode": code}`: how its last run ended.

        Raises:
            NoSuchContainer: it is gone.
            TimeoutError: it still runs.
        """
        from pallet.ops.container_state import current
        from pallet.ops.container_wait import wait_container

        if timeout is not None:
            end = time.monotonic() + timeout
            while current(self._engine, self._id)[1].running:
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"container {self.short_id} still runs after {timeout:g} s")
                time.sleep(min(_PAUSE, left))
        code = wait_container(self._engine, self._id)
        self._attrs = None
        return {"StatusCode": code}

    @overload
    def logs(
        self,
        stdout: bool = True,
        stderr: bool = True,
        stream: Literal[False] = False,
        timestamps: bool = False,
        tail: int | Literal["all"] = "all",
        since: Moment | None = None,
        follow: bool | None = None,
        until: Moment | None = None,
    ) -> bytes: ...

    @overload
    def logs(
        self,
        stdout: bool = True,
        stderr: bool = True,
        *,
        stream: Literal[True],
        timestamps: bool = False,
        tail: int | Literal["all"] = "all",
        since: Moment | None = None,
        follow: bool | None = None,
        until: Moment | None = None,
    ) -> Iterator[bytes]: ...

    @overload
    def logs(
        self,
        stdout: bool = True,
        stderr: bool = True,
        stream: bool = False,
        timestamps: bool = False,
        tail: int | Literal["all"] = "all",
        since: Moment | None = None,
        follow: bool | None = None,
        until: Moment | None = None,
    ) -> bytes | Iterator[bytes]: ...

    def logs(
        self,
        stdout: bool = True,
        stderr: bool = True,
        stream: bool = False,
        timestamps: bool = False,
        tail: int | Literal["all"] = "all",
        since: Moment | None = None,
        follow: bool | None = None,
        until: Moment | None = None,
    ) -> bytes | Iterator[bytes]:
        """What it wrote.

        Args:
            stdout: its output.
            stderr: its errors.
            stream: an iterator over pieces, each a line or a part of a long one, instead of all at once.
            timestamps: the time before each line.
            tail: how many lines from the end.
            since: nothing older.
            follow: go on until it ends; as `stream` if not given.
            until: nothing newer.

        Raises:
            NoSuchContainer: it is gone.
            InvalidInput: neither stream is wanted, or a bad `tail`.

        Example:
            >>> for line in container.logs(stream=True):
            ...     print(line.decode(), end="")
        """
        from pallet.ops.container_logs import container_logs

        if not stdout and not stderr:
            raise InvalidInput("Bad parameters: you must choose at least one stream")
        pieces = container_logs(
            self._engine,
            self._id,
            follow=stream if follow is None else follow,
            tail=log_tail(tail),
            since=nanoseconds(since),
            until=nanoseconds(until),
            timestamps=timestamps,
        )
        wanted = {"stdout": stdout, "stderr": stderr}
        chosen = (piece.data for piece in pieces if wanted[piece.stream])
        return chosen if stream else b"".join(chosen)

    def commit(
        self,
        repository: str | None = None,
        tag: str | None = None,
        message: str | None = None,
        author: str | None = None,
        pause: bool = True,
        changes: str | Iterable[str] | None = None,
    ) -> Image:
        """Make an image from it, running or stopped: its changes become a new layer.

        Args:
            repository: the image's name; none if not given.
            tag: its tag; `latest` if there is none at all.
            message: for the history.
            author: who made it.
            pause: hold its processes still meanwhile.
            changes: Dockerfile instructions for the config, as lines of one text or one by one.

        Raises:
            NoSuchContainer: it is gone.
            InvalidInput: a bad name or change.

        Example:
            >>> container.commit("apache", tag="2", changes=["EXPOSE 80"])
            <Image: 'apache:2'>
        """
        from pallet.ops.commit import commit

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

    def export(self, chunk_size: int | None = CHUNK_SIZE) -> Generator[bytes, None, None]:
        """Its whole file system as a tar, piece by piece; never more than a few pieces are in memory.

        Args:
            chunk_size: bytes of a piece; None for pieces as they come.

        Returns:
            An iterator. Stopping early is fine; `close()` it, or drop it.

        Raises:
            NoSuchContainer: at once: it is gone.
            HostError: while reading: its file system cannot be mounted.

        Example:
            >>> engine.images.import_(container.export(), "apache", tag="flat")
            <Image: 'apache:flat'>
        """
        from pallet.ops.export import export

        engine, id = self._engine, self._id
        engine.store.containers.find_id(id)

        def produce(out: Pipe) -> None:
            export(engine, id, out)

        return produced(produce, chunk_size=chunk_size)

    def remove(self, v: bool = False, link: bool = False, force: bool = False) -> None:
        """Remove it.

        Args:
            v: remove its anonymous volumes too.
            link: not supported.
            force: kill it if it runs.

        Raises:
            NoSuchContainer: it is gone already.
            Conflict: it runs.
        """
        from pallet.ops.container_remove import remove_container

        if link:
            raise Unsupported("link is not supported")
        remove_container(self._engine, self._id, force=force, volumes=v)
        self._attrs = None

    def _inspect(self) -> dict[str, Any]:
        from pallet.ops.container_inspect import inspect_container

        return json_object(inspect_container(self._engine, self._id))

    def __repr__(self) -> str:
        return f"<Container: {self.short_id}>"
