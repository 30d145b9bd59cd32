"""Limits, privileges and namespaces that reach into the kernel, with either runtime."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.support import wait_until
from tests.support.pallet import PalletCLI

_QUIET = ("run", "--rm", "--network", "none")


def _has(path: str) -> bool:
    return Path("/sys/fs/cgroup", path).exists()


@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_limits_arrive(box: PalletCLI, runtime: str) -> None:
    if not _has("memory/memory.limit_in_bytes"):
        pytest.skip("cgroups v2 here")
    limits = ("-m", "64m", "--cpus", "0.5", "--pids-limit", "17", "--cpuset-cpus", "0", "-c", "512")
    files = (
        "memory/memory.limit_in_bytes",
        "cpu/cpu.cfs_quota_us",
        "pids/pids.max",
        "cpuset/cpuset.cpus",
        "cpu/cpu.shares",
    )
    done = box("--runtime", runtime, *_QUIET, *limits, "box", "cat", *(f"/sys/fs/cgroup/{file}" for file in files))
    assert done.lines == ["67108864", "50000", "17", "0", "512"]


def test_memory_that_runs_out_is_told(box: PalletCLI) -> None:
    done = box("run", "--name", "nn", "--network", "none", "-m", "8m", "box", "tail", "/dev/zero")
    assert done.code == 137
    assert box.ok("inspect", "-f", "{{.State.OOMKilled}}", "nn") == "true"
    assert not Path("/oom").exists()
    wait_until(lambda: box.leaks() == [], "nothing is left")


def test_privileged(box: PalletCLI) -> None:
    script = "grep -c ' /proc/sys ' /proc/mounts; mount -t tmpfs x /tmp && echo mounted; ls /dev/loop0"
    done = box(*_QUIET, "--privileged", "box", "sh", "-c", script)
    assert done.lines == ["0", "mounted", "/dev/loop0"]


@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_a_profile_of_the_user_s(box: PalletCLI, runtime: str, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text(
        '{"defaultAction": "SCMP_ACT_ALLOW", "archMap": [{"architecture": "SCMP_ARCH_X86_64"}], "syscalls": ['
        '{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"},'
        '{"name": "chdir", "action": "SCMP_ACT_ERRNO", "includes": {"caps": ["CAP_SYS_ADMIN"]}}]}'
    )
    done = box(
        "--runtime", runtime, *_QUIET, "--security-opt", f"seccomp={profile}", "box", "sh", "-c", "cd /; mkdir /x"
    )
    assert done.code == 1
    assert done.stderr == "mkdir: can't create directory '/x': Operation not permitted\n"


@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_namespaces_of_another_container(box: PalletCLI, runtime: str) -> None:
    script = "echo shared > /dev/shm/file; exec sleep 1000"
    box.ok(
        "--runtime",
        runtime,
        "run",
        "-d",
        "--name",
        "dd",
        "--network",
        "none",
        "--ipc",
        "shareable",
        "box",
        "sh",
        "-c",
        script,
    )
    flags = ("--network", "container:dd", "--pid", "container:dd", "--ipc", "container:dd")
    same = (
        "for kind in net pid ipc; do test $(readlink /proc/self/ns/$kind) = $(readlink /proc/1/ns/$kind); echo $?; done"
    )
    done = box("--runtime", runtime, "run", "--rm", *flags, "box", "sh", "-c", f"cat /dev/shm/file; {same}")
    assert done.lines == ["shared", "0", "0", "0"]
    box.ok("rm", "-f", "dd")
    wait_until(lambda: box.leaks() == [], "nothing is left")


def test_mounts_go_to_and_fro_where_the_host_shares_them(box: PalletCLI, tmp_path: Path) -> None:
    # In a mount namespace of its own, where everything is shared.
    source = tmp_path / "source"
    source.mkdir()
    pallet = " ".join(box.argv())
    mounts = f"--privileged -v {source}:/m:rshared -v {source}:/s:rslave"
    script = f"""
        mount --bind {source} {source}
        {pallet} run -d --name nn --network none {mounts} box sleep 1000
        {pallet} exec nn sh -c 'mkdir -p /m/inside && mount -t tmpfs x /m/inside && touch /m/inside/file'
        ls {source}/inside
        mkdir -p {source}/outside && mount -t tmpfs x {source}/outside && touch {source}/outside/late
        {pallet} exec nn ls /m/outside /s/outside
        {pallet} rm -f nn
    """
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "shared", "sh", "-ec", script],
        check=False,
        capture_output=True,
        text=True,
        env=box.env,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.split()[1:-1] == ["file", "/m/outside:", "late", "/s/outside:", "late"]
    assert os.listdir(source / "inside") == []


def test_an_anonymous_volume_goes_with_its_last_container(box: PalletCLI) -> None:
    box.ok("run", "--name", "aa", "--network", "none", "-v", "/data", "box", "touch", "/data/file")
    box.ok("run", "--name", "bb", "--network", "none", "--volumes-from", "aa", "box", "ls", "/data/file")
    box.ok("rm", "-v", "aa")
    assert len(list((box.root / "volumes").iterdir())) == 1
    box.ok("rm", "-v", "bb")
    assert list((box.root / "volumes").iterdir()) == []
