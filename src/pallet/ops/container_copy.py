"""`docker cp`: between a container and the machine's own files.

Source: docker 20.10, cli/command/container/cp.go and pkg/archive/copy.go: what is renamed when, and the error texts.
"""

from __future__ import annotations

import os
import stat

import msgspec

from pallet.engine import Engine
from pallet.errors import HostError, InvalidInput, NotFound
from pallet.layer.diff import write_path
from pallet.layer.put import Ownership, put_tree
from pallet.ops.container_archive import (
    Archive,
    WholeWriter,
    base_name,
    get_archive,
    put_archive,
    split_path,
    stat_path,
)

_LINKS = 40  # as many symlinks as the kernel follows


class _Source(msgspec.Struct, frozen=True):
    """Where files come from: the path, whether it is a directory, and another name for it, if it has one."""

    path: str
    is_directory: bool
    rename: str = ""


class _Target(msgspec.Struct, frozen=True):
    """Where files go: the path, and what is there."""

    path: str
    exists: bool = False
    is_directory: bool = False


def copy_from_container(engine: Engine, name: str, path: str, target: str, *, follow: bool = False) -> None:
    """Copy out of a container. The files belong to whoever copies.

    Args:
        engine: whose store.
        name: the container's name, id or id prefix.
        path: in the container.
        target: on this machine.
        follow: whether a symlink at the path's end means what it points to.

    Raises:
        NotFound: no such container, or path.
        InvalidInput: the target does not fit the source; docker's text.
        HostError: files cannot be read or written.
    """
    target = _local(target)
    parent = os.path.dirname(os.path.normpath(target))
    if os.path.exists(parent) and not os.path.isdir(parent):
        raise InvalidInput(f"stat {target}: not a directory")
    if not os.path.isdir(parent):
        raise InvalidInput(f'invalid output path: directory "{parent}" does not exist')
    rename = ""
    if not path:
        raise HostError("bad parameter: pathcannot be empty")
    found = stat_path(engine, name, path)
    if follow and stat.S_ISLNK(found.mode):
        path, rename = _followed(path, found.link_target)
        found = stat_path(engine, name, path)
    source = _Source(path, stat.S_ISDIR(found.mode), rename)
    directory, as_name = _plan(source, _local_target(target))
    archive = get_archive(engine, name, path, as_name=as_name)
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            put_tree(archive, fd, directory, Ownership(keep=False), follow=False)
        finally:
            os.close(fd)
    finally:
        archive.close()


def stream_from_container(engine: Engine, name: str, path: str, *, follow: bool = False) -> Archive:
    """A path of a container as a tar, for `docker cp CONTAINER:PATH -`; arguments and errors as above."""
    if follow:
        found = stat_path(engine, name, path)
        if stat.S_ISLNK(found.mode):
            path, _ = _followed(path, found.link_target)
    return get_archive(engine, name, path)


def copy_to_container(
    engine: Engine, name: str, source: str, path: str, *, follow: bool = False, copy_owner: bool = False
) -> None:
    """Copy into a container. The files keep their owners.

    Args:
        engine: whose store.
        name: the container's name, id or id prefix.
        source: on this machine.
        path: in the container.
        follow: whether a symlink at the source's end means what it points to.
        copy_owner: give the files to the container's user, if it has one.

    Raises:
        NotFound: no such container, or path.
        InvalidInput: the target does not fit the source, or is read-only; docker's text.
        HostError: files cannot be read or written.
    """
    source = _local(source)
    target = _container_target(engine, name, path)
    origin = _local_source(source, follow=follow)
    directory, as_name = _plan(origin, target)
    parent, base = split_path(origin.path)
    fd = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def send(out: int) -> None:
        own_name = base_name(origin.path) if as_name is None else as_name
        write_path(fd, base, WholeWriter(out), as_name=os.fsencode("" if own_name == "/" else own_name))

    try:
        put_archive(engine, name, directory, send, copy_owner=copy_owner)
    finally:
        os.close(fd)


