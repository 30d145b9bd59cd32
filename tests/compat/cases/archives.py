"""`docker save` and `docker load`."""

from __future__ import annotations

from tests.compat.compare import cases, differs, setup

CASES = cases(
    setup("docker pull -q httpd; docker pull -q busybox; docker pull -q busybox:1.36; docker tag httpd web:mine"),
    "docker save -o one.tar busybox:latest && ls -l one.tar | cut -c1-10; ls",
    "tar xOf one.tar manifest.json | grep -o '\"RepoTags\":[^]]*]'",
    "docker image save busybox > all.tar",
    "docker save httpd web:mine {busybox_id} -o several.tar",
    "docker save $(docker images -q httpd) > id.tar",
    "docker save nosuch",
    "docker save busybox nosuch > partly.tar; test -s partly.tar; echo $?",
    "docker save -o /nosuch/x.tar busybox",
    differs(
        "docker save -o mounted busybox 2>&1 | sed 's/temp_[0-9]*/temp_/'",
        why="docker 20.10 writes the archive and cannot rename it then; pallet asks first, as later dockers do",
        stdout='failed to save image: invalid output path: "mounted" must be a regular file\n',
    ),
    "docker save nosuch:tag",
    "docker save ffffffffffff",
    "docker save sha256:ffff",
    "docker save 127.0.0.1:1/no/such",
    "docker save",
    "docker save Busybox",
    "docker load -i one.tar",
    setup("docker rmi -f $(docker images -aq)"),
    "docker load -i one.tar",
    "docker image load < all.tar",
    differs(
        "gzip -c several.tar | docker load",
        why="docker prints the ids of all images, or of none, as the last one has a name; pallet those without names",
        stdout="Loaded image: httpd:latest\nLoaded image: web:mine\nLoaded image ID: {busybox_id}\n",
    ),
    "docker load -i id.tar",
    "docker load -qi id.tar",
    "docker images | sort",
    setup("docker rmi -f $(docker images -aq)"),
    "docker load -i id.tar",
    "docker images -a --digests",
    setup("docker pull -q busybox:old; docker tag busybox:old busybox:latest"),
    "docker load -i one.tar",
    "docker images",
    "docker load -i nosuch.tar",
    differs(
        "docker load -i text",
        why="docker tells how its helper ended",
        stderr="invalid archive: not a tar, or a damaged one: invalid header\n",
    ),
    differs(
        "docker load -i empty 2>&1 | sed 's,[^ ]*/[^ ]*,PATH,'",
        why="docker misses a file of an old format in a directory of its own",
        stdout="invalid archive: not a tar, or a damaged one: empty file\n",
    ),
    differs(
        "docker load < empty.tar 2>&1 | sed 's,[^ ]*/[^ ]*,PATH,'",
        why="docker misses a file of an old format in a directory of its own",
        stdout="invalid archive: it has neither manifest.json nor index.json\n",
    ),
    differs(
        "docker load -i fs.tar 2>&1 | sed 's,[^ ]*/[^ ]*,PATH,'",
        why="docker takes any directory for an image of an old format",
        stdout="invalid archive: it has neither manifest.json nor index.json\n",
    ),
    differs(
        "docker load -i mounted 2>&1 | sed 's,\"http.*\",URL,'",
        why="pallet loads directories too: OCI layouts",
        stdout="invalid archive: the directory mounted has no index.json\n",
    ),
    "docker load extra",
)
