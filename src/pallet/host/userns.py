"""User namespaces: there a user without privileges is root over the ids of its own (user_namespaces(7)).

Inside, id 0 is the user itself; 1 and up are its ranges in /etc/subuid and /etc/subgid. All commands of a run
directory share one namespace for as long as a process lives in it (a container's conmon, another command), so that
they see and reach each other's processes and mounts. Nothing is left running to keep it: when the last one ends, it is
gone, and the next command makes another with the same ids.

Sources: user_namespaces(7), newuidmap(1), subuid(5), ioctl_nsfs(2).
"""

from __future__ import annotations

import ctypes
import os
import time
from fcntl import ioctl

from pallet.errors import HostError
from pallet.host import mounts
from pallet.host.locks import lock, try_lock
from pallet.host.process import alive, start_time
from pallet.host.spawn import find_program, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NS_GET_OWNER_UID = 0xB704
_PR_SET_DUMPABLE = 4
_PATIENCE = 5.0  # seconds for a monitor to get going
_PAUSE = 0.005
_SWITCHES = (
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ),
)

Range = tuple[int, int]
"""The first of some ids, and how many they are."""


def enter_user_namespace(directory: str) -> str:
    """Move this process, which must have a single thread, into the user's namespace and a mount namespace of its own.

    Args:
        directory: the run directory whose commands share the namespace; made if it is missing.

    Returns:
        What the user has to know about it: empty if all is well.

    Raises:
        HostError: the machine does not allow it, and what to do.
    """
    os.makedirs(directory, 0o700, exist_ok=True)
    note = ""
    with lock(f"{directory}/userns") as held:
        known = _members(os.pread(held.fd, 1 << 20, 0))
        if not any(_join(pid) for pid, _ in known) and not _join_residents(directory):
            note = _make()
        _set_dumpable()
        known.append((os.getpid(), start_time(os.getpid())))
        os.ftruncate(held.fd, 0)
        os.pwrite(held.fd, b"".join(b"%d %d\n" % member for member in known), 0)
    try:
        mounts.unshare(mounts.CLONE_NEWNS)
        mounts.mount(None, "/", None, mounts.MS_REC | mounts.MS_SLAVE)
    except OSError as error:
        raise HostError(f"cannot make a mount namespace: {error.strerror}") from error
    return note


def read_ranges(path: str, uid: int, name: str) -> list[Range]:
    """A user's subordinate ids.

    Args:
        path: /etc/subuid or /etc/subgid.
        uid: the user's id.
        name: the user's name.
    """
    found = []
    try:
        with open(path, errors="replace") as file:
            for line in file:
                owner, _, rest = line.strip().partition(":")
                first, _, count = rest.partition(":")
                if owner in (name, str(uid)) and first.isdigit() and count.isdigit() and int(count):
                    found.append((int(first), int(count)))
    except OSError:
        return []
    return found


def map_words(own: int, ranges: Sequence[Range]) -> list[str]:
    """The arguments of newuidmap(1): the user's own id becomes 0, the ranges follow from 1."""
    words, inside = ["0", str(own), "1"], 1
    for first, count in ranges:
        words += [str(inside), str(first), str(count)]
        inside += count
    return words


def _members(text: bytes) -> list[tuple[int, int]]:
    """The commands that have entered the namespace and still run."""
    found = []
    for line in text.splitlines():
        pid, _, start = line.partition(b" ")
        if pid.isdigit() and start.isdigit() and alive(int(pid), int(start)):
            found.append((int(pid), int(start)))
    return found


def _join_residents(directory: str) -> bool:
    """Enter the namespace of one that lives there without being a command that entered it; False if nobody does."""
    end = time.monotonic() + _PATIENCE
    while True:
        launching = _is_launching(directory)  # asked first: who has become a monitor since is found among the residents
        if any(_join(pid) for pid in _residents(directory)):
            return True
        if not launching or time.monotonic() > end:
            return False
        time.sleep(_PAUSE)


