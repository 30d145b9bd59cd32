"""crun or runc: finding it, its orders, its errors in docker's words.

Source: OCI runtime spec, runtime.md; the command lines of crun(1) and runc(8).
"""

from __future__ import annotations

import os

from pallet.errors import HostError, RuntimeFailed
from pallet.host.idmap import in_user_namespace
from pallet.host.spawn import find_program, run

_KNOWN = ("crun", "runc")
_UNIFIED = "/sys/fs/cgroup/unified"
_CANNOT_INVOKE = 126
_NOT_FOUND = 127
_UNABLE = "runc create failed: unable to start container process: "
_NOT_IN_PATH = "executable file not found in $PATH"
_NOT_EXECUTABLE = ("permission denied", "operation not permitted", "is a directory")


class OciRuntime:
    """One OCI runtime.

    Args:
        path: the program.
        root: the directory of its state.
    """

    __slots__ = ("path", "root")

    def __init__(self, path: str, root: str) -> None:
        self.path = path
        self.root = root

    @property
    def name(self) -> str:
        """`crun` or `runc`, or what the program is called."""
        return os.path.basename(self.path)

    @property
    def words(self) -> list[str]:
        """The beginning of its command line. A user without privileges has no cgroups to put containers into."""
        words = [self.path, "--root", self.root]
        if in_user_namespace() and self.name.startswith("crun"):
            words.append("--cgroup-manager=disabled")
        return words

    @property
    def gives_terminals(self) -> bool:
        """Whether its `exec` hands a terminal over and waits for the process as well: crun's does, runc's does not."""
        return self.name.startswith("crun")

    def hide_hybrid_cgroups(self) -> None:
        """Hide cgroups v2 beside cgroups v1, in a private mount namespace, from crun: it refuses such a "hybrid mode".

        Raises:
            OSError: the kernel refuses.
        """
        if not self.name.startswith("crun") or not os.path.exists(_UNIFIED + "/cgroup.procs"):
            return
        from pallet.host import mounts

        if in_user_namespace():  # which may not unmount what the machine has mounted, but cover it
            mounts.mount("tmpfs", os.path.dirname(_UNIFIED), "tmpfs", mounts.MS_NOSUID | mounts.MS_NODEV, "mode=755")
        else:
            mounts.unmount(_UNIFIED, mounts.MNT_DETACH)

    def start(self, id: str, program: str) -> None:
        """Start the process of a created container.

        Args:
            id: the container's id.
            program: what it runs, for error texts.

        Raises:
            RuntimeFailed: with docker's text and exit code.
        """
        done = run([*self.words, "start", id])
        if done.code != 0:
            raise failure(done.stderr.decode(errors="replace"), program)

    def pause(self, id: str) -> None:
        """Freeze a running container's processes. Raises HostError."""
        self._order("pause", id)

    def resume(self, id: str) -> None:
        """Let a frozen container's processes go on. Raises HostError."""
        self._order("resume", id)

    def resume_command(self, id: str) -> list[str]:
        """The command line of `resume`, for a process that does it later."""
        return [*self.words, "resume", id]

    def update(self, id: str, resources: bytes) -> None:
        """Give a running container other limits.

        Args:
            id: the container's id.
            resources: the `linux.resources` object.

        Raises:
            HostError: with the runtime's reason.
        """
        given = os.memfd_create("resources")
        try:
            os.write(given, resources)
            file = f"/proc/self/fd/{given}"
            done = run([*self.words, "update", "--resources", file, id], fds=(given,))
        finally:
            os.close(given)
        if done.code != 0:
            raise HostError(cleaned(done.stderr.decode(errors="replace")))

    def _order(self, verb: str, id: str) -> None:
        done = run([*self.words, verb, id])
        if done.code != 0:
            raise HostError(f"cannot {verb} container {id}: {cleaned(done.stderr.decode(errors='replace'))}")

    def delete(self, id: str) -> None:
        """Remove what the runtime keeps about a container, killing its processes; nothing to remove is fine."""
        if os.path.isdir(f"{self.root}/{id}"):
            run([*self.words, "delete", "--force", id])


def find_runtime(wanted: str | None, root: str) -> OciRuntime:
    """Find the runtime.

    Args:
        wanted: a name or a path; None for the first that is installed of crun and runc.
        root: the directory of its state.

    Raises:
        HostError: there is none, or it does not work without privileges.
    """
    for name in (wanted,) if wanted else _KNOWN:
        path = find_program(name)
        if path is not None:
            runtime = OciRuntime(path, root)
            if runtime.name.startswith("runc") and in_user_namespace():
                raise HostError("runc needs cgroups, which there are none of without privileges", hint="install crun")
            return runtime
    if wanted:
        raise HostError(f"unknown or invalid runtime name: {wanted}")
    raise HostError("no OCI runtime found", hint="install crun or runc")


def has_cgroups_v2() -> bool:
    """Whether this machine has cgroups v2 only."""
    return os.path.exists("/sys/fs/cgroup/cgroup.controllers")


def failure(message: str, program: str) -> RuntimeFailed:
    """The error for what the runtime said when it could not create or start a container.

    Args:
        message: the runtime's words.
        program: the program that the container should run.

    Returns:
        docker's text with docker's exit code: 127 for a program that is not there, 126 for one that cannot be run.
    """
    said = cleaned(message)
    lowered = said.lower()
    reason, code = said, 125
    if "not found in $path" in lowered or ("exec" in lowered and "no such file or directory" in lowered):
        code = _NOT_FOUND
        # With a slash it is not looked up in $PATH, though crun says so.
        missing = f"stat {program}: no such file or directory" if "/" in program else _NOT_IN_PATH
        reason = f'{_UNABLE}exec: "{program}": {missing}'
    elif "exec" in lowered and any(word in lowered for word in _NOT_EXECUTABLE):
        code = _CANNOT_INVOKE
        reason = f'{_UNABLE}exec: "{program}": permission denied'
    elif "exec format error" in lowered:
        code = _CANNOT_INVOKE
        reason = f'{_UNABLE}exec: "{program}": exec format error'
    return RuntimeFailed(
        f"failed to create shim task: OCI runtime create failed: {reason}: unknown",
        exit_code=code,
    )


def cleaned(message: str) -> str:
    """The last line, out of its JSON or logrus clothes."""
    lines = [line for line in message.strip().splitlines() if line.strip()]
    if not lines:
        return "no reason given"
    import re  # not on the way of what goes well

    line = lines[-1]
    match = re.search(r'(?:"msg":|msg=)"((?:[^"\\]|\\.)*)"', line)
    if match:
        line = match[1].replace('\\"', '"').replace("\\\\", "\\")
    return line.strip().removesuffix("\n")
