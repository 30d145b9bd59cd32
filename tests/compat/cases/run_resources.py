"""Limits of `docker run`: what is refused, what is warned of, what arrives in the cgroup."""

from __future__ import annotations

from tests.compat.compare import cases, differs, setup

_BOX = "docker run --rm --network none"

CASES = cases(
    setup("docker pull -q busybox"),
    f"{_BOX} -m 1k busybox true",
    f"{_BOX} -m x busybox true",
    f"{_BOX} -m 64m busybox cat /sys/fs/cgroup/memory/memory.limit_in_bytes "
    "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes",
    f"{_BOX} -m 64m --memory-swap 96m busybox cat /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes",
    f"{_BOX} -m 64m --memory-swap 32m busybox true",
    f"{_BOX} --memory-swap 64m busybox true",
    f"{_BOX} -m 64m --memory-reservation 128m busybox true",
    f"{_BOX} --memory-reservation 1m busybox true",
    f"{_BOX} --memory-reservation 32m busybox cat /sys/fs/cgroup/memory/memory.soft_limit_in_bytes",
    f"{_BOX} --memory-swappiness 200 busybox true",
    f"{_BOX} --memory-swappiness 20 busybox cat /sys/fs/cgroup/memory/memory.swappiness",
    f"{_BOX} --kernel-memory 10m busybox true",
    f"{_BOX} --kernel-memory 1m busybox true",
    f"{_BOX} --oom-kill-disable busybox true",
    f"{_BOX} -m 64m --oom-kill-disable busybox grep disable /sys/fs/cgroup/memory/memory.oom_control",
    f"{_BOX} --oom-score-adj 500 busybox cat /proc/self/oom_score_adj",
    f"{_BOX} --oom-score-adj 2000 busybox true",
    f"{_BOX} -m 8m busybox sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1'",
    "docker run --name oom --network none -m 8m busybox tail /dev/zero; "
    "docker inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' oom",
    f"{_BOX} --cpus 0.5 busybox cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us",
    f"{_BOX} --cpus 64 busybox true",
    f"{_BOX} --cpus x busybox true",
    f"{_BOX} --cpus 1 --cpu-period 100000 busybox true",
    f"{_BOX} --cpus 1 --cpu-quota 100000 busybox true",
    f"{_BOX} --cpu-period 10 busybox true",
    f"{_BOX} --cpu-quota 10 busybox true",
    f"{_BOX} --cpu-quota 50000 --cpu-period 25000 busybox cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us",
    f"{_BOX} -c 512 busybox cat /sys/fs/cgroup/cpu/cpu.shares",
    f"{_BOX} -c -5 busybox true",
    f"{_BOX} --cpu-rt-period 1000 --cpu-rt-runtime 2000 busybox true",
    f"{_BOX} --cpuset-cpus 0 --cpuset-mems 0 busybox cat /sys/fs/cgroup/cpuset/cpuset.cpus "
    "/sys/fs/cgroup/cpuset/cpuset.mems",
    f"{_BOX} --cpuset-cpus 99 busybox true",
    f"{_BOX} --cpuset-cpus x busybox true",
    f"{_BOX} --cpuset-mems 9 busybox true",
    f"{_BOX} --pids-limit 10 busybox cat /sys/fs/cgroup/pids/pids.max",
    f"{_BOX} --pids-limit -1 busybox cat /sys/fs/cgroup/pids/pids.max",
    f"{_BOX} --pids-limit 4 busybox sh -c 'for n in 1 2 3 4 5 6; do sleep 1 & done' 2>&1 | head -1",
    f"{_BOX} --blkio-weight 300 busybox true",
    f"{_BOX} --blkio-weight 70000 busybox true",
    f"{_BOX} --blkio-weight-device /dev/vda:300 busybox true",
    f"{_BOX} --blkio-weight-device /dev/vda:3 busybox true",
    f"{_BOX} --blkio-weight-device vda:300 busybox true",
    f"{_BOX} --blkio-weight-device x busybox true",
    f"{_BOX} --device-read-bps /dev/loop0:1mb busybox cat /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device",
    f"{_BOX} --device-write-iops /dev/loop0:100 busybox cat /sys/fs/cgroup/blkio/blkio.throttle.write_iops_device",
    f"{_BOX} --device-read-bps /dev/loop0:x busybox true",
    f"{_BOX} --device-read-bps loop0:1mb busybox true",
    f"{_BOX} --device-write-iops /dev/loop0:-1 busybox true",
    f"{_BOX} --device-write-bps /dev/nosuch:1 busybox true",
    f"{_BOX} --ulimit nofile=64:128 busybox sh -c 'ulimit -n; ulimit -Hn'",
    f"{_BOX} --ulimit nofile=64 --ulimit core=0 busybox sh -c 'ulimit -n; ulimit -Hn; ulimit -c'",
    f"{_BOX} --ulimit nosuch=64 busybox true",
    f"{_BOX} --ulimit nofile=128:64 busybox true",
    f"{_BOX} --ulimit nofile busybox true",
    f"{_BOX} --ulimit nofile=a busybox true",
    f"{_BOX} --ulimit nofile=1:2:3 busybox true",
    f"{_BOX} --shm-size 1m busybox df -k /dev/shm",
    f"{_BOX} --shm-size x busybox true",
    f"{_BOX} --cgroup-parent /pallet-test/b busybox sh -c 'cut -d: -f3 /proc/self/cgroup | cut -d/ "
    "-f2,3 | sort -u | grep pallet'",
    f"{_BOX} --cgroupns private busybox sh -c 'grep -c :/$ /proc/self/cgroup'",
    f"{_BOX} --cgroupns x busybox true",
    "docker create --name all -m 64m --cpus 0.5 --pids-limit 9 --ulimit nofile=3:4 --device /dev/null:/dev/xx:rw "
    "--device-read-bps /dev/loop0:1mb --kernel-memory 50m --memory-swappiness 3 --cgroup-parent foo --shm-size 5m "
    "--device-cgroup-rule 'c 7:* rwm' --oom-score-adj 100 --cpuset-cpus 0 -c 5 busybox true",
    "docker inspect all | sed -n '/\"HostConfig\"/,/^        }/p' | grep -v '\"Runtime\"'",
    "docker inspect -f '{{.HostConfig.Memory}} {{json .HostConfig.Ulimits}} {{json .HostConfig.Devices}}' all",
    differs(
        f"{_BOX} --oom-score-adj -500 busybox cat /proc/self/oom_score_adj",
        why="on a machine without CAP_SYS_RESOURCE docker's container does not start, pallet's does as far as it can",
        stdout="0\n",
        stderr="WARNING: This machine does not allow a lower OOM score adjustment. OomScoreAdj discarded.\n",
        code=0,
    ),
)
