"""Processes of exec that end with their container: what is told of them, once, and before its end."""

from __future__ import annotations

from tests.compat.compare import cases, setup

# When the signal is told is a race of docker's own.
_TOLD = (
    "sleep 0.5; docker events --since $(cat since) --until $(date +%s.%N) -f type=container"
    " --format '{{.Action}} {{json .Actor.Attributes}}' | sed 's/\"execID\":\"[0-9a-f]*\"/execID/' | grep -v ^kill"
)
_NOW = "date +%s.%N > since; sleep 0.01"

CASES = cases(
    setup("docker pull -q busybox; docker run -d --name one --network none busybox sleep 1000"),
    setup(f"docker exec -d one sleep 77; {_NOW}; docker kill one"),
    _TOLD,
    "docker inspect -f '{{json .ExecIDs}}' one",
    setup(
        f"docker start one; docker exec -d one sleep 77; docker exec -d one sleep 78; {_NOW}; docker restart -t 0 one"
    ),
    _TOLD,
    setup(f"docker exec -d one sleep 77; {_NOW}; docker stop -t 0 one"),
    _TOLD,
    setup(f"docker start one; {_NOW}; docker exec one sleep 77 & sleep 1; docker rm -f one; wait"),
    _TOLD,
    setup(f"docker run --rm -d --name two --network none busybox sleep 1000; docker exec -d two sleep 77; {_NOW}"),
    setup("docker kill two; while docker inspect two; do sleep 0.05; done"),
    _TOLD,
)
