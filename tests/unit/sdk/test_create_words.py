"""docker-py's arguments of run and create, and the options that they become."""

from __future__ import annotations

from typing import Any

import pytest

from pallet.errors import InvalidInput, Unsupported
from pallet.network.ports import parse_publish
from pallet.oci.config import Healthcheck
from pallet.ops.create_options import CreateOptions
from pallet.sdk.container_words import CreateWords
from pallet.sdk.create_words import create_options, publish_words
from pallet.store.host_config import Device, DeviceValue, RestartPolicy, Ulimit


def options(command: Any = None, **words: Any) -> CreateOptions:
    made = CreateWords()
    made.update(words)  # type: ignore[typeddict-item]
    return create_options("box", command, made)


def test_nothing_said_is_the_image_s_own() -> None:
    assert options() == CreateOptions(image="box")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (None, ()),
        ("echo 'hello  world' $HOME", ("echo", "hello  world", "$HOME")),
        (["echo", "a b"], ("echo", "a b")),
        ([], ()),
    ],
)
def test_a_command_is_a_text_or_words(command: Any, words: tuple[str, ...]) -> None:
    assert options(command).command == words


def test_an_entry_point_may_be_taken_away() -> None:
    assert options().entrypoint is None
    assert options(entrypoint=[]).entrypoint == ()
    assert options(entrypoint="sh -c").entrypoint == ("sh", "-c")


def test_an_environment_is_a_mapping_or_lines() -> None:
    assert options(environment={"A": "b", "N": 1, "GONE": None}).env == ("A=b", "N=1", "GONE")
    assert options(environment=["A=b"]).env == ("A=b",)


def test_labels_are_a_mapping_or_names() -> None:
    assert options(labels={"a": "b"}).labels == {"a": "b"}
    assert options(labels=["a", "c"]).labels == {"a": "", "c": ""}


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ({"80/tcp": 8080}, ["8080:80/tcp"]),
        ({80: "8080"}, ["8080:80"]),
        ({"53/udp": None}, ["53/udp"]),
        ({"80": ("127.0.0.1", 8080)}, ["127.0.0.1:8080:80"]),
        ({"80": ("127.0.0.1",)}, ["127.0.0.1::80"]),
        ({"80": ("127.0.0.1", None)}, ["127.0.0.1::80"]),
        ({"80": ("::1", 8080)}, ["[::1]:8080:80"]),
        ({"80": [1234, ("127.0.0.1", 4567)]}, ["1234:80", "127.0.0.1:4567:80"]),
    ],
)
def test_ports_are_published_as_the_command_line_would(ports: Any, words: list[str]) -> None:
    assert publish_words(ports) == words
    assert all(parse_publish(word) for word in words)


@pytest.mark.parametrize("target", [True, 1.5, {}, ("127.0.0.1", 1, 2)])
def test_bad_targets_of_ports_are_refused(target: Any) -> None:
    with pytest.raises(InvalidInput, match="port 80"):
        publish_words({80: target})


def test_volumes_are_a_mapping_or_words() -> None:
    volumes = {
        "/host": {"bind": "/in", "mode": "ro"},
        "data": {"bind": "/data"},
        "/shared": {"bind": "/s", "mode": "rw", "propagation": "rshared"},
        "/plain": "/p",
    }
    assert options(volumes=volumes).volumes == ("/host:/in:ro", "data:/data", "/shared:/s:rw,rshared", "/plain:/p")
    assert options(volumes=["/host:/in:ro", "/anonymous"]).volumes == ("/host:/in:ro", "/anonymous")
    with pytest.raises(InvalidInput, match="volume /host"):
        options(volumes={"/host": {"target": "/in"}})


def test_networks_have_two_words() -> None:
    assert options(network="none").network == "none"
    assert options(network_mode="host").network == "host"
    with pytest.raises(InvalidInput, match="network_mode"):
        options(network="none", network_mode="host")


