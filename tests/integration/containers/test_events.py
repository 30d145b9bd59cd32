"""Events: followed by other processes, in order, none lost."""

from __future__ import annotations

import json
import select
import subprocess
import threading
import time
from pathlib import Path

from tests.support import wait_until
from tests.support.pallet import PalletCLI

_QUIET = ("--network", "none")


def _actions(box: PalletCLI, since: float, *filters: str) -> list[str]:
    words = [word for each in filters for word in ("-f", each)]
    out = box.ok(
        "events", "--since", f"{since:.9f}", "--until", f"{time.time():.9f}", "--format", "{{.Action}}", *words
    )
    return out.splitlines()


def test_a_containers_life(box: PalletCLI) -> None:
    since = time.time()
    box.ok("run", "--rm", *_QUIET, "-l", "color=red", "--name", "one", "box", "sh", "-c", "exit 0")
    assert _actions(box, since, "type=container") == ["create", "attach", "start", "die", "destroy"]
    line = box.ok("events", "--since", f"{since:.9f}", "--until", "0s", "-f", "event=die", "--format", "{{json .}}")
    event = json.loads(line)
    assert event["Actor"]["Attributes"] == {"color": "red", "exitCode": "0", "image": "box", "name": "one"}
    assert (event["status"], event["from"], event["scope"]) == ("die", "box", "local")


def test_a_follower_sees_what_others_do(box: PalletCLI) -> None:
    follower = box.start("events", "--format", "{{.Type}} {{.Action}} {{.Actor.ID}}", "-f", "event=create")
    assert follower.stdout is not None
    while not select.select([follower.stdout], [], [], 0)[0]:  # it does not follow yet
        box.ok("create", "box", "true")
    for number in range(5):
        box.ok("volume", "create", f"v{number}")
    lines: list[str] = []
    while len(lines) < 5:
        line = follower.stdout.readline().decode()
        if not line.startswith("container create "):
            lines.append(line)
    follower.terminate()
    follower.wait(5)
    follower.stdout.close()
    if follower.stderr is not None:
        follower.stderr.close()
    assert lines == [f"volume create v{number}\n" for number in range(5)]


def test_none_is_lost_when_many_write(box: PalletCLI) -> None:
    since = time.time()
    follower = subprocess.Popen(
        box.argv("events", "--since", f"{since:.9f}", "--until", f"{since + 100:.9f}", "-f", "type=volume",
                 "--format", "{{.Actor.ID}}"),
        env=box.env, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    wanted = {f"w{worker}-{number}" for worker in range(4) for number in range(8)}

    def work(worker: int) -> None:
        for number in range(8):
            box.ok("volume", "create", f"w{worker}-{number}")

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = []
    assert follower.stdout is not None
    while len(seen) < len(wanted):
        line = follower.stdout.readline().decode().strip()
        assert line, "the follower has ended early"
        seen.append(line)
    follower.kill()
    follower.wait()
    follower.stdout.close()
    assert sorted(seen) == sorted(wanted)


def test_images_and_what_a_killed_container_tells(box: PalletCLI, tmp_path: Path) -> None:
    since = time.time()
    box.ok("tag", "box", "other:1")
    box.ok("save", "-o", str(tmp_path / "box.tar"), "other:1")
    box.ok("rmi", "other:1")
    assert _actions(box, since, "type=image") == ["tag", "save", "untag"]
    since = time.time()
    id = box.ok("run", "-d", *_QUIET, "--name", "one", "box", "sleep", "1000")
    box.ok("kill", "one")
    wait_until(lambda: "die" in _actions(box, since, f"container={id}"), "its end is told")
    assert _actions(box, since, f"container={id}") == ["create", "start", "kill", "die"]
