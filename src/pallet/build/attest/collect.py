"""From what a build knows to what is attached to its images."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

from pallet.build.attest.provenance import Invocation, provenance
from pallet.build.attest.scan import Inventory, scan
from pallet.build.attest.spdx import PREDICATE_TYPE, spdx_document
from pallet.build.attest.statement import Predicate
from pallet.build.context import Context
from pallet.build.events import Step
from pallet.build.git import version_control
from pallet.build.layers import Layer, directories
from pallet.build.options import NamedContext
from pallet.build.shared import Shared, Work
from pallet.build.state import State
from pallet.build.view import with_views
from pallet.dockerfile.graph import context_name
from pallet.ops.times import now_ns
from pallet.platform import Platform

_STAGES, _CONTEXT = "BUILDKIT_SBOM_SCAN_STAGE", "BUILDKIT_SBOM_SCAN_CONTEXT"


def predicates(shared: Shared, work: Work, state: State, invocation: Invocation) -> list[Predicate]:
    """What is to be said of one platform's image.

    Args:
        shared: the build's parts; every step is done.
        work: the platform.
        state: the target's stage.
        invocation: what all platforms have in common.

    Raises:
        HostError: the files of a stage cannot be seen.
    """
    request = shared.options.attest
    found: list[Predicate] = []
    if request.sbom:
        with shared.journal.step(f"[{work.platform}] generating sbom") as step:
            found += _sboms(shared, work, state, step)
    if request.provenance is not None:

        def top(name: str, platform: Platform) -> Layer | None:
            return shared.bases.image(name, platform).top

        found.append(provenance(request.provenance, invocation, shared.options, work, top))
    return found


def invocation_of(shared: Shared, work: Work) -> Invocation:
    """What is to be told of the whole build, which ends now."""
    options, context, dockerfile = shared.options, shared.context, work.dockerfile
    name = dockerfile.name
    if context.origin is not None and options.dockerfile_text is None:
        name = options.dockerfile or name  # where it is in there; of a local one only the name is told
    fetched = {each.name: opened.origin for each, opened in _named(shared) if opened.origin is not None}
    here = tuple(each.name for each, opened in _named(shared) if opened.origin is None)
    return Invocation(
        uuid4().hex,
        shared.started,
        now_ns(),
        name,
        dockerfile.source,
        context.origin,
        tuple(fetched.values()),
        here,
        {} if context.origin is not None else version_control(context.path, options.dockerfile),
    )


def _named(shared: Shared) -> Iterator[tuple[NamedContext, Context]]:
    """The named contexts that are files, and what was opened."""
    for each in shared.options.contexts:
        opened = shared.contexts.get(context_name(each.name))
        if opened is not None:
            yield each, opened


def _sboms(shared: Shared, work: Work, state: State, step: Step) -> Iterator[Predicate]:
    names = [str(each.with_default_tag()) for each in shared.options.tags]
    yield _sbom(shared, names[0] if names else "image", "sbom", _look(shared, state.top), step)
    for index in sorted(work.states):
        if index != work.plan.target and _wants(work, index, _STAGES):
            name = work.plan.stages[index].stage.label
            yield _sbom(shared, name, f"sbom-{name}", _look(shared, work.states[index].top), step)
    if any(_wants(work, index, _CONTEXT) for index in work.states):
        yield _sbom(shared, "context", "sbom-context", scan(shared.tree_of("").root), step)


def _sbom(shared: Shared, name: str, file: str, inventory: Inventory, step: Step) -> Predicate:
    step.log(f"{name}: {len(inventory.packages)} packages\n")
    for sentence in inventory.unread:
        step.log(f"WARNING: {sentence}\n")
    return Predicate(PREDICATE_TYPE, spdx_document(name, inventory, shared.now()), f"{file}.spdx.json")


def _look(shared: Shared, top: Layer | None) -> Inventory:
    return with_views(shared.staging().path, [layer_directories(shared, top)], lambda roots: scan(roots[0]))


def layer_directories(shared: Shared, top: Layer | None) -> list[str]:
    """Where the files of a stage are, once its layers are kept, top first."""
    snapshots = shared.engine.snapshots
    if top is not None and snapshots.has(top.chain_id):
        return snapshots.lower_dirs(top.chain_id)
    return directories(top)


def _wants(work: Work, index: int, argument: str) -> bool:
    """Whether a stage is to be scanned, by its own ARG, or by one that lists its name."""
    own = _value(work, index, argument)
    if own.lower() in ("1", "true"):
        return True
    name = work.plan.stages[index].stage.name
    listed = (word for other in work.states for word in _value(work, other, argument).split(","))
    return bool(name) and name in listed


def _value(work: Work, index: int, argument: str) -> str:
    return work.states[index].scope.arguments.get(argument, "") or work.variables.get(argument, "")
