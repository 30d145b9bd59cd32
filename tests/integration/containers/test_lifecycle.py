"""Containers that are started, looked at, stopped, removed."""

from __future__ import annotations

import json
import time

from tests.integration.containers.moments import root_of, run_files, wait_for_lock
from tests.support import wait_until
from tests.support.pallet import PalletCLI

_DETACHED = ("run", "-d", "--network", "none")
_UNTIL_TOLD = "until test -e /go; do sleep .05; done; "


def test_a_life(box: PalletCLI) -> None:
    id = box.ok(
        *_DETACHED, "--name", "nn", "-l", "a=b", "box", "sh", "-c", "trap 'exit 3' TERM; while :; do sleep .1; done"
    )
    assert len(id) == 64
    assert box.ok("ps", "-q", "--no-trunc") == id
    assert box.ok("ps", "--format", '{{.Names}}|{{.State}}|{{.Image}}|{{.Label "a"}}') == "nn|running|box|b"
    state = json.loads(box.ok("inspect", "-f", "{{json .State}}", "nn"))
    assert state["Status"] == "running" and state["Pid"] > 1 and state["FinishedAt"] == "0001-01-01T00:00:00Z"
    refused = box("rm", "nn")
    assert refused.code == 1
    assert refused.stderr == (
        f"Error response from daemon: You cannot remove a running container {id}. "
        "Stop the container before attempting removal or force remove\n"
    )
    assert box.ok("stop", "nn") == "nn"
    assert box.ok("wait", "nn") == "3"
    assert box.ok("ps", "-q") == ""
    assert box.ok("ps", "-a", "--format", "{{.Status}}").startswith("Exited (3) ")
    assert box.ok("ps", "-aq", "--filter", "exited=3", "--no-trunc") == id
    assert box.ok("start", "nn") == "nn"
    assert box.ok("kill", "-s", "TERM", id[:10]) == id[:10]
    assert box.ok("wait", id[:10]) == "3"
    assert box.ok("rm", "nn") == "nn"
    assert box("rm", "nn").stderr == "Error: No such container: nn\n"


def test_stop_kills_what_does_not_listen(box: PalletCLI) -> None:
    box.ok(*_DETACHED, "--name", "nn", "box", "sleep", "100")  # the first process of a namespace ignores TERM
    begin = time.monotonic()
    box.ok("stop", "-t", "1", "nn")
    assert 0.9 < time.monotonic() - begin < 8
    assert box.ok("inspect", "-f", "{{.State.ExitCode}}", "nn") == "137"
    assert box.ok("stop", "nn") == "nn"  # it has stopped already
    again = box("kill", "nn")
    assert again.code == 1
    assert "Cannot kill container: nn: Container " in again.stderr and "is not running" in again.stderr


def test_names_are_unique(box: PalletCLI) -> None:
    id = box.ok(*_DETACHED, "--name", "nn", "box", "true")
    done = box(*_DETACHED, "--name", "nn", "box", "true")
    assert done.code == 125
    assert f'Conflict. The container name "/nn" is already in use by container "{id}".' in done.stderr
    assert box.ok("container", "prune", "-f").startswith(f"Deleted Containers:\n{id}\n")


def test_wait_sees_the_code_of_a_container_that_removes_itself(box: PalletCLI) -> None:
    id = box.ok(*_DETACHED, "--rm", "--name", "nn", "box", "sh", "-c", _UNTIL_TOLD + "exit 9")
    waiter = box.start("wait", "nn")
    wait_for_lock(waiter.pid, box.run_dir / f"{id}.wait")
    (root_of(box, "nn") / "go").touch()
    assert waiter.communicate(timeout=20)[0] == b"9\n"
    wait_until(lambda: box.ok("ps", "-aq") == "", "it is gone")
    wait_until(lambda: run_files(box) == [], "no file of it is left")


