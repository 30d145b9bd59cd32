"""A Dockerfile's text as instructions not understood yet: continuations joined, comments and heredocs taken out.

Source: Dockerfile reference, "Format" and "Here-documents"; behaviour checked against BuildKit.
"""

from __future__ import annotations

import re

import msgspec

from pallet.dockerfile.directives import DirectiveReader, Directives
from pallet.dockerfile.heredoc import Heredoc, heredocs_in
from pallet.dockerfile.source import SPACE, Lines, fault
from pallet.dockerfile.words import exec_form, split_instruction
from pallet.errors import DockerfileError, InvalidInput

_WITH_HEREDOCS = ("run", "copy", "add")


class Node(msgspec.Struct, frozen=True):
    """One instruction, split but not understood.

    Attributes:
        keyword: as it was written.
        flags: `--name=value` words between keyword and body, without quotes.
        body: the rest of the line.
        text: the whole line, continuations joined.
        lines: where it stands, heredocs included.
        heredocs: those it begins, with their contents.
        comments: the texts of the comment lines right above it; an empty comment line parts them from it.
    """

    keyword: str
    flags: tuple[str, ...]
    body: str
    text: str
    lines: Lines
    heredocs: tuple[Heredoc, ...] = ()
    comments: tuple[str, ...] = ()


class LexedFile(msgspec.Struct, frozen=True):
    """All of a Dockerfile, split.

    Attributes:
        empty_continuations: the last lines of instructions that go on over a blank line.
    """

    directives: Directives
    nodes: tuple[Node, ...]
    empty_continuations: tuple[int, ...]


def lex(text: str, name: str = "Dockerfile") -> LexedFile:
    """Split a Dockerfile.

    Raises:
        DockerfileError: a bad directive, an unterminated heredoc, a file with no instructions.
    """
    if not text:
        raise DockerfileError("the Dockerfile cannot be empty", file=name)
    return _Lexer(text, name).run()


def trigger_node(text: str, lines: Lines) -> Node:
    """The one instruction of an ONBUILD trigger, which stands at the lines of the FROM that sets it off.

    Raises:
        DockerfileError: not one instruction.
    """
    found = lex(text, "ONBUILD").nodes
    if len(found) != 1:
        raise DockerfileError("onbuild trigger should be a single expression", file="ONBUILD")
    return msgspec.structs.replace(found[0], lines=lines)


class _Lexer:
    def __init__(self, text: str, name: str) -> None:
        self._source = text
        self._name = name
        self._lines = text.removeprefix("\ufeff").split("\n")
        if not self._lines[-1]:
            self._lines.pop()
        self._number = 0
        self._directives = DirectiveReader()
        self._comments: list[str] = []
        self._nodes: list[Node] = []
        self._empty: list[int] = []

    def run(self) -> LexedFile:
        while self._number < len(self._lines):
            line = self._next().rstrip("\r").lstrip(SPACE)
            try:
                directive = self._directives.feed(line, self._number)
            except InvalidInput as error:
                raise self._fault(error, self._number) from None
            if directive or not line:
                continue
            if line.startswith("#"):
                self._comment(line)
            else:
                self._instruction(line)
        if not self._nodes:
            raise DockerfileError("file with no instructions", file=self._name)
        return LexedFile(self._directives.directives(), tuple(self._nodes), tuple(self._empty))

    def _next(self) -> str:
        line = self._lines[self._number]
        self._number += 1
        return line

    def _comment(self, line: str) -> None:
        text = line[1:].strip(SPACE)
        if text:
            self._comments.append(text)
        else:
            self._comments.clear()

    def _instruction(self, line: str) -> None:
        start = self._number
        escape = self._directives.found.get("escape", "\\")
        continuation = _continuation(escape)
        joined, goes_on = _joined(line, continuation)
        empty = False
        while goes_on and self._number < len(self._lines):
            following = self._next().rstrip("\r")
            bare = following.lstrip(SPACE)
            if bare.startswith("#"):
                continue
            if not bare:
                empty = True
                continue
            piece, goes_on = _joined(following, continuation)
            joined += piece
        if empty:
            self._empty.append(self._number)
        keyword, flags, body = split_instruction(joined, escape)
        try:
            heredocs = self._heredocs(joined, keyword, body, escape)
        except InvalidInput as error:
            raise self._fault(error, start) from None
        node = Node(
            keyword,
            flags,
            body,
            joined.strip(SPACE),
            (start, self._number),
            heredocs,
            tuple(self._comments),
        )
        self._nodes.append(node)
        self._comments.clear()

    def _heredocs(self, line: str, keyword: str, body: str, escape: str) -> tuple[Heredoc, ...]:
        if keyword.lower() == "onbuild":
            keyword, _, body = split_instruction(body, escape)
        if keyword.lower() not in _WITH_HEREDOCS or exec_form(body) is not None or "<<" not in line:
            return ()
        return tuple(self._filled(heredoc) for heredoc in heredocs_in(line))

    def _filled(self, heredoc: Heredoc) -> Heredoc:
        content: list[str] = []
        while self._number < len(self._lines):
            line = self._next()
            if heredoc.ends_at(line):
                return msgspec.structs.replace(heredoc, content="".join(content))
            content.append(line + "\n")
        raise InvalidInput("unterminated heredoc")

    def _fault(self, error: InvalidInput, start: int) -> DockerfileError:
        return fault(error.message, self._source, (start, self._number), self._name)


def _continuation(escape: str) -> re.Pattern[str]:
    """The escape character at the end of a line, but for blanks, and not behind another one."""
    mark = re.escape(escape)
    return re.compile(rf"(?<!{mark}){mark}[ \t]*\Z")


def _joined(line: str, continuation: re.Pattern[str]) -> tuple[str, bool]:
    """The line without its continuation mark, and whether it had one."""
    match = continuation.search(line)
    return (line, False) if match is None else (line[: match.start()], True)
