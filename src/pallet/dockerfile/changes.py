"""`--change` of commit and import: Dockerfile instructions that only set the config."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable

import msgspec

from pallet.dockerfile.expand import expand
from pallet.dockerfile.healthcheck import parse_healthcheck
from pallet.dockerfile.ports import exposed_port
from pallet.dockerfile.words import command, exec_form, pairs, plain_words, split_words
from pallet.errors import InvalidInput
from pallet.oci.config import ContainerConfig

_replace = msgspec.structs.replace


def apply_changes(config: ContainerConfig, changes: Iterable[str]) -> ContainerConfig:
    """The config after the given instructions, one each: `CMD ["sh"]`, `ENV A=b`, `EXPOSE 80`, ...

    Raises:
        InvalidInput: an instruction that is unknown, not allowed here, or malformed, with docker's text.
    """
    command_set = False
    for change in changes:
        if not change.strip():
            raise InvalidInput("file with no instructions")
        keyword, _, text = change.strip().partition(" ")
        text = text.strip()
        name = keyword.upper()
        handler = _HANDLERS.get(name)
        if handler is None:
            raise InvalidInput(f"{name.lower()} is not a valid change command")
        if not text:
            raise InvalidInput(f"{name} requires at least one argument")
        config = handler(config, text)
        command_set = command_set or name == "CMD"
        if name == "ENTRYPOINT" and not command_set:
            # The old command was made for the old entrypoint.
            config = _replace(config, cmd=None)
    return config


def environment(config: ContainerConfig) -> dict[str, str]:
    """The config's variables, by name."""
    found: dict[str, str] = {}
    for entry in config.env or ():
        name, _, value = entry.partition("=")
        found[name] = value
    return found


def _cmd(config: ContainerConfig, text: str) -> ContainerConfig:
    return _replace(config, cmd=command(text))


def _entrypoint(config: ContainerConfig, text: str) -> ContainerConfig:
    return _replace(config, entrypoint=command(text) or None)


def _env(config: ContainerConfig, text: str) -> ContainerConfig:
    before = environment(config)
    variables = dict(before)
    for pair in pairs("ENV", text):
        variables[expand(pair.name, before)] = expand(pair.value, before)
    return _replace(config, env=tuple(f"{name}={value}" for name, value in variables.items()))


def _label(config: ContainerConfig, text: str) -> ContainerConfig:
    before = environment(config)
    labels = dict(config.labels or {})
    for pair in pairs("LABEL", text):
        labels[expand(pair.name, before)] = expand(pair.value, before)
    return _replace(config, labels=labels)


def _expose(config: ContainerConfig, text: str) -> ContainerConfig:
    before = environment(config)
    ports = dict(config.exposed_ports or {})
    for word in split_words(text):
        ports |= {port: {} for port in exposed_port(expand(word, before)).ports}
    return _replace(config, exposed_ports=dict(sorted(ports.items())))


def _volume(config: ContainerConfig, text: str) -> ContainerConfig:
    before = environment(config)
    volumes = dict(config.volumes or {})
    for word in plain_words(text):
        path = expand(word, before).strip()
        if not path:
            raise InvalidInput("VOLUME specified can not be an empty string")
        volumes[path] = {}
    return _replace(config, volumes=volumes)


def _user(config: ContainerConfig, text: str) -> ContainerConfig:
    return _replace(config, user=expand(text, environment(config)))


def _workdir(config: ContainerConfig, text: str) -> ContainerConfig:
    path = expand(text, environment(config))
    return _replace(config, working_dir=posixpath.normpath(posixpath.join("/", config.working_dir, path)))


def _onbuild(config: ContainerConfig, text: str) -> ContainerConfig:
    keyword = text.split()[0].upper()
    if keyword in ("ONBUILD", "MAINTAINER", "FROM"):
        why = "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"
        raise InvalidInput(why if keyword == "ONBUILD" else f"{keyword} isn't allowed as an ONBUILD trigger")
    return _replace(config, on_build=(*(config.on_build or ()), text))


def _stopsignal(config: ContainerConfig, text: str) -> ContainerConfig:
    if exec_form(text) is not None or len(text.split()) != 1:
        raise InvalidInput("STOPSIGNAL requires exactly one argument")
    return _replace(config, stop_signal=expand(text, environment(config)))


def _healthcheck(config: ContainerConfig, text: str) -> ContainerConfig:
    return _replace(config, healthcheck=parse_healthcheck(text))


_HANDLERS: dict[str, Callable[[ContainerConfig, str], ContainerConfig]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "ONBUILD": _onbuild,
    "STOPSIGNAL": _stopsignal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
