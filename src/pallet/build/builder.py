"""The builder: a Dockerfile and a context become an image.

Only the stages that the target needs are built, each by a thread of its own that waits for those it needs. What was
made is kept for the next build even if this one fails; an interrupted build leaves nothing.
"""

from __future__ import annotations

import posixpath
import threading
from functools import partial

import msgspec

from pallet.build.bases import named_image
from pallet.build.context import Context, ignore_rules, open_context
from pallet.build.events import Canceled, Journal, Listener, deaf
from pallet.build.finish import finish
from pallet.build.layers import CacheLost
from pallet.build.options import BuildOptions, BuildResult
from pallet.build.shared import Shared, Work
from pallet.build.stage import StageBuilder
from pallet.build.state import State
from pallet.build.unchanged import Question, remember
from pallet.dockerfile.graph import Plan, context_name, plan
from pallet.dockerfile.ignore import IgnoreRules
from pallet.dockerfile.scope import global_variables, platform_arguments
from pallet.dockerfile.stages import Dockerfile, parse_dockerfile
from pallet.engine import Engine
from pallet.errors import InvalidInput
from pallet.platform import Platform, host


def build(
    engine: Engine,
    context: Context,
    options: BuildOptions,
    listener: Listener = deaf,
    question: Question | None = None,
) -> BuildResult:
    """Build an image, or with several platforms one for each, and an index of them.

    Args:
        engine: whose store.
        context: the build's context; the caller closes it.
        options: what is asked for.
        listener: hears of each step; called by several threads, one at a time.
        question: the same as all of these, to remember the build by; see `build.unchanged`.

    Returns:
        What was made; with outputs other than the store's the image is not recorded there.

    Raises:
        DockerfileError: the Dockerfile is wrong, or one of its instructions failed.
        InvalidInput: the options are wrong.
        HostError: the machine is at fault.
    """
    journal = Journal(listener)
    if options.outputs or options.annotations:
        from pallet.build.output import check_outputs

        check_outputs(options)
    dockerfile = read_dockerfile(context, options, journal)
    works = [make_plan(dockerfile, options, platform) for platform in options.platforms or (host(),)]
    with journal.step("[internal] load .dockerignore") as step:
        rules = context_rules(context, options)
        context.ignoring(rules)
        if journal.heard or dockerfile.directives.check or "BUILDKIT_DOCKERFILE_CHECK" in options.build_args:
            from pallet.build.calls import warn

            warn(engine, rules, options, dockerfile, step)
    try:
        return _build(engine, context, options, works, journal, question)
    except CacheLost as error:
        with journal.step("[internal] build without other caches") as step:
            step.log(f"WARNING: {error.message}\n")
        return _build(engine, context, msgspec.structs.replace(options, cache_from=()), works, journal, None)


def _build(
    engine: Engine,
    context: Context,
    options: BuildOptions,
    works: list[Work],
    journal: Journal,
    question: Question | None,
) -> BuildResult:
    with engine.store.adding(), Shared(engine, options, context, journal) as shared:
        _open_contexts(shared)
        shared.start_agents()
        if options.cache_from and not options.no_cache:
            from pallet.build.cacheimport import open_caches

            shared.book.elsewhere = open_caches(engine, options.cache_from, journal)
        try:
            states = _build_stages(shared, works)
            shared.cancel_all(None)
            for state in states:
                shared.book.have(state.top)
        except Exception as error:
            shared.cancel_all(error)
            shared.book.keep()
            raise
        if options.squash:
            from pallet.build.image import squashed

            states = [squashed(shared, state) for state in states]
        result = finish(shared, works, states)
        if question is not None:
            remember(shared, works[0], result, question)
        return result


def read_dockerfile(context: Context, options: BuildOptions, journal: Journal) -> Dockerfile:
    """The Dockerfile, parsed.

    Raises:
        DockerfileError: it is wrong.
        InvalidInput: there is none.
    """
    name = posixpath.normpath("/" + (options.dockerfile or "Dockerfile")).lstrip("/")
    shown = posixpath.basename(name)
    with journal.step(f"[internal] load build definition from {shown}"):
        text = options.dockerfile_text
        if text is None:
            raw = context.read(name)
            if raw is None and not options.dockerfile:
                raw = context.read("dockerfile")
            if raw is None:
                raise InvalidInput(f"failed to read dockerfile: open {name}: no such file or directory")
            text = raw.decode("utf-8", "surrogateescape")
        return parse_dockerfile(text, shown)


def context_rules(context: Context, options: BuildOptions) -> IgnoreRules:
    """What is left out of the main context. Raises InvalidInput: a pattern that is none."""
    name = "" if options.dockerfile_text is not None else options.dockerfile or "Dockerfile"
    return ignore_rules(context, name, options.ignore_text)


def make_plan(dockerfile: Dockerfile, options: BuildOptions, target: Platform) -> Work:
    """Which stages are needed for a platform, and what for.

    Raises:
        DockerfileError, InvalidInput: see `dockerfile.graph.plan`.
    """
    predefined = platform_arguments(target, host(), overrides=options.build_args, stage=options.target)
    variables = global_variables(dockerfile, predefined, options.build_args)
    names = tuple(each.name for each in options.contexts)
    found: Plan = plan(dockerfile, variables, target=options.target, contexts=names)
    return Work(dockerfile, found, variables, target)


def _open_contexts(shared: Shared) -> None:
    for each in shared.options.contexts:
        if each.value.startswith("target:"):
            raise InvalidInput(f"build context {each.name}: {each.value} is not supported: targets are a bake file's")
        if named_image(each.value):
            continue
        name = context_name(each.name)
        with shared.journal.step(f"[context {each.name}] load from {each.value}"):
            opened = open_context(shared.engine.snapshots, each.value, shared.engine.settings.proxies)
            context = shared.opened(opened)
            context.ignoring(ignore_rules(context, ""))
            shared.contexts[name] = context


def _build_stages(shared: Shared, works: list[Work]) -> list[State]:
    """Build the target's stage of each platform, and those they need; a step that several have is made once.

    Raises:
        The error of the stage that failed first.
    """
    wanted = [(number, index) for number, work in enumerate(works) for index in work.plan.needed]
    over = {each: threading.Event() for each in wanted}
    failed: list[BaseException] = []
    first = threading.Lock()

    def need(number: int, index: int) -> State:
        with first:
            fresh = (number, index) not in over  # only an ONBUILD of a base image wants it
            ready = over.setdefault((number, index), threading.Event())
        if fresh:
            run(number, index)
        ready.wait()
        if index not in works[number].states:
            raise Canceled  # the other stage tells why
        return works[number].states[index]

    def run(number: int, index: int) -> None:
        work = works[number]
        builder = StageBuilder(shared, work, work.plan.stages[index], partial(need, number))
        try:
            work.states[index] = builder.build()
        except BaseException as error:
            with first:
                if not isinstance(error, Canceled) or not failed:
                    failed.append(error)
            shared.cancel.set()
        finally:
            over[number, index].set()

    threads = [threading.Thread(target=run, args=each, name=f"stage-{each[1]}", daemon=True) for each in wanted]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException:  # Ctrl-C
        shared.cancel.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        raise
    real = [error for error in failed if not isinstance(error, Canceled)]
    if real:
        raise real[0]
    return [work.states[work.plan.target] for work in works]
