"""The network namespace that the containers of a user without privileges share, for the networks of its own.

Bridges, rules and the resolver are in it as root has them on the machine; slirp4netns is its way out. Each conmon of a
container there holds it open, and the pipe with whose last writer slirp4netns ends: so it is there as long as anybody
needs it, and goes with the last one, however that ends. Who comes takes both from a conmon. The file `shared` says
which they are; without anybody who has them it means nothing, and the next container makes another namespace.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TypeVar

from pallet.errors import HostError
from pallet.host import mounts
from pallet.host.files import unlink_if_there
from pallet.host.locks import lock
from pallet.host.process import alive
from pallet.network.bookfile import BookFile
from pallet.network.leases import Book
from pallet.network.namespaces import new_namespace, run_in_network
from pallet.network.netavark import wait_for_orphans
from pallet.network.relays import stop_relay
from pallet.network.resolver import end_resolver
from pallet.network.uplink import RESOLVER, Uplink

_T = TypeVar("_T")

_RESOLV_CONF = "/etc/resolv.conf"


class SharedNetwork:
    """The namespace, for one operation at a time: a context that lets go of it.

    Args:
        run_dir: the run directory whose containers share it.
        file: where the book of its leases is.

    Attributes:
        netns: the namespace, open, once it is found or made.
    """

    def __init__(self, run_dir: str, file: BookFile) -> None:
        self._run_dir = run_dir
        self._file = file
        self._holder = self.netns = -1
        self._uplink: Uplink | None = None
        self._lock = lock(f"{file.directory}/shared")
        words = os.pread(self._lock.fd, 1 << 10, 0).split()
        self._names = (f"net:[{words[0].decode()}]", f"pipe:[{words[1].decode()}]") if len(words) == 4 else ("", "")
        self._process = (int(words[2]), int(words[3])) if len(words) == 4 else (0, 0)

    @property
    def kept(self) -> tuple[int, ...]:
        """The open files by which a process holds it."""
        return (self.netns, self._holder)

    def find(self) -> bool:
        """Take it from somebody who holds it; False if nobody does."""
        for pid in self._holders():
            found = self._open_of(pid)
            if found is not None:
                self.netns, self._holder = found
                return True
        return False

    def ensure(self) -> None:
        """Find it or make it; its way out too, if that was killed.

        Raises:
            HostError: it cannot be made; slirp4netns is missing.
        """
        if self.find():
            if not alive(*self._process):
                self._begin_uplink()
            return
        self.forget()
        self.netns = new_namespace()
        self._begin_uplink()

    def finish(self) -> None:
        """Wait for its way out.

        Raises:
            HostError: it does not work.
        """
        if self._uplink is not None:
            self._uplink.finish()

    def run(self, function: Callable[[], _T]) -> _T:
        """Call `function` in the namespace; resolvers on the machine's loopback are slirp4netns's there."""
        text = reachable_resolvers()

        def inside() -> _T:
            if text:
                self._replace_resolvers(text)
            return function()

        return run_in_network(self.netns, inside)

    def is_held(self, *, by: str = "", but: str = "") -> bool:
        """Whether somebody holds it.

        Args:
            by: only this container's conmon counts.
            but: this container does not count.
        """
        for pid in self._holders(by, but):
            found = self._open_of(pid)
            if found is not None:
                for fd in found:
                    os.close(fd)
                return True
        return False

    def forget(self) -> None:
        """See that nobody finds it any more, and end what does not end by itself: the resolver and the relays.

        What still holds it is about to end, or has lost it.
        """
        with self._file.lock():
            book = self._file.load()
            leases = [lease for each in book.networks.values() for lease in each.leases.values()]
            if not all(lease.whole for lease in leases):
                wait_for_orphans()
            for lease in leases:
                stop_relay(lease.relay)
            end_resolver(self._file.dns_directory)
            self._file.save(Book())
        os.ftruncate(self._lock.fd, 0)
        for name in ("slirp.sock", "slirp.log", "resolv.conf"):
            unlink_if_there(f"{self._file.directory}/{name}")

    def close(self) -> None:
        """Let go of it."""
        if self._uplink is not None:
            self._uplink.close()  # with the pipe
            self._uplink, self._holder = None, -1
        for fd in (self.netns, self._holder):
            if fd >= 0:
                os.close(fd)
        self.netns = self._holder = -1
        self._lock.release()

    def _replace_resolvers(self, text: str) -> None:
        """Let this thread, and what it starts, see another /etc/resolv.conf."""
        path = f"{self._file.directory}/resolv.conf"
        with open(path, "w") as file:
            file.write(text)
        try:
            mounts.unshare(mounts.CLONE_FS | mounts.CLONE_NEWNS)
            mounts.mount(path, _RESOLV_CONF, None, mounts.MS_BIND)
        except OSError as error:
            raise HostError(f"cannot make a mount namespace: {error.strerror}") from error

    def _begin_uplink(self) -> None:
        self._uplink = Uplink(self._file.directory, self._holder)
        self._holder = self._uplink.holder
        self._uplink.begin(self.netns)
        inodes = tuple(os.fstat(fd).st_ino for fd in self.kept)
        os.ftruncate(self._lock.fd, 0)
        os.pwrite(self._lock.fd, b"%d %d %d %d\n" % (*inodes, *self._uplink.process), 0)

    def _holders(self, by: str = "", but: str = "") -> Iterator[int]:
        """The processes that may hold it: conmons, and what stands in for those of containers that joined later."""
        for name in (by,) if by else os.listdir(self._run_dir):
            if name != but:
                try:
                    with open(f"{self._run_dir}/{name}/conmon.pid") as file:
                        yield int(file.read())
                except (OSError, ValueError):
                    continue
        if not by:
            for each in self._file.load().networks.values():
                yield from (lease.relay[0] for id, lease in each.leases.items() if id != but and alive(*lease.relay))

    def _open_of(self, pid: int) -> tuple[int, int] | None:
        """The namespace and the pipe's writing end, if a process has them; the kernel's names of both are unique."""
        found: dict[str, int] = {}
        try:
            for name in os.listdir(f"/proc/{pid}/fd"):
                path = f"/proc/{pid}/fd/{name}"
                target = os.readlink(path)
                if target in self._names and target not in found:
                    how = os.O_RDONLY if target == self._names[0] else os.O_WRONLY
                    found[target] = os.open(path, how | os.O_CLOEXEC)
        except OSError:
            pass  # it has ended
        if len(found) == 2:
            return found[self._names[0]], found[self._names[1]]
        for fd in found.values():
            os.close(fd)
        return None

    def __enter__(self) -> SharedNetwork:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def reachable_resolvers(path: str = _RESOLV_CONF) -> str:
    """The machine's resolv.conf as the resolver in the namespace needs it; empty if it can stay as it is."""
    try:
        with open(path, errors="replace") as file:
            lines = [line.split() for line in file]
    except OSError:
        return ""
    local = [words for words in lines if words[:1] == ["nameserver"] and words[1:] and _is_local(words[1])]
    if not local:
        return ""
    kept = [" ".join(words) for words in lines if words not in local]
    return "\n".join((f"nameserver {RESOLVER}", *kept, ""))


def _is_local(address: str) -> bool:
    return address.startswith("127.") or address == "::1"
