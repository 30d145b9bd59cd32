"""`pallet build`: an image from a Dockerfile."""

from __future__ import annotations

import os

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure
from pallet.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.build.context import Context as BuildContext
    from pallet.build.options import BuildOptions, BuildResult
    from pallet.build.unchanged import Question
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.errors import PalletError

_MODES = ("auto", "plain", "tty", "quiet", "rawjson")


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.build_unchanged import question_of, unchanged

    quiet = opts.quiet or opts.progress == "quiet"
    question = question_of(ctx, opts, args[0], quiet=quiet)
    image = None if question is None else unchanged(ctx, opts, question, quiet=quiet)
    if image is None:
        return _build(ctx, opts, args[0], question, quiet=quiet)
    if quiet:
        ctx.print(image)
    return 0


def _build(ctx: Context, opts: Options, where: str, question: Question | None, *, quiet: bool) -> int:
    from pallet.build.builder import build
    from pallet.cli.build_options import build_args, build_options

    call = "check" if opts.check else opts.call
    if opts.progress not in _MODES:
        raise Failure(f"invalid progress mode {opts.progress}", exit_code=1)
    with _context(ctx, opts, where) as context:
        given = build_args(opts.build_arg, ctx.environ)
        more = {"build_args": {**given, **ctx.user_config.proxies(given)}, **_dockerfile(ctx, opts, context, where)}
        options = build_options(opts, ctx.environ, **more)
        if call != "build":
            from pallet.cli.build_call import answer, parse_call

            asked = parse_call(call)
            if asked.name != "build":
                return answer(ctx, asked, options, context)
        if quiet:
            result = build(ctx.engine, context, options, question=question)
        else:
            from pallet.cli.build_progress import make_printer

            printer = make_printer(ctx.stderr, opts.progress)
            try:
                result = build(ctx.engine, context, options, printer, question)
            except BaseException:
                printer.close()
                report = printer.report()
                if report:
                    ctx.stderr.write(report)
                raise
            printer.close()
    _write_files(ctx, opts, options, result)
    if quiet:
        ctx.print(result.image)
    return 0


def _context(ctx: Context, opts: Options, where: str) -> BuildContext:
    from pallet.build.context import open_context, stream_context

    snapshots = ctx.engine.snapshots
    if where != "-":
        return open_context(snapshots, where, ctx.settings.proxies)
    if opts.file == "-":
        raise Failure("invalid argument: can't use stdin for both build context and dockerfile", exit_code=1)
    return stream_context(snapshots, ctx.stdin.buffer.raw)  # type: ignore[attr-defined]


