"""Networks with IPv6, ports published there, options of the driver, configurations."""

from __future__ import annotations

from tests.compat.compare import cases, setup, until

_PLACE = r"""sed 's/"\(EndpointID\|SandboxID\|SandboxKey\)":"[^"]*"/\1/g'"""
_CODE = r"curl -sg -m 3 -o /dev/null -w '%{http_code}\n'"

CASES = cases(
    setup("docker pull -q busybox; docker network create --ipv6 --subnet fd00:ab::/64 --subnet 10.91.0.0/24 both"),
    "docker network create --ipv6 --subnet fd00:ac::/64 --gateway fd00:ac::99 --subnet 10.92.0.0/24"
    " --gateway 10.92.0.9 --ip-range 10.92.0.128/25 gw",
    "docker network create --subnet fd00:ad::/64 --subnet 10.97.0.0/24 noflag",
    "docker network create --ipv6 --subnet fd00:ae::/64 --subnet fd00:af::/64 twice",
    "docker network create --ipv6 --subnet fd00:ab::/80 --subnet 10.96.0.0/24 over",
    "docker network create --ipv6 --subnet fd00:bb::/64 --aux-address a=fd00:bb::2 --aux-address b=fd00:bb::1 aux",
    "docker network create --ipv6 --subnet fd00:b1::5/64 --subnet 10.98.0.9/24 raw",
    "docker network ls --format '{{.Name}} {{.IPv6}}'",
    "docker network inspect both gw noflag raw",
    setup("docker run -d --name web --network both busybox sleep 1000"),
    setup(
        "docker run -d --name two --network both --ip6 fd00:ab::77 --ip 10.91.0.77 -p 8085:80 -p '[::1]:8086:80'"
        " busybox httpd -f -p 80 -h /bin"
    ),
    "docker run -d --name four --network both --ip6 fd00:ab::77 busybox true",
    "docker run --rm --network both --ip6 bad busybox true",
    "docker run --rm --network both --ip fd00:ab::5 busybox true",
    "docker run --rm --network noflag --ip6 fd00:ad::78 busybox true",
    f"docker inspect web -f '{{{{json .NetworkSettings}}}}' | {_PLACE}",
    f"docker inspect two -f '{{{{json .NetworkSettings.Networks}}}}' | {_PLACE}",
    "docker exec web cat /etc/hosts",
    "docker exec web ping -6 -c1 -W2 two | head -1",
    "docker exec web nslookup -type=aaaa two | grep Address | tail -1",
    "docker exec web sysctl net.ipv6.conf.eth0.disable_ipv6 net.ipv6.conf.lo.disable_ipv6",
    "docker run --rm busybox sysctl net.ipv6.conf.all.disable_ipv6 net.ipv6.conf.eth0.disable_ipv6",
    "docker network connect --ip6 fd00:ac::55 gw web",
    "docker inspect web -f '{{with .NetworkSettings.Networks.gw}}{{json .IPAMConfig}} {{.GlobalIPv6Address}}{{end}}'",
    "docker network connect --ip6 bad gw two",
    "docker network connect --ip6 fd00:99::1 gw two",
    "docker network connect --ip6 fd00:ac::55 gw two",
    f"for at in '[::1]:8085' 127.0.0.1:8085 '[::1]:8086' '[fd00:ab::1]:8085'; do {_CODE} http://$at/; done",
    "docker ps --format '{{.Ports}}' --filter name=two",
    "docker port two",
    "docker inspect two -f '{{json .NetworkSettings.Ports}}'",
    setup("docker run -d --name old -p 8087:80 busybox httpd -f -p 80 -h /bin"),
    setup(until("wget -qO /dev/null http://127.0.0.1:8087/sh")),
    f"for at in '[::1]:8087' 127.0.0.1:8087; do {_CODE} http://$at/; done",
    "docker run -d --name taken -p 8085:80 busybox true",
    "docker run -d --name taken6 -p '[::1]:8085:80' busybox true",
    "docker run -d --name nowhere -p '[fd00::77]:8089:80' busybox true",
    "docker network create -o com.docker.network.bridge.enable_icc=bad bad",
    "docker network create -o com.docker.network.bridge.host_binding_ipv4=bad bad",
    setup(
        "docker network create -o com.docker.network.bridge.enable_icc=false"
        " -o com.docker.network.bridge.host_binding_ipv4=127.0.0.1"
        " -o com.docker.network.container_iface_prefix=foo apart"
    ),
    setup("docker run -d --name one --network apart -p 8099:80 busybox sleep 1000"),
    "docker port one",
    "docker run --rm --network apart busybox ping -c1 -W1 one | grep transmitted",
    "docker exec one ip -o -4 addr | grep -o 'foo.*inet'",
    "docker network create --config-only --subnet 10.46.0.0/24 conf",
    "docker network create --config-from conf from",
    "docker network inspect conf from",
    "docker network create --config-from conf --ipv6 bad",
    "docker network create --config-from conf -o a=b bad",
    "docker run --rm --network conf busybox true",
    "docker network rm conf",
    "docker network ls --filter name=^b --format '{{.Name}}'",
)
