"""From `pallet build`'s flags to what the builder is asked for."""

from __future__ import annotations

import os

from pallet.build.attest.request import parse_annotation, parse_attests
from pallet.build.options import BuildOptions, NamedContext, Output, Secret
from pallet.cli.failure import Failure
from pallet.errors import InvalidInput
from pallet.platform import parse as parse_platform
from pallet.reference import Reference
from pallet.reference import parse as parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pallet.cli.command import Options
    from pallet.platform import Platform

_TYPES = ("image", "docker", "oci", "local", "tar")


def build_options(opts: Options, environ: Mapping[str, str], **more: object) -> BuildOptions:
    """Read the flags.

    Args:
        opts: the flags.
        environ: gives the values of build arguments and secrets without one, and SOURCE_DATE_EPOCH.
        more: fields that come from elsewhere.

    Raises:
        InvalidInput, Failure: a flag's value is wrong, with docker's text.
    """
    args = build_args(opts.build_arg, environ)
    outputs = tuple(_output(text) for text in opts.output)
    rewrite = opts.rewrite_timestamp or any("rewrite-timestamp=true" in text for text in opts.output)
    fields: dict[str, object] = {
        "tags": tuple(_tag(name) for name in opts.tag),
        "build_args": args,
        "target": opts.target,
        "no_cache": opts.no_cache,
        "no_cache_filter": tuple(word for text in opts.no_cache_filter for word in text.split(",")),
        "pull": opts.pull,
        "platforms": _platforms(opts.platform),
        **_caches(opts),
        "attest": parse_attests(opts.attest, opts.sbom, opts.provenance),
        "annotations": tuple(each for text in opts.annotation for each in parse_annotation(text)),
        "labels": dict(_pair(text) for text in opts.label),
        "network": opts.network,
        "extra_hosts": opts.add_host,
        "secrets": tuple(_secret(text, environ) for text in opts.secret),
        "ssh": dict(_agent(text, environ) for text in opts.ssh),
        "contexts": tuple(_context(text) for text in opts.build_context),
        "epoch": _epoch(args.get("SOURCE_DATE_EPOCH", environ.get("SOURCE_DATE_EPOCH", ""))),
        "rewrite_times": rewrite,
        "squash": opts.squash,
        "outputs": outputs,
        "ulimits": opts.ulimit,
        "shm_size": opts.shm_size,
        "memory": opts.memory,
        "memory_swap": opts.memory_swap,
        "cpu_shares": opts.cpu_shares,
        "cpu_period": opts.cpu_period,
        "cpu_quota": opts.cpu_quota,
        "cpuset_cpus": opts.cpuset_cpus,
        "cpuset_mems": opts.cpuset_mems,
        "cgroup_parent": opts.cgroup_parent,
        "allow": tuple(word for text in opts.allow for word in text.split(",")),
    }
    if opts.ulimit:
        from pallet.build.runspec import rlimit

        for word in opts.ulimit:
            rlimit(word)
    return BuildOptions(**{**fields, **more})  # type: ignore[arg-type]


def _caches(opts: Options) -> dict[str, object]:
    if not opts.cache_from and not opts.cache_to:
        return {}
    from pallet.build.cachespec import parse_cache_from, parse_cache_to

    return {
        "cache_from": tuple(parse_cache_from(text) for text in opts.cache_from),
        "cache_to": tuple(parse_cache_to(text) for text in opts.cache_to),
    }


def build_args(words: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """`NAME=value`, or `NAME` for the environment's; one that is not there is left out."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            found[name] = value
        elif name in environ:
            found[name] = environ[name]
    return found


def _platforms(words: Iterable[str]) -> tuple[Platform, ...]:
    """Platforms, separated by commas or flag by flag; each once."""
    return tuple(dict.fromkeys(parse_platform(name) for text in words for name in text.split(",") if text))


def _tag(name: str) -> Reference:
    try:
        reference = parse_reference(name)
    except InvalidInput as error:
        raise Failure(f'invalid argument "{name}" for "-t, --tag" flag: {error.message}', exit_code=125) from None
    if reference.digest is not None:
        raise Failure(
            f'invalid argument "{name}" for "-t, --tag" flag: refusing to create a tag with a digest reference'
        )
    return reference


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _fields(text: str, what: str) -> dict[str, str]:
    import csv

    try:
        (row,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        raise InvalidInput(f"failed to parse csv {what}: {text}") from None
    found: dict[str, str] = {}
    for field in row:
        name, equals, value = field.partition("=")
        if not equals:
            raise InvalidInput(f"invalid value {field}")
        found[name.lower()] = value
    return found


def _output(text: str) -> Output:
    if "=" not in text:
        return Output("tar", "-") if text == "-" else Output("local", text)
    fields = _fields(text, "output")
    kind = fields.get("type", "")
    if not kind:
        raise InvalidInput("type is required for output")
    if kind not in _TYPES:
        raise InvalidInput(f"output type {kind} is not supported")
    dest = fields.get("dest", "")
    if kind in ("tar", "oci", "docker") and not dest:
        dest = "-"
    return Output(kind, dest)  # type: ignore[arg-type]


def _secret(text: str, environ: Mapping[str, str]) -> Secret:
    fields = _fields(text, "secret")
    for name in fields:
        if name not in ("id", "src", "source", "env", "type"):
            raise InvalidInput(f"unexpected key '{name}' in '{text}'")
    id = fields.get("id", "")
    if not id:
        raise InvalidInput(f"secret identifier ID is missing: {text}")
    path = fields.get("src", fields.get("source", ""))
    variable = fields.get("env", path if fields.get("type") == "env" else "")
    if not variable and not path and id in environ:
        variable = id
    if variable:
        if variable not in environ:
            raise InvalidInput(f"environment variable {variable} is not set")
        return Secret(id, value=environ[variable].encode("utf-8", "surrogateescape"))
    path = os.path.join(os.getcwd(), path or id)
    if not os.path.isfile(path):
        raise InvalidInput(f"failed to stat {path}: stat {path}: no such file or directory")
    return Secret(id, path)


def _agent(text: str, environ: Mapping[str, str]) -> tuple[str, str]:
    id, equals, socket = text.partition("=")
    socket = socket if equals else environ.get("SSH_AUTH_SOCK", "")
    if not socket:
        raise InvalidInput("invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set")
    import stat

    paths = [os.path.join(os.getcwd(), path) for path in socket.split(",")]
    for path in paths:
        try:
            mode = os.stat(path).st_mode
        except OSError as error:
            raise InvalidInput(f"could not parse ssh: [{text}]: stat {path}: {error.strerror}") from None
        if stat.S_ISSOCK(mode) and len(paths) > 1:
            raise InvalidInput("only single socket allowed")
        if not stat.S_ISSOCK(mode) and not stat.S_ISREG(mode):
            raise InvalidInput(f"{path} is neither a key nor an agent's socket")
    return id, ",".join(paths)


def _context(text: str) -> NamedContext:
    name, equals, value = text.partition("=")
    if not equals or not value:
        raise InvalidInput(f"invalid context value: {text}, expected key=value")
    return NamedContext(name, value)


def _epoch(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise InvalidInput(f"invalid SOURCE_DATE_EPOCH: {text}")
    return int(text)
