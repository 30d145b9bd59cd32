"""What a container mounts: docker's `-v`, `--mount`, `--tmpfs`, `--volumes-from` and the image's volumes.

Source: docker's documentation of bind mounts and volumes; the rules and the error texts are moby's (volume/mounts,
linux parser; daemon/volumes.go).
"""

from __future__ import annotations

import os

from pallet.errors import InvalidInput
from pallet.ops.mount_modes import PROPAGATIONS, is_mode, propagation
from pallet.store.container_record import ContainerRecord, Mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pallet.engine import Engine
    from pallet.ops.create_options import CreateOptions
    from pallet.settings import Settings

_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


def plan_mounts(engine: Engine, options: CreateOptions, image_volumes: Iterable[str]) -> tuple[Mount, ...]:
    """What a new container mounts, but for `--tmpfs`.

    Args:
        engine: whose volumes and containers.
        options: the user's words.
        image_volumes: the image's volumes; each gets a new one, unless the user mounts something there.

    Raises:
        InvalidInput, NoSuchContainer: docker's texts.
    """
    settings = engine.settings
    for path in options.tmpfs:
        if not path.startswith("/"):
            raise InvalidInput(f"invalid mount path: '{path}' mount path must be absolute")
        if _clean(path) == "/":
            raise InvalidInput("invalid specification: destination can't be '/'")
    found: dict[str, Mount] = {}
    for word in options.volumes_from:
        found.update({mount.destination: mount for mount in _others(engine, word)})
    taken = {_clean(path) for path in options.tmpfs}
    own = [parse_volume(settings, word) for word in options.volumes]
    if any(mount.type == "volume" for mount in own):
        _check_driver(options.volume_driver, next(mount.name for mount in own if mount.type == "volume"))
    anonymous = [mount for mount in own if mount.anonymous]  # of `-v`, which are like those of the image
    own = [mount for mount in own if not mount.anonymous]
    own += [parse_mount(settings, spec) for spec in options.mounts]
    for mount in own:
        if mount.destination in taken:
            raise InvalidInput(f"Duplicate mount point: {mount.destination}")
        taken.add(mount.destination)
        found[mount.destination] = mount
    for mount in anonymous:
        if mount.destination not in taken:
            found[mount.destination] = mount
    for path in sorted(image_volumes):
        destination = _clean(path)
        if destination not in found and destination not in taken:
            found[destination] = _anonymous(settings, destination)
    return tuple(found.values())


def make_volumes(engine: Engine, specs: Iterable[dict[str, Any]], mounts: Iterable[Mount]) -> None:
    """Make the volumes that a `--mount` gives labels or options; one that is there already stays as it is.

    Args:
        engine: whose volumes.
        specs: each `--mount`, as docker's API has it.
        mounts: what the container mounts.

    Raises:
        InvalidInput: a bad option, with docker's text.
    """
    by_destination = {mount.destination: mount for mount in mounts if mount.type == "volume"}
    for spec in specs:
        words = spec.get("VolumeOptions") or {}
        options = (words.get("DriverConfig") or {}).get("Options")
        mount = by_destination.get(_clean(spec["Target"]))
        if mount is not None and (words.get("Labels") or options):
            from pallet.ops.volume_create import create_volume

            create_volume(engine, mount.name, labels=words.get("Labels"), options=options)


def own_volumes(engine: Engine, record: ContainerRecord) -> list[str]:
    """The volumes of a container that no user named, and that no other container has."""
    names = [mount.name for mount in record.host.mounts if mount.anonymous]
    users = engine.store.volumes.users() if names else {}
    return [name for name in names if users.get(name) == [record.id]]


def parse_volume(settings: Settings, word: str) -> Mount:
    """Read one `-v`: `/in/container`, `/on/host:/in/container[:options]`, `name:/in/container[:options]`.

    Raises:
        InvalidInput: docker's text.
    """
    parts = word.split(":")
    invalid = f"invalid volume specification: '{word}'"
    if len(parts) > 3 or not parts[0] or (len(parts) == 2 and is_mode(parts[1])):
        raise InvalidInput(invalid)
    if len(parts) == 1:
        return _anonymous(settings, _destination(f"{invalid}: ", parts[0], "volume"))
    source, target = parts[:2]
    mode = parts[2] if len(parts) == 3 else ""
    if not is_mode(mode):
        raise InvalidInput(f"invalid mode: {mode}")
    words = mode.split(",")
    kind = "bind" if source.startswith("/") else "volume"
    destination = _destination(f"{invalid}: ", target, kind)
    extra = "VolumeOptions" if kind == "bind" and "nocopy" in words else ""
    if kind == "volume" and propagation(mode):
        extra = "BindOptions"
    if extra:
        raise InvalidInput(f'{invalid}: invalid mount config for type "{kind}": field {extra} must not be specified')
    if kind == "bind":
        return Mount("bind", _clean(source), destination, "", mode, "ro" in words, propagation(mode) or "rprivate")
    _check_name(source)
    return Mount(
        "volume",
        _data(settings, source),
        destination,
        source,
        mode or "z",
        read_only="ro" in words,
        no_copy="nocopy" in words,
    )


