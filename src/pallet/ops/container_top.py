"""`docker top`: a container's processes, as ps shows them.

Source: docker 20.10, daemon/top_unix.go; the error texts are its own.
"""

from __future__ import annotations

import os
import time

from pallet.errors import Conflict, HostError, InvalidInput
from pallet.host.cgroups import cgroup_directory, read_value
from pallet.host.spawn import find_program, run
from pallet.ops.container_state import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pallet.engine import Engine

_TITLES = ("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD")


class Processes:
    """What ps shows.

    Attributes:
        titles: of the columns.
        rows: the columns of each process; pids are the host's.
    """

    __slots__ = ("rows", "titles")

    def __init__(self, titles: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> None:
        self.titles = titles
        self.rows = rows


def container_top(engine: Engine, name: str, arguments: Sequence[str] = ()) -> Processes:
    """The processes of a running container.

    Args:
        engine: whose store.
        name: its name, id or id prefix.
        arguments: ps's; `-ef` if there are none.

    Raises:
        NoSuchContainer: there is none.
        Conflict: it does not run.
        InvalidInput: ps's output has no pids.
        HostError: ps does not take the arguments, or is not there.
    """
    id = engine.store.containers.find_id(name)
    brief, now = current(engine, id)
    if not now.running:
        raise Conflict(f"Container {id} is not running")
    found = _processes(container_pids(brief.pid), arguments)
    engine.store.events.add_of_container(id, "top")
    return found


def _processes(pids: list[int], arguments: Sequence[str]) -> Processes:
    program = find_program("ps")
    words = [word for argument in arguments or ("-ef",) for word in argument.split()]
    if program is None:
        if words != ["-ef"]:
            raise HostError("ps: executable file not found in $PATH", hint="install procps")
        return _from_proc(pids)
    # With the pids alone ps is quick; not every option goes with them.
    done = run([program, *words, "-q", ",".join(map(str, pids))])
    if done.code:
        done = run([program, *words])
    if done.code:
        raise HostError(f"ps: {done.stderr.decode(errors='replace').partition(chr(10))[0]}")
    return _parse(done.stdout.decode(errors="replace"), set(pids))


def container_pids(first: int) -> list[int]:
    """The pids of all processes in the group of a container's first process, and the groups below."""
    directory = cgroup_directory(first, "freezer") or cgroup_directory(first, "pids")
    if not directory or directory.rstrip("/").count("/") <= 4:  # the machine's own group
        return [first]
    found: set[int] = set()
    for path, _, _ in os.walk(directory):
        found.update(int(line) for line in read_value(path + "/cgroup.procs").split())
    return sorted(found) or [first]


def _parse(text: str, pids: set[int]) -> Processes:
    lines = text.splitlines()
    titles = tuple(lines[0].split()) if lines else ()
    if "PID" not in titles:
        raise InvalidInput("Couldn't find PID field in ps output")
    column = titles.index("PID")
    rows = []
    for line in lines[1:]:
        fields = line.split(maxsplit=len(titles) - 1)
        if not fields:
            continue
        if not fields[column].isdigit():
            raise InvalidInput(f"Unexpected pid '{fields[column]}': strconv.Atoi: invalid syntax")
        if int(fields[column]) in pids:
            rows.append(tuple(fields))
    return Processes(titles, tuple(rows))


def _from_proc(pids: Sequence[int]) -> Processes:
    """What `ps -ef` would show."""
    rows = []
    ticks = os.sysconf("SC_CLK_TCK")
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    for pid in pids:
        try:
            uid = os.stat(f"/proc/{pid}").st_uid
            with open(f"/proc/{pid}/stat") as file:
                name, _, rest = file.read().partition("(")[2].rpartition(")")
            with open(f"/proc/{pid}/cmdline", "rb") as raw:
                command = raw.read().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        fields = rest.split()
        used = (int(fields[11]) + int(fields[12])) / ticks
        started = boot + int(fields[19]) / ticks
        lived = max(time.time() - started, 1)
        at = time.strftime("%H:%M" if lived < 86400 else "%b%d", time.localtime(started))
        clock = f"{int(used // 3600):02}:{int(used // 60 % 60):02}:{int(used % 60):02}"
        rows.append(
            (_user(uid), str(pid), fields[1], str(int(100 * used / lived)), at, "?", clock, command or f"[{name}]")
        )
    return Processes(_TITLES, tuple(rows))


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
