"""Containers under torture: any process of pallet's, and conmon, killed by SIGKILL at random moments of any verb.

After each round every container runs and can be worked with, or does not run and says so; in the end nothing is left.
PALLET_TORTURE is the number of rounds (`make torture`: 200), PALLET_TORTURE_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.integration.test_torture import kill_with_descendants
from tests.support import leaks, need, wait_until
from tests.support.leaks import processes_naming
from tests.support.pallet import PalletCLI
from tests.support.session import Session

pytestmark = pytest.mark.root

_ROUNDS = int(os.environ.get("PALLET_TORTURE", "5"))
_SEED = int(os.environ.get("PALLET_TORTURE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
_SLEEP = f"8{os.getpid()}"  # seconds; tells this run's containers from all other processes
_CHECK = ("--health-cmd", "true", "--health-interval", "300ms")
_MOST = 4  # containers at a time


class State(msgspec.Struct, frozen=True, rename="pascal"):
    """What `inspect` says of a container's state."""

    status: str
    pid: int
    running: bool
    exit_code: int


class RestartPolicy(msgspec.Struct, frozen=True, rename="pascal"):
    name: str


class HostConfig(msgspec.Struct, frozen=True, rename="pascal"):
    auto_remove: bool
    restart_policy: RestartPolicy


class Seen(msgspec.Struct, frozen=True, rename="pascal"):
    """What `inspect` says of a container, at one moment."""

    id: str
    path: str
    state: State
    host_config: HostConfig


