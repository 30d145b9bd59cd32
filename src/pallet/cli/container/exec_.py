"""`pallet container exec`: one more process in a running container."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.container.variables import environment_word
from pallet.cli.failure import DAEMON, Failure, from_object
from pallet.cli.shared_flags import DETACH_KEYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

_CTRL_P_CTRL_Q = b"\x10\x11"


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.container.variables import environment
    from pallet.errors import HostError, RuntimeFailed
    from pallet.ops.container_exec import ExecOptions, exec_attached, exec_detached

    interactive = opts.interactive and not opts.detach
    if interactive and opts.tty and not ctx.is_terminal(ctx.stdin):
        raise Failure("the input device is not a TTY", exit_code=1)
    keys = _CTRL_P_CTRL_Q
    if opts.detach_keys:
        from pallet.runtime.terminal import parse_keys

        try:
            keys = parse_keys(opts.detach_keys)
        except ValueError:
            raise Failure(f"{DAEMON}Invalid escape keys ({opts.detach_keys}) provided", exit_code=1) from None
    options = ExecOptions(
        tuple(args[1:]),
        env=environment(opts.env_file, opts.env, ctx.environ) if opts.env_file or opts.env else (),
        user=opts.user,
        working_dir=opts.workdir,
        privileged=opts.privileged,
        tty=opts.tty,
    )
    if opts.detach:
        exec_detached(ctx.engine, args[0], options)
        return 0
    ctx.stdout.flush()
    try:
        code = exec_attached(
            ctx.engine,
            args[0],
            options,
            stdin=ctx.stdin.fileno() if interactive else None,
            stdout=ctx.stdout.fileno(),
            stderr=ctx.stderr.fileno(),
            detach_keys=keys,
        )
    except HostError as error:
        # docker's daemon finds these when the stream is open already, and writes them into it.
        ctx.stdout.write(error.message + "\r\n")
        return error.exit_code if isinstance(error, RuntimeFailed) else 126
    if code is None:
        raise Failure("read escape sequence", exit_code=1)
    return code


COMMAND = Command(
    "exec [OPTIONS] CONTAINER COMMAND [ARG...]",
    "Run a command in a running container",
    _run,
    example="pallet exec -it apache sh",
    flags=(
        Flag("detach", "d", help="Detached mode: run command in the background"),
        DETACH_KEYS,
        Flag("env", "e", "list", help="Set environment variables", read=environment_word),
        Flag("env-file", kind="list", help="Read in a file of environment variables", complete="file"),
        Flag("interactive", "i", help="Keep STDIN open even if not attached"),
        Flag("privileged", help="Give extended privileges to the command"),
        Flag("tty", "t", help="Allocate a pseudo-TTY"),
        Flag("user", "u", "string", help="Username or UID (format: <name|uid>[:<group|gid>])"),
        Flag("workdir", "w", "string", help="Working directory inside the container"),
    ),
    args=(2, None),
    interspersed=False,
    fail=from_object,
    complete=("container", ""),
)
