"""The network of a build: one namespace on the bridge, made when the first RUN wants it, shared by all of them."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack

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
            from pallet.network.bridge import Bridges

            Bridges().disconnect(self._id)
        self._connected = False

    def namespace(self) -> int:
        """The network namespace, open.

        Raises:
            HostError: it cannot be made.
        """
        with self._lock:
            if not self._connected:
                from pallet.network.namespaces import new_namespace

                self._fd = new_namespace()
                if in_user_namespace():
                    self._begin_own()
                    return self._fd
                from pallet.network.bridge import Bridges
                from pallet.network.plans import Wanted
                from pallet.store.networks import BRIDGE

                with Bridges().connect(self._id, [Wanted(BRIDGE, (f"build-{self._id[:12]}",))]) as connection:
                    connection.begin(self._fd)
                    connection.finish()
                    self.gateway = connection.state.gateway
                    self._connected = True
            return self._fd

    def _begin_own(self) -> None:
        import tempfile

        from pallet.network.uplink import GATEWAY, Uplink

        directory = self._own.enter_context(tempfile.TemporaryDirectory(prefix="pallet-"))
        uplink = self._own.enter_context(Uplink(directory))
        uplink.begin(self._fd)
        uplink.finish()
        self.gateway = GATEWAY
        self._connected = True
