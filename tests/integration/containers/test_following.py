"""attach, logs -f and pause for real: every byte, in order, by several at once."""

from __future__ import annotations

import hashlib
import signal
import subprocess
from pathlib import Path

from tests.integration.containers.moments import root_of, wait_for_attached, wait_for_handler, wait_for_log
from tests.support import wait_until
from tests.support.pallet import PalletCLI

LINES = 400_000
WRITTEN = "".join(f"{number}\n" for number in range(1, LINES + 1)).encode()


def test_attached_and_followed_at_once(box: PalletCLI, tmp_path: Path) -> None:
    script = f"read go; seq 1 {LINES}; echo end >&2; exit 5"
    box.ok("run", "-d", "--name", "big", "-i", "--network", "none", "box", "sh", "-c", script)
    verbs = [("attach", "--no-stdin"), ("attach", "--no-stdin"), ("logs", "-f")]
    readers = []
    for number, verb in enumerate(verbs):
        # Files: a reader that waits for its own reader would hold up the container, as with docker.
        with (tmp_path / f"out{number}").open("wb") as out, (tmp_path / f"err{number}").open("wb") as err:
            command = box.argv(*verb, "big")
            readers.append(subprocess.Popen(command, env=box.env, stdin=subprocess.DEVNULL, stdout=out, stderr=err))
    killed = box.start("attach", "--no-stdin", "big")
    wait_for_attached(box, "big", 3)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=20)
    done = box("attach", "big", stdin=b"go\n", timeout=100)
    expected = hashlib.sha256(WRITTEN).digest()
    assert (hashlib.sha256(done.raw).digest(), done.stderr, done.code) == (expected, "end\n", 5)
    for number, code in enumerate((5, 5, 0)):
        assert readers[number].wait(timeout=60) == code
        assert hashlib.sha256((tmp_path / f"out{number}").read_bytes()).digest() == expected
        assert (tmp_path / f"err{number}").read_bytes() == b"end\n"
    assert hashlib.sha256(box("logs", "big").raw).digest() == expected
    tail = box("logs", "-n", "2", "big")  # which stream's line came last is conmon's choice
    assert WRITTEN.endswith(tail.raw)
    assert tail.raw.count(b"\n") + tail.stderr.count("\n") == 2


def test_following_goes_on_across_restarts(box: PalletCLI) -> None:
    script = 'trap "echo asked; exit 0" TERM; echo began; while :; do sleep 0.05; done'
    box.ok("run", "-d", "--name", "re", "--network", "none", "box", "sh", "-c", script)
    follower = box.start("logs", "-f", "re")
    wait_for_log(box, "re", "began\n")
    box.ok("restart", "re")
    wait_for_log(box, "re", "began\nasked\nbegan\n")
    box.ok("restart", "re")
    wait_for_log(box, "re", "began\nasked\nbegan\nasked\nbegan\n")
    assert follower.poll() is None
    box.ok("stop", "re")
    out, _ = follower.communicate(timeout=20)
    assert out == b"began\nasked\n" * 3


def test_a_signal_goes_through_attach(box: PalletCLI) -> None:
    script = "trap 'echo got it; exit 6' TERM; echo ready; while :; do sleep .1; done"
    box.ok("run", "-d", "--name", "sig", "--network", "none", "box", "sh", "-c", script)
    wait_for_log(box, "sig", "ready\n")
    attached = box.start("attach", "sig")
    wait_for_handler(attached.pid, signal.SIGTERM)
    attached.terminate()
    out, _ = attached.communicate(timeout=20)
    assert (out, attached.returncode) == (b"got it\n", 6)


def test_pausing_holds_everything(box: PalletCLI) -> None:
    script = "i=0; while :; do i=$((i+1)); echo $i >/count; done"
    box.ok("run", "-d", "--name", "pp", "--network", "none", "box", "sh", "-c", script)
    wait_until((root_of(box, "pp") / "count").exists, "it counts")
    box.ok("pause", "pp")
    seen = {box.ok("cp", "pp:/count", "-") for _ in range(3)}
    assert len(seen) == 1
    box.ok("commit", "pp", "frozen")
    assert box.ok("ps", "--format", "{{.State}}") == "paused"
    box.ok("unpause", "pp")
    wait_until(lambda: box.ok("cp", "pp:/count", "-") not in seen, "it counts on")
    box.ok("pause", "pp")
    assert box.ok("rm", "-f", "pp") == "pp"
    wait_until(lambda: box.leaks() == [], "nothing is left")
