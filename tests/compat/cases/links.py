"""Links, and more that a container asks of its networks; exec's processes in inspect."""

from __future__ import annotations

from tests.compat.compare import cases, setup

CASES = cases(
    setup("docker pull -q busybox; docker run -d --name one --hostname uno -e A=b busybox sleep 1000"),
    "docker exec -d one sleep 30; sleep 0.3; docker inspect one -f '{{len .ExecIDs}}'",
    "docker exec one true; docker exec one nosuch >/dev/null; docker inspect one -f '{{len .ExecIDs}}'",
    setup("docker run -d --name linked --hostname box --link one:alias busybox sleep 1000"),
    "docker exec linked env",
    "docker exec linked cat /etc/hosts",
    "docker inspect linked -f '{{json .HostConfig.Links}}'",
    setup("docker run -d --name web --expose 80 --expose 53/udp -e FOO=bar -e X= busybox sleep 1000"),
    "docker run --rm --name last --hostname h --link web:WEB-1 --link one busybox env",
    "docker run --rm --link nosuch busybox true",
    "docker run --rm --link :b busybox true",
    setup("docker network create --subnet 10.33.0.0/24 net; docker run -d --name n1 --network net busybox sleep 1000"),
    setup("docker run -d --name n2 --hostname n2 --network net --link n1:buddy busybox sleep 1000"),
    "docker exec n2 ping -c1 -W1 buddy | head -1",
    "docker exec n2 env",
    "docker inspect n2 -f '{{json .HostConfig.Links}} {{json .NetworkSettings.Networks.net.Links}}'",
    "docker run --rm --network net --link nosuch:x busybox true",
    "docker network connect --link n1:mate --alias al net one",
    "docker exec one ping -c1 -W1 mate | head -1",
    "docker exec n1 ping -c1 -W1 al | head -1",
    "docker inspect one -f '{{json .NetworkSettings.Networks.net.Links}}'",
    "docker network connect --link-local-ip 169.254.8.8 net linked",
    "docker inspect linked -f '{{json .NetworkSettings.Networks.net.IPAMConfig}}'",
    "docker network connect --driver-opt a=b net web",
    "docker inspect web -f '{{json .NetworkSettings.Networks.net.DriverOpts}}'",
    "docker network connect --driver-opt bad net web",
    "docker network connect --link-local-ip bad net web",
    "docker run --rm --network net --link-local-ip 169.254.8.9 busybox ip -4 -o addr show eth0 | grep -o 'inet [^ ]*'",
)
