"""--chmod and --chown."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pallet.build.modes import mode_change, owner
from pallet.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("755", 0o100600, 0o755),
        ("0", 0o100777, 0),
        ("u+x", 0o100644, 0o744),
        ("+x", 0o100644, 0o755),
        ("a-w", 0o100666, 0o444),
        ("go=", 0o100777, 0o700),
        ("u=rw,go=r", 0o100777, 0o644),
        ("g=u", 0o100640, 0o660),
        ("a+X", 0o100644, 0o644),
        ("a+X", 0o040644, 0o755),
        ("u+s", 0o100755, 0o4755),
        ("+t", 0o041777 & ~0o1000, 0o1777),
        ("u-s", 0o104755, 0o755),
    ],
)
def test_chmod(text: str, before: int, after: int) -> None:
    change = mode_change(text)
    assert change is not None
    assert stat.S_IMODE(change(before)) == after


def test_no_chmod_changes_nothing() -> None:
    assert mode_change("") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("7", (7, 7)),
        ("7:8", (7, 8)),
        ("web", (33, 44)),
        ("web:staff", (33, 50)),
        ("web:9", (33, 9)),
        ("7:staff", (7, 50)),
    ],
)
def test_chown(tmp_path: Path, text: str, expected: tuple[int, int] | None) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:\nweb:x:33:44::/:\n")
    (tmp_path / "etc/group").write_text("root:x:0:\nstaff:x:50:\n")
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        assert owner(text, root) == expected
        with pytest.raises(InvalidInput, match="unable to find user nobody"):
            owner("nobody", root)
    finally:
        os.close(root)
