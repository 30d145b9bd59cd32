"""Events of containers, images, networks and volumes: lines, filters, formats."""

from __future__ import annotations

from tests.compat.compare import cases, setup

_PAST = "docker events --since $(cat since) --until $(date +%s.%N)"
_SHORT = "--format '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}'"
_ORDER = "grep -v -e image -e 'exec_start' | sort | uniq -c"

CASES = cases(
    "docker events --since x",
    "docker events --since 1h --until x",
    "docker events --since 10 --until 5",
    "docker events --format '{{'",
    "docker events x",
    "docker events --until 1h",
    "docker events --since 1h --until 30m -f nosuch=1",
    setup("docker pull -q busybox; date +%s.%N > since; sleep 0.01"),
    setup("docker network create net; docker volume create vol"),
    setup("docker run --name one -l color=red --network net -v vol:/v busybox sh -c 'exit 3' || true"),
    f"{_PAST} -f type=network",
    f"{_PAST} -f type=volume",
    f"{_PAST} -f type=container",
    f"{_PAST} -f container=one {_SHORT}",
    f"{_PAST} -f container=on -f event=die --format '{{{{json .}}}}' | sed 's/\"time.*//'",
    f"{_PAST} -f event=die --format '{{{{.Status}}}} {{{{.From}}}} {{{{.Scope}}}} {{{{.Actor.Attributes}}}}'",
    f"{_PAST} -f event=die --format '{{{{.Nosuch}}}}'",
    f"{_PAST} -f label=color=red -f event=create {_SHORT}",
    f"{_PAST} -f label=color=blue",
    f"{_PAST} -f image=busybox -f event=start {_SHORT}",
    f"{_PAST} -f image=nosuch",
    f"{_PAST} -f network=net {_SHORT}",
    f"{_PAST} -f volume=vol --format '{{{{.Type}}}} {{{{.Action}}}} {{{{.Actor.ID}}}}'",
    f"{_PAST} -f volume=vol --format '{{{{json .Actor}}}}'",
    f"{_PAST} -f scope=local -f type=network {_SHORT}",
    f"{_PAST} -f type=nosuch",
    f"{_PAST} -f event=nosuch",
    setup("docker rm one; date +%s.%N > since; sleep 0.01; docker run -d --name two busybox sleep 1000"),
    setup("docker pause two; docker unpause two; docker exec two true; docker rename two three"),
    setup("docker kill -s USR1 three; docker commit three made:1; docker restart -t 0 three; docker stop -t 0 three"),
    f"{_PAST} -f type=container | sed 's/execID=[0-9a-f]*/execID/; s/^[^ ]* //' | {_ORDER}",
    f"{_PAST} -f event=exec_create {_SHORT}",
    f"{_PAST} -f event=rename --format '{{{{json .Actor.Attributes}}}}'",
    f"{_PAST} -f event=kill --format '{{{{.Actor.Attributes.signal}}}}'",
    setup("date +%s.%N > since; sleep 0.01; docker tag made:1 made:2; docker save made:1 -o saved.tar"),
    setup("docker rmi made:2 made:1; docker load -i saved.tar; docker import fs.tar imported:1; docker rmi imported:1"),
    f"{_PAST} -f type=image --format '{{{{.Action}}}} {{{{.Actor.Attributes.name}}}}' | sed 's/sha256:.*/ID/' | sort",
    f"{_PAST} -f event=tag",
    f"{_PAST} -f image=made:2 {_SHORT}",
    setup("date +%s.%N > since; sleep 0.01; docker pull -q busybox; docker rm three"),
    f"{_PAST}",
    setup("date +%s.%N > since; docker network rm net; docker volume rm vol"),
    f"{_PAST} {_SHORT}",
    f"{_PAST} --format '{{{{.Type}}}} {{{{.Action}}}} {{{{.ID}}}} {{{{.Status}}}}'",
    "docker events --until $(date -d +2sec +%s) -f volume=late & sleep 0.7; docker volume create late >&2; wait",
    setup("docker volume rm late; date +%s.%N > since; sleep 0.01; docker container prune -f; docker network prune -f"),
    setup("docker volume prune -f; docker image prune -f"),
    f"{_PAST}",
    f"{_PAST} -f type=container --format '{{{{json .}}}}' | sed 's/,\"time.*//'",
    "docker system events --since 1h --until 59m",
    "docker events --help",
)
