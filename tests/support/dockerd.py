"""Debian's docker daemon, started by the tests in namespaces of its own, and its client.

The daemon's network, mounts and processes are in their own namespaces: its bridge and firewall rules never touch the
machine's, and all it made is gone with it, even after a crash. Registries of the tests listen on the loopback outside;
`reach` lets the daemon reach them at the same address.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
from tests.support import need, scratch, wait_until
from tests.support.leaks import control_groups
from tests.support.session import inside_network


class Result(msgspec.Struct, frozen=True):
    """What a command printed, and its exit code."""

    stdout: str
    stderr: str
    code: int


class Dockerd:
    """A docker daemon with empty storage, as a context manager.

    Args:
        mirror: the base address of a registry (http://127.0.0.1:PORT) that serves docker.io's names.
    """

    def __init__(self, mirror: str | None = None) -> None:
        self.mirror = mirror
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._relays: list[_Relay] = []
        self._cgroup = ""

    @property
    def directory(self) -> Path:
        assert self._directory is not None, "dockerd is not running"
        return self._directory

    @property
    def host(self) -> str:
        """For DOCKER_HOST."""
        return f"unix://{self.directory}/docker.sock"

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which /usr/bin/docker speaks to this daemon."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
        return {**kept, "DOCKER_HOST": self.host, "DOCKER_CONFIG": str(self.directory / "config")}

    def docker(self, *args: str, stdin: bytes | None = None, timeout: float = 120) -> Result:
        """Runs Debian's docker client with these arguments."""
        return self.run([need("docker"), *args], stdin=stdin, timeout=timeout)

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, timeout: float = 120) -> Result:
        """Runs any command in the daemon's network (its published ports are there), with DOCKER_HOST set."""
        command = ["nsenter", f"--net={self._network()}", "--", *argv]
        source = subprocess.DEVNULL if stdin is None else None
        done = subprocess.run(
            command, check=False, capture_output=True, env=self.environment, input=stdin, stdin=source, timeout=timeout
        )
        return Result(done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), done.returncode)

    def reach(self, port: int) -> None:
        """Makes 127.0.0.1:port of the daemon's network lead to the same address of ours."""
        if all(relay.port != port for relay in self._relays):
            self._relays.append(_Relay(port, self._network()))

    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def _network(self) -> str:
        assert self._process is not None, "dockerd is not running"
        return f"/proc/{self._process.pid}/ns/net"

    def __enter__(self) -> Dockerd:
        program, _ = need("dockerd"), need("docker")
        self._directory = scratch("dockerd")
        (self._directory / "config").mkdir()
        (self._directory / "daemon.json").write_text("{}")
        self._cgroup = self._directory.name
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
                    *("sh", "-c", 'ip link set lo up && exec "$@"', "dockerd", *self._command(program)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Only for itself: the daemon takes its proxy from here, and the registries are all on loopback.
                env={key: value for key, value in os.environ.items() if "proxy" not in key.lower()},
            )
        try:
            wait_until(self._answers, "dockerd answers", seconds=60)
            if self.mirror is not None:
                self.reach(int(self.mirror.rpartition(":")[2].rstrip("/")))
        except BaseException:
            self.__exit__()
            raise
        return self

    def _command(self, program: str) -> list[str]:
        at = self.directory
        command = [
            *(program, "--config-file", f"{at}/daemon.json", "-H", f"unix://{at}/docker.sock", "--group", "root"),
            *("--data-root", f"{at}/data", "--exec-root", f"{at}/exec", "--pidfile", f"{at}/pid"),
            *("--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{self._cgroup}"),
            *("--log-level", "warn", "--shutdown-timeout", "5"),
        ]
        if self.mirror is not None:
            command += ["--registry-mirror", self.mirror, "--insecure-registry", self.mirror.partition("://")[2]]
        return command

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"dockerd ended:\n{self.log()[-2000:]}")
        if not (self.directory / "docker.sock").exists():
            return False
        return self.docker("version", "--format", "{{.Server.Version}}").code == 0

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._stop(self._process)
            self._process = None
        for relay in self._relays:
            relay.close()
        self._relays.clear()
        if self._directory is not None:
            shutil.rmtree(self._directory)
            self._directory = None
        for group in sorted(control_groups(lambda name: name == self._cgroup), reverse=True):
            for folder in sorted((path for path in group.glob("**/") if path.is_dir()), reverse=True):
                folder.rmdir()

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        """Asks the daemon to end (it stops its containers); then ends its process namespace and all that is in it."""
        daemon = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if daemon:
            os.kill(int(daemon[0]), signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()  # --kill-child: the namespace's first process dies with unshare
            process.wait()


class _Relay:
    """Listens on 127.0.0.1:port in another network namespace and passes each connection on to the same port here."""

    def __init__(self, port: int, network: str) -> None:
        self.port = port
        with inside_network(network):
            self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._wake, self._stop = socket.socketpair()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.close()
        self._thread.join()
        self._listener.close()
        self._wake.close()

    def _accept(self) -> None:
        while True:
            ready, _, _ = select.select([self._listener, self._wake], [], [])
            if self._wake in ready:
                return
            near, _ = self._listener.accept()
            threading.Thread(target=self._pass, args=(near,), daemon=True).start()

    def _pass(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self.port))
        except OSError:
            near.close()
            return
        back = threading.Thread(target=_copy, args=(far, near), daemon=True)
        back.start()
        _copy(near, far)
        back.join()
        near.close()
        far.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Passes bytes on until the source ends, then ends the target's input."""
    try:
        while block := source.recv(1 << 17):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one of the two hung up: the other copy sees it as well
