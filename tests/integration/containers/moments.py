"""Waiting for what a test needs to have happened, instead of for a time in which it mostly has."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.support import wait_until
from tests.support.pallet import PalletCLI


def root_of(box: PalletCLI, name: str) -> Path:
    """A running container's root directory as the host sees it: a file put there tells its process to go on."""
    return Path(f"/proc/{box.ok('inspect', '-f', '{{.State.Pid}}', name)}/root")


def run_files(box: PalletCLI) -> list[str]:
    """What containers have in the run directory: the last of it goes a moment after the container itself."""
    kept = ("runtime", "seccomp-")  # compiled filters, for the next container
    return [path.name for path in box.run_dir.iterdir() if not path.name.startswith(kept)]


def wait_for_attached(box: PalletCLI, name: str, count: int) -> None:
    """Wait until so many have attached to a container."""
    words = ("--since", "1h", "--until", "0s", "-f", f"container={name}", "-f", "event=attach")
    wait_until(
        lambda: len(box.ok("events", *words, "--format", "{{.Action}}").split()) >= count,
        f"{count} have attached to {name}",
    )


def wait_for_log(box: PalletCLI, name: str, text: str) -> None:
    """Wait until a container has written all this, and no more, to its standard output."""
    wait_until(lambda: box("logs", name).stdout == text, f"{name} has written {text!r}")


def wait_for_handler(pid: int, number: signal.Signals) -> None:
    """Wait until a process catches a signal."""

    def catches() -> bool:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
        return False

    wait_until(catches, f"{pid} catches {number.name}")


def wait_for_lock(pid: int, path: Path) -> None:
    """Wait until a process holds a lock on a file (flock(2)) that it has opened."""

    def holds() -> bool:
        if not path.exists():
            return False
        inode = path.stat().st_ino
        locks = (line.split() for line in Path("/proc/locks").read_text().splitlines())
        return any(words[4] == str(pid) and words[5].endswith(f":{inode}") for words in locks if words[1] == "FLOCK")

    wait_until(holds, f"{pid} holds {path}")
