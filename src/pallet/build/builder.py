"""The builder: a Dockerfile and a context become an image.

Only the stages that the target needs are built, each by a thread of its own that waits for those it needs. What was
made is kept for the next build even if this one fails; an interrupted build leaves nothing.
"""

from __future__ import annotations

import posixpath
import threading
from concurrent.futures import Future

from pallet.build.context import Context, ignore_rules, open_context
from pallet.build.events import Canceled, Journal, Listener, deaf
from pallet.build.image import make_image, record, squashed
from pallet.build.options import BuildOptions, BuildResult
from pallet.build.output import check_outputs, write_outputs
from pallet.build.shared import Shared, Work
from pallet.build.stage import StageBuilder
from pallet.build.state import State
from pallet.dockerfile.graph import Plan, context_name, plan
from pallet.dockerfile.scope import global_variables, platform_arguments
from pallet.dockerfile.stages import Dockerfile, parse_dockerfile
from pallet.engine import Engine
from pallet.errors import InvalidInput
from pallet.platform import host

_DOCKER_IMAGE = "docker-image://"
_UNSUPPORTED = ("oci-layout://", "target:")


def build(engine: Engine, context: Context, options: BuildOptions, listener: Listener = deaf) -> BuildResult:
    """Build an image.

    Args:
        engine: whose store.
        context: the build's context; the caller closes it.
        options: what is asked for.
        listener: hears of each step; called by several threads, one at a time.

    Returns:
        What was made; with outputs other than the store's the image is not recorded there.

    Raises:
        DockerfileError: the Dockerfile is wrong, or one of its instructions failed.
        InvalidInput: the options are wrong.
        HostError: the machine is at fault.
    """
    journal = Journal(listener)
    check_outputs(options)
    dockerfile = read_dockerfile(context, options, journal)
    work = make_plan(dockerfile, options)
    with journal.step("[internal] load .dockerignore"):
        name = "" if options.dockerfile_text is not None else options.dockerfile or "Dockerfile"
        context.ignoring(ignore_rules(context, name, options.ignore_text))
    with engine.store.adding(), Shared(engine, options, context, journal) as shared:
        _open_contexts(shared)
        try:
            state = _build_stages(shared, work)
            shared.cancel_all(None)
        except Exception as error:
            shared.cancel_all(error)
            shared.book.keep()
            raise
        if options.squash:
            state = squashed(shared, state)
        return _finish(shared, state)


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


def make_plan(dockerfile: Dockerfile, options: BuildOptions) -> Work:
    """Which stages are needed, and what for.

    Raises:
        DockerfileError, InvalidInput: see `dockerfile.graph.plan`.
    """
    target = options.platform or host()
    predefined = platform_arguments(target, host(), overrides=options.build_args, stage=options.target)
    variables = global_variables(dockerfile, predefined, options.build_args)
    names = tuple(each.name for each in options.contexts)
    found: Plan = plan(dockerfile, variables, target=options.target, contexts=names)
    return Work(dockerfile, found, variables)


def _open_contexts(shared: Shared) -> None:
    for each in shared.options.contexts:
        if each.value.startswith(_UNSUPPORTED):
            raise InvalidInput(f"build context {each.name}: {each.value} is not supported")
        if each.value.startswith(_DOCKER_IMAGE):
            continue
        name = context_name(each.name)
        with shared.journal.step(f"[context {each.name}] load from {each.value}"):
            context = shared.opened(open_context(shared.engine.snapshots, each.value))
            context.ignoring(ignore_rules(context, ""))
            shared.contexts[name] = context


def _build_stages(shared: Shared, work: Work) -> State:
    """Build the target's stage and those it needs.

    Raises:
        The error of the stage that failed first.
    """
    done: dict[int, Future[State]] = {index: Future() for index in work.plan.needed}
    failed: list[BaseException] = []
    first = threading.Lock()

    def need(index: int) -> State:
        try:
            return done[index].result()
        except BaseException as error:
            raise Canceled from error  # the other stage tells why

    def run(index: int) -> None:
        builder = StageBuilder(shared, work, work.plan.stages[index], need)
        try:
            done[index].set_result(builder.build())
        except BaseException as error:
            with first:
                if not isinstance(error, Canceled) or not failed:
                    failed.append(error)
            shared.cancel.set()
            done[index].set_exception(error)

    threads = [
        threading.Thread(target=run, args=(index,), name=f"stage-{index}", daemon=True) for index in work.plan.needed
    ]
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
    return done[work.plan.target].result()


def _finish(shared: Shared, state: State) -> BuildResult:
    options = shared.options
    made, found = shared.book.made, shared.book.found
    with shared.journal.step("exporting to image") as step:
        step.log("exporting layers\n")
        shared.book.keep()
        config, manifest = make_image(state, options)
        stored = [output for output in options.outputs if output.type == "image"]
        if stored or not options.outputs:
            step.log(f"writing image {config.id}\n")
            for reference in options.tags:
                step.log(f"naming to {reference.with_default_tag()}\n")
            with shared.engine.store.db.transaction():  # one, for each waits for the disk
                record(shared.engine, config, manifest, options.tags)
                shared.book.touch()
    write_outputs(shared, state, config, manifest)
    return BuildResult(config.id, manifest, config, options.tags, made, found)