def _dockerfile(ctx: Context, opts: Options, context: BuildContext, where: str) -> dict[str, object]:
    """Which Dockerfile: one in the context, one outside of it, or standard input."""
    if opts.file == "-":
        return {"dockerfile_text": ctx.stdin.read()}
    if not opts.file:
        return {}
    if where == "-" or not os.path.isdir(where):
        return {"dockerfile": opts.file}
    inside = os.path.relpath(os.path.realpath(opts.file), os.path.realpath(where))
    if not inside.startswith("../") and inside != "..":
        return {"dockerfile": inside}
    try:
        with open(opts.file, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError as error:
        why = f"failed to read dockerfile: open {opts.file}: {(error.strerror or '').lower()}"
        raise InvalidInput(why) from error
    own = opts.file + ".dockerignore"
    ignore = None
    if os.path.isfile(own):
        with open(own, encoding="utf-8", errors="surrogateescape") as file:
            ignore = file.read()
    return {"dockerfile": os.path.basename(opts.file), "dockerfile_text": text, "ignore_text": ignore}


def _write_files(ctx: Context, opts: Options, options: BuildOptions, result: BuildResult) -> None:
    from pallet.host.files import write_atomic

    if opts.iidfile:
        write_atomic(os.path.join(os.getcwd(), opts.iidfile), result.image.encode(), 0o644)
    if opts.metadata_file:
        import msgspec

        names = ",".join(str(tag.with_default_tag()) for tag in result.tags)
        fields = {
            **_provenances(result, ctx.environ.get("BUILDX_METADATA_PROVENANCE", "")),
            "containerimage.config.digest": str(result.image),
            "containerimage.descriptor": {
                "mediaType": result.root.media_type,
                "digest": str(result.root.digest),
                "size": result.root.size,
            },
            "containerimage.digest": str(result.root.digest),
            **({"image.name": names} if names else {}),
        }
        raw = msgspec.json.format(msgspec.json.encode(fields), indent=2)
        write_atomic(os.path.join(os.getcwd(), opts.metadata_file), raw, 0o644)


def _provenances(result: BuildResult, mode: str) -> dict[str, object]:
    """What a metadata file has of provenance: as buildx, less than was attached unless the mode is `max`."""
    found = result.provenance
    if not found or mode.lower() in ("disabled", "0", "f", "false"):
        return {}
    from pallet.build.attest.provenance import shortened

    return {
        "buildx.build.provenance" + (f"/{platform}" if len(found) > 1 else ""): content
        if mode == "max"
        else shortened(content)
        for platform, content in found.items()
    }


def _fail(error: PalletError) -> tuple[str, int]:
    """BuildKit's words: the lines at fault, then `ERROR: failed to solve: ...`."""
    if isinstance(error, Failure):
        return error.message, 1 if error.exit_code is None else error.exit_code
    excerpt = getattr(error, "excerpt", "")
    if excerpt or hasattr(error, "lines"):
        return f"{excerpt}ERROR: failed to solve: {error.message}", 1
    return f"ERROR: {error.message}", 1


COMMAND = Command(
    "build [OPTIONS] PATH | URL | -",
    "Build an image from a Dockerfile",
    _run,
    example="pallet build -t app .\npallet build --target test --progress plain .\npallet build --check .",
    flags=(
        Flag("add-host", kind="list", help="Add a custom host-to-IP mapping (host:ip)"),
        Flag("allow", kind="list", help="Allow extra privileged entitlement (network.host, security.insecure)"),
        Flag("annotation", kind="list", help="Add annotation to the image"),
        Flag("attest", kind="list", help="Attestation parameters (format: type=sbom, type=provenance,mode=max)"),
        Flag("build-arg", kind="list", help="Set build-time variables"),
        Flag("build-context", kind="list", help="Additional build contexts (e.g., name=path)"),
        Flag(
            "cache-from", kind="list", help="External cache sources (e.g., user/app:cache, type=local,src=path/to/dir)"
        ),
        Flag(
            "cache-to",
            kind="list",
            help="Cache export destinations (e.g., user/app:cache, type=local,dest=path/to/dir)",
        ),
        Flag(
            "call",
            kind="string",
            default="build",
            help="Set method for evaluating build (build, check, outline, targets)",
            complete="build check outline targets",
        ),
        Flag("cgroup-parent", kind="string", help="Optional parent cgroup for the container"),
        Flag("check", help="Check the Dockerfile, build nothing"),
        Flag("cpu-period", kind="int", help="Limit the CPU CFS (Completely Fair Scheduler) period"),
        Flag("cpu-quota", kind="int", help="Limit the CPU CFS (Completely Fair Scheduler) quota"),
        Flag("cpu-shares", "c", kind="int", help="CPU shares (relative weight)"),
        Flag("cpuset-cpus", kind="string", help="CPUs in which to allow execution (0-3, 0,1)"),
        Flag("cpuset-mems", kind="string", help="MEMs in which to allow execution (0-3, 0,1)"),
        Flag("file", "f", kind="string", help="Name of the Dockerfile (Default is 'PATH/Dockerfile')", complete="file"),
        Flag("force-rm", help="Always remove intermediate containers", hidden=True),
        Flag("iidfile", kind="string", help="Write the image ID to the file", complete="file"),
        Flag("label", kind="list", help="Set metadata for an image"),
        Flag("memory", "m", kind="bytes", help="Memory limit"),
        Flag("memory-swap", kind="bytes", help="Swap limit equal to memory plus swap: '-1' to enable unlimited swap"),
        Flag("metadata-file", kind="string", help="Write build result metadata to a file", complete="file"),
        Flag(
            "network",
            kind="string",
            default="default",
            help="Set the networking mode for the RUN instructions",
            complete="default host none",
        ),
        Flag("no-cache", help="Do not use cache when building the image"),
        Flag("no-cache-filter", kind="list", help="Do not cache specified stages"),
        Flag("output", "o", kind="list", help="Output destination (format: type=local,dest=path)"),
        Flag(
            "platform",
            kind="list",
            variable="DOCKER_DEFAULT_PLATFORM",
            help="Set target platform for build (several make an index)",
        ),
        Flag(
            "progress",
            kind="string",
            default="auto",
            variable="BUILDKIT_PROGRESS",
            help="Set type of progress output (auto, plain, tty, quiet, rawjson)",
            complete=" ".join(_MODES),
        ),
        Flag("provenance", kind="string", help='Shorthand for "--attest=type=provenance"'),
        Flag("pull", help="Always attempt to pull a newer version of the image"),
        Flag("quiet", "q", help="Suppress the build output and print image ID on success"),
        Flag("rewrite-timestamp", help="No file of a new layer is younger than SOURCE_DATE_EPOCH"),
        Flag("rm", default=True, help="Remove intermediate containers after a successful build", hidden=True),
        Flag("sbom", kind="string", help='Shorthand for "--attest=type=sbom"'),
        Flag("secret", kind="list", help="Secret to expose to the build (format: id=mysecret,src=/local/secret)"),
        Flag("shm-size", kind="bytes", help="Size of /dev/shm"),
        Flag("squash", help="Squash newly built layers into a single new layer"),
        Flag("ssh", kind="list", help="SSH agent socket to expose to the build (format: default|<id>[=<socket>])"),
        Flag("tag", "t", kind="list", help="Name and optionally a tag in the 'name:tag' format"),
        Flag("target", kind="string", help="Set the target build stage to build."),
        Flag("ulimit", kind="list", help="Ulimit options"),
    ),
    args=(1, 1),
    fail=_fail,
    complete=("dir",),
)
