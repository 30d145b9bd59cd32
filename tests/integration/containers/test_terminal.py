"""A real terminal: size, keys, detaching."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pexpect
import pytest
from tests.support import wait_until
from tests.support.pallet import PalletCLI

Spawn = Callable[..., "pexpect.spawn[str]"]


@pytest.fixture
def spawn(box: PalletCLI) -> Iterator[Spawn]:
    """Starts pallet on a terminal of 33 lines and 99 columns."""
    children = []

    def start(*args: str) -> pexpect.spawn[str]:
        program, *rest = box.argv(*args)
        environment = {**os.environ, **box.env}
        child = pexpect.spawn(program, rest, env=environment, timeout=20, encoding="utf-8", dimensions=(33, 99))
        children.append(child)
        return child

    yield start
    for child in children:
        child.close(force=True)


def test_size_keys_and_exit_code(box: PalletCLI, spawn: Spawn) -> None:
    child = spawn("run", "-it", "--rm", "--name", "nn", "--network", "none", "box", "sh")
    child.expect("# ")
    child.sendline("stty size")
    child.expect("33 99")
    child.setwinsize(44, 111)
    child.sendline("until stty size | grep 111; do sleep .05; done; echo $TERM; tty")
    child.expect("44 111\r\nxterm\r\n/dev/pts/0")
    child.sendline("sleep 100")
    wait_until(lambda: "sleep 100" in box.ok("top", "nn", "-o", "pid,args"), "it sleeps")
    child.sendintr()
    child.sendline("echo code=$?")
    child.expect("code=130")
    child.sendline("exit 9")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 9


def test_detach_and_carry_on(box: PalletCLI, spawn: Spawn) -> None:
    child = spawn(
        "run", "-it", "--name", "nn", "--network", "none", "box", "sh", "-c", "echo ready; read line; echo $line > /out"
    )
    child.expect("ready")
    child.send("\x10")
    time.sleep(0.1)  # two keys that do not come together
    child.send("\x11")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert box.ok("ps", "--format", "{{.Names}}") == "nn"
    box.ok("rm", "-f", "nn")


def test_signals_reach_the_process_without_a_terminal(box: PalletCLI) -> None:
    script = "trap 'echo got it; exit 6' TERM; echo ready; while :; do sleep .1; done"
    process = box.start("run", "--rm", "--network", "none", "box", "sh", "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.terminate()
    out, _ = process.communicate(timeout=20)
    assert (out, process.returncode) == (b"got it\n", 6)


def test_no_terminal_is_told(box: PalletCLI) -> None:
    done = box("run", "-it", "box", "true")
    assert (done.stderr, done.code) == ("the input device is not a TTY\n", 1)
    assert box.ok("ps", "-aq") == ""
    assert box("run", "--rm", "-t", "--network", "none", "box", "tty").stdout == "/dev/pts/0\r\n"
