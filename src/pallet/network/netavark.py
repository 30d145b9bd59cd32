"""Orders to netavark: a container's link in a network, and the rules with it.

Source: netavark(1); the JSON is what podman hands it (netavark, src/network/types.rs).
"""

from __future__ import annotations

import os
import time

import msgspec

from pallet.errors import HostError
from pallet.host import mounts
from pallet.host.idmap import is_rootless
from pallet.host.spawn import Spawned, find_program
from pallet.network.iptables import environment
from pallet.network.leases import Lease, Plan

_PATIENCE = 5.0  # seconds
_PLACES = ("/usr/lib/podman/{}", "/usr/libexec/podman/{}", "{}")


def find_netavark() -> str:
    """The path of netavark.

    Raises:
        HostError: it is not installed.
    """
    return _find("netavark", "install netavark, or use --network host or none")


def find_aardvark() -> str:
    """The path of aardvark-dns.

    Raises:
        HostError: it is not installed.
    """
    return _find("aardvark-dns", "install aardvark-dns, or use the default network")


def order(verb: str, netns: int, container: str, plan: Plan, lease: Lease, dns_directory: str) -> Spawned:
    """Let netavark work.

    Args:
        verb: `setup` or `teardown`.
        netns: the container's network namespace, open.
        container: its id.
        plan: the network.
        lease: the container's part in it.
        dns_directory: where the resolver has its files.
    """
    # The rules are looked for and removed as iptables has them, so netavark must not choose another way.
    env = {**environment(), "NETAVARK_FW": "iptables"}
    argv = [find_netavark()]
    if plan.dns:
        # The resolver that it starts stays where it is started: not in the user's directory.
        argv = ["/bin/sh", "-c", 'cd / && exec "$@"', "sh", *argv]
        argv += ["--config", dns_directory, "--aardvark-binary", find_aardvark()]
        if is_rootless():
            # netavark starts the resolver by systemd-run if it finds it; that needs a session, which a user may lack.
            iptables = find_program("iptables")
            env["PATH"] = os.path.dirname(iptables) if iptables else env.get("PATH", "")
            argv.append("--rootless=true")
        os.makedirs(dns_directory, 0o700, exist_ok=True)
    # It opens the namespace itself: an inherited descriptor would stay open in a resolver that it starts.
    argv += [verb, f"/proc/{os.getpid()}/fd/{netns}"]
    return Spawned(argv, stdin=_request(container, plan, lease), env=env, alone=plan.dns)


def wait_for_orphans() -> None:
    """Wait, not for long, while a netavark works whose master was killed: what it still makes could not be undone."""
    end = time.monotonic() + _PATIENCE
    while any(not os.path.exists(f"/proc/{master}") for master in _masters()) and time.monotonic() < end:
        time.sleep(0.01)


def _masters() -> list[str]:
    """The processes in whose name netavark works right now."""
    found = []
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"/netavark"):
            found += [word.split(b"/")[2].decode() for word in words if word.startswith(b"/proc/")]
    return found


def complaint(stdout: bytes, stderr: bytes) -> str:
    """Why netavark failed."""
    try:
        said = msgspec.json.decode(stdout, type=dict[str, object]).get("error")
    except msgspec.DecodeError:
        said = None
    return str(said or stderr.decode(errors="replace").strip() or "no reason given")


def empty_network() -> int:
    """A network namespace of nobody's, open."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        mounts.unshare(mounts.CLONE_NEWNET)
        try:
            return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            mounts.setns(own, mounts.CLONE_NEWNET)
    finally:
        os.close(own)


def mac_of(ip: str) -> str:
    """The hardware address that docker gives a container with this address."""
    return "02:42:" + ":".join(f"{int(part):02x}" for part in ip.split("."))


def _find(name: str, hint: str) -> str:
    for place in _PLACES:
        path = find_program(place.format(name))
        if path is not None:
            return path
    raise HostError(f"{name} not found", hint=hint)


def _request(container: str, plan: Plan, lease: Lease) -> bytes:
    mappings = []
    for port in lease.ports:
        if lease.relayed or ":" in port.host_ip:  # the relay's
            continue
        number, _, protocol = port.container.partition("/")
        mappings.append(
            {
                "container_port": int(number),
                "host_port": int(port.host_port),
                "host_ip": "" if port.host_ip == "0.0.0.0" else port.host_ip,
                "protocol": protocol,
                "range": 1,
            }
        )
    name, *aliases = lease.names or (container[:12],)
    network = {
        "static_ips": [lease.ip, *([lease.ip6] if lease.ip6 else [])],
        "interface_name": lease.link,
        "static_mac": lease.mac or mac_of(lease.ip),
        "aliases": aliases,
    }
    subnets = [{"subnet": plan.subnet, "gateway": plan.gateway}]
    if plan.subnet6:
        subnets.append({"subnet": plan.subnet6, "gateway": plan.gateway6})
    info = {
        "name": plan.key,
        "id": plan.id,
        "driver": "bridge",
        "network_interface": plan.link,
        "subnets": subnets,
        "ipv6_enabled": bool(plan.subnet6),
        "internal": plan.internal,
        "dns_enabled": plan.dns,
        "ipam_options": {"driver": "host-local"},
        "options": {"mtu": str(plan.mtu)} if plan.mtu else {},
    }
    return msgspec.json.encode(
        {
            "container_id": container,
            "container_name": name,
            "port_mappings": mappings,
            "networks": {plan.key: network},
            "network_info": {plan.key: info},
        }
    )
