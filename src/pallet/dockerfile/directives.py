"""Parser directives: `# syntax=`, `# escape=` and `# check=` at the very top of a Dockerfile.

Source: Dockerfile reference, "Parser directives".
"""

from __future__ import annotations

import re

import msgspec

from pallet.dockerfile.source import SPACE, Lines
from pallet.errors import InvalidInput

_DIRECTIVE = re.compile(r"([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*\Z", re.ASCII)
_KNOWN = ("syntax", "escape", "check")


class Directives(msgspec.Struct, frozen=True):
    """What the top of a Dockerfile says about the rest.

    Attributes:
        syntax: the frontend image asked for, or nothing. pallet reads every Dockerfile itself.
        escape: the escape character, a backslash or a backtick.
        check: options of the linter, or nothing.
    """

    syntax: str = ""
    escape: str = "\\"
    check: str = ""


class DirectiveReader:
    """Reads directives line by line, until the first line that is none."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.lines: dict[str, Lines] = {}
        self._done = False

    def feed(self, line: str, number: int) -> bool:
        """Whether the line is a directive.

        Raises:
            InvalidInput: a second directive of its name, or an escape character that is none.
        """
        if self._done or (number == 1 and line.startswith("#!")):
            return False
        directive = directive_in(line[1:]) if line.startswith("#") else None
        if directive is None:
            self._done = True
            return False
        name, value = directive
        if name in self.found:
            raise InvalidInput(f"only one {name} parser directive can be used")
        if name == "escape" and value not in ("\\", "`"):
            raise InvalidInput(f"invalid escape token '{value}' does not match ` or \\")
        self.found[name] = value
        self.lines[name] = (number, number)
        return True

    def directives(self) -> Directives:
        """What was found."""
        first = {name: value.split(" ")[0] for name, value in self.found.items()}
        return Directives(first.get("syntax", ""), self.found.get("escape", "\\"), first.get("check", ""))


def directive_in(comment: str) -> tuple[str, str] | None:
    """Name and value of the directive in a comment's text, if it is a known one."""
    match = _DIRECTIVE.match(comment.lstrip(SPACE))
    if match is None or match[1].lower() not in _KNOWN:
        return None
    return match[1].lower(), match[2]
