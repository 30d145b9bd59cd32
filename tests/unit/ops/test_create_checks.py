"""What is refused, dropped and warned of when a container is created; log rotation; health; restart policies."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pallet.errors import HostError, InvalidInput
from pallet.oci.config import Healthcheck
from pallet.ops.create_resources import check_resources
from pallet.ops.health import Health, Result
from pallet.ops.log_options import Rotation, check_logging, rotation
from pallet.ops.mount_modes import is_mode, propagation, tmpfs_options
from pallet.runtime.cgroups import parse_list, supported
from pallet.store.host_config import DeviceValue, Resources

_ALL = (
    "memory swap reservation swappiness kernel_memory oom cpu_shares cpu_quota cpuset pids blkio_weight "
    "blkio_weight_device read_bps write_bps read_iops write_iops"
)
_MB = 1 << 20
_MODES = ("ro", "rw", "z", "Z", "nocopy", "cached", "shared", "rslave", "private", "x")


def _checked(can: str = _ALL, **asked: Any) -> tuple[Resources, list[str]]:
    warnings: list[str] = []
    return check_resources(Resources(**asked), warnings.append, can=can.split()), warnings


def test_swap_goes_with_memory() -> None:
    assert _checked(memory=8 * _MB)[0].memory_swap == 16 * _MB
    assert _checked(memory=8 * _MB, memory_swap=-1)[0].memory_swap == -1
    assert _checked(memory=8 * _MB, memory_swap=9 * _MB)[0].memory_swap == 9 * _MB


def test_what_the_machine_cannot_do_is_dropped_and_said() -> None:
    left, warnings = _checked(
        "",
        memory=8 * _MB,
        cpu_shares=5,
        cpu_quota=5000,
        cpu_period=5000,
        pids_limit=5,
        cpuset_cpus="0",
        blkio_weight=5,
        read_bps=(DeviceValue("/dev/a", 1),),
    )
    assert left == Resources(memory_swap=-1)
    assert [text.split("support ")[1].split(".")[0] for text in warnings] == [
        "memory limit capabilities or the cgroup is not mounted",
        "PIDs limit capabilities or the cgroup is not mounted",
        "CPU shares or the cgroup is not mounted",
        "CPU CFS scheduler",
        "cpuset or the cgroup is not mounted",
        "Block I/O weight or the cgroup is not mounted",
        "BPS Block I/O read limit or the cgroup is not mounted",
    ]


def test_memory_without_swap_accounting() -> None:
    left, warnings = _checked("memory", memory=8 * _MB)
    assert (left.memory, left.memory_swap) == (8 * _MB, -1)
    assert warnings == [
        "Your kernel does not support swap limit capabilities or the cgroup is not mounted. "
        "Memory limited without swap."
    ]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"memory": 1}, "Minimum memory limit allowed is 6MB"),
        ({"memory_swap": 8 * _MB}, "You should always set the Memory limit when using Memoryswap limit, see usage"),
        ({"cpu_quota": 5}, "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
        ({"nano_cpus": 10**13}, None),
        ({"nano_cpus": 1, "cpu_period": 5000}, "Conflicting options: Nano CPUs and CPU Period cannot both be set"),
        ({"blkio_weight": 5}, "Range of blkio weight is from 10 to 1000"),
        ({"cpuset_cpus": "3-1"}, "Invalid value 3-1 for cpuset cpus: invalid format: 3-1"),
        ({"memory_swappiness": 101}, "Invalid value: 101, valid memory swappiness range is 0-100"),
    ],
)
def test_limits_that_make_no_sense(asked: dict[str, Any], message: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        _checked(**asked)
    assert message is None or caught.value.message == message


def test_both_versions_of_cgroups(tmp_path: Any) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for path in ("memory/memory.limit_in_bytes", "cpu/cpu.shares", "pids/cgroup.procs"):
        (one / path).parent.mkdir(parents=True)
        (one / path).touch()
    two.mkdir()
    (two / "cgroup.controllers").write_text("cpu memory\n")
    assert supported(str(one)) == {"memory", "cpu_shares", "pids"}
    assert supported(str(two)) == {"memory", "swap", "reservation", "cpu_shares", "cpu_quota"}


def test_lists_of_cpus() -> None:
    assert parse_list("0-2,7") == {0, 1, 2, 7}
    assert parse_list("") == frozenset()
    for text in ("a", "1-", "-1", "2-1", "1,,2"):
        with pytest.raises(ValueError):
            parse_list(text)


@given(st.lists(st.sampled_from(_MODES), max_size=4))
def test_modes_have_one_word_of_each_kind(words: list[str]) -> None:
    kinds = {"ro": 0, "rw": 0, "z": 1, "Z": 1, "nocopy": 2, "cached": 3, "shared": 4, "rslave": 4, "private": 4}
    found = [kinds.get(word, -1) for word in words]
    assert is_mode(",".join(words)) == (-1 not in found and len(set(found)) == len(found))


def test_propagation_of_a_mode() -> None:
    assert propagation("ro,rslave") == "rslave"
    assert propagation("ro") == ""


def test_options_of_tmpfs() -> None:
    assert tmpfs_options([]) == ["noexec", "nosuid", "nodev"]
    assert tmpfs_options(["exec", "size=1m", "size=2m"]) == ["exec", "nosuid", "nodev", "size=2m"]
    with pytest.raises(HostError, match=r'invalid tmpfs option \["foo" "1"\]'):
        tmpfs_options(["foo=1"])
    with pytest.raises(HostError, match=r'invalid tmpfs option \["foo"\]'):
        tmpfs_options(["foo"])


def test_rotation() -> None:
    assert rotation("json-file", {}) == Rotation(0, 1, compress=False)
    assert rotation("json-file", {"max-size": "1k", "max-file": "3"}) == Rotation(1024, 3, compress=False)
    assert rotation("local", {}) == Rotation(20_000_000, 5, compress=True)
    assert rotation("none", {}) == Rotation()
    with pytest.raises(HostError, match="max-file cannot be less than 1"):
        rotation("json-file", {"max-file": "0"})


def test_log_options() -> None:
    check_logging("json-file", {"max-size": "1k", "tag": "x", "mode": "blocking"})
    with pytest.raises(InvalidInput, match="unknown log opt 'tag' for log driver local"):
        check_logging("local", {"tag": "x"})
    with pytest.raises(InvalidInput, match='plugin "syslog" not found'):
        check_logging("syslog", {})


def _after(*codes: int, check: Healthcheck | None = None, since: int = 10**12) -> Health:
    health = Health()
    for code in codes:
        health = health.after(Result("", "", code, ""), check or Healthcheck(retries=2), since)
    return health


def test_health() -> None:
    assert (_after().status, _after(1).status, _after(1, 1).status) == ("starting", "starting", "unhealthy")
    assert (_after(0).status, _after(0, 1).status, _after(0, 1, 1).status) == ("healthy", "healthy", "unhealthy")
    assert _after(1, 1, 0).failing_streak == 0
    assert len(_after(*[0] * 9).log) == 5


def test_a_start_period_forgives() -> None:
    check = Healthcheck(retries=1, start_period=5)
    assert _after(1, 1, check=check, since=4).status == "starting"
    assert _after(1, check=check, since=5).status == "unhealthy"
    # Once it was well, the period is over.
    assert _after(0, 1, check=check, since=4).status == "unhealthy"


def test_docker_s_health_object() -> None:
    health = _after(3)
    assert msgspec.json.decode(msgspec.json.encode(health)) == {
        "Status": "starting",
        "FailingStreak": 1,
        "Log": [{"Start": "", "End": "", "ExitCode": 3, "Output": ""}],
    }
