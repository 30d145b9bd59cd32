"""`pallet image copy`: an image from one registry, layout or archive to another; skopeo's verb."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure, daemon
from pallet.errors import PalletError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.content import ImageSink, ImageSource
    from pallet.ops.images import ImageTree
    from pallet.ops.save import ArchiveSink
    from pallet.reference import Reference

    Name = Callable[[ImageTree], None]

_REGISTRY = "docker"
_DOCKER_ARCHIVE, _OCI_ARCHIVE, _OCI = "docker-archive", "oci-archive", "oci"
_FILES = (_DOCKER_ARCHIVE, _OCI_ARCHIVE, _OCI)


class _Place:
    """One end: `docker://NAME`, or `oci:DIRECTORY`, `oci-archive:FILE` or `docker-archive:FILE`, each with `[:NAME]`.

    Raises:
        Failure: it is none of these.
    """

    def __init__(self, text: str) -> None:
        self.transport, _, rest = text.partition(":")
        if self.transport == _REGISTRY and len(rest) > 2 and rest.startswith("//"):
            self.path, self.name = "", rest[2:]
        elif self.transport in _FILES and rest:
            self.path, _, self.name = rest.partition(":")
        else:
            raise Failure(
                f'invalid image name "{text}"',
                exit_code=1,
                hint=f"Images are docker://NAME, {', '.join(f'{each}:PATH[:NAME]' for each in _FILES)}.",
            )


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from contextlib import ExitStack

    from pallet.cli.streaming import Reporting
    from pallet.ops.copy_image import copy_image
    from pallet.platform import parse as parse_platform

    here, there = _Place(args[0]), _Place(args[1])
    if opts.all and there.transport == _DOCKER_ARCHIVE:
        raise Failure("docker-archive holds one image, not all of an index: use oci-archive", exit_code=1)
    platform = parse_platform(opts.platform) if opts.platform else None
    with ExitStack() as stack:
        source, interrupt = _source(ctx, here, stack)
        sink, name = _sink(ctx, there, stack, here)
        with Reporting(ctx, quiet=opts.quiet) as progress:
            root = copy_image(
                source, sink, name, platform=platform, every=opts.all, progress=progress, interrupt=interrupt
            )
    ctx.print(root.digest)
    return 0


def _source(ctx: Context, place: _Place, stack: ExitStack) -> tuple[ImageSource, Callable[[], None]]:
    """The image, and what ends waiting for it."""
    if place.transport == _REGISTRY:
        from pallet.reference import parse
        from pallet.registry.source import RegistrySource

        remote = RegistrySource(ctx.engine.registry, parse(place.name))
        return remote, remote.interrupt
    import tempfile

    from pallet.archive.detect import open_archive

    scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="pallet-copy-"))
    archive = stack.enter_context(open_archive(place.path, scratch))
    return archive.select(place.name).source, lambda: None


def _sink(ctx: Context, place: _Place, stack: ExitStack, source: _Place) -> tuple[ImageSink, Name]:
    """Where it goes, and what gives it its name there."""
    if place.transport == _REGISTRY:
        return _registry(ctx, place, source)
    archive = _archive(place, stack)
    reference = _label(place.name)

    def name(tree: ImageTree) -> None:
        archive.put_manifest(tree.root, tree.raw)
        archive.name(reference, tree.root)
        archive.finish()

    return archive, name


def _registry(ctx: Context, place: _Place, source: _Place) -> tuple[ImageSink, Name]:
    from pallet.reference import parse
    from pallet.registry.sink import RegistrySink

    reference = parse(place.name)
    home = [parse(source.name)] if source.transport == _REGISTRY else []
    remote = RegistrySink(ctx.engine.registry, reference, mount_from=lambda blob: home)

    def name(tree: ImageTree) -> None:
        remote.tag(reference, tree.raw, tree.root.media_type)

    return remote, name


def _archive(place: _Place, stack: ExitStack) -> ArchiveSink:
    from pallet.archive.docker_writer import DockerArchiveSink
    from pallet.archive.oci_writer import OciArchiveSink, OciLayoutSink
    from pallet.cli.output_file import OutputFile

    if place.transport == _OCI:
        return OciLayoutSink(place.path)
    out = stack.enter_context(OutputFile(place.path, "copy image"))
    return DockerArchiveSink(out) if place.transport == _DOCKER_ARCHIVE else OciArchiveSink(out)


def _label(name: str) -> Reference | None:
    from pallet.reference import parse

    return parse(name).with_default_tag() if name else None


COMMAND = Command(
    "copy [OPTIONS] SOURCE DESTINATION",
    "Copy an image from one registry, layout or archive to another",
    _run,
    example="pallet image copy docker://ubuntu docker://registry.example.com/base/ubuntu\n"
    "pallet image copy --all docker://ubuntu:24.04 oci:mirror:ubuntu\n"
    "pallet image copy docker-archive:app.tar docker://registry.example.com/me/app:1",
    flags=(
        Flag("all", "a", help="Copy all images of an index, not just this machine's"),
        Flag(
            "platform",
            kind="string",
            variable="DOCKER_DEFAULT_PLATFORM",
            help="Choose the image of an index by its platform",
        ),
        Flag("quiet", "q", help="Suppress verbose output"),
    ),
    args=(2, 2),
    fail=daemon(plain=(PalletError,)),
)
