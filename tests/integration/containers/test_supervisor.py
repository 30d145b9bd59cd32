"""Restarts, health checks and rotated logs, and what is true after supervisor, conmon or both were killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.support import wait_until
from tests.support.leaks import processes_naming
from tests.support.pallet import PalletCLI

_QUIET = ("run", "-d", "--network", "none")
_BREATHE = "test $((i % 500)) != 0 || sleep 0.05"
_CHECK = ("--health-interval", "200ms", "--health-retries", "2")


def _supervisor(box: PalletCLI, id: str) -> int:
    path = box.run_dir / f"{id}.supervisor"
    wait_until(lambda: path.exists() and len(path.read_text().split()) == 2, "the supervisor is there")
    return int(path.read_text().split()[0])


def _gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes()


def _state(box: PalletCLI, name: str) -> str:
    return box.ok("inspect", "-f", "{{.State.Status}} {{.RestartCount}}", name)


def _processes(box: PalletCLI) -> dict[int, str]:
    return processes_naming(str(box.root), str(box.run_dir))


def test_a_failing_container_is_started_again_so_often(box: PalletCLI) -> None:
    id = box.ok(*_QUIET, "--name", "nn", "--restart", "on-failure:2", "box", "sh", "-c", "echo run; exit 3")
    pid = _supervisor(box, id)
    wait_until(lambda: _state(box, "nn") == "exited 2" and _gone(pid), "it was tried three times")
    assert box.ok("logs", "nn").split() == ["run"] * 3
    wait_until(lambda: box.leaks() == [], "nothing is left")
    # The user's own start begins anew.
    box.ok("start", "nn")
    wait_until(lambda: box.ok("logs", "nn").split() == ["run"] * 6, "three times more")


def test_the_supervisor_goes_with_its_container(box: PalletCLI) -> None:
    id = box.ok(*_QUIET, "--name", "nn", "--restart", "always", "box", "sleep", "1000")
    pid = _supervisor(box, id)
    box.ok("stop", "-t", "0", "nn")
    wait_until(lambda: _gone(pid), "the supervisor has gone")
    assert not (box.run_dir / f"{id}.supervisor").exists()
    assert _state(box, "nn") == "exited 0"
    wait_until(lambda: _processes(box) == {}, "nothing is left")


def test_a_killed_conmon_is_no_reason_not_to_start_again(box: PalletCLI) -> None:
    id = box.ok(*_QUIET, "--name", "nn", "--restart", "always", "box", "sleep", "1000")
    _supervisor(box, id)
    monitor, process = (int((box.run_dir / id / name).read_text()) for name in ("conmon.pid", "pidfile"))
    os.kill(monitor, signal.SIGKILL)
    os.kill(process, signal.SIGKILL)
    wait_until(lambda: _state(box, "nn") == "running 1", "it runs again")
    assert int((box.run_dir / id / "pidfile").read_text()) != process


def test_a_killed_supervisor_is_missed_at_the_end(box: PalletCLI) -> None:
    id = box.ok(*_QUIET, "--name", "nn", "--restart", "always", "box", "sleep", "1000")
    os.kill(_supervisor(box, id), signal.SIGKILL)
    os.kill(int((box.run_dir / id / "pidfile").read_text()), signal.SIGKILL)
    # conmon's exit command finds none, and has another one do it.
    wait_until(lambda: _state(box, "nn") == "running 1", "it runs again")
    assert not _gone(_supervisor(box, id))


def test_all_three_killed_whoever_looks_has_it_started_again(box: PalletCLI) -> None:
    id = box.ok(*_QUIET, "--name", "nn", "--restart", "always", "box", "sleep", "1000")
    supervisor = _supervisor(box, id)
    monitor, process = (int((box.run_dir / id / name).read_text()) for name in ("conmon.pid", "pidfile"))
    for pid in (supervisor, monitor, process):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: all(map(_gone, (supervisor, monitor, process))), "all three have gone")
    assert box.ok("ps", "-a", "--format", "{{.Status}}").startswith("Exited (255)")
    wait_until(lambda: _state(box, "nn") == "running 1", "it runs again")


def test_a_supervisor_killed_between_two_runs_leaves_no_restarting(box: PalletCLI) -> None:
    id = box.ok(*_QUIET, "--name", "nn", "--restart", "always", "box", "false")
    wait_until(lambda: _state(box, "nn").startswith("restarting"), "it waits for its next run")
    pid, count = _supervisor(box, id), int(_state(box, "nn").split()[1])
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: _gone(pid), "it has gone")
    # Whoever looks has another one see to it; what is said is true in the meantime.
    assert box.ok("ps", "-a", "--format", "{{.State}}") in ("exited", "restarting", "running")
    wait_until(lambda: int(_state(box, "nn").split()[1]) > count, "it is started again")
    box.ok("rm", "-f", "nn")
    wait_until(lambda: _processes(box) == {}, "nothing is left")


def test_a_restarting_container_is_stopped_and_removed(box: PalletCLI) -> None:
    box.ok(*_QUIET, "--name", "nn", "--restart", "always", "box", "false")
    wait_until(lambda: _state(box, "nn").startswith("restarting"), "it waits for its next run")
    refused = box("rm", "nn")
    if refused.code:  # it may just run
        assert "Stop the container before attempting removal or force remove" in refused.stderr
    box.ok("stop", "nn")
    count = _state(box, "nn")
    assert count.startswith("exited")
    time.sleep(1)
    assert _state(box, "nn") == count
    box.ok("rm", "nn")
    wait_until(lambda: box.leaks() == [], "nothing is left")


def test_a_killed_run_leaves_a_supervised_container(box: PalletCLI) -> None:
    for number in range(6):
        process = box.start(
            "run", "--name", f"n{number}", "--restart", "always", "--network", "none", "box", "sleep", "99"
        )
        time.sleep(0.05 + number * 0.05)
        process.kill()
        process.communicate()
    for name in box.ok("ps", "--format", "{{.Names}} {{.ID}}").splitlines():
        id = box.ok("inspect", "-f", "{{.Id}}", name.split()[0])
        assert not _gone(_supervisor(box, id))
    names = box.ok("ps", "-a", "--format", "{{.Names}}").split()
    if names:
        box.ok("rm", "-f", *names)
    wait_until(lambda: box.leaks() == [], "nothing is left")


def test_health(box: PalletCLI) -> None:
    check = ("--health-cmd", "test -e /well")
    box.ok(*_QUIET, "--name", "first", *check, "--health-interval", "1h", "box", "sleep", "1000")
    assert box.ok("inspect", "-f", "{{.State.Health.Status}}", "first") == "starting"
    box.ok("rm", "-f", "first")
    id = box.ok(*_QUIET, "--name", "nn", *check, *_CHECK, "box", "sleep", "1000")
    wait_until(lambda: "(unhealthy)" in box.ok("ps"), "it is seen to be ill")
    box.ok("exec", "nn", "touch", "/well")
    wait_until(lambda: "(healthy)" in box.ok("ps"), "it is well again")
    # Nobody checks any more, so nobody may say that it is well.
    pid = _supervisor(box, id)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: _gone(pid), "the supervisor has gone")
    first = box.ok("ps", "--format", "{{.Status}}")
    assert first.endswith("(health: starting)")
    wait_until(lambda: "(healthy)" in box.ok("ps"), "another supervisor checks it")
    box.ok("stop", "-t", "0", "nn")
    assert box.ok("inspect", "-f", "{{.State.Health.Status}}", "nn") == "unhealthy"
    wait_until(lambda: box.leaks() == [], "nothing is left")


def test_a_check_that_takes_too_long_is_killed(box: PalletCLI) -> None:
    check = ("--health-cmd", "sleep 77", "--health-timeout", "200ms", *_CHECK)
    box.ok(*_QUIET, "--name", "nn", *check, "box", "sleep", "1000")
    wait_until(lambda: "(unhealthy)" in box.ok("ps"), "it is seen to be ill")
    log = box.ok("inspect", "-f", "{{with index .State.Health.Log 0}}{{.ExitCode}} {{.Output}}{{end}}", "nn")
    assert log == "-1 Health check exceeded timeout (200ms)"
    assert box.ok("exec", "nn", "sh", "-c", "ps | grep -c '[s]leep 77'; true") in ("0", "1")  # the one that runs now


def test_a_check_is_not_made_while_the_container_is_paused(box: PalletCLI) -> None:
    box.ok(*_QUIET, "--name", "nn", "--health-cmd", "true", *_CHECK, "box", "sleep", "1000")
    wait_until(lambda: "(healthy)" in box.ok("ps"), "it is well")
    box.ok("pause", "nn")
    last = "{{range .State.Health.Log}}{{.End}} {{end}}"
    before = box.ok("inspect", "-f", last, "nn").split()[-1]
    time.sleep(1)
    after = box.ok("inspect", "-f", last, "nn").split()[-1]
    assert after <= before or box.ok("inspect", "-f", "{{.State.Health.FailingStreak}}", "nn") == "0"
    box.ok("unpause", "nn")
    wait_until(lambda: box.ok("inspect", "-f", last, "nn").split()[-1] > after, "checks go on")


def test_a_rotated_log_loses_nothing_that_it_keeps(box: PalletCLI) -> None:
    count = 20_000
    script = f"sleep 1; i=0; while [ $i -lt {count} ]; do echo line $i; i=$((i+1)); {_BREATHE}; done"
    rotation = ("--log-opt", "max-size=100k", "--log-opt", "max-file=50")
    box.ok(*_QUIET, "--name", "nn", *rotation, "box", "sh", "-c", script)
    follower = box.start("logs", "-f", "nn")
    box.ok("wait", "nn")
    expected = [f"line {number}" for number in range(count)]
    assert box.ok("logs", "nn").splitlines() == expected
    assert follower.communicate(timeout=60)[0].decode().splitlines() == expected
    assert box.ok("logs", "-n", "3", "nn").splitlines() == expected[-3:]
    assert box.ok("logs", "-n", "15000", "nn").splitlines() == expected[-15_000:]
    files = sorted((box.root / "containers").glob("*/log*"))
    assert len(files) > 4
    assert max(file.stat().st_size for file in files) < 600_000  # a busy machine's supervisor looks late


def test_old_logs_go_and_are_compressed(box: PalletCLI) -> None:
    script = f"sleep 1; i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); {_BREATHE}; done"
    rotation = ("--log-opt", "max-size=100k", "--log-opt", "max-file=3", "--log-opt", "compress=true")
    box.ok(*_QUIET, "--name", "nn", *rotation, "box", "sh", "-c", script)
    box.ok("wait", "nn")
    names = {file.name for file in (box.root / "containers").glob("*/log*")}
    assert names - {"log"} == {"log.1", "log.2.gz"}  # who ends right after a rotation has begun no new one
    lines = box.ok("logs", "nn").splitlines()
    assert lines[-1] == "line 29999"
    first = int(lines[0].split()[1])
    assert lines == [f"line {number}" for number in range(first, 30_000)]


def test_one_file_is_begun_anew(box: PalletCLI) -> None:
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done"
    box.ok("run", "--network", "none", "--name", "nn", "--log-opt", "max-size=20k", "box", "sh", "-c", script)
    lines = box.ok("logs", "nn").splitlines()
    assert lines[-1] == "line 2999"
    assert len(lines) < 1000
    wait_until(lambda: _processes(box) == {}, "nothing is left")


def test_what_boots(box: PalletCLI) -> None:
    for name, policy in (("aa", "always"), ("us", "unless-stopped"), ("no", "no")):
        box.ok(*_QUIET, "--name", name, "--restart", policy, "box", "sleep", "1000")
    box.ok("stop", "-t", "0", "aa", "us", "no")
    assert box.ok("system", "boot").split() == ["aa"]  # as docker's daemon does
    assert box.ok("ps", "--format", "{{.Names}}") == "aa"
    unit = box.ok("system", "generate-systemd")
    assert f"Environment=PALLET_ROOT={box.root}" in unit and "system boot\n" in unit
    assert "container start aa\n" in box.ok("system", "generate-systemd", "aa")
