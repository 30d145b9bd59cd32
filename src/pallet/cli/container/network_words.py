"""docker's `--network` words, read and checked as docker's client does.

Source: docker/cli 20.10, opts/network.go and cli/command/container/opts.go: the order of the checks and the texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from pallet.cli.failure import Failure
from pallet.cli.values import quoted
from pallet.errors import InvalidInput

_OWN_NETWORKS = ("default", "bridge", "host", "none")


class NetworkWord(NamedTuple):
    """A network that a new container becomes a part of.

    Attributes:
        name: of the network, or another mode: `host`, `container:NAME`.
        aliases: more names for the container there.
        ip, ip6: the addresses it has to get.
        options: of the network's driver.
    """

    name: str
    aliases: tuple[str, ...] = ()
    ip: str = ""
    ip6: str = ""
    options: Mapping[str, str] = {}


def network_word(text: str) -> NetworkWord:
    """Read a network's name, or `name=NETWORK,alias=NAME,driver-opt=KEY=VALUE`. Raises InvalidInput."""
    if not _is_long(text):
        return NetworkWord(text)
    from pallet.cli.container.mount_words import fields

    name, ip, ip6 = "", "", ""
    aliases: list[str] = []
    options: dict[str, str] = {}
    for field in fields(text):
        key, equals, value = (part.strip().lower() for part in field.partition("="))
        if not equals:
            raise InvalidInput(f"invalid field {field}")
        if key == "name":
            name = value
        elif key == "alias":
            aliases.append(value)
        elif key == "ip":
            ip = value
        elif key == "ip6":
            ip6 = value
        elif key == "driver-opt":
            option, equals, setting = (part.strip() for part in value.partition("="))
            if not equals:
                raise InvalidInput("invalid key value pair format in driver options")
            options[option] = setting
        else:
            raise InvalidInput(f"invalid field key {key}")
    if not name:
        raise InvalidInput("network name/id is not specified")
    return NetworkWord(name, tuple(aliases), ip, ip6, options)


def _is_long(text: str) -> bool:
    """Whether there is an equals sign with a letter, digit or underscore on both of its sides."""
    parts = text.split("=")
    return any(_is_word(left[-1:]) and _is_word(right[:1]) for left, right in pairwise(parts))


def _is_word(letter: str) -> bool:
    return letter == "_" or (letter.isascii() and letter.isalnum())


def chosen_network(
    words: tuple[NetworkWord, ...], aliases: tuple[str, ...], links: tuple[str, ...], ip: str, ip6: str
) -> NetworkWord:
    """The network that a container begins in; the flags beside `--network` are for it, too.

    Args:
        words: what `--network` was given.
        aliases: what `--network-alias` was given.
        links: what `--link` was given.
        ip: what `--ip` was given.
        ip6: what `--ip6` was given.

    Raises:
        Failure: what docker's client refuses.
        InvalidInput: more than one network, in the words of docker's daemon.
    """
    first = words[0]
    for twice, what in (
        (first.aliases and aliases, "--network-alias and per-network alias"),
        (first.ip and ip, "--ip and per-network IPv4 address"),
        (first.ip6 and ip6, "--ip6 and per-network IPv6 address"),
    ):
        if twice:
            raise Failure(f"conflicting options: cannot specify both {what}")
    chosen = first._replace(aliases=(*first.aliases, *aliases), ip=first.ip or ip, ip6=first.ip6 or ip6)
    seen: set[str] = set()
    for place, word in enumerate((chosen, *words[1:])):
        _check(word, links if place == 0 else ())
        if word.name in seen:
            raise Failure(f"network {quoted(word.name)} is specified multiple times")
        seen.add(word.name)
    if len({_is_users(name) for name in seen}) > 1:
        raise Failure("conflicting options: cannot attach both user-defined and non-user-defined network-modes")
    if len(seen) > 1:
        raise InvalidInput(f"Container cannot be connected to network endpoints: {', '.join(sorted(seen))}")
    return chosen


def _is_users(name: str) -> bool:
    return name not in _OWN_NETWORKS and not name.startswith("container:")


def _check(word: NetworkWord, links: tuple[str, ...]) -> None:
    if not word.name.strip():
        raise Failure("no name set for network")
    if _is_users(word.name):
        return
    if word.aliases:
        raise Failure("network-scoped aliases are only supported for user-defined networks")
    if links:
        raise Failure("links are only supported for user-defined networks")
