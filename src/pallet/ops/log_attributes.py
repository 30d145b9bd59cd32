"""What a container's log options have put before each line of `logs --details`: labels, variables, a tag.

Source: docker 20.10, daemon/logger: loginfo.go and loggerutils/log_tag.go; the texts are its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from pallet.errors import HostError, InvalidInput
from pallet.store.container_record import ContainerRecord


def log_attributes(record: ContainerRecord) -> dict[str, str]:
    """The attributes, by name.

    Raises:
        HostError: a regular expression or template that is none; docker finds out when the container starts.
    """
    options = record.host.log_options
    labels = record.config.labels or {}
    variables = dict(word.partition("=")[::2] for word in record.config.env or () if "=" in word)
    try:
        found = {
            **_chosen(labels, options.get("labels", ""), options.get("labels-regex", "")),
            **_chosen(variables, options.get("env", ""), options.get("env-regex", "")),
        }
        tag = _tag(record, options.get("tag", ""))
    except InvalidInput as error:
        raise HostError(f"failed to initialize logging driver: {error.message}") from error
    return {**found, "tag": tag} if tag else found


def _chosen(values: Mapping[str, str], names: str, pattern: str) -> dict[str, str]:
    found = {name: values[name] for name in names.split(",") if name in values}
    if pattern:
        from pallet.goregexp import compile_go

        chosen = compile_go(pattern)
        found |= {name: value for name, value in values.items() if chosen.search(name)}
    return found


def _tag(record: ContainerRecord, template: str) -> str:
    if not template:
        return ""
    from pallet.gotemplate import GoMap, GoSlice, GoStruct, parse

    command = [record.path, *record.args]
    info = GoStruct(
        "logger.Info",
        {
            "Config": GoMap(record.host.log_options, "map[string]string"),
            "ContainerID": record.id,
            "ContainerName": f"/{record.name}",
            "ContainerEntrypoint": record.path,
            "ContainerArgs": GoSlice(record.args, "[]string"),
            "ContainerImageID": str(record.image),
            "ContainerImageName": record.image_name,
            "ContainerEnv": GoSlice(record.config.env or (), "[]string"),
            "ContainerLabels": GoMap(record.config.labels or {}, "map[string]string"),
            "DaemonName": "pallet",
            "Command": " ".join(command),
            "FullID": record.id,
            "Hostname": os.uname().nodename,
            "ID": record.id[:12],
            "ImageFullID": str(record.image),
            "ImageID": str(record.image)[:12],
            "ImageName": record.image_name,
            "Name": record.name,
        },
        pointer=True,
    )
    return parse(template, "log-tag").execute(info)
