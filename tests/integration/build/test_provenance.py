"""Provenance field by field, as BuildKit's documentation and its types have it; a golden file for what mode=max tells.

Run with PALLET_GOLDEN=write to write the golden file again, and look at what changed.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support.pallet import PalletCLI

_GOLDEN = Path(__file__).parents[2] / "golden/provenance/max.json"
_METADATA = "https://mobyproject.org/buildkit@v1#metadata"
_LAYERS = {f"application/vnd.oci.image.layer.v1.tar{suffix}" for suffix in ("", "+gzip")} | {
    "application/vnd.docker.image.rootfs.diff.tar.gzip"
}
_TEXT = """\
FROM box AS tools
RUN --network=host echo x > /x
FROM box
ARG WORD
WORKDIR w
COPY f g/
COPY --from=tools --link --chown=nobody:2 --chmod=600 /x /y
COPY <<A <<B /in/
a
A
b
B
COPY --parents ./c/./d /p/
ADD --exclude=*.o --chmod=u+x f /added/
RUN --mount=type=secret,id=key,env=KEY,required --mount=type=cache,target=/c,sharing=locked \\
    --mount=type=bind,from=tools,source=/x,target=m --mount=type=tmpfs,target=/t,size=1m --network=none cat m
RUN --mount=type=ssh <<E
#!/bin/sh
true
E
USER nobody
"""


@pytest.fixture
def context(pallet: PalletCLI, busybox_tar: Path, tmp_path: Path) -> Path:
    pallet.ok("import", str(busybox_tar), "box")
    place = tmp_path / "context"
    (place / "c/d").mkdir(parents=True)
    (place / "c/d/file").write_text("deep")
    (place / "f").write_text("f")
    (place / "Dockerfile").write_text(_TEXT)
    (tmp_path / "key").write_text("hidden")
    return place


def told(pallet: PalletCLI, context: Path, request: str, *args: str) -> dict[str, Any]:
    """The provenance of a build, out of a local output."""
    place = context.parent / "out"
    pallet.ok(
        *("build", "--attest", f"type=provenance,{request}", "--secret", f"id=key,src={context.parent / 'key'}"),
        *("--allow", "network.host", "-o", str(place), *args, str(context)),
    )
    statement = json.loads((place / "provenance.json").read_bytes())
    assert statement["predicateType"].startswith("https://slsa.dev/provenance/v")
    found: dict[str, Any] = statement["predicate"]
    assert "hidden" not in json.dumps(found)
    return found


_ARGS = ("--build-arg", "WORD=hi", "--label", "l=v", "--add-host", "a:1.2.3.4", "--ulimit", "nofile=1000:2000")


def test_all_of_mode_max(pallet: PalletCLI, context: Path) -> None:
    found = told(pallet, context, "mode=max", *_ARGS, "--no-cache-filter", "tools", "--shm-size", "1m")
    infos = found["metadata"][_METADATA]["source"]["infos"]
    assert base64.b64decode(infos[0].pop("data")).decode() == _TEXT
    assert infos == [{"filename": "Dockerfile", "language": "Dockerfile"}]
    layers = found["metadata"][_METADATA]["layers"]
    found["metadata"][_METADATA]["layers"] = {step: [len(chain) for chain in chains] for step, chains in layers.items()}
    assert {each["mediaType"] for chains in layers.values() for each in chains[0]} <= _LAYERS
    assert layers["step0:0"][0] == layers["step1:0"][0][:1]
    text = json.dumps(found, indent=1, sort_keys=True) + "\n"
    text = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text)
    text = re.sub(r'("build(?:InvocationID|StartedOn|FinishedOn)": )"[^"]+"', r'\1"*"', text)
    if os.environ.get("PALLET_GOLDEN") == "write":
        _GOLDEN.parent.mkdir(exist_ok=True)
        _GOLDEN.write_text(text)
    assert text == _GOLDEN.read_text()


def test_mode_min_tells_neither_values_nor_steps(pallet: PalletCLI, context: Path) -> None:
    found = told(pallet, context, "mode=min,reproducible=true", *_ARGS, "--target", "tools", "--network", "none")
    del (
        found["metadata"]["buildInvocationID"],
        found["metadata"]["buildStartedOn"],
        found["metadata"]["buildFinishedOn"],
    )
    (material,) = found.pop("materials")
    assert material["uri"] == "pkg:docker/box@latest?platform=linux%2Famd64"
    assert found == {
        "builder": {"id": ""},
        "buildType": "https://mobyproject.org/buildkit@v1",
        "invocation": {
            "configSource": {"entryPoint": "Dockerfile"},
            "parameters": {
                "frontend": "dockerfile.v0",
                "args": {
                    "add-hosts": "a=1.2.3.4",
                    "force-network-mode": "none",
                    "target": "tools",
                    "ulimit": "nofile=1000:2000",
                },
                "locals": [{"name": "context"}, {"name": "dockerfile"}],
            },
            "environment": {"platform": "linux/amd64"},
        },
        "metadata": {
            "completeness": {"parameters": False, "environment": True, "materials": False},
            "reproducible": True,
            _METADATA: {},
        },
    }


def test_version_1_says_the_same_in_other_places(pallet: PalletCLI, context: Path) -> None:
    old = told(pallet, context, "mode=max", *_ARGS)
    new = told(pallet, context, "mode=max,version=v1,builder-id=https://example.org/b", *_ARGS)
    definition, run = new["buildDefinition"], new["runDetails"]
    assert definition["resolvedDependencies"] == old["materials"]
    assert definition["externalParameters"] == {
        "configSource": {"path": "Dockerfile"},
        "request": old["invocation"]["parameters"],
    }
    assert definition["internalParameters"] == {"builderPlatform": "linux/amd64", "buildConfig": old["buildConfig"]}
    assert run["builder"]["id"] == "https://example.org/b"
    assert run["metadata"]["buildkit_metadata"] == old["metadata"][_METADATA]
    assert run["metadata"]["buildkit_completeness"] == {"request": True, "resolvedDependencies": False}
    assert {"invocationId", "startedOn", "finishedOn"} < run["metadata"].keys()
    assert not {"buildkit_hermetic", "buildkit_reproducible"} & run["metadata"].keys()


def test_contexts_by_name_and_version_control(pallet: PalletCLI, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY --from=more f /\nCOPY --from=image /etc/group /\n")
    words = ("--build-context", f"more={context / 'c/../.'}", "--build-context", "image=docker-image://box")
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org", "-C", str(context.parent)]
    for arguments in (
        *(["init", "-q"], ["add", "context"], ["commit", "-qm", "m"]),
        ["remote", "add", "origin", "https://me:secret@example.org/r.git"],
    ):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    found = told(pallet, context, "mode=min", *words)
    parameters = found["invocation"]["parameters"]
    assert parameters["args"] == {"context:image": "docker-image://box", "context:more": "local:more"}
    assert [each["name"] for each in parameters["locals"]] == ["context", "dockerfile", "more"]
    assert found["metadata"][_METADATA]["vcs"] == {
        "source": "https://xxxxx:xxxxx@example.org/r.git",
        "revision": head,
        "localdir:context": "context",
        "localdir:dockerfile": "context",
    }


def test_files_of_outputs_and_what_a_metadata_file_has(pallet: PalletCLI, context: Path, tmp_path: Path) -> None:
    place = tmp_path / "out"
    request = (
        "--attest",
        "type=provenance,mode=full,filename=how.json",
        "--target",
        "tools",
        "--allow",
        "network.host",
    )
    meta = tmp_path / "meta.json"
    pallet.ok("build", *request, "-o", str(place), "--metadata-file", str(meta), str(context))
    whole = json.loads((place / "how.json").read_bytes())["predicate"]
    short = json.loads(meta.read_text())["buildx.build.provenance"]
    assert short.keys() == whole.keys() - {"buildConfig", "metadata"}
    assert short["invocation"] == whole["invocation"]
    pallet.env["BUILDX_METADATA_PROVENANCE"] = "max"
    inline = ("--provenance", "inline-only=true", *request[2:])
    pallet.ok("build", *inline, "-o", str(tmp_path / "second"), "--metadata-file", str(meta), str(context))
    assert "buildConfig" in json.loads(meta.read_text())["buildx.build.provenance"]
    assert not (tmp_path / "second/provenance.json").exists()
    refused = pallet("build", "--provenance", "filename=../x", str(context))
    assert refused.code == 1 and 'invalid provenance filename "../x"' in refused.stderr
