"""A fresh ext4 file system in a file, mounted for a while.

On a file system where large trees have just been removed, ext4 makes files several times slower for some minutes (it
does not use their inodes again at once). Each part of a run therefore begins on a new one, the same for all engines;
it also keeps what others write on this machine out of the engines' syncs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.measure import Failed

_SIZE = 64 << 30  # bytes; only what is written takes room


class Volume:
    """The file system, as a context; meanwhile temporary files are made on it."""

    def __init__(self) -> None:
        self._folder = Path()
        self._before: str | None = None

    def __enter__(self) -> Path:
        self._folder = Path(tempfile.mkdtemp(prefix="pallet-bench-"))
        image, self._before = self._folder / "ext4", tempfile.tempdir
        place = self._folder / "v"
        place.mkdir()
        try:
            with image.open("wb") as file:
                os.truncate(file.fileno(), _SIZE)
            # All structures now, not in the background while something is measured.
            _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
            _run("mount", "-o", "loop", str(image), str(place))
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        tempfile.tempdir = str(place)
        return place

    def __exit__(self, *_: object) -> None:
        tempfile.tempdir = self._before
        _run("umount", "-l", str(self._folder / "v"))
        shutil.rmtree(self._folder)


def _run(*argv: str) -> None:
    done = subprocess.run(
        argv, check=False, capture_output=True, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    )
    if done.returncode != 0:
        raise Failed(f"{' '.join(argv)}: {done.stderr.decode(errors='replace').strip()}")
