"""Values of the flags for new containers, as docker's client reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pallet.cli.container import create_values as values
from pallet.cli.container.mount_words import fields, mount
from pallet.errors import InvalidInput
from pallet.store.host_config import DeviceValue, Ulimit


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("nofile=64:128", Ulimit("nofile", hard=128, soft=64)),
        ("nofile=64", Ulimit("nofile", hard=64, soft=64)),
        ("core=-1", Ulimit("core", hard=-1, soft=-1)),
        ("core=0:-1", Ulimit("core", hard=-1, soft=0)),
        ("nofile=0010", Ulimit("nofile", hard=10, soft=10)),
    ],
)
def test_ulimits(text: str, limit: Ulimit) -> None:
    assert values.ulimit(text) == limit


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        ("ulimit", "nofile", "invalid ulimit argument: nofile"),
        ("ulimit", "nosuch=1", "invalid ulimit type: nosuch"),
        ("ulimit", "nofile=2:1", "ulimit soft limit must be less than or equal to hard limit: 2 > 1"),
        (
            "ulimit",
            "nofile=-1:5",
            "ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 5",
        ),
        ("ulimit", "nofile=a", 'strconv.ParseInt: parsing "a": invalid syntax'),
        ("ulimit", "nofile=0x10", 'strconv.ParseInt: parsing "0x10": invalid syntax'),
        ("weight", "/dev/a:9", "invalid weight for device: /dev/a:9"),
        ("weight", "/dev/a", "bad format: /dev/a"),
        ("weight", "a:500", "bad format for device path: a:500"),
        ("device_rule", "c 1:2:3 r", "invalid device cgroup format 'c 1:2:3 r'"),
        ("device_rule", "c 1:* rwmr", "invalid device cgroup format 'c 1:* rwmr'"),
        ("sysctl", "kernel.msgmax", "sysctl 'kernel.msgmax' is not whitelisted"),
        ("sysctl", "vm.x=1", "sysctl 'vm.x=1' is not whitelisted"),
        ("address", "1.2.3", "1.2.3 is not an ip address"),
        ("search_domain", "a..b", "a..b is not a valid domain"),
        ("search_domain", "-a", "-a is not a valid domain"),
        ("extra_host", "a", 'bad format for add-host: "a"'),
        ("extra_host", ":1.2.3.4", 'bad format for add-host: ":1.2.3.4"'),
        ("extra_host", "a:b", 'invalid IP address in add-host: "b"'),
        ("stream", "stdio", "valid streams are STDIN, STDOUT and STDERR"),
        ("swap", "-2", "invalid size: '-2'"),
    ],
)
def test_refused_values(read: str, text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        getattr(values, read)(text)
    assert caught.value.message == message


def test_other_values() -> None:
    assert values.weight("/dev/a:0") == DeviceValue("/dev/a", 0)
    assert values.byte_rate("/dev/a:1mb") == DeviceValue("/dev/a", 1 << 20)
    assert values.operation_rate("/dev/a:7") == DeviceValue("/dev/a", 7)
    assert values.device_rule("a *:* m") == "a *:* m"
    assert values.address(" ::1 ") == "::1"
    assert values.search_domain(".") == "."
    assert values.extra_host("a:host-gateway") == "a:host-gateway"
    assert values.extra_host("a:::1") == "a:::1"
    assert values.stream("STDERR") == "stderr"
    assert (values.swap("-1"), values.swap("1g")) == (-1, 1 << 30)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in ("ulimit", "weight", "byte_rate", "operation_rate", "device_rule", "sysctl", "address", "swap"):
        try:
            getattr(values, read)(text)
        except InvalidInput:
            continue


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b", ["a", "b"]),
        ('"a,b",c', ["a,b", "c"]),
        ('"a""b"', ['a"b']),
        ("a,", ["a", ""]),
        (",", ["", ""]),
    ],
)
def test_fields(text: str, found: list[str]) -> None:
    assert fields(text) == found


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8")), min_size=1, max_size=5))
def test_fields_in_quotes_come_back(words: list[str]) -> None:
    quoted = ",".join('"' + word.replace('"', '""') + '"' for word in words)
    assert fields(quoted) == words


@given(st.text(max_size=30))
def test_any_mount_is_read_or_refused(text: str) -> None:
    try:
        assert mount(text)["Target"]
    except InvalidInput:
        return


def test_mounts_are_docker_s_objects() -> None:
    assert mount("type=bind,src=/a,dst=/b,ro,bind-propagation=rslave") == {
        "Type": "bind",
        "Source": "/a",
        "Target": "/b",
        "ReadOnly": True,
        "BindOptions": {"Propagation": "rslave"},
    }
    assert mount("dst=/b,volume-label=a=b,volume-nocopy") == {
        "Type": "volume",
        "Target": "/b",
        "VolumeOptions": {"Labels": {"a": "b"}, "NoCopy": True, "DriverConfig": {}},
    }
    assert mount("type=tmpfs,dst=/b,tmpfs-size=1m,tmpfs-mode=0700") == {
        "Type": "tmpfs",
        "Target": "/b",
        "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o700},
    }
