"""`build --call`: what can be told of a Dockerfile without building it, with what is known of contexts and base images.

Nothing is built or pulled.
"""

from __future__ import annotations

from pallet.build.builder import context_rules, make_plan, read_dockerfile
from pallet.build.context import Context
from pallet.build.events import Journal, Step, Warning, deaf
from pallet.build.options import BuildOptions
from pallet.build.state import base_config, variables_of
from pallet.dockerfile.check import CheckResult, check
from pallet.dockerfile.ignore import IgnoreRules
from pallet.dockerfile.outline import Outline, Target, outline, targets
from pallet.dockerfile.scope import platform_arguments
from pallet.dockerfile.stages import Dockerfile
from pallet.engine import Engine
from pallet.errors import DockerfileError, PalletError
from pallet.ops.images import load_image
from pallet.platform import host


def lint(engine: Engine, context: Context, options: BuildOptions) -> tuple[Dockerfile, CheckResult]:
    """Check a Dockerfile.

    Raises:
        DockerfileError: it does not parse.
        InvalidInput: the options are wrong.
    """
    dockerfile = read_dockerfile(context, options, Journal(deaf))
    return dockerfile, _checked(engine, context_rules(context, options), options, dockerfile)


def warn(engine: Engine, ignore: IgnoreRules, options: BuildOptions, dockerfile: Dockerfile, step: Step) -> None:
    """Tell of what the linter finds in the stages that are built.

    Args:
        engine: whose store.
        ignore: the context's rules.
        options: the build's.
        dockerfile: what is looked at.
        step: tells.

    Raises:
        DockerfileError: it says itself that this is an error.
    """
    result = _checked(engine, ignore, options, dockerfile, needed=True)
    for each in result.findings:
        step.warn(each.short, Warning(each.address, dockerfile.name, each.lines))
    if result.fails:
        raise DockerfileError(result.failure, file=dockerfile.name)


def _checked(
    engine: Engine, ignore: IgnoreRules, options: BuildOptions, dockerfile: Dockerfile, *, needed: bool = False
) -> CheckResult:
    return check(
        dockerfile,
        predefined=_predefined(options),
        build_args=options.build_args,
        environments=_environments(engine, dockerfile),
        ignore=ignore,
        target=options.target,
        contexts=tuple(each.name for each in options.contexts),
        needed=needed,
    )


def list_targets(context: Context, options: BuildOptions) -> tuple[Dockerfile, tuple[Target, ...]]:
    """The targets of a Dockerfile; errors as `lint`."""
    dockerfile = read_dockerfile(context, options, Journal(deaf))
    return dockerfile, targets(dockerfile)


def list_arguments(engine: Engine, context: Context, options: BuildOptions) -> tuple[Dockerfile, Outline]:
    """The arguments, secrets and agents that the target takes; errors as `lint`."""
    dockerfile = read_dockerfile(context, options, Journal(deaf))
    work = make_plan(dockerfile, options, options.platforms[0] if options.platforms else host())
    return dockerfile, outline(
        dockerfile,
        work.plan,
        predefined=_predefined(options),
        build_args=options.build_args,
        environments=_environments(engine, dockerfile),
    )


def _predefined(options: BuildOptions) -> dict[str, str]:
    target = options.platforms[0] if options.platforms else host()
    return platform_arguments(target, host(), overrides=options.build_args, stage=options.target)


def _environments(engine: Engine, dockerfile: Dockerfile) -> dict[str, dict[str, str]]:
    """The variables of the base images that are here."""
    found: dict[str, dict[str, str]] = {}
    for stage in dockerfile.stages:
        try:
            image = load_image(engine, stage.start.base)
        except PalletError:
            continue
        found[stage.start.base] = variables_of(base_config(image.config))
    return found
