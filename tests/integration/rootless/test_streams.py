"""Streams, copies and ends of a user's containers, each time from another process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.support import wait_until
from tests.support.unprivileged import User


def test_attach_follow_and_an_end(user: User) -> None:
    words = ["run", "-di", "--name", "reader", "--network", "none", "box", "sh", "-c"]
    user.ok(*words, "read one; echo got $one; read two; echo got $two; exit 4")
    follower = subprocess.Popen(
        user.argv(sys.executable, "-m", "pallet", "logs", "-f", "reader"), env=user.env, stdout=subprocess.PIPE
    )
    done = user.pallet("attach", "reader", stdin=b"one\ntwo\n")
    assert done.code == 4
    assert done.stdout == "got one\ngot two\n"
    assert follower.communicate(timeout=10)[0] == b"got one\ngot two\n"
    assert user.ok("wait", "reader") == "4"
    user.ok("rm", "reader")


def test_exec_with_a_terminal_and_trees_both_ways(user: User) -> None:
    user.ok("run", "-d", "--name", "trees", "--network", "none", "box", "sleep", "1000")
    words = " ".join(user.argv(sys.executable, "-m", "pallet", "exec", "-it", "trees", "tty"))
    done = subprocess.run(
        ["script", "-qec", words, "/dev/null"], env=user.env, capture_output=True, check=True, stdin=subprocess.DEVNULL
    )
    assert b"/dev/pts/" in done.stdout
    assert user("mkdir", "-p", f"{user.home}/tree/below").code == 0
    (user.home / "tree/below/file").write_text("there")
    user.ok("cp", f"{user.home}/tree", "trees:/tree")
    user.ok("exec", "trees", "sh", "-c", "echo and back >>/tree/below/file; chown 1000:1000 /tree/below/file")
    user.ok("stop", "-t", "0", "trees")
    user.ok("cp", "trees:/tree", f"{user.home}/again")
    copied = user.home / "again/below/file"
    assert copied.read_text() == "thereand back\n"
    assert copied.stat().st_uid == user.uid  # as docker's cp without -a
    user.ok("rm", "trees")


def test_a_killed_process_is_started_again_and_healthy(user: User) -> None:
    words = ["run", "-d", "--name", "kept", "--network", "none", "--restart", "unless-stopped"]
    user.ok(*words, "--health-cmd", "true", "--health-interval", "100ms", "box", "sleep", "1000")
    pid = user.ok("inspect", "-f", "{{.State.Pid}}", "kept")
    os.kill(int(pid), signal.SIGKILL)
    state = "{{.RestartCount}} {{.State.Status}} {{.State.Health.Status}}"
    wait_until(lambda: user.ok("inspect", "-f", state, "kept") == "1 running healthy", "it runs again")
    user.ok("stop", "-t", "0", "kept")
    assert user.ok("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "kept") == "exited 137"
    user.ok("system", "prune", "-f")
    assert user.ok("ps", "-aq") == ""
    wait_until(lambda: not user.processes(), "the supervisor has ended")
