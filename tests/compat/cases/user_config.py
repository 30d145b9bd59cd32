"""What docker's config.json and the environment say where the command line does not."""

from __future__ import annotations

from tests.compat.compare import cases, setup

_FORMATS = (
    '{"psFormat": "{{.Names}} {{.Image}}", "imagesFormat": "table {{.Repository}}\\t{{.Tag}}",'
    ' "networksFormat": "{{.Driver}}", "volumesFormat": "volume {{.Name}}", "statsFormat": "{{.Nope}}"}'
)
_REST = (
    '{"detachKeys": "ctrl-x,y", "pruneFilters": ["label!=keep", "nothing", "label=old"], "proxies": {"default":'
    ' {"httpProxy": "http://proxy:1", "noProxy": "a,b", "httpsProxy": ""}}}'
)

CASES = cases(
    setup(
        "docker pull -q busybox && docker tag busybox box && docker volume create one &&"
        " docker create --name ccc box sh"
    ),
    setup(
        f"mkdir formats rest && printf %s '{_FORMATS}' >formats/config.json && printf %s '{_REST}' >rest/config.json"
    ),
    "docker --config formats ps -a",
    "docker --config formats ps -aq | grep -c .",
    "docker --config formats ps -a --format '{{.Names}}'",
    "docker --config formats container ls -a --format ''",
    "docker --config formats images",
    "docker --config formats images -q | grep -c .",
    "DOCKER_CONFIG=formats docker images --format '{{.Tag}}'",
    "docker --config formats network ls --filter name=bridge",
    "docker --config formats volume ls",
    "docker --config formats volume ls -q",
    "docker --config formats stats --no-stream",
    "docker --config rest run --rm --network none box sh -c 'env | grep -i proxy | sort'",
    "docker --config rest run --rm --network none -e HTTP_PROXY=mine -e no_proxy box sh -c"
    " 'env | grep -i proxy | sort'",
    "docker --config rest create --name ddd box sh >/dev/null; docker inspect -f '{{json .Config.Env}}' ddd"
    " | tr ',[]' '\\n' | grep -i proxy | sort",
    "docker --config rest start -a ccc",
    "docker --config rest run --rm box true",
    "docker --config rest exec ccc true",
    setup(
        "docker run --network none --name left --label old=1 box true;"
        "docker run --network none --name kept --label old --label keep=1 box true"
    ),
    "docker --config rest container prune -f --filter label=old=2",
    "docker --config rest container prune -f --filter label=keep | head -1",
    "docker ps -a --format '{{.Names}}' | sort",
    "docker --config rest container prune -f >/dev/null",
    "docker ps -a --format '{{.Names}}' | sort",
    "docker --config rest network prune -f",
    "docker --config rest volume prune -f",
    "DOCKER_DEFAULT_PLATFORM=nonsense/of/many/words docker pull busybox",
    "docker pull --platform nonsense/of/many/words busybox",
    "DOCKER_DEFAULT_PLATFORM=linux/s390x docker run --rm {registry}/busybox true",
    "DOCKER_DEFAULT_PLATFORM=linux/s390x docker create --platform linux/amd64 --name eee box true >/dev/null",
    "DOCKER_DEFAULT_PLATFORM=linux/arm64 docker import fs.tar other >/dev/null",
    "docker inspect -f '{{.Architecture}}' other",
)
