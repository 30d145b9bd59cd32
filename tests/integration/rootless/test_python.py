"""The Python API of a user without privileges: one process, in the namespace that the commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.support.unprivileged import User

_RUN = """
import os, subprocess, sys, pallet
with pallet.from_env() as engine:
    print(engine.containers.run("box", ["sh", "-c", "id -u; echo said"], remove=True, network_mode="none").split())
    container = engine.containers.run("box", ["sleep", "1000"], detach=True, name="held", network_mode="none")
    print(container.exec_run(["cat", "/proc/1/cmdline"]).output)
    print(pallet.from_env({"HOME": os.environ["HOME"]}).settings.root == engine.settings.root)
    print(pallet.Engine().settings.root == engine.settings.root)
    print(subprocess.check_output([sys.executable, "-m", "pallet", "ps", "--format", "{{.Names}}"]))
"""
_THREADS = """
import threading, pallet
ended = threading.Event()
thread = threading.Thread(target=ended.wait)
thread.start()
try:
    pallet.from_env()
except pallet.errors.HostError as error:
    print(error.message)
ended.set()
thread.join()
with pallet.from_env() as engine:
    thread = threading.Thread(target=lambda: print(pallet.from_env().images.list()))
    thread.start()
    thread.join()
"""


def test_run_and_exec_and_commands_beside_it(user: User) -> None:
    done = user(sys.executable, "-c", _RUN)
    assert done.code == 0, done.stderr
    assert done.lines == ["[b'0', b'said']", r"b'sleep\x001000\x00'", "True", "True", r"b'held\n'"]
    assert user.ok("exec", "held", "echo", "reached") == "reached"
    user.ok("rm", "-f", "held")


def test_threads_come_after_the_first_engine(user: User) -> None:
    done = user(sys.executable, "-c", _THREADS)
    assert done.code == 0, done.stderr
    text = "without privileges the first pallet.Engine() needs a process with a single thread: "
    assert done.lines == [
        text + "make it before the program starts threads, or call the pallet command",
        "[<Image: 'box:latest'>]",
    ]


def test_without_ranges_it_warns(make_user: Callable[..., User]) -> None:
    poor = make_user("lean", ranges=False)
    done = poor(sys.executable, "-W", "error", "-c", "import pallet; pallet.from_env().close()")
    assert done.code == 1
    assert f"RuntimeWarning: {poor.name} has no range of ids in /etc/subuid: all files" in done.stderr
