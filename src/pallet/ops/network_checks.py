"""What docker refuses of a new network's addresses and driver options.

Source: libnetwork, network.go and drivers/bridge; the texts are docker 20.10's.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import msgspec

from pallet.engine import Engine
from pallet.errors import Conflict, InvalidInput, Unsupported
from pallet.host.idmap import is_rootless
from pallet.network.pools import check_free
from pallet.store.networks import Pool6

_NAME = "com.docker.network.bridge.name"
_MTU = "com.docker.network.driver.mtu"
_MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
_SWITCHES = ("com.docker.network.bridge.enable_icc", _MASQUERADE)
HOST_BINDING = "com.docker.network.bridge.host_binding_ipv4"
_LONGEST_LINK = 15  # IFNAMSIZ without its end
_BOOLEANS = ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False")


class PoolOptions(msgspec.Struct, frozen=True):
    """Addresses that the user asks for, of IPv4 or IPv6.

    Attributes:
        subnet: such as `10.1.0.0/24`.
        gateway: the bridge's own address; empty for the first one.
        ip_range: the part of the subnet that containers get addresses from; empty for all of it.
        aux_addresses: names and addresses that no container gets.
    """

    subnet: str
    gateway: str = ""
    ip_range: str = ""
    aux_addresses: dict[str, str] = {}


def check_pool(pool: PoolOptions, taken: list[str]) -> Pool6:
    """The addresses, in their usual forms and with a gateway.

    Args:
        pool: the user's words.
        taken: subnets of other networks.

    Raises:
        InvalidInput, Forbidden, Conflict: docker's text.
    """
    try:
        subnet = ip_network(pool.subnet, strict=False)
        if "/" not in pool.subnet:
            raise ValueError
    except ValueError:
        raise InvalidInput(f"Invalid subnet {pool.subnet} : invalid CIDR address: {pool.subnet}") from None
    check_free(str(subnet), taken)
    if subnet.num_addresses < (4 if subnet.version == 4 else 2):
        raise InvalidInput("failed to allocate gateway (): No available addresses on this pool")
    ip_range = ""
    if pool.ip_range:
        try:
            if "/" not in pool.ip_range:
                raise ValueError
            ip_range = str(ip_network(pool.ip_range, strict=False))
        except ValueError:
            text = f'pool "{pool.subnet}" subpool "{pool.ip_range}": Invalid Address SubPool'
            raise InvalidInput(f'failed to parse pool request for address space "LocalDefault" {text}') from None
    gateway = _gateway(pool, subnet, ip_range)
    used = {gateway}
    for name, text in pool.aux_addresses.items():
        try:
            address = str(ip_address(text))
        except ValueError:
            raise InvalidInput(f"invalid auxiliary address ({name}:{text})") from None
        if address in used:
            raise Conflict(f"failed to allocate secondary ip address ({name}:{text}): Address already in use")
        used.add(address)
    return Pool6(str(subnet), gateway, ip_range, pool.aux_addresses, bool(pool.gateway), pool.subnet)


def _gateway(pool: PoolOptions, subnet: IPv4Network | IPv6Network, ip_range: str) -> str:
    if not pool.gateway:
        first = ip_network(ip_range)[0] if ip_range else subnet[1]
        return str(first if first != subnet[0] else subnet[1])
    try:
        gateway = ip_address(pool.gateway)
    except ValueError:
        if "/" in pool.gateway:
            raise InvalidInput(f"invalid gateway address {pool.gateway} in Ipam configuration") from None
        raise InvalidInput(f"invalid gateway address: {pool.gateway}") from None
    if gateway not in subnet:
        raise InvalidInput(f"no matching subnet for gateway {pool.gateway}")
    if gateway == subnet[0] or (gateway.version == 4 and gateway == subnet[-1]):
        raise Conflict(f"failed to allocate gateway ({pool.gateway}): Address already in use")
    return str(gateway)


def check_driver_options(engine: Engine, options: dict[str, str]) -> None:
    """Check the options of the bridge driver.

    Raises:
        InvalidInput, Conflict: docker's text.
        Unsupported: what a user without privileges cannot have.
    """
    mtu = options.get(_MTU, "0")
    if not (mtu.isascii() and mtu.isdigit()):
        raise InvalidInput(f'failed to parse {_MTU} value: {mtu} (strconv.Atoi: parsing "{mtu}": invalid syntax)')
    for name in _SWITCHES:
        text = options.get(name, "true")
        if text not in _BOOLEANS:
            reason = f'strconv.ParseBool: parsing "{text}": invalid syntax'
            raise InvalidInput(f"failed to parse {name} value: {text} ({reason})")
    if is_rootless() and options.get(_MASQUERADE, "t")[0] in "0fF":
        raise Unsupported(f"without privileges containers have no addresses of their own outside: {_MASQUERADE}=false")
    binding = options.get(HOST_BINDING, "0.0.0.0")
    try:
        ip_address(binding)
    except ValueError:
        raise InvalidInput(f"failed to parse {HOST_BINDING} value: {binding} (nil ip)") from None
    link = options.get(_NAME, "")
    if len(link) > _LONGEST_LINK or "/" in link or any(char.isspace() for char in link):
        raise InvalidInput(f"invalid bridge name: {link}")
    if link and any(network.link == link for network in engine.store.networks.all()):
        raise Conflict(f"networks have same bridge name: {link}")
