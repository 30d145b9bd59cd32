"""Commands killed by SIGKILL at random moments: whatever is left is whole, can be worked with, and can be cleaned up.

PALLET_TORTURE is the number of rounds (`make torture`: 200), PALLET_TORTURE_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support import images, leaks, wait_until
from tests.support.images import Image
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer
from tests.support.session import Session
from tests.support.storefiles import unexplained

pytestmark = pytest.mark.root

_ROUNDS = int(os.environ.get("PALLET_TORTURE", "12"))
_SEED = int(os.environ.get("PALLET_TORTURE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
_SLEEP = f"9{os.getpid()}"  # seconds; tells this run's containers from all other processes


def _layer(seed: int, name: str, files: int = 40, size: int = 60_000) -> bytes:
    noise = random.Random(seed)  # noqa: S311
    entries = [images.directory(name)]
    entries += [images.entry(f"{name}/{number}", noise.randbytes(size)) for number in range(files)]
    return images.tar([*entries, images.entry(f"{name}/.wh.none"), images.hardlink(f"{name}/link", f"{name}/0")])


class Torture:
    """One store under torture, with the images that come and go in it."""

    def __init__(self, pallet: PalletCLI, registry: RegistryServer, busybox: Path, session: Session) -> None:
        self.pallet = pallet
        self.registry = registry
        self.session = session
        self.busybox = busybox
        self.chance = random.Random(_SEED)  # noqa: S311
        self.directory = pallet.root.parent
        base = busybox.read_bytes()
        sleep = {"Cmd": ["sleep", _SLEEP]}
        self.made: dict[str, Image] = {
            "kept": images.image([base], config=sleep),
            "shares": images.image([base, _layer(1, "one"), _layer(2, "two")], config=sleep),
            "apart": images.image([_layer(3, "low"), base, _layer(4, "low")], compression=("zstd", "gzip", "plain")),
        }
        for name, made in self.made.items():
            images.push(made, registry.url, f"torture/{name}", "1")
        pallet.ok("pull", "-q", self.name("kept"))
        script = "mkdir -p /new/dir; rm -r /www; cp /bin/busybox /new/; ln /new/busybox /new/link; echo changed >/etc/x"
        options = ["-l", "keep", "--network", "none"]
        pallet.ok("run", *options, "--name", "stopped", self.name("kept"), "sh", "-c", script)
        script += "; head -c 4000000 /dev/urandom >/new/noise; exec sleep 100000"
        pallet.ok("run", *options, "--name", "live", "-d", self.name("kept"), "sh", "-c", script)
        self.live = pallet.ok("inspect", "-f", "{{.State.Pid}}", "live")
        pallet.ok("pull", "-q", self.name("apart"))
        self.archive = self.directory / "archive.tar"
        pallet.ok("save", "-o", str(self.archive), self.name("apart"))
        self.before = leaks.take(session, (str(pallet.root), str(pallet.run_dir)))
        self.times: dict[str, float] = {}  # how long commands take, to kill them within that time

    def name(self, image: str) -> str:
        return f"{self.registry.host}/torture/{image}:1"

    def one_of(self, *words: str) -> str:
        return self.chance.choice(words)

    def drop(self, *names: str) -> None:
        """Removes images that may be there or not."""
        self.pallet("rmi", "-f", *(self.name(name) for name in names))

    def have(self, *names: str) -> None:
        for name in names:
            self.pallet.ok("pull", "-q", self.name(name))

    def kill(self, verb: str, *args: str) -> None:
        """Starts a command and kills it at a random moment, alone or with all its descendants."""
        limit = self.times.get(verb, 0.6)
        moment = self.chance.uniform(0.02, limit)
        whole = self.chance.random() < 0.5
        started = time.monotonic()
        process = subprocess.Popen(
            self.pallet.argv(*args),
            env=self.pallet.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=moment)
            # It was faster than the kill: next time the kill comes earlier.
            self.times[verb] = max(0.1, time.monotonic() - started)
        except subprocess.TimeoutExpired:
            self.times[verb] = limit * 1.05
            if whole:
                kill_with_descendants(process.pid)
            else:
                process.kill()
        process.wait()
        print(f"  {verb}: {moment:.3f} s of {limit:.3f}, {'tree' if whole else 'alone'}, exit {process.returncode}")

    def is_clean(self) -> None:
        """Every command works, the store is whole, nothing runs and nothing is mounted."""
        pallet = self.pallet
        for command in (["images", "-a"], ["ps", "-a"], ["system", "df"], ["info"]):
            pallet.ok(*command)
        listed = [id for id in pallet.ok("images", "-aq", "--no-trunc").split("\n") if id]
        if listed:
            pallet.ok("image", "inspect", *set(listed))
        containers = pallet.ok("ps", "-aq", "--no-trunc", "--filter", "name=^/?t-").split()
        if containers:
            pallet.ok("inspect", *containers)
            pallet.ok("rm", "-f", *containers)
        assert pallet.ok("system", "check") == ""
        roots = (str(pallet.root), str(pallet.run_dir))
        assert leaks.settled(self.session, roots, self.before) == []
        wait_until(lambda: not leaks.processes_naming(f"sleep {_SLEEP}"), "the containers' processes are gone")

    def sweep(self) -> None:
        """After `system prune` every file in the store belongs to a row."""
        self.pallet.ok("system", "prune", "-f", "--filter", "label!=keep")
        assert unexplained(self.pallet) == []

    def is_frozen(self) -> bool:
        """Whether the processes of the container that always runs are held."""
        return "State:\tD" in Path(f"/proc/{self.live}/status").read_text()

    def runs(self, image: str) -> None:
        assert self.pallet.ok("run", "--rm", "--network", "none", image, "echo", "alive") == "alive"


def kill_with_descendants(pid: int) -> None:
    """SIGKILL to a process and all that come from it, none of which can start another one meanwhile."""
    stopped: list[int] = []
    waiting = [pid]
    while waiting:
        each = waiting.pop()
        try:
            os.kill(each, signal.SIGSTOP)
        except ProcessLookupError:
            continue
        stopped.append(each)
        waiting += _children(each)
    for each in stopped:
        with suppress(ProcessLookupError):  # a worker goes with its parent
            os.kill(each, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, thread.read_text().split())
        except OSError:
            continue
    return found


def _pull(torture: Torture) -> None:
    image = torture.one_of("shares", "apart")
    torture.drop(image)
    torture.kill("pull", "pull", torture.name(image))
    done = torture.pallet.ok("pull", torture.name(image))
    made = torture.made[image]
    assert f"Digest: {made.manifest.digest}" in done
    assert torture.pallet.ok("image", "inspect", "-f", "{{.Id}}", torture.name(image)) == made.config.digest
    torture.runs(torture.name(image))


def _commit(torture: Torture) -> None:
    container = torture.one_of("stopped", "live")
    torture.kill("commit", "commit", container, "t-commit")
    id = torture.pallet.ok("commit", "-m", "again", container, "t-commit")
    wait_until(lambda: not torture.is_frozen(), "the container goes on")
    out = torture.pallet.ok("run", "--rm", "--network", "none", id, "cat", "/etc/x")
    assert out == "changed"
    assert torture.pallet("run", "--rm", "--network", "none", id, "ls", "/www").code == 1


def _import(torture: Torture) -> None:
    torture.kill("import", "import", str(torture.busybox), "t-import")
    torture.pallet.ok("import", str(torture.busybox), "t-import")
    torture.runs("t-import")


def _rmi(torture: Torture) -> None:
    image = torture.one_of("shares", "apart")
    torture.have(image)
    torture.kill("rmi", "rmi", torture.name(image))
    again = torture.pallet("rmi", torture.name(image))
    assert again.code == 0 or again.stderr == f"Error: No such image: {torture.name(image)}\n"
    assert torture.made[image].config.digest not in torture.pallet.ok("images", "-q", "--no-trunc")
    torture.have(image)
    torture.runs(torture.name(image))


def _load(torture: Torture) -> None:
    torture.drop("apart")
    torture.kill("load", "load", "-i", str(torture.archive))
    assert torture.pallet.ok("load", "-i", str(torture.archive)) == f"Loaded image: {torture.name('apart')}"
    found = torture.pallet.ok("image", "inspect", "-f", "{{.Id}}", torture.name("apart"))
    assert found == torture.made["apart"].config.digest


def _save(torture: Torture) -> None:
    torture.have("apart")
    folder = torture.directory / "saved"
    folder.mkdir(exist_ok=True)
    target = folder / "image.tar"
    target.unlink(missing_ok=True)
    torture.kill("save", "save", "-o", str(target), torture.name("apart"))
    # The name appears when the archive is whole, or not at all.
    assert not target.exists() or target.read_bytes() == torture.archive.read_bytes()
    torture.pallet.ok("save", "-o", str(target), torture.name("apart"))
    assert target.read_bytes() == torture.archive.read_bytes()


def _push(torture: Torture) -> None:
    torture.have("shares")
    target = f"{torture.registry.host}/torture/pushed-{torture.chance.randrange(1 << 32):x}:1"
    torture.pallet.ok("tag", torture.name("shares"), target)
    torture.kill("push", "push", target)
    done = torture.pallet.ok("push", target)
    digest = torture.made["shares"].manifest.digest
    assert f"1: digest: {digest} size: " in done
    repository = target.partition("/")[2].removesuffix(":1")
    kind = torture.made["shares"].manifest.media_type
    request = urllib.request.Request(f"{torture.registry.url}/v2/{repository}/manifests/1", headers={"Accept": kind})  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        assert answer.headers["Docker-Content-Digest"] == digest
    torture.pallet.ok("rmi", target)


def _pack(torture: Torture) -> None:
    """The first push of what was made here compresses it."""
    target = f"{torture.registry.host}/torture/packed:{torture.chance.randrange(1 << 32):x}"
    id = torture.pallet.ok("import", str(torture.busybox), target)
    torture.kill("first push", "push", "-q", target)
    torture.pallet.ok("push", "-q", target)
    assert torture.pallet.ok("image", "inspect", "-f", "{{.Id}} {{len .RepoDigests}}", target) == f"{id} 1"
    torture.runs(target)
    torture.pallet.ok("rmi", target)
    torture.pallet("rmi", "-f", "t-import")  # has the layer plain or packed: the next one begins anew
    torture.pallet.ok("pull", "-q", target)
    torture.runs(target)
    torture.pallet.ok("rmi", target)


def _run(torture: Torture) -> None:
    name = f"t-{torture.chance.randrange(1 << 32):x}"
    network = torture.one_of("bridge", "none", "host")
    image = torture.one_of("kept", "shares")
    if torture.chance.random() < 0.5:
        torture.drop("shares")
    mode = torture.chance.choice([["-d"], ["--rm"], []])
    command = ["sleep", _SLEEP] if torture.chance.random() < 0.5 else ["true"]
    torture.kill("run", "run", *mode, "--network", network, "--name", name, torture.name(image), *command)
    torture.runs(torture.name(image))


def _rm(torture: Torture) -> None:
    name = f"t-{torture.chance.randrange(1 << 32):x}"
    network = torture.one_of("bridge", "none")
    torture.pallet.ok("run", "-d", "--network", network, "--name", name, torture.name("kept"))
    torture.kill("rm", "rm", "-f", name)
    again = torture.pallet("rm", "-f", name)
    assert again.code == 0 or again.stderr == f"Error: No such container: {name}\n"
    assert name not in torture.pallet.ok("ps", "-a")


def _prune(torture: Torture) -> None:
    torture.have("apart")
    torture.pallet.ok("commit", "stopped")  # without a name: dangling
    torture.drop("apart")
    torture.kill("prune", "system", "prune", "-f", "--filter", "label!=keep")


def _check(torture: Torture) -> None:
    torture.kill("check", "system", "check")


_VERBS: tuple[Callable[[Torture], None], ...] = (
    *(_pull, _commit, _import, _rmi, _load, _run),
    *(_pack, _save, _push, _rm, _pull, _run, _check),
)


@pytest.fixture
def torture(pallet: PalletCLI, registry: RegistryServer, busybox_tar: Path, session: Session) -> Iterator[Torture]:
    yield Torture(pallet, registry, busybox_tar, session)


def test_torture_by_sigkill(torture: Torture) -> None:
    print(f"PALLET_TORTURE_SEED={_SEED}")
    for number in range(_ROUNDS):
        verb = _VERBS[number % len(_VERBS)]
        print(f"round {number}: {verb.__name__.strip('_')}", flush=True)
        verb(torture)
        torture.is_clean()
        if torture.chance.random() < 0.25:
            torture.sweep()
    torture.sweep()
    assert torture.pallet.ok("images", "-q", torture.name("kept")) != ""


def _together(pallet: PalletCLI, *commands: list[str]) -> list[tuple[int, str, str]]:
    """Starts commands at the same time and waits for all; exit code, output and errors of each."""
    started = [pallet.start(*command) for command in commands]
    ended = []
    for process in started:
        out, error = process.communicate(timeout=120)
        ended.append((process.returncode, out.decode(), error.decode()))
    return ended


def _all_or_one_error(ended: list[tuple[int, str, str]], *texts: str) -> None:
    """Each command has succeeded, or failed with one line that holds one of the texts."""
    for code, _, error in ended:
        assert code == 0 or (len(error.splitlines()) == 1 and any(text in error for text in texts)), (code, error)


_PAIRS = range(max(1, _ROUNDS // 40))


@pytest.mark.parametrize("number", _PAIRS)
def test_torture_pulls_at_the_same_time(torture: Torture, number: int) -> None:
    """Of images that share layers, and of the same image."""
    torture.drop("shares", "apart")
    torture.pallet.ok("rm", "-f", "stopped", "live")
    torture.drop("kept")
    names = [torture.name(name) for name in ("kept", "shares", "shares", "apart", "kept")]
    for code, out, error in _together(torture.pallet, *(["pull", name] for name in names)):
        assert (code, error) == (0, ""), out
    for name, made in torture.made.items():
        assert torture.pallet.ok("image", "inspect", "-f", "{{.Id}}", torture.name(name)) == made.config.digest
    torture.before = leaks.take(torture.session, (str(torture.pallet.root), str(torture.pallet.run_dir)))
    torture.is_clean()
    torture.sweep()


@pytest.mark.parametrize("number", _PAIRS)
def test_torture_pull_while_it_is_removed(torture: Torture, number: int) -> None:
    name = torture.name("apart")
    for _ in range(3):
        pull, removed, again = _together(torture.pallet, ["pull", name], ["rmi", name], ["rmi", "-f", name])
        assert pull[0] == 0, pull[2]
        _all_or_one_error([removed, again], "No such image")
        torture.is_clean()
        if torture.pallet("image", "inspect", name).code == 0:
            torture.runs(name)
    torture.sweep()


@pytest.mark.parametrize("number", _PAIRS)
def test_torture_pull_while_others_collect(torture: Torture, number: int) -> None:
    name = torture.name("apart")
    torture.drop("apart")
    prune = ["system", "prune", "-f", "--filter", "label!=keep"]
    for code, _, error in _together(torture.pallet, ["pull", name], prune, prune, ["image", "prune", "-f"]):
        assert (code, error) == (0, "")
    torture.runs(name)
    torture.is_clean()
    torture.sweep()


@pytest.mark.parametrize("number", _PAIRS)
def test_torture_loads_imports_and_commits_at_the_same_time(torture: Torture, number: int) -> None:
    torture.drop("apart")
    archive, tar = str(torture.archive), str(torture.busybox)
    commands = [
        *(["load", "-i", archive], ["load", "-i", archive]),
        *(["import", tar, "same:1"], ["import", tar, "same:1"]),
        *(["commit", "stopped", "same:2"], ["commit", "stopped", "same:2"]),
    ]
    ended = _together(torture.pallet, *commands)
    for code, _, error in ended:
        assert (code, error) == (0, "")
    # Both images are there; the name is with one of them.
    for tag, results in (("same:1", ended[2:4]), ("same:2", ended[4:6])):
        ids = {out.strip() for _, out, _ in results}
        assert torture.pallet.ok("image", "inspect", "-f", "{{.Id}}", tag) in ids
        for id in ids:
            torture.runs(id)
    found = torture.pallet.ok("image", "inspect", "-f", "{{.Id}}", torture.name("apart"))
    assert found == torture.made["apart"].config.digest
    torture.is_clean()
    torture.sweep()


@pytest.mark.parametrize("number", _PAIRS)
def test_torture_runs_while_the_image_goes(torture: Torture, number: int) -> None:
    """A container is made, or its image is gone: never a container without its layers."""
    name = torture.name("apart")
    for _ in range(3):
        torture.have("apart")
        command = [
            "run",
            "--name",
            f"t-{torture.chance.randrange(1 << 32):x}",
            "--network",
            "none",
            name,
            "echo",
            "alive",
        ]
        ran, removed = _together(torture.pallet, command, ["rmi", name])
        assert ran[:2] == (0, "alive\n"), ran  # pulled again if need be
        _all_or_one_error([removed], "must be forced", "must force", "cannot be forced")
        torture.is_clean()
    torture.sweep()


@pytest.mark.parametrize("number", _PAIRS)
def test_torture_one_name_for_two_containers(torture: Torture, number: int) -> None:
    name = f"t-{torture.chance.randrange(1 << 32):x}"
    command = ["run", "-d", "--network", "none", "--name", name, torture.name("kept")]
    ended = _together(torture.pallet, command, command, command)
    assert sorted(code for code, _, _ in ended) == [0, 125, 125], ended
    assert all("is already in use" in error for code, _, error in ended if code)
    removed = _together(torture.pallet, *(["rm", "-f", name] for _ in range(3)))
    _all_or_one_error(removed, "No such container", "is already in progress")
    torture.is_clean()
    torture.sweep()
