"""One more process in a running container: the OCI runtime's `exec`, as a child of ours.

What the runtime needs (the process's description, its log) is in memory files, and the runtime leaves our session, so
that nothing is left behind if we are killed: the process then goes on in its container, and the runtime ends with it.
Quick path: imports nothing but os and select.

Source: crun(1), runc(8); OCI runtime spec 1.0.2, config.md, "Process".
"""

from __future__ import annotations

import errno
import os
import select
from _signal import SIGKILL, SIGPIPE, SIGWINCH  # type: ignore[import-not-found]  # what `signal` is made of: that one imports enum

from pallet.errors import HostError, RuntimeFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pallet.runtime.oci_runtime import OciRuntime

_LOOK = 4  # milliseconds between looks at whether the process has begun
_LOOKS = 500  # before it is taken for granted
_LOWEST = 3  # the first number that is no standard stream
_UNABLE = "exec failed: unable to start container process: "
_NOT_IN_PATH = "executable file not found in $PATH"
_ESCAPES = {number: f"\\u{number:04x}" for number in range(32)} | {ord('"'): '\\"', ord("\\"): "\\\\"}
CANNOT_INVOKE = 126


def json_string(text: str) -> str:
    """A text as JSON; bytes that are no UTF-8 stay what they are, as os.fsdecode has them."""
    return f'"{text.translate(_ESCAPES)}"'


def describe(like: str, argv: Sequence[str], env: Sequence[str], cwd: str, *, terminal: bool) -> bytes:
    """The description of a process, for the runtime.

    Args:
        like: all else, as a JSON object: that of the container's first process, without these fields.
        argv: the program and its arguments.
        env: `NAME=value`.
        cwd: the working directory.
        terminal: whether it gets a terminal.
    """
    args = ",".join(json_string(word) for word in argv)
    variables = ",".join(json_string(word) for word in env)
    own = f'"terminal":{str(terminal).lower()},"args":[{args}],"env":[{variables}],"cwd":{json_string(cwd)}'
    rest = like.strip()[1:]
    return ("{" + own + ("," if rest != "}" else "") + rest).encode("utf-8", "surrogateescape")


