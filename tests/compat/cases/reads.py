"""diff, top, stats and logs."""

from __future__ import annotations

from tests.compat.compare import cases, setup

_CHANGE = (
    "echo x >/new; rm /bin/wget; echo y >>/etc/passwd; mkdir -p /d/e; touch /d/e/f; rm -r /home; mkdir /home; "
    "ln -s x /l; chmod 700 /tmp; mkfifo /d/fifo; mv /etc/group /etc/gruppe; ln /new /d/hard"
)

CASES = cases(
    setup("docker pull -q busybox"),
    setup(f"docker run --name one --network none busybox sh -c '{_CHANGE}'"),
    "docker diff one | sort",
    setup("docker create --name never --network none busybox true"),
    "docker diff never",
    "docker diff nosuch",
    "docker diff ''",
    "docker diff",
    setup("docker run -d --name two --network none busybox sh -c 'touch /tmp/x; sleep 1000 & sleep 1001'; sleep 0.5"),
    "docker diff two",
    "docker top two | awk '{print $1, $8, $9, $10, $11}' | sort",
    "docker top two -o pid,args | sed 's/^[0-9]* */N /' | sort",
    "docker top two -eo pid,comm | sed 's/^[0-9]* */N /' | sort",
    "docker top two -o args",
    "docker top two -x nosuch",
    "docker top one",
    "docker top nosuch",
    "docker top",
    "docker stats --no-stream nosuch",
    "docker stats --no-stream --format '{{.Container}} {{.Name}} {{.NetIO}} {{.PIDs}}' two",
    "docker stats --no-stream --format '{{.CPUPerc}} {{.MemUsage}} {{.MemPerc}} {{.BlockIO}} {{.PIDs}}' one",
    "docker stats --no-stream --format 'table {{.Name}}\\t{{.PIDs}}' two one",
    "docker stats --no-stream --format '{{.Nosuch}}' two",
    "docker stats --no-stream --format '{{' two",
    "docker stats --no-stream -a --format '{{.ID}} {{.Name}}' | wc -l",
    "docker stats --no-stream --no-trunc -a --format '{{.Container}}' | wc -L",
    "docker stats --no-stream one",
    setup(
        "docker run --name log --network none busybox"
        " sh -c 'for i in 1 2; do echo o$i; sleep .2; echo e$i >&2; sleep .2; done'"
    ),
    setup("docker run --name cut --network none busybox sh -c 'echo whole; printf part'"),
    setup("docker run --name big --network none busybox seq 1 100000"),
    setup(
        "docker run --name long --network none busybox sh -c 'head -c 100000 /dev/zero | tr \"\\0\" x; echo; echo end'"
    ),
    "docker logs log",
    "docker logs log 2>/dev/null",
    "docker logs log 2>&1 >/dev/null",
    "docker logs -n 1 log",
    "docker logs --tail 3 log 2>/dev/null",
    "docker logs --tail -1 log",
    "docker logs --details log",
    "docker logs -t log 2>&1 | cut -d' ' -f2-",
    "docker logs -t --details -n 2 log 2>&1 | cut -d' ' -f2-",
    "docker logs -f --since 1h log",
    "docker logs --until 2001-01-01 log",
    "docker logs --since 2001-01-01 --until 2101-01-01T00:00:00Z log",
    "docker logs --since 2101-01-01 log",
    "docker logs --until x log",
    "docker logs cut",
    "docker logs -n 1 cut",
    "docker logs big | md5sum",
    "docker logs -n 5 big",
    "docker logs -f -n 2 big",
    "docker logs long | md5sum",
    "docker logs -n 1 long",
    "docker logs -t long | wc -l",
    setup("docker start big && docker wait big"),
    "docker logs big | wc -l",
    "docker logs never",
    "docker logs -f one",
    "docker logs log big",
    "docker rm -f one two never log cut big long",
)
