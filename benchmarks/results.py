"""What a run measured, as values: samples by row and engine, and what machine it was on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.measure import Sample


class Row(msgspec.Struct):
    """One line of the table.

    Attributes:
        name: what was done.
        samples: those of each engine, in the order in which they were taken; the n-th of all belong together.
        notes: what else there is to say, in words.
    """

    name: str
    samples: dict[str, list[Sample]] = {}
    notes: list[str] = []

    def add(self, engine: str, sample: Sample) -> None:
        """Take one more measurement."""
        self.samples.setdefault(engine, []).append(sample)

    def wall(self, engine: str) -> tuple[float, float, float] | None:
        """Least, median and greatest wall time in seconds; None if the engine does not do this."""
        values = [sample.wall for sample in self.samples.get(engine, ())]
        return (min(values), median(values), max(values)) if values else None

    def cpu(self, engine: str) -> float | None:
        """Median processor time in seconds."""
        values = [sample.cpu for sample in self.samples.get(engine, ())]
        return median(values) if values else None

    def memory(self, engine: str) -> int:
        """The most memory at any moment, in bytes."""
        return max((sample.memory for sample in self.samples.get(engine, ())), default=0)

    def ratio(self, engine: str, to: str) -> tuple[float, float, float] | None:
        """Least, median and greatest quotient of wall times, of measurements that belong together."""
        pairs = zip(self.samples.get(engine, ()), self.samples.get(to, ()), strict=False)
        values = [one.wall / two.wall for one, two in pairs]
        return (min(values), median(values), max(values)) if values else None

    def cpu_ratio(self, engine: str, to: str) -> float | None:
        """The quotient of the median processor times."""
        one, two = self.cpu(engine), self.cpu(to)
        return one / two if one is not None and two else None


class Results(msgspec.Struct):
    """A whole run.

    Attributes:
        scale: of the images.
        image: what the image is, in words.
        machine: what it ran on, in words.
        versions: of the engines.
        load: the load average before it began: how busy the machine was with other things.
        rows: the measurements.
        verified: what was checked, in words.
        problems: rows that failed or gave wrong results, in words.
    """

    scale: str
    image: str
    machine: str
    versions: dict[str, str]
    load: float
    rows: list[Row] = []
    verified: list[str] = []
    problems: list[str] = []

    def row(self, name: str) -> Row:
        """The row of that name; made if it is not there."""
        for row in self.rows:
            if row.name == name:
                return row
        self.rows.append(Row(name))
        return self.rows[-1]


def machine() -> str:
    """This machine, without names that would tell which one it is."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    kernel = platform.release().partition("-")[0]
    return (
        f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, {system}, kernel {kernel}, "
        f"Python {platform.python_version()}"
    )
