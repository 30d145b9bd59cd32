"""Notes of snapshots that may not be on the disk yet: nobody waits for that, since blobs, which are, give them again.

    unsynced/<boot id>.<chain ID's hex>.<random>   a snapshot that was made during that boot, and not synced since
    unsynced/lock                                  held by whoever sees to the notes of another boot

A note is on the disk before its snapshot has a name. It is empty: names are metadata, which file systems keep in order.
During the boot in which it was made it means little, for every process reads the same page cache; notes that are older
than a minute are made good in passing, by one syncfs(2) for all of them, when the kernel has written most of it anyway.
A note of another boot says that the machine went down before: `pallet.recovery` looks at that snapshot before use.
Source: boot_id in random(4).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock

from pallet.digest import Digest
from pallet.errors import HostError
from pallet.host.files import sync_directory, sync_filesystem, unlink_if_there
from pallet.host.locks import FileLock, lock

OLD = 60.0
"""Seconds after which the kernel has written what was written; it waits for half a minute, unless memory runs short."""

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Unsynced:
    """The notes of one store.

    Args:
        root: the store's directory.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._directory = os.path.join(root, "unsynced")

    @contextmanager
    def noted(self, chains: Iterable[str]) -> Iterator[None]:
        """Note snapshots, which are to get their names within this context; the notes are on the disk by then.

        Args:
            chains: their chain IDs.

        Raises:
            OSError: the disk is full, ...
        """
        boot = _boot_id()
        if not os.path.isdir(self._directory):
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            sync_directory(self._root)
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            flock(directory, LOCK_SH)
            for chain in chains:
                # No note is ever used twice: whoever has synced can remove what was there before, and nothing else.
                name = f"{boot}.{Digest.parse(chain).hex}.{os.urandom(6).hex()}"
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                os.close(os.open(name, flags, 0o600, dir_fd=directory))
            os.fsync(directory)
            yield
        finally:
            os.close(directory)

    def make_good(self, *, older_than: float = 0.0) -> None:
        """Have everything reach the disk if there are notes of this boot, and drop them.

        Args:
            older_than: only if one is that many seconds old; what is younger is then left to be written by the kernel.

        Raises:
            HostError: the disk reports an error.
        """
        if not self._names():
            return
        try:
            names = self._of_this_boot(older_than)
        except OSError as error:
            raise HostError(f"cannot read {self._directory}: {error.strerror}") from error
        if names:
            self.forget(names)

    def of_other_boots(self) -> list[str]:
        """The notes of other boots; none if there is nothing that this process could do about them.

        A user without privileges sees to them in the user's own namespace, where the snapshots' owners mean something.
        """
        names = self._names()
        if not names:
            return []
        boot = _boot_id()
        names = [name for name in names if not name.startswith(boot)]
        if not names or os.geteuid() != 0 or not os.access(self._directory, os.W_OK):
            return []
        return names

    def forget(self, notes: Sequence[str]) -> None:
        """Have everything reach the disk, and drop these notes.

        Raises:
            HostError: the disk reports an error.
        """
        try:
            sync_filesystem(self._directory)
            for name in notes:
                unlink_if_there(os.path.join(self._directory, name))
            # Whoever goes on to remove a blob must not find such a note again after a power cut.
            sync_directory(self._directory)
        except OSError as error:
            raise HostError(f"cannot sync the unpacked layers: {error.strerror}") from error

    def lock(self) -> FileLock:
        """Wait for the lock of those who see to the notes of another boot.

        Raises:
            HostError: it cannot be opened.
        """
        return lock(os.path.join(self._directory, "lock"))

    def _names(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._directory) if "." in name]
        except (FileNotFoundError, PermissionError):
            return []

    def _of_this_boot(self, older_than: float) -> list[str]:
        """The notes that are that old, and whose snapshots have their names."""
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            try:
                flock(directory, LOCK_EX | LOCK_NB if older_than else LOCK_EX)
            except BlockingIOError:
                return []  # somebody is just making snapshots; the next one looks again
            boot, newest = _boot_id(), time.time() - older_than
            names = [name for name in self._names() if name.startswith(boot)]
            if not older_than:
                return names
            return [name for name in names if os.stat(name, dir_fd=directory).st_mtime <= newest]
        finally:
            os.close(directory)


def chain_of(note: str) -> Digest:
    """The chain ID of the snapshot that a note is about."""
    return Digest.from_hex(note.split(".")[1])


def _boot_id() -> str:
    try:
        with open(_BOOT_ID) as file:
            return file.read().strip()
    except OSError as error:
        raise HostError(f"cannot read {_BOOT_ID}: {error.strerror}") from error
