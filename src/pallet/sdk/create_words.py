"""docker-py's words for a new container, as the options of the operation.

The names and shapes are those of docker-py 7 (`containers.run`, `containers.create`).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from pallet.errors import InvalidInput, Unsupported
from pallet.ops.create_options import CreateOptions
from pallet.sdk.arguments import joined
from pallet.sdk.container_words import Binds, CreateWords, HostPort, PortTarget, Words
from pallet.sdk.limit_words import (
    endpoint,
    healthcheck,
    log_config,
    mounts,
    resources,
    restart_policy,
    size,
    tmpfs,
)

_UNSUPPORTED = """
cpu_count cpu_percent device_requests init_path lxc_conf storage_opt use_config_proxy
"""
# What docker-py passes on to its own methods, and the version of an API that is not spoken here.
_WITHOUT_MEANING = ("detach", "version")
# Words that are lists of texts, and words that are one text, and their names here.
_LISTS = {
    "cap_add": "cap_add",
    "cap_drop": "cap_drop",
    "dns": "dns",
    "dns_opt": "dns_options",
    "dns_search": "dns_search",
    "group_add": "group_add",
    "security_opt": "security_opt",
    "volumes_from": "volumes_from",
}
_TEXTS = {
    "cgroupns": "cgroupns_mode",
    "domainname": "domainname",
    "hostname": "hostname",
    "ipc_mode": "ipc_mode",
    "isolation": "isolation",
    "mac_address": "mac_address",
    "name": "name",
    "pid_mode": "pid_mode",
    "runtime": "runtime",
    "stop_signal": "stop_signal",
    "userns_mode": "userns_mode",
    "uts_mode": "uts_mode",
    "volume_driver": "volume_driver",
    "working_dir": "working_dir",
}


def create_options(
    image: str, command: Words | None, words: CreateWords, attach: frozenset[str] = frozenset()
) -> CreateOptions:
    """The operation's options.

    Args:
        image: a name or id.
        command: replaces the image's command.
        words: the rest.
        attach: the streams that the maker reads.

    Raises:
        TypeError: a word that docker-py does not know either.
        Unsupported: one that it knows, and pallet cannot do.
        InvalidInput: a value that makes no sense.
    """
    _check(words)
    network, mode = words.get("network"), words.get("network_mode")
    if network and mode:
        raise InvalidInput('The options "network" and "network_mode" can not be used together.')
    if words.get("network_disabled"):
        mode = "none"
    user = words.get("user")
    entrypoint = words.get("entrypoint")
    log_driver, log_options = log_config(words.get("log_config"))
    named = cast("Mapping[str, Any]", words)  # a TypedDict takes no key that is computed
    given: dict[str, Any] = {new: tuple(map(str, named.get(old) or ())) for old, new in _LISTS.items()}
    given |= {new: named.get(old) or "" for old, new in _TEXTS.items()}
    given["links"] = tuple(joined(words.get("links") or ()))
    given |= endpoint(words.get("networking_config"), network)
    return CreateOptions(
        image=image,
        command=_split(command),
        entrypoint=None if entrypoint is None else _split(entrypoint),
        env=_environment(words.get("environment")),
        labels=_labels(words.get("labels")),
        user="" if user is None else str(user),
        attach=attach,
        tty=words.get("tty", False),
        open_stdin=words.get("stdin_open", False),
        publish=tuple(publish_words(words.get("ports") or {})),
        publish_all=words.get("publish_all_ports", False),
        volumes=tuple(_volumes(words.get("volumes") or ())),
        mounts=mounts(words.get("mounts")),
        tmpfs=tmpfs(words.get("tmpfs")),
        extra_hosts=tuple(joined(words.get("extra_hosts") or ())),
        network=network or mode or "default",
        privileged=words.get("privileged", False),
        sysctls={name: str(value) for name, value in (words.get("sysctls") or {}).items()},
        init=bool(words.get("init")),
        oom_score_adj=words.get("oom_score_adj") or 0,
        shm_size=size(words.get("shm_size") or 0),
        resources=resources(words),
        restart_policy=restart_policy(words.get("restart_policy")),
        healthcheck=healthcheck(words.get("healthcheck")),
        log_driver=log_driver,
        log_options=log_options,
        read_only=words.get("read_only", False),
        auto_remove=words.get("auto_remove", False),
        **given,
    )


def publish_words(ports: Mapping[int | str, PortTarget]) -> list[str]:
    """docker's `-p` words for docker-py's `ports`.

    Raises:
        InvalidInput: a target that is none.
    """
    found: list[str] = []
    for port, target in ports.items():
        targets = target if isinstance(target, list) else [target]
        found += [_publish(port, cast("HostPort | tuple[str, HostPort]", each)) for each in targets]
    return found


def _publish(port: int | str, target: HostPort | tuple[str, HostPort]) -> str:
    if isinstance(target, bool) or not isinstance(target, int | str | tuple | None):
        raise InvalidInput(f"port {port}: {target!r} is not a port, an (address, port), or a list of them")
    if not isinstance(target, tuple):
        return str(port) if target is None else f"{target}:{port}"
    address, *rest = target
    if len(rest) > 1:
        raise InvalidInput(f"port {port}: {target!r} is not an (address, port)")
    host = "" if not rest or rest[0] is None else rest[0]
    return f"[{address}]:{host}:{port}" if ":" in address and address[:1] != "[" else f"{address}:{host}:{port}"


def _check(words: CreateWords) -> None:
    for name, value in words.items():
        if name in CreateWords.__annotations__ or name in _WITHOUT_MEANING:
            continue
        if name not in _UNSUPPORTED.split():
            raise TypeError(f"run() got an unexpected keyword argument {name!r}")
        # What is off anyway is not asked for.
        if value not in (None, False) and value != [] and value != {}:
            raise Unsupported(f"{name} is not supported")


def _split(command: Words | None) -> tuple[str, ...]:
    if command is None:
        return ()
    return tuple(shlex.split(command)) if isinstance(command, str) else tuple(command)


def _environment(environment: Mapping[str, object] | Sequence[str] | None) -> tuple[str, ...]:
    if not isinstance(environment, Mapping):
        return tuple(environment or ())
    return tuple(name if value is None else f"{name}={value}" for name, value in environment.items())


def _labels(labels: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    return dict(labels) if isinstance(labels, Mapping) else dict.fromkeys(labels or (), "")


def _volumes(volumes: Binds) -> Iterable[str]:
    if not isinstance(volumes, Mapping):
        yield from volumes
        return
    for source, target in volumes.items():
        if isinstance(target, str):
            yield f"{source}:{target}"
            continue
        unknown = set(target) - {"bind", "mode", "propagation"}
        if "bind" not in target or unknown:
            raise InvalidInput(f"volume {source}: wanted are bind, mode and propagation, not {', '.join(target)}")
        options = [word for word in (target.get("mode"), target.get("propagation")) if word]
        yield ":".join([source, target["bind"], *([",".join(options)] if options else [])])
