"""`pallet build` where nothing has changed: which command lines that may be so of, and what is printed then."""

from __future__ import annotations

import os

from pallet.build.unchanged import Question, build_again, find_unchanged, replay
from pallet.errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.digest import Digest

# With one of these a build asks somebody outside, reads or writes other files, or has to make something.
_NEVER = (
    *("annotation", "attest", "build_context", "cache_from", "cache_to", "check", "iidfile", "metadata_file"),
    *("no_cache", "no_cache_filter", "output", "provenance", "pull", "rewrite_timestamp", "sbom", "secret", "squash"),
    "ssh",
)
_PROGRESS = ("auto", "plain", "tty", "quiet")
_HOW = ("quiet", "progress")  # how it is told of, but for whether it is: a quiet build is not looked at by the linter
_REMOTE = ("http://", "https://", "git://", "ssh://", "git@", "github.com/")


def question_of(ctx: Context, opts: Options, where: str, *, quiet: bool) -> Question | None:
    """What a command line asks for; None if the answer may be another each time.

    Args:
        ctx: gives what flags leave open.
        opts: the flags.
        where: the context.
        quiet: whether only the result is told.
    """
    if any(getattr(opts, name) for name in _NEVER) or opts.progress not in _PROGRESS or opts.call != "build":
        return None
    if where == "-" or opts.file == "-" or where.startswith(_REMOTE) or len(opts.platform) > 1:
        return None
    dockerfile = ""
    if opts.file:
        real = os.path.realpath(opts.file)
        dockerfile = os.path.relpath(real, os.path.realpath(where))
        if dockerfile.startswith(".."):
            dockerfile = real
    flags = sorted((name, value) for name, value in vars(opts).items() if not name.startswith("_") and name not in _HOW)
    left = [
        ctx.environ.get(name) for name in ("SOURCE_DATE_EPOCH", *(word for word in opts.build_arg if "=" not in word))
    ]
    try:
        return Question(where, dockerfile, [repr(quiet), repr(flags), repr(left), repr(ctx.user_config.proxies(()))])
    except OSError:
        return None


def unchanged(ctx: Context, opts: Options, question: Question, *, quiet: bool) -> Digest | None:
    """The image, if nothing has changed since it was last built; what it takes has been done and told then."""
    build = find_unchanged(ctx.engine, question)
    if build is None:
        return None
    try:
        build_again(ctx.engine, question, build)
    except NotFound:  # somebody has just removed it
        return None
    if not quiet:
        from pallet.cli.build_progress import make_printer

        printer = make_printer(ctx.stderr, opts.progress)
        replay(build, printer)
        printer.close()
    return build.image
