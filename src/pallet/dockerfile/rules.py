"""The rules of `docker build --check`: names, texts, and which of them a Dockerfile turns off.

Source: Docker's documentation, "Build checks"; names, addresses and texts as BuildKit prints them.
"""

from __future__ import annotations

import re

import msgspec

from pallet.dockerfile.directives import directive_in
from pallet.dockerfile.numbers import parse_truth
from pallet.dockerfile.source import Lines, excerpt, quoted
from pallet.errors import InvalidInput

_ADDRESS = "https://docs.docker.com/go/dockerfile/rule/"
_EXPERIMENTAL = ("InvalidDefinitionDescription",)
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Finding(msgspec.Struct, frozen=True):
    """A rule that was not kept.

    Attributes:
        rule: its name, such as `StageNameCasing`.
        detail: what is wrong here.
        lines: where.
    """

    rule: str
    detail: str
    lines: Lines

    @property
    def address(self) -> str:
        """Where docker explains the rule."""
        return f"{_ADDRESS}{_WORD.sub('-', self.rule).lower()}/"

    @property
    def short(self) -> str:
        """All of it in one line."""
        return f"{self.rule}: {self.detail} (line {self.lines[0]})"

    def render(self, source: str, name: str) -> str:
        """The lines `docker build --check` prints for it, an empty one first."""
        return f"\nWARNING: {self.rule} - {self.address}\n{self.detail}\n{excerpt(source, self.lines, name)}"


class Options(msgspec.Struct, frozen=True):
    """What `# check=` says.

    Attributes:
        skip: rules that are off; `all` for all of them.
        experimental: experimental rules that are on; `all` for all of them.
        error: whether a finding fails the build.
    """

    skip: frozenset[str] = frozenset()
    experimental: frozenset[str] = frozenset()
    error: bool = False

    def wants(self, rule: str) -> bool:
        """Whether the rule is on."""
        if rule in _EXPERIMENTAL:
            return rule in self.experimental or "all" in self.experimental
        return not (rule in self.skip or "all" in self.skip)

    def and_comments(self, comments: tuple[str, ...]) -> Options:
        """The options for one instruction: the first `# check=` right above it is added."""
        for comment in comments:
            directive = directive_in(comment)
            if directive is not None and directive[0] == "check":
                try:
                    more = parse_options(directive[1].split(" ")[0])
                except InvalidInput:
                    return self
                return Options(self.skip | more.skip, self.experimental | more.experimental, self.error)
        return self


def parse_options(text: str) -> Options:
    """Understand `skip=A,B;experimental=all;error=true`.

    Raises:
        InvalidInput: another option, or no truth value, with BuildKit's text.
    """
    skip: frozenset[str] = frozenset()
    experimental: frozenset[str] = frozenset()
    error = False
    for part in text.strip().split(";", 2) if text.strip() else ():
        key, equals, value = part.partition("=")
        if not equals:
            raise InvalidInput(f"failed to parse check options: invalid check option {quoted(part)}")
        key, value = key.strip(), value.strip()
        if key == "skip":
            skip = _names(value)
        elif key == "experimental":
            experimental = _names(value)
        elif key == "error":
            try:
                error = parse_truth(value)
            except InvalidInput as why:
                raise InvalidInput(
                    f"failed to parse check options: failed to parse check option {quoted(part)}: {why.message}"
                ) from None
        else:
            raise InvalidInput(f"failed to parse check options: invalid check option {quoted(key)}")
    return Options(skip, experimental, error)


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(","))
