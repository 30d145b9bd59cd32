"""`docker push`."""

from __future__ import annotations

from tests.compat.compare import cases, differs, setup

WHY = "docker compresses layers anew for a registry that it did not pull them from; pallet keeps the image's digest"
MANY = """The push refers to repository [127.0.0.1:<reg>/new/many]
3173c3925ff5: Preparing
3173c3925ff5: Pushed
e90e6a9a2b99: Preparing
e90e6a9a2b99: Pushed
436c6be094cf: Preparing
436c6be094cf: Pushed
latest: digest: {many_manifest} size: {many_size}
"""

CASES = cases(
    setup("docker pull -q {registry}/library/httpd; docker pull -q busybox; docker pull -q many"),
    setup("docker tag {registry}/library/httpd {registry}/new/web; docker tag many {registry}/new/many:latest"),
    setup("docker tag {registry}/library/httpd {registry}/new/web:two"),
    differs("docker push {registry}/new/many", why=WHY, stdout="Using default tag: latest\n" + MANY),
    differs(
        "docker push {registry}/new/many:latest", why=WHY, stdout=MANY.replace(": Pushed", ": Layer already exists")
    ),
    "docker push {registry}/new/web:two",
    "docker image push {registry}/new/web",
    "docker push -a {registry}/new/web",
    "docker push -q {registry}/new/web",
    "docker push -aq {registry}/new/web",
    "docker image inspect -f '{{.RepoDigests}}' {registry}/new/web",
    setup("docker tag {registry}/new/web {registry}/new/other:x"),
    "docker push {registry}/new/other:x",
    "docker push {registry}/none/such",
    "docker push -q {registry}/none/such",
    "docker push -a {registry}/none/such",
    "docker push {registry}/new/web:nosuch",
    "docker push -a {registry}/new/web:two",
    "docker push {registry}/new/web@{httpd_manifest}",
    "docker push Bad",
    "docker push {httpd_id}",
    setup("docker tag busybox 127.0.0.1:1/nobody/there"),
    "docker push 127.0.0.1:1/nobody/there",
    "docker push",
    "docker push a b",
    "docker images {registry}/new/web --digests",
)
