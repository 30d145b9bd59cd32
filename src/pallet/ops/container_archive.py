"""Files of a container as a tar, and a tar into a container: what `docker cp` and the Engine API's archive are made of.

Source: docker 20.10, daemon/archive.go and daemon/archive_unix.go; the error texts are its own.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from pallet.engine import Engine
from pallet.errors import InvalidInput, NoSuchContainer, NotFound, PalletError
from pallet.host.locks import lock
from pallet.layer.diff import write_path
from pallet.layer.put import Ownership, put_tree
from pallet.layer.tarread import docker_text
from pallet.ops.container_state import current
from pallet.runtime.inside import Inside
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.users import resolve_user
from pallet.store.container_record import ContainerRecord

_CHUNK = 1 << 20


class PathStat(msgspec.Struct, frozen=True):
    """What stands at a path in a container.

    Attributes:
        name: the last part of the path.
        size: in bytes.
        mode: as lstat(2) has it.
        mtime: in nanoseconds since the epoch.
        link_target: for a symlink, where it leads to in the end, as an absolute path in the container.
    """

    name: str
    size: int
    mode: int
    mtime: int
    link_target: str = ""


class Archive:
    """A tar that a child process writes. `close` must be called, after the last read or early.

    Args:
        fd: where it can be read.
        found: what the path is.
        finish: waits for the child.
    """

    def __init__(self, fd: int, found: PathStat, finish: Callable[[], object]) -> None:
        self._fd = fd
        self._finish = finish
        self.stat = found

    def fileno(self) -> int:
        """The open file."""
        return self._fd

    def read(self, size: int, /) -> bytes:
        """The next bytes; empty at the end.

        Raises:
            HostError: the files cannot be read.
        """
        data = os.read(self._fd, min(size, _CHUNK))
        if not data:
            finish, self._finish = self._finish, _nothing
            finish()
        return data

    def close(self) -> None:
        """Stop reading; what then goes wrong in the child does not matter."""
        os.close(self._fd)
        try:
            self._finish()
        except PalletError:
            return


def _nothing() -> None:
    return None


def split_path(path: str) -> tuple[str, str]:
    """Directory and name of an absolute path; the name of `x/.` is `.`, and that of `x/` is `x`."""
    name = base_name(path)
    cleaned = posixpath.normpath(path)
    return (cleaned, ".") if name == "." else (posixpath.dirname(cleaned), name)


def base_name(path: str) -> str:
    """The last part of a path as Go has it: trailing slashes do not count, that of the root is `/`."""
    stripped = path.rstrip("/")
    return posixpath.basename(stripped) if stripped else "/"


def _absolute(path: str) -> str:
    """A path in a container from its root on, with the trailing `/` or `/.` that it has."""
    cleaned = posixpath.normpath("/" + path).replace("//", "/")
    if base_name(path) == "." and cleaned != "/":
        return cleaned + "/."
    if base_name(path) == ".":
        return "/."
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned


@contextmanager
def _place(engine: Engine, record: ContainerRecord) -> Iterator[Callable[..., Inside]]:
    """What starts jobs in a container, which does not start while it is stopped and worked on."""
    paths = ContainerPaths(engine.settings, record.id)
    layers = engine.snapshots.lower_dirs(record.chain_id) if record.chain_id else []
    brief, now = current(engine, record.id)
    held = None
    if not now.running:
        held = lock(paths.lock)
        brief, now = current(engine, record.id)
    try:
        pid = brief.pid if now.running else 0
        yield lambda job, keep=(): Inside(paths, pid, layers, record.host.mounts, job, keep)
    finally:
        if held is not None:
            held.release()


def _find(engine: Engine, name: str, path: str) -> ContainerRecord:
    try:
        return engine.store.containers.find(name)
    except NoSuchContainer:
        raise NotFound(f"No such container:path: {name}:{path}") from None


def stat_path(engine: Engine, name: str, path: str) -> PathStat:
    """What stands at a path in a container, which may be stopped.

    Raises:
        NotFound: no such container, or nothing is there.
    """
    record = _find(engine, name, path)
    absolute = _absolute(path)
    with _place(engine, record) as inside:
        answer = inside(lambda: _look(absolute, f"{name}:{path}")).finish()
    size, mode, mtime, link_target = answer
    return PathStat(base_name(absolute), size, mode, mtime, os.fsdecode(link_target))


def _look(path: str, shown: str) -> tuple[int, int, int, bytes]:
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"No such container:path: {shown}") from None
    target = os.path.realpath(os.fsencode(path)) if stat.S_ISLNK(found.st_mode) else b""
    return found.st_size, found.st_mode, found.st_mtime_ns, target


def get_archive(engine: Engine, name: str, path: str, *, as_name: str | None = None) -> Archive:
    """A file, or a directory with all below it, as a tar. Its entries begin with the last part of the path.

    Args:
        engine: whose store.
        name: the container's name, id or id prefix.
        path: in the container; a symlink at its end is the thing itself, unless a slash follows.
        as_name: what the entries begin with instead.

    Raises:
        NotFound: no such container, or nothing is there.
    """
    record = _find(engine, name, path)
    absolute = _absolute(path)
    found = stat_path(engine, name, path)
    own_name = base_name(absolute) if as_name is None else as_name
    mounted = [mount.destination for mount in record.host.mounts]
    reading, writing = os.pipe2(os.O_CLOEXEC)

    def job() -> None:
        devices = frozenset(os.stat(each).st_dev for each in mounted if os.path.lexists(each))
        whole = stat.S_ISDIR(os.stat(absolute, follow_symlinks=absolute.endswith(("/", "/."))).st_mode)
        directory, base = (absolute, ".") if whole else split_path(absolute)
        parent = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            name_there = b"" if own_name == "/" else os.fsencode(own_name)
            write_path(parent, base, WholeWriter(writing), as_name=name_there, devices=devices)
        except BrokenPipeError:  # nobody wants the rest
            return

    with _place(engine, record) as inside:
        child = inside(job, (writing,))
        os.close(writing)
    engine.store.events.add_of_container(record.id, "archive-path")
    return Archive(reading, found, child.finish)


class WholeWriter:
    """Writes all that it is given to an open file."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, data: bytes | bytearray | memoryview, /) -> object:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]
        return None


