"""The suite itself: pytest looks into every folder that holds tests."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


def test_no_folder_of_tests_is_passed_over(pytestconfig: pytest.Config) -> None:
    """pytest's own list of folders to pass over has `build` in it."""
    folders = {path.parent for path in TESTS.rglob("test_*.py")}
    passed_over = pytestconfig.getini("norecursedirs")
    assert not [folder for folder in folders if any(fnmatch(folder.name, pattern) for pattern in passed_over)]
