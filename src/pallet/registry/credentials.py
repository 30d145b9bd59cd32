"""Credentials in docker's config.json and in its credential helpers.

Source: docker's documentation of `docker login`, "Credential stores" and "Credential helper protocol". An `auths` entry
holds `auth` (base64 of user:password), `identitytoken` or `registrytoken`; `credHelpers` names a helper for one
registry, `credsStore` one for all. What pallet does not know in the file stays as it is.
"""

from __future__ import annotations

import binascii
import fcntl
import os
from typing import Any

import msgspec

from pallet.errors import HostError, InvalidInput, PalletError
from pallet.host.files import write_atomic
from pallet.naming import DEFAULT_DOMAIN
from pallet.oci.codec import decode, decode_object

DOCKER_HUB_KEY = "https://index.docker.io/v1/"
"""The key docker keeps docker.io's credentials under."""

_DOCKER_HUB_HOSTS = (DEFAULT_DOMAIN, "index.docker.io", "registry-1.docker.io")
_TOKEN_USER = "<token>"
_NOT_FOUND = "credentials not found in native keychain"


class Credentials(msgspec.Struct, frozen=True):
    """What a registry is told about who asks; all empty for an anonymous user.

    Attributes:
        username, password: for Basic authentication, there or at the token server.
        identity_token: a refresh token, used instead of the password.
        registry_token: a bearer token, sent as it is.
    """

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, ...)"  # never a secret in a log or a traceback

    @property
    def anonymous(self) -> bool:
        """Whether there is nothing to say."""
        return not (self.username or self.password or self.identity_token or self.registry_token)


ANONYMOUS = Credentials()


class CredentialStore:
    """The credentials of one docker config directory.

    Args:
        directory: the directory of `config.json`; made when first needed.
    """

    def __init__(self, directory: str) -> None:
        self.path = f"{directory}/config.json"
        self._directory = directory

    def helper(self, registry: str) -> str:
        """The name of the helper that keeps this registry's credentials, or empty if the file does.

        Raises:
            InvalidInput: config.json is broken.
        """
        return _helper(self._read(), _key(registry))

    def get(self, registry: str) -> Credentials:
        """The credentials for a registry (`docker.io`, `host[:port]`); ANONYMOUS if there are none.

        Raises:
            InvalidInput: config.json is broken.
            HostError: a helper is missing or fails.
        """
        document = self._read()
        key = _key(registry)
        helper = _helper(document, key)
        if helper:
            return _from_helper(helper, key)
        entries = _table(document, "auths", self.path)
        entry = entries.get(key)
        if entry is None:
            hosts = {registry_name(name): value for name, value in reversed(entries.items())}
            entry = hosts.get(registry_name(key), {})
        return _from_entry(entry, f"{self.path}: auths.{key}")

    def store(self, registry: str, credentials: Credentials) -> str:
        """Keep credentials for a registry.

        Returns:
            The file they are in, unencrypted, or empty if a helper has them.

        Raises:
            InvalidInput, HostError: as `get`.
        """
        key = _key(registry)
        with self._changing() as document:
            helper = _helper(document, key)
            entry: dict[str, str] = {}
            if helper:
                secret = credentials.identity_token or credentials.password
                user = _TOKEN_USER if credentials.identity_token else credentials.username
                _run(helper, "store", msgspec.json.encode({"ServerURL": key, "Username": user, "Secret": secret}))
            else:
                entry = _to_entry(credentials)
            # Docker writes them sorted.
            document["auths"] = dict(sorted({**_table(document, "auths", self.path), key: entry}.items()))
        return "" if helper else self.path

    def erase(self, registry: str) -> bool:
        """Forget a registry's credentials.

        Returns:
            Whether there were any.

        Raises:
            InvalidInput, HostError: as `get`.
        """
        key = _key(registry)
        with self._changing() as document:
            entries = _table(document, "auths", self.path)
            gone = [name for name in entries if name == key or registry_name(name) == registry_name(key)]
            for name in gone:
                del entries[name]
            helper = _helper(document, key)
            if helper:
                gone += _erased(helper, key)
        return bool(gone)

    def registries(self) -> list[str]:
        """The keys of all registries that have credentials, in the file or in the helper for all.

        Raises:
            InvalidInput, HostError: as `get`.
        """
        document = self._read()
        found = dict.fromkeys(_table(document, "auths", self.path))
        helper = document.get("credsStore")
        if isinstance(helper, str) and helper:
            found.update(decode(_run(helper, "list", b""), dict[str, Any], f"docker-credential-{helper}'s list"))
        return list(found)

    def _read(self) -> dict[str, Any]:
        try:
            with open(self.path, "rb") as file:
                raw = file.read()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise HostError(f"cannot read {self.path}: {error.strerror}") from error
        return decode_object(raw, self.path) if raw.strip() else {}

    def _changing(self) -> _Change:
        return _Change(self)


