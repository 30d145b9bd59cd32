"""Users without privileges, and a pallet of one of them that has busybox as `box`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support import scratch
from tests.support.unprivileged import User


@pytest.fixture(scope="package")
def open_scratch() -> Iterator[Path]:
    """A directory that others may go through."""
    directory = scratch("rootless")
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="package")
def make_user(open_scratch: Path) -> Iterator[Callable[..., User]]:
    """Makes users: make_user("a"), make_user("b", ranges=False)."""
    made: list[User] = []

    def make(name: str, *, ranges: bool = True) -> User:
        made.append(User(open_scratch, f"pallet-{name}-{os.getpid()}", ranges=ranges))
        return made[-1]

    yield make
    for user in made:
        user.close()


@pytest.fixture(scope="package")
def user(make_user: Callable[..., User], busybox_tar: Path) -> User:
    """A user with subordinate ids whose store holds `box`."""
    user = make_user("user")
    user.ok("import", "-", "box", stdin=busybox_tar.read_bytes())
    return user
