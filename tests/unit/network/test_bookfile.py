"""Where books of leases are kept."""

from __future__ import annotations

import os
from pathlib import Path

from pallet.network.bookfile import BookFile
from pallet.network.leases import Book, Lease, Leases, Plan

_PLAN = Plan("1" * 64, "net", "br-1", "10.0.0.0/24", "10.0.0.1")


def test_a_book_is_kept_and_goes_when_it_is_empty(tmp_path: Path) -> None:
    file = BookFile(str(tmp_path), "leases")
    assert file.load() == Book()
    book = Book().with_leases(Leases(_PLAN).with_lease("a", Lease("10.0.0.2", 1, 1, relayed=True)))
    with file.lock():
        file.save(book)
    assert file.load() == book
    assert sorted(os.listdir(tmp_path)) == ["leases.json", "lock"]
    file.save(Book())
    assert os.listdir(tmp_path) == ["lock"]


def test_without_a_name_it_is_the_network_namespaces_own(tmp_path: Path) -> None:
    number = os.stat("/proc/self/ns/net").st_ino
    assert BookFile(str(tmp_path)).dns_directory == f"{tmp_path}/{number}.dns"


def test_a_directory_that_is_missing_has_no_book(tmp_path: Path) -> None:
    file = BookFile(str(tmp_path / "none"))
    assert not file.writable
    assert file.load() == Book()
