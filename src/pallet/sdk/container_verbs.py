"""What can be done to one container, in docker-py's words: its states, and what it shows of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, overload

from pallet.errors import InvalidInput
from pallet.sdk.limit_words import size
from pallet.sdk.model import Model


class ContainerVerbs(Model):
    """The verbs of `Container`."""

    _name: str

    def pause(self) -> None:
        """Freeze its processes.

        Raises:
            NoSuchContainer: it is gone.
            Conflict: it does not run, or is paused already.
        """
        from pallet.ops.container_pause import pause_container

        pause_container(self._engine, self._id)
        self._attrs = None

    def unpause(self) -> None:
        """Let its processes go on.

        Raises:
            NoSuchContainer: it is gone.
            Conflict: it is not paused.
        """
        from pallet.ops.container_pause import unpause_container

        unpause_container(self._engine, self._id)
        self._attrs = None

    def restart(self, timeout: int | None = None) -> None:
        """Stop it, if it runs, and start it.

        Args:
            timeout: as for `stop`.

        Raises:
            NoSuchContainer: it is gone.
            HostError: it cannot be started.
        """
        from pallet.ops.container_signal import restart_container

        restart_container(self._engine, self._id, timeout=timeout)
        self._attrs = None

    def rename(self, name: str) -> None:
        """Give it another name.

        Raises:
            NoSuchContainer: it is gone.
            InvalidInput: not a name, or its own.
            Conflict: the name is taken.
        """
        from pallet.ops.container_rename import rename_container

        rename_container(self._engine, self._id, name)
        self._name = name.removeprefix("/")
        self._attrs = None

    def resize(self, height: int, width: int) -> None:
        """Give its terminal a size.

        Args:
            height: in lines.
            width: in characters.

        Raises:
            NoSuchContainer: it is gone.
            Conflict: it does not run.
        """
        from pallet.ops.container_resize import resize_container

        resize_container(self._engine, self._id, height, width)

    def update(
        self,
        blkio_weight: int = 0,
        cpu_period: int = 0,
        cpu_quota: int = 0,
        cpu_shares: int = 0,
        cpuset_cpus: str = "",
        cpuset_mems: str = "",
        mem_limit: int | str = 0,
        mem_reservation: int | str = 0,
        memswap_limit: int | str = 0,
        kernel_memory: int | str = 0,
        restart_policy: Mapping[str, Any] | None = None,
    ) -> dict[str, list[str]]:
        """Give it other limits, or another restart policy; what is not given stays as it is.

        Args:
            blkio_weight: 10 to 1000.
            cpu_period: microseconds.
            cpu_quota: microseconds in each period.
            cpu_shares: the weight against other containers.
            cpuset_cpus: `0-3,7`.
            cpuset_mems: the memory nodes.
            mem_limit: bytes, or a text such as `512m`.
            mem_reservation: likewise.
            memswap_limit: memory and swap together, likewise; -1 for unlimited swap.
            kernel_memory: likewise.
            restart_policy: `{"Name": "on-failure", "MaximumRetryCount": 5}`.

        Returns:
            `{"Warnings": [...]}`: what this machine cannot limit.

        Raises:
            NoSuchContainer: it is gone.
            InvalidInput: limits that make no sense.
            Conflict: they do not go with those that it has.
        """
        from pallet.ops.container_update import update_container
        from pallet.store.host_config import Resources, RestartPolicy

        resources = Resources(
            blkio_weight=blkio_weight,
            cpu_period=cpu_period,
            cpu_quota=cpu_quota,
            cpu_shares=cpu_shares,
            cpuset_cpus=cpuset_cpus,
            cpuset_mems=cpuset_mems,
            memory=size(mem_limit),
            memory_reservation=size(mem_reservation),
            memory_swap=size(memswap_limit),
            kernel_memory=size(kernel_memory),
        )
        policy = None
        if restart_policy is not None:
            policy = RestartPolicy(restart_policy.get("Name", ""), restart_policy.get("MaximumRetryCount", 0))
        warnings: list[str] = []
        update_container(self._engine, self._id, resources, policy, warn=warnings.append)
        self._attrs = None
        return {"Warnings": warnings}

    def top(self, ps_args: str | None = None) -> dict[str, Any]:
        """Its processes.

        Args:
            ps_args: ps's arguments; `-ef` if not given.

        Returns:
            `{"Titles": [...], "Processes": [[...], ...]}`.

        Raises:
            NoSuchContainer: it is gone.
            Conflict: it does not run.
        """
        from pallet.ops.container_top import container_top

        found = container_top(self._engine, self._id, (ps_args,) if ps_args else ())
        return {"Titles": list(found.titles), "Processes": [list(row) for row in found.rows]}

    def diff(self) -> list[dict[str, Any]]:
        """What it changed in its file system: `{"Path": "/new", "Kind": 1}`; 0 is changed, 1 added, 2 deleted.

        Raises:
            NoSuchContainer: it is gone.
        """
        from pallet.ops.container_diff import diff_container

        return [{"Path": path, "Kind": "CAD".index(letter)} for letter, path in diff_container(self._engine, self._id)]

    @overload
    def stats(
        self, decode: Literal[False] | None = None, stream: Literal[True] = True, one_shot: bool = False
    ) -> Iterator[bytes]: ...

    @overload
    def stats(
        self, decode: Literal[True], stream: Literal[True] = True, one_shot: bool = False
    ) -> Iterator[dict[str, Any]]: ...

    @overload
    def stats(
        self, decode: bool | None = None, *, stream: Literal[False], one_shot: bool = False
    ) -> dict[str, Any]: ...

    def stats(self, decode: bool | None = None, stream: bool = True, one_shot: bool = False) -> Any:
        """What it takes: docker's JSON object, as far as this machine can tell.

        Args:
            decode: give objects, not lines of JSON; without `stream` it is an object in any case.
            stream: an iterator with a new look each second, until it ends, instead of one.
            one_shot: a single look at once, with nothing to compare it with; not with `stream`.

        Raises:
            NoSuchContainer: it is gone.
            InvalidInput: `one_shot` and `stream`.

        Example:
            >>> container.stats(stream=False)["memory_stats"]["usage"]
            6275072
        """
        from pallet.sdk.events import encoded
        from pallet.sdk.stats import look, looks

        if one_shot:
            if stream:
                raise InvalidInput("one_shot is only available in conjunction with stream=False")
            return look(self._engine, self._id)
        found = looks(self._engine, self._id)
        if not stream:
            return next(found)
        return found if decode else encoded(found)
