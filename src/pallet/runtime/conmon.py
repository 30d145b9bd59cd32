"""conmon: its command line, what it reports when a container is created, and orders to it.

Source: conmon(8) and `conmon --help`, 2.1.6.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

import msgspec

from pallet.errors import HostError
from pallet.host.process import start_time
from pallet.host.spawn import find_program
from pallet.runtime.oci_runtime import OciRuntime, failure
from pallet.runtime.paths import ContainerPaths

SYNC_PIPE = "_OCI_SYNCPIPE"
_RESIZE = 1
# Waits for who attends the container, if somebody does; $2 is gone if nothing is left to do.
_UNLESS_DONE = '{ flock 9 && [ ! -e "$2" ]; } 9<"$1" && exit; shift 2; exec "$@"'


class _Report(msgspec.Struct):
    data: int
    message: str = ""


def find_conmon() -> str:
    """The path of conmon.

    Raises:
        HostError: it is not installed.
    """
    path = find_program("conmon") or find_program("/usr/libexec/podman/conmon")
    if path is None:
        raise HostError("conmon not found", hint="install conmon")
    return path


def command(
    program: str,
    paths: ContainerPaths,
    runtime: OciRuntime,
    *,
    tty: bool,
    stdin: bool,
    stdin_stays: bool,
    temporary: bool = False,
    log: Sequence[str] = (),
) -> list[str]:
    """The command line that creates a container and watches it.

    Args:
        program: conmon's path.
        paths: the container's paths.
        runtime: the OCI runtime.
        tty: whether the container gets a terminal.
        stdin: whether it gets a standard input.
        stdin_stays: whether that stays open when who attached goes away.
        temporary: whether the container is removed when it ends.
        log: where its output goes (`--log-path` and the like); empty for the log file alone.
    """
    argv = [program, "--api-version", "1", "--cid", paths.id, "--cuuid", paths.id, "--name", paths.id[:12]]
    argv += ["--runtime", runtime.path]
    for word in runtime.words[1:]:
        argv += ["--runtime-arg", word]
    argv += ["--bundle", paths.run, "--container-pidfile", paths.pidfile, "--conmon-pidfile", paths.conmon_pidfile]
    argv += [*(log or ("--log-path", f"k8s-file:{paths.log}")), "--no-sync-log", "--log-level", "error"]
    argv += ["--exit-dir", paths.exits, "--full-attach"]
    for word in exit_command(paths, temporary=temporary):
        argv += ["--exit-command-arg" if "--exit-command" in argv else "--exit-command", word]
    argv += ["--terminal"] * tty + ["--stdin"] * stdin + ["--leave-stdin-open"] * stdin_stays
    return argv


def exit_command(paths: ContainerPaths, *, temporary: bool) -> list[str]:
    """What conmon runs when the container has ended: this very pallet, told everything by its arguments.

    If a `run` in the foreground has done all there is to do, a shell finds that out in a fraction of the time.

    Args:
        paths: the container's paths.
        temporary: whether the container is removed when it ends.
    """
    pallet = [sys.executable, "-P", "-m", "pallet", "--root", paths.root]
    gone = paths.attended if temporary else paths.run  # what goes last
    return [
        *("/bin/sh", "-c", _UNLESS_DONE, "sh", paths.attended, gone),
        *(*pallet, "container", "cleanup", "--run-dir", paths.run_dir, paths.id),
    ]


def read_report(pipe: int, program: str, what_it_printed: str) -> int:
    """Wait for conmon's report on the creation.

    Args:
        pipe: the reading end of the sync pipe.
        program: the program of the container, for error texts.
        what_it_printed: the file with conmon's own output.

    Returns:
        The pid of the container's first process.

    Raises:
        RuntimeFailed: the runtime could not create the container.
        HostError: conmon itself failed.
    """

    def printed() -> str:
        with open(what_it_printed, errors="replace") as file:
            return file.read()

    pid, message = read_answer(pipe, printed)
    if pid < 0:
        raise failure(message, program)
    return pid


def read_answer(pipe: int, printed: Callable[[], str]) -> tuple[int, str]:
    """Wait for what conmon says when it has, or has not, got a process started.

    Args:
        pipe: the reading end of the sync pipe.
        printed: tells what conmon itself has printed.

    Returns:
        The process's pid; if it is negative, the runtime's words too.

    Raises:
        HostError: conmon itself failed.
    """
    said = b""
    while b"\n" not in said:  # of a process of `exec` that ends at once, more may follow: its exit code
        chunk = os.read(pipe, 4096)
        if not chunk:
            break
        said += chunk
    try:
        report = msgspec.json.decode(said.partition(b"\n")[0], type=_Report)
    except msgspec.DecodeError:
        # It ended without a word: its output is all there is.
        raise HostError(f"conmon failed: {printed().strip() or 'no reason given'}") from None
    return report.data, report.message


def read_pid(path: str) -> tuple[int, int]:
    """A pid from a file and that process's start time; zeros if there is no such file or process."""
    try:
        with open(path, "rb") as file:
            pid = int(file.read())
    except (FileNotFoundError, ValueError):
        return 0, 0
    return pid, start_time(pid)


def resize(paths: ContainerPaths, rows: int, columns: int) -> None:
    """Give the container's terminal a size; a container that has just ended is passed over."""
    try:
        fd = os.open(paths.ctl, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(fd, b"%d %d %d\n" % (_RESIZE, rows, columns))
    except OSError:
        return
    finally:
        os.close(fd)
