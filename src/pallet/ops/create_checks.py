"""What docker's daemon refuses of a new container, and what it warns of.

Source: moby, runconfig/hostconfig_unix.go and daemon/container.go, daemon_unix.go; the texts are its own.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pallet.engine import Engine
from pallet.errors import HostError, InvalidInput, NoSuchContainer, NotFound, Unsupported
from pallet.host.idmap import in_user_namespace
from pallet.oci.config import Healthcheck
from pallet.ops.create_options import CreateOptions
from pallet.ops.log_options import check_logging
from pallet.ops.signals import signal_number
from pallet.runtime.spec import capability_set
from pallet.store.host_config import Resources, RestartPolicy

_CAP_SYS_RESOURCE = 24
_MILLISECOND = 10**6
_POLICIES = ("always", "unless-stopped")


def check_options(engine: Engine, options: CreateOptions, warn: Callable[[str], None]) -> CreateOptions:
    """Check what the user asks for.

    Args:
        engine: whose containers.
        options: the user's words.
        warn: gets what the machine cannot do, in docker's words.

    Returns:
        The words that hold: names of other containers are ids, limits that this machine does not know are gone.

    Raises:
        InvalidInput, NoSuchContainer, HostError: docker's texts.
    """
    _check_network(options)
    if options.isolation.lower() not in ("", "default"):
        raise InvalidInput(f"Invalid isolation: \"{options.isolation}\" - linux only supports 'default'")
    resources = options.resources
    if resources.cpu_rt_period and resources.cpu_rt_runtime and resources.cpu_rt_runtime > resources.cpu_rt_period:
        raise InvalidInput("cpu real-time runtime cannot be higher than cpu real-time period")
    _check_config(options)
    _check_restart(options)
    capability_set(options.cap_add, options.cap_drop)
    if resources != Resources():
        from pallet.ops.create_resources import check_resources

        resources = check_resources(resources, warn)
    if options.shm_size < 0:
        raise InvalidInput("SHM size can not be less than 0")
    if not -1000 <= options.oom_score_adj <= 1000:
        raise InvalidInput(f"Invalid value {options.oom_score_adj}, range for oom score adj is [-1000, 1000]")
    score = options.oom_score_adj
    if score < 0 and not _may_lower_score(score):
        warn("This machine does not allow a lower OOM score adjustment. OomScoreAdj discarded.")
        score = 0
    if options.runtime:
        _check_runtime(options.runtime)
    if options.cgroupns_mode not in ("", "host", "private"):
        raise InvalidInput(f"invalid cgroup namespace mode: {options.cgroupns_mode}")
    for word in options.extra_hosts:
        if ":" not in word:
            raise InvalidInput(f'bad format for add-host: "{word}"')
    _check_security(options.security_opt)
    if options.network == "host" and (options.publish or options.publish_all):
        warn("Published ports are discarded when using host network mode")
    for name in options.storage_options:
        if name.lower() != "size":
            raise InvalidInput(f"Unknown option {name}")
        raise InvalidInput("--storage-opt is supported only for overlay over xfs with 'pquota' mount option")
    check_logging(options.log_driver or "json-file", options.log_options)
    if options.links and options.network in ("default", "bridge") and in_user_namespace():
        raise Unsupported(
            "--link needs the default bridge, which there is none of without privileges: use a network of your own"
        )
    links = options.links
    if options.network in ("default", "bridge"):
        links = _links(engine, links)
    joined = {
        name: _joined(engine, getattr(options, name), strict=name != "network")
        for name in ("network", "pid_mode", "ipc_mode")
    }
    return msgspec.structs.replace(options, resources=resources, oom_score_adj=score, links=links, **joined)


def _links(engine: Engine, words: tuple[str, ...]) -> tuple[str, ...]:
    """The links; of those with one alias the first counts, as with docker."""
    found: dict[str, str] = {}
    for word in words:
        link = _link(engine, word)
        found.setdefault(link.partition(":")[2], link)
    return tuple(found.values())


def _link(engine: Engine, word: str) -> str:
    """A link with the other container's name, however the user calls it."""
    name, _, alias = word.partition(":")
    try:
        if not name:
            raise NotFound('invalid name or ID supplied: ""')
        id = engine.store.containers.find_id(name)
    except NotFound as error:
        raise InvalidInput(f"could not get container for {name}: {error.message}") from error
    return f"{engine.store.containers.brief(id).name}:{alias or name.removeprefix('/')}"


