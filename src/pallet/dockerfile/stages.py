"""A whole Dockerfile: arguments before the first FROM, and stages."""

from __future__ import annotations

import msgspec

from pallet.dockerfile.directives import Directives
from pallet.dockerfile.instructions import Arg, From, Instruction
from pallet.dockerfile.lexer import Node, lex, trigger_node
from pallet.dockerfile.parser import parse_node
from pallet.dockerfile.source import Lines, fault
from pallet.errors import DockerfileError, InvalidInput


class ParseWarning(msgspec.Struct, frozen=True):
    """What a later version may refuse, and where."""

    message: str
    lines: Lines


class Stage(msgspec.Struct, frozen=True):
    """A FROM and what follows it.

    Attributes:
        index: counted from 0, as `COPY --from=0` does.
        start: the FROM.
        instructions: the rest.
    """

    index: int
    start: From
    instructions: tuple[Instruction, ...]

    @property
    def name(self) -> str:
        """The name given with AS, in small letters, or ""."""
        return self.start.alias

    @property
    def label(self) -> str:
        """What to call it in output: its name or `stage-N`."""
        return self.start.alias or f"stage-{self.index}"


class Dockerfile(msgspec.Struct, frozen=True):
    """A Dockerfile, understood.

    Attributes:
        name: what it is called in errors.
        source: its text.
        directives: the parser directives at its top.
        meta_args: the ARGs before the first FROM.
        stages: at least one.
        warnings: what a later version may refuse.
    """

    name: str
    source: str
    directives: Directives
    meta_args: tuple[Arg, ...]
    stages: tuple[Stage, ...]
    warnings: tuple[ParseWarning, ...] = ()

    @property
    def escape(self) -> str:
        """The escape character."""
        return self.directives.escape

    def fault(self, error: InvalidInput, lines: Lines) -> DockerfileError:
        """The error of an instruction that parses, but cannot be carried out: with the lines at fault."""
        if isinstance(error, DockerfileError):
            return error
        return fault(error.message, self.source, lines, self.name, prefix=False)


def parse_dockerfile(text: str, name: str = "Dockerfile") -> Dockerfile:
    """Parse a whole Dockerfile.

    Args:
        text: its contents.
        name: what to call it in errors.

    Raises:
        DockerfileError: the first thing that is wrong, with its lines and BuildKit's text.
    """
    lexed = lex(text, name)
    meta_args: list[Arg] = []
    stages: list[tuple[From, list[Instruction]]] = []
    for node in lexed.nodes:
        instruction = _parsed(node, lexed.directives.escape, text, name)
        if isinstance(instruction, From):
            stages.append((instruction, []))
        elif stages:
            stages[-1][1].append(instruction)
        elif isinstance(instruction, Arg):
            meta_args.append(instruction)
        else:
            raise fault("no build stage in current context", text, node.lines, name)
    if not stages:
        raise DockerfileError("dockerfile contains no stages to build", file=name)
    return Dockerfile(
        name,
        text,
        lexed.directives,
        tuple(meta_args),
        tuple(Stage(index, start, tuple(body)) for index, (start, body) in enumerate(stages)),
        tuple(ParseWarning("Empty continuation line", (line, line)) for line in lexed.empty_continuations),
    )


def parse_trigger(text: str, lines: Lines) -> Instruction:
    """The instruction of an ONBUILD trigger from an image's config.

    Args:
        lines: those of the FROM that sets it off; they become the instruction's.

    Raises:
        DockerfileError: not exactly one instruction that may stand in a stage.
    """
    instruction = _parsed(trigger_node(text, lines), "\\", text, "ONBUILD")
    if isinstance(instruction, From):
        raise DockerfileError("FROM isn't allowed as an ONBUILD trigger", file="ONBUILD", lines=lines)
    return instruction


def _parsed(node: Node, escape: str, source: str, name: str) -> Instruction:
    try:
        return parse_node(node, escape)
    except InvalidInput as error:
        raise fault(error.message, source, node.lines, name) from None
