"""Who a container runs as; what docker 20.10 does with the same files."""

from __future__ import annotations

import pytest

from pallet.errors import HostError
from pallet.runtime.users import User, resolve_user

_PASSWD = b"root:x:0:0:root:/root:/bin/sh\n# a comment\nweb:x:100:101::/home/web:/bin/sh\n7:x:70:71::/seven:\nbroken\n"
_GROUP = b"root:x:0:\nweb:x:101:\nextra:x:200:other,web\nmore:x:201:web\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", User(0, 0, (0,), "/root")),
        ("web", User(100, 101, (101, 200, 201), "/home/web")),
        ("100", User(100, 101, (101, 200, 201), "/home/web")),
        ("web:extra", User(100, 200, (200,), "/home/web")),
        ("web:0", User(100, 0, (0,), "/home/web")),
        ("12345", User(12345, 0, (0,), "/")),
        ("12345:54321", User(12345, 54321, (54321,), "/")),
        ("7", User(70, 71, (71,), "/seven")),  # a name of digits wins
    ],
)
def test_resolve(words: str, expected: User) -> None:
    assert resolve_user(words, _PASSWD, _GROUP) == expected


def test_without_files() -> None:
    assert resolve_user("0", b"", b"") == User(0, 0, (0,), "/")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("nosuch", "unable to find user nosuch: no matching entries in passwd file"),
        ("1:nosuch", "unable to find group nosuch: no matching entries in group file"),
        ("4294967295", "uids and gids must be in range 0-2147483647"),
    ],
)
def test_refused(words: str, text: str) -> None:
    with pytest.raises(HostError) as caught:
        resolve_user(words, _PASSWD, _GROUP)
    assert caught.value.message == text
