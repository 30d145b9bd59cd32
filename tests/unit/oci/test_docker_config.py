"""docker's JSON of a config, made from the typed value and from JSON alike."""

from __future__ import annotations

import msgspec

from pallet.oci.codec import encode
from pallet.oci.config import ContainerConfig, Healthcheck
from pallet.oci.docker_config import LEFT_OUT_WHEN_EMPTY, docker_config
from pallet.oci.quickjson import parse_object

_FULL = ContainerConfig(
    env=("A=b",),
    labels={"z": "1", "a": "2"},
    exposed_ports={"80/tcp": {}, "443/tcp": {}},
    healthcheck=Healthcheck(test=("CMD", "true"), interval=1, retries=3),
    stop_timeout=3,
    shell=("/bin/sh", "-c"),
)


def test_all_fields_and_no_others() -> None:
    names = [field.encode_name for field in msgspec.structs.fields(ContainerConfig)]
    assert list(docker_config(dict.fromkeys(LEFT_OUT_WHEN_EMPTY - {"ExposedPorts", "Healthcheck"}, "x"))) == [
        name for name in names if name not in ("ExposedPorts", "Healthcheck")
    ]
    empty = ContainerConfig().to_docker()
    assert list(empty) == [name for name in names if name not in LEFT_OUT_WHEN_EMPTY]
    assert docker_config({"Unknown": 1}) == empty


def test_from_json_as_from_the_typed_value() -> None:
    shown = _FULL.to_docker()
    assert docker_config(parse_object(encode(_FULL), "it")) == {**shown, "Env": ["A=b"], "Shell": ["/bin/sh", "-c"]} | {
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1, "Retries": 3}
    }
    assert list(shown["Labels"]) == ["a", "z"]
    assert list(shown["ExposedPorts"]) == ["443/tcp", "80/tcp"]
