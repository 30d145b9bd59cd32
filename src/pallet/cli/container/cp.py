"""`pallet container cp`: files between a container and this machine."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure, daemon
from pallet.errors import InvalidInput, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.errors import PalletError

_DAEMONS = (
    "Error processing tar file",
    "mounted volume is",
    "container rootfs is",
    "extraction point",
    "unable to find",
)


def _split(word: str) -> tuple[str, str]:
    """Container and path; the container is empty for a path of this machine."""
    if word.startswith(("/", ".")):
        return "", word
    name, colon, path = word.partition(":")
    return (name, path) if colon else ("", word)


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops import container_copy as ops

    source, target = args
    if not source:
        raise Failure("source can not be empty", exit_code=1)
    if not target:
        raise Failure("destination can not be empty", exit_code=1)
    (source_name, source_path), (name, path) = _split(source), _split(target)
    if source_name and name:
        raise Failure("copying between containers is not supported", exit_code=1)
    if source_name:
        if target != "-":
            ops.copy_from_container(ctx.engine, source_name, source_path, target, follow=opts.follow_link)
            return 0
        archive = ops.stream_from_container(ctx.engine, source_name, source_path, follow=opts.follow_link)
        try:
            while data := archive.read(1 << 20):
                ctx.stdout.buffer.write(data)
        finally:
            archive.close()
        return 0
    if not name:
        raise Failure("must specify at least one container source", exit_code=1)
    if source == "-":
        ops.stream_to_container(ctx.engine, name, ctx.stdin.fileno(), path, copy_owner=opts.archive)
    else:
        ops.copy_to_container(ctx.engine, name, source, path, follow=opts.follow_link, copy_owner=opts.archive)
    return 0


_from_daemon = daemon(missing=(NotFound,))


def _fail(error: PalletError) -> tuple[str, int]:
    """What docker's client finds itself has no prefix."""
    plain = isinstance(error, InvalidInput) and not error.message.startswith(_DAEMONS)
    if plain or (isinstance(error, NotFound) and error.message.startswith("lstat ")):
        return error.message, 1
    return _from_daemon(error)


COMMAND = Command(
    "cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tpallet cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
    "Copy files/folders between a container and the local filesystem",
    _run,
    long="Copy files/folders between a container and the local filesystem\n\n"
    "Use '-' as the source to read a tar archive from stdin\n"
    "and extract it to a directory destination in a container.\n"
    "Use '-' as the destination to stream a tar archive of a\n"
    "container source to stdout.",
    example="pallet cp apache:/etc/apache2 .\npallet cp index.html apache:/usr/local/apache2/htdocs/",
    flags=(
        Flag("archive", "a", help="Archive mode (copy all uid/gid information)"),
        Flag("follow-link", "L", help="Always follow symbol link in SRC_PATH"),
    ),
    args=(2, 2),
    fail=_fail,
    complete=("container", "file"),
)
