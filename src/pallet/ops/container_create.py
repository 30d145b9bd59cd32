"""`docker container create`: a record from an image and the user's words; nothing runs yet."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import InvalidInput
from pallet.network.ports import parse_expose, parse_publish
from pallet.oci.chain import chain_ids
from pallet.oci.config import ContainerConfig, parse_config
from pallet.ops.container_mounts import parse_mounts
from pallet.ops.container_names import check_name, made_up_name
from pallet.ops.signals import signal_number
from pallet.ops.times import now_ns
from pallet.runtime.spec import capability_set
from pallet.store.container_record import ContainerRecord, HostConfig, PortBinding


class CreateOptions(msgspec.Struct, frozen=True):
    """What the user asks for; the words are docker's flags.

    Attributes:
        image: a name, an id, or a prefix of one.
        command: replaces the image's command; empty to keep it.
        entrypoint: replaces the image's entry point and drops its command; None to keep them, empty for none.
        env: `NAME=value`; a bare `NAME` takes the variable away.
        attach: which of `stdin`, `stdout`, `stderr` the creator attaches to; recorded only.
        tty: a terminal for the process.
        open_stdin: standard input stays open.
        publish: docker's `-p` words.
        stop_timeout: seconds from the stop signal to the kill; None for 10.
    """

    image: str
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    name: str = ""
    env: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    hostname: str = ""
    domainname: str = ""
    user: str = ""
    working_dir: str = ""
    attach: frozenset[str] = frozenset()
    tty: bool = False
    open_stdin: bool = False
    publish: tuple[str, ...] = ()
    publish_all: bool = False
    expose: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    network: str = "default"
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    read_only: bool = False
    auto_remove: bool = False
    stop_signal: str = ""
    stop_timeout: int | None = None
    cidfile: str = ""


def create_container(engine: Engine, options: CreateOptions) -> ContainerRecord:
    """Create a container.

    Raises:
        NoSuchImage: it is not here.
        InvalidInput: a word that is wrong, with docker's text.
        Conflict: the name is taken.
    """
    name = check_name(options.name) if options.name else made_up_name(engine)
    id = os.urandom(32).hex()
    with engine.store.adding():
        image = engine.store.images.resolve(options.image).image
        document = parse_config(engine.store.blobs.read(engine.store.images.config_of(image)))
        bindings = [binding for words in options.publish for binding in parse_publish(words)]
        config = _config(document.config or ContainerConfig(), options, id, bindings)
        words = [*(config.entrypoint or ()), *(config.cmd or ())]
        if not words:
            raise InvalidInput("No command specified")
        host = _host(engine, options, config, bindings)
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
            host=host,
        )
        # The files first: a record without them would be a container that cannot start.
        directory = engine.store.container_dir(id)
        for path in (directory, f"{directory}/upper", f"{directory}/work", f"{directory}/merged"):
            os.makedirs(path, 0o711 if path == directory else 0o755)
        try:
            with engine.store.db.transaction():
                engine.store.containers.add(record)
                engine.store.images.touch(image, record.created)
        except BaseException:
            from pallet.host.files import remove_tree

            remove_tree(directory)
            raise
    return record


def _top(diff_ids: Sequence[Digest]) -> str:
    return chain_ids(diff_ids)[-1] if diff_ids else ""


def _config(image: ContainerConfig, options: CreateOptions, id: str, bindings: list[PortBinding]) -> ContainerConfig:
    entrypoint, cmd = options.entrypoint, options.command or None
    if entrypoint is None:
        entrypoint = image.entrypoint
        cmd = cmd or image.cmd
    ports = {*(image.exposed_ports or ()), *(binding.container for binding in bindings)}
    ports.update(port for words in options.expose for port in parse_expose(words))
    if options.stop_signal:
        signal_number(options.stop_signal)
    working_dir = options.working_dir or image.working_dir
    if options.working_dir and not options.working_dir.startswith("/"):
        raise InvalidInput(f"the working directory '{options.working_dir}' is invalid, it needs to be an absolute path")
    hostname = options.hostname
    if not hostname:
        hostname = os.uname().nodename if options.network == "host" else id[:12]
    return ContainerConfig(
        hostname=hostname,
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
        healthcheck=image.healthcheck,
        image=options.image,
        volumes=_volumes(image, options),
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


def _host(engine: Engine, options: CreateOptions, config: ContainerConfig, bindings: list[PortBinding]) -> HostConfig:
    capability_set(options.cap_add, options.cap_drop)
    for link in options.links:
        target = link.partition(":")[0]
        engine.store.containers.find_id(target)
    for word in options.extra_hosts:
        if ":" not in word:
            raise InvalidInput(f'bad format for add-host: "{word}"')
    return HostConfig(
        network_mode=options.network,
        ports=tuple(bindings),
        publish_all=options.publish_all,
        binds=tuple(word for word in options.volumes if ":" in word),
        mounts=parse_mounts(engine.settings, options.volumes, config.volumes or ()),
        links=options.links,
        extra_hosts=options.extra_hosts,
        cap_add=options.cap_add,
        cap_drop=options.cap_drop,
        read_only=options.read_only,
        auto_remove=options.auto_remove,
        cidfile=options.cidfile,
    )
