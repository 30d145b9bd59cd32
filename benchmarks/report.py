"""The table, the JSON document and the chart of a run."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import msgspec

from benchmarks.results import Results, Row

_BASE = "docker"
_COLORS = {"pallet": "#1f6feb", "docker": "#8b949e", "podman": "#8957e5", "skopeo": "#2da44e"}


def table(results: Results) -> str:
    """A Markdown table: median (least to greatest) seconds, ratios pallet/docker, processor time, memory."""
    engines = list(results.versions)
    head = ["", *engines, "pallet/docker", "CPU: pallet, docker", "peak memory: pallet, docker"]
    lines = [head]
    for row in results.rows:
        lines.append(
            [
                row.name,
                *(_span(row.wall(engine)) for engine in engines),
                _ratio(row),
                _pair([_seconds(row.cpu(engine)) for engine in ("pallet", _BASE)]),
                _pair([_megabytes(row.memory(engine)) for engine in ("pallet", _BASE)]),
            ]
        )
    return markdown(lines)


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned; the first line is the head."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    text.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(text)


def page(results: Results) -> str:
    """The table with all that belongs to it, as Markdown."""
    parts = [
        f"Machine: {results.machine}; load average before the run {results.load:.1f}.",
        f"Image: {results.image}.",
        "Versions: " + ", ".join(results.versions.values()) + ".",
        "Wall time in seconds: median (least to greatest). The ratio is the median of paired runs, with least and "
        "greatest; CPU is user and system time of all the engine's processes, the daemon's included (for `image ls` of "
        "the client alone); memory is the most at any moment.",
        table(results),
        "\n".join(f"- {row.name}: {note}" for row in results.rows for note in row.notes),
        "\n".join(f"- verified: {line}" for line in results.verified),
        "\n".join(f"- PROBLEM: {line}" for line in results.problems),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def write(results: Results, folder: Path, name: str) -> None:
    """Write NAME.json, NAME.md and NAME.svg."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    (folder / f"{name}.md").write_text(page(results))
    (folder / f"{name}.svg").write_text(chart(results))


def chart(results: Results) -> str:
    """Bars of wall time relative to docker's, as SVG."""
    label, full, bar, gap, top = 250, 460, 13, 12, 58
    engines = [engine for engine in results.versions if engine != _BASE]
    rows = [row for row in results.rows if row.wall(_BASE)]
    scale = full / 1.5
    out: list[str] = []
    y = top
    for row in rows:
        shown = [engine for engine in engines if row.ratio(engine, _BASE)]
        height = len(shown) * bar
        out.append(_text(label - 8, y + height / 2 + 4, row.name, "end"))
        for engine in shown:
            ratio = (row.ratio(engine, _BASE) or (0, 0, 0))[1]
            width = min(ratio * scale, full)
            seconds = _seconds((row.wall(engine) or (0, 0, 0))[1])
            out.append(f'<rect x="{label}" y="{y}" width="{width:.1f}" height="{bar - 2}" fill="{_color(engine)}"/>')
            out.append(_text(label + width + 5, y + bar - 3, f"{ratio:.2f}x  {seconds} s", size=10))
            y += bar
        y += gap
    line = label + scale
    out.append(
        f'<line x1="{line}" y1="{top - 6}" x2="{line}" y2="{y}" stroke="{_COLORS[_BASE]}" stroke-dasharray="4 3"/>'
    )
    out.append(_text(line, top - 12, "docker = 1", "middle", size=11))
    x = label
    for engine in engines:
        out.append(f'<rect x="{x}" y="10" width="11" height="11" fill="{_color(engine)}"/>')
        out.append(_text(x + 16, 20, results.versions[engine]))
        x += 150
    width = label + full + 110
    style = "text { font-family: sans-serif; fill: #57606a }"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y + 10}" width="{width}" height="{y + 10}">'
        f"<style>{style}</style><title>Wall time relative to docker; shorter is better</title>\n"
        + "\n".join(out)
        + "\n</svg>\n"
    )


def _text(x: float, y: float, text: str, anchor: str = "start", *, size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(text)}</text>'


def _color(engine: str) -> str:
    return _COLORS.get(engine, "#57606a")


def _span(values: tuple[float, float, float] | None) -> str:
    return f"{_seconds(values[1])} ({_seconds(values[0])} to {_seconds(values[2])})" if values else ""


def _ratio(row: Row) -> str:
    values = row.ratio("pallet", _BASE)
    return f"{values[1]:.2f} ({values[0]:.2f} to {values[2]:.2f})" if values else ""


def _pair(values: Sequence[str]) -> str:
    return ", ".join(values) if all(values) else values[0]


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _megabytes(value: int) -> str:
    return f"{value / 1e6:.0f} MB" if value else ""
