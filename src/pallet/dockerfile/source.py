"""What the whole Dockerfile language shares: white space, lines, and how they are shown in errors."""

from __future__ import annotations

from typing import TypeAlias

from pallet.errors import DockerfileError

Lines: TypeAlias = tuple[int, int]
"""The first and the last line of something, counted from 1."""

SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""White space as Go's unicode.IsSpace knows it; Python's str.isspace also takes separators such as \\x1c."""

_RULE = "-" * 20


def quoted(text: str) -> str:
    """`text` in double quotes, with backslashes where Go's %q has them."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '"'


def excerpt(source: str, lines: Lines, name: str = "Dockerfile") -> str:
    """The lines of `source` at fault, marked, with up to four neighbours, as BuildKit prints them.

    Args:
        source: the whole file.
        lines: the lines to mark.
        name: what to call the file.

    Returns:
        Whole lines, each with its newline; nothing if the file has no such lines.
    """
    all_lines = source.split("\n")
    first, last = lines[0], min(max(lines), len(all_lines))
    if not 1 <= first <= len(all_lines):
        return ""
    begin, end = _widened(first, last, len(all_lines))
    shown = [f"{name}:{first}", _RULE]
    for number in range(begin, end + 1):
        mark = ">>>" if first <= number <= last else "   "
        line = all_lines[number - 1].rstrip("\r")
        shown.append(f" {number:3d} | {mark} {line}")
    return "\n".join([*shown, _RULE, ""])


def _widened(first: int, last: int, total: int) -> Lines:
    """One line gets about four neighbours, several get two; each round spends one on itself, as in BuildKit."""
    budget = 4 if first == last else 2
    spent = 0
    while spent < budget:
        if first > 1:
            first -= 1
            spent += 1
        if last < total:
            last += 1
            spent += 1
        spent += 1
    return first, last


def fault(message: str, source: str, lines: Lines, name: str, *, prefix: bool = True) -> DockerfileError:
    """The error for some lines of a Dockerfile.

    Args:
        prefix: whether to begin with `dockerfile parse error on line N`, as for everything that does not parse.
    """
    text = f"dockerfile parse error on line {lines[0]}: {message}" if prefix else message
    return DockerfileError(text, file=name, lines=lines, excerpt=excerpt(source, lines, name))
