"""One more process in a running container that nobody waits for: conmon starts it, and tells of its end.

conmon's files are in a directory of the container's run; what conmon calls in the end removes it.
Source: conmon(8) and `conmon --help`, 2.1.6.
"""

from __future__ import annotations

import os
import sys

from pallet.errors import HostError
from pallet.host.files import remove_tree, unlink_if_there
from pallet.host.spawn import Spawned
from pallet.runtime.conmon import SYNC_PIPE, find_conmon, read_answer
from pallet.runtime.exec_notes import exec_note
from pallet.runtime.exec_process import exec_failure
from pallet.runtime.oci_runtime import OciRuntime, cleaned
from pallet.runtime.paths import ContainerPaths

_FAILED = ".failed"
_KILLED = 137  # what a process leaves that ended with its container, before conmon could tell


def start_watched(
    paths: ContainerPaths, runtime: OciRuntime, exec_id: str, description: bytes, *, tty: bool, program: str, cwd: str
) -> None:
    """Start a process; returns when it has begun.

    Args:
        paths: the container's paths.
        runtime: the OCI runtime.
        exec_id: names this process among the container's.
        description: what runs, see `exec_process.describe`.
        tty: whether it gets a terminal.
        program: what it is, for error texts.
        cwd: its working directory, for error texts.

    Raises:
        RuntimeFailed: it cannot be started: docker's text and exit code.
        HostError: conmon is not there, or failed.
    """
    conmon = find_conmon()
    directory = _directory(paths, exec_id)
    os.makedirs(directory, 0o700)
    said, say = os.pipe()
    try:
        with open(f"{directory}/process.json", "wb") as file:
            file.write(description)
        argv = _command(conmon, paths, runtime, exec_id, directory, tty=tty)
        spawned = Spawned(argv, fds=(say,), env={**os.environ, SYNC_PIPE: str(say)}, alone=True)
        os.close(say)
        say = -1
        done = spawned.wait()  # for the process that conmon leaves at once
        try:
            pid, _ = read_answer(said, lambda: done.stderr.decode(errors="replace"))
        except HostError:  # conmon says nothing where there was to be a terminal
            pid = -1
            if not _logged(directory):
                raise
        if pid < 0:
            # conmon's last word comes all the same, and must not be taken for an end.
            os.close(os.open(directory + _FAILED, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            raise exec_failure(cleaned(_logged(directory)), program, cwd)
    except BaseException:
        remove_tree(directory)
        unlink_if_there(exec_note(paths, exec_id))
        raise
    finally:
        for fd in (said, say):
            if fd >= 0:
                os.close(fd)


def take_end(paths: ContainerPaths, exec_id: str) -> int | None:
    """The exit code of a process that has ended, None if it never began; its files go, but for its note."""
    directory = _directory(paths, exec_id)
    failed = os.path.exists(directory + _FAILED) or (
        not os.path.exists(_exited(paths, exec_id)) and _logged(directory) != ""
    )
    code = None if failed else watched_end(paths, exec_id)
    remove_tree(directory)
    unlink_if_there(directory + _FAILED)
    return code


def watched_end(paths: ContainerPaths, exec_id: str) -> int:
    """The exit code that its conmon left, else that of a process which ended with its container."""
    try:
        with open(_exited(paths, exec_id)) as file:
            return int(file.read())
    except (FileNotFoundError, ValueError):
        return _KILLED


def _logged(directory: str) -> str:
    """What the runtime logged; it does when it fails."""
    try:
        with open(f"{directory}/log", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _exited(paths: ContainerPaths, exec_id: str) -> str:
    return f"{_directory(paths, exec_id)}/{paths.id}"


def _directory(paths: ContainerPaths, exec_id: str) -> str:
    return f"{paths.run}/watched-{exec_id}"


def _command(
    conmon: str, paths: ContainerPaths, runtime: OciRuntime, exec_id: str, directory: str, *, tty: bool
) -> list[str]:
    argv = [conmon, "--api-version", "1", "--cid", paths.id, "--cuuid", exec_id, "--name", paths.id[:12]]
    argv += ["--exec", "--exec-process-spec", f"{directory}/process.json", "--runtime", runtime.path]
    for word in (*runtime.words[1:], "--log", f"{directory}/log", "--log-format", "json"):
        argv += ["--runtime-arg", word]
    argv += ["--bundle", directory, "--container-pidfile", exec_note(paths, exec_id), "--exit-dir", directory]
    argv += ["--log-path", "none", "--no-sync-log", "--log-level", "error", "--full-attach"]
    end = ["-P", "-m", "pallet", "--root", paths.root, "container", "cleanup", "--run-dir", paths.run_dir]
    argv += ["--exit-command", sys.executable]
    for word in (*end, "--exec", exec_id, paths.id):
        argv += ["--exit-command-arg", word]
    return argv + ["--terminal"] * tty
