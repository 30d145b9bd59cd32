"""What `run` and `create` share: docker's flags for a new container, what they ask for, and the creation itself."""

from __future__ import annotations

import os

from pallet.cli.command import Flag
from pallet.cli.container.variables import environment_word
from pallet.cli.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.ops.container_create import CreateOptions
    from pallet.store.container_record import ContainerRecord


def create_flags(doing: str) -> tuple[Flag, ...]:
    """The flags.

    Args:
        doing: what the command does, for the help of `--pull`: `running` or `creating`.
    """
    return (
        Flag("add-host", kind="list", help="Add a custom host-to-IP mapping (host:ip)"),
        Flag("cap-add", kind="list", help="Add Linux capabilities"),
        Flag("cap-drop", kind="list", help="Drop Linux capabilities"),
        Flag("cidfile", kind="string", help="Write the container ID to the file", complete="file"),
        Flag("domainname", kind="string", help="Container NIS domain name"),
        Flag("entrypoint", kind="string", help="Overwrite the default ENTRYPOINT of the image"),
        Flag("env", "e", "list", help="Set environment variables", read=environment_word),
        Flag("env-file", kind="list", help="Read in a file of environment variables", complete="file"),
        Flag("expose", kind="list", help="Expose a port or a range of ports"),
        Flag("hostname", "h", "string", help="Container host name"),
        Flag("interactive", "i", help="Keep STDIN open even if not attached"),
        Flag("label", "l", "list", help="Set meta data on a container"),
        Flag("label-file", kind="list", help="Read in a line delimited file of labels", complete="file"),
        Flag("link", kind="list", help="Add link to another container"),
        Flag("name", kind="string", help="Assign a name to the container"),
        Flag("net", kind="string", default="default", hidden=True),
        Flag(
            "network",
            kind="string",
            default="default",
            help="Connect a container to a network",
            metavar="network",
            shown="",
            complete="bridge host none",
        ),
        Flag("platform", kind="string", help="Set platform if server is multi-platform capable"),
        Flag("publish", "p", "list", help="Publish a container's port(s) to the host"),
        Flag("publish-all", "P", help="Publish all exposed ports to random ports"),
        Flag(
            "pull",
            kind="string",
            default="missing",
            help=f'Pull image before {doing} ("always"|"missing"|"never")',
            complete="always missing never",
        ),
        Flag("read-only", help="Mount the container's root filesystem as read only"),
        Flag("rm", help="Automatically remove the container when it exits"),
        Flag("stop-signal", kind="string", help="Signal to stop a container", shown='"SIGTERM"'),
        Flag("stop-timeout", kind="int", help="Timeout (in seconds) to stop a container"),
        Flag("tty", "t", help="Allocate a pseudo-TTY"),
        Flag("user", "u", "string", help="Username or UID (format: <name|uid>[:<group|gid>])"),
        Flag("volume", "v", "list", help="Bind mount a volume"),
        Flag("workdir", "w", "string", help="Working directory inside the container"),
    )


def create_options(ctx: Context, opts: Options, args: list[str], *, attach: frozenset[str]) -> CreateOptions:
    """What the user asks for.

    Args:
        ctx: the user's environment variables.
        opts: the flags.
        args: the image and the command.
        attach: which of `stdin`, `stdout`, `stderr` the command attaches to.

    Raises:
        Failure: a word that docker's client refuses itself.
    """
    from pallet.cli.container.variables import environment, labels
    from pallet.errors import InvalidInput
    from pallet.network.ports import parse_publish
    from pallet.ops.container_create import CreateOptions

    try:
        for words in opts.publish:
            parse_publish(words)
    except InvalidInput as error:  # docker's client finds these itself
        raise Failure(error.message) from None
    entrypoint = None
    if opts.changed("entrypoint"):
        entrypoint = (opts.entrypoint,) if opts.entrypoint else ()
    return CreateOptions(
        image=args[0],
        command=tuple(args[1:]),
        entrypoint=entrypoint,
        name=opts.name,
        env=environment(opts.env_file, opts.env, ctx.environ),
        labels=labels(opts.label_file, opts.label),
        hostname=opts.hostname,
        domainname=opts.domainname,
        user=opts.user,
        working_dir=opts.workdir,
        attach=attach,
        tty=opts.tty,
        open_stdin=opts.interactive,
        publish=opts.publish,
        publish_all=opts.publish_all,
        expose=opts.expose,
        volumes=tuple(_absolute(word) for word in opts.volume),
        links=opts.link,
        extra_hosts=opts.add_host,
        network=opts.net if opts.changed("net") and not opts.changed("network") else opts.network,
        cap_add=opts.cap_add,
        cap_drop=opts.cap_drop,
        read_only=opts.read_only,
        auto_remove=opts.rm,
        stop_signal=opts.stop_signal,
        stop_timeout=opts.stop_timeout if opts.changed("stop-timeout") else None,
        cidfile=opts.cidfile,
    )


def create(ctx: Context, opts: Options, options: CreateOptions) -> ContainerRecord:
    """Create the container, pulling its image as `--pull` says.

    Raises:
        PalletError: as `create_container` and `pull`.
    """
    from pallet.errors import InvalidReference, NoSuchImage
    from pallet.ops.container_create import create_container

    if opts.pull not in ("always", "missing", "never"):
        raise Failure(f'invalid pull option: \'{opts.pull}\': must be one of "always", "missing" or "never"')
    if opts.cidfile and os.path.exists(opts.cidfile):
        raise Failure(f"container ID file found, make sure the other container isn't running or delete {opts.cidfile}")
    if opts.pull == "always":
        _pull(ctx, options.image, opts.platform)
    try:
        record = create_container(ctx.engine, options)
    except InvalidReference as error:  # docker's client finds these itself
        raise Failure(error.message) from None
    except NoSuchImage:
        if opts.pull != "missing":
            raise
        _pull(ctx, options.image, opts.platform, missing=True)
        record = create_container(ctx.engine, options)
    if opts.cidfile:
        with open(opts.cidfile, "x") as file:
            file.write(record.id)
    return record


def _pull(ctx: Context, image: str, platform: str, *, missing: bool = False) -> None:
    from pallet.cli.progress import ProgressPrinter
    from pallet.ops.pull import pull
    from pallet.platform import parse as parse_platform
    from pallet.reference import parse

    reference = parse(image).with_default_tag()
    if missing:
        ctx.warn(f"Unable to find image '{reference.familiar}' locally")
    printer = ProgressPrinter(ctx.stderr, ctx.is_terminal(ctx.stderr), ctx.columns())
    try:
        pull(ctx.engine, reference, platform=parse_platform(platform) if platform else None, progress=printer)
    finally:
        printer.close()


def _absolute(word: str) -> str:
    """`./dir:/x` is relative to where the user is."""
    source, colon, rest = word.partition(":")
    if colon and (source == "." or source.startswith("./")):
        source = os.path.abspath(source)  # noqa: PTH100 - pathlib is too slow to import here
    return source + colon + rest