def _may_lower_score(wanted: int) -> bool:
    """Whether a process of ours may have this score: no lower one than ours without CAP_SYS_RESOURCE."""
    with open("/proc/self/oom_score_adj") as file:
        if int(file.read()) <= wanted:
            return True
    with open("/proc/self/status") as file:
        effective = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
    return bool(effective >> _CAP_SYS_RESOURCE & 1)


def _check_network(options: CreateOptions) -> None:
    mode = options.network
    if options.uts_mode == "host" and options.hostname:
        raise InvalidInput("conflicting options: hostname and the UTS mode")
    if mode in ("container", "container:"):
        raise InvalidInput("Invalid network mode: invalid container format container:<name|id>")
    container = mode.startswith("container:")
    conflicts = (
        (container and options.hostname, "hostname and the network mode"),
        (
            container and options.links,
            "container type network can't be used with links. This would result in undefined behavior",
        ),
        (
            mode == "host" and options.links,
            "host type networking can't be used with links. This would result in undefined behavior",
        ),
        (container and options.dns, "dns and the network mode"),
        (container and options.extra_hosts, "custom host-to-IP mapping and the network mode"),
        ((container or mode == "host") and options.mac_address, "mac-address and the network mode"),
        (
            container and (options.publish or options.publish_all),
            "port publishing and the container type network mode",
        ),
        (container and options.expose, "port exposing and the container type network mode"),
    )
    for conflict, text in conflicts:
        if conflict:
            raise InvalidInput(f"conflicting options: {text}")
    if options.ip or options.ip6:
        from pallet.ops.network_connect import is_address

        for text, version in ((options.ip, 4), (options.ip6, 6)):
            if text and not is_address(text, version):
                raise InvalidInput(f"invalid IPv{version} address: {text}")
    if mode in ("bridge", "host", "none") and (options.ip or options.ip6):
        raise HostError("user specified IP address is supported on user defined networks only")


def _check_config(options: CreateOptions) -> None:
    directory = options.working_dir
    if directory and not directory.startswith("/"):
        raise InvalidInput(f"the working directory '{directory}' is invalid, it needs to be an absolute path")
    if options.stop_signal:
        signal_number(options.stop_signal)
    check = options.healthcheck or Healthcheck()
    for name, value in (
        ("Interval", check.interval),
        ("Timeout", check.timeout),
        ("StartPeriod", check.start_period),
    ):
        if value and value < _MILLISECOND:
            raise InvalidInput(f"{name} in Healthcheck cannot be less than 1ms")
    if check.retries < 0:
        raise InvalidInput("Retries in Healthcheck cannot be negative")


def _check_restart(options: CreateOptions) -> None:
    policy: RestartPolicy = options.restart_policy
    if options.auto_remove and policy.name not in ("", "no"):
        raise InvalidInput("can't create 'AutoRemove' container with restart policy")
    if policy.name in ("", "no", *_POLICIES):
        if policy.retries:
            raise InvalidInput(f"maximum retry count cannot be used with restart policy '{policy.name}'")
    elif policy.name != "on-failure":
        raise InvalidInput(f"invalid restart policy '{policy.name}'")
    elif policy.retries < 0:
        raise InvalidInput("maximum retry count cannot be negative")


def _check_runtime(name: str) -> None:
    from pallet.host.spawn import find_program

    if find_program(name) is None:
        raise InvalidInput(f"Unknown runtime specified {name}")


def _check_security(words: tuple[str, ...]) -> None:
    for word in words:
        if word == "no-new-privileges":
            continue
        name, separator, value = word.partition("=")
        if not separator:
            name, separator, value = word.partition(":")
            if not separator:
                raise InvalidInput(f'invalid --security-opt 1: "{word}"')
        known = name in ("label", "apparmor", "seccomp")
        if not known and not (name == "no-new-privileges" and value.lower() in ("1", "t", "true", "0", "f", "false")):
            raise InvalidInput(f'invalid --security-opt 2: "{word}"')


def _joined(engine: Engine, mode: str, *, strict: bool) -> str:
    """A mode with the other container's id in place of its name; one that is missing is missed at the start."""
    if not mode.startswith("container:"):
        return mode
    try:
        return f"container:{engine.store.containers.find_id(mode.removeprefix('container:'))}"
    except NoSuchContainer:
        if strict:
            raise
        return mode
