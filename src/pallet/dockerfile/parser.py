"""From split instructions to typed ones.

Source: Dockerfile reference; what is refused, and the texts, as in BuildKit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypedDict

from pallet.dockerfile.files import parse_add, parse_copy
from pallet.dockerfile.flags import Flags, parse_flags
from pallet.dockerfile.healthcheck import healthcheck
from pallet.dockerfile.instructions import (
    Arg,
    Cmd,
    Definition,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Instruction,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    Stopsignal,
    User,
    Volume,
    Workdir,
)
from pallet.dockerfile.lexer import Node
from pallet.dockerfile.mounts import mount_source
from pallet.dockerfile.source import SPACE, Lines, quoted
from pallet.dockerfile.suggest import did_you_mean
from pallet.dockerfile.words import blank_separated, exec_form, first_word, pairs, plain_words, split_words
from pallet.errors import InvalidInput

_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*\Z")
_ONBUILD = re.compile(r"\s*ONBUILD\s*", re.IGNORECASE)


class _Common(TypedDict):
    keyword: str
    text: str
    lines: Lines
    comments: tuple[str, ...]


def parse_node(node: Node, escape: str) -> Instruction:
    """Understand one instruction.

    Args:
        escape: the Dockerfile's escape character.

    Raises:
        InvalidInput: an unknown instruction, wrong flags or arguments, with BuildKit's text.
    """
    handler = _HANDLERS.get(node.keyword.upper())
    if handler is None:
        guess = did_you_mean(node.keyword, _HANDLERS, any_case=True)
        raise InvalidInput(f"unknown instruction: {node.keyword}{guess}")
    return handler(node, escape)


def _common(node: Node) -> _Common:
    return {"keyword": node.keyword, "text": node.text, "lines": node.lines, "comments": node.comments}


def _no_flags(node: Node) -> None:
    parse_flags(node.flags)


def _one_argument(node: Node) -> str:
    if not node.body:
        raise InvalidInput(f"{node.keyword.upper()} requires exactly one argument")
    _no_flags(node)
    return node.body


def _needs_argument(node: Node) -> InvalidInput:
    return InvalidInput(f"{node.keyword.upper()} requires at least one argument")


def _from(node: Node, escape: str) -> From:
    words = tuple(blank_separated(node.body))
    alias = ""
    if len(words) == 3 and words[1].lower() == "as":
        alias = words[2].lower()
        if not _STAGE_NAME.match(alias):
            why = "name can't start with a number or contain symbols"
            raise InvalidInput(f"invalid name for build stage: {quoted(words[2])}, {why}")
    elif len(words) != 1:
        raise InvalidInput("FROM requires either one or three arguments")
    platform = parse_flags(node.flags, strings=("platform",)).text("platform")
    return From(**_common(node), base=words[0], alias=alias, platform=platform, words=words)


def _arg(node: Node, escape: str) -> Arg:
    found: list[Definition] = []
    for word in split_words(node.body, escape):
        name, equals, value = word.partition("=")
        if equals and not name:
            raise InvalidInput("ARG names can not be blank")
        found.append(Definition(name, value if equals else None))
    if not found:
        raise _needs_argument(node)
    return Arg(**_common(node), definitions=tuple(found))


def _env(node: Node, escape: str) -> Env:
    _no_flags(node)
    return Env(**_common(node), pairs=pairs("ENV", node.body, escape))


def _label(node: Node, escape: str) -> Label:
    _no_flags(node)
    return Label(**_common(node), pairs=pairs("LABEL", node.body, escape))


def _command(node: Node) -> tuple[tuple[str, ...], bool]:
    """The words of the exec form or the one text of the shell form, and whether it is the shell form."""
    words = exec_form(node.body)
    if words is not None:
        return words, False
    return ((node.body,) if node.body else ()), True


def _run(node: Node, escape: str) -> Run:
    flags = parse_flags(node.flags, strings=("network", "security"), lists=("mount", "device"))
    command, shell_form = _command(node)
    mounts = flags.texts("mount")
    for mount in mounts:
        mount_source(mount)
    return Run(
        **_common(node),
        command=command,
        shell_form=shell_form,
        heredocs=node.heredocs,
        mount_flags=mounts,
        network=_network(flags),
        security=_security(flags),
        devices=flags.texts("device"),
    )


def _network(flags: Flags) -> str:
    mode = flags.text("network", "default")
    if mode not in ("default", "none", "host"):
        raise InvalidInput(f"invalid network mode {quoted(mode)}")
    return mode


def _security(flags: Flags) -> str:
    mode = flags.text("security", "sandbox")
    if mode not in ("sandbox", "insecure"):
        raise InvalidInput(f"security {quoted(mode)} is not valid")
    return mode


def _cmd(node: Node, escape: str) -> Cmd:
    _no_flags(node)
    command, shell_form = _command(node)
    return Cmd(**_common(node), command=command, shell_form=shell_form)


def _entrypoint(node: Node, escape: str) -> Entrypoint:
    _no_flags(node)
    command, shell_form = _command(node)
    return Entrypoint(**_common(node), command=command, shell_form=shell_form)


def _shell(node: Node, escape: str) -> Shell:
    _no_flags(node)
    command, shell_form = _command(node)
    if not command:
        raise _needs_argument(node)
    if shell_form:
        raise InvalidInput("SHELL requires the arguments to be in JSON form")
    return Shell(**_common(node), command=command)


def _expose(node: Node, escape: str) -> Expose:
    words = blank_separated(node.body)
    if not words:
        raise _needs_argument(node)
    _no_flags(node)
    return Expose(**_common(node), ports=tuple(sorted(words)))


def _volume(node: Node, escape: str) -> Volume:
    words = plain_words(node.body)
    if not words:
        raise _needs_argument(node)
    _no_flags(node)
    paths = tuple(word.strip(SPACE) for word in words)
    if "" in paths:
        raise InvalidInput("VOLUME specified can not be an empty string")
    return Volume(**_common(node), paths=paths)


def _user(node: Node, escape: str) -> User:
    return User(user=_one_argument(node), **_common(node))


def _workdir(node: Node, escape: str) -> Workdir:
    return Workdir(path=_one_argument(node), **_common(node))


def _stopsignal(node: Node, escape: str) -> Stopsignal:
    return Stopsignal(signal=_one_argument(node), **_common(node))


def _maintainer(node: Node, escape: str) -> Maintainer:
    return Maintainer(maintainer=_one_argument(node), **_common(node))


def _healthcheck(node: Node, escape: str) -> Healthcheck:
    if not node.body:
        raise _needs_argument(node)
    return Healthcheck(check=healthcheck(node.flags, node.body), **_common(node))


def _onbuild(node: Node, escape: str) -> Onbuild:
    if not node.body:
        raise _needs_argument(node)
    _no_flags(node)
    keyword = first_word(node.body)[0].upper()
    if keyword == "ONBUILD":
        raise InvalidInput("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if keyword in ("MAINTAINER", "FROM"):
        raise InvalidInput(f"{keyword} isn't allowed as an ONBUILD trigger")
    trigger = _ONBUILD.sub("", node.text, count=1)
    for heredoc in node.heredocs:
        trigger += f"\n{heredoc.content}{heredoc.name}"
    return Onbuild(**_common(node), trigger=trigger)


def _copy(node: Node, escape: str) -> Instruction:
    return parse_copy(node)


def _add(node: Node, escape: str) -> Instruction:
    return parse_add(node)


_HANDLERS: dict[str, Callable[[Node, str], Instruction]] = {
    "ADD": _add,
    "ARG": _arg,
    "CMD": _cmd,
    "COPY": _copy,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "FROM": _from,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "MAINTAINER": _maintainer,
    "ONBUILD": _onbuild,
    "RUN": _run,
    "SHELL": _shell,
    "STOPSIGNAL": _stopsignal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
