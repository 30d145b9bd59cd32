"""What a container's start asks of its networks, however they are made."""

from __future__ import annotations

from typing import Protocol

from pallet.store.container_record import NetworkState


class Places(Protocol):
    """A container's places in its networks, in the making: a context, and these steps, in this order."""

    @property
    def kept(self) -> tuple[int, ...]:
        """The open files that conmon has to hold."""

    @property
    def state(self) -> NetworkState:
        """The place in the first network, as the store keeps it."""

    @property
    def places(self) -> dict[str, NetworkState]:
        """The place in each network, by the network's id."""

    def begin(self, netns: int) -> None:
        """Begin to make links, while the caller goes on; `netns` is the container's namespace, open until the end."""

    def finish(self) -> None:
        """Wait until all of it works."""

    def hold(self, pid: int, start: int) -> None:
        """Bind it all to the container's first process."""

    def close(self) -> None:
        """Let go; without `finish`, of the places as well."""

    def __enter__(self) -> Places: ...
    def __exit__(self, *error: object) -> None: ...
