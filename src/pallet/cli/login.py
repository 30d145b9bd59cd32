"""`pallet login`: keep credentials for a registry, after trying them."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

_HUB = "https://index.docker.io/v1/"
_UNENCRYPTED = """\
WARNING! Your password will be stored unencrypted in {path}.
Configure a credential helper to remove this warning. See
https://docs.docker.com/engine/reference/commandline/login/#credentials-store
"""
_INSECURE = "WARNING! Using --password via the CLI is insecure. Use --password-stdin."


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    server = args[0] if args else _HUB
    username, password = _credentials(ctx, opts)
    status = ctx.engine.registry.login(server, username, password)
    if not ctx.engine.registry.credentials.helper(server):
        ctx.warn(_UNENCRYPTED.format(path=ctx.engine.registry.credentials.path))
    ctx.print(status)
    return 0


def _credentials(ctx: Context, opts: Options) -> tuple[str, str]:
    username, password = opts.username, opts.password
    if opts.password_stdin:
        if password:
            raise Failure("--password and --password-stdin are mutually exclusive", exit_code=1)
        if not username:
            raise Failure("Must provide --username with --password-stdin", exit_code=1)
        return username, ctx.stdin.read().rstrip("\r\n")
    if password:
        ctx.warn(_INSECURE)
    if username and password:
        return username, password
    if not ctx.is_terminal(ctx.stdin):
        raise Failure("Error: Cannot perform an interactive login from a non TTY device", exit_code=1)
    return _ask(ctx, username, password)


def _ask(ctx: Context, username: str, password: str) -> tuple[str, str]:
    from getpass import getpass

    if not username:
        ctx.stdout.write("Username: ")
        ctx.stdout.flush()
        username = ctx.stdin.readline().strip()
        if not username:
            raise Failure("Error: Non-null Username Required", exit_code=1)
    if not password:
        password = getpass("Password: ")
        if not password:
            raise Failure("Error: Password Required", exit_code=1)
    return username, password


COMMAND = Command(
    "login [OPTIONS] [SERVER]",
    "Log in to a Docker registry",
    _run,
    long="Log in to a Docker registry.\nIf no server is specified, the default is Docker Hub.",
    example="pallet login -u me --password-stdin registry.example.com < token.txt",
    flags=(
        Flag("password", "p", "string", help="Password"),
        Flag("password-stdin", help="Take the password from stdin"),
        Flag("username", "u", "string", help="Username"),
    ),
    args=(0, 1),
)