class _Change:
    """The document, read under a lock and written back at the end of the block if it changed."""

    def __init__(self, store: CredentialStore) -> None:
        self._store = store

    def __enter__(self) -> dict[str, Any]:
        directory = self._store._directory
        try:
            os.makedirs(directory, 0o700, exist_ok=True)
            self._lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise HostError(f"cannot use {directory}: {error.strerror}") from error
        try:
            # Docker does not lock; two pallets at least do not lose each other's entries.
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            self._document = self._store._read()
        except BaseException:
            os.close(self._lock)
            raise
        self._before = msgspec.json.encode(self._document)
        return self._document

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        import json

        try:
            after = msgspec.json.encode(self._document)
            if kind is None and after != self._before:
                # config.json is often a link into a directory of dotfiles: the link stays.
                path = os.path.realpath(self._store.path)
                write_atomic(path, json.dumps(self._document, indent="\t", ensure_ascii=False).encode(), 0o600)
        finally:
            os.close(self._lock)


def registry_name(address: str) -> str:
    """The registry a user means at a login: `https://host/v1/` is `host`, docker's own addresses are `docker.io`."""
    host = address.partition("://")[2] if "://" in address else address
    host = host.partition("/")[0]
    return DEFAULT_DOMAIN if host in _DOCKER_HUB_HOSTS else host


def _key(registry: str) -> str:
    return DOCKER_HUB_KEY if registry_name(registry) == DEFAULT_DOMAIN else registry


def _table(document: dict[str, Any], name: str, path: str) -> dict[str, Any]:
    found = document.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InvalidInput(f"{path}: {name} must be an object")
    return found


def _helper(document: dict[str, Any], key: str) -> str:
    helpers = document.get("credHelpers")
    chosen = helpers.get(key) or helpers.get(registry_name(key)) if isinstance(helpers, dict) else None
    if chosen is None:
        chosen = document.get("credsStore")
    return chosen if isinstance(chosen, str) else ""


_ENTRY_KEYS = ("auth", "identitytoken", "password", "registrytoken", "username")


def _from_entry(entry: object, where: str) -> Credentials:
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name, ""), str) for name in _ENTRY_KEYS):
        raise InvalidInput(f"{where}: must be an object of strings")
    username, password = entry.get("username", ""), entry.get("password", "")
    if entry.get("auth"):
        import base64

        try:
            decoded = base64.b64decode(entry["auth"], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise InvalidInput(f"{where}: auth is not base64 of user:password") from error
        username, colon, password = decoded.partition(":")
        if not colon or not username:
            raise InvalidInput(f"{where}: invalid auth configuration file")
        password = password.rstrip("\0")
    return Credentials(username, password, entry.get("identitytoken", ""), entry.get("registrytoken", ""))


def _to_entry(credentials: Credentials) -> dict[str, str]:
    import base64

    # With an identity token docker keeps the user's name and no password.
    password = "" if credentials.identity_token else credentials.password
    entry = {"auth": base64.b64encode(f"{credentials.username}:{password}".encode()).decode()}
    if credentials.identity_token:
        entry["identitytoken"] = credentials.identity_token
    if credentials.registry_token:
        entry["registrytoken"] = credentials.registry_token
    return entry


class _Answer(msgspec.Struct, frozen=True, rename="pascal"):
    username: str = ""
    secret: str = ""


class _NothingStored(Exception):
    pass


def _from_helper(helper: str, key: str) -> Credentials:
    try:
        answer = decode(_run(helper, "get", key.encode()), _Answer, f"the answer of docker-credential-{helper}")
    except _NothingStored:
        return ANONYMOUS
    if answer.username == _TOKEN_USER:
        return Credentials(identity_token=answer.secret)
    return Credentials(answer.username, answer.secret)


def _erased(helper: str, key: str) -> list[str]:
    try:
        _run(helper, "erase", key.encode())
    except _NothingStored:
        return []
    return [key]


def _run(helper: str, verb: str, given: bytes) -> bytes:
    import subprocess

    program = f"docker-credential-{helper}"
    if "/" in helper:
        raise InvalidInput(f"not a credential helper's name: {helper!r}")
    try:
        done = subprocess.run([program, verb], input=given, capture_output=True, check=False, timeout=60)
    except FileNotFoundError as error:
        raise HostError(
            f'error getting credentials - err: exec: "{program}": executable file not found in $PATH, out: ``'
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(f"error getting credentials - err: {error}, out: ``") from error
    if done.returncode == 0:
        return done.stdout
    # Helpers write their errors to stdout.
    said = done.stdout.decode(errors="replace").strip()
    if said == _NOT_FOUND:
        raise _NothingStored
    raise _failed(verb, done.returncode, said)


def _failed(verb: str, code: int, said: str) -> PalletError:
    words = {"get": "getting", "store": "storing", "erase": "erasing", "list": "listing"}
    return HostError(f"error {words[verb]} credentials - err: exit status {code}, out: `{said}`")
