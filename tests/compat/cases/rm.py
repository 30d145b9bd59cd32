"""`docker rmi`."""

from __future__ import annotations

from tests.compat.compare import cases, setup

CASES = cases(
    setup("docker pull -q busybox; docker pull -q busybox:1.36; docker pull -q httpd; docker pull -q many"),
    setup("docker tag busybox mine; docker tag httpd {registry}/web; docker pull -q multi; docker tag many one"),
    "docker rmi busybox:1.36",
    "docker rmi {busybox_id}",
    "docker image rm $(echo {busybox_id} | cut -c8-19)",
    "docker rmi mine",
    "docker rmi busybox@{busybox_manifest}",
    "docker images --digests | sort",
    "docker rmi busybox nosuch",
    "docker rmi nosuch other:tag",
    "docker rmi -f nosuch",
    "docker rmi -f nosuch many",
    "docker rmi Busybox",
    "docker rmi ''",
    "docker rmi ffffffffffff",
    "docker rmi httpd",
    "docker rmi {httpd_id}",
    "docker rmi -f {many_id}",
    "docker image remove multi@{multi_index}",
    "docker rmi multi",
    "docker images -a",
    setup("docker pull -q busybox; docker pull -q busybox:old; docker tag busybox other; docker tag busybox third"),
    "docker rmi -f $(docker images -q busybox:latest)",
    "docker rmi busybox:old busybox:old",
    "docker rmi",
    "docker rmi --nosuch x",
    "docker images -a",
)
