"""What docker-py's documentation shows, done to pallet: what follows and is stopped, sockets, waits, errors.

The results were seen with docker-py 7.2 and docker 20.10, too.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import SHUT_WR
from typing import Any, assert_type

import pytest
from tests.support import wait_until

import pallet as docker
from pallet.sdk.container import Container
from pallet.sdk.stream import CancellableStream


@pytest.fixture(autouse=True)
def box(engine: docker.Engine, busybox_tar: Path) -> docker.Image:
    """busybox as `box`, in the engine's store."""
    return engine.images.import_(busybox_tar, "box", changes=['CMD ["sh"]'])


def read_for_a_while(stream: CancellableStream[Any]) -> list[Any]:
    """What a stream gives until another thread closes it, which waits until the reader waits."""
    read: list[Any] = []
    reader = threading.Thread(target=lambda: read.extend(stream))
    reader.start()
    wait_until(lambda: bool(read), "something was read")
    time.sleep(0.1)  # the reader waits by now; if not, it is closed a little earlier
    assert reader.is_alive()
    stream.close()
    reader.join(10)
    assert not reader.is_alive()
    assert list(stream) == []
    return read


def test_what_is_followed_can_be_ended_by_another_thread(engine: docker.Engine) -> None:
    events = engine.events(decode=True, filters={"type": "container"})
    loud = engine.containers.run("box", ["sh", "-c", "echo begun; cat"], detach=True, stdin_open=True, network="none")
    assert read_for_a_while(events)[0]["Action"] == "create"
    assert read_for_a_while(loud.logs(stream=True, follow=True)) == [b"begun\n"]
    assert read_for_a_while(loud.attach(stream=True, logs=True)) == [b"begun\n"]
    loud.kill()
    assert list(loud.logs(stream=True)) == [b"begun\n"]


def frames(read: Callable[[int], bytes]) -> Iterator[tuple[int, bytes]]:
    """The frames of a stream without a terminal."""
    while header := read(8):
        yield header[0], read(int.from_bytes(header[4:], "big"))


