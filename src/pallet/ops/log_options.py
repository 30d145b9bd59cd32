"""Log drivers and their options: which there are, and what they mean.

Source: docker's documentation of logging drivers; moby, daemon/logger; the texts are its own.
"""

from __future__ import annotations

import os

import msgspec

from pallet.errors import HostError, InvalidInput
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerRecord
from pallet.units import parse_size

_COMMON = ("mode", "max-buffer-size")
_ATTRIBUTES = ("labels", "labels-regex", "env", "env-regex", "tag")
_FILE = ("max-file", "max-size", "compress", *_ATTRIBUTES)
_KNOWN = {
    "json-file": _FILE,
    "local": ("max-file", "max-size", "compress"),
    "journald": _ATTRIBUTES,
    "none": (),
}
_JOURNAL = "/run/systemd/journal/socket"
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")


class Rotation(msgspec.Struct, frozen=True):
    """When a log is put aside, and how many there are.

    Attributes:
        size: bytes; 0 for never.
        files: how many files in all, the one that is written included.
        compress: whether those put aside are compressed.
    """

    size: int = 0
    files: int = 1
    compress: bool = False


def check_logging(driver: str, options: dict[str, str]) -> None:
    """Check the words that docker checks when a container is created.

    Raises:
        InvalidInput: an unknown driver or option, with docker's text.
    """
    if driver not in _KNOWN:
        raise InvalidInput(f'error looking up logging plugin {driver}: plugin "{driver}" not found')
    mode = options.get("mode", "")
    if mode not in ("", "blocking", "non-blocking"):
        raise InvalidInput(f"logger: logging mode not supported: {mode}")
    if "max-buffer-size" in options:
        if mode != "non-blocking":
            raise InvalidInput("logger: max-buffer-size option is only supported with 'mode=non-blocking'")
        try:
            parse_size(options["max-buffer-size"], binary=True)
        except InvalidInput as error:
            raise InvalidInput(f"error parsing option max-buffer-size: {error.message}") from None
    for name in options:
        if name not in _KNOWN[driver] and name not in _COMMON:
            where = f"log driver {driver}" if driver == "local" else f"{driver} log driver"
            raise InvalidInput(f"unknown log opt '{name}' for {where}")


def rotation(driver: str, options: dict[str, str]) -> Rotation:
    """How a container's log file is rotated; docker reads these words when the container starts.

    Raises:
        HostError: a bad word, or a journal that is not there, with docker's text.
    """
    start = "failed to initialize logging driver: "
    if driver == "journald" and not os.path.exists(_JOURNAL):
        raise HostError(f"{start}journald is not enabled on this host")
    if driver not in ("json-file", "local"):
        return Rotation()
    local = driver == "local"
    try:
        size = parse_size(options["max-size"], binary=True) if "max-size" in options else 20_000_000 if local else 0
    except InvalidInput as error:
        raise HostError(start + error.message) from None
    text = options.get("max-file", "5" if local else "1")
    if not text.removeprefix("-").isdigit():
        raise HostError(f'{start}strconv.Atoi: parsing "{text}": invalid syntax')
    if int(text) < 1:
        raise HostError(f"{start}max-file cannot be less than 1")
    word = options.get("compress", "true" if local else "false")
    if word not in _TRUE + _FALSE:
        raise HostError(f'{start}strconv.ParseBool: parsing "{word}": invalid syntax')
    compress = word in _TRUE
    if compress and not local and (int(text) < 2 or not size):
        raise HostError(f"{start}compress cannot be true when max-file is less than 2 or max-size is not set")
    return Rotation(size, int(text), compress and int(text) > 1)


def conmon_words(record: ContainerRecord, paths: ContainerPaths) -> list[str]:
    """conmon's words for a container's log.

    Raises:
        HostError: as `rotation` and `log_attributes`.
    """
    host, tag = record.host, ""
    how = rotation(host.log_driver, host.log_options)
    if host.log_driver != "none" and any(name in host.log_options for name in _ATTRIBUTES):
        from pallet.ops.log_attributes import log_attributes

        tag = log_attributes(record).get("tag", "")
    if host.log_driver == "none":
        return ["--log-path", "none"]
    if host.log_driver == "journald":
        return ["--log-path", "journald", *(["--log-tag", tag] if tag else [])]
    words = ["--log-path", f"k8s-file:{paths.log}"]
    # One file alone conmon begins anew by itself; more of them are the supervisor's to keep.
    return [*words, "--log-size-max", str(how.size)] if how.size and how.files == 1 else words
