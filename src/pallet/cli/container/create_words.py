"""From the flags of `run` and `create` to the operation's options, with what docker's client refuses itself.

Source: docker/cli cli/command/container/opts.go; the order of the checks and their texts are its own.
"""

from __future__ import annotations

import os

from pallet.cli.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pallet.cli.command import Options
    from pallet.cli.container.network_words import NetworkWord
    from pallet.cli.context import Context
    from pallet.oci.config import Healthcheck
    from pallet.ops.create_options import CreateOptions
    from pallet.store.host_config import Device, Resources, RestartPolicy

_RESOURCE_FLAGS = """
memory memory_reservation memory_swap kernel_memory oom_kill_disable cpu_shares cpu_period cpu_quota cpu_rt_period
cpu_rt_runtime cpuset_cpus cpuset_mems blkio_weight blkio_weight_device cgroup_parent
"""


def create_options(ctx: Context, opts: Options, args: list[str], *, attach: frozenset[str]) -> CreateOptions:
    """What the user asks for.

    Args:
        ctx: the user's environment variables; gets the client's own warnings.
        opts: the flags.
        args: the image and the command.
        attach: which of `stdin`, `stdout`, `stderr` the command attaches to.

    Raises:
        Failure: a word that docker's client refuses itself.
    """
    from pallet.cli.container.variables import environment, labels
    from pallet.ops.create_options import CreateOptions

    entrypoint = None
    if opts.changed("entrypoint"):
        entrypoint = (opts.entrypoint,) if opts.entrypoint else ()
    mac = _mac(opts.mac_address)
    if not opts.disable_content_trust:
        raise Failure("signatures of images are not verified here: --disable-content-trust=false is not supported")
    resources = _resources(ctx, opts)
    publish = _published(opts.publish, opts.expose)
    if opts.pid not in ("", "host") and not (opts.pid.startswith("container:") and opts.pid != "container:"):
        raise Failure("--pid: invalid PID mode")
    if opts.uts not in ("", "host"):
        raise Failure("--uts: invalid UTS mode")
    if opts.userns not in ("", "host"):
        raise Failure("--userns: invalid USER mode")
    if opts.cgroupns not in ("", "host", "private"):
        raise Failure("--cgroupns: invalid CGROUP mode")
    restart = restart_policy(opts.restart)
    log_options = _pairs(opts.log_opt)
    if opts.log_driver == "none" and log_options:
        raise Failure("invalid logging opts for driver none")
    security_opt, masked = _security(opts.security_opt)
    if any("=" not in word for word in opts.storage_opt):
        raise Failure("invalid storage option")
    healthcheck = _healthcheck(opts)
    if opts.rm and restart.name not in ("", "no"):
        raise Failure("Conflicting options: --restart and --rm")
    network = _network(opts)
    env = environment(opts.env_file, opts.env, ctx.environ)
    proxies = ctx.user_config.proxies(word.partition("=")[0] for word in env)
    for server in opts.dns:
        if server.startswith("127.") or server == "::1":
            ctx.warn(f"WARNING: Localhost DNS setting (--dns={server}) may fail in containers.")
    return CreateOptions(
        image=args[0],
        platform=opts.platform,
        command=tuple(args[1:]),
        entrypoint=entrypoint,
        name=opts.name,
        env=(*env, *(f"{name}={value}" for name, value in proxies.items())),
        labels=labels(opts.label_file, opts.label),
        hostname=opts.hostname,
        domainname=opts.domainname,
        user=opts.user,
        working_dir=opts.workdir,
        attach=attach,
        tty=opts.tty,
        open_stdin=opts.interactive,
        publish=publish,
        publish_all=opts.publish_all,
        expose=opts.expose,
        volumes=tuple(_absolute(word) for word in opts.volume),
        mounts=opts.mount,
        tmpfs=dict(word.partition(":")[::2] for word in opts.tmpfs),
        volumes_from=opts.volumes_from,
        volume_driver=opts.volume_driver,
        links=opts.link,
        extra_hosts=opts.add_host,
        network=network.name if network else "default",
        network_aliases=network.aliases if network else _aliases(opts),
        network_options=dict(network.options) if network else {},
        ip=network.ip if network else opts.ip,
        ip6=network.ip6 if network else opts.ip6,
        link_local_ips=opts.link_local_ip,
        mac_address=mac,
        dns=opts.dns,
        dns_options=(*opts.dns_option, *opts.dns_opt),
        dns_search=opts.dns_search,
        cap_add=opts.cap_add,
        cap_drop=opts.cap_drop,
        privileged=opts.privileged,
        security_opt=security_opt,
        masked=masked,
        group_add=opts.group_add,
        sysctls=_pairs(opts.sysctl),
        init=opts.init,
        ipc_mode=opts.ipc,
        pid_mode=opts.pid,
        uts_mode=opts.uts,
        userns_mode=opts.userns,
        cgroupns_mode=opts.cgroupns,
        isolation=opts.isolation,
        oom_score_adj=opts.oom_score_adj,
        shm_size=opts.shm_size,
        resources=resources,
        restart_policy=restart,
        healthcheck=healthcheck,
        log_driver=opts.log_driver,
        log_options=log_options,
        storage_options=_pairs(opts.storage_opt),
        gpus=opts.gpus,
        runtime=opts.runtime,
        read_only=opts.read_only,
        auto_remove=opts.rm,
        stop_signal=opts.stop_signal,
        stop_timeout=opts.stop_timeout if opts.changed("stop-timeout") else None,
        cidfile=opts.cidfile,
    )