def put_archive(engine: Engine, name: str, path: str, send: Callable[[int], None], *, copy_owner: bool = False) -> None:
    """Extract a tar into a directory of a container. Owners are those in the tar.

    Args:
        engine: whose store.
        name: the container's name, id or id prefix.
        path: the directory, in the container.
        send: writes the tar to an open file.
        copy_owner: give the files to the container's user, if it has one.

    Raises:
        NotFound: no such container, or directory.
        InvalidInput: it is no directory, is read-only, or what is in it forbids the extraction.
    """
    record = _find(engine, name, path)
    absolute = _absolute(path)
    reading, writing = os.pipe2(os.O_CLOEXEC)
    user = record.config.user if copy_owner else ""
    read_only = record.host.read_only
    guarded = [mount.destination for mount in record.host.mounts if mount.read_only]
    shown = f"{name}:{path}"

    def job() -> None:
        try:
            target = os.open(absolute, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"No such container:path: {shown}") from None
        except NotADirectoryError:
            raise InvalidInput("extraction point is not a directory") from None
        real = os.path.realpath(absolute)
        if any(real == each or real.startswith(each.rstrip("/") + "/") for each in guarded):
            raise InvalidInput("mounted volume is marked read-only")
        if read_only and os.statvfs(target).f_flag & os.ST_RDONLY:
            raise InvalidInput("container rootfs is marked read-only")
        owner = _owner(user) if user else None
        with open(reading, "rb", buffering=_CHUNK) as source:
            try:
                put_tree(source, target, real, Ownership(keep=True, owner=owner), follow=True)
            except PalletError as error:
                raise InvalidInput(docker_text(error)) from error

    with _place(engine, record) as inside:
        child = inside(job, (reading,))
        os.close(reading)
        try:
            send(writing)
        except BrokenPipeError:  # the child has said why
            pass
        finally:
            os.close(writing)
            child.finish()
    engine.store.events.add_of_container(record.id, "extract-to-dir")


def _owner(user: str) -> tuple[int, int]:
    texts = []
    for path in ("/etc/passwd", "/etc/group"):
        try:
            with open(path, "rb") as file:
                texts.append(file.read(4 << 20))
        except OSError:
            texts.append(b"")
    found = resolve_user(user, *texts)
    return found.uid, found.gid
