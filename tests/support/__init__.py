"""Real surroundings for the tests: registries, root file systems, hand-made images, a docker daemon, leak checks.

Nothing here stands in for pallet itself; what is made here is what pallet meets in the field.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SESSION_MARK = "PALLET_TEST_SESSION"  # an environment variable: the run's mark, inherited by all that it starts

# Tools that are not in PATH where they are installed, or of which PATH may hold another version.
_PLACES = {
    "netavark": "/usr/lib/podman/netavark",
    "aardvark-dns": "/usr/lib/podman/aardvark-dns",
    "docker": "/usr/bin/docker",
    "dockerd": "/usr/sbin/dockerd",
}
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def need(tool: str) -> str:
    """The path of a tool; a test that needs one that is not installed is skipped (under CI that is a failure).

    The skip's reason starts with "missing tool", which tests/conftest.py looks for.
    """
    found = shutil.which(_PLACES.get(tool, tool), path=_PATH)
    if found is None:
        pytest.skip(f"missing tool {tool}", allow_module_level=True)
    return found


def wait_until(condition: Callable[[], bool], what: str, *, seconds: float = 30.0) -> None:
    """Returns as soon as the condition holds.

    Raises:
        TimeoutError: it does not hold within the given seconds.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def scratch(kind: str) -> Path:
    """A new directory with a short name that the run's leak check knows; the caller removes it."""
    return Path(tempfile.mkdtemp(prefix=f"{scratch_prefix()}{kind}-"))


def scratch_prefix() -> str:
    """What the paths of all scratch directories of this run start with."""
    return f"{tempfile.gettempdir()}/pallet-{os.environ.get(SESSION_MARK, 'test')}-"


@contextmanager
def refusing_port() -> Iterator[int]:
    """A TCP port of the loopback that refuses connections; nobody else can get it meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))  # and never listens
        port: int = holder.getsockname()[1]
        yield port


def free_port() -> int:
    """A TCP port of the loopback that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
