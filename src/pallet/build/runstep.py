"""RUN, carried out."""

from __future__ import annotations

from collections.abc import Callable

from pallet.build.cache import Key
from pallet.build.events import Step
from pallet.build.layers import Layer, Packed, directories
from pallet.build.metadata import with_shell
from pallet.build.runmounts import MountSource, RunMounts
from pallet.build.shared import Shared
from pallet.build.state import State
from pallet.dockerfile.instructions import Run
from pallet.dockerfile.scope import proxy_variables
from pallet.errors import InvalidInput
from pallet.layer.snapshots import Staging
from pallet.platform import host, rank

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Future

_PIPES = "/dev/pipes/"
_HOSTS = "127.0.0.1\tlocalhost {}\n::1\tlocalhost ip6-localhost ip6-loopback\n"
_BRIDGES = ("default", "bridge")


class RunStep:
    """One RUN.

    Args:
        shared: the build's parts.
        state: the stage; its uppermost layer is what the command runs on.
        instruction: expanded.
        sources: what the mounts' `from` name.
    """

    def __init__(self, shared: Shared, state: State, instruction: Run, sources: list[MountSource]) -> None:
        self._shared = shared
        self._state = state
        self._instruction = instruction
        self._mounts = RunMounts(shared, state, instruction.mounts, sources)
        self._network = self._chosen_network()
        script = instruction.script
        if script is not None:
            self._script = script.text
            self.args: tuple[str, ...] = (_PIPES + script.name,)
        else:
            self._script = ""
            shell = instruction.shell_form
            self.args = with_shell(state, instruction.shell_text) if shell else instruction.command
        if instruction.devices:
            raise InvalidInput("RUN --device is not supported")
        if not self.args:
            raise InvalidInput("RUN requires at least one argument")

    @property
    def history(self) -> str:
        """What the history says."""
        arguments = [f"{name}={value}" for name, value in self._state.scope.arguments.items()]
        counted = [f"|{len(arguments)}", *arguments] if arguments else []
        return f"RUN {' '.join([*counted, *self.args])} # buildkit"

    def run(self, step: Step, description: str, *, use_cache: bool) -> tuple[Layer, bool]:
        """Carry it out: gives the layer, and whether it was in the cache.

        Raises:
            InvalidInput: the command fails.
            RuntimeFailed: it cannot be started.
            HostError: the machine is at fault.
        """
        mounts = self._mounts.key()
        key = Key(lambda: [*self._parts(), mounts.on("").encode()], lambda: mounts.ready)
        try:
            return self._shared.book.layer(
                self._state.top, [key], description, lambda staging: self._make(staging, step), use_cache=use_cache
            )
        finally:
            self._mounts.close()

    def _parts(self) -> list[bytes]:
        found, options = self._instruction, self._shared.options
        config = self._state.config
        words = [
            "RUN",
            *self.args,
            "\0",
            self._script,
            "\0",
            *self._env(),
            "\0",
            config.user,
            config.working_dir,
            self._network,
            found.security,
            *options.extra_hosts,
            "" if options.clamp is None else str(options.clamp),
        ]
        return [word.encode("utf-8", "surrogateescape") for word in words]

    def _env(self) -> list[str]:
        return [f"{name}={value}" for name, value in self._state.scope.variables.items()]

    def _make(self, staging: Staging, step: Step) -> Future[Packed]:
        from pallet.build.runcommand import Command
        from pallet.build.runspec import Limits
        from pallet.build.sandbox import Sandbox
        from pallet.build.upper import pack, tidy

        shared, config = self._shared, self._state.config
        mounts = self._mounts.prepare()
        proxies = proxy_variables(shared.options.build_args)
        own = {word.partition("=")[0] for word in self._env()}
        env = [*self._env(), *(f"{name}={value}" for name, value in proxies.items() if name not in own)]
        namespace = shared.network.namespace() if self._network == "bridge" else -1
        options = shared.options
        limits = Limits(**{name: getattr(options, name) for name in Limits.__struct_fields__})
        command = Command(
            self.args,
            (*env, *self._mounts.env),
            config.working_dir or "/",
            config.user,
            self._network,
            namespace,
            tuple(self._files()),
            tuple(mounts),
            limits,
            insecure=self._instruction.security == "insecure",
        )
        sandbox = Sandbox(shared.runtime, staging, directories(self._state.top), command)
        lines = LineLog(step.log)
        code = sandbox.run(lines.write, shared.cancel)
        lines.close()
        if code:
            self._refuse_foreign(lines.last)
            raise InvalidInput(f'process "{" ".join(self.args)}" did not complete successfully: exit code: {code}')
        clamp = options.clamp
        files = tidy(staging.fs, clamp=clamp)
        # The next step may begin: nothing of this layer changes any more.
        return shared.later(lambda: pack(shared.engine.store.blobs, staging.fs, files, clamp=clamp))

    def _refuse_foreign(self, said: str) -> None:
        """Say why the programs of another architecture do not run."""
        platform = self._state.platform
        if rank(platform, host()) is None and "exec format error" in said.lower():
            why = (
                f'process "{" ".join(self.args)}": exec format error: this machine does not run programs for {platform}'
            )
            raise InvalidInput(f"{why}; install qemu-user-static and binfmt-support, or build on $BUILDPLATFORM")

    def _files(self) -> list[tuple[str, str]]:
        from pallet.build.runspec import HOSTNAME
        from pallet.runtime import etc_files

        found = []
        if self._network == "host":
            hosts = _host_file("/etc/hosts") + self._extra_hosts()
        else:
            hosts = _HOSTS.format(HOSTNAME) + self._extra_hosts()
        resolvers = etc_files.resolv_conf(_host_file("/etc/resolv.conf"), own_network=self._network != "host")
        found += [("/etc/hosts", hosts), ("/etc/resolv.conf", resolvers)]
        if self._script:
            found.append((self.args[0], self._script))
        return found

    def _extra_hosts(self) -> str:
        lines = []
        for word in self._shared.options.extra_hosts:
            separator = "=" if "=" in word.partition(":")[0] else ":"
            name, found, address = word.partition(separator)
            if not found or not name or not address:
                raise InvalidInput(f'bad format for add-host: "{word}"')
            address = address.strip("[]")
            if address == "host-gateway":
                address = self._shared.network.gateway or "127.0.0.1"
            lines.append(f"{address}\t{name}\n")
        return "".join(lines)

    def _chosen_network(self) -> str:
        wanted, options = self._instruction.network, self._shared.options
        if self._instruction.security == "insecure" and "security.insecure" not in options.allow:
            raise InvalidInput("security.insecure is not allowed", hint="build with --allow security.insecure")
        if wanted == "default":
            wanted = "bridge" if options.network in _BRIDGES else options.network
        elif wanted == "host" and options.network != "host" and "network.host" not in options.allow:
            raise InvalidInput("network.host is not allowed", hint="build with --allow network.host")
        if wanted not in ("bridge", "host", "none"):
            raise InvalidInput(f'network mode "{wanted}" not supported by buildkit')
        return wanted


class LineLog:
    """Turns output, as it comes, into text: whole lines, but what waits is not held back for long lines.

    Attributes:
        last: the last lines that came.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        import codecs

        self._log = log
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._rest = ""
        self.last = ""

    def write(self, data: bytes) -> None:
        """Take the next piece."""
        text = self._rest + self._decoder.decode(data)
        whole, newline, self._rest = text.rpartition("\n")
        if newline:
            self.last = whole
            self._log(whole + "\n")

    def close(self) -> None:
        """There is no more."""
        rest, self._rest = self._rest + self._decoder.decode(b"", final=True), ""
        if rest:
            self.last = rest
            self._log(rest + "\n")


def _host_file(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""
