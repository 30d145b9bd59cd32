"""How an image was made, in SLSA's words.

Source: SLSA provenance 0.2 and 1.0; BuildKit's documentation, "SLSA definitions", for what each field has, and its
solver/llbsolver/provenance for what is left out.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec

from pallet.build.attest.llb import Definition
from pallet.build.attest.request import ProvenanceRequest
from pallet.build.attest.statement import Predicate, image_purl
from pallet.build.bases import PREFIX as LAYOUT
from pallet.build.bases import named_image
from pallet.build.git import is_git
from pallet.build.layers import Layer
from pallet.build.options import BuildOptions
from pallet.build.redact import redacted
from pallet.build.shared import Work
from pallet.dockerfile.instructions import Run
from pallet.errors import InvalidReference
from pallet.ops.times import rfc3339_nano
from pallet.platform import Platform, host
from pallet.reference import parse
from pallet.version import __version__

_V02 = "https://slsa.dev/provenance/v0.2"
_V1 = "https://slsa.dev/provenance/v1"
_BUILD_TYPE_V02 = "https://mobyproject.org/buildkit@v1"
_BUILD_TYPE_V1 = "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md"


class Invocation(msgspec.Struct, frozen=True):
    """One call of the builder: what all its platforms have in common; times in nanoseconds since 1970.

    Attributes:
        id: made up.
        started, finished: when.
        dockerfile: its name.
        text: what it says.
        origin: where the context came from, as `Context` has it; None for one of this machine.
        contexts: where the named ones came from, of those that were fetched.
        locals: the named ones of this machine.
        vcs: what version control says of the context, as buildx tells BuildKit.
    """

    id: str
    started: int
    finished: int
    dockerfile: str
    text: str
    origin: tuple[str, str, str] | None = None
    contexts: tuple[tuple[str, str, str], ...] = ()
    locals: tuple[str, ...] = ()
    vcs: dict[str, str] = {}


def provenance(
    request: ProvenanceRequest,
    invocation: Invocation,
    options: BuildOptions,
    work: Work,
    image: Callable[[str, Platform], Layer | None],
) -> Predicate:
    """The provenance of one platform's image; `image` gives the uppermost layer of an image that the build had."""
    definition = Definition(work, options, invocation.origin, image) if request.mode == "max" else None
    parts = _Parts(request, invocation, options, work, definition)
    if request.version == "v1":
        return Predicate(_V1, parts.v1(), request.file)
    return Predicate(_V02, parts.v02(), request.file)


