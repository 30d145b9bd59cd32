"""From nothing to a created container: a child in private namespaces that becomes conmon.

The child makes what must vanish with the container, however it ends: a mount namespace with the root file system in
it, and a network namespace that is bound to a path in that mount namespace only. Then it waits for its parent, who can
look at the mounted root through /proc/PID/root meanwhile, and turns into conmon. When conmon is gone, so are they.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Sequence

import msgspec

from pallet.errors import HostError, PalletError, RuntimeFailed
from pallet.host import mounts
from pallet.host.cgroups import expect_move
from pallet.host.locks import lock, try_lock
from pallet.host.process import start_time
from pallet.runtime import conmon
from pallet.runtime.oci_runtime import OciRuntime
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.rootfs import make_private, mount_root
from pallet.runtime.state import read_exit
from pallet.runtime.volume_mounts import VolumeMount, mount_volumes

_UMASK = 0o022
_PAUSE = 0.005
_PATIENCE = 5.0  # seconds for a launch that nobody waits for any more


class Clone(msgspec.Struct, frozen=True):
    """A mount to take along into the private mount namespace as it is, with its peers.

    Attributes:
        process: whose mount namespace it is in; 0 for this process's.
        source: its path there.
        target: where it is put; made if it is missing.
        recursive: whether what is mounted below it comes along.
    """

    process: int
    source: str
    target: str
    recursive: bool = False


class Plan(msgspec.Struct, frozen=True):
    """What the child needs to know.

    Attributes:
        paths: the container's paths.
        layers: the directories of the image's unpacked layers, top first.
        runtime: the OCI runtime.
        argv: conmon's command line.
        network: whether to make a network namespace at `paths.netns`.
        kept: open files that conmon holds as long as it lives (reserved ports).
        clones: mounts to take along.
        volumes: what volumes' options mount on them.
    """

    paths: ContainerPaths
    layers: tuple[str, ...]
    runtime: OciRuntime
    argv: tuple[str, ...]
    network: bool
    kept: tuple[int, ...] = ()
    clones: tuple[Clone, ...] = ()
    volumes: tuple[VolumeMount, ...] = ()


class Created(msgspec.Struct, frozen=True):
    """A created container: processes by pid and start time, as `ContainerState` has them."""

    pid: int
    pid_start: int
    conmon: int
    conmon_start: int


class Launch:
    """The child on its way; a context that ends it, and all it made, if it has not become conmon by then.

    Attributes:
        root: the container's root directory, opened in the child's mount namespace.
        netns: its network namespace, opened; -1 without one.

    Raises:
        HostError: the root file system cannot be mounted, ...
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.root = self.netns = -1
        for directory in (plan.paths.upper, plan.paths.work, plan.paths.merged, plan.paths.exits):
            os.makedirs(directory, 0o755, exist_ok=True)
        os.chmod(plan.paths.run, 0o700)
        if plan.network:
            os.close(os.open(plan.paths.netns, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        said, say = os.pipe()
        waits, self._go = os.pipe()
        self._sync, sync = os.pipe()
        monitor = lock(plan.paths.monitor)
        self._pid = os.fork()
        if self._pid == 0:
            _become_conmon(plan, say, waits, (sync, monitor.fd))
        monitor.release()  # it is the child's by now
        for fd in (say, waits, sync):
            os.close(fd)
        try:
            answer = os.read(said, 4096)
            if answer != b"\n":
                if answer.startswith(b"error while mounting volume"):
                    text = answer.decode(errors="replace")
                    raise RuntimeFailed(text, exit_code=127 if "no such file" in text else 125)
                raise HostError(f"cannot set up the container: {answer.decode(errors='replace') or 'killed'}")
            inside = f"/proc/{self._pid}/root"
            self.root = os.open(inside + plan.paths.merged, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            if plan.network:
                self.netns = os.open(inside + plan.paths.netns, os.O_RDONLY | os.O_CLOEXEC)
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise HostError(f"cannot set up the container: {error}") from error
            raise
        finally:
            os.close(said)

    @property
    def inside(self) -> str:
        """The path by which this process sees the child's root directory."""
        return f"/proc/{self._pid}/root"

    def go(self) -> None:
        """Let the child become conmon, which creates the container from config.json."""
        os.write(self._go, b"\n")
        expect_move()  # the runtime will move the container's first process

    def created(self, program: str) -> Created:
        """Wait until the container is created.

        Args:
            program: what it runs, for error texts.

        Raises:
            RuntimeFailed, HostError: see `conmon.read_report`.
        """
        paths = self._plan.paths
        pid = conmon.read_report(self._sync, program, paths.run + "/conmon.log")
        # Until it is started the process cannot end by itself, so the pid is its own.
        monitor, monitor_start = conmon.read_pid(paths.conmon_pidfile)
        return Created(pid, start_time(pid), monitor, monitor_start)

    def close(self) -> None:
        """Let go; a child that still waits ends."""
        for name in ("root", "netns", "_go", "_sync"):
            fd = getattr(self, name)
            setattr(self, name, -1)
            if fd >= 0:
                os.close(fd)
        if self._pid:
            # conmon's first process leaves at once, too: the one that stays is its child.
            os.waitpid(self._pid, 0)
            self._pid = 0

    def __enter__(self) -> Launch:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def end_launch(paths: ContainerPaths, runtime: OciRuntime) -> None:
    """Remove what a container's run has left with the runtime, and end what has not ended: a launch that broke off.

    Nothing of it goes on afterwards, but for conmon's exit command: else an old conmon's words might be taken for those
    of the next run.

    Args:
        paths: the container's paths; it does not run, or has not been begun.
        runtime: the OCI runtime that it was launched with.
    """
    end = time.monotonic() + _PATIENCE
    while read_exit(paths) is None and time.monotonic() < end:
        held = try_lock(paths.monitor)
        if held is not None:
            held.release()
            break
        if os.path.exists(paths.pidfile):  # not while the runtime is creating it
            runtime.delete(paths.id)
        time.sleep(_PAUSE)
    runtime.delete(paths.id)


def _become_conmon(plan: Plan, say: int, waits: int, given: tuple[int, int]) -> None:
    """The child's part; never returns. `given` are the sync pipe and the monitor's lock."""
    try:
        os.setsid()  # the terminal's Ctrl-C is not for conmon
        os.umask(_UMASK)
        _close_others((say, waits, *given, *plan.kept))
        cloned = [_clone(each) for each in plan.clones]
        make_private()
        mount_root(plan.paths, plan.layers)
        mount_volumes(plan.volumes)
        for each, fd in zip(plan.clones, cloned, strict=True):
            _attach(each, fd)
        plan.runtime.hide_hybrid_cgroups()
        if plan.network:
            _make_network(plan.paths.netns)
        os.chdir(plan.paths.run)  # conmon leaves a file where it is when memory runs out
        os.write(say, b"\n")
        if not os.read(waits, 1):
            os._exit(1)
        _redirect(plan.paths.run + "/conmon.log")
        for fd in (*given, *plan.kept):
            os.set_inheritable(fd, True)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execve(plan.argv[0], plan.argv, {**os.environ, conmon.SYNC_PIPE: str(given[0])})
    except PalletError as error:
        os.write(say, error.message.encode(errors="replace"))
    except OSError as error:
        os.write(say, f"{error.filename}: {error.strerror}".encode(errors="replace"))
    except BaseException as error:
        os.write(say, repr(error).encode(errors="replace"))
    finally:
        os._exit(1)


def _make_network(path: str) -> None:
    """Make a network namespace at a path. A thread does, and ends: a user has no leave to enter the host's again."""
    errors: list[OSError] = []
    thread = threading.Thread(target=_bind_new_network, args=(path, errors))
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def _bind_new_network(path: str, errors: list[OSError]) -> None:
    try:
        mounts.unshare(mounts.CLONE_NEWNET)
        # As with docker: IPv6 is there where a network has it. A kernel without has no such file.
        with (
            contextlib.suppress(OSError),
            open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w") as file,
        ):
            file.write("1")
        mounts.mount("/proc/thread-self/ns/net", path, None, mounts.MS_BIND)
    except OSError as error:
        errors.append(error)


def _clone(wanted: Clone) -> int:
    """A copy of a mount, attached to nothing yet."""
    if not wanted.process:
        return mounts.open_tree(wanted.source, recursive=wanted.recursive)
    own = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    theirs = os.open(f"/proc/{wanted.process}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    mounts.unshare(mounts.CLONE_FS)
    mounts.setns(theirs, mounts.CLONE_NEWNS)
    fd = mounts.open_tree(wanted.source, recursive=wanted.recursive)
    mounts.setns(own, mounts.CLONE_NEWNS)
    os.close(theirs)
    os.close(own)
    return fd


def _attach(wanted: Clone, fd: int) -> None:
    os.makedirs(os.path.dirname(wanted.target), 0o700, exist_ok=True)
    if os.path.isdir(f"/proc/self/fd/{fd}"):
        os.makedirs(wanted.target, 0o700, exist_ok=True)
    else:
        os.close(os.open(wanted.target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    mounts.move_mount(fd, wanted.target)
    os.close(fd)


def _close_others(kept: Sequence[int]) -> None:
    """Close what conmon would hold open for the container's whole life: a pipe of the shell's, for one."""
    low = 3
    for fd in sorted(kept):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def _redirect(log: str) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(nothing, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(nothing)
    os.close(out)