class Torture:
    """One store under torture."""

    def __init__(self, pallet: PalletCLI, session: Session) -> None:
        self.pallet = pallet
        self.session = session
        self.chance = random.Random(_SEED)  # noqa: S311
        self.roots = (str(pallet.root), str(pallet.run_dir))
        self.before = leaks.take(session, self.roots)
        self.times: dict[str, float] = {}  # how long commands take, to kill them within that time
        self.count = 0
        self.ids: set[str] = set()  # of all containers that were seen

    def fresh(self) -> str:
        self.count += 1
        return f"t-{self.count}"

    def names(self) -> list[str]:
        return self.pallet.ok("ps", "-a", "--format", "{{.Names}}").split()

    def look(self) -> dict[str, Seen]:
        """All that are there, but for those that go of themselves (`--rm`) meanwhile."""
        return {name: seen for name in self.names() if (seen := self.seen(name)) is not None}

    def seen(self, name: str) -> Seen | None:
        """A container; None if it is gone."""
        done = self.pallet("inspect", "-f", "{{json .}}", name)
        if done.code:
            assert name not in self.names(), done.stderr
            return None
        return msgspec.json.decode(done.raw, type=Seen)

    def status(self, name: str) -> str:
        seen = self.seen(name)
        return seen.state.status if seen is not None else "gone"

    def pid(self, name: str) -> int:
        seen = self.seen(name)
        return seen.state.pid if seen is not None else 0

    def remove(self, names: list[str]) -> None:
        if names:
            self.pallet("rm", "-f", *names)  # some may have gone of themselves
            assert not set(names) & set(self.names())

    def run(self, *flags: str) -> str:
        """A container that runs till it is stopped."""
        name = self.fresh()
        network = self.chance.choice(["bridge", "none"])
        self.pallet.ok("run", "-d", "--network", network, "--name", name, *flags, "box", "sleep", _SLEEP)
        return name

    def running(self) -> str:
        """The name of a container that runs."""
        found = [name for name, seen in self.look().items() if seen.state.status == "running" and seen.path == "sleep"]
        return self.chance.choice(found) if found else self.run()

    def kill(self, verb: str, *args: str) -> None:
        """Start a command, and at a random moment kill it, or it and all its descendants, or anything of this store."""
        whom = self.chance.choice(["alone", "tree", "any"])
        limit = self.times.get(verb, 0.4)
        moment = self.chance.uniform(0.01, limit)
        print(f"  {' '.join(args)}: {whom} after {moment:.3f} s", flush=True)
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
            self.times[verb] = max(0.1, time.monotonic() - started)
        except subprocess.TimeoutExpired:
            self.times[verb] = limit * 1.1
        if whom == "any":
            self.kill_any()
        if whom == "tree" and process.poll() is None:
            kill_with_descendants(process.pid)
        process.kill()
        process.wait()

    def kill_any(self) -> None:
        """Kill a conmon, supervisor, exit command or runtime of this store."""
        found = [pid for pid, command in processes_naming(*self.roots).items() if f"sleep {_SLEEP}" not in command]
        if found:
            victim = self.chance.choice(sorted(found))
            print(f"    killed: {processes_naming(*self.roots).get(victim, '')[:60]}", flush=True)
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                return

    def is_true(self) -> None:
        """What is said of each container is so."""
        self.ids |= set(self.pallet.ok("ps", "-aq", "--no-trunc").split())
        for name, seen in self.look().items():
            print(f"    {name}: {seen.state}", flush=True)
            if seen.state.status == "paused":
                self.pallet.ok("unpause", name)
                seen = self.seen(name) or seen
            state = seen.state
            if state.status == "running":
                assert Path(f"/proc/{state.pid}").exists() or self.pid(name) != state.pid
                said = self.pallet("exec", name, "echo", "alive")
                if said.stdout != "alive\n":  # it was just ending, by itself or of the last round's signal
                    print(f"    {name}: {said.stderr.strip()}", flush=True)
                    wait_until(lambda old=state.pid, name=name: self.pid(name) != old, f"{name} has ended")  # type: ignore[misc]
            elif state.status in ("exited", "created"):
                assert not state.running
                if seen.host_config.restart_policy.name not in ("", "no"):
                    continue  # our look may just have had it started again
                wait_until(lambda id=seen.id: not processes_naming(f"--cid {id}"), f"{name} has no conmon")  # type: ignore[misc]
                assert self.pallet("exec", name, "true").code == 1
            else:
                assert state.status == "restarting", state

    def is_controlled(self) -> None:
        """One of them is stopped, and started again."""
        names = self.names()
        if not names:
            return
        name = self.chance.choice(names)
        before = self.seen(name)
        stopped = self.pallet("stop", "-t", "0", name)
        if before is None or (before.host_config.auto_remove and before.state.status != "created"):
            wait_until(lambda: name not in self.names(), f"{name} is removed, as --rm has it")
        else:
            assert stopped.code == 0, stopped.stderr
            self.is_started_again(name)
        self.remove(names[_MOST:])

    def is_started_again(self, name: str) -> None:
        """One that does not run is, and runs then."""
        stopped = self.seen(name)
        assert stopped is not None
        assert stopped.state.status in ("exited", "created")
        self.pallet.ok("start", name)
        if stopped.path == "sleep":  # others end by themselves
            assert self.status(name) == "running"

    def ends(self) -> None:
        """All is removed; nothing is left."""
        pallet = self.pallet
        self.remove(self.names())
        pallet.ok("system", "prune", "-f", "--volumes")
        assert leaks.settled(self.session, self.roots, self.before) == []
        wait_until(lambda: not processes_naming(f"sleep {_SLEEP}", *self.roots), "all processes are gone")
        assert pallet.ok("system", "check") == ""
        assert list((pallet.root / "containers").iterdir()) == []
        assert [path.name for path in pallet.run_dir.iterdir()] in ([], ["runtime"])
        assert list(pallet.run_dir.glob("runtime/*")) == []
        assert leaks.control_groups(lambda name: name in self.ids) == []
        assert pallet.ok("volume", "ls", "-q") == ""
        assert pallet.ok("network", "ls", "-q", "--filter", "type=custom") == ""


def _create(torture: Torture) -> None:
    torture.kill("create", "create", "--name", torture.fresh(), "-v", "/data", "box", "sleep", _SLEEP)


def _run(torture: Torture) -> None:
    mode = torture.chance.choice([["-d"], ["--rm"], [], ["--rm", "-d"]])
    network = torture.chance.choice(["bridge", "none", "host"])
    command = torture.chance.choice([["sleep", _SLEEP], ["true"]])
    torture.kill("run", "run", *mode, "--network", network, "--name", torture.fresh(), "box", *command)


