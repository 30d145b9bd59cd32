"""A real registry (Debian's docker-registry, the distribution project's) on a free loopback port."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support import need, scratch, wait_until
from tests.support.certs import Certificate
from tests.support.tokens import ISSUER, SERVICE, TokenServer

_LISTENING = re.compile(rb"listening on (127\.0\.0\.1:\d+)")


class RegistryServer:
    """A registry with storage of its own, as a context manager.

    Args:
        users: names and passwords for Basic authentication; none means that everybody may do everything.
        tls: serve https with this certificate.
        token: ask for this server's tokens instead.
        proxy: be a pull-through cache (read-only) of the registry at this URL.
        readonly: refuse pushes.
    """

    def __init__(
        self,
        *,
        users: Mapping[str, str] | None = None,
        tls: Certificate | None = None,
        token: TokenServer | None = None,
        proxy: str | None = None,
        readonly: bool = False,
    ) -> None:
        self.users = dict(users or {})
        self.tls = tls
        self.token = token
        self.proxy = proxy
        self.readonly = readonly
        self.host = ""
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its base address, without a slash at the end."""
        return f"{'https' if self.tls else 'http'}://{self.host}"

    @property
    def storage(self) -> Path:
        """The directory with its files (docker/registry/v2/blobs/... in it)."""
        assert self._directory is not None, "the registry is not running"
        return self._directory / "storage"

    def blob_path(self, digest: str) -> Path:
        """Where it keeps a blob's bytes, for tests that damage them."""
        algorithm, _, value = digest.partition(":")
        return self.storage / "docker/registry/v2/blobs" / algorithm / value[:2] / value / "data"

    def log(self) -> str:
        """What the registry has written so far: one line a request and more."""
        assert self._directory is not None, "the registry is not running"
        return (self._directory / "log").read_text(errors="replace")

    def __enter__(self) -> RegistryServer:
        program = need("docker-registry")
        self._directory = scratch("registry")
        config = self._directory / "config.yml"
        config.write_text(json.dumps(self._config()))  # JSON is YAML too
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [program, "serve", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            wait_until(self._has_started, "docker-registry listens")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
        if self._directory is not None:
            shutil.rmtree(self._directory)
            self._directory = None

    def _has_started(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"docker-registry ended:\n{self.log()}")
        found = _LISTENING.search(self.log().encode())
        if found is None:
            return False
        self.host = found[1].decode()
        return True

    def _config(self) -> dict[str, object]:
        assert self._directory is not None
        storage: dict[str, object] = {
            "filesystem": {"rootdirectory": str(self.storage)},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}, "readonly": {"enabled": self.readonly}},
        }
        http: dict[str, object] = {"addr": "127.0.0.1:0", "secret": "for tests only", "relativeurls": True}
        if self.tls is not None:
            http["tls"] = {"certificate": str(self.tls.cert), "key": str(self.tls.key)}
        config: dict[str, object] = {"version": "0.1", "log": {"level": "info"}, "storage": storage, "http": http}
        if self.proxy is not None:
            config["proxy"] = {"remoteurl": self.proxy}
        if self.token is not None:
            config["auth"] = {
                "token": {
                    "realm": self.token.realm,
                    "service": SERVICE,
                    "issuer": ISSUER,
                    "rootcertbundle": str(self.token.certificate.cert),
                }
            }
        elif self.users:
            config["auth"] = {"htpasswd": {"realm": "pallet", "path": str(self._password_file(self._directory))}}
        return config

    def _password_file(self, directory: Path) -> Path:
        """The registry takes bcrypt hashes only; htpasswd -B makes them."""
        lines = []
        for name, password in self.users.items():
            command = [need("htpasswd"), "-niBC", "5", name]
            made = subprocess.run(command, input=password.encode(), check=True, capture_output=True)
            lines.append(made.stdout.strip())
        path = directory / "htpasswd"
        path.write_bytes(b"\n".join(lines) + b"\n")
        return path
