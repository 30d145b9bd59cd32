"""`docker image prune` and `docker system df`."""

from __future__ import annotations

from tests.compat.compare import cases, differs, setup

CASES = cases(
    "docker image prune -f",
    setup("docker pull -q busybox:old; docker tag busybox:old busybox; docker pull -q busybox; docker pull -q many"),
    setup("docker import fs.tar && docker import -c 'LABEL keep=yes' fs.tar.gz && docker import fs.tar named"),
    "docker image prune < /dev/null",
    "echo n | docker image prune",
    "echo n | docker image prune -a",
    "docker image prune -f --filter label=none",
    "docker image prune -f --filter label!=keep",
    "docker image prune -f --filter until=24h",
    "docker images -a | sort",
    "echo y | docker image prune",
    "docker image prune -af --filter until=2010-01-01",
    "docker image prune -af --filter label=stage=old",
    "docker image prune -f --filter nosuch=1",
    "docker image prune -f --filter until=yesterday",
    "docker image prune -f --filter until=12x",
    "docker image prune -f --filter until=",
    "docker image prune -f --filter until=1h --filter until=2h",
    "docker image prune -f --filter until=2010-01-01T10:11:12.5+02:00",
    "docker image prune -f --filter until=1262304000.5",
    differs(
        "docker image prune -f --filter dangling=maybe",
        why="docker does not see the bad value beside the one that its client adds",
        stdout="",
        stderr="Error response from daemon: Invalid filter 'dangling=[maybe]'\n",
        code=1,
    ),
    "docker image prune extra",
    "docker system df | sed -n 's/  */ /g;2,3p'",
    "docker system df --format '{{.Type}} {{.TotalCount}} {{.Active}} {{.Size}} {{.Reclaimable}}' | head -2",
    "docker system df -v | sed -n '1,/^Containers/p' | sort",
    "docker system df -v --format '{{range .Images}}{{.Repository}} {{.Tag}} {{.Size}} {{.Containers}};{{end}}' "
    "| tr ';' '\\n' | sort",
    "docker system df -v --format '{{range .Containers}}{{.Names}} {{.Image}} {{.LocalVolumes}} {{.Command}}{{end}}'",
    "docker system df -v --format '{{len .Volumes}} {{len .BuildCache}}'",
    setup("docker rmi named"),
    "docker image prune -af | sort",
    "docker images -a",
    differs(
        "docker system df",
        why="pallet keeps layers as they were pulled, and says so",
        stdout="TYPE               TOTAL     ACTIVE    SIZE      RECLAIMABLE\n"
        "Images             0         0         0B        0B\n"
        "Containers         0         0         0B        0B\n"
        "Local Volumes      0         0         0B        0B\n"
        "Build Cache        0         0         0B        0B\n"
        "Compressed Blobs   0         0         0B        0B\n",
    ),
)
