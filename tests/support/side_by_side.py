"""`python -m tests.support.side_by_side`: the whole suite, in two pytest processes at a time.

Most tests wait more than they work. Each part is a process of its own, with a network namespace, temporary directory
and cache of its own, so that the parts do not meet. The first part is shown as it runs, one that runs beside it when it
has ended, and the last line sums up all of them as pytest does.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from threading import Thread

_CONTAINERS = ("tests/integration/containers", "tests/integration/rootless")

PARTS = {
    "integration": ("tests/integration", "tests/contract", *(f"--ignore={folder}" for folder in _CONTAINERS)),
    "compat": ("tests/compat",),
    "containers": _CONTAINERS,
    "unit": ("tests/unit",),
}
"""What each part gives to pytest, the longest first."""

_COUNT = re.compile(r"(\d+) (failed|passed|skipped|deselected|xfailed|xpassed|warning|error)s?\b")
_KINDS = ("failed", "passed", "skipped", "deselected", "xfailed", "xpassed", "warning", "error")  # in pytest's order
_COLOR = re.compile(r"\x1b\[[\d;]*m")


class Part:
    """One pytest process; it has a process group of its own, so that only `interrupt` reaches it."""

    def __init__(self, name: str, *options: str) -> None:
        self.name = name
        self._last = ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-o", f"cache_dir=.pytest_cache/{name}", *options, *PARTS[name]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def lines(self) -> Iterable[str]:
        """What it prints, to its end."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._last = line if line.strip() else self._last
            yield line

    def interrupt(self) -> None:
        """Ask it to end as Ctrl-C does, so that its fixtures tidy up."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def code(self) -> int:
        """Its exit code, after its end."""
        return self._process.wait()

    def counts(self) -> Counter[str]:
        """How many tests passed, failed, ...; a part that ended badly without a failure counts as an error."""
        found = counted(self._last)
        if self.code() != 0 and not found["failed"] + found["error"]:
            found["error"] = 1
        return found


def counted(summary: str) -> Counter[str]:
    """The numbers in pytest's last line: `=== 1 failed, 2 passed in 3.45s ===`; none where it is another line."""
    plain = _COLOR.sub("", summary)
    if " in " not in plain:
        return Counter()
    return Counter({kind: int(number) for number, kind in _COUNT.findall(plain)})


def summed_up(counts: Counter[str], seconds: float) -> str:
    """pytest's last line for all parts together."""
    words = [
        f"{counts[kind]} {kind}{'s' if _has_plural(kind, counts[kind]) else ''}" for kind in _KINDS if counts[kind]
    ]
    text = f" {', '.join(words)} in {seconds:.2f}s ({int(seconds) // 60}:{int(seconds) % 60:02}) "
    return text.center(80, "=")


def _has_plural(kind: str, count: int) -> bool:
    return kind in ("warning", "error") and count > 1


def main() -> int:
    """Run all parts.

    Returns:
        0 if all passed, else the exit code of the first part that did not; 130 after Ctrl-C or SIGTERM.
    """
    waiting = deque(PARTS)
    parts: list[Part] = []
    kept: list[str] = []  # lines to show later
    stopped = False
    options = ["--color=yes"] if sys.stdout.isatty() else []

    def run(show: Callable[[str], object]) -> None:
        while waiting:
            part = Part(waiting.popleft(), *options)
            parts.append(part)
            for line in part.lines():
                show(line)

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # a second one would cut the tidying short
        waiting.clear()
        for part in parts:
            part.interrupt()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    begun = time.monotonic()
    beside = Thread(target=run, args=(kept.append,))
    beside.start()
    try:
        run(lambda line: print(line, end="", flush=True))
    except BrokenPipeError:  # nobody reads any more
        stop()
        raise
    finally:
        beside.join()
    print("".join(kept), end="")
    print(summed_up(sum((part.counts() for part in parts), Counter()), time.monotonic() - begun))
    return 130 if stopped else next((part.code() for part in parts if part.code()), 0)


if __name__ == "__main__":
    sys.exit(main())
