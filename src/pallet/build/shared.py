"""What the stages of one build share."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

from pallet.build.bases import Bases
from pallet.build.cache import LayerBook
from pallet.build.context import Context
from pallet.build.events import Cancel, Journal
from pallet.build.network import BuildNetwork
from pallet.build.options import BuildOptions
from pallet.build.record import StepRecord
from pallet.build.source import Tree
from pallet.build.state import State
from pallet.digest import Digest
from pallet.dockerfile.graph import Plan
from pallet.dockerfile.stages import Dockerfile
from pallet.engine import Engine
from pallet.layer.snapshots import Staging
from pallet.ops.times import now_ns
from pallet.platform import Platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from pallet.layer.unpack import Unpacker
    from pallet.runtime.oci_runtime import OciRuntime

_T = TypeVar("_T")
_SECOND = 1_000_000_000


class Shared:
    """One build's parts; a context that gives them back.

    Args:
        engine: whose store; the caller is inside `store.adding()`.
        options: what is asked for.
        context: the main context.
        journal: hears of steps.
    """

    def __init__(self, engine: Engine, options: BuildOptions, context: Context, journal: Journal) -> None:
        self.engine = engine
        self.options = options
        self.context = context
        self.journal = journal
        self.started = now_ns()
        self.cancel = Cancel()
        self.book = LayerBook(engine, lambda: self.unpacker)
        self.bases = Bases(engine, self.book, journal, self.cancel, refresh=options.pull)
        self.contexts: dict[str, Context] = {}
        self.agents: dict[str, str] = {}
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._unpacker: Unpacker | None = None
        self._runtime: OciRuntime | None = None
        self._copies: dict[tuple[str, str], str] = {}
        self.network = self._stack.enter_context(BuildNetwork())

    def __enter__(self) -> Shared:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.cancel_all(error)
        self._stack.close()
        self.book.close()

    def cancel_all(self, error: BaseException | None) -> None:
        """Stop what still goes on, if something failed, and wait for what is being packed."""
        if error is not None:
            self.cancel.set()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=error is not None and not isinstance(error, Exception))

    @property
    def unpacker(self) -> Unpacker:
        """The workers that unpack."""
        with self._lock:
            if self._unpacker is None:
                from pallet.layer.unpack import Unpacker

                workers = Unpacker(workers=max(2, os.cpu_count() or 1))
                self._unpacker = self._stack.enter_context(workers)
            return self._unpacker

    @property
    def runtime(self) -> OciRuntime:
        """The OCI runtime. Raises HostError if there is none."""
        with self._lock:
            if self._runtime is None:
                from pallet.build.sandbox import sweep
                from pallet.runtime.oci_runtime import find_runtime

                settings = self.engine.settings
                root = f"{settings.run_dir}/runtime"
                os.makedirs(root, 0o700, exist_ok=True)
                self._runtime = find_runtime(settings.runtime, root)
                sweep(self._runtime)
            return self._runtime

    def staging(self) -> Staging:
        """A directory that goes with the build."""
        staging = self.engine.snapshots.stage()
        self._stack.callback(staging.discard)
        return staging

    def start_agents(self) -> None:
        """Have the agents of --ssh; those of keys are started. Call it in the thread that waits for the build.

        Raises:
            InvalidInput: a key that is none.
        """
        for id, value in self.options.ssh.items():
            if stat.S_ISSOCK(os.stat(value.partition(",")[0]).st_mode):
                self.agents[id] = value
            else:
                from pallet.build.agent import key_agent

                place = self.staging().path
                self.agents[id] = self._stack.enter_context(key_agent(place, value.split(",")))

    def opened(self, context: Context) -> Context:
        """Close a context with the build."""
        return self._stack.enter_context(context)

    def later(self, work: Callable[[], _T]) -> Future[_T]:
        """Do something beside the build's steps."""
        with self._lock:
            if self._pool is None:
                from concurrent.futures import ThreadPoolExecutor

                self._pool = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 1), thread_name_prefix="pack")
            pool = self._pool
        return pool.submit(work)

    def copy_of(self, name: str, path: str, make: Callable[[str], None]) -> str:
        """A copy of a part of a context, for RUN to mount, made once: its directory.

        Args:
            name: the context's, "" for the main one.
            path: which part.
            make: fills an empty directory.
        """
        with self._lock:
            if (name, path) not in self._copies:
                staging = self.staging()
                make(staging.fs)
                self._copies[name, path] = staging.fs
            return self._copies[name, path]

    def tree_of(self, name: str) -> Tree:
        """The files of a context, by its name; "" for the main one."""
        return (self.contexts[name] if name else self.context).tree()

    def now(self) -> int:
        """The time of what is made, in nanoseconds since 1970."""
        return now_ns() if self.options.epoch is None else self.options.epoch * _SECOND

    @property
    def file_time(self) -> int:
        """The time of files that come from nowhere (heredocs), in nanoseconds since 1970."""
        return (self.options.epoch or 0) * _SECOND


class Work:
    """A Dockerfile with its plan for one platform, and what its stages leave to be told of.

    Args:
        dockerfile: it.
        plan: which stages are needed, and what for.
        variables: those that FROM may use.
        platform: what is built for.
    """

    def __init__(self, dockerfile: Dockerfile, plan: Plan, variables: dict[str, str], platform: Platform) -> None:
        self.dockerfile = dockerfile
        self.plan = plan
        self.variables = variables
        self.platform = platform
        self.images: list[tuple[str, Platform, Digest]] = []  # name, platform, digest in its registry, else here
        self.fetched: list[tuple[str, str, str]] = []  # address, algorithm, digest in hex
        self.steps: list[StepRecord] = []
        self.states: dict[int, State] = {}  # of the stages that are done
