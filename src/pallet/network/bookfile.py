"""Where the book of leases is kept: one for each network namespace of the kernel with bridges in it."""

from __future__ import annotations

import os

import msgspec

from pallet.host.files import unlink_if_there
from pallet.host.locks import FileLock, lock
from pallet.network.leases import Book
from pallet.oci.codec import decode, encode


class BookFile(msgspec.Struct, frozen=True):
    """The file of a book of leases, and what lies beside it.

    Attributes:
        directory: where it is; a reboot empties it.
        name: the file's name without its ending; empty for the number of the network namespace that the calling thread
            is in.
    """

    directory: str = "/run/pallet/network"
    name: str = ""

    @property
    def writable(self) -> bool:
        """Whether there may be a book, and this user may change it."""
        return os.access(self.directory, os.W_OK)

    @property
    def dns_directory(self) -> str:
        """Where the resolver of these networks has its files."""
        return self._stem + ".dns"

    def lock(self) -> FileLock:
        """Keep all others from the book."""
        return lock(f"{self.directory}/lock")

    def load(self) -> Book:
        """Read the leases. The caller holds the lock."""
        try:
            with open(self._path, "rb") as file:
                return decode(file.read(), Book, "the list of addresses")
        except FileNotFoundError:
            return Book()

    def save(self, book: Book) -> None:
        """Keep the leases; no file stays when there are none. The caller holds the lock."""
        path = self._path
        fresh = f"{path}.new"  # one name, so that what a killed process left is written over
        if not book.networks and not book.guarded and not book.guarded6:
            unlink_if_there(fresh)
            unlink_if_there(path)
            return
        with open(fresh, "wb") as file:  # a crash of the machine empties the directory anyhow: no fsync
            file.write(encode(book))
        os.rename(fresh, path)

    @property
    def _stem(self) -> str:
        return f"{self.directory}/{self.name or os.stat('/proc/thread-self/ns/net').st_ino}"

    @property
    def _path(self) -> str:
        return self._stem + ".json"
