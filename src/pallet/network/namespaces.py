"""Going into network namespaces, and making them.

A thread goes there, and ends: a user without privileges has no leave to come back to the machine's own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeVar

from pallet.errors import HostError
from pallet.host import mounts

_T = TypeVar("_T")


def run_in_network(netns: int, function: Callable[[], _T]) -> _T:
    """Call `function` in another network namespace; programs that it starts are in it, too.

    Args:
        netns: the namespace, open.
        function: what is done there.

    Raises:
        HostError: there is no leave to enter it.
        Exception: whatever `function` raises.
    """
    return _in_thread(lambda: mounts.setns(netns, mounts.CLONE_NEWNET), function, "enter")


def new_namespace() -> int:
    """A network namespace of nobody's, open.

    Raises:
        HostError: it cannot be made.
    """
    return _in_thread(lambda: mounts.unshare(mounts.CLONE_NEWNET), _own_namespace, "make")


def _own_namespace() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _in_thread(go: Callable[[], None], function: Callable[[], _T], verb: str) -> _T:
    results: list[_T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            try:
                go()
            except OSError as error:
                raise HostError(f"cannot {verb} a network namespace: {error.strerror}") from error
            results.append(function())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="network-namespace")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]
