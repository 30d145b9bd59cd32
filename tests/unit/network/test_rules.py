"""What is removed from the firewall, from what iptables-save printed for netavark 1.4 with two networks."""

from __future__ import annotations

from pallet.network.rules import cleaning_script

_ONE = """*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
:NETAVARK_FORWARD - [0:0]
-A FORWARD -m comment --comment "netavark firewall plugin rules" -j NETAVARK_FORWARD
-A FORWARD -j DOCKER-USER
-A NETAVARK_FORWARD -d 172.18.0.0/16 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A NETAVARK_FORWARD -s 172.18.0.0/16 -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:NETAVARK-7D24D33E39064 - [0:0]
:NETAVARK-DN-7D24D33E39064 - [0:0]
:NETAVARK-HOSTPORT-DNAT - [0:0]
:NETAVARK-HOSTPORT-MASQ - [0:0]
:NETAVARK-HOSTPORT-SETMARK - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j NETAVARK-HOSTPORT-DNAT
-A OUTPUT -m addrtype --dst-type LOCAL -j NETAVARK-HOSTPORT-DNAT
-A POSTROUTING -j NETAVARK-HOSTPORT-MASQ
-A POSTROUTING -s 172.18.0.0/16 -j NETAVARK-7D24D33E39064
-A NETAVARK-7D24D33E39064 -d 172.18.0.0/16 -j ACCEPT
-A NETAVARK-7D24D33E39064 ! -d 224.0.0.0/4 -j MASQUERADE
-A NETAVARK-DN-7D24D33E39064 -s 172.18.0.0/16 -p tcp -m tcp --dport 80 -j NETAVARK-HOSTPORT-SETMARK
-A NETAVARK-DN-7D24D33E39064 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.18.0.2:80
-A NETAVARK-HOSTPORT-DNAT -p tcp --dport 80 -m comment --comment "dnat name: a id: b" -j NETAVARK-DN-7D24D33E39064
-A NETAVARK-HOSTPORT-MASQ -m comment --comment "netavark portfw masq mark" -m mark --mark 0x2000/0x2000 -j MASQUERADE
-A NETAVARK-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000
COMMIT
"""
_OTHER = """*filter
:NETAVARK_FORWARD - [0:0]
-A NETAVARK_FORWARD -d 10.88.0.0/16 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
:NETAVARK-1D8721804F16F - [0:0]
-A POSTROUTING -s 10.88.0.0/16 -j NETAVARK-1D8721804F16F
-A NETAVARK-1D8721804F16F -d 10.88.0.0/16 -j ACCEPT
COMMIT
"""


def _merged() -> str:
    filter_one, nat_one = _ONE.split("*nat\n")
    filter_other, nat_other = _OTHER.split("*nat\n")
    return (
        filter_one.removesuffix("COMMIT\n")
        + filter_other.removeprefix("*filter\n:NETAVARK_FORWARD - [0:0]\n")
        + "*nat\n"
        + nat_one.removesuffix("COMMIT\n")
        + nat_other
    )


def test_the_last_network_takes_netavarks_fixed_chains_along() -> None:
    lines = cleaning_script(_ONE, "172.18.0.0/16").splitlines()
    assert "-D POSTROUTING -s 172.18.0.0/16 -j NETAVARK-7D24D33E39064" in lines
    assert '-D FORWARD -m comment --comment "netavark firewall plugin rules" -j NETAVARK_FORWARD' in lines
    for chain in ("NETAVARK-7D24D33E39064", "NETAVARK-DN-7D24D33E39064", "NETAVARK-HOSTPORT-DNAT", "NETAVARK_FORWARD"):
        assert f"-X {chain}" in lines
    assert not any("DOCKER" in line for line in lines)
    # A chain can be removed only when nothing refers to it any more.
    assert max(i for i, line in enumerate(lines) if line.startswith("-F")) < len(lines)
    assert lines[0] == "*filter" and lines.count("COMMIT") == 2


def test_another_networks_rules_stay_and_the_fixed_chains_with_them() -> None:
    script = cleaning_script(_merged(), "172.18.0.0/16")
    assert "10.88.0.0" not in script
    assert "1D8721804F16F" not in script
    assert "-X NETAVARK_FORWARD" not in script
    assert "-X NETAVARK-HOSTPORT-DNAT" not in script
    assert "-D NETAVARK_FORWARD -s 172.18.0.0/16 -j ACCEPT" in script
    assert "-X NETAVARK-DN-7D24D33E39064" in script
    assert '--comment "dnat name: a id: b" -j NETAVARK-DN-7D24D33E39064' in script


def test_nothing_to_do_is_nothing_said() -> None:
    assert cleaning_script("*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n", "172.18.0.0/16") == ""


def test_chains_that_a_killed_netavark_left_without_rules() -> None:
    rules = "*nat\n:PREROUTING ACCEPT [0:0]\n:NETAVARK-7D24D33E39064 - [0:0]\n:NETAVARK-1234567890123 - [0:0]\nCOMMIT\n"
    assert cleaning_script(rules, "172.18.0.0/16", "bridge").splitlines() == [
        "*nat",
        "-F NETAVARK-7D24D33E39064",
        "-X NETAVARK-7D24D33E39064",
        "COMMIT",
    ]
    own = ("-d 172.18.0.0/16 -j ACCEPT", "! -d 224.0.0.0/4 -j MASQUERADE")
    begun = "".join(f"-A NETAVARK-7D24D33E39064 {rule}\n" for rule in own)
    script = cleaning_script(rules.replace("COMMIT", begun + "COMMIT"), "172.18.0.0/16", "bridge")
    assert "-X NETAVARK-7D24D33E39064" in script.splitlines()
    jump = "-A POSTROUTING -s 10.1.0.0/16 -j NETAVARK-7D24D33E39064\n"
    assert cleaning_script(rules.replace("COMMIT", jump + "COMMIT"), "172.18.0.0/16", "bridge") == ""
    used = rules.replace("COMMIT", "-A NETAVARK-7D24D33E39064 -d 10.1.0.0/16 -j ACCEPT\nCOMMIT")
    assert cleaning_script(used, "172.18.0.0/16", "bridge") == ""
