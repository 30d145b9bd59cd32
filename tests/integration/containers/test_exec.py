"""exec for real: terminals, streams, and what is left after SIGKILL."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest
from tests.integration.containers.moments import root_of
from tests.support import wait_until
from tests.support.pallet import PalletCLI

Spawn = Callable[..., "pexpect.spawn[str]"]
_UNTIL_TOLD = "until test -e /go; do sleep .05; done; "


@pytest.fixture(params=["crun", "runc"])
def up(box: PalletCLI, request: pytest.FixtureRequest) -> PalletCLI:
    """pallet with a running container `up`, by either runtime."""
    box.ok("--runtime", request.param, "run", "-d", "--name", "up", "--network", "none", "box", "sleep", "1000")
    return box


@pytest.fixture
def spawn(up: PalletCLI) -> Iterator[Spawn]:
    """Starts pallet on a terminal of 33 lines and 99 columns."""
    children = []

    def start(*args: str) -> pexpect.spawn[str]:
        program, *rest = up.argv(*args)
        environment = {**os.environ, **up.env}
        child = pexpect.spawn(program, rest, env=environment, timeout=20, encoding="utf-8", dimensions=(33, 99))
        children.append(child)
        return child

    yield start
    for child in children:
        child.close(force=True)


def processes(cli: PalletCLI) -> list[str]:
    """The commands in the container."""
    return cli.ok("top", "up", "-o", "pid,args").splitlines()[1:]


def test_a_terminal_has_size_keys_and_exit_code(up: PalletCLI, spawn: Spawn) -> None:
    child = spawn("exec", "-it", "up", "sh")
    child.expect("# ")
    child.sendline("stty size; tty")
    child.expect("33 99\r\n/dev/pts/0")
    child.setwinsize(44, 111)
    child.sendline("until stty size | grep 111; do sleep .05; done")
    child.expect("\n44 111")
    child.sendline("sleep 100")
    wait_until(lambda: any(line.endswith("sleep 100") for line in processes(up)), "it sleeps")
    child.sendintr()
    child.sendline("echo code=$?")
    child.expect("code=130")
    child.sendline("exit 9")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 9


def test_detaching_leaves_it_running(up: PalletCLI, spawn: Spawn) -> None:
    script = f"echo ready; read x; {_UNTIL_TOLD} head -c 100000 /dev/zero; echo $x >/done; sleep 100"
    child = spawn("exec", "-it", "--detach-keys", "ctrl-x,y", "up", "sh", "-c", script)
    child.expect("ready")
    child.send("word\r")
    child.send("\x18y")
    child.expect("read escape sequence")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    (root_of(up, "up") / "go").touch()
    # Nobody reads its terminal any more, and it goes on nevertheless.
    wait_until(lambda: up("exec", "up", "cat", "/done").stdout == "word\n", "the process goes on")


def test_input_and_output_are_whole(up: PalletCLI) -> None:
    data = os.urandom(30_000_000)
    done = up("exec", "-i", "up", "sh", "-c", "tee /copy; cat /copy >&2", stdin=data)
    assert hashlib.sha256(done.raw).digest() == hashlib.sha256(data).digest()
    assert up.ok("exec", "up", "wc", "-c", "/copy") == "30000000 /copy"


def test_files_of_the_host_are_not_given_away(up: PalletCLI, tmp_path: Path) -> None:
    given, taken = tmp_path / "in", tmp_path / "out"
    given.write_text("safe")
    with given.open("r+b") as stdin, taken.open("wb") as stdout:
        script = "cat; echo overwritten >/proc/self/fd/0; ls -l /proc/self/fd/0 /proc/self/fd/1"
        subprocess.run(
            up.argv("exec", "-i", "up", "sh", "-c", script), check=False, env=up.env, stdin=stdin, stdout=stdout
        )
    assert given.read_text() == "safe"
    assert str(tmp_path) not in taken.read_text()


def test_many_at_once(up: PalletCLI) -> None:
    started = [up.start("exec", "up", "sh", "-c", f"echo {number}; exit {number}") for number in range(8)]
    results = [(process.communicate(timeout=60)[0], process.returncode) for process in started]
    assert results == [(f"{number}\n".encode(), number) for number in range(8)]


def test_a_closed_output_ends_it(up: PalletCLI) -> None:
    process = up.start("exec", "up", "yes")
    assert process.stdout is not None
    assert process.stdout.read(4) == b"y\ny\n"
    process.stdout.close()
    process.wait(timeout=20)
    wait_until(lambda: not any(line.endswith("yes") for line in processes(up)), "the process is gone")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_ends_the_client_and_not_its_process(up: PalletCLI, number: int) -> None:
    process = up.start("exec", "up", "sh", "-c", "echo begun; exec sleep 77")
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (130 if number == signal.SIGINT else -number, b"")
    assert any(line.endswith("sleep 77") for line in processes(up))


def test_sigkill_leaves_the_container_in_order(up: PalletCLI) -> None:
    for number, flags in enumerate(([], ["-i"], ["-t"]) * 3):
        process = up.start("exec", *flags, "up", "sh", "-c", "echo begun; sleep 0.2; exec sleep 100")
        time.sleep(0.04 * number)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
        assert up.ok("exec", "up", "echo", "fine") == "fine"
    assert up.ok("ps", "--format", "{{.Names}} {{.State}}") == "up running"
    up.ok("restart", "-t", "0", "up")
    assert [line.split(None, 1)[1] for line in processes(up)] == ["sleep 1000"]
    up.ok("rm", "-f", "up")
    assert not list(up.run_dir.glob("*/console-*"))


def test_a_frozen_container_takes_none(up: PalletCLI) -> None:
    up.ok("pause", "up")
    done = up("exec", "up", "true")
    assert (done.stderr, done.code) == (
        "Error response from daemon: Container up is paused, unpause the container before exec\n",
        1,
    )
    up.ok("unpause", "up")
    up.ok("exec", "up", "true")


def _exec_ends(cli: PalletCLI) -> list[str]:
    words = ("--since", "1m", "--until", "0s", "-f", "event=exec_die")
    return cli.ok("events", *words, "--format", "{{.Actor.Attributes.exitCode}}").split()


def test_the_end_of_one_left_running_is_told(up: PalletCLI) -> None:
    up.ok("exec", "-d", "up", "sh", "-c", _UNTIL_TOLD + "exit 5")
    assert _exec_ends(up) == []
    assert len(json.loads(up.ok("inspect", "-f", "{{json .ExecIDs}}", "up"))) == 1
    (root_of(up, "up") / "go").touch()
    wait_until(lambda: _exec_ends(up) == ["5"], "its end is told")
    up.ok("exec", "-dt", "up", "sh", "-c", "stty size >/dev/null && exit 6")
    wait_until(lambda: _exec_ends(up) == ["5", "6"], "that of one with a terminal too")
    assert up.ok("inspect", "-f", "{{json .ExecIDs}}", "up") == "null"
    assert not list(up.run_dir.glob("*/watched-*"))


def test_those_that_end_at_once_are_started_all_the_same(up: PalletCLI) -> None:
    for _ in range(12):  # one in five said more than was understood
        up.ok("exec", "-d", "up", "true")
    wait_until(lambda: _exec_ends(up) == ["0"] * 12, "all ends are told")


def test_one_left_running_that_cannot_start(up: PalletCLI) -> None:
    for words in (("-d",), ("-dt",)):
        done = up("exec", *words, "up", "nosuch")
        assert (done.code, done.stdout) == (1, "")
        assert 'exec: "nosuch": executable file not found in $PATH' in done.stderr
    wait_until(lambda: not list(up.run_dir.glob("*/watched-*")), "conmon has had its last word")
    assert _exec_ends(up) == []


def test_one_left_running_ends_with_its_container(up: PalletCLI) -> None:
    up.ok("exec", "-d", "up", "sleep", "1000")
    up.ok("kill", "up")
    wait_until(lambda: _exec_ends(up) == ["137"], "its end is told")
