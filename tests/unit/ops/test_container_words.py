"""docker's words for containers: volumes, names, signals, ports in listings. The texts are docker 20.10's."""

from __future__ import annotations

import pytest

from pallet.cli.container.ls import shown_ports
from pallet.engine import Engine
from pallet.errors import InvalidInput
from pallet.ops.container_mounts import plan_mounts
from pallet.ops.container_names import check_name
from pallet.ops.create_options import CreateOptions
from pallet.ops.signals import signal_number
from pallet.settings import Settings
from pallet.store.container_record import Mount

_ENGINE = Engine(Settings("/store", "/run", docker_config="/"))


def _planned(words: list[str], image_volumes: list[str]) -> tuple[Mount, ...]:
    return plan_mounts(_ENGINE, CreateOptions("box", volumes=tuple(words)), image_volumes)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("/a:/b", Mount("bind", "/a", "/b", "", "", False, "rprivate")),
        ("/a/../c:/b/", Mount("bind", "/c", "/b", "", "", False, "rprivate")),
        ("/a:/b:ro,rslave", Mount("bind", "/a", "/b", "", "ro,rslave", True, "rslave")),
        ("vol:/b", Mount("volume", "/store/volumes/vol/_data", "/b", "vol", "z", False)),
        ("vol:/b:ro", Mount("volume", "/store/volumes/vol/_data", "/b", "vol", "ro", True)),
    ],
)
def test_volume_words(word: str, expected: Mount) -> None:
    assert _planned([word], []) == (expected,)


def test_anonymous_volumes() -> None:
    (mount, other) = _planned(["/data"], ["/data", "/more"])
    assert (mount.type, mount.destination, mount.anonymous, len(mount.name)) == ("volume", "/data", True, 64)
    assert mount.source == f"/store/volumes/{mount.name}/_data"
    assert other.destination == "/more"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ["/a:b"],
            "invalid volume specification: '/a:b': invalid mount config for type \"bind\": invalid mount path: 'b' "
            "mount path must be absolute",
        ),
        (["/a:/b:zz"], "invalid mode: zz"),
        (["/a:/b:ro:x"], "invalid volume specification: '/a:/b:ro:x'"),
        (["/a:/x", "/b:/x"], "Duplicate mount point: /x"),
        (
            ["a/b:/x"],
            'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" '
            "are allowed. If you intended to pass a host directory, use absolute path",
        ),
    ],
)
def test_bad_volume_words(words: list[str], text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _planned(words, [])
    assert caught.value.message == text


def test_names() -> None:
    assert check_name("/web-1.a_B") == "web-1.a_B"
    for name in ("a b", "-a", "a", "", "ä1"):
        with pytest.raises(InvalidInput, match="Invalid container name"):
            check_name(name)


@pytest.mark.parametrize(
    ("text", "number"), [("TERM", 15), ("SIGKILL", 9), ("hup", 1), ("9", 9), ("RTMIN+1", 35), ("SIGRTMAX-1", 63)]
)
def test_signals(text: str, number: int) -> None:
    assert signal_number(text) == number


@pytest.mark.parametrize("text", ["FOO", "0", "65", "", "-9"])
def test_no_signals(text: str) -> None:
    with pytest.raises(InvalidInput, match=f"^Invalid signal: {text}$"):
        signal_number(text)


def test_ports_as_docker_lists_them() -> None:
    # What `docker ps` printed for a container with these ports.
    ports = [
        ("80/tcp", "127.0.0.1", "8001"),
        ("81/tcp", "127.0.0.1", "8002"),
        ("9090/udp", "0.0.0.0", "9090"),
        ("9091/udp", "0.0.0.0", "9091"),
        ("99/tcp", "0.0.0.0", "32768"),
        ("7000/tcp", "", ""),
        ("7001/tcp", "", ""),
        ("7003/tcp", "", ""),
        ("5/udp", "", ""),
    ]
    assert shown_ports(ports) == (
        "7000-7001/tcp, 5/udp, 7003/tcp, 0.0.0.0:9090-9091->9090-9091/udp, "
        "127.0.0.1:8001->80/tcp, 127.0.0.1:8002->81/tcp, 0.0.0.0:32768->99/tcp"
    )
    assert shown_ports([]) == ""