def parse_mount(settings: Settings, spec: dict[str, Any]) -> Mount:
    """Read one `--mount`, as docker's API has it.

    Raises:
        InvalidInput: docker's text.
    """
    kind, source, read_only = spec.get("Type", "volume"), spec.get("Source", ""), bool(spec.get("ReadOnly"))
    bind, volume, tmpfs = (spec.get(f"{name}Options") for name in ("Bind", "Volume", "Tmpfs"))
    bad = f'invalid mount config for type "{kind}": '
    if kind not in ("bind", "volume", "tmpfs"):
        raise InvalidInput(f"{bad}mount type unknown")
    if not spec.get("Target"):
        raise InvalidInput(f"{bad}field Target must not be empty")
    destination = _destination("", spec["Target"], kind)
    if kind != "bind" and bind:
        raise InvalidInput(f"{bad}field BindOptions must not be specified")
    if kind == "bind" and volume:
        raise InvalidInput(f"{bad}field VolumeOptions must not be specified")
    if kind == "bind":
        return _bind(bad, source, destination, bind or {}, read_only=read_only)
    if kind == "tmpfs":
        if source:
            raise InvalidInput(f"{bad}field Source must not be specified")
        words = tuple(_tmpfs_words(tmpfs or {})) + ("ro",) * read_only
        return Mount("tmpfs", "", destination, read_only=read_only, options=words)
    if not source and read_only:
        raise InvalidInput(f"{bad}must not set ReadOnly mode when using anonymous volumes")
    volume = volume or {}
    driver = volume.get("DriverConfig") or {}
    _check_driver(driver.get("Name", ""), source)
    if not source:
        return _anonymous(settings, destination, mode="z")
    _check_name(source)
    no_copy = bool(volume.get("NoCopy"))
    return Mount("volume", _data(settings, source), destination, source, "z", read_only, no_copy=no_copy)


def _bind(bad: str, source: str, destination: str, options: dict[str, Any], *, read_only: bool) -> Mount:
    if not source:
        raise InvalidInput(f"{bad}field Source must not be empty")
    spread = options.get("Propagation") or "rprivate"
    if spread not in PROPAGATIONS:
        raise InvalidInput(f"{bad}invalid propagation mode: {spread}")
    if not source.startswith("/"):
        raise InvalidInput(f"{bad}invalid mount path: '{source}' mount path must be absolute")
    if not os.path.lexists(source):
        raise InvalidInput(f"{bad}bind source path does not exist: {source}")
    alone = bool(options.get("NonRecursive"))
    return Mount(
        "bind", _clean(source), destination, read_only=read_only, propagation=spread, not_recursive=alone, made=False
    )


def _tmpfs_words(options: dict[str, Any]) -> Iterable[str]:
    if options.get("Mode"):
        yield f"mode={options['Mode']:o}"
    if options.get("SizeBytes"):
        yield f"size={options['SizeBytes']}"


def _others(engine: Engine, word: str) -> list[Mount]:
    """What `--volumes-from NAME[:mode]` takes over."""
    if not word:
        raise InvalidInput("volumes-from specification cannot be an empty string")
    name, colon, mode = word.partition(":")
    if colon and (not is_mode(mode) or propagation(mode) or "nocopy" in mode):
        raise InvalidInput(f"invalid mode: {mode}")
    read_only = "ro" in mode.split(",")
    return [
        Mount(
            mount.type,
            mount.source,
            mount.destination,
            mount.name,
            mount.mode,
            mount.read_only or read_only,
            mount.propagation,
            mount.anonymous,
            no_copy=True,
            not_recursive=mount.not_recursive,
        )
        for mount in engine.store.containers.find(name).host.mounts
        if mount.type != "tmpfs"
    ]


def _check_driver(name: str, volume: str) -> None:
    if name not in ("", "local"):
        raise InvalidInput(f'create {volume}: error looking up volume plugin {name}: plugin "{name}" not found')


def _check_name(name: str) -> None:
    if len(name) == 1 and name.isalnum():
        raise InvalidInput(
            f"create {name}: volume name is too short, names should be at least two alphanumeric characters"
        )
    if len(name) < 2 or name[0] in "_.-" or not _NAME.issuperset(name):
        raise InvalidInput(
            f'create {name}: "{name}" includes invalid characters for a local volume name, only '
            '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path'
        )


def _anonymous(settings: Settings, destination: str, *, mode: str = "") -> Mount:
    name = os.urandom(32).hex()
    return Mount("volume", _data(settings, name), destination, name, mode, anonymous=True)


def _data(settings: Settings, name: str) -> str:
    return f"{settings.root}/volumes/{name}/_data"


def _destination(where: str, path: str, kind: str) -> str:
    bad = f'{where}invalid mount config for type "{kind}": '
    if not path.startswith("/"):
        raise InvalidInput(f"{bad}invalid mount path: '{path}' mount path must be absolute")
    clean = _clean(path)
    if clean == "/":
        raise InvalidInput(f"{bad}invalid specification: destination can't be '/'")
    return clean


def _clean(path: str) -> str:
    return os.path.normpath("/" + path.lstrip("/"))