def test_logs(box: PalletCLI) -> None:
    script = f"for i in 1 2 3; do echo line $i; echo err $i >&2; done; {_UNTIL_TOLD} printf end"
    box.ok(*_DETACHED, "--name", "nn", "box", "sh", "-c", script)
    wait_until(lambda: box("logs", "nn").stderr == "err 1\nerr 2\nerr 3\n", "both streams have been read")
    (root_of(box, "nn") / "go").touch()
    box.ok("wait", "nn")
    done = box("logs", "nn")
    assert done.stdout == "line 1\nline 2\nline 3\nend"
    assert done.stderr == "err 1\nerr 2\nerr 3\n"
    assert box("logs", "--tail", "1", "nn").stdout == "end"
    tail = box("logs", "--tail", "2", "nn")  # which stream was read first is conmon's choice
    assert (tail.stdout, tail.stderr) in (("end", "err 3\n"), ("line 3\nend", ""))
    stamped = box("logs", "-t", "--tail", "1", "nn").stdout
    assert stamped.endswith("Z end") and stamped[:2] == "20"
    assert box("logs", "nosuch").stderr == "Error: No such container: nosuch\n"


def test_logs_are_followed_to_the_end(box: PalletCLI) -> None:
    box.ok(*_DETACHED, "--name", "nn", "box", "sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep .2; done")
    assert box("logs", "-f", "nn").stdout == "1\n2\n3\n4\n5\n"
    assert box.ok("inspect", "-f", "{{.State.Running}}", "nn") == "false"


def test_start_attached(box: PalletCLI) -> None:
    box("run", "--network", "none", "--name", "nn", "-i", "box", "sh", "-c", "cat; exit 4", stdin=b"first")
    again = box("start", "-ai", "nn", stdin=b"second")
    assert (again.stdout, again.code) == ("second", 4)
    missing = box("start", "nosuch", "nn")
    assert missing.stdout == "nn\n"
    assert missing.stderr == (
        "Error response from daemon: No such container: nosuch\nError: failed to start containers: nosuch\n"
    )


def test_changes_outlive_the_run(box: PalletCLI) -> None:
    box.ok(
        "run",
        "--network",
        "none",
        "--name",
        "nn",
        "box",
        "sh",
        "-c",
        "x=$(cat /count 2>/dev/null)x; echo $x > /count; cat /count",
    )
    assert box("start", "-a", "nn").stdout == "xx\n"
    changed = sorted(path.name for path in (box.root / "containers").glob("*/upper/*"))
    assert changed == ["count"]  # none of the mount points made for the container


def test_filters(box: PalletCLI) -> None:
    first = box.ok(*_DETACHED, "--name", "first", "-l", "k=1", "box", "sleep", "60")
    second = box.ok(*_DETACHED, "--name", "second", "-l", "k=2", "box", "true")
    box.ok("wait", "second")

    def ids(*filters: str) -> list[str]:
        words = [word for each in filters for word in ("--filter", each)]
        return box.ok("ps", "-aq", "--no-trunc", *words).split()

    assert ids() == [second, first]
    assert ids("status=running") == [first]
    assert ids("status=running", "status=exited") == [second, first]
    assert ids("name=ir") == [first]
    assert ids("name=^/second$") == [second]
    assert ids("label=k") == [second, first]
    assert ids("label=k=2") == [second]
    assert ids("id=" + first[:5]) == [first]
    assert ids("before=second") == [first]
    assert ids("since=first") == [second]
    assert ids("ancestor=box") == [second, first]
    assert ids("ancestor=other") == []
    assert ids("network=none") == [second, first]
    assert box.ok("ps", "-q", "-n", "1", "--no-trunc") == second
    assert box("ps", "--filter", "foo=bar").stderr == "Error response from daemon: Invalid filter 'foo'\n"
    assert box("ps", "--filter", "status=foo").stderr == "Error response from daemon: Invalid filter 'status=foo'\n"
    box.ok("rm", "-f", "first")
