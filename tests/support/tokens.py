"""A token server as the distribution project's token authentication specification has it, over stdlib HTTP."""

from __future__ import annotations

import base64
import json
import secrets
import time
import urllib.parse
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.certs import Certificate
from tests.support.served import HttpServer, QuietHandler

SERVICE = "pallet-test-registry"
ISSUER = "pallet-test-issuer"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenServer(HttpServer):
    """Issues tokens that a real registry accepts.

    Users with the right password may pull and push, everybody else may only pull; with anonymous=False nobody gets a
    token without a password. Each request's query is kept in `requests`.
    """

    def __init__(
        self, certificate: Certificate, users: Mapping[str, str], *, anonymous: bool = True, lifetime: int = 300
    ) -> None:
        self.certificate = certificate
        self.users = dict(users)
        self.anonymous = anonymous
        self.lifetime = lifetime
        self.requests: list[dict[str, list[str]]] = []
        outer = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                outer._answer(self)

        super().__init__(Handler)

    @property
    def realm(self) -> str:
        return f"{self.url}/token"

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
        self.requests.append(query)
        user = self._user(request.headers.get("Authorization", ""))
        if user is None:
            self._send(request, 401, {"details": "incorrect username or password"})
            return
        access = []
        for scope in query.get("scope", []):
            kind, name, actions = scope.split(":", 2)
            granted = [each for each in actions.split(",") if user or each == "pull"]
            access.append({"type": kind, "name": name, "actions": granted})
        self._send(request, 200, {"token": self.token(user, access), "expires_in": self.lifetime})

    def _user(self, authorization: str) -> str | None:
        """The user's name, "" for an anonymous one, None when the credentials are wrong or lacking."""
        if not authorization:
            return "" if self.anonymous else None
        scheme, _, value = authorization.partition(" ")
        name, _, password = base64.b64decode(value).decode().partition(":")
        known = scheme.lower() == "basic" and self.users.get(name) == password
        return name if known else None

    def token(self, subject: str, access: list[dict[str, Any]]) -> str:
        """A JWT, signed with RS256, whose x5c header carries the certificate."""
        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [self.certificate.der_base64()]}
        claims = {
            "iss": ISSUER,
            "sub": subject,
            "aud": SERVICE,
            "jti": secrets.token_hex(8),
            "access": access,
            "iat": now,
            "nbf": now - 10,
            "exp": now + self.lifetime,
        }
        signed = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        return f"{signed}.{_base64url(self.certificate.sign(signed.encode()))}"

    @staticmethod
    def _send(request: BaseHTTPRequestHandler, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)
