"""What is true, and what is left, after processes were killed with SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.integration.containers.moments import root_of
from tests.integration.containers.test_network import _HTTPD, _page, _traces
from tests.integration.test_torture import kill_with_descendants
from tests.support import free_port, need, wait_until
from tests.support.leaks import processes_naming
from tests.support.pallet import PalletCLI

from pallet.host.cgroups import is_frozen
from pallet.runtime.oci_runtime import has_cgroups_v2


def _pids(box: PalletCLI, id: str) -> tuple[int, int]:
    run = box.run_dir / id
    return int((run / "conmon.pid").read_text()), int((run / "pidfile").read_text())


def test_conmon_killed_the_container_lives_on(box: PalletCLI) -> None:
    need("netavark")
    port = free_port()
    id = box.ok("run", "-d", "--name", "nn", "-p", f"{port}:80", *_HTTPD)
    wait_until(lambda: _page(port) != "", "the page is there")
    os.kill(_pids(box, id)[0], signal.SIGKILL)
    assert box.ok("inspect", "-f", "{{.State.Status}}", "nn") == "running"
    assert _page(port) != ""
    box.ok("stop", "-t", "0", "nn")
    assert box.ok("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "nn") == "exited 255"
    wait_until(lambda: _traces() == [], "nothing is left")
    wait_until(lambda: box.leaks() == [], "no process and no mount is left")
    assert box.ok("start", "nn") == "nn"
    wait_until(lambda: _page(port) != "", "the page is there again")
    box.ok("rm", "-f", "nn")
    wait_until(lambda: _traces() == [], "nothing is left")


def test_both_killed_whoever_looks_settles(box: PalletCLI) -> None:
    need("netavark")
    id = box.ok("run", "-d", "--name", "nn", "-p", f"{free_port()}:80", *_HTTPD)
    monitor, process = _pids(box, id)
    os.kill(monitor, signal.SIGKILL)
    os.kill(process, signal.SIGKILL)
    wait_until(lambda: box.ok("ps", "-q") == "", "it is seen to have ended")
    assert box.ok("ps", "-a", "--format", "{{.Status}}").startswith("Exited (255)")
    wait_until(lambda: _traces() == [], "nothing is left")
    wait_until(lambda: box.leaks() == [], "no process and no mount is left")
    box.ok("rm", "nn")


def test_a_killed_run_leaves_the_container_to_conmon(box: PalletCLI) -> None:
    script = "echo up; until test -e /go; do sleep .05; done; echo down"
    process = box.start("run", "--rm", "--name", "nn", "--network", "none", "box", "sh", "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.kill()
    process.communicate()
    assert box.ok("ps", "--format", "{{.State}}") == "running"
    (root_of(box, "nn") / "go").touch()
    wait_until(lambda: box.ok("ps", "-aq") == "", "conmon has it removed")
    wait_until(lambda: box.leaks() == [], "nothing is left")
    assert not list((box.root / "containers").iterdir())


def test_runs_killed_while_they_start(box: PalletCLI) -> None:
    need("netavark")
    for number in range(6):
        process = box.start("run", "--name", f"n{number}", "-p", f"{free_port()}:80", *_HTTPD)
        time.sleep(0.06 + number * 0.05)
        process.kill()
        process.communicate()
    names = box.ok("ps", "-a", "--format", "{{.Names}}").split()
    if names:
        box.ok("rm", "-f", *names)
    wait_until(lambda: box.leaks() == [], "no process and no mount is left")
    # An address that nobody gave back goes with the next container's coming and going.
    box.ok("run", "--rm", "box", "true")
    wait_until(lambda: _traces() == [], "no rule and no link is left")
    box.ok("system", "prune", "-f")  # directories of containers that never got their record
    assert not list((box.root / "containers").iterdir())


def test_a_commit_killed_with_all_its_processes_leaves_nothing_frozen(box: PalletCLI) -> None:
    box.ok(
        "run", "-d", "--network", "none", "--name", "nn", "box", "sh", "-c", "yes | head -c 40000000 >/y; sleep 1000"
    )
    wait_until(lambda: box.ok("exec", "nn", "stat", "-c", "%s", "/y") == "40000000", "there is enough to do")
    first = int(box.ok("inspect", "-f", "{{.State.Pid}}", "nn"))
    for look in (["exec", "nn", "echo", "up"], ["stop", "-t", "0", "nn"]):
        process = box.start("commit", "nn", "made")
        while not is_frozen(first) and process.poll() is None:
            pass
        kill_with_descendants(process.pid)
        assert process.wait() == -signal.SIGKILL, "it was at work"
        assert box.ok(*look) in ("up", "nn")
        assert not is_frozen(first)
        assert not list(box.run_dir.glob("*/held"))
    assert box.ok("inspect", "-f", "{{.State.Status}}", "nn") == "exited"
    box.ok("start", "nn")
    box.ok("pause", "nn")  # by the user: nobody else ends that
    assert [box.ok("ps", "--format", "{{.State}}") for _ in range(2)] == ["paused", "paused"]


def test_what_a_killed_runtime_leaves_of_control_groups_goes_with_the_container(box: PalletCLI) -> None:
    id = box.ok("create", "--network", "none", "--name", "nn", "box", "true")
    group = Path("/sys/fs/cgroup") / ("" if has_cgroups_v2() else "pids") / "pallet" / id
    group.mkdir(parents=True)
    (box.run_dir / id).mkdir(parents=True)
    process = subprocess.Popen(["sleep", "1000"])
    (group / "cgroup.procs").write_text(str(process.pid))
    assert box.ok("start", "-a", "nn") == ""
    assert process.wait(timeout=5) == -signal.SIGKILL
    assert not group.exists()
    box.ok("rm", "nn")


def test_a_start_killed_before_its_process_began(box: PalletCLI) -> None:
    seen: set[str] = set()
    number = 0
    while "created false" not in seen:  # a killer that comes late sees it running
        name = f"n{number}"
        id = box.ok("create", "--network", "none", "--name", name, "box", "sleep", "1000")
        process = box.start("start", name)
        created = box.run_dir / "runtime" / id / "exec.fifo"
        while not created.exists() and process.poll() is None:
            pass
        time.sleep(0.006 * (number % 2))
        kill_with_descendants(process.pid)
        process.communicate()
        number += 1
        assert number < 20
        state = box.ok("inspect", "-f", "{{.State.Status}} {{.State.Running}}", name)
        seen.add(state)
        if state == "running true":
            assert box.ok("exec", name, "echo", "up") == "up"
            continue
        assert state == "created false"
        wait_until(lambda id=id: not processes_naming(f"--cid {id}"), "the launch is ended")  # type: ignore[misc]
        assert box.ok("ps", "-a", "--filter", f"name={name}", "--format", "{{.Status}}") == "Created"
        box.ok("start", name)
        assert box.ok("exec", name, "echo", "up") == "up"
