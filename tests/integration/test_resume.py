"""Interrupted pulls: what arrived is kept, and the next pull asks for the rest only."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest
from tests.support import images, wait_until
from tests.support.faulty import Fault, FaultyRegistry, Request
from tests.support.gate import Gate
from tests.support.images import Image
from tests.support.pallet import Output, PalletCLI
from tests.support.registry import RegistryServer

pytestmark = pytest.mark.root

_SMALL = 50_000
_LARGE = 3_000_000
_LATER = 700_000  # bytes of the large layer that arrive before it is interrupted


@pytest.fixture(scope="module")
def made() -> Image:
    """A small layer, and a large one that does not compress."""
    noise = random.Random(1)  # noqa: S311
    layers = [
        images.tar([images.directory("etc"), images.entry("etc/small", noise.randbytes(_SMALL))]),
        images.tar([images.entry("large", noise.randbytes(_LARGE))]),
    ]
    return images.image(layers)


def _kept(pallet: PalletCLI, digest: str) -> int:
    """Bytes of an unfinished blob that are in the store."""
    try:
        return (pallet.root / "ingest" / digest.removeprefix("sha256:")).stat().st_size
    except FileNotFoundError:
        return 0


def _is_here(pallet: PalletCLI, digest: str) -> bool:
    return (pallet.root / "blobs/sha256" / digest.removeprefix("sha256:")).exists()


def _start(request: Request) -> int:
    """The first byte that a request asks for."""
    found = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", "bytes=0-"))
    assert found is not None, request.headers
    return int(found[1])


def _blob_requests(registry: FaultyRegistry, digest: str) -> list[int]:
    return [_start(request) for request in registry.asked(f"/blobs/{digest}", "GET")]


def _assert_pulled(pallet: PalletCLI, name: str, done: Output, made: Image) -> None:
    """It succeeded, by the registry's digest, and the store is as one without any interruption."""
    assert done.code == 0, done.stderr
    assert f"Digest: {made.manifest.digest}" in done.lines
    assert f"Status: Downloaded newer image for {name}" in done.lines
    assert pallet.ok("image", "inspect", "-f", "{{.Id}}", name) == made.config.digest
    # CHECK
    assert os.listdir(pallet.root / "ingest") == []


