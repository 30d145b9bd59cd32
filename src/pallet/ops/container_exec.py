"""`docker exec`: one more process in a running container.

What all its processes have in common (capabilities, limits, filters) is read from the description that the container
was started with, in the database's own JSON functions: an import of a JSON library takes longer than the rest.
"""

from __future__ import annotations

import os

from pallet.errors import Conflict, HostError, InvalidInput, PalletError
from pallet.host.cgroups import expect_move
from pallet.ops.container_state import current
from pallet.ops.exec_ends import record_exec_end
from pallet.runtime.exec_notes import exec_note
from pallet.runtime.exec_process import ExecProcess, describe
from pallet.runtime.oci_runtime import find_runtime
from pallet.runtime.paths import ContainerPaths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.engine import Engine

_LIKE = (
    "SELECT json_remove(json_extract(?1, '$.process'), '$.args', '$.env', '$.cwd', '$.terminal', '$.consoleSize'),"
    " json_extract(?1, '$.process.cwd')"
)
_ENV = "SELECT value FROM json_each(?, '$.process.env')"


class ExecOptions:
    """What the user asks for; the words are docker's flags.

    Args:
        argv: the program and its arguments.
        env: `NAME=value`; a bare `NAME` takes the variable away.
        user: `name|uid[:group|gid]`; empty for the container's.
        working_dir: empty for the container's.
        privileged: with all capabilities.
        tty: with a terminal.
    """

    __slots__ = ("argv", "env", "privileged", "tty", "user", "working_dir")

    def __init__(
        self,
        argv: tuple[str, ...],
        *,
        env: tuple[str, ...] = (),
        user: str = "",
        working_dir: str = "",
        privileged: bool = False,
        tty: bool = False,
    ) -> None:
        self.argv = argv
        self.env = env
        self.user = user
        self.working_dir = working_dir
        self.privileged = privileged
        self.tty = tty


def exec_attached(
    engine: Engine,
    name: str,
    options: ExecOptions,
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    detach_keys: bytes = b"",
) -> int | None:
    """Run a process in a container, with its streams connected, to its end.

    Args:
        engine: whose store.
        name: the container's name, id or id prefix.
        options: what runs.
        stdin: an open file to read its standard input from, or None.
        stdout: an open file for its output, or None; with a terminal, for all it shows.
        stderr: an open file for its errors, or None.
        detach_keys: what detaches when typed into its terminal.

    Returns:
        Its exit code; None if the user detached.

    Raises:
        NoSuchContainer: there is none.
        Conflict: it does not run, or is paused.
        RuntimeFailed: the process cannot be started: docker's text and exit code.
        BrokenPipeError: nobody reads what it writes.
    """
    prepared = _Prepared(engine, name, options)
    if options.tty:
        return prepared.tell_of_end(prepared.converse(-1 if stdin is None else stdin, stdout, detach_keys))
    from pallet.runtime.exec_streams import ExecPipes, pass_on

    with ExecPipes(stdin=stdin is not None) as pipes:
        assert pipes.given is not None
        process = prepared.begin(pipes.given)
        pipes.release()
        try:
            pass_on(process, pipes, -1 if stdin is None else stdin, stdout, stderr)
        except BaseException:
            process.leave()
            raise
        return prepared.tell_of_end(process.wait(options.argv[0], prepared.cwd))


def exec_detached(engine: Engine, name: str, options: ExecOptions) -> None:
    """Start a process in a container and leave it running.

    Raises:
        As `exec_attached`.
    """
    _Prepared(engine, name, options).leave_running()


def begin_exec(
    engine: Engine, name: str, options: ExecOptions, streams: tuple[int, int, int]
) -> tuple[ExecProcess, str]:
    """Start a process in a container, for a caller who waits for it and records its end.

    Args:
        engine: whose store.
        name: the container's name, id or id prefix.
        options: what runs.
        streams: open files for its standard input, output and errors.

    Returns:
        The process, and what names it for `record_exec_end`.

    Raises:
        As `exec_attached`, but for a process that cannot be started: waiting for it tells.
    """
    prepared = _Prepared(engine, name, options)
    return prepared.begin(streams), prepared.exec_id