def _resources(ctx: Context, opts: Options) -> Resources:
    from pallet.store.host_config import Resources

    swappiness = opts.memory_swappiness
    if swappiness != -1 and not 0 <= swappiness <= 100:
        raise Failure(f"invalid value: {swappiness}. Valid memory swappiness range is 0-100")
    if opts.oom_kill_disable and not opts.memory:
        ctx.warn(
            "WARNING: Disabling the OOM killer on containers without setting a '-m/--memory' limit may be dangerous."
        )
    return Resources(
        **{name: getattr(opts, name) for name in _RESOURCE_FLAGS.split()},
        memory_swappiness=None if swappiness == -1 else swappiness,
        nano_cpus=opts.cpus,
        pids_limit=opts.pids_limit or None,
        read_bps=opts.device_read_bps,
        write_bps=opts.device_write_bps,
        read_iops=opts.device_read_iops,
        write_iops=opts.device_write_iops,
        devices=tuple(_device(word) for word in opts.device),
        device_cgroup_rules=opts.device_cgroup_rule,
        ulimits=tuple({limit.name: limit for limit in opts.ulimit}.values()),
    )


def _mac(text: str) -> str:
    """Check a hardware address; `0242.ac11.0002` comes back in the usual form, which the others are in."""
    if text.count(".") in (2, 3, 9) and all(len(part) == 4 for part in text.split(".")):
        bare = text.replace(".", "")
        text = ":".join(bare[place : place + 2] for place in range(0, len(bare), 2))
    parts = text.split("-" if "-" in text else ":")
    hexadecimal = frozenset("0123456789abcdefABCDEF")
    if text and not (
        len(parts) in (6, 8, 20) and all(len(part) == 2 and hexadecimal.issuperset(part) for part in parts)
    ):
        raise Failure(f"{text} is not a valid mac address")
    return text


def _published(publish: tuple[str, ...], expose: tuple[str, ...]) -> tuple[str, ...]:
    """The words of `-p` in their usual form; those of `--expose` are only checked."""
    if not publish and not expose:
        return ()
    from pallet.errors import InvalidInput
    from pallet.network.ports import parse_expose, parse_publish, standard_publish

    try:
        found = tuple(standard_publish(words) for words in publish)
        for words in found:
            parse_publish(words)
        for words in expose:
            parse_expose(words)
    except InvalidInput as error:
        raise Failure(error.message) from None
    return found


def _is_mode(text: str) -> bool:
    return 0 < len(text) <= 3 and set(text) <= set("rwm") and len(set(text)) == len(text)


def _device(word: str) -> Device:
    from pallet.store.host_config import Device

    parts = word.split(":")
    if len(parts) > 3 or not parts[0]:
        raise Failure(f"bad format for path: {word}")
    mode = parts[-1] if len(parts) > 1 else ""
    if len(parts) == 3 and not _is_mode(mode):
        raise Failure(f"bad mode specified: {mode}")
    inside = parts[1] if len(parts) == 3 or (len(parts) == 2 and not _is_mode(mode)) else parts[0]
    if not inside.startswith("/"):
        raise Failure(f"{inside} is not an absolute path")
    return Device(parts[0], os.path.normpath(inside), mode if _is_mode(mode) else "rwm")


