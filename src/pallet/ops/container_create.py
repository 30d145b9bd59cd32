"""`docker container create`: a record from an image and the user's words; nothing runs yet."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import HostError, InvalidInput, NoSuchContainer
from pallet.network.ports import parse_expose, parse_publish
from pallet.oci.chain import chain_ids
from pallet.oci.config import ContainerConfig, Healthcheck, parse_config
from pallet.ops.container_mounts import make_volumes, plan_mounts
from pallet.ops.container_names import check_name, made_up_name
from pallet.ops.container_networks import record_creation
from pallet.ops.create_checks import check_options
from pallet.ops.create_options import CreateOptions
from pallet.ops.times import now_ns
from pallet.platform import Platform, host, parse, rank
from pallet.store.container_record import ContainerRecord, HostConfig, PortBinding


def create_container(
    engine: Engine, options: CreateOptions, *, warn: Callable[[str], None] | None = None
) -> ContainerRecord:
    """Create a container.

    Args:
        engine: whose store.
        options: what the user asks for.
        warn: gets, when the container is made, docker's text for each thing that this machine cannot do for it.

    Raises:
        NoSuchImage: it is not here.
        InvalidInput: a word that is wrong, with docker's text.
        Conflict: the name is taken.
    """
    warnings: list[str] = []
    name = check_name(options.name) if options.name else made_up_name(engine)
    options = check_options(engine, options, warnings.append)
    id = os.urandom(32).hex()
    with engine.store.adding():
        image = _image(engine, options)
        document = parse_config(engine.store.blobs.read(engine.store.images.config_of(image)))
        if not options.platform:
            _check_platform(document.platform, warnings.append)
        bindings = [binding for words in options.publish for binding in parse_publish(words)]
        config = _config(engine, document.config or ContainerConfig(), options, id, bindings)
        words = [*(config.entrypoint or ()), *(config.cmd or ())]
        if not words:
            raise InvalidInput("No command specified")
        record = ContainerRecord(
            id=id,
            name=name,
            image=image,
            image_name=options.image,
            chain_id=_top(document.diff_ids),
            created=now_ns(),
            path=words[0],
            args=tuple(words[1:]),
            config=config,
            host=_host(engine, options, config, bindings),
        )
        if options.mounts:
            make_volumes(engine, options.mounts, record.host.mounts)
        # The files first: a record without them would be a container that cannot start.
        directory = engine.store.container_dir(id)
        for path in (directory, f"{directory}/upper", f"{directory}/work", f"{directory}/merged"):
            os.makedirs(path, 0o711 if path == directory else 0o755)
        try:
            # One that goes with its process need not survive a power cut.
            with engine.store.db.transaction(lasting=not options.auto_remove):
                engine.store.containers.add(record)
                engine.store.images.touch(image, record.created)
                own = options.network not in ("default", "bridge")
                record_creation(
                    engine,
                    record,
                    aliases=options.network_aliases if own else (),
                    ip=options.ip if own else "",
                    ip6=options.ip6 if own else "",
                    link_local_ips=options.link_local_ips if own else (),
                    links=options.links if own else (),
                    driver_options=options.network_options,
                    mac=options.mac_address,
                )
        except BaseException:
            from pallet.host.files import remove_tree

            remove_tree(directory)
            raise
    if warn is not None:
        for text in warnings:
            warn(text)
    return record


def _image(engine: Engine, options: CreateOptions) -> Digest:
    if not options.platform:
        return engine.store.images.resolve(options.image).image
    from pallet.ops.platform_image import platform_image

    return platform_image(engine, options.image, parse(options.platform)).id


def _check_platform(image: Platform, warn: Callable[[str], None]) -> None:
    """An image of another machine may be meant: a kernel may run its programs by an emulator."""
    if image.architecture and rank(image, host()) is None:
        what = f"The requested image's platform ({image.normalized()}) does not match the detected host platform"
        warn(f"{what} ({host()}) and no specific platform was requested")


def _top(diff_ids: Sequence[Digest]) -> str:
    return chain_ids(diff_ids)[-1] if diff_ids else ""


def _config(
    engine: Engine, image: ContainerConfig, options: CreateOptions, id: str, bindings: list[PortBinding]
) -> ContainerConfig:
    entrypoint, cmd = options.entrypoint, options.command or None
    if entrypoint is None:
        entrypoint = image.entrypoint
        cmd = cmd or image.cmd
    ports = {*(image.exposed_ports or ()), *(binding.container for binding in bindings)}
    ports.update(port for words in options.expose for port in parse_expose(words))
    working_dir = options.working_dir or image.working_dir
    return ContainerConfig(
        hostname=options.hostname or _hostname(engine, options, id),
        domainname=options.domainname,
        user=options.user or image.user,
        attach_stdin="stdin" in options.attach,
        attach_stdout="stdout" in options.attach,
        attach_stderr="stderr" in options.attach,
        exposed_ports={port: {} for port in sorted(ports)} or None,
        tty=options.tty,
        open_stdin=options.open_stdin,
        stdin_once="stdin" in options.attach,
        env=_env(options.env, image.env or ()) or None,
        cmd=cmd,
        healthcheck=_healthcheck(options.healthcheck, image.healthcheck),
        image=options.image,
        volumes=_volumes(image, options),
        mac_address=options.mac_address,
        working_dir=os.path.normpath(working_dir) if working_dir else "",
        entrypoint=entrypoint or None,
        on_build=image.on_build,
        labels={**(image.labels or {}), **options.labels},
        stop_signal=options.stop_signal or image.stop_signal,
        stop_timeout=options.stop_timeout if options.stop_timeout is not None else image.stop_timeout,
        shell=image.shell,
    )


def _env(own: tuple[str, ...], image: tuple[str, ...]) -> tuple[str, ...]:
    """The user's variables, the last of each name, then the image's that the user does not set."""
    out: dict[str, str] = {}
    for word in own:
        out[word.partition("=")[0]] = word
    for word in image:
        out.setdefault(word.partition("=")[0], word)
    return tuple(out.values())


def _volumes(image: ContainerConfig, options: CreateOptions) -> dict[str, object] | None:
    own: dict[str, object] = {word: {} for word in options.volumes if ":" not in word}
    return {**(image.volumes or {}), **own} or None


def _hostname(engine: Engine, options: CreateOptions, id: str) -> str:
    """The name of whose network it is in, else its own id."""
    mode = options.network
    if mode == "host":
        return os.uname().nodename
    if mode.startswith("container:"):
        try:
            return engine.store.containers.find(mode.removeprefix("container:")).config.hostname
        except NoSuchContainer:
            return id[:12]
    return id[:12]


def _healthcheck(own: Healthcheck | None, image: Healthcheck | None) -> Healthcheck | None:
    """The user's check, with the image's where the user says nothing."""
    if own is None or image is None:
        return own or image
    return Healthcheck(
        test=own.test or image.test,
        interval=own.interval or image.interval,
        timeout=own.timeout or image.timeout,
        start_period=own.start_period or image.start_period,
        start_interval=own.start_interval or image.start_interval,
        retries=own.retries or image.retries,
    )


_SAME = """
publish_all tmpfs volumes_from volume_driver extra_hosts dns dns_options dns_search cap_add cap_drop
privileged group_add sysctls init pid_mode uts_mode userns_mode cgroupns_mode isolation oom_score_adj shm_size
resources restart_policy log_options read_only auto_remove cidfile runtime
"""


def _host(engine: Engine, options: CreateOptions, config: ContainerConfig, bindings: list[PortBinding]) -> HostConfig:
    if options.gpus:
        raise HostError('could not select device driver "" with capabilities: [[gpu]]')
    security = options.security_opt
    if options.privileged and "label=disable" not in security:
        security = (*security, "label=disable")
    return HostConfig(
        network_mode=options.network,
        ports=tuple(bindings),
        binds=tuple(word for word in options.volumes if ":" in word),
        mounts=plan_mounts(engine, options, config.volumes or ()),
        mount_specs=options.mounts,
        security_opt=security,
        links=options.links if options.network in ("default", "bridge") else (),
        masked=options.masked and not options.privileged,
        ipc_mode=options.ipc_mode or "private",
        log_driver=options.log_driver or "json-file",
        **{name: getattr(options, name) for name in _SAME.split()},
    )