class ExecProcess:
    """The runtime's `exec` while it runs. `wait` or `leave` must be called once.

    Args:
        runtime: the OCI runtime.
        id: the container's full id.
        description: see `describe`.
        streams: what the process gets as standard input, output and errors; ignored by one with a terminal.
        console: the path of a socket that gets the process's terminal; empty for none.
        pidfile: where the runtime writes the process's pid; empty for nowhere.

    Attributes:
        pidfd: polls readable when the process has ended.

    Raises:
        HostError: the runtime cannot be run.
    """

    def __init__(
        self,
        runtime: OciRuntime,
        id: str,
        description: bytes,
        *,
        streams: tuple[int, int, int],
        console: str = "",
        pidfile: str = "",
    ) -> None:
        self._program = os.path.basename(runtime.path)
        self._log = os.memfd_create("log")
        self._pid = self.pidfd = -1
        given = os.memfd_create("process")
        own: list[int] = []
        try:
            view = memoryview(description)
            while view:
                view = view[os.write(given, view) :]
            argv = [*runtime.words, "--log", f"/proc/self/fd/{self._log}"]
            argv += ["--log-format", "json", "exec", "--process", f"/proc/self/fd/{given}"]
            argv += ["--console-socket", console] if console else []
            argv += ["--pid-file", pidfile] if pidfile else []
            argv.append(id)
            sources = [_high(fd, own) for fd in streams]
            actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(sources)]
            actions += [(os.POSIX_SPAWN_DUP2, fd, fd) for fd in (given, self._log)]
            self._pid = os.posix_spawn(
                argv[0],
                argv,
                os.environ,
                file_actions=actions,
                setsid=True,  # the user's Ctrl-C is not for the runtime
                setsigdef=(SIGPIPE,),
            )
            self.pidfd = os.pidfd_open(self._pid)
        except OSError as error:
            self._close()
            raise HostError(f"cannot run {runtime.path}: {error.strerror}") from error
        finally:
            for fd in (given, *own):
                os.close(fd)

    def begins(self) -> bool:
        """Wait till the process has begun; False if the runtime failed to start it.

        Till then, what comes on its standard error or terminal may be the runtime's words, which are in its log too.
        """
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        for _ in range(_LOOKS):
            if poll.poll(_LOOK):
                return not self.failed()
            if self._has_begun():
                return True
        return True

    def _has_begun(self) -> bool:
        try:
            with open(f"/proc/{self._pid}/task/{self._pid}/children") as file:
                children = file.read().split()
        except OSError:
            return False
        for child in children:
            try:
                program = os.readlink(f"/proc/{child}/exe")
            except OSError:
                continue
            # The runtime works in its child, perhaps from a copy in memory, till that becomes the process.
            if program != "/" and not program.startswith("/memfd:") and program.rpartition("/")[2] != self._program:
                return True
        return False

    def resized(self) -> None:
        """Tell the runtime that its terminal has got another size."""
        os.kill(self._pid, SIGWINCH)

    def wait(self, program: str, cwd: str) -> int:
        """Wait for the process's end.

        Args:
            program: what it is, for error texts.
            cwd: its working directory, for error texts.

        Returns:
            Its exit code.

        Raises:
            RuntimeFailed: it could not be started: docker's text and exit code.
        """
        try:
            _, status = os.waitpid(self._pid, 0)
            code = os.waitstatus_to_exitcode(status)
            said = self.failed() if code else ""
        finally:
            self._close()
        if said:
            raise exec_failure(said, program, cwd)
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        """Kill the process, and so end the runtime; `wait` or `leave` must still be called."""
        try:
            with open(f"/proc/{self._pid}/task/{self._pid}/children") as file:
                children = file.read().split()
        except OSError:
            return
        for pid in (*map(int, children), *(() if children else (self._pid,))):
            try:
                os.kill(pid, SIGKILL)
            except ProcessLookupError:
                continue

    def leave(self) -> None:
        """Do not wait: the runtime waits for the process."""
        self._close()

    def failed(self) -> str:
        """What the runtime logged as its error; empty if there is none (yet)."""
        log = os.pread(self._log, 1 << 16, 0).decode("utf-8", "replace")
        for line in reversed(log.splitlines()):
            if '"level":"error"' in line or '"level":"fatal"' in line:
                return _message(line)
        return ""

    def _close(self) -> None:
        for fd in (self._log, self.pidfd):
            if fd >= 0:
                os.close(fd)
        self._log = self.pidfd = -1


def _high(fd: int, own: list[int]) -> int:
    """The file under a number that no standard stream has, so that putting one in its place cannot close another."""
    if fd >= _LOWEST:
        return fd
    import fcntl

    own.append(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _LOWEST))
    return own[-1]


def _message(line: str) -> str:
    """The text in a line of the runtime's log."""
    start = line.find('"msg":"') + len('"msg":"')
    end = start
    while end < len(line) and line[end] != '"':
        end += 2 if line[end] == "\\" else 1
    return line[start:end].replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\").strip()


def exec_failure(said: str, program: str, cwd: str) -> RuntimeFailed:
    """The error for what the runtime said when it could not start a process in a container.

    Args:
        said: the runtime's words.
        program: the program.
        cwd: the working directory.

    Returns:
        docker's text (which is runc's) with docker's exit code.
    """
    lowered = said.lower()
    reason = said
    if not cwd.startswith("/"):
        reason = "exec failed: Cwd must be an absolute path"
    elif lowered.startswith("exec failed: "):  # runc's own words
        pass
    elif lowered.startswith("chdir"):
        why = lowered.rpartition(": ")[2]
        reason = f'{_UNABLE}chdir to cwd ("{cwd}") set in config.json failed: {why}'
    elif "not found in $path" in lowered or not program:
        missing = f"stat {program}: no such file or directory" if "/" in program else _NOT_IN_PATH
        reason = f'{_UNABLE}exec: "{program}": {missing}'
    elif "exec format error" in lowered:
        reason = f"{_UNABLE}exec {program}: exec format error"
    elif os.strerror(errno.ENOENT).lower() in lowered and "exec" in lowered:
        reason = f"{_UNABLE}exec {program}: no such file or directory"
    elif "exec" in lowered and ("permission denied" in lowered or "operation not permitted" in lowered):
        reason = f'{_UNABLE}exec: "{program}": permission denied'
    return RuntimeFailed(f"OCI runtime exec failed: {reason}: unknown", exit_code=CANNOT_INVOKE)