def stream_to_container(engine: Engine, name: str, source: int, path: str, *, copy_owner: bool = False) -> None:
    """A tar, compressed or not, into a directory of a container, for `docker cp - CONTAINER:PATH`.

    Args:
        engine: whose store.
        name: the container's name, id or id prefix.
        source: an open file with the tar.
        path: the directory.
        copy_owner: as for `copy_to_container`.

    Raises:
        As `copy_to_container`.
    """
    target = _container_target(engine, name, path)
    if not target.is_directory:
        raise InvalidInput(f'destination "{name}:{path}" must be a directory')

    def send(out: int) -> None:
        from pallet.layer.compress import decompressor

        writer = WholeWriter(out)
        with open(source, "rb", buffering=0, closefd=False) as raw:
            reader = decompressor(raw)
            while data := reader.read(1 << 20):
                writer.write(data)

    put_archive(engine, name, target.path, send, copy_owner=copy_owner)


def _plan(source: _Source, target: _Target) -> tuple[str, str | None]:
    """The directory to extract into, and what the source is called there, None for its own name."""
    directory, name = split_path(target.path)
    if target.exists and target.is_directory:
        return target.path, source.rename or None
    if target.exists:
        if source.is_directory:
            raise InvalidInput("cannot copy directory")
        return directory, name
    if not source.is_directory and target.path.endswith(("/", "/.")):
        raise InvalidInput("no such directory")
    return directory, name


def _local(path: str) -> str:
    """A path of this machine from its root on, with the trailing `/` or `/.` that it has."""
    absolute = os.path.normpath(os.path.join(os.getcwd(), path))
    if base_name(path) == ".":
        return absolute.rstrip("/") + "/."
    return absolute + "/" if path.endswith("/") and absolute != "/" else absolute


def _local_source(path: str, *, follow: bool) -> _Source:
    rename = ""
    if follow:
        resolved, rename = _followed(path, os.path.realpath(path, strict=False))
    else:
        directory, _, name = path.rpartition("/")
        resolved = os.path.realpath(directory or "/").rstrip("/") + "/" + name
        if path.endswith("/") and base_name(path) != base_name(resolved):
            rename = base_name(path)
    bare = resolved.removesuffix("/.").rstrip("/") or "/"
    try:
        found = os.lstat(bare)
    except OSError as error:
        raise NotFound(f"lstat {bare}: {(error.strerror or '').lower()}") from error
    if bare != resolved:
        if not os.path.isdir(bare):
            raise InvalidInput("not a directory")
        found = os.stat(resolved)
    return _Source(resolved, stat.S_ISDIR(found.st_mode), rename)


def _followed(path: str, target: str) -> tuple[str, str]:
    """What a path that a symlink ends comes to, and its old name if that is another one."""
    if base_name(path) == "." and base_name(target) != ".":
        target += "/."
    elif path.endswith("/") and not target.endswith("/"):
        target += "/"
    return target, base_name(path) if base_name(path) != base_name(target) else ""


def _local_target(path: str) -> _Target:
    for _ in range(_LINKS):
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return _Target(path)
        if not stat.S_ISLNK(found.st_mode):
            return _Target(path, True, stat.S_ISDIR(found.st_mode))
        path = os.path.normpath(os.path.join(split_path(path)[0], os.readlink(path)))
    raise InvalidInput(f"too many symlinks in {path}")


def _container_target(engine: Engine, name: str, path: str) -> _Target:
    shown = path
    if not path:
        return _Target("/.")  # which is taken for a directory that is not there
    try:
        found = stat_path(engine, name, path)
        if stat.S_ISLNK(found.mode):
            path = found.link_target
            found = stat_path(engine, name, path)
    except NotFound:
        return _Target(path)
    if stat.S_ISCHR(found.mode) or stat.S_ISBLK(found.mode):
        raise InvalidInput(f'destination "{name}:{shown}" must be a directory or a regular file: got a device')
    return _Target(path, True, stat.S_ISDIR(found.mode))
