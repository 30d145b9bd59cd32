"""A real user without privileges, and the pallet command as that user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support import REPOSITORY, SESSION_MARK, need, wait_until
from tests.support.leaks import mounts_of, processes_naming
from tests.support.pallet import Output


class User:
    """A user that `useradd` makes, with a home directory of its own.

    Args:
        directory: where the home directory is made.
        name: the user's name.
        ranges: whether it gets subordinate ids.
    """

    def __init__(self, directory: Path, name: str, *, ranges: bool = True) -> None:
        need("useradd")
        need("newuidmap")
        self.name = name
        self.home = directory / name
        config = ["-K", "SUB_UID_COUNT=65536" if ranges else "SUB_UID_COUNT=0"]
        config += ["-K", "SUB_GID_COUNT=65536" if ranges else "SUB_GID_COUNT=0"]
        subprocess.run(
            ["useradd", *config, "-m", "-d", str(self.home), "-s", "/bin/sh", name], check=True, capture_output=True
        )
        found = self.home.stat()
        self.uid, self.gid = found.st_uid, found.st_gid
        self.runtime_dir = self.home / "runtime"
        self.runtime_dir.mkdir(0o700)
        os.chown(self.runtime_dir, self.uid, self.gid)
        self.env: dict[str, str] = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "XDG_RUNTIME_DIR": str(self.runtime_dir),
            "PYTHONPATH": str(REPOSITORY),
            SESSION_MARK: os.environ.get(SESSION_MARK, ""),
        }

    def __call__(self, *argv: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> Output:
        """Runs a program as this user, in its home directory."""
        done = subprocess.run(
            self.argv(*argv),
            check=False,
            capture_output=True,
            env={**self.env, **(env or {})},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            timeout=120,
            cwd="/",
        )
        return Output(
            done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), done.returncode, done.stdout
        )

    def pallet(self, *args: str, stdin: bytes | None = None) -> Output:
        """Runs pallet as this user."""
        return self(sys.executable, "-m", "pallet", *args, stdin=stdin)

    def ok(self, *args: str, stdin: bytes | None = None) -> str:
        """Runs pallet, which has to succeed; its standard output, without the last line's end."""
        done = self.pallet(*args, stdin=stdin)
        assert done.code == 0, f"pallet {' '.join(args)}: exit {done.code}\n{done.stdout}{done.stderr}"
        return done.stdout.rstrip("\n")

    def argv(self, *argv: str) -> list[str]:
        """The command line by which root runs a program as this user."""
        needed = {str(Path(sys.base_prefix)), sys.prefix, str(REPOSITORY)}
        words = [str(self.uid), str(self.gid), str(self.home), *sorted(needed), "--", *argv]
        # As a file: the package imports pytest, which takes longer than most commands.
        return [sys.executable, "-P", str(Path(__file__).with_name("as_user.py")), *words]

    def processes(self) -> list[int]:
        """The processes that are this user's, or that name its home directory."""
        found = set(processes_naming(str(self.home)))
        found |= {int(name) for name in os.listdir("/proc") if name.isdigit() and _owner(name) == self.uid}
        return sorted(found - {os.getpid()})

    def close(self) -> None:
        """Removes the user, its containers and files.

        Raises:
            AssertionError: something was still running or mounted.
        """
        containers = self.pallet("ps", "-aq").stdout.split()
        if containers:
            self.pallet("rm", "-f", "-v", *containers)
        try:
            wait_until(lambda: not self.processes(), "the user's processes are gone", seconds=5)
            left = mounts_of(str(self.home))
        finally:
            for pid in self.processes():
                os.kill(pid, 9)
            subprocess.run(["userdel", "-f", self.name], check=False, capture_output=True)
            shutil.rmtree(self.home, ignore_errors=True)
        assert not left, f"left behind: {left}"
        for path in ("/etc/passwd", "/etc/subuid", "/etc/subgid"):
            assert f"{self.name}:" not in Path(path).read_text(), f"{self.name} is still in {path}"


def _owner(pid: str) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except FileNotFoundError:
        return -1
