"""docker's `--mount`: comma-separated `key=value` words, as the object of docker's API.

Source: docker/cli opts/mount.go; the error texts are its own, and Go's encoding/csv's.
"""

from __future__ import annotations

from typing import Any

from pallet.cli.values import boolean
from pallet.errors import InvalidInput
from pallet.units import parse_size

_FLAGS = ("readonly", "ro", "volume-nocopy", "bind-nonrecursive")
_TYPED = ("bind", "volume", "tmpfs")


def mount(text: str) -> dict[str, Any]:
    """Read one `--mount`.

    Returns:
        docker's API object, its keys in docker's order: `Type`, `Source`, `Target`, `ReadOnly`, `Consistency`,
        `BindOptions`, `VolumeOptions`, `TmpfsOptions`; those that say nothing are left out.

    Raises:
        InvalidInput: a bad word.
    """
    found: dict[str, Any] = {"Type": "volume"}
    options: dict[str, dict[str, Any]] = {"bind": {}, "volume": {}, "tmpfs": {}}
    for field in fields(text):
        name, equals, value = field.partition("=")
        key = name.lower()
        if not equals:
            if key not in _FLAGS:
                raise InvalidInput(f"invalid field '{field}' must be a key=value pair")
            value = "true"
        _read(found, options, key, value, field)
    kind = found["Type"]
    if not kind:
        raise InvalidInput("type is required")
    if not found.get("Target"):
        raise InvalidInput("target is required")
    for other in _TYPED:
        if options[other] and other != kind:
            raise InvalidInput(f"cannot mix '{other}-*' options with mount type '{kind}'")
    if options["volume"]:
        options["volume"].setdefault("DriverConfig", {})
    for name in _TYPED:
        if options[name]:
            found[f"{name.capitalize()}Options"] = options[name]
    order = ("Type", "Source", "Target", "ReadOnly", "Consistency", "BindOptions", "VolumeOptions", "TmpfsOptions")
    return {key: found[key] for key in order if found.get(key)}


def _read(found: dict[str, Any], options: dict[str, dict[str, Any]], key: str, value: str, field: str) -> None:
    bind, volume, tmpfs = options["bind"], options["volume"], options["tmpfs"]
    if key == "type":
        found["Type"] = value.lower()
    elif key in ("source", "src"):
        found["Source"] = value
    elif key in ("target", "dst", "destination"):
        found["Target"] = value
    elif key in ("readonly", "ro"):
        found["ReadOnly"] = _bool(key, value)
    elif key == "consistency":
        found["Consistency"] = value.lower()
    elif key == "bind-propagation":
        bind["Propagation"] = value.lower()
    elif key == "bind-nonrecursive":
        bind["NonRecursive"] = _bool(key, value)
    elif key == "volume-nocopy":
        volume["NoCopy"] = _bool(key, value)
    elif key == "volume-label":
        name, _, text = value.partition("=")
        volume.setdefault("Labels", {})[name] = text
    elif key == "volume-driver":
        volume.setdefault("DriverConfig", {})["Name"] = value
    elif key == "volume-opt":
        name, _, text = value.partition("=")
        volume.setdefault("DriverConfig", {}).setdefault("Options", {})[name] = text
    elif key == "tmpfs-size":
        tmpfs["SizeBytes"] = _size(key, value)
    elif key == "tmpfs-mode":
        tmpfs["Mode"] = _mode(key, value)
    else:
        raise InvalidInput(f"unexpected key '{key}' in '{field}'")


def _bool(key: str, value: str) -> bool:
    try:
        return boolean(value)
    except InvalidInput:
        raise InvalidInput(f"invalid value for {key}: {value}") from None


def _size(key: str, value: str) -> int:
    try:
        return parse_size(value)
    except InvalidInput:
        raise InvalidInput(f"invalid value for {key}: {value}") from None


def _mode(key: str, value: str) -> int:
    if not value or set(value) - set("01234567") or int(value, 8) >= 1 << 32:
        raise InvalidInput(f"invalid value for {key}: {value}")
    return int(value, 8)


def fields(text: str) -> list[str]:
    """Split one line of comma-separated values as Go's encoding/csv does (RFC 4180).

    Raises:
        InvalidInput: nothing, or quotes in a wrong place, with Go's text.
    """
    if not text:
        raise InvalidInput("EOF")
    found, position = [], 0
    while True:
        if text[position : position + 1] == '"':
            field, position = _quoted_field(text, position + 1)
        else:
            end = text.find(",", position)
            end = len(text) if end < 0 else end
            field = text[position:end]
            if '"' in field:
                column = len(text[: position + field.index('"')].encode()) + 1
                raise InvalidInput(f'parse error on line 1, column {column}: bare " in non-quoted-field')
            position = end
        found.append(field)
        if position >= len(text):
            return found
        position += 1


def _quoted_field(text: str, start: int) -> tuple[str, int]:
    """The content of a quoted field that begins at `start`, and where the text goes on."""
    out, position = "", start
    while True:
        end = text.find('"', position)
        if end < 0:
            column = len(text.encode()) + 1
            raise InvalidInput(f'parse error on line 1, column {column}: extraneous or missing " in quoted-field')
        out += text[position:end]
        behind = text[end + 1 : end + 2]
        if behind == '"':
            out, position = out + '"', end + 2
        elif behind in ("", ","):
            return out, end + 1
        else:
            column = len(text[:end].encode()) + 1
            raise InvalidInput(f'parse error on line 1, column {column}: extraneous or missing " in quoted-field')
