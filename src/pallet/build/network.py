"""The network of a build: one namespace on the bridge, made when the first RUN wants it, shared by all of them."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack

from pallet.errors import HostError
from pallet.host.idmap import in_user_namespace


class BuildNetwork:
    """A place on the bridge for as long as a context lasts. Whoever is killed gives it back by dying.

    Attributes:
        gateway: the bridge's address, once there is a namespace.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._id = os.urandom(32).hex()
        self._fd = -1
        self._connected = False
        self._own = ExitStack()  # what a user without privileges has instead of the bridge
        self.gateway = ""

    def __enter__(self) -> BuildNetwork:
        return self

    def __exit__(self, *error: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._own.close()
        if self._connected and not in_user_namespace():
            from pallet.network.bridge import disconnect

            disconnect(self._id)
        self._connected = False

    def namespace(self) -> int:
        """The network namespace, open.

        Raises:
            HostError: it cannot be made.
        """
        with self._lock:
            if not self._connected:
                self._fd = _new_namespace()
                if in_user_namespace():
                    self._begin_own()
                    return self._fd
                from pallet.network.bridge import Connection

                with Connection(self._id, f"build-{self._id[:12]}", ()) as connection:
                    connection.begin(self._fd)
                    connection.finish()
                    self.gateway = connection.state.gateway
                    self._connected = True
            return self._fd

    def _begin_own(self) -> None:
        import tempfile

        from pallet.network.usermode import GATEWAY, Uplink

        directory = self._own.enter_context(tempfile.TemporaryDirectory(prefix="pallet-"))
        uplink = self._own.enter_context(Uplink(directory))
        uplink.begin(self._fd)
        uplink.finish()
        self.gateway = GATEWAY
        self._connected = True


def _new_namespace() -> int:
    """A network namespace of nobody's, open, made by a thread that ends with it."""
    found: list[int | OSError] = []

    def make() -> None:
        try:
            from pallet.host import mounts

            mounts.unshare(mounts.CLONE_NEWNET)
            found.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            found.append(error)

    thread = threading.Thread(target=make, name="network-namespace")
    thread.start()
    thread.join()
    if isinstance(found[0], OSError):
        raise HostError(f"cannot make a network namespace: {found[0].strerror}") from found[0]
    return found[0]