def _residents(directory: str) -> Iterator[int]:
    """Processes that may live in the namespace: containers', their monitors, supervisors; the easily found first."""
    names = os.listdir(directory)
    for file in ("conmon.pid", "pidfile"):  # the container's own alone, if its monitor was killed
        for name in names:
            pid = _read(f"{directory}/{name}/{file}")
            if pid.isdigit():
                yield int(pid)
    wanted = os.fsencode(directory)
    for name in os.listdir("/proc"):
        if name.isdigit() and _names(name, wanted):
            yield int(name)


def _names(pid: str, directory: bytes) -> bool:
    """Whether a process of this user's names a directory, or something in it, in its command line."""
    try:
        if os.stat(f"/proc/{pid}").st_uid != os.geteuid():
            return False
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return False
    return any(word == directory or word.startswith(directory + b"/") for word in words)


def _is_launching(directory: str) -> bool:
    """Whether a process, whose command may have been killed, is about to become a container's monitor."""
    for name in os.listdir(directory):
        monitor = f"{directory}/{name}/monitor"
        if os.path.exists(monitor) and not _read(f"{directory}/{name}/conmon.pid"):  # made first, then written
            held = try_lock(monitor, shared=True)
            if held is None:
                return True
            held.release()
    return False


def _join(pid: int) -> bool:
    """Enter the user namespace of a process, if it is one of this user's."""
    try:
        fd = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        owner = int.from_bytes(ioctl(fd, _NS_GET_OWNER_UID, bytes(4)), "little")
        if owner != os.geteuid():
            return False
        mounts.setns(fd, mounts.CLONE_NEWUSER)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _make() -> str:
    """Make a user namespace around this process; the words of a note, or none."""
    import pwd

    uid, gid = os.geteuid(), os.getegid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    users, groups = read_ranges("/etc/subuid", uid, name), read_ranges("/etc/subgid", uid, name)
    programs = find_program("newuidmap"), find_program("newgidmap")
    missing = ""
    if not users or not groups:
        missing = f"{name} has no range of ids in /etc/{'subgid' if users else 'subuid'}"
    elif None in programs:
        missing = "newuidmap and newgidmap (package uidmap) are not installed"
    if missing:
        _unshare()
        _map_self(uid, gid)
        return f"{missing}: all files and processes in containers are your own user's, whoever owns them in the image"
    orders = [
        [str(program), str(os.getpid()), *map_words(own, ranges)]
        for program, own, ranges in zip(programs, (uid, gid), (users, groups), strict=True)
    ]
    _mapped_from_outside(orders)
    return ""


def _mapped_from_outside(orders: list[list[str]]) -> None:
    """Make the namespace, with a child that stays outside of it and has it mapped."""
    told, tell = os.pipe()
    answer, reply = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(tell)
            if os.read(told, 1):  # else the parent has failed
                for order in orders:
                    done = run(order)
                    if done.code:
                        os.write(reply, done.stderr.strip()[:2000] or b"%d" % done.code)
                        break
        except HostError as error:
            os.write(reply, error.message.encode())
        finally:
            os._exit(0)
    os.close(told)
    os.close(reply)
    try:
        _unshare()
        os.write(tell, b"\n")
        said = os.read(answer, 4096)
    finally:
        os.close(tell)
        os.close(answer)
        os.waitpid(child, 0)
    if said:
        raise HostError(
            f"cannot map the user's ids: {said.decode(errors='replace')}",
            hint="/etc/subuid and /etc/subgid must give the user ranges of its own, and newuidmap be setuid root.",
        )


def _unshare() -> None:
    try:
        mounts.unshare(mounts.CLONE_NEWUSER)
    except OSError as error:
        hint = "The machine's administrator has to allow user namespaces."
        for path, value, remedy in _SWITCHES:
            if _read(path) == value:
                hint = f"The machine's administrator has to allow them: {remedy}."
        raise HostError(f"cannot make a user namespace: {error.strerror}", hint=hint) from error
    _set_dumpable()


def _set_dumpable() -> None:
    """Without it /proc/PID of this process would be root's, and closed to those who join or map it."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def _map_self(uid: int, gid: int) -> None:
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""
