"""A place to try commands of a test's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from pallet.cli.command import Command

Install = Callable[[Command], None]


@pytest.fixture
def as_login(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a command in the place of `pallet login`."""

    def install(command: Command) -> None:
        module = ModuleType("pallet.cli.login")
        module.COMMAND = command  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "pallet.cli.login", module)

    yield install