def _stalled(registry: FaultyRegistry, pallet: PalletCLI, made: Image, name: str) -> subprocess.Popen[bytes]:
    """A pull whose small layer is here and whose large one hangs in its middle."""
    large = made.layers[1].digest
    registry.fault(large, Fault(drop_after=_LATER, stall=60))
    process = pallet.start("pull", name)
    try:
        wait_until(lambda: _is_here(pallet, made.layers[0].digest), "the small layer is here")
        # What is held in a read buffer when the process dies is lost: less than one chunk.
        wait_until(lambda: _kept(pallet, large) > _LATER // 2, "half of the large layer is here")
    except BaseException:
        process.kill()
        process.communicate()
        raise
    return process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_killed_pull_goes_on(pallet: PalletCLI, made: Image, number: signal.Signals) -> None:
    with FaultyRegistry() as registry:
        registry.add("app", made, "1")
        name = f"{registry.host}/app:1"
        process = _stalled(registry, pallet, made, name)
        process.send_signal(number)
        try:
            _, error = process.communicate(timeout=20)  # the server is silent for much longer
        finally:
            process.kill()
        assert error == b""
        assert process.returncode == (130 if number == signal.SIGINT else -number)

        assert pallet.ok("images", "-q") == ""
        small, large = (layer.digest for layer in made.layers)
        kept = _kept(pallet, large)
        assert kept > _LATER // 2
        _assert_pulled(pallet, name, pallet("pull", name), made)
        assert _blob_requests(registry, large) == [0, kept]
        assert _blob_requests(registry, small) == [0]


def test_an_interrupted_terminal_is_left_clean(pallet: PalletCLI, made: Image) -> None:
    with FaultyRegistry() as registry:
        registry.add("app", made, "1")
        large = made.layers[1].digest
        registry.fault(large, Fault(drop_after=_LATER, stall=60))
        command = pallet.argv("pull", f"{registry.host}/app:1")
        terminal = pexpect.spawn(command[0], command[1:], env=pallet.env, dimensions=(24, 100), timeout=5)
        with terminal:
            before = termios.tcgetattr(terminal.child_fd)
            terminal.expect_exact("Downloading")
            wait_until(lambda: _kept(pallet, large) > _LATER // 2, "half of the large layer is here")
            terminal.sendintr()
            terminal.expect(pexpect.EOF)
            drawn = terminal.before or b""
            assert termios.tcgetattr(terminal.child_fd) == before
            terminal.wait()
        assert (terminal.exitstatus, terminal.signalstatus) == (130, None)
        assert b"Traceback" not in drawn and b"rror" not in drawn
        # The cursor is below all bars, at the start of a line; nothing hides it or colours what comes.
        assert re.search(rb"(\r\n|\x1b\[\d+B)(\^C)?\Z", drawn), drawn[-200:]
        assert b"\x1b[?" not in drawn
        kept = _kept(pallet, large)
        assert kept > 0
        pallet.ok("pull", f"{registry.host}/app:1")
        assert _blob_requests(registry, large) == [0, kept]


def test_a_line_that_keeps_breaking(pallet: PalletCLI, made: Image) -> None:
    """The pull gives up after a while; each attempt, and the next pull, went on where the last one broke off."""
    small, large = (layer.digest for layer in made.layers)
    with FaultyRegistry() as registry:
        registry.add("app", made, "1")
        name = f"{registry.host}/app:1"
        registry.fault(large, Fault(drop_after=300_000), times=5)
        done = pallet("pull", name)
        assert done.code == 1
        assert len(done.stderr.splitlines()) == 1 and "Traceback" not in done.stderr
        first = _blob_requests(registry, large)
        assert len(first) == 5 and first == sorted(set(first)) and first[0] == 0
        kept = _kept(pallet, large)
        assert kept > first[-1]
        _assert_pulled(pallet, name, pallet("pull", name), made)
        assert _blob_requests(registry, large) == [*first, kept]
        assert _blob_requests(registry, small) == [0]


@pytest.mark.parametrize(
    "fault", [Fault(no_range=True), Fault(wrong_range=True), Fault(status=416)], ids=["no-range", "wrong-range", "416"]
)
def test_servers_that_cannot_give_the_rest(pallet: PalletCLI, made: Image, fault: Fault) -> None:
    """A server without ranges sends all of it again; none of the answers makes a wrong blob."""
    large = made.layers[1].digest
    with FaultyRegistry() as registry:
        registry.add("app", made, "1")
        name = f"{registry.host}/app:1"
        process = _stalled(registry, pallet, made, name)
        process.kill()
        process.communicate()
        registry.fault(large, fault, times=1)
        done = pallet("pull", name)
        if fault.status == 416:
            assert done.code == 1 and len(done.stderr.splitlines()) == 1, done.stderr
            done = pallet("pull", name)
        _assert_pulled(pallet, name, done, made)


def test_a_partial_that_is_wrong_is_fetched_again(pallet: PalletCLI, made: Image) -> None:
    """What was kept is only trusted as far as the digest of the whole proves it."""
    large = made.layers[1].digest
    with FaultyRegistry() as registry:
        registry.add("app", made, "1")
        name = f"{registry.host}/app:1"
        process = _stalled(registry, pallet, made, name)
        process.kill()
        process.communicate()
        with (pallet.root / "ingest" / large.removeprefix("sha256:")).open("r+b") as file:
            file.seek(1000)
            file.write(b"damaged")
        done = pallet("pull", name)
        if done.code:  # finding it out may take one pull, but not two
            assert len(done.stderr.splitlines()) == 1 and pallet.ok("images", "-q") == ""
            done = pallet("pull", name)
        _assert_pulled(pallet, name, done, made)


@pytest.fixture(scope="module")
def in_registry(registry: RegistryServer, made: Image) -> str:
    images.push(made, registry.url, "resume/app", "1")
    return "resume/app:1"


def _while_pulling(pallet: PalletCLI, gate: Gate, name: str, after: int, act: Callable[[], None]) -> Output:
    """Pulls, and does something once so many bytes have passed."""

    def wait_and_act() -> None:
        wait_until(lambda: gate.passed >= after, "bytes pass", seconds=30)
        act()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    try:
        return pallet("pull", name)
    finally:
        thread.join()


def test_a_registry_that_is_started_again_meanwhile(
    pallet: PalletCLI, made: Image, registry: RegistryServer, in_registry: str
) -> None:
    with Gate(registry.host, speed=4_000_000) as gate:
        name = f"{gate.host}/{in_registry}"

        def restart() -> None:
            gate.shut()
            time.sleep(0.3)
            gate.open()

        done = _while_pulling(pallet, gate, name, 1_500_000, restart)
        passed = gate.passed
    _assert_pulled(pallet, name, done, made)
    assert passed < _LARGE + 1_200_000  # not all of it twice


def test_a_registry_that_is_down_until_the_next_pull(
    pallet: PalletCLI, made: Image, registry: RegistryServer, in_registry: str
) -> None:
    with Gate(registry.host, speed=4_000_000) as gate:
        name = f"{gate.host}/{in_registry}"
        done = _while_pulling(pallet, gate, name, 1_500_000, gate.shut)
        assert done.code == 1 and len(done.stderr.splitlines()) == 1, done.stderr
        kept = _kept(pallet, made.layers[1].digest)
        assert kept > 0
        refused = pallet("pull", name)
        assert refused.code == 1 and "connection refused" in refused.stderr
        assert _kept(pallet, made.layers[1].digest) == kept
        gate.open()
        gate.speed = None
        before = gate.passed
        _assert_pulled(pallet, name, pallet("pull", name), made)
        assert gate.passed - before < _LARGE + 20_000 - kept
    _remains_whole(pallet, made)


def _remains_whole(pallet: PalletCLI, made: Image) -> None:
    for blob in (made.manifest, made.config, *made.layers):
        path: Path = pallet.root / "blobs/sha256" / blob.digest.removeprefix("sha256:")
        assert path.read_bytes() == blob.data
