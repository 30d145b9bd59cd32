"""Heredocs: `<<EOF`, `<<-EOF`, `<<'EOF'` and `3<<EOF`.

Source: Dockerfile reference, "Here-documents"; behaviour checked against BuildKit.
"""

from __future__ import annotations

import re

import msgspec

from pallet.dockerfile.expand import expansion
from pallet.errors import InvalidInput

_HEREDOC = re.compile(r"([0-9]*)<<(-?)[\t\n\f\r ]*([^<]*)\Z")
_LEADING_TABS = re.compile(r"^\t+", re.MULTILINE)


class Heredoc(msgspec.Struct, frozen=True):
    """A heredoc of an instruction.

    Attributes:
        name: the word that ends it.
        expand: whether variables in it are expanded: its name was not quoted.
        strip_tabs: `<<-`: tabs at the beginning of lines do not belong to it.
        descriptor: the file descriptor it was given, 0 for none.
        content: the lines as they are in the file.
    """

    name: str
    expand: bool = True
    strip_tabs: bool = False
    descriptor: int = 0
    content: str = ""

    @property
    def text(self) -> str:
        """The content, without the tabs that `<<-` takes away."""
        return _LEADING_TABS.sub("", self.content) if self.strip_tabs else self.content

    def ends_at(self, line: str) -> bool:
        """Whether the line, with its line end, is the one that ends the heredoc."""
        bare = line.rstrip("\r\n")
        return (bare.lstrip("\t") if self.strip_tabs else bare) == self.name


def heredoc_of(word: str) -> Heredoc | None:
    """The heredoc that a word begins, without its content, or None if it begins none."""
    match = _HEREDOC.match(word)
    if match is None or not match[3]:
        return None
    try:
        bare = expansion(match[3], {}, keep_unset=True).words
        raw = expansion(match[3], {}, keep_unset=True, keep_quotes=True).words
    except InvalidInput:
        return None
    if len(bare) != 1 or len(raw) != 1:
        return None
    # The name that has fewer quotes once they are taken away was quoted.
    expand = _quotes(bare[0]) == _quotes(raw[0])
    return Heredoc(bare[0], expand, match[2] == "-", int(match[1][-4:] or "0"))


def heredocs_in(line: str) -> list[Heredoc]:
    """The heredocs that an instruction's line begins, without their contents."""
    try:
        words = expansion(line, {}, keep_quotes=True, keep_escapes=True, keep_unset=True).words
    except InvalidInput:
        return []
    return [found for word in words if (found := heredoc_of(word)) is not None]


def _quotes(text: str) -> int:
    return text.count("'") + text.count('"')
