"""The pallet command as a process, on a store of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
from tests.support import SESSION_MARK, wait_until
from tests.support.leaks import mounts_of, processes_naming


class Output(msgspec.Struct, frozen=True):
    """What a command printed, and its exit code."""

    stdout: str
    stderr: str
    code: int
    raw: bytes = b""  # stdout as it came

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()


class PalletCLI:
    """Runs `pallet` with a store and a run directory of its own; HOME is there too, so no credentials are found.

    Args:
        directory: a directory of this test; store, run directory, home and registries.toml are made in it.
        env: more environment variables.
    """

    def __init__(self, directory: Path, env: Mapping[str, str] | None = None) -> None:
        self.root = directory / "store"
        self.run_dir = directory / "run"
        self.home = directory / "home"
        self.registries = directory / "registries.toml"
        self.home.mkdir(parents=True, exist_ok=True)
        if not self.registries.exists():
            self.registries.write_text("")
        self.env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            SESSION_MARK: os.environ.get(SESSION_MARK, ""),
            "PALLET_ROOT": str(self.root),
            "PALLET_RUN": str(self.run_dir),
            "PALLET_REGISTRIES": str(self.registries),
            # A whole run of the suite can be had on either kind of snapshot.
            **{name: os.environ[name] for name in ("PALLET_SNAPSHOTTER",) if name in os.environ},
            **(env or {}),
        }

    def mirror(self, *urls: str, prefix: str = "docker.io", insecure: bool = False, ca: Path | None = None) -> None:
        """Configures mirrors of a registry (docker.io when none is named), in registries.toml."""
        lines = [
            "[[registry]]",
            f'prefix = "{prefix}"',
            f"mirrors = {list(urls)!r}",
            f"insecure = {str(insecure).lower()}",
        ]
        if ca is not None:
            lines.append(f'ca = "{ca}"')
        with self.registries.open("a") as file:
            file.write("\n".join(lines) + "\n\n")

    def __call__(self, *args: str, stdin: bytes | None = None, timeout: float = 120, cwd: Path | None = None) -> Output:
        """Runs one command to its end.

        Raises:
            subprocess.TimeoutExpired: it takes longer than `timeout` seconds.
        """
        source = subprocess.DEVNULL if stdin is None else None
        done = subprocess.run(
            self.argv(*args),
            check=False,
            capture_output=True,
            env=self.env,
            cwd=cwd,
            input=stdin,
            stdin=source,
            timeout=timeout,
        )
        return Output(
            done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), done.returncode, done.stdout
        )

    def ok(self, *args: str, stdin: bytes | None = None, timeout: float = 120) -> str:
        """Runs a command that has to succeed; its standard output, without the last line's end."""
        done = self(*args, stdin=stdin, timeout=timeout)
        assert done.code == 0, f"pallet {' '.join(args)}: exit {done.code}\n{done.stdout}{done.stderr}"
        return done.stdout.rstrip("\n")

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        """Starts a command and leaves it running; the caller waits for it, or kills it."""
        return subprocess.Popen(
            self.argv(*args), env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    @staticmethod
    def argv(*args: str) -> list[str]:
        return [sys.executable, "-m", "pallet", *args]

    def leaks(self) -> list[str]:
        """Mounts of this store or run directory, and processes (conmon and others) whose command line names them."""
        found = [f"mount {path}" for path in mounts_of(*self._names())]
        found += [f"process {pid} {command}" for pid, command in processes_naming(*self._names()).items()]
        return found

    def close(self) -> None:
        """Removes all containers; what is then still mounted or running is a failure, and is ended by force.

        Raises:
            AssertionError: something leaked.
        """
        if self.root.exists():
            containers = self("ps", "-aq").stdout.split()
            if containers:
                self("rm", "-f", *containers)
        try:
            wait_until(lambda: not self.leaks(), "all is gone", seconds=5)
        except TimeoutError:
            leaked = self.leaks()
            for pid in processes_naming(*self._names()):
                os.kill(pid, signal.SIGKILL)
            for path in reversed(mounts_of(*self._names())):
                subprocess.run(["umount", "-l", path], check=False)
            raise AssertionError("left behind:\n" + "\n".join(leaked)) from None

    def _names(self) -> tuple[str, ...]:
        """What only this store's mounts and processes have in their descriptions."""
        return (str(self.root), str(self.run_dir))
