"""`docker version`: which programs pallet runs containers with, and whose API its words are."""

from __future__ import annotations

import shutil
import subprocess
from typing import NamedTuple

from pallet.settings import Settings

API_VERSION = "1.41"
"""The version of the Docker Engine API whose shapes and texts pallet's output has."""

_RUNTIMES = ("crun", "runc")


class Program(NamedTuple):
    """A program that is installed.

    Attributes:
        name: what it is called.
        version: what it says of itself.
        path: where it is.
    """

    name: str
    version: str
    path: str


def programs(settings: Settings) -> tuple[Program, ...]:
    """The OCI runtime and conmon, as far as they are installed.

    Args:
        settings: which runtime is wanted.
    """
    wanted = (settings.runtime,) if settings.runtime else _RUNTIMES
    runtimes = (_program(name) for name in wanted)
    found = (next(filter(None, runtimes), None), _program("conmon"))
    return tuple(filter(None, found))


def _program(name: str) -> Program | None:
    path = shutil.which(name)
    if path is None:
        return None
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    first = answer.stdout.partition("\n")[0]
    return Program(name, first.rpartition(" ")[2], path)
