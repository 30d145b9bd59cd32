"""The suite itself: pytest looks into every folder that holds tests, and ./test runs and counts all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import pytest
from tests.support import REPOSITORY
from tests.support.side_by_side import PARTS, counted, summed_up

FILES = sorted((REPOSITORY / "tests").rglob("test_*.py"))


def test_no_folder_of_tests_is_passed_over(pytestconfig: pytest.Config) -> None:
    """pytest's own list of folders to pass over has `build` in it."""
    passed_over = pytestconfig.getini("norecursedirs")
    folders = {path.parent for path in FILES}
    assert not [folder for folder in folders if any(fnmatch(folder.name, pattern) for pattern in passed_over)]


def test_each_file_is_in_one_part() -> None:
    def is_in(path: Path, words: Sequence[str], prefix: str = "") -> bool:
        return any(path.is_relative_to(REPOSITORY / at.removeprefix(prefix)) for at in words if at.startswith(prefix))

    def parts(path: Path) -> list[str]:
        return [name for name, words in PARTS.items() if is_in(path, words) and not is_in(path, words, "--ignore=")]

    assert not [path for path in FILES if len(parts(path)) != 1]


def test_the_last_line_sums_up() -> None:
    one = counted("\x1b[31m== \x1b[1m1 failed\x1b[0m, 7 passed, 1 warning, 2 errors in 3.21s (0:00:03) ==\x1b[0m\n")
    assert one == Counter(failed=1, passed=7, warning=1, error=2)
    assert counted("== no tests ran in 0.01s ==") == counted("Killed: 3 passed away") == Counter()
    both = one + counted("5 passed, 1 skipped in 100.00s")
    assert (
        summed_up(both, 100.5).strip("=") == " 1 failed, 12 passed, 1 skipped, 1 warning, 2 errors in 100.50s (1:40) "
    )
