"""Containers of a user without privileges: each command from a process, and a namespace, of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import wait_until
from tests.support.unprivileged import User


@pytest.fixture
def sleeper(user: User) -> Iterator[str]:
    """A running container without a network."""
    user.ok("run", "-d", "--name", "sleeper", "--network", "none", "-e", "WORD=kept", "box", "sleep", "1000")
    yield "sleeper"
    user.ok("rm", "-f", "sleeper")


def test_root_inside_is_the_user_outside(user: User) -> None:
    shared = user.home / "shared"
    words = ["run", "--rm", "--network", "none", "-v", f"{shared}:/v", "box", "sh", "-c"]
    out = user.ok(*words, "id -u; touch /v/own; touch /v/other; chown 1000:1000 /v/other; cat /proc/self/uid_map")
    assert out.split()[:4] == ["0", "0", str(user.uid), "1"]
    assert (shared / "own").stat().st_uid == user.uid
    assert (shared / "other").stat().st_uid not in (0, user.uid, 1000)


def test_one_left_running_is_told_of(user: User, sleeper: str) -> None:
    def ends() -> str:
        words = ("--since", "1m", "--until", "0s", "-f", "event=exec_die")
        return user.ok("events", *words, "--format", "{{.Actor.Attributes.exitCode}}")

    user.ok("exec", "-d", sleeper, "sh", "-c", "exit 5")
    wait_until(lambda: ends() == "5", "its end is told")


def test_update_tells_that_there_are_no_limits(user: User, sleeper: str) -> None:
    for flags in (("-m", "50m"), ("--cpus", "1"), ("--pids-limit", "5")):
        done = user.pallet("update", *flags, sleeper)
        assert done.code == 1
        assert "run them as root, or with --ulimit" in done.stderr
    assert user.ok("update", "--restart", "on-failure", sleeper) == sleeper
    assert (
        user.ok("inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}", sleeper) == "0 on-failure"
    )


def test_users_environment_input_and_exit_code(user: User) -> None:
    done = user.pallet(
        *("run", "--rm", "-i", "--network", "none", "-u", "1000:1000", "-e", "A=b", "-w", "/tmp", "box"),
        *("sh", "-c", "read word; echo $word $A $(id -u) $(pwd); exit 7"),
        stdin=b"hello\n",
    )
    assert (done.stdout, done.code) == ("hello b 1000 /tmp\n", 7)


def test_network_host_is_the_users(user: User) -> None:
    out = user.ok("run", "--rm", "--network", "host", "box", "readlink", "/proc/self/ns/net")
    assert out == os.readlink("/proc/self/ns/net")


def test_a_terminal(user: User) -> None:
    words = " ".join(user.argv(sys.executable, "-m", "pallet", "run", "-it", "--rm", "--network", "none", "box", "tty"))
    done = subprocess.run(
        ["script", "-qec", words, "/dev/null"], env=user.env, capture_output=True, check=True, stdin=subprocess.DEVNULL
    )
    assert b"/dev/pts/0" in done.stdout


def test_commands_of_other_shells_reach_it(user: User, sleeper: str) -> None:
    assert "sleeper" in user.ok("ps")
    assert user.ok("exec", sleeper, "sh", "-c", "echo $WORD; id -u").split() == ["kept", "0"]
    assert "sleep 1000" in user.ok("top", sleeper)
    user.ok("exec", sleeper, "sh", "-c", "echo changed >/tmp/file; rm /etc/group")
    copied = user.pallet("cp", f"{sleeper}:/tmp/file", "-").raw
    with tarfile.open(fileobj=io.BytesIO(copied)) as archive:
        assert archive.getmember("file").uid == 0
    (user.home / "in").write_text("from outside")
    user.ok("cp", str(user.home / "in"), f"{sleeper}:/tmp/in")
    assert user.ok("exec", sleeper, "cat", "/tmp/in") == "from outside"
    assert set(user.ok("diff", sleeper).splitlines()) >= {"D /etc/group", "A /tmp/file", "A /tmp/in"}


def test_commit_of_a_running_one_has_its_changes(user: User, sleeper: str) -> None:
    user.ok("exec", sleeper, "sh", "-c", "echo new >/new; rm /etc/group; rm -r /www; mkdir /www; touch /www/only")
    user.ok("commit", sleeper, "changed")
    out = user.ok("run", "--rm", "--network", "none", "changed", "sh", "-c", "cat /new; ls /www /etc")
    assert {"new", "only"} <= set(out.split())
    assert {"group", "index.html"}.isdisjoint(out.split())
    user.ok("rmi", "changed")


def test_stop_start_kill_logs_and_wait(user: User) -> None:
    words = ["run", "-d", "--name", "loop", "--network", "none", "box", "sh", "-c"]
    user.ok(*words, "echo begun; trap 'echo ended; exit 3' TERM; while :; do sleep 0.1; done")
    wait_until(lambda: user.ok("logs", "loop") == "begun", "it runs")
    user.ok("stop", "loop")
    assert user.ok("wait", "loop") == "3"
    assert user.ok("logs", "loop").split() == ["begun", "ended"]
    user.ok("start", "loop")
    user.ok("kill", "loop")
    wait_until(lambda: user.ok("inspect", "-f", "{{.State.Status}}", "loop") == "exited", "it ends")
    user.ok("rm", "loop")


def test_all_share_one_namespace_and_it_ends_with_them(user: User) -> None:
    names = ["one", "two"]
    for name in names:
        user.ok("run", "-d", "--name", name, "--network", "none", "box", "sleep", "1000")
    pids = user.ok("inspect", "-f", "{{.State.Pid}}", *names).split()
    assert len({os.readlink(f"/proc/{pid}/ns/user") for pid in pids}) == 1
    joined = ["run", "--rm", "--network", "container:one", "--pid", "container:one", "box", "ps"]
    assert "sleep 1000" in user.ok(*joined)
    user.ok("rm", "-f", *names)
    wait_until(lambda: not user.processes(), "nothing of the user's runs")


def test_volumes(user: User) -> None:
    user.ok("run", "--rm", "--network", "none", "-v", "data:/d", "box", "sh", "-c", "echo here >/d/f")
    assert user.ok("run", "--rm", "--network", "none", "-v", "data:/d", "box", "cat", "/d/f") == "here"
    user.ok("volume", "rm", "data")


def test_restart_policies_and_health_checks(user: User) -> None:
    user.ok(
        *("run", "-d", "--name", "kept", "--network", "none", "--restart", "on-failure:2"),
        *("--health-cmd", "true", "--health-interval", "1s", "box", "sh", "-c", "sleep 0.2; exit 1"),
    )
    wait_until(lambda: user.ok("inspect", "-f", "{{.RestartCount}} {{.State.Status}}", "kept") == "2 exited", "it ends")
    user.ok("rm", "-f", "kept")


def test_limits_are_dropped_with_dockers_warning(user: User) -> None:
    done = user.pallet("run", "--rm", "--network", "none", "-m", "64m", "box", "true")
    assert done.code == 0
    assert "Your kernel does not support memory limit capabilities" in done.stderr


def test_pause_is_refused(user: User, sleeper: str) -> None:
    done = user.pallet("pause", sleeper)
    assert done.code == 1
    assert "without a cgroup" in done.stderr


def test_build(user: User) -> None:
    context = user.home / "context"
    context.mkdir()
    (context / "page").write_text("built")
    (context / "Dockerfile").write_text(
        "FROM box\nCOPY --chown=1000:1000 page /page\n"
        "RUN --network=none id -u >/who && rm -r /www && mkdir /www && touch /www/new\nCMD cat /page /who\n"
    )
    done = user.pallet("build", "-t", "built", str(context))
    assert done.code == 0, done.stderr
    assert user.ok("run", "--rm", "--network", "none", "built") == "built0"
    assert user.ok("run", "--rm", "--network", "none", "built", "ls", "/www") == "new"
    assert user.ok("run", "--rm", "--network", "none", "built", "stat", "-c", "%u:%g", "/page") == "1000:1000"
    user.ok("rmi", "built")


def test_disk_usage_check_and_prune(user: User) -> None:
    assert user.ok("system", "df").splitlines()[1].split()[:2] == ["Images", "1"]
    assert user.ok("system", "check") == ""
    user.ok("create", "--name", "unused", "--network", "none", "box", "true")
    user.ok("container", "prune", "-f")
    assert "unused" not in user.ok("ps", "-a")


def test_usage_is_not_made_up_where_there_is_no_cgroup(user: User, sleeper: str) -> None:
    words = ["--no-stream", "--format", "{{.CPUPerc}} {{.MemUsage}} {{.PIDs}}", sleeper]
    assert user.ok("stats", *words) == "-- -- / -- --"


def test_namespaces_of_the_machine(user: User) -> None:
    words = ["run", "--rm", "--network", "none"]
    name = user.ok(*words, "--pid", "host", "box", "cat", f"/proc/{os.getpid()}/comm")
    assert name == Path("/proc/self/comm").read_text().strip()
    assert user.ok(*words, "--ipc", "host", "--uts", "host", "box", "readlink", "/proc/self/ns/ipc") == os.readlink(
        "/proc/self/ns/ipc"
    )


def test_what_cannot_be_had_is_refused_in_one_sentence(user: User) -> None:
    words = ["run", "--rm", "--network"]
    done = user.pallet(*words, "none", "--runtime", "runc", "box", "true")
    assert (done.code, "runc needs cgroups, which there are none of without privileges" in done.stderr) == (125, True)
    done = user.pallet(*words, "host", "--sysctl", "net.ipv4.ip_forward=1", "box", "true")
    assert (done.code, "the sysctl `net.ipv4.ip_forward` requires a new network namespace" in done.stderr) == (
        125,
        True,
    )


def test_a_device(user: User) -> None:
    words = ["run", "--rm", "--network", "none", "--device", "/dev/zero:/dev/nothing", "box", "sh", "-c"]
    out = user.ok(*words, "head -c 2 /dev/nothing | od -An -tx1; stat -c %t:%T /dev/nothing")
    assert out.split() == ["00", "00", "1:5"]
    done = user.pallet("run", "--rm", "--device", "/dev/missing", "box", "true")
    assert done.code == 127  # docker's for a file that is not there
    assert 'error gathering device information while adding custom device "/dev/missing": no such file' in done.stderr
