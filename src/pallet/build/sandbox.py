"""Running one command on a stage's root file system: an overlay whose upper directory becomes the layer.

A thread has a mount namespace of its own, mounts the overlay there, and starts the OCI runtime, which inherits it. The
runtime runs below a process that the kernel kills when this one dies, in a namespace of processes that ends with that
one: whatever happens, nothing goes on running and nothing stays mounted.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import threading
from collections.abc import Callable, Sequence

from pallet.build import mountpoints
from pallet.build.events import Cancel
from pallet.build.runcommand import Command, LayerMount, SecretMount
from pallet.build.runspec import Bind, RunSpec, Tmpfs, config_json
from pallet.build.view import real_path
from pallet.errors import HostError, InvalidInput, PalletError
from pallet.host import inroot, mounts
from pallet.host.erofs import mounted_images
from pallet.host.process import alive, start_time
from pallet.host.spawn import find_program
from pallet.layer.settle import copy_directory_metadata
from pallet.layer.snapshots import Staging
from pallet.runtime.oci_runtime import OciRuntime, failure
from pallet.runtime.rootfs import make_private
from pallet.runtime.users import User, resolve_user

_PIPE = 65536
_PREFIX = "build-"
_DIRECTORIES = ("/proc", "/dev", "/sys")


class Sandbox:
    """One run.

    Args:
        runtime: the OCI runtime.
        staging: its `fs` becomes the upper directory; the rest is room for the run.
        lowers: the directories of the layers below, top first; none for an empty root.
        command: what to run.
    """

    def __init__(self, runtime: OciRuntime, staging: Staging, lowers: Sequence[str], command: Command) -> None:
        self._runtime = runtime
        self._staging = staging
        self._lowers = list(lowers)
        self._command = command
        self._id = f"{_PREFIX}{os.getpid()}-{start_time(os.getpid())}-{os.urandom(4).hex()}"
        self._pid = 0
        self._status = 0
        self._error: BaseException | None = None
        self._root: os.stat_result | None = None

    def run(self, log: Callable[[bytes], None], cancel: Cancel) -> int:
        """Run the command to its end.

        Args:
            log: gets its output, both streams as they come.
            cancel: ends it early.

        Returns:
            Its exit code; 128 and the number of the signal that ended it.

        Raises:
            RuntimeFailed: it could not be started.
            HostError: the machine is at fault.
            InvalidInput: a user or a mount's source that is not there.
        """
        out, inner = os.pipe()
        started = threading.Event()
        thread = threading.Thread(target=self._thread, args=(inner, started), name="sandbox", daemon=True)
        thread.start()
        started.wait()
        handle = cancel.register(self._kill)
        try:
            while chunk := os.read(out, _PIPE):
                log(chunk)
            thread.join()
        finally:
            cancel.unregister(handle)
            os.close(out)
            if thread.is_alive():
                self._kill()
                thread.join()
            code = os.waitstatus_to_exitcode(self._status)
            if self._error is not None or code < 0 or code > 128:
                self._runtime.delete(self._id)  # it may have had no time for that itself
        cancel.check()
        if self._error is not None:
            raise _told(self._error)
        self._restore_root()
        if code:
            said = self._complaint()
            if said:
                raise failure(said, self._command.args[0])
        return code if code >= 0 else 128 - code

    def _kill(self) -> None:
        if self._pid:
            try:
                os.kill(self._pid, signal.SIGKILL)
            except ProcessLookupError:
                return

    def _restore_root(self) -> None:
        """A layer's tar says nothing of the root directory itself, so no change of it may stay."""
        if self._root is None:
            return
        try:
            os.chown(self._staging.fs, self._root.st_uid, self._root.st_gid)
            os.chmod(self._staging.fs, stat.S_IMODE(self._root.st_mode))
            os.utime(self._staging.fs, ns=(self._root.st_mtime_ns, self._root.st_mtime_ns))
        except OSError as error:
            raise HostError(f"cannot finish {self._staging.fs}: {error.strerror}") from error

    def _complaint(self) -> str:
        try:
            with open(self._staging.path + "/runtime.log", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def _thread(self, out: int, started: threading.Event) -> None:
        """The thread's part: mounts, then the runtime. It has to live as long as that: its death would kill it."""
        pid = 0
        try:
            try:
                make_private()
                os.chdir(self._staging.path)
                self._runtime.hide_hybrid_cgroups()
                pid = self._spawn(self._prepare(), out)
                self._pid = pid
            finally:
                os.close(out)
                started.set()
            _, self._status = os.waitpid(pid, 0)
        except BaseException as error:
            self._error = error
        finally:
            self._pid = 0

    def _prepare(self) -> list[str]:
        """Mount everything and write config.json; gives the command line."""
        staging, command = self._staging.path, self._command
        for name in ("merged", "work", "extra"):
            os.makedirs(f"{staging}/{name}", exist_ok=True)
        mounts.mount("tmpfs", f"{staging}/extra", "tmpfs", mounts.MS_NOSUID | mounts.MS_NODEV, "mode=700")
        if self._lowers:
            with mounted_images(self._lowers[:1]):
                copy_directory_metadata(os.fsencode(self._lowers[0]), os.fsencode(self._staging.fs))
        self._root = os.stat(self._staging.fs)
        binds = self._binds()
        self._mount(self._lowers, self._staging.fs)
        missing = [
            (path, is_file) for path, is_file in self._targets(binds) if not mountpoints.is_there("merged", path)
        ]
        if missing:
            # What the runtime would make to mount on must not become part of the layer: it goes below.
            mounts.unmount("merged", mounts.MNT_DETACH)
            os.mkdir("init")
            if self._lowers:
                copy_directory_metadata(os.fsencode(self._staging.fs), b"init")
            else:
                os.chmod("init", 0o755)
            self._mount(self._lowers, f"{staging}/init")
            for path, is_file in missing:
                mountpoints.make("merged", path, is_file=is_file)
            mounts.unmount("merged", mounts.MNT_DETACH)
            os.rename("work", "work-init")
            os.mkdir("work")
            self._mount([f"{staging}/init", *self._lowers], self._staging.fs)
        root = os.open("merged", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            user = self._user(root)
            inroot.make_directories_in_root(root, command.cwd)
        finally:
            os.close(root)
        env = list(command.env)
        if not any(word.startswith("HOME=") for word in env):
            env.append(f"HOME={user.home}")
        spec = RunSpec(
            self._id,
            command.args,
            tuple(env),
            command.cwd,
            user,
            self._network(),
            f"{staging}/merged",
            tuple(binds),
            command.limits,
            command.insecure,
        )
        with open("config.json", "wb") as file:
            file.write(config_json(spec))
        runtime = [*self._runtime.words, "--log", f"{staging}/runtime.log"]
        return [*_guard(), *runtime, "run", "--bundle", staging, self._id]

    def _spawn(self, argv: list[str], out: int) -> int:
        actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, out, 1),
            (os.POSIX_SPAWN_DUP2, out, 2),
        ]
        try:
            return os.posix_spawn(
                argv[0], argv, os.environ, file_actions=actions, setpgroup=0, setsigdef=(signal.SIGPIPE,)
            )
        except OSError as error:
            raise HostError(f"cannot run {argv[0]}: {error.strerror}") from error

    def _mount(self, lowers: Sequence[str], upper: str) -> None:
        if not lowers:
            os.makedirs("empty", exist_ok=True)
            lowers = [f"{self._staging.path}/empty"]
        with mounted_images(lowers):
            mounts.mount_overlay(lowers, upper, f"{self._staging.path}/work", f"{self._staging.path}/merged")

    def _binds(self) -> list[Bind | Tmpfs]:
        """Have the sources of all mounts, and say where they are."""
        found: list[Bind | Tmpfs] = []
        for number, (path, text) in enumerate(self._command.files):
            source = f"{self._staging.path}/extra/file-{number}"
            with open(source, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text)
            os.chmod(source, 0o755 if path.startswith("/dev/pipes/") else 0o644)
            found.append(Bind(source, path))
        for number, mount in enumerate(self._command.mounts):
            if isinstance(mount, LayerMount):
                found.append(self._layer_mount(mount, f"{self._staging.path}/extra/mount-{number}"))
            elif isinstance(mount, SecretMount):
                source = f"{self._staging.path}/extra/secret-{number}"
                fd = os.open(source, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                with open(fd, "wb") as secret:
                    secret.write(mount.content)
                os.chown(source, mount.uid, mount.gid)
                os.chmod(source, mount.mode)
                found.append(Bind(source, mount.target))
            else:
                found.append(mount)
        return found

    def _layer_mount(self, mount: LayerMount, place: str) -> Bind:
        os.makedirs(place)
        layers = list(mount.layers)
        if not layers:
            os.makedirs(place + "-empty")
            layers = [place + "-empty"]
        with mounted_images(layers):
            if mount.readonly:
                mounts.mount_overlay(layers, None, None, place)
            else:
                for suffix in ("-up", "-work"):
                    os.makedirs(self._scratch(place) + suffix)
                scratch = self._scratch(place)
                copy_directory_metadata(os.fsencode(layers[0]), os.fsencode(scratch + "-up"))
                mounts.mount_overlay(layers, scratch + "-up", scratch + "-work", place)
        root = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            inside = real_path(root, mount.path)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                raise
            shown = mount.path.lstrip("/")
            why = f'failed to compute cache key: failed to calculate checksum of ref: "/{shown}": not found'
            raise InvalidInput(why) from error
        finally:
            os.close(root)
        return Bind(f"{place}/{inside}" if inside else place, mount.target, mount.readonly)

    def _scratch(self, place: str) -> str:
        """Room beside the layer: writes that are thrown away need not fit into memory."""
        return f"{self._staging.path}/{os.path.basename(place)}"

    def _targets(self, binds: Sequence[Bind | Tmpfs]) -> list[tuple[str, bool]]:
        found = [(path, False) for path in _DIRECTORIES]
        for mount in binds:
            # What lies on the runtime's own file systems is made there, by it.
            if not mount.target.startswith(tuple(path + "/" for path in _DIRECTORIES)):
                is_file = isinstance(mount, Bind) and not stat.S_ISDIR(os.stat(mount.source).st_mode)
                found.append((mount.target, is_file))
        return found

    def _user(self, root: int) -> User:
        passwd, group = inroot.read_in_root(root, "/etc/passwd"), inroot.read_in_root(root, "/etc/group")
        return resolve_user(self._command.user, passwd, group)

    def _network(self) -> str:
        if self._command.network == "host":
            return "host"
        if self._command.namespace < 0:
            return "new"
        path = f"{self._staging.path}/netns"
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        mounts.mount(f"/proc/self/fd/{self._command.namespace}", path, None, mounts.MS_BIND)
        return path


def sweep(runtime: OciRuntime) -> None:
    """Forget the runs of builds that were killed: what the runtime notes of them, and their control groups."""
    try:
        names = os.listdir(runtime.root)
    except FileNotFoundError:
        return
    for name in names:
        pid, _, rest = name.removeprefix(_PREFIX).partition("-")
        start = rest.partition("-")[0]
        whose = (int(pid), int(start)) if pid.isdigit() and start.isdigit() else (0, 0)
        if name.startswith(_PREFIX) and not alive(*whose):
            runtime.delete(name)


def _guard() -> list[str]:
    """What makes all processes of a run end with this one: part of util-linux."""
    setpriv, unshare = find_program("setpriv"), find_program("unshare")
    if setpriv is None or unshare is None:
        return []
    inner = [unshare, "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
    return [setpriv, "--pdeathsig", "KILL", "--", *inner]


def _told(error: BaseException) -> BaseException:
    if isinstance(error, PalletError) or not isinstance(error, OSError):
        return error
    where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
    return HostError(f"cannot set up the sandbox: {where}{error.strerror}")
