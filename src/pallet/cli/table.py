"""Tables: cells aligned as Go's text/tabwriter does with docker's settings.

A column is at least 10 wide, its cells 3 apart, and the last cell of a line is never padded. A column's width holds for
the lines around it that have that column too, which matters only when lines have different numbers of cells.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NARROWEST = 10
_GAP = 3


def render(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, narrowest: int = _NARROWEST, gap: int = _GAP
) -> str:
    """Lay out a table whose lines all have the same number of cells.

    Args:
        header: the titles of the columns.
        rows: the cells of each row.
        narrowest: the least width of a column, the gap included.
        gap: how far cells are apart at least.

    Returns:
        The lines, each with its end.
    """
    columns = list(zip(*[header, *rows], strict=True))
    for number, column in enumerate(columns[:-1]):
        width = max(narrowest, max(map(len, column)) + gap)
        columns[number] = tuple([cell.ljust(width) for cell in column])
    return "".join([f"{''.join(line)}\n" for line in zip(*columns, strict=True)])


def align(text: str, *, narrowest: int = _NARROWEST) -> str:
    """Lay out text whose cells end in tabs; lines may have different numbers of cells.

    Args:
        text: the text with tabs.
        narrowest: the least width of a column, the gap included.
    """
    lines = [line.split("\t") for line in text.split("\n")]
    widths: list[list[int]] = [[] for _ in lines]
    column = 0
    # A column's run is the lines in a row that have a cell here and another one behind it.
    while True:
        width, first, found = narrowest, 0, False
        for number in range(len(lines) + 1):
            if number < len(lines) and len(lines[number]) > column + 1:
                width = max(width, len(lines[number][column]) + _GAP)
                continue
            for member in range(first, number):
                widths[member].append(width)
                found = True
            width, first = narrowest, number + 1
        if not found:
            break
        column += 1
    out = []
    for line, line_widths in zip(lines, widths, strict=True):
        padded = [cell.ljust(width) for cell, width in zip(line, line_widths, strict=False)]
        out.append("".join([*padded, line[-1]]))
    return "\n".join(out)
