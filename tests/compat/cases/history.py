"""`docker history`."""

from __future__ import annotations

from tests.compat.compare import cases, setup

CASES = cases(
    setup("docker pull -q busybox; docker pull -q httpd; docker pull -q many; docker pull -q multi"),
    "docker history busybox",
    "docker image history --no-trunc busybox",
    "docker history -q busybox",
    "docker history -q --no-trunc busybox",
    "docker history -H=false busybox",
    "docker history --human=false --no-trunc many",
    "docker history httpd",
    "docker history {many_id}",
    "docker history --format '{{.ID}} {{.CreatedAt}} {{.CreatedSince}} {{.CreatedBy}} {{.Size}} {{.Comment}}' busybox",
    "docker history --format 'table {{.ID}}\\t{{.Size}}' many",
    "docker history --format '{{json .}}' busybox",
    "docker history --format '{{.Nosuch}}' busybox",
    "docker history nosuch",
    "docker history",
    "docker history a b",
)
