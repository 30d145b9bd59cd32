"""Containers from Python: run, look, stop, commit, export, import."""

from __future__ import annotations

import io
import signal
import socket
import tarfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import assert_type

import pytest
from tests.support import free_port, wait_until
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer

import pallet
from pallet.errors import (
    Conflict,
    ContainerError,
    InvalidInput,
    NoSuchContainer,
    NoSuchImage,
    RuntimeFailed,
    Unsupported,
)


@pytest.fixture(autouse=True)
def box(engine: pallet.Engine, busybox_tar: Path) -> pallet.Image:
    """busybox as `box`, in the engine's store."""
    return engine.images.import_(busybox_tar, "box", changes=['CMD ["sh"]', "LABEL from=image"])


def names(engine: pallet.Engine) -> list[str]:
    return [container.name for container in engine.containers.list(all=True)]


def test_run_returns_what_was_written(engine: pallet.Engine) -> None:
    script = ["sh", "-c", "echo out; echo err >&2"]
    run = engine.containers.run
    assert assert_type(run("box", script, remove=True), bytes) == b"out\n"
    assert run("box", script, stdout=False, stderr=True, auto_remove=True, network="none") == b"err\n"
    assert run("box", script, stderr=True, remove=True, network="none") == b"out\nerr\n"
    assert names(engine) == []
    pieces = assert_type(run("box", "seq 3", remove=True, network="none", stream=True), Iterator[bytes])
    assert list(pieces) == [b"1\n", b"2\n", b"3\n"]
    assert run("box", "echo lost", remove=True, network_disabled=True, log_config=pallet.types.LogConfig("none")) == b""


def test_run_takes_docker_py_s_words(engine: pallet.Engine, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "file").write_text("from the host\n")
    out = engine.containers.run(
        engine.images.get("box"),
        "-c 'id -u; pwd; hostname; echo $A; cat /in/file; touch /in/new 2>/dev/null || echo read-only'",
        entrypoint="sh",
        user=1000,
        working_dir="/tmp",
        hostname="here",
        environment={"A": "a b"},
        volumes={str(tmp_path): {"bind": "/in", "mode": "ro"}},
        network="none",
        name="worded",
    )
    assert out.decode().splitlines() == ["1000", "/tmp", "here", "a b", "from the host", "read-only"]
    assert names(engine) == ["worded"]
    with pytest.raises(Conflict, match='"/worded" is already in use'):
        engine.containers.create("box", name="worded")


def test_a_failing_command_is_an_error(engine: pallet.Engine) -> None:
    text = r"Command '\['sh', '-c', .*' in image 'box' returned non-zero exit status 3: no"
    with pytest.raises(ContainerError, match=text) as caught:
        engine.containers.run("box", ["sh", "-c", "echo out; echo no >&2; exit 3"], network="none", name="failed")
    assert (caught.value.exit_status, caught.value.stderr, caught.value.image) == (3, b"no\n", "box")
    assert caught.value.container == engine.containers.get("failed")
    assert caught.value.container.logs(stderr=False) == b"out\n"
    with pytest.raises(ContainerError):
        engine.containers.run("box", "false", remove=True, network="none")
    with pytest.raises(RuntimeFailed) as missing:
        engine.containers.run("box", "/no/such/program", remove=True, network="none")
    assert missing.value.exit_code == 127
    assert names(engine) == ["failed"]


def test_bad_words_make_no_container(engine: pallet.Engine) -> None:
    with pytest.raises(TypeError, match="'nmae'"):
        engine.containers.run("box", nmae="x")  # type: ignore[call-overload]
    with pytest.raises(Unsupported, match="device_requests"):
        engine.containers.run("box", device_requests=["gpu"])  # type: ignore[call-overload]
    with pytest.raises(InvalidInput, match="Invalid containerPort"):
        engine.containers.create("box", ports={"x/tcp": 80})
    with pytest.raises(NoSuchImage):
        engine.containers.create("absent")
    with pytest.raises(NoSuchImage):
        engine.containers.run("sha256:" + "0" * 64)
    assert names(engine) == []


