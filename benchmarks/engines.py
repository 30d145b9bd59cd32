"""The engines side by side, each with an empty store of its own on the same file system.

docker, podman and pallet share a grammar; what differs is how they are started.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support import need
from tests.support.dockerd import Dockerd
from tests.support.leaks import mounts_of

from benchmarks.measure import Failed, Group, Sample, measure, quietly

_PATH = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


class Engine:
    """An engine with docker's commands.

    Args:
        name: what the report calls it.
        command: its program with the flags that come first.
        env: its whole environment.
        group: the control group of its processes.
        pull_flags: what a pull from a plain http registry needs.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str],
        group: Group,
        *,
        pull_flags: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.command = tuple(command)
        self.env = dict(env)
        self.group = group
        self._pull_flags = tuple(pull_flags)

    def version(self) -> str:
        """What it says its version is."""
        return quietly([*self.command, "--version"], self.env).replace(" version", "").partition(",")[0]

    def timed(self, *args: str, stdin: Path | None = None, stdout: Path | None = None) -> Sample:
        """Run a command, measured."""
        return measure(self.group, [*self.command, *args], self.env, stdin=stdin, stdout=stdout)

    def do(self, *args: str, seconds: float | None = None) -> str:
        """Run a command that is not measured; its output.

        Raises:
            Failed: it exits with something else than 0.
            TooSlow: it takes longer than that.
        """
        return quietly([*self.command, *args], self.env, seconds=seconds)

    def pull(self, name: str) -> Sample:
        """Pull an image from the registry on loopback."""
        return self.timed("pull", "-q", *self._pull_flags, name)

    def push(self, name: str) -> Sample:
        """Push an image to the registry on loopback."""
        return self.timed("push", *self._pull_flags, name)

    def image_id(self, name: str) -> str:
        """The digest of an image's config."""
        return "sha256:" + self.do("image", "inspect", "--format", "{{.Id}}", name).removeprefix("sha256:")

    def diff_ids(self, name: str) -> list[str]:
        """The digests of an image's layers, uncompressed."""
        return self.do("image", "inspect", "--format", "{{range .RootFS.Layers}}{{.}} {{end}}", name).split()

    def remove_container(self, name: str) -> None:
        """Remove a container if it is there."""
        subprocess.run([*self.command, "rm", "-f", name], check=False, env=self.env, capture_output=True)


def pallet(program: Path, directory: Path, group: Group) -> Engine:
    """The installed pallet."""
    home = directory / "home"
    home.mkdir(parents=True)
    env = {
        "PATH": _PATH,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PALLET_ROOT": str(directory / "store"),
        "PALLET_RUN": str(directory / "run"),
        "PALLET_REGISTRIES": os.devnull,
    }

    return Engine("pallet", [str(program)], env, group)


def docker(daemon: Dockerd, group: Group) -> Engine:
    """docker, whose daemon runs in the same group."""
    return Engine("docker", [need("docker")], {**daemon.environment, "LANG": "C.UTF-8"}, group)


def podman(directory: Path, group: Group) -> Engine:
    """podman with cgroupfs and runc, which run on more machines than its defaults."""
    for folder in ("home", "tmp"):
        (directory / folder).mkdir(parents=True)
    command = [
        *(need("podman"), "--root", f"{directory}/root", "--runroot", f"{directory}/run", "--log-level", "error"),
        *("--tmpdir", f"{directory}/tmp", "--storage-driver", "overlay", "--cgroup-manager", "cgroupfs"),
        *("--runtime", "runc", "--events-backend", "file"),
    ]
    # Its defaults are more than a machine may allow.
    configuration = directory / "containers.conf"
    configuration.write_text('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n')
    env = {
        "PATH": _PATH,
        "HOME": str(directory / "home"),
        "LANG": "C.UTF-8",
        "CONTAINERS_CONF": str(configuration),
    }
    return Engine("podman", command, env, group, pull_flags=["--tls-verify=false"])


class Skopeo:
    """skopeo: it moves images and keeps none; what it does is a lower limit for the others."""

    name = "skopeo"

    def __init__(self, directory: Path, group: Group) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory / "layout"
        self._group = group
        self._env = {"PATH": _PATH, "HOME": str(directory), "LANG": "C.UTF-8"}

    def version(self) -> str:
        """What it says its version is."""
        return quietly([need("skopeo"), "--version"], self._env).replace(" version", "").partition(" commit")[0]

    def copy(self, source: str, target: str) -> None:
        """Copy an image, not measured; registries are on loopback."""
        quietly(self._argv(source, target), self._env)

    def timed_copy(self, source: str, target: str) -> Sample:
        """The same, measured."""
        return measure(self._group, self._argv(source, target), self._env)

    def pull(self, name: str) -> Sample:
        """Copy an image from the registry into an empty OCI layout: nothing is unpacked."""
        shutil.rmtree(self._directory, ignore_errors=True)
        return measure(self._group, self._argv(f"docker://{name}", f"oci:{self._directory}:1"), self._env)

    def push(self, name: str) -> Sample:
        """Copy that layout into the registry."""
        return measure(self._group, self._argv(f"oci:{self._directory}:1", f"docker://{name}"), self._env)

    def save(self, target: Path) -> Sample:
        """Copy that layout into an OCI archive."""
        target.unlink(missing_ok=True)
        return measure(self._group, self._argv(f"oci:{self._directory}:1", f"oci-archive:{target}"), self._env)

    def config_digest(self, name: str) -> str:
        """The digest of the config of an image in the registry."""
        return (
            quietly([need("skopeo"), "inspect", "--raw", "--tls-verify=false", f"docker://{name}"], self._env)
            .partition('"config"')[2]
            .partition('"digest"')[2]
            .split('"')[1]
        )

    def _argv(self, source: str, target: str) -> list[str]:
        return [
            *(need("skopeo"), "--insecure-policy", "copy", "-q"),
            *("--src-tls-verify=false", "--dest-tls-verify=false", source, target),
        ]


def remove(directory: Path) -> None:
    """Remove an engine's directory, whatever it has left mounted there.

    Raises:
        Failed: something stays.
    """
    for point in sorted(mounts_of(str(directory)), reverse=True):
        subprocess.run(["umount", "-l", point], check=False, capture_output=True)
    if left := mounts_of(str(directory)):
        raise Failed(f"still mounted: {', '.join(left)}")
    shutil.rmtree(directory, ignore_errors=True)
