"""`docker volume create`: a directory with a name, or what the local driver's options mount.

Source: docker's documentation of `docker volume create`; the rules and error texts are moby's (volume/local).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from pallet.engine import Engine
from pallet.errors import InvalidInput, NotFound
from pallet.ops.record_event import volume_event
from pallet.ops.times import now_ns
from pallet.store.volumes import Volume

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_MORE = _LETTERS | frozenset("_.-")
# Each option with those that it needs.
_OPTIONS = {"device": ("type",), "o": ("device", "type"), "type": ("device",)}


def create_volume(
    engine: Engine,
    name: str = "",
    *,
    driver: str = "local",
    labels: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> Volume:
    """Create a volume; one that is there already stays as it is.

    Args:
        engine: whose store.
        name: its name; one is made up if empty.
        driver: only `local`.
        labels: labels.
        options: `type`, `device` and `o`, as for mount(8): a tmpfs, a directory elsewhere (`type=none`, `o=bind`), or
            anything else that the kernel can mount.

    Raises:
        InvalidInput: a bad name or option, with docker's text.
        NotFound: another driver.
    """
    name = name or os.urandom(32).hex()
    check_volume_name(name)
    if driver not in ("local", ""):
        raise NotFound(f'create {name}: error looking up volume plugin {driver}: plugin "{driver}" not found')
    volume = Volume(name, now_ns(), dict(labels or {}), dict(options or {}))
    try:
        old: Volume | None = engine.store.volumes.get(name)
    except NotFound:
        old = None
    if old is None:
        _check_options(name, volume.options or {})
    with engine.store.db.transaction():
        engine.store.volumes.add(volume)
        volume_event(engine, name, "create")
    os.makedirs(volume_data(engine, name), exist_ok=True)
    return old or volume


def volume_data(engine: Engine, name: str) -> str:
    """The directory with a volume's files."""
    return engine.store.volume_dir(name) + "/_data"


def check_volume_name(name: str) -> None:
    """Check a volume's name.

    Raises:
        InvalidInput: docker's text.
    """
    if len(name) == 1:
        raise InvalidInput(
            f"create {name}: volume name is too short, names should be at least two alphanumeric characters"
        )
    if name[:1] not in _LETTERS or not _MORE.issuperset(name):
        raise InvalidInput(
            f'create {name}: "{name}" includes invalid characters for a local volume name, only '
            '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path'
        )


def _check_options(name: str, options: Mapping[str, str]) -> None:
    for option in options:
        if option not in _OPTIONS:
            raise InvalidInput(f'create {name}: invalid option: "{option}"')
    for option in options:
        for needed in _OPTIONS[option]:
            if needed not in options:
                raise InvalidInput(f'create {name}: missing required option: "{needed}"')
