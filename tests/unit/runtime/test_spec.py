"""The OCI runtime's configuration."""

from __future__ import annotations

from typing import Any

import pytest

from pallet.digest import Digest
from pallet.errors import InvalidInput
from pallet.oci.config import ContainerConfig
from pallet.runtime.apparmor import profile_names, profile_of
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.seccomp import profile
from pallet.runtime.spec import Surroundings, build_spec, capability_set
from pallet.runtime.users import User
from pallet.settings import Settings
from pallet.store.container_record import ContainerRecord, HostConfig, Mount

_ID = "ab" * 32
_PATHS = ContainerPaths(Settings("/store", "/run/p", docker_config="/"), _ID)


def _spec(
    config: ContainerConfig | None = None,
    host: HostConfig | None = None,
    user: User | None = None,
    network: str = "new",
    apparmor: frozenset[str] | None = None,
) -> dict[str, Any]:
    record = ContainerRecord(
        id=_ID,
        name="name",
        image=Digest.of(b""),
        image_name="image",
        chain_id="",
        created=0,
        path="sh",
        args=("-c", "true"),
        config=config or ContainerConfig(hostname="host"),
        host=host or HostConfig(),
    )
    around = Surroundings(_PATHS, user or User(0, 0, (0,), "/root"), network, seccomp=False, apparmor=apparmor)
    return build_spec(record, around)


def test_process() -> None:
    process = _spec(ContainerConfig(hostname="host", env=("A=1", "PATH=/bin", "GONE"), working_dir="/work"))["process"]
    assert process["args"] == ["sh", "-c", "true"]
    assert process["cwd"] == "/work"
    assert process["env"] == ["PATH=/bin", "HOSTNAME=host", "A=1", "HOME=/root"]
    assert process["terminal"] is False
    assert process["user"] == {"uid": 0, "gid": 0, "umask": 0o022, "additionalGids": [0]}


def test_terminal_and_home_of_the_users_own() -> None:
    process = _spec(ContainerConfig(hostname="h", tty=True, env=("HOME=/x",)))["process"]
    assert process["terminal"] is True
    assert "TERM=xterm" in process["env"]
    assert [word for word in process["env"] if word.startswith("HOME=")] == ["HOME=/x"]


def test_capabilities_are_dockers() -> None:
    # 0xa80425fb is what /proc/self/status shows in a container of docker 20.10.
    bits = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8}
    bits |= {"NET_BIND_SERVICE": 10, "NET_RAW": 13, "SYS_CHROOT": 18, "MKNOD": 27, "AUDIT_WRITE": 29, "SETFCAP": 31}
    capabilities = _spec()["process"]["capabilities"]
    assert sum(1 << bits[name.removeprefix("CAP_")] for name in capabilities["effective"]) == 0xA80425FB
    assert capabilities["bounding"] == capabilities["permitted"] == capabilities["effective"]
    assert capabilities["inheritable"] == capabilities["ambient"] == []


def test_another_user_than_root_has_no_capability_in_hand() -> None:
    capabilities = _spec(user=User(100, 100, (100,), "/"))["process"]["capabilities"]
    assert capabilities["effective"] == capabilities["permitted"] == []
    assert "CAP_CHOWN" in capabilities["bounding"]


def test_capability_changes() -> None:
    assert "SYS_ADMIN" in capability_set(("cap_sys_admin",), ())
    assert "CHOWN" not in capability_set((), ("CHOWN",))
    assert capability_set((), ("ALL",)) == ()
    assert capability_set(("NET_ADMIN",), ("ALL",)) == ("NET_ADMIN",)
    assert len(capability_set(("ALL",), ())) == 41
    with pytest.raises(InvalidInput, match="unknown capability"):
        capability_set(("FOO",), ())


def test_namespaces() -> None:
    def kinds(network: str) -> list[dict[str, str]]:
        namespaces: list[dict[str, str]] = _spec(network=network)["linux"]["namespaces"]
        return [each for each in namespaces if each["type"] == "network"]

    assert kinds("host") == []
    assert kinds("new") == [{"type": "network"}]
    assert kinds("/run/x/netns") == [{"type": "network", "path": "/run/x/netns"}]


def test_mounts_in_order() -> None:
    own = (
        Mount("bind", "/b", "/data/deep", propagation="rprivate"),
        Mount("bind", "/a", "/data", read_only=True, propagation="rslave"),
        Mount("bind", "/h", "/etc/hosts", propagation="rprivate"),
    )
    mounts = _spec(host=HostConfig(mounts=own))["mounts"]
    destinations = [mount["destination"] for mount in mounts]
    assert destinations.index("/data") < destinations.index("/data/deep")
    assert destinations.count("/etc/hosts") == 1
    by_destination = {mount["destination"]: mount for mount in mounts}
    assert by_destination["/data"]["options"] == ["rbind", "rslave", "ro"]
    assert by_destination["/etc/hosts"]["source"] == "/h"
    assert by_destination["/etc/hostname"]["source"] == f"/store/containers/{_ID}/hostname"
    assert "ro" in by_destination["/sys"]["options"]
    assert by_destination["/dev/shm"]["options"][-1] == "size=67108864"


def test_devices_are_denied_but_for_the_list() -> None:
    rules = _spec()["linux"]["resources"]["devices"]
    assert rules[0] == {"allow": False, "access": "rwm"}
    assert {(rule.get("major"), rule.get("minor")) for rule in rules if rule.get("access") == "rwm"} >= {
        (1, 3),
        (136, None),
    }


def test_seccomp_depends_on_capabilities() -> None:
    def rule(name: str, *capabilities: str) -> list[str]:
        calls = profile(capabilities, "x86_64")["syscalls"]
        return [each["action"] for each in calls if name in each["names"]]

    assert rule("read") == ["SCMP_ACT_ALLOW"]
    assert rule("mount") == ["SCMP_ACT_ERRNO"]
    assert rule("mount", "SYS_ADMIN") == ["SCMP_ACT_ALLOW"]
    assert rule("bpf", "BPF") == ["SCMP_ACT_ALLOW"]
    assert rule("keyctl", "SYS_ADMIN") == ["SCMP_ACT_ERRNO"]
    assert rule("clone3") == ["SCMP_ACT_ERRNO"]
    assert rule("clone3", "SYS_ADMIN") == ["SCMP_ACT_ALLOW"]
    assert profile((), "x86_64")["defaultErrnoRet"] == 38


def test_apparmor_profiles() -> None:
    there = frozenset({"docker-default", "mine"})
    privileged = HostConfig(privileged=True)
    assert profile_of("", HostConfig(), None) == profile_of("mine", HostConfig(), None) == ""
    assert profile_of("", HostConfig(), there) == "docker-default"
    assert profile_of("", HostConfig(), frozenset({"mine"})) == ""
    assert profile_of("mine", HostConfig(), there) == profile_of("mine", privileged, there) == "mine"
    assert profile_of("", privileged, there) == "unconfined"
    assert profile_names("docker-default (enforce)\n/usr/bin/man (complain)\n") == {"docker-default", "/usr/bin/man"}


def test_apparmor_in_the_configuration() -> None:
    host = HostConfig(security_opt=("apparmor=mine",))
    assert "apparmorProfile" not in _spec(host=host)["process"]
    assert _spec(host=host, apparmor=frozenset())["process"]["apparmorProfile"] == "mine"
    assert _spec(apparmor=frozenset({"docker-default"}))["process"]["apparmorProfile"] == "docker-default"
