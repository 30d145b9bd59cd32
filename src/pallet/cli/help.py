"""Help pages, laid out like docker's. Source: docker/cli cli/cobra.go (the templates) and pflag's FlagUsagesWrapped."""

from __future__ import annotations

from pallet.cli.command import with_help
from pallet.cli.values import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Command, Flag
    from pallet.cli.tree import Node

_NAME_WIDTH = 11  # cobra pads names of commands to this
_SLOP = 5  # how far a line may go over to avoid a short last line
_NARROWEST = 24


def command_page(path: str, node: Node, command: Command, width: int) -> str:
    """The help page of a command.

    Args:
        path: how it is called: `pallet image ls`.
        node: its place in the tree.
        command: its declaration.
        width: columns of the terminal.
    """
    text = f"Usage:  {command.usage(path)}\n\n{(command.long or command.short).strip()}\n"
    if node.aliases:
        text += f"\nAliases:\n  {', '.join((node.name, *node.aliases))}\n"
    if command.example:
        lines = (f"  {line}".rstrip() for line in command.example.strip("\n").splitlines())
        text += "\nExamples:\n" + "\n".join(lines) + "\n"
    return text + _options(with_help(command.flags), width)


def group_page(path: str, node: Node, flags: tuple[Flag, ...], width: int) -> str:
    """The help page of a group of commands, or of pallet itself.

    Args:
        path: how it is called: `pallet image`.
        node: the group.
        flags: its flags.
        width: columns of the terminal.
    """
    options = " [OPTIONS]" if flags else ""
    text = f"Usage:  {path}{options} COMMAND\n\n{node.short}\n"
    text += _options(with_help(flags), width)
    text += _listing("Management Commands", [child for child in node.shown() if child.children])
    text += _listing("Commands", [child for child in node.shown() if not child.children])
    return text + f"\nRun '{path} COMMAND --help' for more information on a command.\n"


def _listing(title: str, nodes: list[Node]) -> str:
    if not nodes:
        return ""
    width = max(_NAME_WIDTH, *(len(node.name) for node in nodes))
    return f"\n{title}:\n" + "".join(f"  {node.name:<{width}} {node.short}\n" for node in nodes)


def _options(flags: tuple[Flag, ...], width: int) -> str:
    shown = sorted((flag for flag in flags if not flag.hidden), key=lambda flag: flag.name)
    if not shown:
        return ""
    heads = [_head(flag) for flag in shown]
    # Two blanks and one for a character that pflag counts but does not print.
    column = max(map(len, heads)) + 3
    lines = [
        f"{head:<{column}}{_wrap(flag.help + _default(flag), column, width - 1)}"
        for head, flag in zip(heads, shown, strict=True)
    ]
    return "\nOptions:\n" + "\n".join(lines) + "\n"


def _head(flag: Flag) -> str:
    text = f"  -{flag.short}, --{flag.name}" if flag.short else f"      --{flag.name}"
    return f"{text} {flag.metavar}" if flag.metavar else text


def _default(flag: Flag) -> str:
    if flag.shown is not None:
        return f" (default {flag.shown})" if flag.shown else ""
    if not flag.default:
        return ""
    if flag.default is True:
        return " (default true)"
    if flag.kind == "string" and flag.metavar == "string":
        return f" (default {quoted(flag.default)})"
    return f" (default {flag.default})"


def _wrap(text: str, indent: int, width: int) -> str:
    """Fold text into the columns from `indent` to `width` as pflag does; the first line is not indented here."""
    room = width - indent
    start = ""
    if room < _NARROWEST:
        # Too narrow beside the names: a block below them, if at least that fits.
        indent = 16
        room = width - indent
        start = "\n" + " " * indent
    if room < _NARROWEST:
        return text
    lines = []
    while text:
        line, text = _first_line(text, room - _SLOP)
        lines.extend(line.split("\n"))
    return start + ("\n" + " " * indent).join(lines)


def _first_line(text: str, room: int) -> tuple[str, str]:
    if room + _SLOP > len(text):
        return text, ""
    part = text[:room]
    blank = max(part.rfind(" "), part.rfind("\t"), part.rfind("\n"))
    if blank <= 0:
        return text, ""
    end = part.rfind("\n")
    cut = end if 0 < end < blank else blank
    return text[:cut], text[cut + 1 :]
