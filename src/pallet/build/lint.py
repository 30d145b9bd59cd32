"""`build --check`: the linter, with what the build knows of contexts and base images."""

from __future__ import annotations

from pallet.build.builder import read_dockerfile
from pallet.build.context import Context, ignore_rules
from pallet.build.events import Journal, deaf
from pallet.build.options import BuildOptions
from pallet.build.state import base_config, variables_of
from pallet.dockerfile.check import CheckResult, check
from pallet.dockerfile.scope import platform_arguments
from pallet.dockerfile.stages import Dockerfile
from pallet.engine import Engine
from pallet.errors import PalletError
from pallet.ops.images import load_image
from pallet.platform import host


def lint(engine: Engine, context: Context, options: BuildOptions) -> tuple[Dockerfile, CheckResult]:
    """Check a Dockerfile; nothing is built or pulled.

    Raises:
        DockerfileError: it does not parse.
        InvalidInput: the options are wrong.
    """
    dockerfile = read_dockerfile(context, options, Journal(deaf))
    target = options.platforms[0] if options.platforms else host()
    name = "" if options.dockerfile_text is not None else options.dockerfile or "Dockerfile"
    environments: dict[str, dict[str, str]] = {}
    for stage in dockerfile.stages:
        try:
            image = load_image(engine, stage.start.base)
        except PalletError:
            continue
        environments[stage.start.base] = variables_of(base_config(image.config))
    result = check(
        dockerfile,
        predefined=platform_arguments(target, host(), overrides=options.build_args, stage=options.target),
        build_args=options.build_args,
        environments=environments,
        ignore=ignore_rules(context, name, options.ignore_text),
        target=options.target,
        contexts=tuple(each.name for each in options.contexts),
    )
    return dockerfile, result
