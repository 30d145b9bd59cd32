"""A container's /etc/hosts, /etc/hostname and /etc/resolv.conf: written at its start and when it joins or leaves a
network.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from pallet.engine import Engine
from pallet.errors import PalletError
from pallet.host.files import write_all
from pallet.ops.container_links import legacy_links
from pallet.ops.container_state import current
from pallet.runtime import etc_files
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerRecord, EndpointSettings, NetworkState
from pallet.store.networks import Network

Places = Sequence[tuple[Network, NetworkState]]
"""The networks in which a running container is, and where."""


def write_etc(record: ContainerRecord, paths: ContainerPaths, places: Places, links: list[tuple[str, str]]) -> None:
    """Write the files.

    Args:
        record: the container.
        paths: its paths.
        places: its networks; the first one's gateway is `host-gateway`.
        links: addresses and names of the containers linked to.
    """
    own_network = record.host.network_mode != "host"
    gateway = places[0][1].gateway if places else ""
    entries = []
    for word in record.host.extra_hosts:
        name, _, address = word.partition(":")
        entries.append((gateway if address == "host-gateway" else address, name))
    entries += links
    entries += [own_entry(record, address) for _, place in places for address in (place.ip, place.ip6) if address]
    _write(paths.hosts, etc_files.hosts(entries) if own_network else _host_file("/etc/hosts"))
    _write(paths.hostname, _full_name(record) + "\n")
    write_resolv_conf(record, paths, places)


def write_resolv_conf(record: ContainerRecord, paths: ContainerPaths, places: Places) -> None:
    """Write /etc/resolv.conf alone. In a network of the user's the resolver is on its gateway."""
    own_network = record.host.network_mode != "host"
    resolvers = [place.gateway for network, place in places if not network.predefined]
    text = etc_files.resolv_conf(
        _host_file("/etc/resolv.conf"),
        own_network=own_network,
        resolver=resolvers[0] if resolvers else "",
        servers=record.host.dns,
        search=record.host.dns_search,
        options=record.host.dns_options,
    )
    _write(paths.resolv_conf, text)


def own_entry(record: ContainerRecord, ip: str) -> tuple[str, str]:
    """The line of /etc/hosts for one of the container's own addresses: the address, and its names."""
    full = _full_name(record)
    bare = full.partition(".")[0]
    return ip, full if bare == full else f"{full} {bare}"


def add_host(paths: ContainerPaths, entry: tuple[str, str]) -> None:
    """Add a line to the container's /etc/hosts, which its processes may have changed."""
    _write(paths.hosts, _host_file(paths.hosts) + f"{entry[0]}\t{entry[1]}\n")


def remove_host(paths: ContainerPaths, address: str) -> None:
    """Remove the lines with an address from the container's /etc/hosts."""
    lines = _host_file(paths.hosts).splitlines(keepends=True)
    _write(paths.hosts, "".join(line for line in lines if line.split()[:1] != [address]))


def tell_linked(engine: Engine, record: ContainerRecord, address: str) -> None:
    """Give the running containers that have a link to a container its address, which may be another one than before.

    Args:
        engine: whose containers.
        record: the container.
        address: where it is on the default bridge by now.
    """
    for id, _, alias in engine.store.containers.linked_to(record.name):
        if not current(engine, id)[1].running:
            continue
        paths = ContainerPaths(engine.settings, id)
        lines = _host_file(paths.hosts).splitlines(keepends=True)
        for number, line in enumerate(lines):
            if line.split()[1:2] == [alias]:
                _, tab, names = line.partition("\t")
                lines[number] = address + tab + names
        _write(paths.hosts, "".join(lines))


def link_entries(engine: Engine, record: ContainerRecord) -> list[tuple[str, str]]:
    """The /etc/hosts entries of the containers linked to.

    Raises:
        HostError: one of them does not run, in docker's words.
    """
    out = []
    for link in legacy_links(engine, record):
        target = link.target
        out.append((link.ip, " ".join(dict.fromkeys((link.alias, target.config.hostname, target.name)))))
    for endpoint in engine.store.networks.of_container(record.id):
        out += network_links(engine, endpoint.network, endpoint.settings)
    return out


def network_links(engine: Engine, network: str, settings: EndpointSettings) -> list[tuple[str, str]]:
    """The /etc/hosts entries of the links in a network of the user's; who is not there has none, as with docker."""
    out = []
    for word in settings.links:
        name, _, alias = word.partition(":")
        try:
            target = engine.store.containers.find(name)
        except PalletError:
            continue
        places = [each.place for each in engine.store.networks.of_container(target.id) if each.network == network]
        for place in places:
            if place.ip and current(engine, target.id)[1].running:
                out += [(address, alias or target.name) for address in (place.ip, place.ip6) if address]
    return out


def _full_name(record: ContainerRecord) -> str:
    config = record.config
    return f"{config.hostname}.{config.domainname}" if config.domainname else config.hostname


def _host_file(path: str) -> str:
    try:
        with open(path, errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _write(path: str, text: str) -> None:
    """Write in place: a running container would not see another file in its place."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(fd, 0o644)
        write_all(fd, text.encode("utf-8", "surrogateescape"))
    finally:
        os.close(fd)