def test_an_image_that_is_not_here_is_pulled(
    engine: pallet.Engine, registry: RegistryServer, make_pallet: Callable[..., PalletCLI]
) -> None:
    name = f"{registry.host}/sdk/pulled"
    engine.images.get("box").tag(name)
    engine.images.push(name)
    engine.images.remove(name)
    told: list[str] = []
    out = engine.containers.run(
        name, "echo here", remove=True, network="none", progress=lambda event: told.append(event.status)
    )
    assert out == b"here\n"
    assert any(status.startswith("Status:") for status in told)


def test_a_detached_container_is_watched_and_ended(engine: pallet.Engine, cli: PalletCLI) -> None:
    script = "trap 'echo bye; exit 7' TERM; echo begun; echo oops >&2; while true; do sleep 0.05; done"
    started = datetime.now(UTC)
    made = engine.containers.run(
        "box", ["sh", "-c", script], detach=True, name="bob", labels={"a": "b"}, network="none"
    )
    bob = assert_type(made, pallet.Container)
    wait_until(lambda: b"oops" in bob.logs(), "it has written")
    assert (bob.name, bob.status, bob.short_id) == ("bob", "running", bob.id[:12])
    assert bob.labels == {"from": "image", "a": "b"}
    assert bob.image == engine.images.get("box")
    assert bob.attrs["State"]["Running"] is True
    assert repr(bob) == f"<Container: {bob.short_id}>"
    for word in ("bob", bob.id, bob.short_id):
        assert engine.containers.get(word) == bob
    assert bob.logs(stderr=False) == b"begun\n"
    assert bob.logs(stdout=False) == b"oops\n"
    assert bob.logs(tail=1, until=datetime.now(UTC)) in (b"begun\n", b"oops\n")
    assert bob.logs(since=time.time() + 60) == bob.logs(until=started) == b""
    assert bob.logs(stderr=False, timestamps=True).decode()[:4] == str(started.year)
    with pytest.raises(InvalidInput, match="at least one stream"):
        bob.logs(stdout=False, stderr=False)
    with pytest.raises(InvalidInput, match="tail"):
        bob.logs(tail=-1)
    with pytest.raises(TimeoutError, match="timed out"):
        bob.wait(timeout=0.1)
    with pytest.raises(Conflict, match="cannot remove a running container"):
        bob.remove()
    assert engine.containers.list() == engine.containers.list(filters={"label": ["a=b"], "status": "running"}) == [bob]

    read: list[bytes] = []
    follower = threading.Thread(target=lambda: read.extend(bob.logs(stream=True, stderr=False)))
    follower.start()
    bob.stop(timeout=10)
    follower.join(10)
    assert b"".join(read) == b"begun\nbye\n"
    assert bob.wait() == bob.wait(timeout=1) == {"StatusCode": 7}
    assert (bob.status, bob.attrs["State"]["ExitCode"]) == ("exited", 7)
    assert engine.containers.list() == []
    assert engine.containers.list(all=True) == engine.containers.list(True, filters={"exited": 7}) == [bob]

    bob.start()
    assert bob.status == "running"
    wait_until(lambda: bob.logs().count(b"begun") == 2, "its trap is set")
    bob.kill(signal.SIGTERM)
    assert bob.wait(timeout=10) == {"StatusCode": 7}
    bob.remove(v=True)
    with pytest.raises(NoSuchContainer):
        bob.reload()