class _Prepared:
    """All that is known before the process is started."""

    def __init__(self, engine: Engine, name: str, options: ExecOptions) -> None:
        if not options.argv:
            raise InvalidInput("No exec command specified")
        expect_move()
        id = engine.store.containers.find_id(name)
        brief, now = current(engine, id)
        if not now.running:
            raise Conflict(f"Container {id} is not running")
        if now.name == "paused":
            raise Conflict(f"Container {name} is paused, unpause the container before exec")
        self._id = id
        self.exec_id = os.urandom(32).hex()
        self._engine = engine
        self._pid = brief.pid
        self._options = options
        self._paths = ContainerPaths(engine.settings, id)
        self._runtime = find_runtime(engine.store.containers.last_runtime(id), self._paths.runtime_root)
        try:
            with open(self._paths.config) as file:
                config = file.read()
        except FileNotFoundError:
            raise Conflict(f"Container {id} is not running") from None
        like, cwd = engine.store.db.row(_LIKE, (config,))
        started = [value for (value,) in engine.store.db.rows(_ENV, (config,))]
        set_by_user = {word.partition("=")[0] for word in engine.store.containers.variables(id)}
        self.cwd = options.working_dir or cwd
        home = ""
        if options.user:
            try:
                like, home = self._as_user(like)
            except PalletError:
                self._tell_of_start()  # docker looks for the user when the process is to start
                raise
        if options.privileged:
            like = self._with_all_capabilities(like)
        env = _environment(started, set_by_user, options, home)
        self._description = describe(like, options.argv, env, self.cwd, terminal=options.tty)

    def leave_running(self) -> None:
        """Start it, and have its end recorded."""
        from pallet.runtime.exec_watch import start_watched

        self._tell_of_start()
        program, tty = self._options.argv[0], self._options.tty
        start_watched(
            self._paths, self._runtime, self.exec_id, self._description, tty=tty, program=program, cwd=self.cwd
        )

    def begin(self, streams: tuple[int, int, int], *, console: str = "") -> ExecProcess:
        pidfile = exec_note(self._paths, self.exec_id)
        process = ExecProcess(
            self._runtime,
            self._id,
            self._description,
            streams=streams,
            console=console,
            pidfile=pidfile,
        )
        self._tell_of_start()  # while the runtime works
        return process

    def _tell_of_start(self) -> None:
        """Record docker's events of a process that starts."""
        argv = self._options.argv
        for action in ("exec_create", "exec_start"):
            text = f"{action}: {argv[0]} {' '.join(argv[1:])}"
            self._engine.store.events.add_of_container(self._id, text, {"execID": self.exec_id})

    def tell_of_end(self, code: int | None) -> int | None:
        """Record the event of its end, unless the user has detached; returns the code."""
        if code is not None:
            record_exec_end(self._engine, self._id, self.exec_id, code)
        return code

    def converse(self, stdin: int, stdout: int | None, keys: bytes) -> int | None:
        """Run it with a terminal, to its end."""
        if not self._runtime.gives_terminals:
            return self._converse_through_runtime(stdin, stdout, keys)
        from pallet.runtime.exec_terminal import Console

        directory = os.open(self._paths.run, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            with Console(directory) as console:
                process = self.begin((nothing, nothing, nothing), console=console.path)
                try:
                    begun = console.receive(process) and process.begins()
                except BaseException:
                    process.leave()
                    raise
                return self._talk(process, begun, console.master, stdin, stdout, keys)
        finally:
            os.close(directory)
            os.close(nothing)

    def _converse_through_runtime(self, stdin: int, stdout: int | None, keys: bytes) -> int | None:
        from pallet.runtime.exec_terminal import OwnTerminal

        with OwnTerminal() as terminal:
            process = self.begin((terminal.slave,) * 3)
            terminal.release()
            return self._talk(process, process.begins(), terminal.master, stdin, stdout, keys)

    def _talk(
        self,
        process: ExecProcess,
        begun: bool,
        master: int,
        stdin: int,
        stdout: int | None,
        keys: bytes,
    ) -> int | None:
        from pallet.runtime.exec_terminal import converse, keep_open

        resized = None if self._runtime.gives_terminals else process.resized
        try:
            if begun and not converse(master, stdin, stdout, keys, resized):
                keep_open(master)
                process.leave()
                return None
        except BaseException:
            process.leave()
            raise
        return process.wait(self._options.argv[0], self.cwd)

    def _as_user(self, like: str) -> tuple[str, str]:
        from pallet.host.inroot import read_in_root
        from pallet.oci.codec import decode, encode
        from pallet.runtime.users import resolve_user

        try:
            root = os.open(f"/proc/{self._pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise HostError(f"cannot look into container {self._id}: {error.strerror}") from error
        try:
            passwd, group = read_in_root(root, "/etc/passwd"), read_in_root(root, "/etc/group")
        finally:
            os.close(root)
        user = resolve_user(self._options.user, passwd, group)
        process = decode(like.encode(), dict, "the container's process")
        own = process.setdefault("user", {})
        own |= {"uid": user.uid, "gid": user.gid, "additionalGids": list(user.groups)}
        capabilities = process.get("capabilities", {})
        # What execve(2) would leave to it.
        usable = capabilities.get("bounding", []) if user.uid == 0 else []
        process["capabilities"] = {**capabilities, "effective": usable, "permitted": usable, "ambient": []}
        return encode(process).decode(), user.home

    def _with_all_capabilities(self, like: str) -> str:
        from pallet.oci.codec import decode, encode
        from pallet.runtime.spec import granted
        from pallet.store.host_config import HostConfig

        process = decode(like.encode(), dict, "the container's process")
        names = [f"CAP_{name}" for name in granted(HostConfig(privileged=True))]
        process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted", "inheritable"), names)
        return encode(process).decode()


def _environment(started: list[str], set_by_user: set[str], options: ExecOptions, home: str) -> list[str]:
    """The container's variables, those of its own terminal and user apart, and then the user's."""
    out = {}
    for word in started:
        name = word.partition("=")[0]
        if name != "TERM" or name in set_by_user:
            out[name] = word
        if name == "HOSTNAME" and options.tty and "TERM" not in set_by_user:
            out["TERM"] = "TERM=xterm"
    default_home = "" if "HOME" in set_by_user else out.pop("HOME", "")
    for word in options.env:
        name, equals, _ = word.partition("=")
        if equals:
            out[name] = word
        else:
            out.pop(name, None)
    if default_home:
        out.setdefault("HOME", f"HOME={home}" if home else default_home)
    return list(out.values())
