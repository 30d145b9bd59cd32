"""Names, logs, restarts and health checks of `docker run`."""

from __future__ import annotations

from tests.compat.compare import cases, setup, until

_BOX = "docker run --rm --network none"

CASES = cases(
    setup("docker pull -q busybox"),
    "docker run --help",
    "docker create --help",
    "docker run --rm --dns 1.1.1.1 --dns 2.2.2.2 --dns-search a.b --dns-option ndots:3 busybox cat /etc/resolv.conf",
    "docker run --rm --dns 127.0.0.1 busybox cat /etc/resolv.conf",
    "docker run --rm --dns x busybox true",
    "docker run --rm --dns-search 'a b' busybox true",
    "docker run --rm --network host --dns 1.1.1.1 busybox cat /etc/resolv.conf",
    "docker run --rm --mac-address 92:d0:c6:0a:29:33 busybox cat /sys/class/net/eth0/address",
    "docker run --rm --mac-address x busybox true",
    "docker run --rm --mac-address 92:d0:c6:0a:29:33 --network host busybox true",
    "docker run --rm --ip 172.17.0.99 busybox true",
    "docker run --rm --network bridge --ip 172.17.0.99 busybox true",
    "docker run --rm --network host --ip 1.2.3.4 busybox true",
    "docker run --rm --network-alias a --link-local-ip 169.254.1.1 busybox true",
    "docker run --rm --network none --network-alias a busybox true",
    "docker run --rm --network host --link a busybox true",
    "docker run --rm --add-host a busybox true",
    "docker run --rm --add-host a:x busybox true",
    f"{_BOX} --domainname foo.bar -h me busybox sh -c 'cat /proc/sys/kernel/domainname; hostname'",
    f"{_BOX} -a stdout busybox sh -c 'echo o; echo e >&2'",
    f"{_BOX} -a stderr busybox sh -c 'echo o; echo e >&2'",
    f"{_BOX} -a x busybox true",
    f"{_BOX} -a stdout -d busybox true",
    "docker run --log-driver nosuch busybox true",
    "docker run --log-driver none --name silent busybox echo x; docker logs silent",
    "docker run --log-driver local --name near busybox echo x; docker logs near",
    "docker inspect -f '{{json .HostConfig.LogConfig}} {{.LogPath}}' near",
    "docker run --name rotated --log-opt max-size=2k --log-opt max-file=3 busybox "
    "sh -c 'for n in $(seq 1 30); do echo line $n; done'; docker logs rotated",
    "docker inspect -f '{{json .HostConfig.LogConfig}}' rotated",
    "docker logs -n 2 rotated",
    f"{_BOX} --log-opt max-size=x busybox true",
    f"{_BOX} --log-opt max-file=x --log-opt max-size=1k busybox true",
    f"{_BOX} --log-opt max-file=0 --log-opt max-size=1k busybox true",
    f"{_BOX} --log-opt max-file=2 busybox true",
    f"{_BOX} --log-opt nosuch=1 busybox true",
    f"{_BOX} --log-opt mode=x busybox true",
    f"{_BOX} --log-opt compress=true busybox true",
    f"{_BOX} --log-opt compress=x --log-opt max-size=1k --log-opt max-file=2 busybox true",
    f"{_BOX} --log-driver none --log-opt max-size=1 busybox true",
    f"{_BOX} --log-driver journald busybox true",
    f"{_BOX} --log-driver local --log-opt nosuch=1 busybox true",
    f"{_BOX} --restart always busybox true",
    "docker run --restart foo busybox true",
    "docker run --restart on-failure:x busybox true",
    "docker run --restart on-failure:-2 busybox true",
    "docker run --restart no:3 busybox true",
    "docker run --restart always:3 busybox true",
    "docker run --name failing --restart on-failure:2 busybox false; echo $?; "
    + until("docker ps -a --filter name=failing --filter status=exited | grep -q failing && sleep 1"),
    "docker inspect -f '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}} {{json "
    ".HostConfig.RestartPolicy}}' failing",
    "docker run --name fine --restart on-failure busybox true; sleep 0.5; "
    "docker inspect -f '{{.RestartCount}} {{.State.Status}}' fine",
    setup("docker run -d --name looping --restart always busybox sh -c 'exit 3'"),
    until("docker ps | grep -q 'Restarting (3)'") + "; docker ps --format '{{.Names}}' --filter name=looping",
    "docker stop looping; docker inspect -f '{{.State.Status}} {{.State.Restarting}} {{.State.ExitCode}}' looping",
    "sleep 1; docker ps -q; docker rm looping",
    "docker run -d --name lasting --restart unless-stopped busybox sleep 1000 > /dev/null; docker "
    "kill lasting; sleep 1; "
    "docker inspect -f '{{.State.Status}} {{.RestartCount}}' lasting",
    "docker run --restart always --name missing busybox nosuch; docker inspect -f '{{.State.Status}} "
    "{{.RestartCount}}' missing",
    "docker run --health-cmd x --no-healthcheck busybox true",
    f"{_BOX} --health-interval 1us --health-cmd x busybox true",
    f"{_BOX} --health-interval -1s --health-cmd x busybox true",
    f"{_BOX} --health-interval 1x --health-cmd x busybox true",
    f"{_BOX} --health-timeout 1us --health-cmd x busybox true",
    f"{_BOX} --health-start-period -1s --health-cmd x busybox true",
    f"{_BOX} --health-retries -1 --health-cmd x busybox true",
    setup(
        "docker run -d --name sick --health-cmd 'echo hi; exit 7' --health-interval 200ms "
        "--health-retries 2 busybox sleep 1000"
    ),
    "docker inspect -f '{{json .Config.Healthcheck}}' sick",
    until("docker ps | grep -q unhealthy"),
    "docker ps --format '{{.Names}} {{.Status}}' --filter health=unhealthy",
    "docker inspect -f '{{.State.Health.Status}} {{with index .State.Health.Log 0}}{{.ExitCode}} "
    "{{.Output}}{{end}}' sick",
    setup("docker run -d --name well --health-cmd 'test -d /www' --health-interval 200ms busybox sleep 1000"),
    until("docker ps | grep -q '(healthy)'"),
    "docker ps --format '{{.Names}} {{.Status}}' --filter health=healthy",
    "docker ps -q --filter health=starting",
    "docker ps --filter health=foo",
    "docker stop -t 0 well; docker inspect -f '{{.State.Health.Status}} {{.State.Health.FailingStreak}}' well",
    setup(
        "docker run -d --name slow --health-cmd 'sleep 9' --health-timeout 200ms --health-interval 200ms "
        "--health-retries 1 busybox sleep 1000"
    ),
    until("docker ps | grep -q 'unhealthy.*slow'"),
    "docker inspect -f '{{with index .State.Health.Log 0}}{{.ExitCode}} {{.Output}}{{end}}' slow",
    "docker run -d --name none --no-healthcheck busybox sleep 1000 > /dev/null; "
    "docker inspect -f '{{json .State.Health}} {{json .Config.Healthcheck}}' none",
    "docker ps --filter health=none --format '{{.Names}}'",
    "docker rm -f sick well slow none lasting failing fine missing",
)
