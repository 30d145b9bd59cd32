"""Self-signed certificates by openssl, for registries with TLS and for signed tokens."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support import need


class Certificate:
    """A key and a certificate, valid for 127.0.0.1 and localhost, that is its own authority."""

    def __init__(self, directory: Path, name: str = "server") -> None:
        self.key = directory / f"{name}.key"
        self.cert = directory / f"{name}.pem"
        subprocess.run(
            [
                *(need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
                *("-keyout", str(self.key), "-out", str(self.cert)),
            ],
            check=True,
            capture_output=True,
        )

    def der_base64(self) -> str:
        """The certificate as a JWT's x5c header holds it: DER in plain base64."""
        lines = self.cert.read_text().splitlines()
        return "".join(line for line in lines if not line.startswith("-----"))

    def sign(self, data: bytes) -> bytes:
        """RSA PKCS#1 v1.5 over SHA-256 (JWS RS256)."""
        command = [need("openssl"), "dgst", "-sha256", "-sign", str(self.key)]
        return subprocess.run(command, input=data, check=True, capture_output=True).stdout
