"""What docker's `config.json` and the environment say where a flag is not given.

Source: docker documentation, "docker CLI", "Configuration files" and "Environment variables"; docker/cli, cli/config.
"""

from __future__ import annotations

from pallet.cli.command import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from pallet.cli.command import Flag
    from pallet.cli.context import Context

_LARGEST = 16 << 20  # bytes
_PRUNE = "pruneFilters"
_PROXIES = {"HTTP_PROXY": "httpProxy", "HTTPS_PROXY": "httpsProxy", "NO_PROXY": "noProxy", "FTP_PROXY": "ftpProxy"}


class UserConfig:
    """docker's `config.json`, read when first asked, and taken apart only if it has what is asked for.

    Args:
        ctx: names its directory, and is warned if it cannot be read.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._path = f"{ctx.settings.docker_config}/config.json"
        self._raw: bytes | None = None
        self._values: dict[str, Any] | None = None

    def text(self, name: str) -> str:
        """A text, "" if it is not there."""
        value = self._get(name)
        return value if isinstance(value, str) else ""

    def words(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._get(name)
        return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list) else ()

    def proxies(self, given: Iterable[str]) -> dict[str, str]:
        """The variables that a container or a build gets for its way out, in capital and small letters.

        Args:
            given: names of variables that have a value already.
        """
        section = self._get("proxies")
        default = section.get("default") if isinstance(section, dict) else None
        if not isinstance(default, dict):
            return {}
        had = frozenset(given)
        found: dict[str, str] = {}
        for variable, key in _PROXIES.items():
            value = default.get(key)
            if isinstance(value, str) and value:
                found |= {name: value for name in (variable, variable.lower()) if name not in had}
        return found

    def _get(self, name: str) -> object:
        if self._raw is None:
            self._raw = self._read()
        if f'"{name}"'.encode() not in self._raw:
            return None
        if self._values is None:
            from pallet.errors import InvalidInput
            from pallet.oci.codec import decode_object

            try:
                self._values = decode_object(self._raw, "it")
            except InvalidInput as error:
                self._warn(error.message)
                self._values = {}
        return self._values.get(name)

    def _read(self) -> bytes:
        try:
            with open(self._path, "rb", buffering=0) as file:
                return file.read(_LARGEST) or b""
        except (FileNotFoundError, NotADirectoryError):
            return b""
        except OSError as error:
            self._warn(error.strerror or "")
            return b""

    def _warn(self, why: str) -> None:
        self._ctx.warn(f"WARNING: Error loading config file: {self._path}: {why}")


def with_defaults(flags: tuple[Flag, ...], opts: Options, ctx: Context) -> Options:
    """The flags of a call, those that the user left open with the values of the environment and `config.json`.

    Args:
        flags: the command's.
        opts: as parsed.
        ctx: has both.

    Raises:
        InvalidInput: the environment's value is none for its flag.
    """
    values: dict[str, object] = {}
    for flag in flags:
        if flag.config == _PRUNE:
            values[flag.attribute] = _prune_filters(getattr(opts, flag.attribute), ctx.user_config.words(_PRUNE))
        elif flag.config and not getattr(opts, flag.attribute) and not getattr(opts, "quiet", False):
            values[flag.attribute] = ctx.user_config.text(flag.config)
        elif flag.variable and not opts.changed(flag.name) and (text := ctx.environ.get(flag.variable, "")):
            value = flag.read(text)
            values[flag.attribute] = (value,) if flag.kind == "list" else value
    return opts.replaced(values) if values else opts


def _prune_filters(given: tuple[tuple[str, str], ...], words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Those of `config.json` are added, but for what the command line says the opposite of."""
    opposite: Mapping[str, str] = {"label": "label!", "label!": "label"}
    added = [(name, value) for name, equals, value in (word.partition("=") for word in words) if equals]
    return (*given, *(each for each in added if (opposite.get(each[0], ""), each[1]) not in given))
