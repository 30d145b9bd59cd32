"""What docker-py does to a running container: states, processes, files."""

from __future__ import annotations

import io
import tarfile
import threading
import time
from pathlib import Path

import pytest
from tests.support import wait_until

import pallet
from pallet.errors import Conflict, InvalidInput, NotFound
from pallet.sdk.container import Container


@pytest.fixture(autouse=True)
def box(engine: pallet.Engine, busybox_tar: Path) -> pallet.Image:
    """busybox as `box`, in the engine's store."""
    return engine.images.import_(busybox_tar, "box", changes=['CMD ["sh"]'])


@pytest.fixture
def busy(engine: pallet.Engine) -> Container:
    """A container that sleeps."""
    made = engine.containers.run("box", ["sleep", "1000"], detach=True, network="none", name="busy")
    assert isinstance(made, Container)
    return made


def test_states(busy: Container) -> None:
    busy.pause()
    assert busy.status == "paused"
    with pytest.raises(Conflict, match="is paused"):
        busy.exec_run(["true"])
    busy.unpause()
    before = busy.attrs["State"]["Pid"]
    busy.restart(timeout=0)
    assert busy.status == "running"
    assert busy.attrs["State"]["Pid"] != before
    busy.rename("other")
    assert (busy.name, busy.attrs["Name"]) == ("other", "/other")
    with pytest.raises(InvalidInput, match="same name"):
        busy.rename("other")


def test_exec(busy: Container) -> None:
    script = ["sh", "-c", "echo out; echo err >&2; exit 3"]
    assert busy.exec_run(script, demux=True) == (3, (b"out\n", b"err\n"))
    assert busy.exec_run(script, stderr=False) == (3, b"out\n")
    assert busy.exec_run("echo 'two words'").output == b"two words\n"
    assert busy.exec_run("env", environment={"A": "b"}).output.count(b"A=b\n") == 1
    assert busy.exec_run("pwd", workdir="/bin", environment=["A=b"]).output == b"/bin\n"
    assert busy.exec_run("id -u", user="7").output == b"7\n"
    assert busy.exec_run("tty", tty=True).output == b"/dev/pts/0\r\n"
    code, pieces = busy.exec_run(["sh", "-c", "echo 1; sleep 0.3; echo 2"], stream=True)
    assert (code, list(pieces)) == (None, [b"1\n", b"2\n"])
    assert busy.exec_run("sleep 100", detach=True) == (None, b"")
    assert len(busy.top()["Processes"]) == 2
    assert busy.top("-o pid,args")["Titles"] == ["PID", "COMMAND"]
    code, said = busy.exec_run("nosuch")
    assert (code, b"executable file not found" in said) == (126, True)
    assert busy.exec_run("cat", stdin=True) == (0, b"")


def test_a_large_output_is_whole(busy: Container) -> None:
    result = busy.exec_run(["sh", "-c", "seq 1 200000; seq 1 100000 >&2"], demux=True)
    assert result.output == tuple("".join(f"{i}\n" for i in range(1, n + 1)).encode() for n in (200_000, 100_000))


def test_attach(engine: pallet.Engine) -> None:
    script = ["sh", "-c", "echo early; while [ ! -e /go ]; do sleep 0.1; done; echo late; echo err >&2"]
    made = engine.containers.run("box", script, detach=True, network="none")
    assert isinstance(made, Container)
    wait_until(lambda: made.logs() == b"early\n", "it has begun")
    got: list[object] = []
    threads = [
        threading.Thread(target=lambda: got.append(made.attach())),
        threading.Thread(target=lambda: got.append(made.attach(stderr=False, logs=True))),
        threading.Thread(target=lambda: got.append(list(made.attach(stream=True, demux=True)))),
    ]
    for thread in threads:
        thread.start()

    def attached() -> int:
        return len([*engine.events(since=1, until=time.time(), filters={"event": "attach"})])

    wait_until(lambda: attached() == 3, "all are attached")
    made.exec_run("touch /go")
    for thread in threads:
        thread.join(20)
    assert b"late\nerr\n" in got or b"err\nlate\n" in got
    assert b"early\nlate\n" in got
    assert any(
        isinstance(each, list) and sorted(each, key=str) == [(None, b"err\n"), (b"late\n", None)] for each in got
    )
    with pytest.raises(Conflict, match="stopped"):
        made.attach()


def test_archives(busy: Container) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        member = tarfile.TarInfo("dir/file")
        member.size, member.uid, member.gid, member.mode = 4, 5, 6, 0o640
        tar.addfile(member, io.BytesIO(b"text"))
    assert busy.put_archive("/tmp", made.getvalue())
    assert busy.exec_run("stat -c '%u %g %a %s' /tmp/dir/file").output == b"5 6 640 4\n"
    pieces, about = busy.get_archive("/tmp/dir")
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        assert tar.getnames() == ["dir", "dir/file"]
    assert about["name"] == "dir"
    busy.stop(timeout=0)
    made.seek(0)
    assert busy.put_archive("/", made)
    pieces, about = busy.get_archive("/dir/file")
    assert (about["size"], b"text" in b"".join(pieces)) == (4, True)
    assert {"Path": "/dir/file", "Kind": 1} in busy.diff()
    with pytest.raises(NotFound, match="No such container:path"):
        busy.get_archive("/nosuch")
    with pytest.raises(NotFound):
        busy.put_archive("/nosuch", b"")


def test_limits_and_use(busy: Container) -> None:
    assert busy.update(cpu_shares=512, restart_policy={"Name": "on-failure", "MaximumRetryCount": 2}) == {
        "Warnings": []
    }
    assert busy.attrs["HostConfig"]["CpuShares"] == 512
    assert busy.attrs["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2}
    with pytest.raises(InvalidInput, match="Minimum memory limit"):
        busy.update(mem_limit="1k")
    found = busy.stats(stream=False)
    assert found["id"] == busy.id
    assert found["cpu_stats"]["system_cpu_usage"] > found["precpu_stats"]["system_cpu_usage"] > 0
