"""An instruction with the values of variables put in: which parts of which instruction that is.

Source: Dockerfile reference, "Environment replacement" and each instruction; behaviour checked against BuildKit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

import msgspec

from pallet.dockerfile.expand import Expansion, expansion
from pallet.dockerfile.instructions import (
    Add,
    Copy,
    Env,
    Expose,
    InlineFile,
    Instruction,
    Label,
    Run,
    Stopsignal,
    User,
    Volume,
    Workdir,
)
from pallet.dockerfile.mounts import parse_mount
from pallet.dockerfile.numbers import parse_unsigned
from pallet.dockerfile.ports import exposed_port
from pallet.dockerfile.words import Pair
from pallet.errors import InvalidInput

_SYMBOLIC_MODE = re.compile(r"[ugoa]*([-+=]([rwxXst]*|[ugo]))+(,[ugoa]*([-+=]([rwxXst]*|[ugo]))+)*\Z")
_REMOTE = ("http://", "https://", "git://", "ssh://", "git@")

_replace = msgspec.structs.replace


class Expanded(msgspec.Struct, frozen=True):
    """An instruction, expanded, and the names of variables that it used and nobody defined."""

    instruction: Instruction
    undefined: frozenset[str] = frozenset()


def expand_instruction(instruction: Instruction, variables: Mapping[str, str], escape: str = "\\") -> Expanded:
    """Put variables' values into the parts of an instruction that may have variables, and check what comes out.

    ARG is not expanded here, because what it means depends on the build's arguments: see `scope`.

    Args:
        variables: what is known at this point of the stage.
        escape: the Dockerfile's escape character.

    Raises:
        InvalidInput: a text that does not expand, or an option that is wrong once expanded.
    """
    return _Expander(variables, escape).instruction(instruction)


class _Expander:
    def __init__(self, variables: Mapping[str, str], escape: str) -> None:
        self._expansion = partial(expansion, variables=variables, escape=escape)
        self._content = partial(expansion, variables=variables, quotes=False)
        self._undefined: set[str] = set()

    def instruction(self, found: Instruction) -> Expanded:
        return Expanded(self._expanded(found), frozenset(self._undefined))

    def _expanded(self, found: Instruction) -> Instruction:
        match found:
            case Env() | Label():
                return _replace(found, pairs=tuple(map(self._pair, found.pairs)))
            case Copy() | Add():
                return self._files(found)
            case Run():
                return _replace(found, mounts=tuple(parse_mount(text, self._text) for text in found.mount_flags))
            case Workdir():
                return _replace(found, path=self._text(found.path))
            case User():
                return _replace(found, user=self._text(found.user))
            case Volume():
                return self._volume(found)
            case Stopsignal():
                return _replace(found, signal=self._text(found.signal))
            case Expose():
                return self._expose(found)
            case _:
                return found

    def _seen(self, result: Expansion) -> Expansion:
        self._undefined |= result.undefined
        return result

    def _text(self, text: str) -> str:
        return self._seen(self._expansion(text)).text

    def _pair(self, pair: Pair) -> Pair:
        return Pair(self._text(pair.name), self._text(pair.value), pair.legacy)

    def _volume(self, found: Volume) -> Volume:
        paths = tuple(map(self._text, found.paths))
        if "" in paths:
            raise InvalidInput("VOLUME specified can not be an empty string")
        return _replace(found, paths=paths)

    def _expose(self, found: Expose) -> Expose:
        words = [word for text in found.ports for word in self._seen(self._expansion(text)).words]
        ports = [port for word in words for port in exposed_port(word).ports]
        return _replace(found, ports=tuple(ports))

    def _files(self, found: Copy | Add) -> Copy | Add:
        chmod = self._text(found.chmod)
        _check_mode(chmod)
        expanded = _replace(
            found,
            sources=tuple(map(self._text, found.sources)),
            destination=self._text(found.destination),
            files=tuple(map(self._file, found.files)),
            chown=self._text(found.chown),
            chmod=chmod,
        )
        if isinstance(expanded, Copy):
            return expanded
        checksum = self._text(expanded.checksum)
        _check_checksum(checksum, expanded.sources)
        return _replace(expanded, checksum=checksum)

    def _file(self, found: InlineFile) -> InlineFile:
        if not found.expand:
            return found
        return _replace(found, content=self._seen(self._content(found.content)).text)


def _check_mode(text: str) -> None:
    if not text or _SYMBOLIC_MODE.match(text):
        return
    try:
        valid = parse_unsigned(text, base=8) <= 0o7777
    except InvalidInput:
        valid = False
    if not valid:
        raise InvalidInput(
            f"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777",
        )


def _check_checksum(text: str, sources: tuple[str, ...]) -> None:
    if not text:
        return
    if len(sources) != 1:
        raise InvalidInput("checksum can't be specified for multiple sources")
    if not sources[0].startswith(_REMOTE) and not sources[0].partition("#")[0].endswith(".git"):
        raise InvalidInput("checksum requires HTTP(S) or Git sources")
