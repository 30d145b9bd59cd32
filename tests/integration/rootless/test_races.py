"""The namespace is found whoever is left in it: a second one would be out of the first one's reach."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.support import need, wait_until
from tests.support.unprivileged import User

_LAUNCHING = """
import os, subprocess, sys, time
from pallet.host.locks import lock
from pallet.host.userns import enter_user_namespace
base = sys.argv[1]
os.makedirs(base + "/one/container")
told, tell = os.pipe()
child = os.fork()
if child == 0:
    enter_user_namespace(base + "/two")
    held = lock(base + "/one/container/monitor")
    os.write(tell, b"1")
    time.sleep(0.3)
    with open(base + "/one/container/conmon.pid", "w") as file:
        file.write(str(os.getpid()))
    time.sleep(60)
os.read(told, 1)
enter_user_namespace(base + "/one")
try:
    print(os.readlink("/proc/self/ns/user") == os.readlink(f"/proc/{child}/ns/user"))
finally:
    os.kill(child, 9)
"""


def test_a_run_killed_before_conmon_has_its_pid_file(user: User) -> None:
    slow = user.home / "slow"
    slow.mkdir()
    program = slow / "conmon"
    program.write_text(f'#!/bin/sh\nsleep 0.5\nexec {need("conmon")} "$@"\n')
    program.chmod(0o755)
    run = subprocess.Popen(
        user.argv(sys.executable, "-m", "pallet", "run", "--name", "late", "--network", "none", "box", "sleep", "1000"),
        env={**user.env, "PATH": f"{slow}:{user.env['PATH']}"},
        stdin=subprocess.DEVNULL,
    )
    wait_until(lambda: any(_is(pid, str(program)) for pid in user.processes()), "conmon is on its way")
    monitor = next(pid for pid in user.processes() if _is(pid, str(program)))
    namespace = os.readlink(f"/proc/{monitor}/ns/user")
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    shutil.rmtree(slow)
    user.ok("run", "-d", "--name", "next", "--network", "none", "box", "sleep", "1000")
    pid = user.ok("inspect", "-f", "{{.State.Pid}}", "next")
    assert os.readlink(f"/proc/{pid}/ns/user") == namespace
    user.ok("rm", "-f", "late", "next")
    wait_until(lambda: not user.processes(), "nothing of it runs")


def test_one_who_is_about_to_become_conmon_is_waited_for(user: User) -> None:
    done = user(sys.executable, "-c", _LAUNCHING, str(user.home / "launching"))
    assert done.stdout == "True\n", done.stderr


def test_a_supervisor_between_two_runs_is_in_it(user: User) -> None:
    words = ["--network", "none", "box", "sh", "-c"]
    id = user.ok("run", "-d", "--name", "again", "--restart", "always", *words, "exit 1")
    state = "{{.State.Status}} {{.RestartCount}}"
    wait_until(lambda: user.ok("inspect", "-f", state, "again") == "restarting 3", "a longer pause has come")
    user.ok("run", "-d", "--name", "next", *words, "sleep 1000")
    pid = user.ok("inspect", "-f", "{{.State.Pid}}", "next")
    supervisor = (user.runtime_dir / "pallet" / f"{id}.supervisor").read_text().split()[0]
    assert os.readlink(f"/proc/{pid}/ns/user") == os.readlink(f"/proc/{supervisor}/ns/user")
    user.ok("rm", "-f", "again", "next")
    wait_until(lambda: not user.processes(), "nothing of it runs")


def test_a_container_whose_conmon_was_killed_is_in_it(user: User) -> None:
    user.ok("run", "-d", "--name", "orphan", "--network", "none", "-u", "1000", "box", "sleep", "1000")
    pid = int(user.ok("inspect", "-f", "{{.State.Pid}}", "orphan"))
    conmon = next(each for each in user.processes() if Path(f"/proc/{each}/comm").read_text() == "conmon\n")
    os.kill(conmon, signal.SIGKILL)
    wait_until(lambda: conmon not in user.processes(), "conmon has gone")
    assert user.ok("exec", "orphan", "id", "-u") == "1000"
    user.ok("rm", "-f", "orphan")
    wait_until(lambda: pid not in user.processes() and not user.processes(), "nothing of it runs")


def _is(pid: int, program: str) -> bool:
    try:
        return os.fsencode(program) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
