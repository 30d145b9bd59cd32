"""The images that both engines get from their registries, and every digest that is the same in both."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
from tests.support.images import Blob, Image, Index, directory, entry, image, index, push, symlink, tar

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def make(busybox_tar: Path) -> dict[str, Image | Index]:
    """Images by `repository:tag`; made in docker's own formats, so that docker pushes their manifests as they are."""
    base = busybox_tar.read_bytes()
    page = tar([directory("www/"), entry("www/index.html", b"<h1>It works!</h1>\n")])
    busybox = image(
        [base],
        style="docker",
        created="2021-05-04T03:02:01Z",
        config={"Cmd": ["sh"], "Env": [PATH]},
        more={
            "author": "The makers <makers@example.com>",
            "history": [
                {"created": "2021-05-04T03:02:00Z", "created_by": "/bin/sh -c #(nop) ADD file:1234 in / "},
                {
                    "created": "2021-05-04T03:02:01Z",
                    "created_by": '/bin/sh -c #(nop)  CMD ["sh"]',
                    "empty_layer": True,
                },
            ],
        },
    )
    older = image(
        [base],
        style="docker",
        created="2020-02-03T04:05:06.789Z",
        config={"Cmd": ["/bin/sh"], "Env": [PATH], "Labels": {"stage": "old", "empty": ""}},
    )
    httpd = image(
        [base, page],
        style="docker",
        created="2022-03-04T05:06:07Z",
        config={
            "Cmd": ["httpd", "-f", "-p", "80", "-h", "/www"],
            "Env": [PATH, "HTTPD_PREFIX=/www", "QUOTED=a <b> & c"],
            "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
            "Labels": {"stage": "new", "maintainer": "web"},
            "StopSignal": "SIGWINCH",
            "WorkingDir": "/www",
        },
    )
    many = image(
        [tar([entry(f"file{number}", b"x" * 1000 * number)]) for number in range(1, 4)],
        style="docker",
        created="2023-01-01T00:00:00Z",
        config={"Entrypoint": ["/file1"], "User": "web:staff", "Volumes": {"/data": {}}},
    )
    tools = {
        tag: image([tar([entry("tool", tag.encode())])], style="docker", created=f"201{tag}-01-01T00:00:00Z", config={})
        for tag in ("1", "2")
    }
    platforms = [("amd64", None), ("arm64", "v8"), ("arm", "v7")]
    multi = index(
        [
            image(
                [tar([entry("arch", architecture.encode()), symlink("link", "arch")])],
                style="docker",
                architecture=architecture,
                variant=variant,
                created="2019-01-02T03:04:05Z",
            )
            for architecture, variant in platforms
        ],
        style="docker",
    )
    made: dict[str, Image | Index] = {
        "library/busybox:latest": busybox,
        "library/busybox:1.36": busybox,
        "library/busybox:old": older,
        "library/httpd:latest": httpd,
        "library/many:latest": many,
        "library/multi:latest": multi,
        "team/tools:1": tools["1"],
        "team/tools:2": tools["2"],
    }
    return {name: _as_docker(each) if isinstance(each, Image) else each for name, each in made.items()}


def _as_docker(made: Image) -> Image:
    """The image with its manifest formatted as docker formats it, so that docker makes the same one to push."""
    manifest = json.loads(made.manifest.data)
    for each in (manifest["config"], *manifest["layers"]):
        each["digest"] = each.pop("digest")  # docker has it last
    data = json.dumps(manifest, indent=3).encode()
    return msgspec.structs.replace(made, manifest=Blob(made.manifest.media_type, data))


def seed(images: dict[str, Image | Index], url: str) -> None:
    """Pushes all of them to a registry."""
    for name, made in images.items():
        repository, _, tag = name.partition(":")
        push(made, url, repository, tag)


def names(images: dict[str, Image | Index]) -> dict[str, str]:
    """What cases call a digest and a manifest's size: `{busybox_manifest}`, `{busybox_size}`, `{busybox_id}`,
    `{multi_index}`.
    """
    names: dict[str, str] = {}
    for name, made in images.items():
        short = name.partition("/")[2].replace(":latest", "").translate(str.maketrans(":.", "__"))
        if isinstance(made, Index):
            names[f"{short}_index"] = made.root.digest
            made = made.images[0]
        names[f"{short}_manifest"] = made.manifest.digest
        names[f"{short}_size"] = str(len(made.manifest.data))
        names[f"{short}_id"] = made.config.digest
    return names


def known_hex(images: dict[str, Image | Index]) -> frozenset[str]:
    """The hexadecimal part of each digest that is the same in both engines, chain IDs too; they are never masked."""
    found: set[str] = set()
    for made in images.values():
        found.update(blob.digest for blob in (*made.blobs(), *made.manifests()))
        for each in made.images if isinstance(made, Index) else (made,):
            chain = ""
            for diff_id in each.diff_ids:
                chain = "sha256:" + hashlib.sha256(f"{chain} {diff_id}".encode()).hexdigest() if chain else diff_id
                found |= {diff_id, chain}
    return frozenset(each.removeprefix("sha256:") for each in found)
