"""registries.toml and docker's certs.d: what is read, and what is refused with the file and key named."""

from __future__ import annotations

from pathlib import Path

import pytest

from pallet.errors import InvalidInput
from pallet.registry.configuration import (
    Certificates,
    Configuration,
    Mirror,
    Rule,
    find_certificates,
    load_configuration,
)

WHOLE = """
[[registry]]
prefix = "docker.io"
mirrors = ["http://127.0.0.1:5000", "https://mirror.example/path/", "bare.example:1"]

[[registry]]
prefix = "docker.io/library"
location = "internal.example:8443/hub"
insecure = true
ca = "{ca}"
"""


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "registries.toml"
    path.write_text(text)
    return str(path)


def test_whole_file(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("")
    assert load_configuration(write(tmp_path, WHOLE.format(ca=ca))) == Configuration(
        (
            Rule(
                "docker.io",
                (
                    Mirror("127.0.0.1:5000", "", "http"),
                    Mirror("mirror.example", "path", "https"),
                    Mirror("bare.example:1", "", ""),
                ),
            ),
            Rule("docker.io/library", (), Mirror("internal.example:8443", "hub"), True, str(ca)),
        )
    )


def test_no_file(tmp_path: Path) -> None:
    assert load_configuration(None) == load_configuration(str(tmp_path / "none.toml")) == Configuration()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[registry]\n", "not valid TOML: "),
        ("colour = 1\n", "unknown key: colour"),
        ("registry = 1\n", "registry: must be an array of tables, [[registry]]"),
        ('[registry]\nprefix = "a"\n', "registry: must be an array of tables, [[registry]]"),
        ("[[registry]]\n", "registry[0].prefix: is missing"),
        ('[[registry]]\nprefix = "a"\n[[registry]]\nprefix = "b"\nmirror = []\n', "registry[1]: unknown key: mirror"),
        ('[[registry]]\nprefix = "a"\n[[registry]]\nprefix = "a"\n', "registry[1].prefix: a is there twice"),
        ('[[registry]]\nprefix = "https://a"\n', "registry[0].prefix: must be host[:port][/path], not 'https://a'"),
        ('[[registry]]\nprefix = "a"\ninsecure = "yes"\n', "registry[0].insecure: must be a boolean"),
        ('[[registry]]\nprefix = "a"\nmirrors = "b"\n', "registry[0].mirrors: must be a list"),
        ('[[registry]]\nprefix = "a"\nmirrors = [1]\n', "registry[0].mirrors[0]: must be a string"),
        (
            '[[registry]]\nprefix = "a"\nmirrors = ["b", "ftp://c"]\n',
            "registry[0].mirrors[1]: must be [http[s]://]host[:port][/path], not 'ftp://c'",
        ),
        (
            '[[registry]]\nprefix = "a"\nlocation = "user@host"\n',
            "registry[0].location: must be [http[s]://]host[:port][/path], not 'user@host'",
        ),
        ('[[registry]]\nprefix = "a"\nca = "/nonexistent/ca"\n', "registry[0].ca: no such file: /nonexistent/ca"),
    ],
)
def test_errors_name_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InvalidInput) as caught:
        load_configuration(path)
    assert caught.value.message.startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("docker.io/library/ubuntu", "docker.io/library"),
        ("docker.io/libraryx/ubuntu", "docker.io"),
        ("docker.io", "docker.io"),
        ("docker.io.evil.example/library/ubuntu", ""),
        ("quay.io/x", ""),
    ],
)
def test_longest_prefix_wins(name: str, prefix: str) -> None:
    configuration = Configuration((Rule("docker.io"), Rule("docker.io/library")))
    assert configuration.rule(name).prefix == prefix


def test_certificates(tmp_path: Path) -> None:
    folder = tmp_path / "host:5000"
    folder.mkdir()
    for name in ("b.crt", "a.crt", "client.cert", "client.key", "notes.txt"):
        (folder / name).write_text("")
    base = f"{folder}/"
    assert find_certificates("host:5000", str(tmp_path)) == Certificates(
        (base + "a.crt", base + "b.crt"), ((base + "client.cert", base + "client.key"),)
    )
    assert find_certificates("host:5001", str(tmp_path)) == Certificates()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "client.cert",
            "missing key client.key for client certificate client.cert. CA certificates must use the extension .crt",
        ),
        ("client.key", "missing client certificate client.cert for key client.key"),
    ],
)
def test_half_a_client_certificate(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / name).write_text("")
    with pytest.raises(InvalidInput) as caught:
        find_certificates("host", str(tmp_path))
    assert caught.value.message == message
