"""docker's `-v` words and images' volumes: what they mount, and the volumes' directories.

Source: docker's documentation of bind mounts and volumes; the error texts are moby's (volume/mounts, linux parser).
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from pallet.errors import InvalidInput
from pallet.host.files import remove_tree
from pallet.settings import Settings
from pallet.store.container_record import Mount

_PROPAGATIONS = ("shared", "rshared", "slave", "rslave", "private", "rprivate")
_MODES = ("ro", "rw", "z", "Z", "nocopy", "consistent", "cached", "delegated", *_PROPAGATIONS)
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


def parse_mounts(settings: Settings, words: Iterable[str], image_volumes: Iterable[str]) -> tuple[Mount, ...]:
    """What a container mounts.

    Args:
        settings: where the volumes are.
        words: each `-v`: `/in/container`, `/on/host:/in/container[:options]`, `name:/in/container[:options]`.
        image_volumes: the image's volumes; each gets a new one, unless the user mounts something there.

    Raises:
        InvalidInput: docker's text.
    """
    found: dict[str, Mount] = {}
    for word in words:
        mount = _parse(settings, word)
        if mount.destination in found:
            raise InvalidInput(f"Duplicate mount point: {mount.destination}")
        found[mount.destination] = mount
    for path in sorted(image_volumes):
        destination = _clean(path)
        if destination not in found:
            found[destination] = _anonymous(settings, destination)
    return tuple(found.values())


def remove_anonymous_volumes(settings: Settings, mounts: Iterable[Mount]) -> None:
    """Remove the volumes that no user named."""
    for mount in mounts:
        if mount.anonymous:
            remove_tree(f"{settings.root}/volumes/{mount.name}")


def _parse(settings: Settings, word: str) -> Mount:
    parts = word.split(":")
    if len(parts) > 3 or not all(parts[:2]):
        raise InvalidInput(f"invalid volume specification: '{word}'")
    if len(parts) == 1:
        return _anonymous(settings, _destination(word, parts[0], "volume"))
    source, destination = parts[:2]
    options = parts[2].split(",") if len(parts) == 3 else []
    for option in options:
        if option not in _MODES:
            raise InvalidInput(f"invalid mode: {parts[2]}")
    bind = source.startswith("/")
    destination = _destination(word, destination, "bind" if bind else "volume")
    mode, read_only = ",".join(options), "ro" in options
    if bind:
        propagation = next((option for option in options if option in _PROPAGATIONS), "rprivate")
        return Mount("bind", _clean(source), destination, "", mode, read_only, propagation)
    if len(source) < 2 or source[0] in "_.-" or not _NAME.issuperset(source):
        raise InvalidInput(
            f'create {source}: "{source}" includes invalid characters for a local volume name, only '
            '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path'
        )
    return Mount("volume", _data(settings, source), destination, source, mode or "z", read_only)


def _anonymous(settings: Settings, destination: str) -> Mount:
    name = os.urandom(32).hex()
    return Mount("volume", _data(settings, name), destination, name, anonymous=True)


def _data(settings: Settings, name: str) -> str:
    return f"{settings.root}/volumes/{name}/_data"


def _destination(word: str, path: str, kind: str) -> str:
    where = f"invalid volume specification: '{word}': invalid mount config for type \"{kind}\": "
    if not path.startswith("/"):
        raise InvalidInput(f"{where}invalid mount path: '{path}' mount path must be absolute")
    clean = _clean(path)
    if clean == "/":
        raise InvalidInput(f"{where}invalid specification: destination can't be '/'")
    return clean


def _clean(path: str) -> str:
    return os.path.normpath("/" + path.lstrip("/"))
