"""`docker tag`."""

from __future__ import annotations

from tests.compat.compare import cases, setup

CASES = cases(
    setup("docker pull -q busybox; docker pull -q httpd"),
    "docker tag busybox mine",
    "docker image tag busybox:latest mine:v1",
    "docker tag {busybox_id} example.com:5000/team/mine:v2",
    "docker tag $(echo {busybox_id} | cut -c8-19) {registry}/mine",
    "docker tag httpd mine",
    "docker images | sort",
    "docker tag busybox@{busybox_manifest} by-digest",
    "docker tag nosuch other",
    "docker tag nosuch:tag other",
    "docker tag ffffffffffff other",
    "docker tag busybox Mine",
    "docker tag busybox mine:",
    "docker tag busybox mine:a:b",
    "docker tag busybox 'mine me'",
    "docker tag busybox ''",
    "docker tag '' mine",
    "docker tag Busybox mine",
    "docker tag busybox mine@{busybox_manifest}",
    "docker tag busybox " + "a" * 64,
    "docker tag busybox -x",
    "docker tag busybox x:" + "t" * 128,
    "docker tag busybox x:" + "t" * 129,
    "docker tag busybox a..b/c",
    "docker tag busybox a__b/c.d-e",
    "docker tag busybox",
    "docker tag",
    "docker tag a b c",
    "docker image inspect -f '{{.RepoTags}}' busybox httpd",
)
