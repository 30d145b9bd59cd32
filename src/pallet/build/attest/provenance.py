"""How an image was made, in SLSA's words.

Source: SLSA provenance 0.2 and 1.0; BuildKit's documentation, "SLSA definitions", for what each field has. Steps are
told in the vocabulary of BuildKit's LLB, one for each layer: `exec`, `file`, `source`.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from pallet.build.attest.request import ProvenanceRequest
from pallet.build.attest.statement import Predicate, image_purl
from pallet.build.options import BuildOptions
from pallet.build.record import StepRecord
from pallet.build.shared import Work
from pallet.dockerfile.instructions import Run
from pallet.errors import InvalidReference
from pallet.oci.codec import to_json_object
from pallet.ops.times import rfc3339_nano
from pallet.platform import host
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
    """

    id: str
    started: int
    finished: int
    dockerfile: str
    text: str
    origin: tuple[str, str, str] | None = None
    contexts: tuple[tuple[str, str, str], ...] = ()


def provenance(request: ProvenanceRequest, invocation: Invocation, options: BuildOptions, work: Work) -> Predicate:
    """The provenance of one platform's image."""
    parts = _Parts(request, invocation, options, work)
    if request.version == "v1":
        return Predicate(_V1, parts.v1(), "provenance")
    return Predicate(_V02, parts.v02(), "provenance")