def test_the_rest_goes_by_its_name() -> None:
    made = options(
        name="n", hostname="h", domainname="d", user=1000, working_dir="/w", tty=True, stdin_open=True, read_only=True,
        auto_remove=True, publish_all_ports=True, stop_signal="INT", cap_add=["NET_ADMIN"], cap_drop=["ALL"],
        extra_hosts={"db": "10.0.0.1"}, links={"other": "alias", "third": None},
    )  # fmt: skip
    assert (made.name, made.hostname, made.domainname, made.user, made.working_dir) == ("n", "h", "d", "1000", "/w")
    assert made.tty and made.open_stdin and made.read_only and made.auto_remove and made.publish_all
    assert (made.stop_signal, made.cap_add, made.cap_drop) == ("INT", ("NET_ADMIN",), ("ALL",))
    assert made.extra_hosts == ("db:10.0.0.1",)
    assert made.links == ("other:alias", "third")
    assert options(user=0).user == "0"


@pytest.mark.parametrize(
    ("name", "value"), [("cpu_count", 2), ("device_requests", [{}]), ("storage_opt", {"size": "1g"})]
)
def test_what_pallet_cannot_do_is_said(name: str, value: Any) -> None:
    with pytest.raises(Unsupported, match=f"{name} is not supported"):
        options(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("mem_limit", None), ("privileged", False), ("devices", []), ("cpu_count", None)]
)
def test_what_is_off_anyway_is_fine(name: str, value: Any) -> None:
    assert options(**{name: value}) == options()


def test_unknown_words_are_refused_as_python_does() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'envrionment'"):
        options(envrionment={})


def test_limits_are_numbers_or_texts() -> None:
    made = options(
        mem_limit="512m", memswap_limit=-1, mem_reservation=1 << 20, nano_cpus=500_000_000, cpu_shares=5, pids_limit=7,
        blkio_weight_device=[{"Path": "/dev/a", "Weight": 300}], device_read_bps=[{"Path": "/dev/a", "Rate": "1k"}],
        ulimits=[{"Name": "nofile", "Soft": 3, "Hard": 4}, {"name": "core", "hard": 0}],
        devices=["/dev/a", "/dev/a:/dev/b:r"], mem_swappiness=0, shm_size="1m",
    )  # fmt: skip
    limits = made.resources
    assert (limits.memory, limits.memory_swap, limits.memory_reservation) == (512 << 20, -1, 1 << 20)
    assert (limits.nano_cpus, limits.cpu_shares, limits.pids_limit, limits.memory_swappiness) == (500_000_000, 5, 7, 0)
    assert limits.blkio_weight_device == (DeviceValue("/dev/a", 300),)
    assert limits.read_bps == (DeviceValue("/dev/a", 1024),)
    assert limits.ulimits == (Ulimit("nofile", hard=4, soft=3), Ulimit("core", hard=0, soft=0))
    assert limits.devices == (Device("/dev/a", "/dev/a"), Device("/dev/a", "/dev/b", "r"))
    assert made.shm_size == 1 << 20


def test_restarts_checks_and_logs() -> None:
    made = options(
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 5},
        healthcheck={"test": "true", "interval": 10**9, "retries": 2},
        log_config={"type": "json-file", "config": {"max-size": "1m", "max-file": 3}},
    )
    assert made.restart_policy == RestartPolicy("on-failure", 5)
    assert made.healthcheck == Healthcheck(test=("CMD-SHELL", "true"), interval=10**9, retries=2)
    assert (made.log_driver, made.log_options) == ("json-file", {"max-size": "1m", "max-file": "3"})


def test_mounts_are_docker_s_objects() -> None:
    made = options(
        mounts=[{"Target": "/a", "Source": "vol", "Type": "volume", "ReadOnly": False}], tmpfs={"/t": "size=1m"}
    )
    assert made.mounts == ({"Type": "volume", "Target": "/a", "Source": "vol", "ReadOnly": False},)
    assert made.tmpfs == {"/t": "size=1m"}
    assert options(tmpfs=["/t", "/u:size=1m"]).tmpfs == {"/t": "", "/u": "size=1m"}


@pytest.mark.parametrize(
    "words",
    [
        {"mem_limit": "much"}, {"ulimits": [{"Soft": 1}]}, {"devices": ["a:b:c:d"]}, {"mounts": ["/a:/b"]},
        {"device_read_bps": ["/dev/a:1"]},
    ],
)  # fmt: skip
def test_limits_that_make_no_sense(words: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        options(**words)