def _supervised(torture: Torture) -> None:
    flags = torture.chance.choice([["--restart", "always"], ["--restart", "on-failure:3"], [*_CHECK]])
    command = torture.chance.choice(
        [["sleep", _SLEEP], ["sh", "-c", f"sleep 0.2; test -e /x || exit 3; sleep {_SLEEP}"]]
    )
    name = torture.fresh()
    torture.kill("supervised", "run", "-d", *flags, "--network", "none", "--name", name, "box", *command)
    time.sleep(torture.chance.uniform(0, 0.3))
    torture.kill_any()


def _start(torture: Torture) -> None:
    name = torture.fresh()
    torture.pallet.ok("create", "--name", name, "box", "sleep", _SLEEP)
    torture.kill("start", "start", name)


def _of_running(verb: str, *flags: str) -> Callable[[Torture], None]:
    def round(torture: Torture) -> None:
        torture.kill(verb, verb, *flags, torture.running())

    round.__name__ = verb
    return round


def _unpause(torture: Torture) -> None:
    name = torture.running()
    torture.pallet.ok("pause", name)
    torture.kill("unpause", "unpause", name)


def _exec(torture: Torture) -> None:
    torture.kill("exec", "exec", torture.running(), "sh", "-c", "echo begun; sleep 0.2")
    torture.kill("exec -d", "exec", "-d", torture.running(), "sh", "-c", "sleep 0.2")


def _cp(torture: Torture) -> None:
    torture.kill("cp", "cp", f"{torture.running()}:/bin", str(torture.pallet.home / "bin"))
    torture.kill("cp", "cp", __file__, f"{torture.running()}:/tmp/")


def _commit(torture: Torture) -> None:
    name = torture.running()
    torture.pallet.ok("exec", name, "sh", "-c", "head -c 3000000 /dev/urandom >/noise")
    torture.kill("commit", "commit", name, "made")
    assert torture.status(name) in ("running", "exited")  # the guard, or we, have let it go on


def _logs(torture: Torture) -> None:
    name = torture.fresh()
    script = f"seq 1 3000; sleep {_SLEEP}"
    torture.pallet.ok("run", "-d", "--network", "none", "--name", name, "box", "sh", "-c", script)
    torture.kill("logs", "logs", "-f", name)


def _network(torture: Torture) -> None:
    name = torture.running()
    torture.pallet("network", "create", "t-net")
    torture.kill("connect", "network", "connect", "t-net", name)
    torture.pallet("network", "disconnect", "-f", "t-net", name)
    torture.kill("network rm", "network", "rm", "t-net")
    torture.kill("network create", "network", "create", torture.fresh())


def _volume(torture: Torture) -> None:
    name = torture.fresh()
    torture.kill("volume create", "volume", "create", name)
    torture.kill("volume run", "run", "-d", "-v", f"{name}:/www", "--network", "none", "box", "sleep", _SLEEP)
    torture.kill("volume rm", "volume", "rm", name)


_VERBS: tuple[Callable[[Torture], None], ...] = (
    *(_run, _start, _supervised, _of_running("stop", "-t", "1"), _commit),
    *(_of_running("restart", "-t", "0"), _run, _of_running("rm", "-f"), _exec, _unpause),
    *(_create, _of_running("kill"), _network, _of_running("pause"), _cp),
    *(_volume, _logs, _of_running("attach", "--no-stdin"), _supervised, _start),
)


def test_torture_of_containers(box: PalletCLI, session: Session) -> None:
    need("netavark")
    print(f"PALLET_TORTURE_SEED={_SEED}")
    torture = Torture(box, session)
    for number in range(_ROUNDS):
        # The short form takes other verbs each time.
        verb = _VERBS[number % len(_VERBS)] if len(_VERBS) <= _ROUNDS else torture.chance.choice(_VERBS)
        print(f"round {number}: {verb.__name__.strip('_')}", flush=True)
        verb(torture)
        torture.is_true()
        if torture.chance.random() < 0.3:
            torture.is_controlled()
    torture.ends()
