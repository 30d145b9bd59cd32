"""pallet as its users have it: installed into an environment of its own, without what developing it needs.

The development environment would mislead: it has modules that msgspec imports only where it finds them, and finds
pallet's own by a detour.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support import REPOSITORY

from benchmarks.measure import Failed

_VENV = REPOSITORY / ".cache/bench/venv"


def installed_pallet() -> Path:
    """Install the source as it is now, with its modules compiled; the command's path.

    Raises:
        Failed: pip cannot install it.
    """
    python = _VENV / "bin/python"
    if not python.exists():
        _run(sys.executable, "-m", "venv", str(_VENV))
    # Wheels are built in an environment of their own; twice, because --no-deps would leave out what is missing.
    _run(str(python), "-m", "pip", "install", "-q", *_PIP, str(REPOSITORY))
    _run(str(python), "-m", "pip", "install", "-q", *_PIP, "--force-reinstall", "--no-deps", str(REPOSITORY))
    return _VENV / "bin/pallet"


_PIP = ("--disable-pip-version-check", "--root-user-action=ignore", "--compile")


def _run(*argv: str) -> None:
    done = subprocess.run(argv, check=False, capture_output=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(argv)}: {done.stderr.decode(errors='replace')[-1000:]}")
