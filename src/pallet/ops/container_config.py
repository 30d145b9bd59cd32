"""The OCI runtime's configuration of a container that is about to start, and what it expects to be there."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

import msgspec

from pallet.engine import Engine
from pallet.errors import HostError, InvalidInput
from pallet.host import inroot
from pallet.ops.container_joins import Joins
from pallet.ops.container_shares import clone_path
from pallet.ops.mount_modes import tmpfs_options
from pallet.runtime.apparmor import loaded_profiles
from pallet.runtime.copy_up import fill_volume
from pallet.runtime.oci_runtime import OciRuntime, has_cgroups_v2
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.seccomp_cache import CompiledFilter
from pallet.runtime.spec import Surroundings, build_spec, encode_spec
from pallet.runtime.users import add_groups, resolve_user
from pallet.runtime.volume_mounts import VolumeMount, bind_options
from pallet.store.container_record import ContainerRecord

# Small programs that make a good first process, linked statically, by the names that systems have for them.
_INITS = ("docker-init", "catatonit", "/usr/libexec/podman/catatonit", "tini-static")


def write_config(
    engine: Engine,
    record: ContainerRecord,
    paths: ContainerPaths,
    runtime: OciRuntime,
    root: int,
    joins: Joins,
    *,
    bridge: bool,
    volumes: tuple[VolumeMount, ...] = (),
    inside: str = "",
) -> CompiledFilter:
    """Write config.json, which needs a look at the mounted root, and make what it will expect there.

    Args:
        engine: whose volumes.
        record: the container.
        paths: its paths.
        runtime: the OCI runtime.
        root: its root directory, open.
        joins: the namespaces it takes part in.
        bridge: whether it has a network namespace at `paths.netns`.
        volumes: what volumes' options mount on them.
        inside: the path by which this process sees the mount namespace in which they are mounted.

    Returns:
        Its filter, to be kept when the runtime has compiled it.

    Raises:
        HostError, InvalidInput: what cannot be, in docker's words.
    """
    passwd = inroot.read_in_root(root, "/etc/passwd")
    group = inroot.read_in_root(root, "/etc/group")
    user = resolve_user(record.config.user, passwd, group)
    if record.host.group_add:
        user = add_groups(user, record.host.group_add, group)
    _prepare(record, root, {volume.target: inside + volume.target for volume in volumes})
    network = joins.network or (paths.netns if bridge else "new")
    around = Surroundings(
        paths=paths,
        user=user,
        network=network,
        ipc=joins.ipc,
        pid=joins.pid,
        shm=joins.shm,
        etc=joins.etc,
        private_cgroups=_private_cgroups(record),
        init=find_init() if record.host.init else "",
        sources={mount.source: clone_path(paths, mount) for mount in record.host.mounts if clone_path(paths, mount)},
        tmpfs=_tmpfs(record),
        variables=_link_variables(engine, record) if record.host.links else (),
        apparmor=loaded_profiles(),
    )
    spec = build_spec(_with_flags(record, volumes), around)
    compiled = CompiledFilter(paths.run_dir, runtime, spec)
    if finished := compiled.annotations():
        spec["annotations"] = finished
    with open(paths.config, "wb") as file:
        file.write(encode_spec(spec))
    return compiled


def _with_flags(record: ContainerRecord, volumes: tuple[VolumeMount, ...]) -> ContainerRecord:
    flags = {volume.target: bind_options(volume) for volume in volumes}
    if not flags:
        return record
    replace = msgspec.structs.replace
    mounts = tuple(replace(mount, options=flags.get(mount.source, mount.options)) for mount in record.host.mounts)
    return replace(record, host=replace(record.host, mounts=mounts))


def find_init() -> str:
    """The program for `--init`.

    Raises:
        HostError: there is none.
    """
    from pallet.host.spawn import find_program

    for name in _INITS:
        path = find_program(name)
        if path is not None:
            return os.path.realpath(path)
    raise HostError(
        'exec: "docker-init": executable file not found in $PATH', hint="install tini-static, docker-init or catatonit"
    )


def _link_variables(engine: Engine, record: ContainerRecord) -> tuple[str, ...]:
    from pallet.ops.container_links import link_variables

    return tuple(link_variables(engine, record))


def _prepare(record: ContainerRecord, root: int, mounted: Mapping[str, str]) -> None:
    try:
        if record.config.working_dir:
            inroot.make_directories_in_root(root, record.config.working_dir)
        for mount in record.host.mounts:
            if mount.type == "volume":
                if mount.no_copy:
                    os.makedirs(mount.source, 0o755, exist_ok=True)
                else:
                    fill_volume(mounted.get(mount.source, mount.source), root, mount.destination)
            elif mount.type == "bind" and not os.path.lexists(mount.source):
                if not mount.made:
                    raise InvalidInput(
                        f'invalid mount config for type "bind": bind source path does not exist: {mount.source}'
                    )
                os.makedirs(mount.source, 0o755, exist_ok=True)
    except OSError as error:
        if error.errno == errno.ENOTDIR:
            raise InvalidInput(f"Cannot mkdir: {error.filename} is not a directory") from error
        raise HostError(f"cannot prepare {error.filename}: {error.strerror}") from error


def _private_cgroups(record: ContainerRecord) -> bool:
    mode = record.host.cgroupns_mode
    if mode:
        return mode == "private"
    return has_cgroups_v2() and not record.host.privileged


def _tmpfs(record: ContainerRecord) -> dict[str, list[str]]:
    found = {os.path.normpath(path): tmpfs_options(words.split(",")) for path, words in record.host.tmpfs.items()}
    for mount in record.host.mounts:
        if mount.type == "tmpfs":
            found[mount.destination] = tmpfs_options(mount.options)
    return found