def test_sockets(engine: docker.Engine) -> None:
    talk = ["sh", "-c", "read word; echo got $word; echo bad >&2"]
    made = engine.containers.run("box", talk, detach=True, stdin_open=True, network="none")
    socket = made.attach_socket({"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    socket._sock.sendall(b"hello\n")  # type: ignore[attr-defined]  # docker-py's users know it so
    with socket:
        assert sorted(frames(lambda size: socket.read(size) or b"")) == [(1, b"got hello\n"), (2, b"bad\n")]
    assert made.wait(timeout=10) == {"StatusCode": 0}

    shell = engine.containers.run("box", ["sleep", "1000"], detach=True, network="none")
    code, plain = shell.exec_run(["sh", "-c", "cat; echo bad >&2"], stdin=True, socket=True)
    assert code is None
    with plain:
        plain.write(b"again\n")
        plain._sock.shutdown(SHUT_WR)
        assert sorted(frames(plain.read)) == [(1, b"again\n"), (2, b"bad\n")]
    with shell.exec_run("sh", stdin=True, tty=True, socket=True).output as terminal:
        terminal.write(b"stty -echo; echo $((6 * 7)); exit\n")
        shown = b"".join(iter(lambda: terminal.read(1000), b""))
        assert b"\r\n42\r\n" in shown
    with shell.exec_run("nosuch", socket=True).output as failed:
        ((stream, said),) = frames(failed.read)
        assert (stream, b"executable file not found" in said) == (1, True)
    shell.kill()
    with pytest.raises(docker.errors.APIError, match="is not running"):
        shell.exec_run("true", stream=True).output.__next__()
    with pytest.raises(docker.errors.APIError, match="stopped container"):
        shell.attach_socket()


def test_a_terminal_has_a_size(engine: docker.Engine) -> None:
    script = ["sh", "-c", "read word; stty size"]
    made = engine.containers.run("box", script, detach=True, tty=True, stdin_open=True, network="none")
    made.resize(33, 99)
    with made.attach_socket({"stdin": 1, "stdout": 1}) as socket:
        time.sleep(0.1)  # conmon reads sizes and input in no certain order
        socket.write(b"go\n")
        assert b"33 99\r\n" in b"".join(iter(lambda: socket.read(1000) or b"", b""))
    made.wait(timeout=10)
    with pytest.raises(docker.errors.APIError, match="is not running"):
        made.resize(1, 1)


def test_waits(engine: docker.Engine) -> None:
    made = engine.containers.create("box", ["sh", "-c", "sleep 0.3; exit 3"], network="none")
    assert made.wait() == {"StatusCode": 0}  # it does not run
    later = threading.Timer(0.5, made.start)
    later.start()
    assert made.wait(condition="next-exit", timeout=20) == {"StatusCode": 3}
    later.join()
    removed = threading.Timer(0.5, made.remove)
    removed.start()
    assert made.wait(condition="removed", timeout=20) == {"StatusCode": 3}
    removed.join()
    with pytest.raises(docker.errors.NotFound):
        made.wait()
    with pytest.raises(docker.errors.InvalidArgument, match="invalid condition"):
        engine.containers.create("box").wait(condition="never")


def test_health_and_use(engine: docker.Engine) -> None:
    check = docker.types.Healthcheck(test="true", interval=100_000_000)
    made = engine.containers.run("box", ["sleep", "1000"], detach=True, healthcheck=check, network="none")
    wait_until(lambda: made.health == "healthy", "it is healthy")
    looks = assert_type(made.stats(), Iterator[bytes])
    found = json.loads(next(looks))
    assert found["id"] == made.id
    assert assert_type(next(made.stats(decode=True)), dict[str, Any])["id"] == made.id
    once = assert_type(made.stats(stream=False, one_shot=True), dict[str, Any])
    assert once["precpu_stats"]["cpu_usage"]["total_usage"] == 0
    assert engine.containers.create("box").health == "unknown"


def test_docker_py_s_types(engine: docker.Engine, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "file").write_text("here\n")
    out = engine.containers.run(
        "box",
        ["sh", "-c", "cat /in/file; ulimit -n; grep -c ' /tmpfs .*size=1024k' /proc/mounts"],
        mounts=[
            docker.types.Mount("/in", str(tmp_path), type="bind", read_only=True),
            docker.types.Mount("/tmpfs", None, type="tmpfs", tmpfs_size="1m"),
        ],
        ulimits=[docker.types.Ulimit(name="nofile", soft=64, hard=128)],
        log_config=docker.types.LogConfig(type="json-file", config={"max-size": "1m"}),
        network="none",
    )
    assert out == b"here\n64\n1\n"
    pool = docker.types.IPAMPool(subnet="10.126.0.0/24", gateway="10.126.0.254")
    network = engine.networks.create("types", driver="bridge", ipam=docker.types.IPAMConfig(pool_configs=[pool]))
    assert network.attrs["IPAM"]["Config"] == [{"Subnet": "10.126.0.0/24", "Gateway": "10.126.0.254"}]
    place = {"types": {"Aliases": ["other"], "IPAMConfig": {"IPv4Address": "10.126.0.9"}}}
    made = engine.containers.create("box", network="types", networking_config=place)
    wanted = made.attrs["NetworkSettings"]["Networks"]["types"]
    assert (wanted["Aliases"][0], wanted["IPAMConfig"]) == ("other", {"IPv4Address": "10.126.0.9"})
    with pytest.raises(docker.errors.InvalidArgument, match="Incompatible options"):
        docker.types.Mount("/in", "data", propagation="rslave")


def test_builds(engine: docker.Engine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM box\nRUN echo built\n")
    image, log = engine.images.build(path=str(tmp_path), tag="made")
    told = list(log)
    assert "built\n" in "".join(message.get("stream", "") for message in told)
    assert told[-1] == {"aux": {"ID": image.id}}
    (tmp_path / "Dockerfile").write_text("FROM box\nRUN echo almost; exit 3\n")
    with pytest.raises(docker.errors.BuildError, match="exit code: 3") as caught:
        engine.images.build(path=str(tmp_path))
    assert {"stream": "almost\n"} in caught.value.build_log
    assert caught.value.lines == (2, 2)
    assert caught.value.msg == str(caught.value)
    pruned = engine.images.prune_builds(all=True)
    assert pruned["CachesDeleted"]
    assert pruned["SpaceReclaimed"] >= 0


def test_errors(engine: docker.Engine) -> None:
    with pytest.raises(docker.errors.ImageNotFound) as missing:
        engine.images.get("absent")
    assert isinstance(missing.value, docker.errors.APIError)
    assert (missing.value.status_code, missing.value.explanation) == (404, "No such image: absent:latest")
    engine.containers.create("box", name="taken")
    with pytest.raises(docker.errors.APIError) as conflict:
        engine.containers.create("box", name="taken")
    assert conflict.value.status_code == 409
    assert not issubclass(docker.errors.ContainerError, docker.errors.APIError)
    with pytest.raises(docker.errors.DockerException):
        engine.containers.run("box", "false", network="none")


def test_the_engine_itself(engine: docker.Engine, box: docker.Image) -> None:
    assert engine.ping() is True
    version = engine.version()
    assert (version["ApiVersion"], version["Os"], version["Version"]) == ("1.41", "linux", docker.__version__)
    assert {"Engine", "conmon"} <= {each["Name"] for each in version["Components"]}
    made = engine.containers.create("box")
    assert engine.info()["Containers"] == 1
    usage = engine.df()
    assert (usage["Images"][0]["Id"], usage["Containers"][0]["Id"]) == (box.id, made.id)
    assert usage["LayersSize"] == box.attrs["Size"]


def test_a_container_is_a_docker_py_container(engine: docker.Engine) -> None:
    container = engine.containers.run("box", "sleep 1000", detach=True, name="web", network="none")
    assert assert_type(container, Container) == engine.containers.list(sparse=True, ignore_removed=True)[0]
    with pytest.raises(docker.errors.APIError, match="default link name"):
        container.remove(link=True)
    bits, stat = container.get_archive("/etc/passwd", encode_stream=True)
    assert (stat["name"], stat["mode"], b"root:" in b"".join(bits)) == ("passwd", 0o644, True)
    assert container.get_archive("/tmp")[1]["mode"] == 1 << 31 | 1 << 20 | 0o777  # Go's bits
