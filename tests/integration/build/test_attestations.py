"""Several platforms, attestations and annotations: what is built, kept, pushed, and read by docker and skopeo."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support import need
from tests.support.dockerd import Dockerd
from tests.support.pallet import Output, PalletCLI
from tests.support.registry import RegistryServer

Build = Callable[..., Output]
_CROSS = (
    "FROM --platform=$BUILDPLATFORM box AS make\nARG TARGETPLATFORM TARGETARCH\n"
    "RUN echo $TARGETPLATFORM $TARGETARCH > /out\nFROM scratch\nCOPY --from=make /out /out\nCOPY busybox /busybox\n"
    'ENTRYPOINT ["/busybox", "cat", "/out"]\n'
)


@pytest.fixture
def box(pallet: PalletCLI, busybox_tar: Path) -> PalletCLI:
    pallet.ok("import", str(busybox_tar), "box")
    return pallet


@pytest.fixture
def build(box: PalletCLI, tmp_path: Path) -> Build:
    def run(dockerfile: str, *args: str) -> Output:
        context = tmp_path / "context"
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text(dockerfile)
        (context / "busybox").write_bytes(Path("/bin/busybox").read_bytes())
        (context / "busybox").chmod(0o755)
        return box("build", *args, str(context))

    return run


def layout(box: PalletCLI, name: str) -> tuple[dict[str, Any], Callable[[str], Any]]:
    """The index that a name stands for, and what reads any of its blobs."""
    place = box.home / "layout"
    box.ok("save", "--format", "oci-dir", "-o", str(place), name)

    def blob(digest: str) -> Any:
        return json.loads((place / "blobs/sha256" / digest.removeprefix("sha256:")).read_bytes())

    entries = json.loads((place / "index.json").read_bytes())["manifests"]
    return blob(entries[-1]["digest"]), blob


def test_several_platforms_make_an_index_that_others_read(
    box: PalletCLI, build: Build, registry: RegistryServer, dockerd: Dockerd
) -> None:
    need("skopeo")
    name = f"{registry.host}/multi/cross:1"
    done = build(_CROSS, "--platform", "linux/amd64,linux/arm64", "-t", name)
    assert done.code == 0, done.stderr
    assert "[linux/arm64 stage-1 1/2] COPY --from=make /out /out" in done.stderr
    assert box.ok("image", "ls", "-aq", name).count("\n") == 0
    assert box.ok("run", "--rm", "--network", "none", name) == "linux/amd64 amd64"
    box.ok("push", name)
    inspect = ["skopeo", "inspect", "--tls-verify=false", "--raw", f"docker://{name}"]
    raw = json.loads(subprocess.run(inspect, check=True, capture_output=True).stdout)
    assert [each["platform"]["architecture"] for each in raw["manifests"]] == ["amd64", "arm64"]
    dockerd.reach(int(registry.host.rpartition(":")[2]))
    assert dockerd.docker("pull", name).code == 0
    assert dockerd.docker("run", "--rm", "--network", "none", name).stdout.strip() == "linux/amd64 amd64"
    dockerd.docker("rmi", "-f", name)

    second = box.home / "foreign.tar"
    box.ok("save", "--format", "oci-archive", "-o", str(second), name)
    foreign = subprocess.run(
        ["skopeo", "inspect", "--override-arch", "arm64", f"oci-archive:{second}"], check=True, capture_output=True
    )
    assert json.loads(foreign.stdout)["Architecture"] == "arm64"


def test_an_index_goes_with_its_name(box: PalletCLI, build: Build) -> None:
    before = len(list((box.root / "blobs/sha256").iterdir()))
    assert build(_CROSS, "--platform", "linux/amd64,linux/arm64", "-t", "multi").code == 0
    assert box("system", "check").code == 0
    assert build(_CROSS, "--platform", "linux/amd64,linux/arm64", "-t", "multi", "--sbom", "true").code == 0
    box.ok("image", "rm", "multi")
    box.ok("builder", "prune", "-af")
    box.ok("system", "prune", "-f")
    assert len(list((box.root / "blobs/sha256").iterdir())) == before


def test_a_foreign_program_cannot_run_and_it_is_said(box: PalletCLI, build: Build, tmp_path: Path) -> None:
    if any("aarch64" in path.name for path in Path("/proc/sys/fs/binfmt_misc").glob("qemu-*")):
        pytest.skip("this machine runs arm64's programs")
    text = 'FROM scratch\nCOPY busybox /bin/sh\nRUN ["/bin/sh"]\n'
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00\x01\x00\x00\x00" + bytes(40)
    context = tmp_path / "foreign"
    context.mkdir()
    (context / "Dockerfile").write_text(text)
    (context / "busybox").write_bytes(header)
    (context / "busybox").chmod(0o755)
    done = box("build", "--platform", "linux/arm64", str(context))
    assert done.code == 1
    assert "exec format error: this machine does not run programs for linux/arm64" in done.stderr


def test_outputs_of_several_platforms(box: PalletCLI, build: Build, tmp_path: Path) -> None:
    both = ("--platform", "linux/amd64,linux/arm64")
    assert build(_CROSS, *both, "-o", str(tmp_path / "out")).code == 0
    assert (tmp_path / "out/linux_arm64/out").read_text() == "linux/arm64 arm64\n"
    assert build(_CROSS, *both, "-o", f"type=oci,dest={tmp_path / 'm.tar'}").code == 0
    assert not (tmp_path / "d.tar").exists()
    refused = build(_CROSS, *both, "-o", f"type=docker,dest={tmp_path / 'd.tar'}")
    assert "docker exporter does not currently support exporting manifest lists" in refused.stderr


def test_attestations_are_attached_as_buildkit_does(box: PalletCLI, build: Build, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden")
    text = "FROM box AS tools\nARG BUILDKIT_SBOM_SCAN_STAGE=true\nFROM box\nARG WORD\n"
    text += "RUN --mount=type=secret,id=key echo $WORD > /w\n"
    meta = tmp_path / "meta.json"
    done = build(
        text.replace("RUN", "COPY --from=tools /etc/group /g\nRUN"),
        *("--sbom", "true", "--attest", "type=provenance,mode=max", "--build-arg", "WORD=hello", "-t", "team/app:1"),
        *("--secret", f"id=key,src={tmp_path / 'secret'}", "--metadata-file", str(meta)),
    )
    assert done.code == 0, done.stderr
    assert box.ok("run", "--rm", "--network", "none", "team/app:1", "cat", "/w") == "hello"
    index, blob = layout(box, "team/app:1")
    image, attached = index["manifests"]
    assert attached["platform"] == {"architecture": "unknown", "os": "unknown"}
    assert attached["annotations"] == {
        "vnd.docker.reference.digest": image["digest"],
        "vnd.docker.reference.type": "attestation-manifest",
    }
    manifest = blob(attached["digest"])
    config = blob(manifest["config"]["digest"])
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
    assert {layer["mediaType"] for layer in manifest["layers"]} == {"application/vnd.in-toto+json"}
    kinds = [layer["annotations"]["in-toto.io/predicate-type"] for layer in manifest["layers"]]
    assert kinds == ["https://spdx.dev/Document"] * 2 + ["https://slsa.dev/provenance/v0.2"]
    statements = [blob(layer["digest"]) for layer in manifest["layers"]]
    subject = {
        "name": "pkg:docker/team/app@1?platform=linux%2Famd64",
        "digest": {"sha256": image["digest"].removeprefix("sha256:")},
    }
    assert all(each["subject"] == [subject] for each in statements)
    said = statements[2]["predicate"]
    assert said["invocation"]["parameters"]["args"] == {"build-arg:WORD": "hello"}
    assert said["invocation"]["parameters"]["secrets"] == [{"id": "key", "optional": True}]
    assert said["materials"][0]["uri"] == "pkg:docker/box@latest?platform=linux%2Famd64"
    steps = said["buildConfig"]["llbDefinition"]
    assert steps[-2]["op"]["Op"]["exec"]["meta"]["args"] == ["/bin/sh", "-c", "echo $WORD > /w"]
    assert json.loads(meta.read_text())["buildx.build.provenance"]["materials"] == said["materials"]
    assert "hidden" not in json.dumps(said)


def test_provenance_mode_min_tells_no_arguments(box: PalletCLI, build: Build) -> None:
    args = (
        "--provenance",
        "mode=min,version=v1,builder-id=https://example.org/b",
        "--build-arg",
        "A=secret",
        "-t",
        "m",
    )
    assert build("FROM box\nARG A\nRUN true\n", *args).code == 0
    index, blob = layout(box, "m")
    statement = blob(blob(index["manifests"][1]["digest"])["layers"][0]["digest"])
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["predicate"]["runDetails"]["builder"]["id"] == "https://example.org/b"
    assert statement["predicate"]["runDetails"]["metadata"]["buildkit_completeness"]["request"] is False
    assert "secret" not in json.dumps(statement)


def test_a_pull_of_attested_images_takes_the_image(
    make_pallet: Callable[..., PalletCLI], box: PalletCLI, build: Build, registry: RegistryServer
) -> None:
    name = f"{registry.host}/attested/app:1"
    assert build("FROM box\nRUN echo yes > /said\n", "--sbom", "true", "-t", name).code == 0
    before = box.ok("image", "inspect", "--format", "{{.Id}} {{.Architecture}}", name)
    pushed = box.ok("push", name)
    assert re.search(r"1: digest: sha256:\w+ size: \d+", pushed)
    other = make_pallet("other")
    other.ok("pull", name)
    assert other.ok("image", "inspect", "--format", "{{.Id}} {{.Architecture}}", name) == before
    assert other.ok("run", "--rm", "--network", "none", name, "cat", "/said") == "yes"
    refused = other("pull", "--platform", "unknown/unknown", name)
    assert refused.code == 1 and "not a container image" in refused.stderr


def test_annotations(box: PalletCLI, build: Build, tmp_path: Path) -> None:
    words = ("--annotation", "index,manifest:a=b", "--annotation", "manifest-descriptor:c=d")
    place = tmp_path / "made.tar"
    done = build(
        "FROM box\n", *words, "--annotation", "index-descriptor:e=f", "--sbom", "true", "-o", f"type=oci,dest={place}"
    )
    assert done.code == 0, done.stderr
    raw = subprocess.run(["tar", "xOf", str(place), "index.json"], check=True, capture_output=True).stdout
    entry = json.loads(raw)["manifests"][0]
    assert entry["annotations"] == {"e": "f"}
    index = json.loads(
        subprocess.run(
            ["tar", "xOf", str(place), f"blobs/sha256/{entry['digest'][7:]}"], check=True, capture_output=True
        ).stdout
    )
    assert index["annotations"] == {"a": "b"} and index["manifests"][0]["annotations"] == {"c": "d"}
    refused = build("FROM box\n", "--annotation", "index:a=b")
    assert "index annotations not supported for single platform export" in refused.stderr


def test_sbom_of_a_real_debian_is_the_same_each_time(pallet: PalletCLI, debian_tar: Path, tmp_path: Path) -> None:
    pallet.ok("import", str(debian_tar), "debian")
    (tmp_path / "Dockerfile").write_text("FROM debian\n")
    found = []
    for _ in range(2):
        words = ("--attest", "type=sbom", "--build-arg", "SOURCE_DATE_EPOCH=1700000000")
        pallet.ok("build", *words, "-t", "same", str(tmp_path))
        blobs = [path for path in (pallet.root / "blobs/sha256").iterdir() if path.stat().st_size < 1 << 20]
        found.append(next(raw for raw in map(Path.read_bytes, blobs) if b"in-toto.io/Statement" in raw[:80]))
        pallet.ok("image", "rm", "same")
    assert found[0] == found[1]
    document = json.loads(found[0])["predicate"]
    assert document["creationInfo"]["created"] == "2023-11-14T22:13:20Z"
    by_name = {each["name"]: each for each in document["packages"]}
    installed = pallet.ok(
        "run", "--rm", "--network", "none", "debian", "dpkg-query", "-W", "-f", "${Package} ${Version}\n"
    )
    told = {line.partition(" ")[0]: line.partition(" ")[2] for line in installed.splitlines() if line}
    assert {name: by_name[name]["versionInfo"] for name in told} == told
