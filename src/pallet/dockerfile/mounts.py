"""`RUN --mount=type=...`: what a mount is made of, and its options.

Source: Dockerfile reference, "RUN --mount"; option names, defaults and texts as in BuildKit.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Literal, cast

import msgspec

from pallet.dockerfile.csvfields import csv_fields
from pallet.dockerfile.numbers import parse_truth, parse_unsigned
from pallet.dockerfile.source import quoted
from pallet.dockerfile.suggest import did_you_mean
from pallet.errors import InvalidInput
from pallet.units import parse_size

Kind = Literal["bind", "cache", "tmpfs", "secret", "ssh"]
Sharing = Literal["shared", "private", "locked"]
_KINDS = ("bind", "cache", "tmpfs", "secret", "ssh")
_SHARINGS = ("shared", "private", "locked")
_KEYS = (
    *("type", "from", "source", "target", "readonly", "id", "sharing", "required", "size", "mode", "uid", "gid"),
    *("src", "dst", "destination", "ro", "rw", "readwrite", "env"),
)
_SAME = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite"}


class Mount(msgspec.Struct, frozen=True):
    """A mount of one RUN.

    Attributes:
        source_stage: what `from` names: a stage, a context or an image; "" for the build context, or nothing.
        source: the path in there; for a secret its id.
        target: where it appears; relative paths are below the working directory.
        readonly: writes are refused. Writes to a bind mount that is not are thrown away.
        size: the most bytes of a tmpfs, 0 for no limit.
        id: the id of a cache, secret or SSH agent; "" for the default.
        sharing: what a second RUN with the same cache does; None where not said, which is `shared`.
        required: a missing secret or agent is an error.
        env: the variable that gets a secret, or None.
        mode: permission bits, or None for the default; so for `uid` and `gid`.
    """

    type: Kind = "bind"
    source_stage: str = ""
    source: str = ""
    target: str = ""
    readonly: bool = False
    size: int = 0
    id: str = ""
    sharing: Sharing | None = None
    required: bool = False
    env: str | None = None
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None

    @property
    def known_as(self) -> str:
        """The id by which a secret or an SSH agent is asked for."""
        if self.type == "secret":
            return self.id or self.source or posixpath.basename(self.target)
        return self.id or "default"


def mount_source(text: str) -> str:
    """What the `from` of a mount's options names, or "".

    Raises:
        InvalidInput: options that cannot be split, or a variable in `from`.
    """
    found = ""
    for field in csv_fields(text, "mounts"):
        key, equals, value = field.partition("=")
        if equals and key.lower() == "from":
            if "$" in value[:-1]:
                raise InvalidInput(f"'{key.lower()}' doesn't support variable expansion, define alias stage instead")
            found = value
    return found


def parse_mount(text: str, expand: Callable[[str], str]) -> Mount:
    """Understand one `--mount`.

    Args:
        text: the options, `key=value` with commas between them.
        expand: gives a value with its variables expanded.

    Raises:
        InvalidInput: an option that is unknown, bad, or not for this type, with BuildKit's text.
    """
    options: dict[str, str | bool | int] = {"type": "bind"}
    readonly: bool | None = None
    for field in csv_fields(text, "mounts"):
        written, equals, raw = field.partition("=")
        key = written.lower()
        name = _SAME.get(key, key)
        kind = str(options["type"])
        if not equals:
            if name in ("readonly", "readwrite"):
                readonly = name == "readonly"
            elif name == "required":
                options["required"] = _only_for(key, kind, "secret", "ssh")
            else:
                raise InvalidInput(f"invalid field '{field}' must be a key=value pair")
            continue
        value = expand(raw)
        if name in ("readonly", "readwrite"):
            readonly = _truth(key, value) == (name == "readonly")
        else:
            options[_field(name)] = _option(name, key, value, kind, field)
    mount = _checked(msgspec.convert(options, Mount))
    if readonly is None:
        readonly = mount.type not in ("cache", "tmpfs")
    return msgspec.structs.replace(mount, readonly=readonly)


def _field(name: str) -> str:
    return "source_stage" if name == "from" else name


def _option(name: str, key: str, value: str, kind: str, field: str) -> str | bool | int:
    if name == "type":
        return _one_of(value, _KINDS, f"unsupported mount type {quoted(value)}")
    if name == "sharing":
        return _one_of(value, _SHARINGS, f"unsupported sharing value {quoted(value)}")
    if name == "required":
        _only_for(key, kind, "secret", "ssh")
        return _truth(key, value)
    if name == "size":
        _only_for(key, kind, "tmpfs")
        return _size(key, value)
    if name in ("mode", "uid", "gid"):
        try:
            return parse_unsigned(value, base=8 if name == "mode" else 10)
        except InvalidInput:
            raise InvalidInput(f"invalid value {value} for {name}") from None
    if name in ("from", "source", "target", "id", "env"):
        return value
    raise InvalidInput(f"unexpected key '{key}' in '{field}'{did_you_mean(key, _KEYS)}")


def _one_of(value: str, options: tuple[str, ...], message: str) -> str:
    if value.lower() not in options:
        raise InvalidInput(message + did_you_mean(value, options))
    return value.lower()


def _only_for(key: str, kind: str, *kinds: str) -> Literal[True]:
    if kind not in kinds:
        raise InvalidInput(f"unexpected key '{key}' for mount type '{kind}'")
    return True


def _truth(key: str, value: str) -> bool:
    try:
        return parse_truth(value)
    except InvalidInput:
        raise InvalidInput(f"invalid value for {key}: {value}") from None


def _size(key: str, value: str) -> int:
    try:
        return parse_size(value)
    except (InvalidInput, ValueError, OverflowError):
        raise InvalidInput(f"invalid value for {key}: {value}") from None


def _checked(mount: Mount) -> Mount:
    kind = mount.type
    if kind in ("bind", "tmpfs"):
        for name in ("mode", "uid", "gid"):
            if cast("int | None", getattr(mount, name)) is not None:
                raise InvalidInput(f"{name} not allowed for {quoted(kind)} type mounts")
    if kind == "secret":
        if mount.source_stage:
            raise InvalidInput("secret mount should not have a from")
        if mount.sharing:
            raise InvalidInput("secret mount should not define sharing")
        if not (mount.source or mount.target or mount.id):
            raise InvalidInput("invalid secret mount. one of source, target required")
        if mount.source and mount.id:
            raise InvalidInput("both source and id can't be set")
    if mount.sharing and kind != "cache":
        raise InvalidInput(f"invalid cache sharing set for {kind} mount")
    return mount
