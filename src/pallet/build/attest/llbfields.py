"""The fields of BuildKit's LLB operations, as its JSON has them: numbers for enumerations, nothing for what is zero.

Source: BuildKit's solver/pb/ops.proto, json.go and attr.go; its Dockerfile frontend for the values.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from pallet.build.git import parse_git
from pallet.build.metadata import working_directory_of
from pallet.build.options import BuildOptions
from pallet.build.record import StepRecord
from pallet.build.redact import redacted
from pallet.build.runspec import rlimit
from pallet.digest import Digest
from pallet.dockerfile.instructions import Add, Copy, Run
from pallet.dockerfile.mounts import Mount
from pallet.errors import InvalidReference
from pallet.oci.config import ContainerConfig
from pallet.platform import Platform
from pallet.reference import parse

NOTHING = -1
"""Instead of the number of an operation or an input: an empty root."""
_NETWORKS = {"host": 1, "none": 2}
_KINDS = {"secret": 1, "ssh": 2, "cache": 3, "tmpfs": 4}
_SHARINGS = {"private": 1, "locked": 2}
_SECRET_MODE, _AGENT_MODE = 0o400, 0o600


def platform_fields(platform: Platform) -> dict[str, str]:
    """A platform."""
    normal = platform.normalized()
    found = {"Architecture": normal.architecture, "OS": normal.os, "Variant": normal.variant}
    return {name: value for name, value in found.items() if value}


def image_source(name: str, digest: Digest | None) -> dict[str, Any]:
    """An image, by its whole name and its digest in its registry."""
    try:
        reference = parse(name).with_default_tag()
    except InvalidReference:  # in an OCI layout
        return {"identifier": name}
    full = str(reference) if reference.digest or digest is None else f"{reference}@{digest}"
    return {"identifier": f"docker-image://{full}"}


def local_source(name: str) -> dict[str, Any]:
    """A directory of this machine."""
    return {"identifier": f"local://{name}"}


def git_source(address: str, add: Add | None = None) -> dict[str, Any]:
    """A repository, as a context or as ADD has it."""
    repository = parse_git(address)
    parts = urlsplit(repository.address)
    where = f"{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else repository.address.partition("@")[2]
    fragment = repository.reference + (f":{repository.directory}" if repository.directory else "")
    attributes = {"git.fullurl": redacted(repository.address)}
    if add is not None and add.keep_git_dir:
        attributes["git.keepgitdir"] = "true"
    if add is not None and add.checksum:
        attributes["git.checksum"] = add.checksum
    return {"identifier": f"git://{where}" + (f"#{fragment}" if fragment else ""), "attrs": attributes}


def web_source(address: str, add: Add | None = None) -> dict[str, Any]:
    """A file of the web, as a context or as ADD has it."""
    attributes = {"http.filename": "context" if add is None else file_name(address)}
    if add is not None and add.checksum:
        attributes["http.checksum"] = add.checksum
    return {"identifier": redacted(address), "attrs": attributes}


def rooted(path: str) -> str:
    """A path from the root."""
    return "/" + posixpath.normpath("/" + path).lstrip("/")


def file_name(address: str) -> str:
    """What a file of the web is called."""
    return posixpath.basename(urlsplit(address).path.rstrip("/")) or "__unnamed__"


def exec_fields(
    record: StepRecord, run: Run, mounts: Sequence[dict[str, Any]], options: BuildOptions
) -> dict[str, Any]:
    """A RUN."""
    meta: dict[str, Any] = {
        "args": list(record.args),
        "env": list(record.env),
        "cwd": record.config.working_dir or "/",
        "user": record.config.user,
        "extraHosts": [_host(word) for word in options.extra_hosts],
        "ulimit": [_limit(word) for word in options.ulimits],
        "cgroupParent": options.cgroup_parent,
        "removeMountStubsRecursive": True,
    }
    network = run.network if run.network != "default" else options.network
    found: dict[str, Any] = {
        "meta": _given(meta),
        "mounts": list(mounts),
        "network": _NETWORKS.get(network, 0),
        "security": int(run.security == "insecure"),
        "secretenv": [
            _given({"ID": mount.known_as, "name": mount.env, "optional": not mount.required})
            for mount in run.mounts
            if mount.type == "secret" and mount.env is not None
        ],
    }
    return _given(found)


def mount_fields(mount: Mount, config: ContainerConfig, number: int, agents: int) -> dict[str, Any]:
    """A mount of a RUN; nothing for a secret that is only a variable.

    Args:
        mount: it.
        config: the stage's.
        number: which of the RUN's inputs it shows, or NOTHING.
        agents: how many SSH agents are mounted already.
    """
    id, target = mount.known_as, mount.target
    if mount.type == "secret":
        if mount.env is not None and not target:
            return {}
        target = target or f"/run/secrets/{posixpath.basename(id)}"
    elif mount.type == "ssh":
        target = target or f"/run/buildkit/ssh_agent.{agents}"
    found: dict[str, Any] = {"dest": working_directory_of(config, target), "output": -1}
    found["mountType"] = _KINDS.get(mount.type, 0)
    if number or mount.type not in ("bind", "cache"):
        found["input"] = number
    if mount.type in ("bind", "cache"):
        found["selector"] = rooted(mount.source) if mount.source.strip("/.") else ""
        found["readonly"] = mount.readonly
    if mount.type == "cache":
        cache = mount.id or posixpath.normpath(mount.target)
        found["cacheOpt"] = _given({"ID": f"/{cache}", "sharing": _SHARINGS.get(mount.sharing or "", 0)})
    elif mount.type == "tmpfs":
        found["TmpfsOpt"] = _given({"size": mount.size})
    elif mount.type == "secret":
        found["secretOpt"] = _owned(mount, id, _SECRET_MODE)
    elif mount.type == "ssh":
        found["SSHOpt"] = _owned(mount, id, _AGENT_MODE)
    return _given(found)


def copy_fields(copy: Copy | Add, source: str, destination: str, *, plain: bool = False) -> dict[str, Any]:
    """One source of a COPY or ADD.

    Args:
        copy: the instruction.
        source: its path.
        destination: whole.
        plain: whether it is a file that was made or fetched for it: then there are no patterns.
    """
    octal = copy.chmod.isdigit()
    found: dict[str, Any] = {
        "src": rooted(source),
        "dest": destination,
        **owner_fields(copy.chown),
        "mode": int(copy.chmod, 8) if octal else -1,
        "modeStr": "" if octal else copy.chmod,
        "createDestPath": True,
        "timestamp": -1,
        "exclude_patterns": list(copy.exclude),
    }
    if not plain:
        found |= dict.fromkeys(("followSymlink", "dirCopyContents", "allowWildcard", "allowEmptyWildcard"), True)
    if isinstance(copy, Add):
        found["attemptUnpackDockerCompatibility"] = (not plain) if copy.unpack is None else copy.unpack
    elif copy.parents and not plain:
        parent, pivot, pattern = source.partition("/./")
        inner = rooted(pattern if pivot else source).lstrip("/")
        found |= {"src": rooted(parent) if pivot else "/", "include_patterns": [inner]}
        if not any(mark in source for mark in "*?["):
            found["required_paths"] = [rooted(source)]
    return {name: value for name, value in found.items() if value not in ("", [], False)}


def owner_fields(text: str) -> dict[str, Any]:
    """Whose it is to be: `user[:group]`, or nothing."""
    if not text:
        return {}
    user, colon, group = text.partition(":")
    owner = {"user": _principal(user)}
    return {"owner": {**owner, "group": _principal(group)} if colon else owner}


def _principal(text: str) -> dict[str, Any]:
    return {"User": _given({"byId": int(text)}) if text.isdecimal() else {"byName": {"name": text}}}


def _owned(mount: Mount, id: str, mode: int) -> dict[str, Any]:
    return _given(
        {
            "ID": id,
            "uid": mount.uid or 0,
            "gid": mount.gid or 0,
            "mode": mode if mount.mode is None else mount.mode,
            "optional": not mount.required,
        }
    )


def _host(word: str) -> dict[str, str]:
    name, _, address = word.partition("=" if "=" in word else ":")
    return {"Host": name, "IP": address}


def _limit(word: str) -> dict[str, Any]:
    limit = rlimit(word)
    return _given({"Name": word.partition("=")[0], "Soft": limit["soft"], "Hard": limit["hard"]})


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value or value == {}}
