"""Many containers at once, and much output: all are accounted for, and no byte is lost.

`make torture` starts fifty; PALLET_LARGE=1 writes a gigabyte.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from pathlib import Path

import pytest
from tests.integration.containers.moments import run_files, wait_for_attached
from tests.support import leaks, need, wait_until
from tests.support.pallet import PalletCLI
from tests.support.session import Session

pytestmark = pytest.mark.root

_MANY = 50 if int(os.environ.get("PALLET_TORTURE", "0")) >= 200 else 12
_BYTES = 1 << 30 if os.environ.get("PALLET_LARGE") else 30_000_000
_LINE = 200  # bytes  # one says which it is, so that none is lost, twice there or out of order unnoticed


def _all(box: PalletCLI, *commands: list[str]) -> list[bytes]:
    """Start commands at the same time; what each printed, all of them having succeeded."""
    started = [box.start(*command) for command in commands]
    ended = [process.communicate(timeout=200) for process in started]
    for process, (_, error) in zip(started, ended, strict=True):
        assert process.returncode == 0, error.decode()
    return [out for out, _ in ended]


def test_many_are_started_and_stopped_at_once(box: PalletCLI, session: Session) -> None:
    need("netavark")
    roots = (str(box.root), str(box.run_dir))
    before = leaks.take(session, roots)
    names = [f"n{number}" for number in range(_MANY)]
    ids = _all(box, *(["run", "-d", "--name", name, "box", "sleep", "1000"] for name in names))
    assert len({id.strip() for id in ids}) == _MANY
    assert sorted(box.ok("ps", "--format", "{{.Names}}").split()) == sorted(names)
    addresses = box.ok("inspect", "-f", "{{.NetworkSettings.IPAddress}} {{.State.Status}}", *names).splitlines()
    assert len(set(addresses)) == _MANY
    assert all(line.endswith(" running") for line in addresses)
    _all(box, *(["stop", "-t", "0", name] for name in names))
    states = box.ok("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", *names).splitlines()
    assert set(states) == {"exited 137"} and len(states) == _MANY
    _all(box, *(["rm", name] for name in names))
    assert box.ok("ps", "-aq") == ""
    assert leaks.settled(session, roots, before) == []
    wait_until(lambda: box.leaks() == [], "nothing is left")
    wait_until(lambda: run_files(box) == [], "no file of it is left")


def _write(path: Path) -> bytes:
    """Writes what the container will write; the digest."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for first in range(0, _BYTES // _LINE, 10_000):
            lines = b"".join(b"%0*d\n" % (_LINE - 1, i) for i in range(first, first + 10_000))
            digest.update(lines)
            file.write(lines)
    return digest.digest()


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def test_much_output_is_whole_for_all_who_read(box: PalletCLI, tmp_path: Path) -> None:
    text = tmp_path / "text"
    digest, size = _write(text), text.stat().st_size
    flags = ["-d", "-i", "--network", "none", "-v", f"{text}:/text:ro"]
    box.ok("run", *flags, "--name", "big", "box", "sh", "-c", "read go; cat /text")
    follow = box.argv("events", "--since", "10m", "-f", "container=big", "--format", "{{.Action}}")
    events = subprocess.Popen(follow, env=box.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    readers = []
    for verb in (["logs", "-f", "big"], ["attach", "--no-stdin", "big"]):
        with (tmp_path / verb[0]).open("wb") as out:
            readers.append(subprocess.Popen(box.argv(*verb), env=box.env, stdin=subprocess.DEVNULL, stdout=out))
    wait_for_attached(box, "big", 1)
    started = time.monotonic()
    with (tmp_path / "own").open("wb") as out:
        own = subprocess.Popen(box.argv("attach", "big"), env=box.env, stdin=subprocess.PIPE, stdout=out)
        own.communicate(b"go\n", timeout=240)
    seconds = time.monotonic() - started
    for reader in readers:
        assert reader.wait(timeout=240) == 0
    print(f"{size / 1e6 / seconds:.1f} MB/s with three readers")
    for name in ("own", "attach", "logs"):
        assert _digest(tmp_path / name) == digest, name
        (tmp_path / name).unlink()
    started = time.monotonic()
    with (tmp_path / "later").open("wb") as out:
        subprocess.run(box.argv("logs", "big"), env=box.env, check=True, stdout=out)
    print(f"logs afterwards: {size / 1e6 / (time.monotonic() - started):.1f} MB/s")
    assert _digest(tmp_path / "later") == digest
    (tmp_path / "later").unlink()
    text.unlink()
    box.ok("rm", "big")
    assert events.stdout is not None
    for action in (b"create", b"start", b"attach", b"attach", b"die", b"destroy"):
        assert events.stdout.readline().strip() == action
    events.terminate()
    events.communicate(timeout=20)