def test_containers_are_listed_by_age(engine: pallet.Engine) -> None:
    first, second, third = (engine.containers.create("box", name=f"c{number}") for number in range(3))
    assert (first.status, first.attrs["Config"]["Cmd"]) == ("created", ["sh"])
    assert engine.containers.list() == []
    assert engine.containers.list(all=True) == [third, second, first]
    assert engine.containers.list(limit=2) == [third, second]
    assert engine.containers.list(before="c1") == [first]
    assert engine.containers.list(since="c1") == [third]
    second.remove()
    pruned = engine.containers.prune()
    assert pruned["ContainersDeleted"] == [third.id, first.id]
    assert engine.containers.list(all=True) == []


def test_a_removed_container_goes_at_its_end(engine: pallet.Engine) -> None:
    gone = engine.containers.run("box", "true", detach=True, remove=True, network="none")
    wait_until(lambda: engine.containers.list(all=True) == [], "it is removed")
    with pytest.raises(NoSuchContainer):
        _ = gone.status


def files_of(chunks: Iterator[bytes]) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as opened:
        return {member.name.removeprefix("./").strip("/"): member for member in opened}


def test_changes_become_an_image(engine: pallet.Engine) -> None:
    script = "echo new > /etc/new; rm /www/index.html; mkdir -m 700 /own"
    engine.containers.run("box", ["sh", "-c", script], name="changed", network="none")
    changed = engine.containers.get("changed")
    image = changed.commit("box", tag="2", message="why", author="me", changes=["ENV A=b", 'CMD ["cat", "/etc/new"]'])
    assert image.tags == ["box:2"]
    assert (image.attrs["Author"], image.attrs["Comment"]) == ("me", "why")
    assert len(image.attrs["RootFS"]["Layers"]) == 2
    assert image.attrs["Parent"] == engine.images.get("box").id
    assert engine.containers.run(image, remove=True, network="none") == b"new\n"
    assert engine.containers.run(image, "env", remove=True, network="none").count(b"A=b\n") == 1

    files = files_of(changed.export(chunk_size=10_000))
    assert "etc/new" in files
    assert "www/index.html" not in files
    assert files["own"].mode == 0o700
    flat = engine.images.import_(changed.export(), "flat", changes='CMD ["cat", "/etc/new"]')
    assert len(flat.attrs["RootFS"]["Layers"]) == 1
    assert engine.containers.run("flat", remove=True, network="none") == b"new\n"
    with pytest.raises(InvalidInput, match="cannot commit to digest reference"):
        changed.commit("box", tag=image.id)


def test_a_half_read_export_leaves_nothing(engine: pallet.Engine, cli: PalletCLI) -> None:
    container = engine.containers.create("box")
    before = threading.active_count()
    stream = container.export(chunk_size=512)
    assert len(next(stream)) == 512
    stream.close()
    assert threading.active_count() == before
    assert cli.leaks() == []
    container.remove()
    with pytest.raises(NoSuchContainer):
        container.export()


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_web_server_is_reached_and_lives_on_in_images(engine: pallet.Engine) -> None:
    def page(container: pallet.Container) -> bytes:
        ports = container.ports["80/tcp"]
        assert ports is not None
        port = int(ports[0]["HostPort"])
        wait_until(lambda: accepts(port), "the server listens")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return bytes(answer.read())

    serve = ["httpd", "-f", "-h", "/www", "-p", "80"]
    port = free_port()
    web = engine.containers.run("box", serve, detach=True, ports={"80/tcp": port}, name="web")
    # Beside it is `::`, as docker has it.
    assert {"HostIp": "0.0.0.0", "HostPort": str(port)} in (web.ports["80/tcp"] or ())
    wanted = page(web)
    assert b"<" in wanted
    committed = web.commit("web", changes=f"CMD {serve}".replace("'", '"'))
    flat = engine.images.import_(web.export(), "web", tag="flat", changes=f"CMD {serve}".replace("'", '"'))
    web.remove(force=True)
    for image in (committed, flat):
        again = engine.containers.run(image, detach=True, remove=True, ports={80: ("127.0.0.1", None)})
        assert page(again) == wanted
        again.stop(timeout=0)