class _Parts:
    def __init__(
        self,
        request: ProvenanceRequest,
        invocation: Invocation,
        options: BuildOptions,
        work: Work,
        definition: Definition | None,
    ) -> None:
        self._request = request
        self._invocation = invocation
        self._options = options
        self._work = work
        self._definition = definition
        self._locals = self._local_names()
        # All that was taken from elsewhere is known by its digest, but what was on this machine.
        layouts = any(name.startswith(LAYOUT) for name, _, _ in work.images)
        self._traced = not self._locals and not layouts

    def v02(self) -> dict[str, Any]:
        at = f"{_BUILD_TYPE_V02}#"
        materials = self._materials()
        return {
            "builder": {"id": self._request.builder_id},
            "buildType": _BUILD_TYPE_V02,
            **({"materials": materials} if materials else {}),
            "invocation": {
                "configSource": {**self._source(), "entryPoint": self._invocation.dockerfile},
                "parameters": self._parameters(),
                "environment": {"platform": str(host())},
            },
            **self._config(),
            "metadata": {
                "buildInvocationID": self._invocation.id,
                "buildStartedOn": rfc3339_nano(self._invocation.started),
                "buildFinishedOn": rfc3339_nano(self._invocation.finished),
                "completeness": {"parameters": self._told, "environment": True, "materials": self._traced},
                "reproducible": self._request.reproducible,
                f"{at}metadata": self._metadata(),
                **({f"{at}hermetic": True} if self._hermetic() else {}),
            },
        }

    def v1(self) -> dict[str, Any]:
        materials = self._materials()
        return {
            "buildDefinition": {
                "buildType": _BUILD_TYPE_V1,
                "externalParameters": {
                    "configSource": {**self._source(), "path": self._invocation.dockerfile},
                    "request": self._parameters(),
                },
                "internalParameters": {"builderPlatform": str(host()), **self._config()},
                **({"resolvedDependencies": materials} if materials else {}),
            },
            "runDetails": {
                "builder": {"id": self._request.builder_id, "version": {"pallet": __version__}},
                "metadata": {
                    "invocationId": self._invocation.id,
                    "startedOn": rfc3339_nano(self._invocation.started),
                    "finishedOn": rfc3339_nano(self._invocation.finished),
                    "buildkit_metadata": self._metadata(),
                    **({"buildkit_hermetic": True} if self._hermetic() else {}),
                    "buildkit_completeness": {"request": self._told, "resolvedDependencies": self._traced},
                    **({"buildkit_reproducible": True} if self._request.reproducible else {}),
                },
            },
        }

    @property
    def _told(self) -> bool:
        """Whether all arguments are there."""
        return self._definition is not None or not (self._options.build_args or self._options.labels)

    def _source(self) -> dict[str, Any]:
        """Where the Dockerfile was fetched from; nothing for one of this machine."""
        if self._invocation.origin is None or self._options.dockerfile_text is not None:
            return {}
        return _fetched(self._invocation.origin)

    def _local_names(self) -> list[str]:
        here = self._invocation.origin is None
        names = ["context"] * here + ["dockerfile"] * (here or self._options.dockerfile_text is not None)
        return sorted({*names, *self._invocation.locals})

    def _materials(self) -> list[dict[str, Any]]:
        """Images by name, then repositories, then files of the web; each once."""
        found: dict[str, dict[str, Any]] = {}
        named = {name.partition("@")[0] for name, _, _ in self._work.images if "@" not in name}
        for name, platform, digest in sorted(self._work.images, key=lambda image: image[0]):
            try:
                reference = parse(name)
            except InvalidReference:
                continue
            if reference.digest is None or name.partition("@")[0] not in named:
                uri = image_purl(reference, platform)
                found.setdefault(uri, {"uri": uri, "digest": {"sha256": digest.hex}})
        origin = self._invocation.origin
        fetched = {*((origin,) if origin else ()), *self._invocation.contexts, *self._work.fetched}
        for each in sorted(fetched, key=lambda origin: (not is_git(origin[0]), origin)):
            material = _fetched(each)
            found.setdefault(material["uri"], material)
        return list(found.values())

    def _parameters(self) -> dict[str, Any]:
        whole = self._definition is not None
        found: dict[str, Any] = {"frontend": "dockerfile.v0"}
        args = frontend_arguments(self._options, whole=whole)
        if args:
            found["args"] = args
        for kind, key in (("secret", "secrets"), ("ssh", "ssh")):
            used = self._mounts(kind) if whole else {}
            if used:
                found[key] = [{"id": id, **({"optional": True} if used[id] else {})} for id in sorted(used)]
        if self._locals:
            found["locals"] = [{"name": name} for name in self._locals]
        return found

    def _mounts(self, kind: str) -> dict[str, bool]:
        """The ids of the secrets or agents that RUNs asked for, and whether all could have done without."""
        used: dict[str, bool] = {}
        for step in self._work.steps:
            if isinstance(step.instruction, Run):
                for mount in step.instruction.mounts:
                    if mount.type == kind:
                        used[mount.known_as] = used.get(mount.known_as, True) and not mount.required
        return used

    def _hermetic(self) -> bool:
        runs = [step.instruction for step in self._work.steps if isinstance(step.instruction, Run)]
        networks = [self._options.network if run.network == "default" else run.network for run in runs]
        return self._traced and all(network == "none" for network in networks)

    def _config(self) -> dict[str, Any]:
        if self._definition is None:
            return {}
        steps = self._definition.steps()
        return {"buildConfig": {"llbDefinition": steps} if steps else {}}

    def _metadata(self) -> dict[str, Any]:
        found: dict[str, Any] = {"vcs": self._invocation.vcs} if self._invocation.vcs else {}
        if self._definition is not None:
            text = base64.b64encode(self._invocation.text.encode("utf-8", "surrogateescape")).decode()
            infos = [{"filename": self._invocation.dockerfile, "language": "Dockerfile", "data": text}]
            found["source"] = {"locations": self._definition.locations(), "infos": infos}
            layers = self._definition.layers()
            if layers:
                found["layers"] = layers
        return found


def shortened(provenance: dict[str, Any]) -> dict[str, Any]:
    """A provenance of either version without what mode=max adds, and without what was told of the call."""
    if "buildDefinition" not in provenance:
        return {name: value for name, value in provenance.items() if name not in ("buildConfig", "metadata")}
    definition, run = provenance["buildDefinition"], provenance["runDetails"]
    inner = {name: value for name, value in definition["internalParameters"].items() if name != "buildConfig"}
    return {
        "buildDefinition": {**definition, "internalParameters": inner},
        "runDetails": {name: value for name, value in run.items() if name != "metadata"},
    }


def frontend_arguments(options: BuildOptions, *, whole: bool) -> dict[str, str]:
    """What buildx would tell BuildKit's Dockerfile frontend, but for what only concerns the machine.

    Args:
        options: the build's.
        whole: with build arguments and labels, which may hold what is nobody's business.
    """
    args: dict[str, str] = {}
    if options.target:
        args["target"] = options.target
    if options.no_cache or options.no_cache_filter:
        args["no-cache"] = "" if options.no_cache else ",".join(options.no_cache_filter)
    if options.network in ("host", "none"):
        args["force-network-mode"] = options.network
    if options.extra_hosts:
        args["add-hosts"] = ",".join(
            "=".join(word.split("=" if "=" in word else ":", 1)) for word in options.extra_hosts
        )
    if options.ulimits:
        args["ulimit"] = ",".join(options.ulimits)
    if options.shm_size:
        args["shm-size"] = str(options.shm_size)
    for each in options.contexts:
        remote = named_image(each.value) or is_git(each.value) or each.value.startswith(("http://", "https://"))
        args[f"context:{each.name}"] = redacted(each.value) if remote else f"local:{each.name}"
    if whole:
        args |= {f"build-arg:{name}": value for name, value in options.build_args.items()}
        args |= {f"label:{name}": value for name, value in options.labels.items()}
    return dict(sorted(args.items()))


def _fetched(origin: tuple[str, str, str]) -> dict[str, Any]:
    address, algorithm, digits = origin
    whole = f"https://{address}" if address.startswith("github.com/") else address
    return {"uri": redacted(whole), "digest": {algorithm: digits}}
