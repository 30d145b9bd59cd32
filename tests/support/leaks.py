"""What a test run has left behind: mounts, links, firewall rules, processes.

A network namespace lives by a process or by a mount (of nsfs), so those two tell of it as well.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from tests.support import SESSION_MARK
from tests.support.session import Session

# netavark keeps its fixed chains (and the jumps to them) for the next container; what names a network's or a
# container's own chain must be gone.
_NETAVARK_FIXED = re.compile(r"NETAVARK(_FORWARD|_INPUT|-ISOLATION-\d|-HOSTPORT-(DNAT|SETMARK|MASQ))")
_NETAVARK_OWN = re.compile(r"NETAVARK-(DN-)?[0-9A-F]{8,}")
_IPTABLES_TABLES = ("filter", "nat", "mangle", "raw", "security")
# A chain's line ends with its packet counts.
_COUNTS = re.compile(r" \[\d+:\d+\]$")


class Snapshot(msgspec.Struct, frozen=True):
    """The state at one moment, as far as it is the run's own."""

    mounts: frozenset[str]
    links: frozenset[str]
    rules: frozenset[str]
    processes: frozenset[str]


def take(session: Session, roots: tuple[str, ...]) -> Snapshot:
    """Looks at the machine.

    Args:
        roots: what the paths of the run's own directories start with; mounts at, from or over them count.
    """
    return Snapshot(
        mounts=frozenset(mounts_of(*roots)),
        links=frozenset(name for _, name in socket.if_nameindex()) if session.isolated else frozenset(),
        rules=frozenset(_rules()) if session.isolated else frozenset(),
        processes=frozenset(_processes(session.mark)),
    )


def left(before: Snapshot, after: Snapshot) -> list[str]:
    """What is there now and was not before, one line each."""
    lines = []
    for field in Snapshot.__struct_fields__:
        lines += [f"{field}: {each}" for each in sorted(getattr(after, field) - getattr(before, field))]
    return lines


def settled(session: Session, roots: tuple[str, ...], before: Snapshot, *, seconds: float = 5.0) -> list[str]:
    """What is left, once processes that are just ending have had their time."""
    end = time.monotonic() + seconds
    while (lines := left(before, take(session, roots))) and time.monotonic() < end:
        time.sleep(0.1)
    return lines


def mounts_of(*roots: str) -> list[str]:
    """The mount points whose path, source or options hold one of the strings."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if any(root in line for root in roots):
            found.append(line.split()[4])
    return found


def control_groups(is_wanted: Callable[[str], bool]) -> list[Path]:
    """The control groups with such names; those of others may come and go meanwhile, which os.walk passes over."""
    return [Path(path) for path, _, _ in os.walk("/sys/fs/cgroup") if is_wanted(os.path.basename(path))]


def processes_naming(*parts: str) -> dict[int, str]:
    """The processes whose command line holds one of the strings: their ids and command lines."""
    found = {}
    for pid in _pids():
        command = _read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
        if pid != os.getpid() and any(part in command for part in parts):
            found[pid] = command
    return found


def _processes(mark: str) -> list[str]:
    """Processes with the run's mark in their environment, but pytest itself."""
    wanted = f"{SESSION_MARK}={mark}".encode()
    found = []
    for pid in _pids():
        if pid != os.getpid() and wanted in _read(f"/proc/{pid}/environ").split(b"\0"):
            command = _read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
            if command:
                found.append(f"{pid} {command}")
    return found


def _rules() -> list[str]:
    lines = []
    for program in ("iptables-save", "ip6tables-save"):
        if path := shutil.which(program, path="/usr/sbin:/sbin:/usr/bin"):
            out = subprocess.run([path], check=False, capture_output=True, text=True).stdout
            lines += [f"{program}: {_COUNTS.sub('', line)}" for line in out.splitlines() if line[:1] not in "#*C"]
    if path := shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin"):
        out = subprocess.run([path, "list", "tables"], check=False, capture_output=True, text=True).stdout
        # The tables that the iptables programs make are empty unless a line above says so.
        lines += [f"nft: {line}" for line in out.splitlines() if line.split()[-1] not in _IPTABLES_TABLES]
    return [line for line in lines if _counts(line)]


def _counts(rule: str) -> bool:
    builtin = re.search(r": :(INPUT|OUTPUT|FORWARD|PREROUTING|POSTROUTING) ", rule) is not None
    return not builtin and (_NETAVARK_OWN.search(rule) is not None or _NETAVARK_FIXED.search(rule) is None)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _read(path: str) -> bytes:
    """A file of /proc; empty when its process has just gone."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""