def restart_policy(text: str) -> RestartPolicy:
    """Read `--restart`. Raises Failure."""
    from pallet.store.host_config import RestartPolicy

    name, colon, count = text.partition(":")
    if ":" in count:
        raise Failure("invalid restart policy format")
    if not colon:
        return RestartPolicy(name)
    digits = count[1:] if count[:1] in ("+", "-") else count
    if not (digits.isascii() and digits.isdigit()):
        raise Failure("maximum retry count must be an integer")
    return RestartPolicy(name, int(count))


def _security(words: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """The words for the operation, and whether paths are masked."""
    found, masked = [], True
    for word in words:
        name, equals, value = word.partition("=")
        if not equals and name != "no-new-privileges":
            name, equals, value = word.partition(":")
            if not equals:
                raise Failure(f'Invalid --security-opt: "{word}"')
        if name == "seccomp" and value != "unconfined":
            word = f"seccomp={_profile(value)}"
        if word == "systempaths=unconfined":
            masked = False
        else:
            found.append(word)
    return tuple(found), masked


def _profile(path: str) -> str:
    """The seccomp profile of a file, without white space."""
    import json

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        from pallet.cli.container.variables import reading_failure

        raise Failure(f"opening seccomp profile ({path}) failed: {reading_failure(path, error)}") from None
    except UnicodeDecodeError as error:
        raise Failure(f"opening seccomp profile ({path}) failed: open {path}: {str(error).lower()}") from None
    try:
        return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
    except ValueError as error:
        raise Failure(f"compacting json for seccomp profile ({path}) failed: {_go_error(text, error)}") from None


def _go_error(text: str, error: ValueError) -> str:
    """Go's words where the text is no JSON at all."""
    start = text.lstrip()[:1]
    if not start:
        return "unexpected end of JSON input"
    literal = {"t": "true", "f": "false", "n": "null"}.get(start, "")
    for wanted, found in zip(literal, text.lstrip(), strict=False):
        if wanted != found:
            return f"invalid character '{found}' in literal {literal} (expecting '{wanted}')"
    if start not in '{["-0123456789tfn':
        return f"invalid character '{start}' looking for beginning of value"
    return str(error)


def _healthcheck(opts: Options) -> Healthcheck | None:
    from pallet.oci.config import Healthcheck

    values = (opts.health_interval, opts.health_timeout, opts.health_start_period, opts.health_retries)
    if opts.no_healthcheck:
        if opts.health_cmd or any(values):
            raise Failure("--no-healthcheck conflicts with --health-* options")
        return Healthcheck(test=("NONE",))
    if not opts.health_cmd and not any(values):
        return None
    for name in ("interval", "timeout", "retries", "start_period"):
        if getattr(opts, f"health_{name}") < 0:
            raise Failure(f"--health-{name.replace('_', '-')} cannot be negative")
    return Healthcheck(
        test=("CMD-SHELL", opts.health_cmd) if opts.health_cmd else None,
        interval=opts.health_interval,
        timeout=opts.health_timeout,
        start_period=opts.health_start_period,
        retries=opts.health_retries,
    )


def _network(opts: Options) -> NetworkWord | None:
    """What `--network` asks for; None if it was not given."""
    words = (*opts.network, *opts.net)
    if not words:
        return None
    from pallet.cli.container.network_words import chosen_network

    return chosen_network(words, _aliases(opts), opts.link, opts.ip, opts.ip6)


def _aliases(opts: Options) -> tuple[str, ...]:
    return (*opts.network_alias, *opts.net_alias)


def _pairs(words: Iterable[str]) -> dict[str, str]:
    return dict(word.partition("=")[::2] for word in words)


def _absolute(word: str) -> str:
    """`./dir:/x` is relative to where the user is."""
    source, colon, rest = word.partition(":")
    if colon and (source == "." or source.startswith("./")):
        source = os.path.abspath(source)  # noqa: PTH100 - pathlib is too slow to import here
    return source + colon + rest