class _Parts:
    def __init__(self, request: ProvenanceRequest, invocation: Invocation, options: BuildOptions, work: Work) -> None:
        self._request = request
        self._whole = request.mode == "max"
        self._invocation = invocation
        self._options = options
        self._work = work
        self._complete = self._whole or not (options.build_args or options.labels)

    def v02(self) -> dict[str, Any]:
        at = f"{_BUILD_TYPE_V02}#"
        source = {**self._source(), "entryPoint": self._invocation.dockerfile}
        return {
            "builder": {"id": self._request.builder_id},
            "buildType": _BUILD_TYPE_V02,
            "materials": self._materials(),
            "invocation": {
                "configSource": source,
                "parameters": self._parameters(),
                "environment": {"platform": str(host())},
            },
            **({"buildConfig": self._config()} if self._whole else {}),
            "metadata": {
                "buildInvocationID": self._invocation.id,
                "buildStartedOn": rfc3339_nano(self._invocation.started),
                "buildFinishedOn": rfc3339_nano(self._invocation.finished),
                "completeness": {"parameters": self._complete, "environment": True, "materials": False},
                "reproducible": self._request.reproducible,
                f"{at}hermetic": self._hermetic(),
                f"{at}metadata": self._metadata(),
            },
        }

    def v1(self) -> dict[str, Any]:
        config = {"buildConfig": self._config()} if self._whole else {}
        return {
            "buildDefinition": {
                "buildType": _BUILD_TYPE_V1,
                "externalParameters": {
                    "configSource": {**self._source(), "path": self._invocation.dockerfile},
                    "request": self._parameters(),
                },
                "internalParameters": {"builderPlatform": str(host()), **config},
                "resolvedDependencies": self._materials(),
            },
            "runDetails": {
                "builder": {"id": self._request.builder_id, "version": {"pallet": __version__}},
                "metadata": {
                    "invocationId": self._invocation.id,
                    "startedOn": rfc3339_nano(self._invocation.started),
                    "finishedOn": rfc3339_nano(self._invocation.finished),
                    "buildkit_hermetic": self._hermetic(),
                    "buildkit_reproducible": self._request.reproducible,
                    "buildkit_completeness": {"request": self._complete, "resolvedDependencies": False},
                    "buildkit_metadata": self._metadata(),
                },
            },
        }

    def _source(self) -> dict[str, Any]:
        """Where the Dockerfile was fetched from; nothing for one of this machine."""
        if self._invocation.origin is None or self._options.dockerfile_text is not None:
            return {}
        return _fetched(self._invocation.origin)

    def _locals(self) -> list[dict[str, str]]:
        here = self._invocation.origin is None
        names = ["context"] * here + ["dockerfile"] * (here or self._options.dockerfile_text is not None)
        return [{"name": name} for name in names]

    def _materials(self) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for name, platform, digest in self._work.images:
            try:
                uri = image_purl(parse(name), platform)
            except InvalidReference:
                continue
            found[uri] = {"uri": uri, "digest": {"sha256": digest.hex}}
        origin = self._invocation.origin
        for each in (*((origin,) if origin else ()), *self._invocation.contexts, *self._work.fetched):
            material = _fetched(each)
            found[material["uri"]] = material
        return [found[uri] for uri in sorted(found)]

    def _parameters(self) -> dict[str, Any]:
        options = self._options
        args: dict[str, str] = {}
        if options.target:
            args["target"] = options.target
        if self._whole:
            args |= {f"build-arg:{name}": value for name, value in options.build_args.items()}
            args |= {f"label:{name}": value for name, value in options.labels.items()}
        found: dict[str, Any] = {
            "frontend": "dockerfile.v0",
            "args": dict(sorted(args.items())),
            "locals": self._locals(),
        }
        if self._whole:
            for kind, key in (("secret", "secrets"), ("ssh", "ssh")):
                used = self._mounts(kind)
                if used:
                    found[key] = [{"id": id, "optional": optional} for id, optional in sorted(used.items())]
        return found

    def _mounts(self, kind: str) -> dict[str, bool]:
        """The ids of the secrets or agents that RUNs asked for, and whether all could have done without."""
        used: dict[str, bool] = {}
        for step in self._work.steps:
            if isinstance(step.instruction, Run):
                for mount in step.instruction.mounts:
                    if mount.type == kind:
                        id = mount.id or mount.source or "default"
                        used[id] = used.get(id, True) and not mount.required
        return used

    def _hermetic(self) -> bool:
        runs = [step.instruction for step in self._work.steps if isinstance(step.instruction, Run)]
        return all(run.network == "none" or self._options.network == "none" for run in runs)

    def _config(self) -> dict[str, Any]:
        return {"llbDefinition": [_described(place, step) for place, step in enumerate(self._steps())]}

    def _steps(self) -> Sequence[StepRecord]:
        return sorted(self._work.steps, key=lambda step: (step.stage, step.place))

    def _metadata(self) -> dict[str, Any]:
        if not self._whole:
            return {}
        text = base64.b64encode(self._invocation.text.encode("utf-8", "surrogateescape")).decode()
        locations = {
            f"step{place}": {"locations": [{"ranges": [_range(step)]}]} for place, step in enumerate(self._steps())
        }
        layers = {
            f"step{place}:0": [[to_json_object(step.layer.packed.blob)]] for place, step in enumerate(self._steps())
        }
        infos = [{"filename": self._invocation.dockerfile, "language": "Dockerfile", "data": text}]
        return {"source": {"locations": locations, "infos": infos}, "layers": layers}


def _described(place: int, step: StepRecord) -> dict[str, Any]:
    """One step in the words of BuildKit's LLB."""
    config = step.config
    if isinstance(step.instruction, Run):
        meta = {"args": list(step.args), "env": list(step.env), "cwd": config.working_dir or "/", "user": config.user}
        op: dict[str, Any] = {"exec": {"meta": meta, "network": step.instruction.network.upper()}}
    else:
        op = {"file": {"actions": [{"description": step.text}]}}
    inputs = [f"step{place - 1}:0"] if step.place and place else []
    return {"id": f"step{place}", "op": {"Op": op, "platform": to_json_object(step.platform)}, "inputs": inputs}


def _range(step: StepRecord) -> dict[str, Any]:
    first, last = step.instruction.lines
    return {"start": {"line": first}, "end": {"line": last}}


def _fetched(origin: tuple[str, str, str]) -> dict[str, Any]:
    address, algorithm, digits = origin
    return {"uri": _without_credentials(address), "digest": {algorithm: digits}}


def _without_credentials(address: str) -> str:
    if address.startswith("github.com/"):
        address = "https://" + address
    parts = urlsplit(address)
    host_part = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host_part)) if parts.scheme in ("http", "https") else address
