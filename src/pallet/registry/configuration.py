"""registries.toml: which registries have mirrors, speak plain http, or have certificates of their own.

    [[registry]]
    prefix = "docker.io"                  # a host, or a host and the start of a path; the longest match wins
    mirrors = ["http://127.0.0.1:5000", "https://mirror.example/path"]   # asked in this order, before the registry
    location = "registry.example:5000"    # what to ask instead of the prefix itself
    insecure = false                      # true: plain http and unverified TLS will do
    ca = "/etc/ssl/my-ca.pem"             # trust this certificate authority as well

What follows the prefix in a name follows the path of the mirror or location: with the mirror above, `docker.io/x/y` is
read from `https://mirror.example/v2/path/x/y/...`.
"""

from __future__ import annotations

import os

import msgspec

from pallet.errors import InvalidInput


class Mirror(msgspec.Struct, frozen=True):
    """Another address for the same repositories.

    Attributes:
        host: `host` or `host:port`.
        path: the path its repositories begin with, or empty.
        scheme: `http` or `https`; empty to find out.
    """

    host: str
    path: str = ""
    scheme: str = ""


class Rule(msgspec.Struct, frozen=True):
    """What the file says about the names that begin with `prefix`."""

    prefix: str
    mirrors: tuple[Mirror, ...] = ()
    location: Mirror | None = None
    insecure: bool = False
    ca: str | None = None


class Configuration(msgspec.Struct, frozen=True):
    """The whole file."""

    rules: tuple[Rule, ...] = ()

    def rule(self, name: str) -> Rule:
        """The rule with the longest prefix of `name` (`host/path`); an empty rule if none fits."""
        fitting = [rule for rule in self.rules if name == rule.prefix or name.startswith(rule.prefix + "/")]
        return max(fitting, key=lambda rule: len(rule.prefix), default=Rule(""))


_KEYS = {"prefix": str, "mirrors": list, "location": str, "insecure": bool, "ca": str}


def load_configuration(path: str | None) -> Configuration:
    """Read registries.toml; None, or a file that does not exist, gives an empty configuration.

    Raises:
        InvalidInput: not TOML, an unknown key or a bad value, named with the file.
    """
    if path is None:
        return Configuration()
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except FileNotFoundError:
        return Configuration()
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}") from error
    if not raw:
        return Configuration()
    import tomllib

    try:
        document = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: not valid TOML: {error}") from error
    for key in document:
        if key != "registry":
            raise InvalidInput(f"{path}: unknown key: {key}")
    tables = document.get("registry", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InvalidInput(f"{path}: registry: must be an array of tables, [[registry]]")
    rules = tuple(_rule(table, f"{path}: registry[{number}]") for number, table in enumerate(tables))
    seen: set[str] = set()
    for number, rule in enumerate(rules):
        if rule.prefix in seen:
            raise InvalidInput(f"{path}: registry[{number}].prefix: {rule.prefix} is there twice")
        seen.add(rule.prefix)
    return Configuration(rules)


def _rule(table: dict[str, object], where: str) -> Rule:
    for key, value in table.items():
        if key not in _KEYS:
            raise InvalidInput(f"{where}: unknown key: {key}")
        if not isinstance(value, _KEYS[key]):
            raise InvalidInput(f"{where}.{key}: must be a {_WORDS[_KEYS[key]]}")
    prefix = str(table.get("prefix", ""))
    if not prefix:
        raise InvalidInput(f"{where}.prefix: is missing")
    if "://" in prefix or prefix.endswith("/"):
        raise InvalidInput(f"{where}.prefix: must be host[:port][/path], not {prefix!r}")
    listed = table.get("mirrors", [])
    assert isinstance(listed, list)
    mirrors = tuple(parse_mirror(text, f"{where}.mirrors[{number}]") for number, text in enumerate(listed))
    location = parse_mirror(table["location"], f"{where}.location") if "location" in table else None
    ca = str(table["ca"]) if "ca" in table else None
    if ca is not None and not os.path.isfile(ca):
        raise InvalidInput(f"{where}.ca: no such file: {ca}")
    return Rule(prefix, mirrors, location, bool(table.get("insecure", False)), ca)


_WORDS: dict[type, str] = {str: "string", list: "list", bool: "boolean"}


def parse_mirror(text: object, where: str) -> Mirror:
    """Read `[http[s]://]host[:port][/path]`.

    Args:
        text: the value.
        where: file and key, for the error text.

    Raises:
        InvalidInput: anything else, such as a URL with a query or a password.
    """
    if not isinstance(text, str):
        raise InvalidInput(f"{where}: must be a string")
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "", text
    host, _, path = rest.rstrip("/").partition("/")
    if scheme not in ("", "http", "https") or not host or any(mark in rest for mark in "@?# \\"):
        raise InvalidInput(f"{where}: must be [http[s]://]host[:port][/path], not {text!r}")
    return Mirror(host, path, scheme)


class Certificates(msgspec.Struct, frozen=True):
    """TLS files for one host. `clients` are pairs of certificate and key."""

    authorities: tuple[str, ...] = ()
    clients: tuple[tuple[str, str], ...] = ()


def find_certificates(host: str, directory: str) -> Certificates:
    """The files docker would use for `host[:port]`: `<directory>/<host>/*.crt`, and `*.cert` with its `*.key`.

    Source: docker's documentation, "Verify repository client with certificates".

    Raises:
        InvalidInput: a client certificate without its key, or the reverse (docker's text).
    """
    try:
        names = sorted(os.listdir(f"{directory}/{host}"))
    except OSError:
        return Certificates()
    base = f"{directory}/{host}/"
    for name in names:
        for ending, other, text in (
            (".cert", ".key", "missing key {} for client certificate {}. CA certificates must use the extension .crt"),
            (".key", ".cert", "missing client certificate {} for key {}"),
        ):
            partner = name.removesuffix(ending) + other
            if name.endswith(ending) and partner not in names:
                raise InvalidInput(text.format(partner, name))
    return Certificates(
        tuple(base + name for name in names if name.endswith(".crt")),
        tuple((base + name, base + name.removesuffix(".cert") + ".key") for name in names if name.endswith(".cert")),
    )
