"""What docker gives every container that is not told otherwise.

Sources: docker's documentation ("Runtime privilege and Linux capabilities"), `docker inspect` (MaskedPaths,
ReadonlyPaths), /proc/mounts and the devices seen inside a container of docker 20.10.
"""

from __future__ import annotations

from typing import Any

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

CAPABILITIES = (
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
    "AUDIT_WRITE",
)

# In the order of their numbers: capabilities(7).
ALL_CAPABILITIES = (
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
)

MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
)

READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

SHM_SIZE = 64 << 20


def _mount(destination: str, kind: str, source: str, *options: str) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def mounts() -> list[dict[str, Any]]:
    """The kernel's file systems in a container, in the order they are mounted."""
    closed = ("nosuid", "noexec", "nodev")
    return [
        _mount("/proc", "proc", "proc", *closed),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount(
            "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"
        ),
        _mount("/sys", "sysfs", "sysfs", *closed, "ro"),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", *closed),
        _mount("/dev/mqueue", "mqueue", "mqueue", *closed),
        _mount("/dev/shm", "tmpfs", "shm", *closed, "mode=1777", f"size={SHM_SIZE}"),
    ]


def device_rules() -> list[dict[str, Any]]:
    """The devices a container may use: docker's list; mknod is allowed for all."""

    def allow(kind: str, access: str, major: int | None = None, minor: int | None = None) -> dict[str, Any]:
        rule: dict[str, Any] = {"allow": True, "type": kind, "access": access}
        if major is not None:
            rule["major"] = major
        if minor is not None:
            rule["minor"] = minor
        return rule

    return [
        {"allow": False, "access": "rwm"},
        allow("c", "m"),
        allow("b", "m"),
        allow("c", "rwm", 1, 3),  # null
        allow("c", "rwm", 1, 5),  # zero
        allow("c", "rwm", 1, 7),  # full
        allow("c", "rwm", 1, 8),  # random
        allow("c", "rwm", 1, 9),  # urandom
        allow("c", "rwm", 5, 0),  # tty
        allow("c", "rwm", 5, 1),  # console
        allow("c", "rwm", 5, 2),  # ptmx
        allow("c", "rwm", 136),  # pts
    ]
